//! Policies of about 10 KiB (what IAM stores at most) that are made to be hard to compare.

use rolewarden::policy::Kind;
use serde_json::{Value, json};

/// One hostile document.
pub(crate) struct Hostile {
    name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) text: fn() -> String,
}

impl std::fmt::Display for Hostile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn trust(name: &'static str, text: fn() -> String) -> Hostile {
    Hostile { name, kind: Kind::Trust, text }
}

const fn inline(name: &'static str, text: fn() -> String) -> Hostile {
    Hostile { name, kind: Kind::Identity, text }
}

/// The table: each row tries another weakness.
pub(crate) const HOSTILE: &[Hostile] = &[
    trust("600 accounts", || principals(600, |n| json!(format!("{n:012}")), "AWS")),
    trust("300 services", || principals(300, |n| json!(format!("s{n}.amazonaws.com")), "Service")),
    trust("100 denied accounts of everyone", || {
        let deny =
            |n| json!({"Effect": "Deny", "Principal": {"AWS": format!("{n:012}")}, "Action": "*"});
        let all = json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"});
        document((0..100).map(deny).chain([all]))
    }),
    trust("100 NotAction of everyone", || {
        let allow = |n: usize| json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "NotAction": format!("sts:*a{}", "?".repeat(n % 30))});
        document((0..100).map(allow))
    }),
    inline("1,000 actions `*a…`", || {
        let actions: Vec<String> = (0..1_000).map(|n| format!("*a{n}")).collect();
        document([json!({"Effect": "Allow", "Action": actions, "Resource": "*"})])
    }),
    inline("one action of 5,000 `*a`", || {
        document([json!({"Effect": "Allow", "Action": "*a".repeat(5_000), "Resource": "*"})])
    }),
    inline("one denied resource of 5,000 `*a`", || {
        with_baseline([deny("*", json!("*a".repeat(5_000)))])
    }),
    inline("150 overlapping Denies", || {
        with_baseline((0..150).map(|n| deny(&format!("*a{n}*"), json!(format!("*{n}b*")))))
    }),
    inline("100 crossing Denies of everything", || {
        let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let letter = |n: u8| char::from(b'a' + n % 26);
        let denies = (0..100u8).map(|n| {
            deny(
                &format!("*{}?*{}*", letter(n), letter(n / 26)),
                json!(format!("*{}*{}", letter(n), letter(n / 3))),
            )
        });
        document([all].into_iter().chain(denies))
    }),
    inline("a union by length", || {
        let eks = "arn:aws:eks:*:*:cluster/";
        let resources: Vec<String> = (0..90)
            .map(|n| format!("{eks}{}", "?".repeat(n)))
            .chain([format!("{eks}{}*", "?".repeat(90))])
            .collect();
        let mut statements = baseline();
        statements[0]["Resource"] = json!(resources);
        document(statements)
    }),
    inline("no answer behind 2^20 states", || {
        let denied: Vec<String> =
            (21..100).map(|n| "?".repeat(n)).chain([format!("{}*", "?".repeat(100))]).collect();
        let all =
            json!({"Effect": "Allow", "Action": format!("*a{}", "?".repeat(20)), "Resource": "*"});
        with_baseline([all, json!({"Effect": "Deny", "Action": denied, "Resource": "*"})])
    }),
    inline("resources `*a?{n}`, denied by `*b?{n}`", || {
        let globs = |c: char| -> Vec<String> {
            (1..60).map(|n| format!("*{c}{}", "?".repeat(n))).collect()
        };
        let allow = json!({"Effect": "Allow", "Action": "ssmmessages:CreateControlChannel", "Resource": globs('a')});
        let rest: Vec<String> = ('c'..='z').map(|c| format!("*{c}*")).collect();
        document([
            baseline().remove(1),
            allow,
            deny("*", json!(globs('b'))),
            deny("*", json!(rest)),
        ])
    }),
    inline("120 NotAction", || {
        let allow = |n: usize| json!({"Effect": "Allow", "NotAction": format!("*a{}*b", "?".repeat(n % 20)), "Resource": format!("*{n}*")});
        document((0..120).map(allow))
    }),
    inline("120 denied NotAction and NotResource", || {
        let deny = |n: usize| json!({"Effect": "Deny", "NotAction": ["ssmmessages:*", format!("*{n}*")], "NotResource": [format!("*{n}*"), "arn:*:*:*:*:*"]});
        with_baseline((0..120).map(deny))
    }),
    inline("100 conditional Denies", || {
        with_baseline((0..100).map(|n| {
            let mut deny = deny(&format!("*{n}*"), json!(format!("*a{n}*")));
            deny["Condition"] = json!({"Bool": {"aws:x": "true"}});
            deny
        }))
    }),
    inline("550 variables", || {
        document([
            json!({"Effect": "Allow", "Action": "ssmmessages:*", "Resource": "${aws:username}*a".repeat(550)}),
        ])
    }),
    inline("60 long common heads", || {
        let resources: Vec<String> =
            (0..60).map(|n| format!("{}*{n}", "arn:aws:eks:".repeat(12))).collect();
        with_baseline([deny("ssmmessages:Create*", json!(resources))])
    }),
    inline("10,000 brackets", || "[".repeat(10_000)),
];

fn document(statements: impl IntoIterator<Item = Value>) -> String {
    let statements: Vec<Value> = statements.into_iter().collect();
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// The baseline's own statements, so that the rest has to be weighed against them.
fn baseline() -> Vec<Value> {
    let mut document: Value = serde_json::from_str(super::INLINE).unwrap();
    serde_json::from_value(document["Statement"].take()).unwrap()
}

fn with_baseline(more: impl IntoIterator<Item = Value>) -> String {
    document(baseline().into_iter().chain(more))
}

fn deny(action: &str, resource: Value) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

fn principals(count: usize, principal: impl Fn(usize) -> Value, kind: &str) -> String {
    let all: Vec<Value> = (0..count).map(principal).collect();
    document([json!({"Effect": "Allow", "Principal": {kind: all}, "Action": "sts:AssumeRole"})])
}
