//! Every key of the configuration: its name, what it means, what it accepts, its default.

mod access;
mod accounts;
mod baseline;
mod checks;
mod exceptions;
mod remediation;
mod running;
mod serve;

use serde_json::json;

use super::kinds::{OneOf, Word};
use super::reader::{Keys, Section};
use super::{Config, Exception};
use crate::model::{AccountId, RoleArn, Severity, Shard};
use crate::policy::ACCOUNT_TEMPLATE;
use checks::ReadChecks;

/// The whole file.
pub(super) fn config(keys: &mut Keys<'_, '_>) -> Option<Config> {
    let accounts =
        keys.key("accounts", "Which accounts are scanned.", Section(accounts::accounts), json!({}));
    let access =
        keys.key("access", "How accounts are reached.", Section(access::access), json!({}));
    let baseline =
        keys.key("baseline", "What the role should be.", Section(baseline::baseline), json!({}));
    let checks =
        keys.key("checks", "Which checks run, by name.", Section(checks::checks), json!({}));
    let fail_on = keys.key(
        "fail_on",
        "Findings below this severity do not make an account drifted; the flag --fail-on overrides it.",
        SEVERITY,
        json!("low"),
    );
    let exceptions = exceptions::exceptions(keys);
    let sweep = keys.key("sweep", "How a sweep runs.", Section(running::sweep), json!({}));
    let log = keys.key("log", "How rolewarden logs.", Section(running::log), json!({}));
    let remediation = keys.key(
        "remediation",
        "Remediation of drift.",
        Section(remediation::remediation),
        json!({}),
    );
    let (store, web) = serve::serve(keys);
    let ReadChecks { mut checks, severities } = checks?;
    checks.drift_severity = fail_on?;
    checks::warn_of_mild_severities(keys, &checks, &severities);
    let (accounts, access, baseline) = (accounts?, access?, baseline?);
    let exceptions: Vec<Exception> = exceptions?;
    exceptions::refuse_what_a_list_has_not(keys, &accounts, &exceptions);
    let remediation = remediation?;
    remediation::refuse_what_a_list_has_not(keys, &accounts, &remediation);
    Some(Config {
        accounts,
        access,
        baseline,
        checks,
        exceptions,
        sweep: sweep?,
        log: log?,
        remediation,
        store: store?,
        web: web?,
        shard: Shard::default(),
        digest: String::new(),
        rules: String::new(),
        warnings: Vec::new(),
    })
}

/// How bad a finding is.
const SEVERITY: OneOf<Severity> = OneOf {
    words: &[
        ("critical", Severity::Critical),
        ("high", Severity::High),
        ("medium", Severity::Medium),
        ("low", Severity::Low),
        ("info", Severity::Info),
    ],
    later: &[],
};

const ACCOUNT_ID: Word<AccountId> = Word {
    expects: "an account id: 12 digits in quotes",
    pattern: "^[0-9]{12}$",
    parse: |text| text.parse().ok(),
};

const ROLE_ARN: Word<RoleArn> = Word {
    expects: "a role ARN such as arn:aws:iam::111122223333:role/name",
    pattern: "^arn:aws[a-z0-9-]*:iam::[0-9]{12}:role/.+$",
    parse: |text| {
        let arn: RoleArn = text.parse().ok()?;
        (is_name(&arn.name, 64) && is_path(&arn.path)).then_some(arn)
    },
};

/// The ARN of a managed policy, the same in every account: [`ACCOUNT_TEMPLATE`] stands for each account's own number.
const POLICY_ARN: Word<String> = Word {
    expects: "a policy ARN such as arn:aws:iam::aws:policy/name or arn:aws:iam::${rolewarden:account_id}:policy/name",
    pattern: "^arn:aws[a-z0-9-]*:iam::([0-9]{12}|aws|\\$\\{rolewarden:account_id\\}):policy/.+$",
    parse: |text| {
        let plain = text.replace(ACCOUNT_TEMPLATE, "000000000000");
        is_policy_arn(&plain).then(|| text.to_owned())
    },
};

/// Whether an AWS managed policy makes whoever has the role an administrator, or lets them become one.
fn is_administrators(arn: &str) -> bool {
    let Some((_, name)) = arn.split_once(":iam::aws:policy/") else { return false };
    name.starts_with("AdministratorAccess") || ["IAMFullAccess", "PowerUserAccess"].contains(&name)
}

/// A text that is neither empty nor only white space.
const WORDS: Word<String> = Word {
    expects: "a text",
    pattern: "\\S",
    parse: |text| (!text.trim().is_empty()).then(|| text.to_owned()),
};

/// IAM's names: letters, digits and `_+=,.@-`.
fn is_name(text: &str, longest: usize) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    !text.is_empty() && text.len() <= longest && text.chars().all(allowed)
}

/// IAM's paths: `/`, or printable ASCII between two of them.
fn is_path(text: &str) -> bool {
    text == "/"
        || (text.len() <= 512
            && text.len() > 2
            && ends(text)
            && text.chars().all(|c| c.is_ascii_graphic()))
}

fn ends(path: &str) -> bool {
    path.starts_with('/') && path.ends_with('/')
}

/// The ARN of a managed policy, AWS's own or a customer's.
fn is_policy_arn(text: &str) -> bool {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", owner, resource] = fields.as_slice() else { return false };
    let Some(name) = resource.strip_prefix("policy/") else { return false };
    let (path, name) = name
        .rsplit_once('/')
        .map_or(("/".to_owned(), name), |(path, name)| (format!("/{path}/"), name));
    let owned = *owner == "aws" || owner.parse::<AccountId>().is_ok();
    owned
        && partition.parse::<crate::model::Partition>().is_ok()
        && is_name(name, 128)
        && is_path(&path)
}
