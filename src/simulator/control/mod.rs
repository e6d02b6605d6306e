//! The control endpoint: looks at the world and changes it, while the services answer from it.
//!
//! It is on the same listener, under a path that no AWS call has, and answers at once: latency and faults are not for it.

mod account;
mod settings;

use std::fmt::Write as _;
use std::sync::PoisonError;

use hyper::{Method, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::answer::Shared;
use super::calls::{Calls, Operation};
use super::script;
use super::world::World;
use crate::model::{AccountId, printable_line};

/// The path everything here is under.
const ROOT: &str = "/_simulator/";

/// What there is, in words: the answer to `GET /_simulator/`, and a part of `--help`.
pub const CONTROL: &str = "\
GET    /_simulator/               this text
GET    /_simulator/accounts       every account, one a line: id, name, kind, ...
GET    /_simulator/accounts/ID    one account: its roles, policies and faults
PATCH  /_simulator/accounts/ID    change it; every key may be left out:
         {\"kind\": \"everyone\"}   makes role, state and faults anew, as the kind has them
         {\"role\": null}         deletes the role; an object changes it, or makes it:
         {\"role\": {\"trust\": {..}, \"inline\": {\"NAME\": {..} or null},
                   \"attached\": [\"ARN\"], \"boundary\": \"ARN\" or null, \"path\": \"/\",
                   \"max_session\": 3600, \"description\": \"\",
                   \"tags\": {\"KEY\": \"VALUE\" or null}}}
         {\"policies\": {\"ARN\": {..} or null}}   customer managed policies
         {\"clusters\": [{\"region\": \"us-east-1\", \"name\": \"a\", \"status\": \"ACTIVE\",
                        \"connected_role\": \"ARN\" or null}]}   all clusters anew
         {\"name\": \"payments\"}, {\"state\": \"SUSPENDED\"}
GET    /_simulator/calls          calls in all and by operation; ?account=ID for one
DELETE /_simulator/calls          counts from zero; answers with the counts until now
GET    /_simulator/faults         the rules in force, as a fault script
POST   /_simulator/faults         adds a rule, or a list of them, before the others
DELETE /_simulator/faults         takes all rules away but those of kinds of accounts
GET    /_simulator/world          latency_ms, jitter_ms, lag_ms, check_signatures,
                                  and paging: how Organizations gives its lists
PATCH  /_simulator/world          changes these, as {\"latency_ms\": 200}
";

/// An answer. Text ends with a line break, so that a terminal shows it well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    /// What else could be done with this path, of an answer to a method that cannot.
    pub(super) allow: Option<&'static str>,
    pub(super) body: String,
}

/// Whether a request is for the control endpoint.
pub(super) fn is_for(path: &str) -> bool {
    path.starts_with(ROOT) || path == ROOT.trim_end_matches('/')
}

/// Answers a request; `None` stands for a body that was too large or broke off.
pub(super) fn answer(shared: &Shared, method: &Method, uri: &Uri, body: Option<&[u8]>) -> Reply {
    let request = Request { shared, method, uri, body };
    let path = uri.path().get(ROOT.len()..).unwrap_or_default();
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    let reply = match steps.as_slice() {
        [] => request.usage(),
        ["accounts"] => request.accounts(),
        ["accounts", id] => request.account(id),
        ["calls"] => request.calls(),
        ["faults"] => request.faults(),
        ["world"] => request.world(),
        _ => Err(Problem::missing(format!(
            "no such path `{}`; GET {ROOT} says what there is",
            printable_line(uri.path(), 120)
        ))),
    };
    reply.unwrap_or_else(Problem::reply)
}

/// Why a request cannot be done.
struct Problem {
    status: u16,
    message: String,
    allow: Option<&'static str>,
}

impl Problem {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), allow: None }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    fn missing(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    fn reply(self) -> Reply {
        Reply { allow: self.allow, ..json_reply(self.status, &json!({"error": self.message})) }
    }
}

type Outcome = Result<Reply, Problem>;

struct Request<'a> {
    shared: &'a Shared,
    method: &'a Method,
    uri: &'a Uri,
    body: Option<&'a [u8]>,
}

impl Request<'_> {
    fn usage(&self) -> Outcome {
        match *self.method {
            Method::GET => Ok(text_reply("text/plain; charset=utf-8", CONTROL.to_owned())),
            _ => self.not_allowed("GET"),
        }
    }

    fn accounts(&self) -> Outcome {
        match *self.method {
            Method::GET => Ok(text_reply(JSON, self.read(account::list))),
            _ => self.not_allowed("GET"),
        }
    }

    fn account(&self, id: &str) -> Outcome {
        let shown = printable_line(id, 64);
        let unknown = || Problem::missing(format!("no such account `{shown}` in the organization"));
        let id: AccountId = id.parse().map_err(|_| unknown())?;
        match *self.method {
            Method::GET => {
                let member = self.read(|world| account::show(world, &id));
                member.map(|member| json_reply(200, &member)).ok_or_else(unknown)
            }
            Method::PATCH => {
                let patch: account::Patch = self.json()?;
                let member = self.write(|world| patch.apply(world, &id)).ok_or_else(unknown)?;
                // What a person does here is not a write of AWS's: every read sees it at once.
                self.shared.past.forget(&id);
                Ok(json_reply(200, &member))
            }
            _ => self.not_allowed("GET, PATCH"),
        }
    }

    fn calls(&self) -> Outcome {
        match *self.method {
            Method::GET => {
                let account = self.asked_account()?;
                Ok(json_reply(200, &counts(&self.shared.calls(), account.as_ref())))
            }
            Method::DELETE => {
                let until_now = std::mem::take(&mut *self.shared.calls());
                Ok(json_reply(200, &counts(&until_now, None)))
            }
            _ => self.not_allowed("GET, DELETE"),
        }
    }

    fn faults(&self) -> Outcome {
        match *self.method {
            Method::GET => {}
            Method::POST => {
                let text = std::str::from_utf8(self.body()?).map(str::trim);
                let text = text.map_err(|_| Problem::bad("the body is not UTF-8 text"))?;
                // One rule is a script of one.
                let one = text.starts_with('{').then(|| format!("[{text}]"));
                let refused = |error: script::ScriptError| Problem::bad(error.to_string());
                let rules =
                    script::parse_script(one.as_deref().unwrap_or(text)).map_err(refused)?;
                self.write(|world| world.script(rules)).map_err(refused)?;
            }
            Method::DELETE => self.write(World::clear_rules),
            _ => return self.not_allowed("GET, POST, DELETE"),
        }
        Ok(text_reply(JSON, self.read(|world| lines(&world.rules()))))
    }

    fn world(&self) -> Outcome {
        match *self.method {
            Method::GET => {}
            Method::PATCH => {
                let patch: Map<String, Value> = self.json()?;
                self.write(|world| settings::patch(world, patch)).map_err(Problem::bad)?;
            }
            _ => return self.not_allowed("GET, PATCH"),
        }
        Ok(json_reply(200, &self.read(settings::show)))
    }

    fn not_allowed(&self, allow: &'static str) -> Outcome {
        let message =
            format!("{} {} cannot be done; expected {allow}", self.method, self.uri.path());
        Err(Problem { allow: Some(allow), ..Problem::new(405, printable_line(&message, 200)) })
    }

    fn body(&self) -> Result<&[u8], Problem> {
        self.body.ok_or_else(|| Problem::new(413, "the body is too large or broke off"))
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let read = serde_json::from_slice(self.body()?);
        read.map_err(|error| Problem::bad(printable_line(&error.to_string(), 500)))
    }

    /// The account that `?account=ID` names.
    fn asked_account(&self) -> Result<Option<AccountId>, Problem> {
        let Some(query) = self.uri.query().filter(|query| !query.is_empty()) else {
            return Ok(None);
        };
        let id = query.strip_prefix("account=").ok_or_else(|| {
            let query = printable_line(query, 80);
            Problem::bad(format!("expected `?account=ID` or nothing, found `?{query}`"))
        })?;
        id.parse()
            .map(Some)
            .map_err(|error: crate::model::InvalidAccountId| Problem::bad(error.to_string()))
    }

    fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.shared.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.shared.world.write().unwrap_or_else(PoisonError::into_inner))
    }
}

const JSON: &str = "application/json";

fn text_reply(content_type: &'static str, body: String) -> Reply {
    Reply { status: 200, content_type, allow: None, body }
}

fn json_reply(status: u16, value: &Value) -> Reply {
    Reply { status, content_type: JSON, allow: None, body: format!("{value:#}\n") }
}

/// A JSON list, one item a line, for `grep` as for `jq`.
fn lines<T: serde::Serialize>(items: &[T]) -> String {
    let mut out = String::from("[");
    for (n, item) in items.iter().enumerate() {
        let item = serde_json::to_string(item).unwrap_or_default();
        let _ = write!(out, "{}\n{item}", if n == 0 { "" } else { "," });
    }
    out.push_str("\n]\n");
    out
}

/// Calls in all and by operation, of one account or of every one.
fn counts(calls: &Calls, account: Option<&AccountId>) -> Value {
    let count = |operation: Operation| match account {
        Some(account) => calls.of_in(operation, account),
        None => calls.of(operation),
    };
    let each = Operation::ALL.iter().map(|operation| (operation.as_str(), count(*operation)));
    let called: Map<String, Value> = each
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.to_owned(), count.into()))
        .collect();
    let total: u64 = Operation::ALL.iter().map(|operation| count(*operation)).sum();
    let mut value = json!({"total": total, "operations": called});
    if let (Some(account), Some(members)) = (account, value.as_object_mut()) {
        members.shift_insert(0, "account".to_owned(), account.as_str().into());
    }
    value
}
