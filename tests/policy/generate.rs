//! Random policies over tiny alphabets, where near misses are common.

use fastrand::Rng;
use rolewarden::model::Scope;
use rolewarden::policy::{Context, Kind};
use serde_json::{Value, json};

use crate::enumeration::{Universe, strings};
use crate::rewrites::REWRITES;

/// A document as a value to rewrite; [`Document::text`] writes it in a random style.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) kind: Kind,
    pub(crate) version: Option<&'static str>,
    pub(crate) statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) allow: bool,
    pub(crate) actions: List,
    pub(crate) resources: List,
    pub(crate) principals: Vec<(&'static str, String)>,
    pub(crate) condition: Option<Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct List {
    pub(crate) negated: bool,
    pub(crate) values: Vec<String>,
}

/// Which features random documents have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Features {
    pub(crate) kind: Kind,
    pub(crate) conditions: bool,
    pub(crate) variables: bool,
    /// Longest pattern, in tokens.
    pub(crate) tokens: usize,
    pub(crate) statements: usize,
}

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn context() -> Context {
    Context { account: ACCOUNT.parse().unwrap(), partition: "aws".parse().unwrap() }
}

pub(crate) fn one_of<T: Clone>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())].clone()
}

pub(crate) fn one_in(rng: &mut Rng, n: u32) -> bool {
    rng.u32(..n) == 0
}

/// Principals as documents name them.
const PRINCIPALS: [(&str, &str); 15] = [
    ("AWS", "*"),
    ("AWS", "111122223333"),
    ("AWS", "arn:aws:iam::111122223333:root"),
    ("AWS", "arn:aws-cn:iam::111122223333:root"),
    ("AWS", "444455556666"),
    ("AWS", "arn:aws:iam::111122223333:role/a"),
    ("AWS", "arn:aws:iam::111122223333:role/*"),
    ("AWS", "arn:aws:sts::111122223333:assumed-role/a/s"),
    ("AWS", "AROAEXAMPLE"),
    ("Service", "ssm.amazonaws.com"),
    ("Service", "SSM.amazonaws.com"),
    ("Service", "ec2.amazonaws.com"),
    ("Service", "*"),
    ("Federated", "arn:aws:iam::111122223333:saml-provider/a"),
    ("Federated", "*"),
];

/// Principals that ask: those, and some nobody names.
const ASKING: [(&str, &str); 8] = [
    ("AWS", "arn:aws:iam::111122223333:role/b"),
    ("AWS", "arn:aws-cn:iam::111122223333:role/a"),
    ("AWS", "arn:aws:iam::444455556666:role/a"),
    ("AWS", "arn:aws:iam::777788889999:root"),
    ("AWS", "x"),
    ("Service", "x"),
    ("Federated", "x"),
    ("CanonicalUser", "x"),
];

/// Condition blocks; those of one row mean the same.
fn conditions(rng: &mut Rng) -> Value {
    let rows = [
        vec![
            json!({"StringEquals": {"aws:SourceAccount": "1"}}),
            json!({"StringEquals": {"AWS:sourceaccount": ["1", "1"]}}),
        ],
        vec![json!({"ArnLike": {"k": ["x", "y"]}}), json!({"ArnEquals": {"K": ["y", "x", "y"]}})],
        vec![json!({"Bool": {"k": true}}), json!({"Bool": {"K": ["true"]}})],
        vec![
            json!({"NumericEquals": {"k": 5}, "StringLike": {"a": "b"}}),
            json!({"StringLike": {"A": ["b"]}, "NumericEquals": {"k": "5"}}),
        ],
    ];
    // The first row comes up more often, so that blocks are often shared.
    let row = rng.usize(..rows.len() + 2) % rows.len();
    one_of(rng, &rows[row])
}

/// The requests that are looked at for a kind.
pub(crate) fn universe(kind: Kind, longest: usize) -> Universe {
    let actions = strings(&['a', 'b', 'c'], longest);
    let scopes = match kind {
        Kind::Identity => {
            let plain = strings(&['a', 'A', 'c'], longest);
            let special = ["${v}", "a${v}", "${v}a", "${*}", "*", "?", "$"].map(str::to_owned);
            plain.into_iter().chain(special).map(Scope::Resource).collect()
        }
        Kind::Trust => {
            let named = PRINCIPALS.iter().filter(|(_, value)| *value != "*");
            let principal = |(kind, value): &(&str, &str)| Scope::Principal {
                kind: (*kind).to_owned(),
                value: if *value == ACCOUNT {
                    format!("arn:aws:iam::{ACCOUNT}:root")
                } else {
                    (*value).to_owned()
                },
            };
            named.chain(&ASKING).map(principal).collect()
        }
    };
    Universe::new(actions, scopes)
}

impl Features {
    fn glob(self, rng: &mut Rng, letters: &[&str]) -> String {
        if one_in(rng, 8) {
            return "*".to_owned();
        }
        let mut glob = String::new();
        for _ in 0..rng.usize(1..=self.tokens) {
            let special = if self.variables { rng.u32(..12) } else { rng.u32(1..12) };
            glob.push_str(match special {
                0 => one_of(rng, &["${v}", "${*}", "${?}", "${$}", "${", "${aws:x, 'a'}"]),
                1..=4 => "*",
                5 => "?",
                _ => one_of(rng, letters),
            });
        }
        glob
    }

    fn list(self, rng: &mut Rng, letters: &[&str]) -> List {
        let values = (0..rng.usize(1..=3)).map(|_| self.glob(rng, letters)).collect();
        List { negated: one_in(rng, 5), values }
    }

    fn statement(self, rng: &mut Rng) -> Statement {
        let everyone = vec![("AWS", "*".to_owned())];
        let everything = List { negated: false, values: vec!["*".to_owned()] };
        let named = |rng: &mut Rng| {
            (0..rng.usize(1..=3)).map(|_| one_of(rng, &PRINCIPALS)).collect::<Vec<_>>()
        };
        let (principals, resources) = match self.kind {
            Kind::Identity => (everyone, self.list(rng, &["a", "A"])),
            Kind::Trust => {
                (named(rng).into_iter().map(|(k, v)| (k, v.to_owned())).collect(), everything)
            }
        };
        Statement {
            allow: rng.u32(..10) < 7,
            actions: self.list(rng, &["a", "b", "A", "B", "a", "b"]),
            resources,
            principals,
            condition: (self.conditions && one_in(rng, 4)).then(|| conditions(rng)),
        }
    }

    pub(crate) fn document(self, rng: &mut Rng) -> Document {
        let versions = [Some("2012-10-17"), Some("2012-10-17"), Some("2008-10-17"), None];
        let mut statements: Vec<_> =
            (0..rng.usize(1..=self.statements)).map(|_| self.statement(rng)).collect();
        if statements.iter().all(|s| !s.allow) {
            statements[0].allow = true;
        }
        Document { kind: self.kind, version: one_of(rng, &versions), statements }
    }

    /// The documents of a role that began as the baseline: rewritten, then perhaps edited.
    pub(crate) fn relative(self, rng: &mut Rng, baseline: &Document) -> Vec<Document> {
        let mut documents = vec![baseline.clone()];
        for _ in 0..rng.usize(..4) {
            let rewrite = one_of(rng, &REWRITES);
            rewrite.1(rng, &mut documents);
        }
        for _ in 0..rng.usize(..3) {
            let which = rng.usize(..documents.len());
            self.edit(rng, &mut documents[which]);
        }
        documents
    }

    /// One small change, that may or may not matter.
    fn edit(self, rng: &mut Rng, document: &mut Document) {
        let fresh = self.statement(rng);
        let at = rng.usize(..document.statements.len());
        let last = document.statements.len() == 1;
        let statement = &mut document.statements[at];
        if self.conditions && one_in(rng, 2) {
            let condition = Some(conditions(rng));
            if rng.bool() {
                statement.condition = condition;
            } else {
                let deny = Statement {
                    allow: false,
                    condition,
                    ..if rng.bool() { statement.clone() } else { fresh }
                };
                document.statements.push(deny);
            }
            return;
        }
        match rng.u32(..10) {
            0 if !last => drop(document.statements.remove(at)),
            1 => document.statements.push(fresh),
            2 => statement.actions = fresh.actions,
            3 => statement.resources = fresh.resources,
            4 => statement.principals = fresh.principals,
            5 => statement.condition = fresh.condition,
            6 => statement.actions.values.extend(fresh.actions.values),
            7 => statement.resources.values.extend(fresh.resources.values),
            8 if !last => statement.allow = !statement.allow,
            _ => statement.principals.extend(fresh.principals),
        }
    }
}
