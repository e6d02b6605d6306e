//! What happens to the accounts while the demo runs.

use serde_json::json;

use crate::model::{AccountId, AccountReport, AccountState, Changes, Report};
use crate::simulator::{Kind, World};

const ROLE: &str = "AmazonEKSConnectorAgentRole";
const INLINE: &str = "AmazonEKSConnectorAgentPolicy";
const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// Findings that were there from the start and are put right.
const OLD_REPAIRS: usize = 4;

/// Something that happens in one account.
pub(super) struct Event {
    pub(super) account: AccountId,
    pub(super) name: String,
    /// What a bystander would say.
    pub(super) says: String,
    pub(super) deed: Deed,
}

/// How it happens.
pub(super) enum Deed {
    /// By these AWS CLI commands.
    Commands(Vec<String>),
    /// The scan role goes away, or comes: nothing that IAM of the account is asked for.
    ScanRole(Kind),
}

/// What goes wrong, in accounts of the report that were right. The same seed gives the same story.
pub(super) fn drift(world: &World, report: &Report, seed: u64) -> Vec<Event> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let right = |account: &&AccountReport| {
        let kind = world.accounts.get(&account.id).map(|member| member.kind);
        let apart = account.id != world.hub && account.id != world.management;
        // The deeds know the names that the guide's steps give.
        apart && kind == Some(Kind::GuideCli) && account.state() == Some(AccountState::Compliant)
    };
    let mut accounts: Vec<&AccountReport> = report.accounts.iter().filter(right).collect();
    rng.shuffle(&mut accounts);
    // It is worst where it matters most.
    accounts.sort_by_key(|account| !account.name.ends_with("-prod"));
    let stranger = rng.u64(100_000_000_000..1_000_000_000_000).to_string();
    let events = accounts.into_iter().zip(deeds(&stranger)).map(|(account, (says, deed))| Event {
        account: account.id.clone(),
        name: account.name.clone(),
        says,
        deed,
    });
    events.collect()
}

fn deeds(stranger: &str) -> Vec<(String, Deed)> {
    let command = |name: &str, rest: String| format!("aws iam {name} --role-name {ROLE} {rest}");
    let trust = |principal: serde_json::Value| {
        let document = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"},
        ]});
        Deed::Commands(vec![command(
            "update-assume-role-policy",
            format!("--policy-document '{document}'"),
        )])
    };
    let policy = |name: &str, statements: serde_json::Value| {
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        let rest = format!("--policy-name {name} --policy-document '{document}'");
        Deed::Commands(vec![command("put-role-policy", rest)])
    };
    let ssm = "ssm.amazonaws.com";
    vec![
        (
            format!("trust policy opened to account {stranger}"),
            trust(json!({"Service": ssm, "AWS": format!("arn:aws:iam::{stranger}:root")})),
        ),
        (
            "a pipeline attached AdministratorAccess".to_owned(),
            Deed::Commands(vec![command(
                "attach-role-policy",
                format!("--policy-arn {ADMINISTRATOR_ACCESS}"),
            )]),
        ),
        (
            "somebody deleted the role".to_owned(),
            Deed::Commands(vec![
                command("delete-role-policy", format!("--policy-name {INLINE}")),
                format!("aws iam delete-role --role-name {ROLE}"),
            ]),
        ),
        (
            "debug-access was left in the role".to_owned(),
            policy(
                "debug-access",
                json!([{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]),
            ),
        ),
        ("trust policy opened to anyone".to_owned(), trust(json!({"Service": ssm, "AWS": "*"}))),
        (
            "a template lost one of four actions".to_owned(),
            policy(
                INLINE,
                json!([
                    {"Effect": "Allow", "Action": "ssmmessages:CreateControlChannel", "Resource": "arn:aws:eks:*:*:cluster/*"},
                    {"Effect": "Allow", "Action": ["ssmmessages:CreateDataChannel", "ssmmessages:OpenDataChannel"], "Resource": "*"},
                ]),
            ),
        ),
        (
            "actions reordered, which is no drift".to_owned(),
            policy(
                INLINE,
                json!([
                    {"Effect": "Allow", "Action": ["ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel", "SSMMessages:CreateDataChannel"], "Resource": ["*"]},
                    {"Effect": "Allow", "Action": ["ssmmessages:CreateControlChannel"], "Resource": "arn:aws:eks:*:*:cluster/*"},
                ]),
            ),
        ),
        ("rolewarden-scan was rolled back".to_owned(), Deed::ScanRole(Kind::AssumeDenied)),
    ]
}

/// What is put right: everything that drifted lately but `left`, some of what was there before, and one scan role.
pub(super) fn repairs(
    world: &World,
    before: &Report,
    now: &Report,
    left: Option<&AccountId>,
) -> Vec<Event> {
    let opened: Vec<&AccountId> =
        Changes::between(before, now).opened.iter().map(|(account, _)| &account.id).collect();
    let fixable =
        |account: &&AccountReport| account.findings().iter().any(|finding| !finding.fix.is_empty());
    let (fresh, old): (Vec<&AccountReport>, Vec<&AccountReport>) =
        now.accounts.iter().filter(fixable).partition(|account| opened.contains(&&account.id));
    let fresh = fresh.into_iter().filter(|account| Some(&account.id) != left);
    let mut events: Vec<Event> =
        fresh.chain(old.into_iter().take(OLD_REPAIRS)).map(repair).collect();
    let denied = now.accounts.iter().find(|account| {
        let member = world.accounts.get(&account.id);
        member.is_some_and(|member| member.kind == Kind::AssumeDenied)
            && account.state() == Some(AccountState::Unknown)
    });
    events.extend(denied.map(|account| Event {
        account: account.id.clone(),
        name: account.name.clone(),
        says: "rolewarden-scan was deployed".to_owned(),
        deed: Deed::ScanRole(Kind::GuideCli),
    }));
    events
}

/// The commands that the findings name, each once.
fn repair(account: &AccountReport) -> Event {
    let mut commands: Vec<String> = vec![];
    for line in account.findings().iter().flat_map(|finding| &finding.fix) {
        if !commands.contains(line) {
            commands.push(line.clone());
        }
    }
    let names: Vec<&str> = commands.iter().filter_map(|line| line.split(' ').nth(2)).collect();
    Event {
        account: account.id.clone(),
        name: account.name.clone(),
        says: format!("fixed: {}", names.join(", ")),
        deed: Deed::Commands(commands),
    }
}
