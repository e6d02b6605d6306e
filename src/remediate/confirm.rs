//! Reading: once, with its age, and again and again until it is known what became of a write.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

use super::{Engine, Journal};
use crate::aws::RoleReader;
use crate::model::{Account, LINKED_ROLE, ScanError, Snapshot, Write};

/// The oldest that a read may be when a write follows it.
const FRESH: Duration = Duration::from_secs(5);

/// How long reading goes on after a signal; the next start reads what is not known by then.
const LAST: Duration = Duration::from_secs(8);

/// Waits between reads: the first is short, because most changes are seen at once.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A snapshot, and when reading it began: by a clock that stands still in a suspended machine, and by one that does not.
pub(super) struct Read {
    pub(super) snapshot: Snapshot,
    begun: Instant,
    begun_at: Timestamp,
}

impl Read {
    /// Whether a write may still rest on it. A clock that went back tells nothing, so it may not.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.begun_at);
        self.begun.elapsed() <= FRESH
            && age >= SignedDuration::ZERO
            && age <= SignedDuration::from_secs(5)
    }
}

/// What reads say of a write.
pub(super) enum Seen {
    /// Two reads in a row agree, and are what was wanted.
    Wanted(Snapshot),
    /// Until the end of the time two reads in a row agreed on the state before it.
    Before,
    /// They agreed on something else.
    Other,
    /// No two reads agreed; why the last one failed, if it did.
    Nothing(Option<ScanError>),
    /// The process is to end before it is known.
    Stopped,
}

impl<A, J> Engine<A, J>
where
    A: RoleReader + Send + Sync,
    J: Journal,
{
    /// Reads the role that a write is about.
    pub(super) async fn read(&self, account: &Account, write: &Write) -> Result<Read, ScanError> {
        let (begun, begun_at) = (Instant::now(), self.now());
        let snapshot = match write {
            Write::CreateServiceLinkedRole { .. } => {
                self.aws.read_other_role(account, LINKED_ROLE).await?.seen
            }
            _ => self.aws.read_role(account).await?.seen,
        };
        Ok(Read { snapshot, begun, begun_at })
    }

    /// Reads until two reads in a row agree on what is wanted, or until the time is over. Never shorter: a write whose
    /// answer was lost may still take effect.
    pub(super) async fn confirm(
        &self,
        account: &Account,
        write: &Write,
        wanted: impl Fn(&Snapshot) -> bool,
        before: impl Fn(&Snapshot) -> bool,
    ) -> Seen {
        let end = Instant::now() + self.remediation.verify_timeout;
        let (mut wait, mut last, mut stop) = (FIRST_WAIT, None, None);
        loop {
            let read = self.read(account, write).await.map(|read| read.snapshot);
            let agreed = read.as_ref().is_ok_and(|seen| last.as_ref() == Some(seen));
            let over = Instant::now() >= end;
            match read {
                Ok(seen) if agreed && wanted(&seen) => return Seen::Wanted(seen),
                Ok(seen) if agreed && over && before(&seen) => return Seen::Before,
                Ok(_) if agreed && over => return Seen::Other,
                Ok(_) if over => return Seen::Nothing(None),
                Ok(seen) => last = Some(seen),
                Err(error) if over => return Seen::Nothing(Some(error)),
                Err(_) => last = None,
            }
            if self.cancel.is_cancelled()
                && Instant::now() >= *stop.get_or_insert(Instant::now() + LAST)
            {
                return Seen::Stopped;
            }
            // The last two reads are at the end, one right after the other.
            let left = end.saturating_duration_since(Instant::now());
            sleep(wait.min(left.max(FIRST_WAIT))).await;
            wait = (wait * 2).min(if stop.is_some() { LAST / 8 } else { LONGEST_WAIT });
        }
    }
}
