//! Witnesses that read well: before any search, requests a reviewer would think of are tried. A suggestion is only ever
//! used after it has been checked to separate the two sides.

use super::glob::Token;
use super::requests::{Rect, Request};
use super::statement::Region;
use super::{Context, Kind, principal, resources};
use crate::model::{Needs, Scope, Side, Witness};

/// Real actions, for wildcards: the ones an attacker would like come first.
const ACTIONS: [&str; 20] = [
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
    "secretsmanager:GetSecretValue",
    "kms:Decrypt",
    "dynamodb:GetItem",
    "lambda:InvokeFunction",
    "logs:PutLogEvents",
    "sqs:SendMessage",
    "sns:Publish",
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

/// The first glob filled in where it is an ARN, then what the action usually works on, each here, in
/// another region and in another account; then a cluster and its channel. As far as the region holds them.
fn resources(region: &Region, action: &str, context: &Context) -> Vec<String> {
    let partition = context.partition.as_str();
    let places = resources::places(context);
    let glob = region.globs().first().filter(|_| !region.negated);
    let arns = places
        .into_iter()
        .filter_map(|place| glob.and_then(|glob| resources::filled(glob, action, place)));
    let usual = places.into_iter().map(|place| resources::usual(partition, action, place));
    let cluster = places.into_iter().take(1).flat_map(|place| {
        [resources::cluster(partition, place), resources::channel(partition, place)]
    });
    let bare = filled(region, |_| "example".to_owned()).filter(|text| !text.starts_with("arn:"));
    let mut out: Vec<String> = Vec::new();
    for text in arns.chain(usual).chain(cluster).chain(bare) {
        if region.contains(&text) && !out.contains(&text) {
            out.push(text);
        }
    }
    out
}

/// Requests like one that a search found, on resources that can exist.
pub(super) fn nicer(request: &Request, kind: Kind, context: &Context) -> Vec<Request> {
    match kind {
        Kind::Trust => Vec::new(),
        Kind::Identity => resources::nicer(&request.action, &request.scope, context)
            .into_iter()
            .map(|scope| Request { scope, ..request.clone() })
            .collect(),
    }
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
