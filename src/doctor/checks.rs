//! What comes before the accounts, one check after the other: a fact, and what to do about it.

use jiff::Timestamp;
use serde::Serialize;

use super::facts::{BaseFacts, CallFact, CredentialFacts, Facts, OrganizationFacts, Setup};
use super::source;
use crate::model::{ScanError, UnknownReason};

/// Clocks that differ by more are told of, in seconds.
const SKEW_WARNED: i64 = 60;

/// AWS refuses requests that are signed so many seconds off.
///
/// Source: IAM User Guide, "Create a signed AWS API request": a request must reach AWS within five minutes of its time stamp.
const SKEW_REFUSED: i64 = 300;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
    /// Not asked, because something before it failed, or not needed.
    Skipped,
}

impl Status {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One check before the accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name: a word, or the call that it is about.
    pub name: &'static str,
    /// How it came out.
    pub status: Status,
    /// What was found.
    pub fact: String,
    /// What to do about it; nothing where nothing is to be done.
    pub remedy: Option<String>,
}

impl Check {
    fn new(name: &'static str, status: Status, fact: impl Into<String>) -> Self {
        Self { name, status, fact: fact.into(), remedy: None }
    }

    fn ok(name: &'static str, fact: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, fact)
    }

    fn skipped(name: &'static str, after: &str) -> Self {
        Self::new(name, Status::Skipped, format!("not asked: {after}"))
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn of_error(name: &'static str, error: &ScanError) -> Self {
        let code = error.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
        let check = Self::new(name, Status::Failed, format!("{}{code}", error.message));
        Self { remedy: error.hint.clone(), ..check }
    }
}

/// All of them, in the order in which they depend on each other.
pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let setup = match &facts.setup {
        Ok(setup) => setup,
        Err(mistakes) => {
            let failed = Check::new("configuration", Status::Failed, mistakes)
                .remedy("`rolewarden config example` prints a file with every key");
            let after = "the configuration cannot be read";
            let rest = ["region", "credentials", "identity", "clock", "accounts"];
            let rest = rest.into_iter().map(|name| Check::skipped(name, after));
            return std::iter::once(failed).chain(rest).collect();
        }
    };
    let mut checks = vec![Check::ok("configuration", &facts.config_path)];
    let Some(base) = &facts.base else { return checks };
    checks.extend(of_base(base, setup, facts.started_at));
    match &facts.organization {
        Some(organization) => checks.extend(of_organization(organization, setup)),
        None => checks.push(Check::skipped("accounts", "nobody is known to AWS yet")),
    }
    checks
}

fn of_base(base: &BaseFacts, setup: &Setup, now: Timestamp) -> Vec<Check> {
    let from = base.variables.region_from(setup.region.is_some());
    let mut checks = vec![Check::ok("region", format!("{} ({from})", base.region))];
    if !base.endpoints.is_empty() {
        let named: Vec<String> =
            base.endpoints.iter().map(|(name, url)| format!("{name} is {url}")).collect();
        let names: Vec<&str> = base.endpoints.iter().map(|(name, _)| name.as_str()).collect();
        checks.push(
            Check::new(
                "endpoints",
                Status::Warning,
                format!("AWS is not asked at its own address: {}", named.join(", ")),
            )
            .remedy(format!(
                "take {} out of the environment or the profile, unless this is meant",
                names.join(", ")
            )),
        );
    }
    checks.extend(credentials(base, now));
    checks.push(identity(base));
    checks.push(clock(base));
    checks
}

fn credentials(base: &BaseFacts, now: Timestamp) -> Vec<Check> {
    let found = match &base.credentials {
        Ok(found) => found,
        Err(error) => return vec![Check::of_error("credentials", error)],
    };
    let (name, decided) = source::words(found, &base.variables);
    let fact = format!("{name}, decided by {decided}; {}", lifetime(found, now));
    match source::stray(base) {
        Some((what, remedy)) => {
            let check = Check::new("credentials", Status::Warning, format!("{fact}; {what}"));
            vec![check.remedy(remedy)]
        }
        None => vec![Check::ok("credentials", fact)],
    }
}

fn lifetime(found: &CredentialFacts, now: Timestamp) -> String {
    match (found.ends, found.temporary) {
        (Some(ends), _) => {
            let minutes = (ends.as_second() - now.as_second()) / 60;
            format!("they end at {ends}, in {minutes} min")
        }
        (None, true) => "temporary, and nothing tells when they end".to_owned(),
        (None, false) => "a long-lived key".to_owned(),
    }
}

fn identity(base: &BaseFacts) -> Check {
    const NAME: &str = "identity";
    match &base.identity {
        None => Check::skipped(NAME, "there are no credentials"),
        Some(Ok(who)) => Check::ok(
            NAME,
            format!("{} in account {}, partition {}", who.arn, who.account, who.partition),
        ),
        Some(Err(error)) if error.reason == UnknownReason::Clock => {
            let check = Check::of_error(NAME, error);
            match base.clock_ahead_seconds.filter(|ahead| ahead.abs() > SKEW_REFUSED) {
                Some(ahead) => Check {
                    fact: format!("{}: this machine's clock {} makes every call fail", check.fact, off(ahead)),
                    ..check
                }
                .remedy("set this machine's clock by NTP"),
                None => check.remedy(
                    "the clock is right, so the secret access key does not belong to the access key id: give both anew",
                ),
            }
        }
        Some(Err(error)) => Check::of_error(NAME, error),
    }
}

fn clock(base: &BaseFacts) -> Check {
    const NAME: &str = "clock";
    let Some(ahead) = base.clock_ahead_seconds else {
        return Check::skipped(NAME, "no answer of AWS had a date");
    };
    let ntp = "set this machine's clock by NTP";
    match ahead.abs() {
        seconds if seconds <= SKEW_WARNED => Check::ok(NAME, off(ahead)),
        seconds if seconds <= SKEW_REFUSED => {
            Check::new(NAME, Status::Warning, off(ahead)).remedy(ntp)
        }
        _ => {
            let fact =
                format!("{}: AWS refuses signatures that are more than 5 min off", off(ahead));
            Check::new(NAME, Status::Failed, fact).remedy(ntp)
        }
    }
}

/// `45 s behind AWS's`.
fn off(aws_is_ahead: i64) -> String {
    match aws_is_ahead {
        // An answer's date has whole seconds, and the answer took its time.
        -2..=2 => "the same as AWS's".to_owned(),
        3.. => format!("{aws_is_ahead} s behind AWS's"),
        _ => format!("{} s ahead of AWS's", aws_is_ahead.unsigned_abs()),
    }
}

fn of_organization(organization: &OrganizationFacts, setup: &Setup) -> Vec<Check> {
    let OrganizationFacts { role, via, calls, listing } = organization;
    let mut checks = vec![];
    if let (Some(answer), Some(arn)) = (role, &setup.organization_role) {
        checks.push(match answer {
            Ok(()) => Check::ok("organization_role_arn", format!("{arn} can be assumed")),
            Err(error) => Check::of_error("organization_role_arn", error),
        });
    }
    checks.extend(calls.iter().map(|call| of_call(call, listing.is_ok())));
    checks.push(match listing {
        Ok((found, selected)) if setup.listed => {
            Check::ok("accounts", format!("{selected} of {found} in `accounts.list` are selected; no Organizations call is needed"))
        }
        Ok((found, selected)) => Check::ok("accounts", format!("{selected} of {found} in the organization are selected")),
        Err(error) => match calls.iter().find(|call| call.answer.is_err()) {
            Some(call) => Check::skipped("accounts", &format!("{} fails", call.operation)),
            None if role.as_ref().is_some_and(Result::is_err) => {
                Check::skipped("accounts", "the role for it cannot be assumed")
            }
            None => Check::of_error("accounts", error),
        },
    });
    if let Some(answer) = via {
        checks.push(match answer {
            Ok(()) => Check::ok("via", format!("{} can be assumed, in turn", setup.via.join(", "))),
            Err(error) => Check::of_error("via", error),
        });
    }
    checks
}

/// A call that is refused and was not needed after all does not stop anything.
fn of_call(call: &CallFact, listed: bool) -> Check {
    match (&call.answer, listed) {
        (Ok(()), _) => Check::ok(call.operation, "allowed"),
        (Err(error), false) => Check::of_error(call.operation, error),
        (Err(error), true) => {
            let check = Check::of_error(call.operation, error);
            let fact = format!("{}; the accounts could be listed without it", check.fact);
            Check { status: Status::Warning, fact, ..check }
        }
    }
}
