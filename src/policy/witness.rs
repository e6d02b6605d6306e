//! Witnesses that read well: before any search, requests a reviewer would think of are tried. A suggestion is only ever
//! used after it has been checked to separate the two sides.

use super::glob::Token;
use super::principal;
use super::requests::{Rect, Request};
use super::statement::Region;
use super::{Context, Kind};
use crate::model::{Needs, Scope, Side, Witness};

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
    let mut out = Vec::new();
    for action in actions(&rect.actions, kind) {
        let scopes = match kind {
            Kind::Trust => principals(&rect.scope, context),
            Kind::Identity => resources(&rect.scope, &action, context),
        };
        out.extend(scopes.into_iter().map(|scope| Request { action: action.clone(), scope }));
    }
    out
}

/// The request as people write it: the action in its usual case where it has one.
pub(super) fn witness(
    request: Request,
    kind: Kind,
    side: Side,
    outside: bool,
    needs: Needs,
    spelled: &[&str],
) -> Witness {
    let known =
        spelled.iter().chain(&ACTIONS).find(|name| name.eq_ignore_ascii_case(&request.action));
    let action = known.map_or(request.action, |name| (*name).to_owned());
    let scope = match kind {
        Kind::Trust => principal::decode(&request.scope),
        Kind::Identity => Scope::Resource(request.scope),
    };
    Witness { scope, action, side, outside_baseline_condition: outside, needs }
}

/// The first glob with every wildcard filled in: each run of wildcards by a word for the text before it.
fn filled(region: &Region, word: impl Fn(&str) -> String) -> Option<String> {
    /// No person writes a longer one, and nobody would read what it becomes: its `*` are left empty.
    const LONGEST: usize = 512;
    let glob = region.globs().first().filter(|_| !region.negated)?;
    let long = glob.tokens().len() > LONGEST;
    let mut text = String::new();
    let mut tokens = glob.tokens().iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Char(c) => text.push(*c),
            // `?*` is one word.
            Token::One if !long && tokens.peek() == Some(&&Token::Many) => {}
            Token::One => text.push('x'),
            Token::Many if long => {}
            Token::Many => text.push_str(&word(&text)),
        }
    }
    Some(text)
}

/// Known actions that match, in the order of the list; else the glob filled in.
fn actions(region: &Region, kind: Kind) -> Vec<String> {
    let known = ACTIONS.iter().filter(|name| kind == Kind::Identity || name.starts_with("sts:"));
    let mut out: Vec<String> = known
        .map(|name| name.to_ascii_lowercase())
        .filter(|name| region.contains(name))
        .take(8)
        .collect();
    out.extend(filled(region, |_| "example".to_owned()));
    out
}

/// The glob filled in, and before it, where the glob is not an ARN, a resource of the action's own service.
fn resources(region: &Region, action: &str, context: &Context) -> Vec<String> {
    let (partition, account) = (&context.partition, &context.account);
    let usual = match action.split(':').next() {
        Some("s3") => format!("arn:{partition}:s3:::example-bucket/example"),
        Some("iam" | "sts") => format!("arn:{partition}:iam::{account}:user/example"),
        Some("eks") => format!("arn:{partition}:eks:us-east-1:{account}:cluster/example"),
        Some("ec2") => {
            format!("arn:{partition}:ec2:us-east-1:{account}:instance/i-0123456789abcdef0")
        }
        _ => {
            format!("arn:{partition}:ssm:us-east-1:{account}:managed-instance/mi-0123456789abcdef0")
        }
    };
    let other = format!("arn:{partition}:eks:us-east-1:{account}:cluster/example");
    // A field of an ARN that is a wildcard as a whole gets what usually stands there.
    let word = |text: &str| match (
        text.starts_with("arn:"),
        text.matches(':').count(),
        text.ends_with(':'),
    ) {
        (true, 3, true) => "us-east-1".to_owned(),
        (true, 4, true) => account.to_string(),
        _ => "example".to_owned(),
    };
    let (arns, bare): (Vec<String>, Vec<String>) =
        filled(region, word).into_iter().partition(|text| text.starts_with("arn:"));
    let mut out = arns;
    out.extend([usual, other].into_iter().filter(|text| region.contains(text)));
    out.extend(bare);
    out
}

fn principals(region: &Region, context: &Context) -> Vec<String> {
    let partition = &context.partition;
    // A literal as it is, a whole account as its root; everyone else as a stranger.
    let mut out: Vec<String> = filled(region, |_| "root".to_owned()).into_iter().collect();
    out.retain(|text| {
        text.contains("arn:") || region.globs().iter().any(|glob| glob.as_literal().is_some())
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
