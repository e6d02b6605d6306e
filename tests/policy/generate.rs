//! Random policies over tiny alphabets, where near misses are common, and the rewrites that must not matter.

use fastrand::Rng;
use rolewarden::model::Scope;
use rolewarden::policy::{Context, Kind};
use serde_json::{Map, Value, json};

use crate::enumeration::{Universe, strings};

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

/// A rewrite that changes nothing.
pub(crate) type Rewrite = (&'static str, fn(&mut Rng, &mut Vec<Document>));

pub(crate) const REWRITES: [Rewrite; 11] = [
    ("split", split),
    ("merge", merge),
    ("reorder", |rng, documents| {
        rng.shuffle(documents);
        for document in documents {
            rng.shuffle(&mut document.statements);
            for statement in &mut document.statements {
                rng.shuffle(&mut statement.actions.values);
                rng.shuffle(&mut statement.resources.values);
                rng.shuffle(&mut statement.principals);
            }
        }
    }),
    ("duplicate a statement", |rng, documents| {
        let document = any_document(rng, documents);
        let again = one_of(rng, &document.statements);
        document.statements.push(again);
    }),
    ("duplicate values", |rng, documents| {
        let statement = any_statement(rng, documents);
        let (action, resource) =
            (one_of(rng, &statement.actions.values), one_of(rng, &statement.resources.values));
        let principal = one_of(rng, &statement.principals);
        statement.actions.values.push(action);
        statement.resources.values.push(resource);
        statement.principals.push(principal);
    }),
    ("re-case actions", |rng, documents| {
        for action in &mut any_statement(rng, documents).actions.values {
            // Inside `${…}` a case would be another unknown, which is no less unknown.
            *action = action
                .chars()
                .map(|c| if rng.bool() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect();
        }
    }),
    ("add a redundant statement", |rng, documents| {
        let document = any_document(rng, documents);
        let mut less = one_of(rng, &document.statements);
        for list in [&mut less.actions, &mut less.resources] {
            let more = one_of(rng, &["a", "*b", "a?"]).to_owned();
            match list.negated {
                true => list.values.push(more),
                false if list.values.iter().any(|v| v == "*") => list.values = vec![more],
                false => list.values.truncate(rng.usize(1..=list.values.len())),
            }
        }
        less.principals.truncate(rng.usize(1..=less.principals.len()));
        document.statements.push(less);
    }),
    ("deny something irrelevant", |rng, documents| {
        let all = || documents.iter().flat_map(|d| &d.statements);
        let open = |s: &Statement| {
            s.actions.negated || s.actions.values.iter().any(|v| v.contains(['*', '?', '$']))
        };
        if all().any(|s| s.allow && open(s)) {
            return;
        }
        let mut deny = one_of(rng, &all().cloned().collect::<Vec<_>>());
        deny.allow = false;
        deny.condition = None;
        deny.actions = List { negated: false, values: vec!["zz*".to_owned()] };
        documents[0].statements.push(deny);
    }),
    ("several documents", |rng, documents| {
        let document = any_document(rng, documents);
        if document.statements.len() > 1 {
            let at = rng.usize(1..document.statements.len());
            let statements = document.statements.split_off(at);
            let (kind, version) = (document.kind, document.version);
            documents.push(Document { kind, version, statements });
        }
    }),
    ("another Version", |rng, documents| {
        let document = any_document(rng, documents);
        let plain = |list: &List| list.values.iter().all(|v| !v.contains("${"));
        if document.statements.iter().all(|s| plain(&s.actions) && plain(&s.resources)) {
            document.version = one_of(rng, &[Some("2012-10-17"), Some("2008-10-17"), None]);
        }
    }),
    ("other spellings of a glob", |rng, documents| {
        let statement = any_statement(rng, documents);
        for value in statement.actions.values.iter_mut().chain(&mut statement.resources.values) {
            if !value.contains("${") {
                *value =
                    if rng.bool() { value.replace('*', "**") } else { value.replace("*?", "?*") };
            }
        }
    }),
];

fn any_document<'a>(rng: &mut Rng, documents: &'a mut [Document]) -> &'a mut Document {
    let at = rng.usize(..documents.len());
    &mut documents[at]
}

fn any_statement<'a>(rng: &mut Rng, documents: &'a mut [Document]) -> &'a mut Statement {
    let document = any_document(rng, documents);
    let at = rng.usize(..document.statements.len());
    &mut document.statements[at]
}

/// One statement becomes two, along whichever list has two values and is no complement.
fn split(rng: &mut Rng, documents: &mut Vec<Document>) {
    let document = any_document(rng, documents);
    let at = rng.usize(..document.statements.len());
    let first = &mut document.statements[at];
    let mut second = first.clone();
    match rng.u32(..3) {
        0 if first.actions.values.len() > 1 && !first.actions.negated => {
            second.actions.values = first.actions.values.split_off(1);
        }
        1 if first.resources.values.len() > 1 && !first.resources.negated => {
            second.resources.values = first.resources.values.split_off(1);
        }
        _ if first.principals.len() > 1 && first.actions.values.len() == 1 => {
            second.principals = first.principals.split_off(1);
        }
        _ => return,
    }
    document.statements.push(second);
}

/// Two statements that differ in one list become one.
fn merge(_: &mut Rng, documents: &mut Vec<Document>) {
    for document in documents {
        let statements = &mut document.statements;
        for left in 0..statements.len() {
            for right in left + 1..statements.len() {
                let (a, b) = (statements[left].clone(), statements[right].clone());
                let rest = a.allow == b.allow
                    && a.condition == b.condition
                    && !a.actions.negated
                    && !b.actions.negated;
                if rest && a.resources == b.resources && a.principals == b.principals {
                    statements[left].actions.values.extend(b.actions.values);
                    statements.remove(right);
                    return;
                }
            }
        }
    }
}

impl Document {
    /// The document as JSON: members in any order, scalars for lists of one, odd white space, needless escapes.
    pub(crate) fn text(&self, rng: &mut Rng) -> String {
        let mut statements: Vec<Value> = vec![];
        for (nth, statement) in self.statements.iter().enumerate() {
            statements.push(statement.value(rng, self.kind, nth));
        }
        let mut members = vec![];
        if let Some(version) = self.version {
            members.push(("Version", json!(version)));
        }
        let scalar = statements.len() == 1 && rng.bool();
        members.push(("Statement", if scalar { statements.remove(0) } else { json!(statements) }));
        if one_in(rng, 10) {
            members.push(("Id", json!("any")));
        }
        rng.shuffle(&mut members);
        let mut text = String::new();
        write_json(&object(members), rng, &mut text);
        text
    }
}

impl Statement {
    fn value(&self, rng: &mut Rng, kind: Kind, nth: usize) -> Value {
        let mut members = vec![("Effect", json!(if self.allow { "Allow" } else { "Deny" }))];
        let name = |list: &List, plain, negated| if list.negated { negated } else { plain };
        members.push((
            name(&self.actions, "Action", "NotAction"),
            scalar_or_array(rng, &self.actions.values),
        ));
        match kind {
            Kind::Identity => {
                let name = name(&self.resources, "Resource", "NotResource");
                members.push((name, scalar_or_array(rng, &self.resources.values)));
            }
            Kind::Trust => members.push(("Principal", self.principals(rng))),
        }
        match &self.condition {
            Some(condition) => members.push(("Condition", condition.clone())),
            None if one_in(rng, 20) => members.push(("Condition", json!({}))),
            None => {}
        }
        if one_in(rng, 3) {
            members.push((
                "Sid",
                json!(if rng.bool() { String::new() } else { format!("S{nth}x{}", rng.u16(..)) }),
            ));
        }
        rng.shuffle(&mut members);
        object(members)
    }

    fn principals(&self, rng: &mut Rng) -> Value {
        let mut kinds: Vec<&str> = vec![];
        for (kind, _) in &self.principals {
            if !kinds.contains(kind) {
                kinds.push(kind);
            }
        }
        let values = |kind| -> Vec<String> {
            self.principals
                .iter()
                .filter(|(k, _)| *k == kind)
                .map(|(_, value)| value.clone())
                .collect()
        };
        object(kinds.into_iter().map(|kind| (kind, scalar_or_array(rng, &values(kind)))).collect())
    }
}

fn object(members: Vec<(&str, Value)>) -> Value {
    Value::Object(
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
    )
}

fn scalar_or_array(rng: &mut Rng, values: &[String]) -> Value {
    match values {
        [one] if rng.bool() => json!(one),
        many => json!(many),
    }
}

/// JSON with white space and escapes sprinkled in.
fn write_json(value: &Value, rng: &mut Rng, out: &mut String) {
    if one_in(rng, 12) {
        out.push_str(one_of(rng, &[" ", "\n", "\t", "\r\n"]));
    }
    match value {
        Value::String(text) => write_string(text, rng, out),
        Value::Array(values) => {
            out.push('[');
            for (nth, value) in values.iter().enumerate() {
                out.push_str(if nth > 0 { "," } else { "" });
                write_json(value, rng, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (nth, (name, value)) in members.iter().enumerate() {
                out.push_str(if nth > 0 { "," } else { "" });
                write_string(name, rng, out);
                out.push(':');
                write_json(value, rng, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn write_string(text: &str, rng: &mut Rng, out: &mut String) {
    out.push('"');
    let escaping = one_in(rng, 20);
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '/' if escaping => out.push_str("\\/"),
            c if (c as u32) < 32 || (escaping && (c as u32) < 0x1_0000 && rng.bool()) => {
                let code = c as u32;
                out.push_str(&if rng.bool() {
                    format!("\\u{code:04x}")
                } else {
                    format!("\\u{code:04X}")
                });
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
