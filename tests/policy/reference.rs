//! The second evaluator: slow, one request at a time, and meant to be obviously right.
//!
//! It reads documents that are known to be valid with `serde_json` and asks each statement about one concrete request,
//! in the words of the semantics page. It shares no code with the engine.

use std::collections::BTreeSet;

use rolewarden::model::{Scope, Side, Witness};
use rolewarden::policy::{Context, Kind};
use serde_json::Value;

/// One piece of a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Token {
    /// This very character.
    Char(char),
    /// `?`: exactly one character.
    One,
    /// `*`: any run, also an empty one.
    Run,
    /// `${…}`: a string nobody knows.
    Unknown,
}

/// An action or resource pattern.
pub(crate) type Glob = Vec<Token>;

/// A condition block in canonical form: operator, folded key, values as a set.
pub(crate) type Block = BTreeSet<(String, String, BTreeSet<String>)>;

/// `Action`/`NotAction` or `Resource`/`NotResource`.
#[derive(Debug, Clone)]
pub(crate) struct Globs {
    pub(crate) negated: bool,
    pub(crate) globs: Vec<Glob>,
}

/// Whose requests, or on what.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Trust policies: pairs of type and value.
    Principals(Vec<(String, String)>),
    /// Identity policies.
    Resources(Globs),
}

#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) allow: bool,
    pub(crate) actions: Globs,
    pub(crate) who: Who,
    pub(crate) condition: Option<Block>,
}

/// A set of statements, of one document or of several.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(crate) statements: Vec<Statement>,
}

/// One concrete request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) action: String,
    pub(crate) scope: Scope,
}

/// How an unknown string is taken: does the pattern possibly match, or surely?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sure {
    Possibly,
    Surely,
}

/// Which of the baseline's condition blocks hold. Blocks of other origin stay unknown.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) holding: BTreeSet<Block>,
    pub(crate) failing: BTreeSet<Block>,
}

/// What a statement's condition is in one world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applies {
    Always,
    Perhaps,
    Never,
}

impl Policy {
    /// Reads one valid document.
    pub(crate) fn read(kind: Kind, text: &str, context: &Context) -> Self {
        Self::of_value(kind, &serde_json::from_str(text).unwrap(), context)
    }

    /// Reads one valid baseline document: the account's number filled in, `arn:aws:` moved to the account's partition.
    pub(crate) fn read_baseline(
        kind: Kind,
        text: &str,
        context: &Context,
        service: Option<&str>,
    ) -> Self {
        let mut value = serde_json::from_str(text).unwrap();
        fill_in(&mut value, context, service);
        Self::of_value(kind, &value, context)
    }

    /// Several documents, as one set.
    pub(crate) fn union(policies: impl IntoIterator<Item = Self>) -> Self {
        Self { statements: policies.into_iter().flat_map(|p| p.statements).collect() }
    }

    fn of_value(kind: Kind, document: &Value, context: &Context) -> Self {
        let variables = document.get("Version").and_then(Value::as_str) == Some("2012-10-17");
        let statements = one_or_many(document.get("Statement").unwrap());
        Self {
            statements: statements
                .iter()
                .map(|s| Statement::of_value(kind, s, variables, context))
                .collect(),
        }
    }

    /// Whether the request is allowed whatever the unknowns are: an unconditional Allow, and no Deny of any sort.
    pub(crate) fn must(&self, world: &World, request: &Request) -> bool {
        let allowed = self.statements.iter().any(|s| {
            s.allow && s.applies(world) == Applies::Always && s.matches(request, Sure::Surely)
        });
        let denied = self.statements.iter().any(|s| {
            !s.allow && s.applies(world) != Applies::Never && s.matches(request, Sure::Possibly)
        });
        allowed && !denied
    }

    /// Whether the request can be allowed: any Allow, and no Deny that bites whatever the unknowns are.
    pub(crate) fn may(&self, world: &World, request: &Request) -> bool {
        let allowed = self.statements.iter().any(|s| {
            s.allow && s.applies(world) != Applies::Never && s.matches(request, Sure::Possibly)
        });
        let denied = self.statements.iter().any(|s| {
            !s.allow && s.applies(world) == Applies::Always && s.matches(request, Sure::Surely)
        });
        allowed && !denied
    }

    fn blocks(&self) -> BTreeSet<Block> {
        self.statements.iter().filter_map(|s| s.condition.clone()).collect()
    }

    /// Every world of this baseline: the one where all its blocks hold comes first.
    pub(crate) fn worlds(&self) -> Vec<World> {
        let mut worlds = vec![World::default()];
        for block in self.blocks() {
            let (mut holding, mut failing) = (worlds.clone(), worlds);
            for world in &mut holding {
                world.holding.insert(block.clone());
            }
            for world in &mut failing {
                world.failing.insert(block.clone());
            }
            holding.append(&mut failing);
            worlds = holding;
        }
        worlds
    }
}

impl Statement {
    fn of_value(kind: Kind, statement: &Value, variables: bool, context: &Context) -> Self {
        let globs = |plain: &str, negated: &str, fold: bool| {
            let (negated, value) = match (statement.get(plain), statement.get(negated)) {
                (Some(value), None) => (false, value),
                (None, Some(value)) => (true, value),
                other => panic!("`{plain}`: {other:?}"),
            };
            let glob = |text: &String| {
                glob(if fold { text.to_ascii_lowercase() } else { text.clone() }, variables)
            };
            Globs { negated, globs: strings(value).iter().map(glob).collect() }
        };
        Self {
            allow: statement["Effect"] == "Allow",
            actions: globs("Action", "NotAction", true),
            who: match kind {
                Kind::Identity => Who::Resources(globs("Resource", "NotResource", false)),
                Kind::Trust => Who::Principals(principals(&statement["Principal"], context)),
            },
            condition: statement.get("Condition").map(block).filter(|b| !b.is_empty()),
        }
    }

    pub(crate) fn applies(&self, world: &World) -> Applies {
        match &self.condition {
            None => Applies::Always,
            Some(block) if world.holding.contains(block) => Applies::Always,
            Some(block) if world.failing.contains(block) => Applies::Never,
            Some(_) => Applies::Perhaps,
        }
    }

    pub(crate) fn matches(&self, request: &Request, sure: Sure) -> bool {
        let scope = match (&self.who, &request.scope) {
            (Who::Resources(globs), Scope::Resource(resource)) => globs.matches(resource, sure),
            (Who::Principals(list), Scope::Principal { kind, value }) => {
                list.iter().any(|named| principal_matches(named, kind, value))
            }
            _ => panic!("a request of the other kind: {request:?}"),
        };
        scope && self.actions.matches(&request.action.to_ascii_lowercase(), sure)
    }
}

impl Globs {
    /// `NotAction` surely matches when its list cannot, and possibly matches when its list does not surely.
    pub(crate) fn matches(&self, text: &str, sure: Sure) -> bool {
        let any = |sure| self.globs.iter().any(|g| glob_matches(g, text, sure));
        match (self.negated, sure) {
            (false, sure) => any(sure),
            (true, Sure::Surely) => !any(Sure::Possibly),
            (true, Sure::Possibly) => !any(Sure::Surely),
        }
    }
}

/// Whether a glob matches a whole text. An unknown string may be any, and is surely none.
pub(crate) fn glob_matches(glob: &[Token], text: &str, sure: Sure) -> bool {
    if sure == Sure::Surely && glob.contains(&Token::Unknown) {
        return false;
    }
    let text: Vec<char> = text.chars().collect();
    if glob.iter().filter(|token| matches!(token, Token::Char(_) | Token::One)).count() > text.len()
    {
        return false;
    }
    // rest[t]: whether the tokens looked at so far, from the back, match the text from its character t on.
    let mut rest: Vec<bool> = (0..=text.len()).map(|t| t == text.len()).collect();
    for token in glob.iter().rev() {
        let after = rest.clone();
        for t in (0..=text.len()).rev() {
            rest[t] = match token {
                Token::Char(c) => t < text.len() && text[t] == *c && after[t + 1],
                Token::One => t < text.len() && after[t + 1],
                Token::Run | Token::Unknown => after[t] || (t < text.len() && rest[t + 1]),
            };
        }
    }
    rest[0]
}

/// Takes a pattern apart. With variables, `${*}`, `${?}` and `${$}` are characters and any other `${…}` is unknown.
pub(crate) fn glob(text: impl AsRef<str>, variables: bool) -> Glob {
    let chars: Vec<char> = text.as_ref().chars().collect();
    let mut glob = vec![];
    let mut at = 0;
    while at < chars.len() {
        let variable = variables && chars[at..].starts_with(&['$', '{']);
        if let Some(end) = chars[at..].iter().position(|c| variable && *c == '}') {
            glob.push(match chars[at + 2..at + end] {
                [c @ ('*' | '?' | '$')] => Token::Char(c),
                _ => Token::Unknown,
            });
            at += end + 1;
        } else {
            glob.push(match chars[at] {
                '*' => Token::Run,
                '?' => Token::One,
                c => Token::Char(c),
            });
            at += 1;
        }
    }
    glob
}

/// An account's root stands for the account: the principal itself, and everything of `iam` and `sts` in it.
pub(crate) fn principal_matches(
    (kind, named): &(String, String),
    asking_kind: &str,
    asking: &str,
) -> bool {
    if asking.is_empty() {
        return false;
    }
    if kind == "AWS" && named == "*" {
        return true;
    }
    if kind != asking_kind {
        return false;
    }
    let account =
        named.strip_suffix(":root").and_then(|head| head.strip_prefix("arn:")).and_then(|rest| {
            let (partition, account) = rest.split_once(":iam::")?;
            (kind == "AWS" && is_account(account) && !partition.contains(':'))
                .then_some((partition, account))
        });
    named == "*"
        || named == asking
        || account.is_some_and(|(partition, account)| {
            asking.starts_with(&format!("arn:{partition}:iam::{account}:"))
                || asking.starts_with(&format!("arn:{partition}:sts::{account}:"))
        })
}

fn principals(value: &Value, context: &Context) -> Vec<(String, String)> {
    let Some(types) = value.as_object() else {
        assert_eq!(value, "*");
        return vec![("AWS".into(), "*".into())];
    };
    let mut all = vec![];
    for (kind, values) in types {
        for value in strings(values) {
            let root = kind == "AWS" && is_account(&value);
            let value =
                if root { format!("arn:{}:iam::{value}:root", context.partition) } else { value };
            all.push((kind.clone(), value));
        }
    }
    all
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// A condition block as a set: keys in one case, `ArnEquals` written `ArnLike`, values as sets of strings.
fn block(value: &Value) -> Block {
    let mut block = Block::new();
    for (operator, keys) in value.as_object().unwrap() {
        let operator =
            operator.replace("ArnEquals", "ArnLike").replace("ArnNotEquals", "ArnNotLike");
        for (key, values) in keys.as_object().unwrap() {
            let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            let values = one_or_many(values).iter().map(text).collect();
            block.insert((operator.clone(), key.to_ascii_lowercase(), values));
        }
    }
    block
}

fn one_or_many(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn strings(value: &Value) -> Vec<String> {
    one_or_many(value).iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn fill_in(value: &mut Value, context: &Context, service: Option<&str>) {
    match value {
        Value::String(text) => {
            *text = text.replace("${rolewarden:account_id}", context.account.as_str());
            if let (Some(service), "ssm.amazonaws.com") = (service, text.as_str()) {
                *text = service.to_owned();
            }
            if let Some(rest) = text.strip_prefix("arn:aws:") {
                *text = format!("arn:{}:{rest}", context.partition);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|v| fill_in(v, context, service)),
        Value::Object(members) => members.values_mut().for_each(|v| fill_in(v, context, service)),
        _ => {}
    }
}

/// Whether a witness shows what it claims to show.
pub(crate) fn confirms(actual: &Policy, baseline: &Policy, witness: &Witness) -> bool {
    let request = Request { action: witness.action.clone(), scope: witness.scope.clone() };
    let worlds = baseline.worlds();
    let (usual, others) = worlds.split_first().unwrap();
    let judged =
        if witness.outside_baseline_condition { others } else { std::slice::from_ref(usual) };
    let outside = witness.outside_baseline_condition;
    judged.iter().any(|world| {
        let may = |policy: &Policy| policy.may(world, &request);
        let must = |policy: &Policy| policy.must(world, &request);
        match (witness.side, outside) {
            (Side::Missing, false) => may(baseline) && !may(actual),
            (Side::Missing, true) => must(baseline) && !may(actual),
            (Side::Excess, false) => {
                (may(actual) && !may(baseline)) || (must(actual) && !must(baseline))
            }
            (Side::Excess, true) => must(actual) && !must(baseline),
            (Side::Conditional, false) => must(baseline) && may(actual) && !must(actual),
            (Side::Conditional, true) => false,
        }
    })
}
