//! The reference learns conditions: one concrete request with all of its context keys, asked of one document. Then random
//! trust policies, judged by the program: what it says of conditions must hold for every request that is tried.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use rolewarden::check::Rules;
use rolewarden::config::Config;
use rolewarden::model::{
    Account, CheckName, Finding, Partition, Role, Scope, Severity, Side, Snapshot, Verdict,
};
use rolewarden::policy::{Context, Kind};
use serde_json::{Value, json};

use crate::generate::{one_in, one_of};
use crate::reference::{Block, Policy, Request, Sure, glob, glob_matches};

const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";
const STRANGER: &str = "777788889999";
const ORGANIZATION: &str = "o-ownorganization";
const RUNS: u64 = 8_000;

/// The context of one request: every key it carries, folded, with its values.
type Keys = BTreeMap<String, Vec<String>>;

/// Whether a block holds for a request.
fn holds(block: &Block, keys: &Keys) -> bool {
    block.iter().all(|(operator, key, values)| test_holds(operator, keys.get(key), values))
}

fn test_holds(operator: &str, present: Option<&Vec<String>>, values: &BTreeSet<String>) -> bool {
    if operator == "Null" {
        return values.iter().any(|v| (v == "true") == present.is_none());
    }
    let (every, operator) = match operator.split_once(':') {
        Some(("ForAllValues", rest)) => (Some(true), rest),
        Some(("ForAnyValue", rest)) => (Some(false), rest),
        _ => (None, operator),
    };
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(rest) => (rest, true),
        None => (operator, false),
    };
    let negated = operator.contains("Not");
    let Some(present) = present else {
        return match every {
            Some(true) => true,
            Some(false) => if_exists,
            None => negated || if_exists,
        };
    };
    let one = |actual: &String| {
        values.iter().any(|v| value_matches(&operator.replace("Not", ""), v, actual)) != negated
    };
    match every {
        Some(true) => present.iter().all(one),
        _ => present.iter().any(one),
    }
}

fn value_matches(operator: &str, pattern: &str, actual: &str) -> bool {
    let wild =
        |pattern: &str, actual: &str| glob_matches(&glob(pattern, false), actual, Sure::Surely);
    match operator {
        "StringEquals" | "Bool" => pattern == actual,
        "StringEqualsIgnoreCase" => pattern.eq_ignore_ascii_case(actual),
        "StringLike" => wild(pattern, actual),
        "ArnLike" => {
            let (pattern, actual): (Vec<&str>, Vec<&str>) =
                (pattern.splitn(6, ':').collect(), actual.splitn(6, ':').collect());
            pattern.len() == 6
                && actual.len() == 6
                && pattern.iter().zip(&actual).all(|(p, a)| wild(p, a))
        }
        other => panic!("the reference does not know {other}"),
    }
}

/// Whether the document lets one request through.
fn allows(policy: &Policy, request: &Request, keys: &Keys) -> bool {
    let applies = |s: &&crate::reference::Statement| {
        s.matches(request, Sure::Surely) && s.condition.as_ref().is_none_or(|b| holds(b, keys))
    };
    let mut matching = policy.statements.iter().filter(applies).peekable();
    matching.peek().is_some() && matching.all(|s| s.allow)
}

fn request(kind: &str, value: &str, action: &str) -> Request {
    let scope = Scope::Principal { kind: kind.to_owned(), value: value.to_owned() };
    Request { action: action.to_owned(), scope }
}

fn keys<const N: usize>(pairs: [(&str, String); N]) -> Keys {
    pairs.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), vec![value])).collect()
}

/// A request of the connector's service, acting for an account of this organization or of none.
fn service_keys(rng: &mut Rng, account: &str, organization: &str) -> Keys {
    let region = one_of(rng, &["us-east-1", "eu-west-1", "eu-central-1"]);
    let resource = one_of(rng, &["managed-instance/mi-1", "*", "example", "a:b"]);
    keys([
        ("aws:SourceAccount", account.to_owned()),
        ("aws:SourceArn", format!("arn:aws:ssm:{region}:{account}:{resource}")),
        ("aws:SourceOrgID", organization.to_owned()),
        ("aws:SourceOrgPaths", format!("{organization}/r-ab12/ou-ab12-11111111/")),
        ("aws:PrincipalIsAWSService", "true".to_owned()),
        ("aws:ResourceAccount", OWN.to_owned()),
    ])
}

/// A request of a role that nobody here knows.
fn stranger_keys(rng: &mut Rng) -> Keys {
    let name = one_of(rng, &["role/example", "role/break-glass", "user/x"]);
    let mut keys = keys([
        ("aws:PrincipalAccount", STRANGER.to_owned()),
        ("aws:PrincipalArn", format!("arn:aws:iam::{STRANGER}:{name}")),
        ("aws:PrincipalIsAWSService", "false".to_owned()),
        ("aws:ResourceAccount", OWN.to_owned()),
    ]);
    if one_in(rng, 2) {
        keys.insert("aws:principalorgid".to_owned(), vec!["o-someotherorg1".to_owned()]);
    }
    if one_in(rng, 2) {
        keys.insert("sts:externalid".to_owned(), vec!["guessed".to_owned()]);
    }
    keys
}

const VALUES: [(&str, &[&str]); 8] = [
    ("aws:PrincipalAccount", &[OWN, OTHER, STRANGER, "1*", "7*", "9*", "*"]),
    ("aws:SourceAccount", &[OWN, OTHER, "1111222233", "*", "1111*", "111122223333 "]),
    (
        "aws:SourceArn",
        &[
            "arn:aws:ssm:*:111122223333:*",
            "arn:aws:ssm:eu-west-1:111122223333:*",
            "arn:aws:ssm:*:*:*",
            "arn:aws:sns:*:111122223333:*",
            "arn:aws:ssm:*:111122223333",
            "arn:aws-cn:ssm:*:111122223333:*",
            "arn:aws:ssm:us-east-1:444455556666:*",
            "arn:*:ssm:*:111122223333:example",
            "arn:aws:ssm:us-*:111122223333:managed-instance/*",
        ],
    ),
    ("aws:SourceOrgID", &[ORGANIZATION, "o-someotherorg1", "o-*", "ownorganization"]),
    (
        "aws:SourceOrgPaths",
        &["o-ownorganization/*", "o-ownorganization/r-ab12/*", "o-someotherorg1/*", "*"],
    ),
    ("aws:PrincipalOrgID", &[ORGANIZATION, "o-someotherorg1", "o-*", "o-s*", "o-o*"]),
    (
        "aws:PrincipalArn",
        &[
            "arn:aws:iam::*:role/break-glass",
            "arn:aws:iam::111122223333:role/break-glass",
            "arn:aws:iam::444455556666:*",
            "arn:aws:iam::444455556666:role/x",
        ],
    ),
    ("sts:ExternalId", &["a secret", "*", "a*"]),
];

const OPERATORS: [&str; 12] = [
    "StringEquals",
    "StringLike",
    "ArnLike",
    "ArnEquals",
    "StringEquals",
    "StringLike",
    "StringNotEquals",
    "StringNotLike",
    "ArnNotLike",
    "StringEqualsIfExists",
    "ForAnyValue:StringLike",
    "ForAllValues:StringEquals",
];

fn condition(rng: &mut Rng) -> Value {
    let mut block = serde_json::Map::new();
    for _ in 0..rng.usize(1..=2) {
        let (key, values) = one_of(rng, &VALUES);
        let operator = if one_in(rng, 10) { "Null" } else { one_of(rng, &OPERATORS) };
        let count = rng.usize(1..=2);
        let mut values: Vec<Value> = (0..count).map(|_| json!(one_of(rng, values))).collect();
        if operator == "Null" {
            values = vec![json!(one_of(rng, &["true", "false"]))];
        }
        let keys = block.entry(operator).or_insert_with(|| json!({}));
        keys[key] = Value::Array(values);
    }
    Value::Object(block)
}

fn document(rng: &mut Rng) -> Value {
    let principals = [
        json!({"Service": "ssm.amazonaws.com"}),
        json!({"AWS": "*"}),
        json!({"AWS": "999999999999"}),
        json!({"AWS": "arn:aws:iam::444455556666:root"}),
        json!({"AWS": "arn:aws:iam::444455556666:role/x"}),
        json!({"AWS": "arn:aws:iam::111122223333:root"}),
        json!({"Service": "sns.amazonaws.com"}),
    ];
    let mut statements = Vec::new();
    for nth in 0..rng.usize(1..=3) {
        let principal = if nth == 0 { principals[0].clone() } else { one_of(rng, &principals) };
        let effect = if nth > 0 && one_in(rng, 4) { "Deny" } else { "Allow" };
        let mut statement =
            json!({"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"});
        if !one_in(rng, 4) {
            statement["Condition"] = condition(rng);
        }
        statements.push(statement);
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

struct Judge {
    rules: Rules,
    account: Account,
    inline: String,
}

impl Judge {
    fn new() -> Self {
        let text = "accounts: {source: organization}\nchecks: {trust-policy: {accept_conditions: \
                    [aws:SourceAccount, aws:SourceArn, aws:SourceOrgID, aws:SourceOrgPaths]}}\n";
        let absent = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        let path = std::path::Path::new("/");
        let config = Config::from_text(text, "c.yaml", path, &|_| None, &absent).unwrap();
        let today = "2026-11-24".parse().unwrap();
        let rules = Rules::new(&config, Partition::default(), Some(ORGANIZATION.to_owned()), today);
        let inline = include_str!("../../config/baseline/eks-connector-agent-policy.json");
        let account = Account::numbered(OWN.parse().unwrap());
        Self { rules, account, inline: inline.to_owned() }
    }

    /// The verdict on a trust policy, and the finding about it.
    fn of(&self, document: &Value) -> (Verdict, Option<Finding>) {
        let role = Role {
            arn: format!("arn:aws:iam::{OWN}:role/AmazonEKSConnectorAgentRole").parse().unwrap(),
            id: "AROA".to_owned(),
            trust_policy: document.to_string(),
            inline: BTreeMap::from([(
                "AmazonEKSConnectorAgentPolicy".to_owned(),
                self.inline.clone(),
            )]),
            attached: BTreeMap::new(),
            boundary: None,
            max_session_seconds: Some(3_600),
            tags: BTreeMap::new(),
            made_by: None,
        };
        let judged =
            self.rules.judge(&self.account, &Snapshot::Present(Box::new(role)), None).unwrap();
        let found = judged.findings.into_iter().find(|f| f.check == CheckName::TrustPolicy);
        (judged.checks[&CheckName::TrustPolicy].verdict, found)
    }
}

/// What was claimed, to see that every kind of claim occurs.
#[derive(Debug, Default)]
struct Claims {
    proved: u64,
    opaque: u64,
    never: u64,
    accepted: u64,
    critical: u64,
    open: u64,
}

#[test]
fn what_is_said_of_conditions_holds_for_every_request_that_is_tried() {
    let seed = std::env::var("ROLEWARDEN_SEED").map_or(0x000c_0de5, |s| s.parse().unwrap());
    let mut rng = Rng::with_seed(seed);
    let judge = Judge::new();
    let mut claims = Claims::default();
    for nth in 0..RUNS {
        let document = document(&mut rng);
        if let Err(problem) = try_one(&mut rng, &judge, &document, &mut claims) {
            panic!("seed {seed}, policy {nth}: {problem}\n{document}");
        }
    }
    println!("seed {seed}, {RUNS} policies: {claims:?}");
    for count in [claims.proved, claims.never, claims.accepted, claims.critical, claims.open] {
        assert!(
            count > RUNS / 500 && claims.opaque < 2 * claims.proved,
            "the generator is lopsided: {claims:?}"
        );
    }
}

fn try_one(
    rng: &mut Rng,
    judge: &Judge,
    document: &Value,
    claims: &mut Claims,
) -> Result<(), String> {
    let context = Context { account: OWN.parse().unwrap(), partition: Partition::default() };
    let policy = Policy::read(Kind::Trust, &document.to_string(), &context);
    let (verdict, finding) = judge.of(document);
    let said = finding.as_ref().map(|f| f.summary.as_str()).unwrap_or_default();
    let severity = finding.as_ref().map(|f| f.severity);
    proofs(&policy, finding.as_ref(), claims)?;

    let ssm = request("Service", "ssm.amazonaws.com", "sts:AssumeRole");
    let comes: Vec<Keys> = (0..24).map(|_| service_keys(rng, OWN, ORGANIZATION)).collect();
    if said.contains("never holds, as") {
        claims.never += 1;
        if let Some(keys) = comes.iter().find(|keys| allows(&policy, &ssm, keys)) {
            return Err(format!("said `{said}`, but {keys:?} is let in"));
        }
    }
    if severity == Some(Severity::Info) {
        claims.accepted += 1;
        let others = (0..24).map(|_| service_keys(rng, OTHER, "o-someotherorg1"));
        if let Some(keys) = others.into_iter().find(|keys| allows(&policy, &ssm, keys)) {
            return Err(format!("accepted, but another account is let in: {keys:?}"));
        }
    }
    if verdict == Verdict::Equivalent && !comes.iter().all(|keys| allows(&policy, &ssm, keys)) {
        return Err("equivalent, but the service is kept out".to_owned());
    }
    let stranger =
        request("AWS", &format!("arn:aws:iam::{STRANGER}:role/example"), "sts:AssumeRole");
    let open = (0..24).map(|_| stranger_keys(rng)).any(|keys| allows(&policy, &stranger, &keys));
    claims.critical += u64::from(severity == Some(Severity::Critical));
    claims.open += u64::from(open);
    if open && severity != Some(Severity::Critical) {
        return Err(format!("a stranger is let in, but it is {severity:?}: {said}"));
    }
    Ok(())
}

/// Every excess witness with values passes with exactly those.
fn proofs(policy: &Policy, finding: Option<&Finding>, claims: &mut Claims) -> Result<(), String> {
    let witnesses = finding.into_iter().flat_map(|finding| &finding.witnesses);
    for witness in witnesses.filter(|w| w.side == Side::Excess) {
        let needs = &witness.needs;
        if needs.conditions.is_none() && needs.unless.is_empty() {
            continue;
        }
        let request = Request { action: witness.action.clone(), scope: witness.scope.clone() };
        // Without values nothing is claimed but the conditions: one of their keys is opaque for this caller.
        if needs.context.is_empty() {
            claims.opaque += 1;
            continue;
        }
        let keys = needs.context.iter().map(|(k, v)| (k.to_ascii_lowercase(), v.clone())).collect();
        if !allows(policy, &request, &keys) {
            return Err(format!("the policy refuses the witness {witness:?}"));
        }
        claims.proved += 1;
    }
    Ok(())
}

#[test]
fn the_reference_judges_conditions_as_the_user_guide_says() {
    let keys = keys([("aws:sourceaccount", OWN.to_owned())]);
    let cases: [(&str, &str, &[&str], bool); 14] = [
        ("StringEquals", "aws:sourceaccount", &[OTHER, OWN], true),
        ("StringEquals", "aws:sourceaccount", &["1111*"], false),
        ("StringLike", "aws:sourceaccount", &["1111*"], true),
        ("StringNotEquals", "aws:sourceaccount", &[OTHER], true),
        ("StringNotEquals", "aws:sourceaccount", &[OTHER, OWN], false),
        ("StringEquals", "absent", &[OWN], false),
        ("StringEqualsIfExists", "absent", &[OWN], true),
        ("StringNotEquals", "absent", &[OWN], true),
        ("ForAllValues:StringEquals", "absent", &[OWN], true),
        ("ForAnyValue:StringEquals", "absent", &[OWN], false),
        ("Null", "absent", &["true"], true),
        ("Null", "aws:sourceaccount", &["true"], false),
        ("ArnLike", "aws:sourceaccount", &["*"], false),
        ("ArnLike", "aws:sourceaccount", &["arn:aws:ssm:*:111122223333:*"], false),
    ];
    for (operator, key, values, want) in cases {
        let values = values.iter().map(|v| (*v).to_owned()).collect();
        let block = Block::from([(operator.to_owned(), key.to_owned(), values)]);
        assert_eq!(holds(&block, &keys), want, "{operator} on {key}");
    }
    let crosses = |operator| value_matches(operator, "a:*:d:e:f:g", "a:b:c:d:e:f:g");
    assert!(crosses("StringLike") && !crosses("ArnLike"));
}
