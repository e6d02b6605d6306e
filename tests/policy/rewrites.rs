//! Rewrites of documents that carry no meaning.

use fastrand::Rng;

use crate::generate::{Document, List, Statement, one_of};

/// A rewrite that changes nothing.
pub(crate) type Rewrite = (&'static str, fn(&mut Rng, &mut Vec<Document>));

pub(crate) const REWRITES: [Rewrite; 11] = [
    ("split", |rng, documents| split(rng, documents)),
    ("merge", |_, documents| merge(documents)),
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
fn split(rng: &mut Rng, documents: &mut [Document]) {
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
fn merge(documents: &mut [Document]) {
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
