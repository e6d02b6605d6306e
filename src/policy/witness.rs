//! Witnesses that read well: before any search, requests a reviewer would think of are tried. A suggestion is only ever
//! used after it has been checked to separate the two sides.

use super::glob::Token;
use super::principal;
use super::requests::{Rect, Request};
use super::statement::Region;
use super::{Context, Kind};
use crate::model::{Scope, Side, Witness};

/// Real actions, for wildcards: the ones an attacker would like come first.
const ACTIONS: [&str; 13] = [
    "iam:CreateUser",
    "s3:GetObject",
    "ssm:SendCommand",
    "ec2:RunInstances",
    "eks:AccessKubernetesApi",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "sts:AssumeRole",
    "sts:TagSession",
    "sts:SetSourceIdentity",
    "sts:AssumeRoleWithWebIdentity",
];

/// Accounts nobody names by accident.
const STRANGERS: [&str; 2] = ["999999999999", "888888888888"];

/// Requests of one rectangle that a person would pick; the engine checks them.
pub(super) fn suggest(rect: &Rect, kind: Kind, context: &Context) -> Vec<Request> {
    let scopes: Vec<String> = match kind {
        Kind::Trust => principals(&rect.scope, context),
        Kind::Identity => resources(&rect.scope, context),
    };
    let mut out = Vec::new();
    for action in actions(&rect.actions, kind) {
        for scope in &scopes {
            out.push(Request { action: action.clone(), scope: scope.clone() });
        }
    }
    out
}

/// The request as people write it: the action in its usual case where it has one.
pub(super) fn witness(
    request: Request,
    kind: Kind,
    side: Side,
    outside: bool,
    spelled: &[&str],
) -> Witness {
    let known =
        spelled.iter().chain(&ACTIONS).find(|name| name.eq_ignore_ascii_case(&request.action));
    let action = known.map_or(request.action, |name| (*name).to_owned());
    let scope = match kind {
        Kind::Trust => principal::decode(&request.scope),
        Kind::Identity => Scope::Resource(request.scope),
    };
    Witness { scope, action, side, outside_baseline_condition: outside }
}

/// The glob with every wildcard filled in: `?` and `*` by the words given, the last word again and again.
fn filled(region: &Region, words: &[&str]) -> Vec<String> {
    if region.negated {
        return Vec::new();
    }
    let fill = |glob: &super::glob::Glob| {
        let mut words = words.iter();
        let mut last = "x";
        let mut text = String::new();
        let mut tokens = glob.tokens().iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                Token::Char(c) => text.push(*c),
                // `?*` is one word.
                Token::One if tokens.peek() == Some(&&Token::Many) => {}
                Token::One => text.push('x'),
                Token::Many => {
                    last = words.next().copied().unwrap_or(last);
                    text.push_str(last);
                }
            }
        }
        text
    };
    region.globs.iter().take(1).map(fill).collect()
}

fn actions(region: &Region, kind: Kind) -> Vec<String> {
    let known = ACTIONS.iter().filter(|name| kind == Kind::Identity || name.starts_with("sts:"));
    let mut out: Vec<String> = known
        .map(|name| name.to_ascii_lowercase())
        .filter(|name| region.contains(name))
        .take(8)
        .collect();
    out.extend(filled(region, &["example"]));
    out
}

fn resources(region: &Region, context: &Context) -> Vec<String> {
    let (partition, account) = (&context.partition, &context.account);
    let usual = [
        format!("arn:{partition}:s3:::example-bucket/example"),
        format!("arn:{partition}:eks:us-east-1:{account}:cluster/example"),
        format!("arn:{partition}:iam::{account}:user/example"),
    ];
    let mut out = filled(region, &["us-east-1", account.as_str(), "example"]);
    let bare = out.iter().any(|text| !text.starts_with("arn:"));
    let usual = usual.into_iter().filter(|text| region.contains(text));
    if bare {
        // A bare `*` filled in reads worse than a real ARN.
        out = usual.chain(out).collect();
    } else {
        out.extend(usual);
    }
    out
}

fn principals(region: &Region, context: &Context) -> Vec<String> {
    let partition = &context.partition;
    // A literal as it is, a whole account as its root; everyone else as a stranger.
    let mut out = filled(region, &["root"]);
    out.retain(|text| {
        text.contains("arn:") || region.globs.iter().any(|glob| glob.as_literal().is_some())
    });
    out.extend(
        STRANGERS.map(|account| {
            principal::encode("AWS", &format!("arn:{partition}:iam::{account}:root"))
        }),
    );
    out.push(principal::encode("Service", "ec2.amazonaws.com"));
    out.retain(|text| region.contains(text));
    out
}
