//! Sessions of assumed roles: asked for, checked, kept until near their end.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts as sts;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::Aws;
use super::error::{malformed, wrong_account};
use super::narrow::{self, Next};
use super::traffic::Counters;
use crate::config::{Secret, SessionPolicy};
use crate::model::{Account, RoleArn, ScanError, UnknownReason, printable_line};

const OPERATION: &str = "sts:AssumeRole";

/// Sessions kept at once; the oldest go first.
const KEPT: usize = 1024;

/// A session is replaced this long before its end, so that it does not end under a scan.
const SPARE: Duration = Duration::from_secs(5 * 60);

/// Longest session STS gives when one assumed role assumes another.
const CHAINED_LIMIT: Duration = Duration::from_secs(3600);

/// Lengths that STS accepts at all.
const SHORTEST: Duration = Duration::from_secs(900);
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// What a session is for: the same role may be assumed for two things with two policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    /// A link of `access.via`.
    Via,
    /// Organizations calls.
    Organization,
    /// Reading a role.
    Scan,
    /// One write.
    Remediate,
    /// Nothing: only to see whether it is given.
    Trial(Member),
}

/// A role of every account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Member {
    /// The one that reads.
    Scan,
    /// The one that writes.
    Remediate,
}

/// Credentials and when they end.
#[derive(Debug, Clone)]
struct Session {
    credentials: Credentials,
    ends: Timestamp,
}

impl Session {
    fn is_fresh(&self, now: Timestamp) -> bool {
        i64::try_from(SPARE.as_secs())
            .is_ok_and(|spare| self.ends.as_second() - now.as_second() > spare)
    }
}

type Key = (Purpose, String);
type Slot = Arc<OnceCell<Session>>;

/// The sessions kept. Whoever asks for one that is just being made waits for it instead of making another.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    kept: Mutex<Kept>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Kept {
    slots: HashMap<Key, Slot>,
    /// The same keys, the oldest first.
    order: VecDeque<Key>,
}

impl Kept {
    fn forget(&mut self, which: impl Fn(&Key) -> bool) {
        self.slots.retain(|key, _| !which(key));
        self.order.retain(|key| !which(key));
    }
}

impl Sessions {
    /// None yet; those asked for are counted there.
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { kept: Mutex::default(), counters }
    }

    /// The place of a session: made before and still fresh, or to be filled.
    fn slot(&self, key: &Key, now: Timestamp) -> Slot {
        let mut kept = self.kept();
        if let Some(slot) = kept.slots.get(key) {
            if slot.get().is_none_or(|session| session.is_fresh(now)) {
                self.counters.session(true);
                return Arc::clone(slot);
            }
            kept.forget(|old| old == key);
        }
        if kept.order.len() >= KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.slots.remove(&oldest);
        }
        let slot = Slot::default();
        kept.slots.insert(key.clone(), Arc::clone(&slot));
        kept.order.push_back(key.clone());
        self.counters.session(false);
        self.counters.sessions(kept.order.len());
        slot
    }

    /// Forgets a place that could not be filled: only sessions count against the bound.
    fn give_up(&self, key: &Key) {
        self.drop_where(|other| other == key);
    }

    /// Forgets the sessions that AWS called expired: the role's own and those on the way to it.
    fn forget(&self, role: &RoleArn) {
        let role = role.to_string();
        self.drop_where(|(purpose, arn)| *purpose == Purpose::Via || *arn == role);
    }

    fn drop_where(&self, which: impl Fn(&Key) -> bool) {
        let mut kept = self.kept();
        kept.forget(which);
        self.counters.sessions(kept.order.len());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One AssumeRole to make.
struct Request<'a> {
    purpose: Purpose,
    role: &'a RoleArn,
    external_id: Option<&'a Secret>,
    policy: Option<String>,
    chained: bool,
    /// Another name than the configured one.
    name: Option<&'a str>,
}

impl Aws {
    /// Credentials to read the role in this account; through the chain, if there is one.
    pub(super) async fn scan_session(&self, account: &Account) -> Result<Credentials, ScanError> {
        let role = self.scan_role(account);
        check_account(&role, account)?;
        let external_id = self.external_id(account);
        let policy = self.is_narrow().then(|| narrow::in_account(&self.scan_policy, &account.id));
        let previous = self.chain(&self.one_of_many(&role, &self.config.access.scan_role)).await?;
        let chained = self.identity.is_session() || previous.is_some();
        let request = Request {
            purpose: Purpose::Scan,
            role: &role,
            external_id,
            policy,
            chained,
            name: None,
        };
        self.session(previous, request).await
    }

    /// Credentials for one write in this account, never kept: through the chain, if there is one. The account of the base
    /// credentials is no exception, because they could not be narrowed.
    pub(super) async fn write_session(
        &self,
        account: &Account,
        run: &str,
        policy: String,
    ) -> Result<Credentials, ScanError> {
        let role = self.remediate_role(account);
        check_account(&role, account)?;
        let external_id = self.external_id(account);
        // Not the one for every account: what is on the way to a write can reach this account's role alone.
        let previous = self.chain(&Next::Role(role.clone())).await?;
        let request = Request {
            purpose: Purpose::Remediate,
            role: &role,
            external_id,
            policy: self.is_narrow().then_some(policy),
            chained: self.identity.is_session() || previous.is_some(),
            name: Some(run),
        };
        let credentials = self.assume_after(previous, &request).await?.credentials;
        // No write says in which account it was done.
        self.prove_account(&account.id, &credentials).await?;
        Ok(credentials)
    }

    /// Whether a role of this account is given, with the configured external id or without any. The session may do nothing
    /// and is thrown away.
    pub(super) async fn try_role(
        &self,
        account: &Account,
        member: Member,
        external_id: Option<&Secret>,
    ) -> Result<(), ScanError> {
        let access = &self.config.access;
        let (role, shared) = match member {
            Member::Scan => (self.scan_role(account), &access.scan_role),
            Member::Remediate => (self.remediate_role(account), &access.remediate_role),
        };
        check_account(&role, account)?;
        let previous = self.chain(&self.one_of_many(&role, shared)).await?;
        let request = Request {
            purpose: Purpose::Trial(member),
            role: &role,
            external_id,
            policy: Some(narrow::for_nothing()),
            chained: self.identity.is_session() || previous.is_some(),
            name: None,
        };
        self.assume_after(previous, &request).await.map(drop)
    }

    /// The external id that goes with this account's roles.
    pub(super) fn external_id(&self, account: &Account) -> Option<&Secret> {
        let access = &self.config.access;
        let over = access.overrides.get(&account.id);
        over.and_then(|o| o.external_id.as_ref()).or(access.external_id.as_ref())
    }

    /// Credentials for Organizations calls, where a role is configured for them.
    pub(super) async fn organization_session(&self) -> Result<Option<Credentials>, ScanError> {
        let Some(role) = &self.config.accounts.organization_role_arn else { return Ok(None) };
        let policy = self.is_narrow().then(|| narrow::for_organization(&self.config));
        let chained = self.identity.is_session();
        let request = Request {
            purpose: Purpose::Organization,
            role,
            external_id: None,
            policy,
            chained,
            name: None,
        };
        self.session(None, request).await.map(Some)
    }

    /// Forgets what would be used again to read this account.
    pub(super) fn forget_session(&self, account: &Account) {
        self.sessions.forget(&self.scan_role(account));
    }

    fn scan_role(&self, account: &Account) -> RoleArn {
        let access = &self.config.access;
        let over = access.overrides.get(&account.id).and_then(|o| o.scan_role_arn.clone());
        over.unwrap_or_else(|| {
            RoleArn::new(self.identity.partition.clone(), account.id.clone(), &access.scan_role)
        })
    }

    /// The role that writes to this account.
    pub(super) fn remediate_role(&self, account: &Account) -> RoleArn {
        let access = &self.config.access;
        let over = access.overrides.get(&account.id).and_then(|o| o.remediate_role_arn.clone());
        over.unwrap_or_else(|| {
            let partition = self.identity.partition.clone();
            RoleArn::new(partition, account.id.clone(), &access.remediate_role)
        })
    }

    fn is_narrow(&self) -> bool {
        self.config.access.session_policy == SessionPolicy::Narrow
    }

    /// The scan roles of the accounts that `access.overrides` does not name.
    pub(super) fn scan_roles(&self) -> Next {
        let role = self.config.access.scan_role.clone();
        Next::EveryAccount { partition: self.identity.partition.clone(), role }
    }

    /// The role as one of those that have this name in every account, where it is one.
    fn one_of_many(&self, role: &RoleArn, shared: &str) -> Next {
        let partition = &self.identity.partition;
        match *role == RoleArn::new(partition.clone(), role.account.clone(), shared) {
            true => Next::EveryAccount { partition: partition.clone(), role: shared.to_owned() },
            false => Next::Role(role.clone()),
        }
    }

    /// The last link of `access.via`, which may enter `last` and nothing else; `None` without one.
    pub(super) async fn chain(&self, last: &Next) -> Result<Option<Credentials>, ScanError> {
        let mut previous = None;
        let via = &self.config.access.via;
        let nexts = via.iter().skip(1).cloned().map(Next::Role).chain([last.clone()]);
        for (role, next) in via.iter().zip(nexts) {
            let chained = self.identity.is_session() || previous.is_some();
            let request = Request {
                purpose: Purpose::Via,
                role,
                external_id: None,
                policy: self.is_narrow().then(|| narrow::for_link(&next)),
                chained,
                name: None,
            };
            previous = Some(self.session(previous, request).await?);
        }
        Ok(previous)
    }

    /// A kept session, or a new one made with the previous link's credentials (the base ones without it).
    async fn session(
        &self,
        previous: Option<Credentials>,
        request: Request<'_>,
    ) -> Result<Credentials, ScanError> {
        let mut key = (request.purpose, request.role.to_string());
        if let (Purpose::Via, Some(policy)) = (request.purpose, &request.policy) {
            // One role, and a session for each thing that comes next.
            key.1 += policy;
        }
        let slot = self.sessions.slot(&key, crate::clock::now());
        let made = slot.get_or_try_init(async || self.assume_after(previous, &request).await).await;
        match made {
            Ok(session) => Ok(session.credentials.clone()),
            Err(error) => {
                self.sessions.give_up(&key);
                Err(error)
            }
        }
    }

    /// A new session, made with the previous link's credentials (the base ones without it).
    async fn assume_after(
        &self,
        previous: Option<Credentials>,
        request: &Request<'_>,
    ) -> Result<Session, ScanError> {
        let with = previous.map(|credentials| self.clients.sts_with(credentials));
        let sts = with.as_ref().unwrap_or(self.clients.sts());
        // Boxed: the futures around it would nest deeper than rustc looks.
        Box::pin(self.assume(sts, request)).await
    }

    async fn assume(&self, sts: &sts::Client, request: &Request<'_>) -> Result<Session, ScanError> {
        let access = &self.config.access;
        let length = match request.purpose {
            Purpose::Remediate | Purpose::Trial(_) => SHORTEST,
            Purpose::Via | Purpose::Organization | Purpose::Scan => access.session_duration,
        };
        let send = || {
            sts.assume_role()
                .role_arn(request.role.to_string())
                .role_session_name(request.name.unwrap_or(&access.session_name))
                .duration_seconds(seconds(length, request.chained))
                .set_external_id(request.external_id.map(|id| id.expose().to_owned()))
                .set_policy(request.policy.clone())
                .send()
        };
        let answer = self.clients.lanes().sts().call(OPERATION, send).await;
        let answer = answer.map_err(|error| self.explain(error, request))?;
        let user = answer.assumed_role_user().map_or("", |user| user.arn());
        believe(request.role, user, answer.credentials(), crate::clock::now())
    }

    /// Names the role and the caller, and keeps the external id out of AWS's words.
    fn explain(&self, mut error: ScanError, request: &Request<'_>) -> ScanError {
        if let Some(id) = request.external_id.map(Secret::expose).filter(|id| !id.is_empty()) {
            error.message = error.message.replace(id, "***");
        }
        let role = request.role;
        match error.reason {
            UnknownReason::AssumeDenied => {
                let hint = error.hint.take().unwrap_or_default();
                let command = match request.purpose {
                    Purpose::Scan | Purpose::Trial(Member::Scan) => "scan",
                    Purpose::Remediate | Purpose::Trial(Member::Remediate) => "remediate",
                    Purpose::Via | Purpose::Organization => "hub",
                };
                error.hint(format!(
                    "{hint}: `rolewarden iam {command}` prints the documents (role `{role}`, caller `{}`)",
                    self.identity.arn
                ))
            }
            _ => {
                error.message = format!("{} (role `{role}`)", error.message);
                error
            }
        }
    }
}

/// A role of another account is never assumed for this one.
fn check_account(role: &RoleArn, account: &Account) -> Result<(), ScanError> {
    match role.account == account.id {
        true => Ok(()),
        false => Err(wrong_account(OPERATION, account.id.as_str(), &role.to_string())
            .hint("`access.overrides` names a role of another account: correct it")),
    }
}

/// The session length asked for, within what STS accepts.
fn seconds(asked: Duration, chained: bool) -> i32 {
    let limit = if chained { CHAINED_LIMIT } else { LONGEST };
    i32::try_from(asked.clamp(SHORTEST, limit).as_secs()).unwrap_or(900)
}

/// Checks an answer before it is used: lenient parsers turn a cut one into empty fields.
fn believe(
    role: &RoleArn,
    user: &str,
    credentials: Option<&sts::types::Credentials>,
    now: Timestamp,
) -> Result<Session, ScanError> {
    if user.split(':').nth(4) != Some(role.account.as_str()) {
        return Err(match user.is_empty() {
            true => malformed(OPERATION, "the answer does not say which role was assumed"),
            false => wrong_account(OPERATION, role.account.as_str(), user),
        });
    }
    let assumed = user
        .split(':')
        .nth(5)
        .and_then(|rest| rest.strip_prefix("assumed-role/"))
        .and_then(|r| r.split('/').next());
    if assumed != Some(role.name.as_str()) {
        return Err(malformed(
            OPERATION,
            format!("asked for role `{role}`, got `{}`", printable_line(user, 256)),
        ));
    }
    let Some(c) = credentials else {
        return Err(malformed(OPERATION, "the answer has no credentials"));
    };
    if [c.access_key_id(), c.secret_access_key(), c.session_token()]
        .iter()
        .any(|part| part.is_empty())
    {
        return Err(malformed(OPERATION, "the answer has incomplete credentials"));
    }
    let ends = Timestamp::from_second(c.expiration().secs()).unwrap_or(Timestamp::UNIX_EPOCH);
    if ends == Timestamp::UNIX_EPOCH {
        return Err(malformed(OPERATION, "the answer does not say when the credentials end"));
    }
    if ends <= now {
        return Err(ScanError::new(
            UnknownReason::Clock,
            format!("the new credentials ended at {ends}, but here it is {now}"),
        )
        .during(OPERATION)
        .hint("set this machine's clock by NTP"));
    }
    let credentials = Credentials::new(
        c.access_key_id(),
        c.secret_access_key(),
        Some(c.session_token().to_owned()),
        SystemTime::try_from(*c.expiration()).ok(),
        "AssumeRole",
    );
    Ok(Session { credentials, ends })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn session(ends: i64) -> Session {
        Session { credentials: Credentials::new("a", "b", None, None, "test"), ends: at(ends) }
    }

    #[test]
    fn the_length_of_a_session_is_kept_within_what_sts_accepts() {
        let cases = [
            (60, false, 900),
            (3600, false, 3600),
            (7200, false, 7200),
            (90_000, false, 43_200),
            (7200, true, 3600),
        ];
        for (asked, chained, want) in cases {
            assert_eq!(
                seconds(Duration::from_secs(asked), chained),
                want,
                "case {asked} {chained}"
            );
        }
    }

    #[test]
    fn sessions_are_used_again_until_near_their_end_and_bounded_in_number() {
        let sessions = Sessions::default();
        let key = |n: usize| (Purpose::Scan, format!("role-{n}"));
        sessions.slot(&key(0), at(0)).set(session(3600)).unwrap();
        assert!(sessions.slot(&key(0), at(3299)).get().is_some());
        assert!(
            sessions.slot(&key(0), at(3300)).get().is_none(),
            "five minutes before its end it is replaced"
        );
        for n in 0..KEPT * 2 {
            sessions.slot(&key(n), at(0)).set(session(3600 + i64::try_from(n).unwrap())).ok();
        }
        let kept = sessions.kept();
        assert_eq!((kept.slots.len(), kept.order.len()), (KEPT, KEPT));
        assert!(
            kept.slots.contains_key(&key(KEPT * 2 - 1)) && !kept.slots.contains_key(&key(1)),
            "the oldest go first"
        );
        drop(kept);
        sessions.give_up(&key(KEPT * 2 - 1));
        assert!(sessions.slot(&key(KEPT * 2 - 1), at(0)).get().is_none());
    }

    #[test]
    fn an_answer_is_checked_before_it_is_believed() {
        use UnknownReason as R;
        let role: RoleArn = "arn:aws:iam::111122223333:role/team/scan".parse().unwrap();
        let user = "arn:aws:sts::111122223333:assumed-role/scan/rolewarden";
        let build = |key: &str, token: &str, ends: i64| {
            sts::types::Credentials::builder()
                .access_key_id(key)
                .secret_access_key("s")
                .session_token(token)
                .expiration(sts::primitives::DateTime::from_secs(ends))
                .build()
                .unwrap()
        };
        let cases = [
            ("good", user, Some(build("k", "t", 5000)), None),
            (
                "other account",
                "arn:aws:sts::999999999999:assumed-role/scan/x",
                Some(build("k", "t", 5000)),
                Some(R::WrongAccount),
            ),
            (
                "other role",
                "arn:aws:sts::111122223333:assumed-role/admin/x",
                Some(build("k", "t", 5000)),
                Some(R::MalformedResponse),
            ),
            ("no user", "", Some(build("k", "t", 5000)), Some(R::MalformedResponse)),
            ("no credentials", user, None, Some(R::MalformedResponse)),
            ("no key", user, Some(build("", "t", 5000)), Some(R::MalformedResponse)),
            ("no token", user, Some(build("k", "", 5000)), Some(R::MalformedResponse)),
            ("no end", user, Some(build("k", "t", 0)), Some(R::MalformedResponse)),
            ("ended", user, Some(build("k", "t", 900)), Some(R::Clock)),
        ];
        for (case, user, credentials, want) in cases {
            let got = believe(&role, user, credentials.as_ref(), at(1000));
            assert_eq!(got.err().map(|error| error.reason), want, "case `{case}`");
        }
    }
}
