//! From a request to an answer: who calls, which fault they meet, what the world says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::calls::{Before, Calls, Operation, Service};
use super::delay::delay;
use super::fault::Fault;
use super::grants::Grants;
use super::lag::{Past, Roles};
use super::quota::Meters;
use super::script::Rule;
use super::spoil::Delivery;
use super::wire::{self, Params, Refusal, Request};
use super::world::World;
use super::write::{self, Edit};
use super::{eks, iam, organizations, signature, sts};
use crate::clock;
use crate::model::AccountId;

/// The access key id of the base credentials.
pub(super) const BASE_KEY: &str = "AKIASIMULATEDHUB0001";
/// Their secret access key.
pub(super) const BASE_SECRET: &str = "SimulatedSecretKeyOfTheHubUser0000000001";
/// The account a `WrongAccount` fault names.
const OTHER_ACCOUNT: &str = "999999999999";
/// Expired sessions are dropped each time this many more are held.
const SWEEP_EVERY: usize = 4096;

/// What the server holds: the world, the sessions it gave out, and its counters.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) world: RwLock<World>,
    /// Accounts before writes of late.
    pub(super) past: Past,
    sessions: Mutex<HashMap<String, Arc<Identity>>>,
    calls: Mutex<Calls>,
    meters: Meters,
    requests: AtomicU64,
}

/// Whom a key belongs to.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) account: AccountId,
    pub(super) arn: String,
    pub(super) user_id: String,
    /// The secret that goes with the key.
    pub(super) secret: String,
    /// The token that goes with the key, and the end of both; the base credentials have neither.
    pub(super) session: Option<(String, Timestamp)>,
    /// What its own policy allows.
    pub(super) allows: Grants,
    /// What its session policy leaves of that.
    pub(super) narrowed: Option<Grants>,
}

/// One call, with all that answering it needs.
pub(super) struct Call<'a> {
    pub(super) world: &'a World,
    pub(super) identity: &'a Identity,
    pub(super) operation: Operation,
    params: &'a Params<'a>,
    /// The account that the answer names.
    pub(super) shown: AccountId,
    /// IAM calls into the account before this one.
    pub(super) reads: u64,
    /// The roles this call sees, where they are not those that the account has now.
    pub(super) seen: Option<Arc<Roles>>,
    /// The request's number.
    pub(super) serial: u64,
}

/// What becomes of a call.
struct Answered {
    delivery: Delivery,
    /// When the answer is due.
    delay: Duration,
    /// What the call changes.
    edit: Option<Edit>,
}

/// A request id: an UUID in shape, the request's number in truth.
pub(super) fn request_id(serial: u64) -> String {
    format!("51300000-0000-4000-8000-{serial:012x}")
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        Self {
            world: RwLock::new(world),
            past: Past::default(),
            sessions: Mutex::default(),
            calls: Mutex::default(),
            meters: Meters::default(),
            requests: AtomicU64::new(0),
        }
    }

    pub(super) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Arc<Identity>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next request's number.
    pub(super) fn next(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Answers a request; the answer is due after the delay that is given back.
    pub(super) fn answer(&self, request: &Request<'_>, serial: u64) -> (Delivery, Duration) {
        if !request.operation.writes() {
            let world = self.world.read().unwrap_or_else(PoisonError::into_inner);
            let Answered { delivery, delay, .. } = self.answer_in(&world, request, serial);
            return (delivery, delay);
        }
        // Nobody looks at the world between the look at it and the write.
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        let Answered { delivery, delay, edit } = self.answer_in(&world, request, serial);
        if let Some(edit) = edit {
            self.past.keep(&world, &edit.account);
            edit.apply(&mut world);
        }
        (delivery, delay)
    }

    fn answer_in(&self, world: &World, request: &Request<'_>, serial: u64) -> Answered {
        let mut answered = match self.identify(world, request) {
            Ok(identity) => self.answer_to(world, &identity, request, serial),
            Err(refusal) => {
                let service = request.operation.service();
                let answer = wire::failure(service, &refusal, &request_id(serial));
                Answered { delivery: answer.into(), delay: world.latency, edit: None }
            }
        };
        if let Delivery::Sent(outgoing) = &mut answered.delivery
            && world.clock_ahead != 0
        {
            outgoing.date_ahead.get_or_insert(world.clock_ahead);
        }
        answered
    }

    fn answer_to(
        &self,
        world: &World,
        identity: &Identity,
        request: &Request<'_>,
        serial: u64,
    ) -> Answered {
        let Request { operation, params, .. } = request;
        let account = sts::target(*operation, params).unwrap_or_else(|| identity.account.clone());
        let (fault, before) = self.count(world, *operation, &account);
        let reads = before.iam;
        let delay = delay(world, *operation, &account, before.in_account);
        let beyond = self.meters.is_beyond(world, *operation, &account);
        let fault = if beyond { Some(Fault::Throttled) } else { fault };
        let other = OTHER_ACCOUNT.parse().ok().filter(|_| fault == Some(Fault::WrongAccount));
        let seen = if operation.writes() { None } else { self.past.seen(world, &account, reads) };
        let shown = other.unwrap_or(account);
        if let Some(silence) = fault.and_then(Fault::silence) {
            return Answered { delivery: silence, delay, edit: None };
        }
        let call =
            Call { world, identity, operation: *operation, params, shown, reads, seen, serial };
        let mut edit = None;
        let result = match fault.and_then(|fault| fault.refusal(&call)) {
            Some(refusal) => Err(refusal),
            None => self.result(&call, &mut edit),
        };
        let answer = match result {
            Ok(inside) => wire::success(*operation, inside, &request_id(serial)),
            Err(refusal) => wire::failure(operation.service(), &refusal, &request_id(serial)),
        };
        let delivery = match fault {
            Some(fault) => fault.spoil(answer, serial),
            None => Delivery::from(answer),
        };
        Answered { delivery, delay, edit }
    }

    fn result(&self, call: &Call<'_>, edit: &mut Option<Edit>) -> Result<String, Refusal> {
        match call.operation.service() {
            Service::Organizations => organizations::answer(call),
            Service::Iam if call.operation.writes() => {
                let (answer, change) = write::answer(call)?;
                *edit = Some(change);
                Ok(answer)
            }
            Service::Iam => iam::answer(call),
            Service::Eks => eks::answer(call),
            Service::Sts if call.operation == Operation::AssumeRole => {
                let (key, identity, answer) = sts::assume_role(call)?;
                self.keep(key, identity);
                Ok(answer)
            }
            Service::Sts => Ok(sts::caller_identity(call)),
        }
    }

    /// Counts the call; gives the fault it meets, and what came before it.
    fn count(
        &self,
        world: &World,
        operation: Operation,
        account: &AccountId,
    ) -> (Option<Fault>, Before) {
        let before = self.calls().count(operation, account);
        let Before { in_account, in_all, .. } = before;
        let meets =
            |in_all| move |rule: &&Rule| rule.matches(operation, account, (in_account, in_all));
        let own = world
            .accounts
            .get(account)
            .and_then(|member| member.faults.iter().find(meets(in_account)));
        let rule = own.or_else(|| world.faults.iter().find(meets(in_all)));
        (rule.map(|rule| rule.fault), before)
    }

    /// Whom the request is from, as its key, its token and, if they are checked, its signature prove.
    fn identify(&self, world: &World, request: &Request<'_>) -> Result<Arc<Identity>, Refusal> {
        let identity = self.holder(world, request)?;
        if world.check_signatures {
            let ahead = SignedDuration::from_secs(world.clock_ahead);
            let now = clock::now().saturating_add(ahead).unwrap_or(Timestamp::MAX);
            let service = request.operation.service();
            signature::check(request.parts, request.body, &identity.secret, service, now)?;
        }
        Ok(identity)
    }

    fn holder(&self, world: &World, request: &Request<'_>) -> Result<Arc<Identity>, Refusal> {
        let service = request.operation.service();
        if request.key == BASE_KEY {
            return Ok(Arc::new(sts::base_identity(world)));
        }
        let session = self.sessions().get(request.key).cloned();
        let token_fits = |id: &Arc<Identity>| {
            id.session.as_ref().map(|(token, _)| token.as_str()) == request.token
        };
        let session = session.filter(token_fits).ok_or_else(|| Refusal::unknown_token(service))?;
        match &session.session {
            Some((_, end)) if *end <= clock::now() => Err(Refusal::expired(service)),
            _ => Ok(session),
        }
    }

    fn keep(&self, key: String, identity: Identity) {
        let mut sessions = self.sessions();
        sessions.insert(key, Arc::new(identity));
        if sessions.len().is_multiple_of(SWEEP_EVERY) {
            let now = clock::now();
            sessions
                .retain(|_, identity| identity.session.as_ref().is_some_and(|(_, end)| *end > now));
        }
    }
}

impl Call<'_> {
    /// A parameter, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name).filter(|value| !value.is_empty())
    }

    /// A parameter, empty or not.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.params.get(name)
    }

    /// A parameter that must be there.
    pub(super) fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            Refusal::validation(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// A number, or the default, within bounds.
    pub(super) fn number(
        &self,
        name: &str,
        default: usize,
        min: usize,
        max: usize,
    ) -> Result<usize, Refusal> {
        let value = self.get(name).map_or(Ok(default), str::parse);
        value.ok().filter(|value| (min..=max).contains(value)).ok_or_else(|| {
            Refusal::validation(format!(
                "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must be between {min} and {max}"
            ))
        })
    }

    /// Whether the caller may do this to that resource.
    pub(super) fn authorize(&self, resource: &str) -> Result<(), Refusal> {
        self.authorize_for(&self.operation.action(), resource)
    }

    /// The same for an action that the call includes.
    pub(super) fn authorize_for(&self, action: &str, resource: &str) -> Result<(), Refusal> {
        let kind = if !self.identity.allows.allow(action, resource) {
            "identity-based"
        } else if self
            .identity
            .narrowed
            .as_ref()
            .is_some_and(|policy| !policy.allow(action, resource))
        {
            "session"
        } else {
            return Ok(());
        };
        let because = format!(" because no {kind} policy allows the {action} action");
        Err(self.denied_for(action, resource, &because))
    }

    /// Access denied, in the words and the code of the service.
    pub(super) fn denied(&self, resource: &str, because: &str) -> Refusal {
        self.denied_for(&self.operation.action(), resource, because)
    }

    fn denied_for(&self, action: &str, resource: &str, because: &str) -> Refusal {
        let (status, code) = match self.operation.service() {
            Service::Organizations => (400, "AccessDeniedException"),
            Service::Eks => (403, "AccessDeniedException"),
            Service::Sts | Service::Iam => (403, "AccessDenied"),
        };
        let who = &self.identity.arn;
        let message = format!(
            "User: {who} is not authorized to perform: {action} on resource: {resource}{because}"
        );
        Refusal::new(status, code, message)
    }

    /// What the call is about, for messages.
    pub(super) fn resource(&self) -> String {
        match ["RoleArn", "PolicyArn"].into_iter().find_map(|name| self.get(name)) {
            Some(arn) => arn.to_owned(),
            None => {
                self.get("RoleName").map_or_else(|| "*".to_owned(), |name| format!("role {name}"))
            }
        }
    }
}
