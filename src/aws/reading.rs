//! Whether what was read was there at one moment.
//!
//! A role is read by several calls, and IAM has no snapshot: a role that changes between two of them can be read as one
//! that never was. Two things show that it did not:
//!
//! - **One moment.** No call waited for what another answered, each was answered at its first attempt, and all of it took no
//!   longer than [`ONE_MOMENT`]. Then only a change within that time can have come between. That is the whole
//!   cost of a healthy account: four calls.
//! - **Two equal readings in a row.** Let *b* be a time after the last answer of the first reading and before the first
//!   call of the second. Every part was read once before *b* and once after it. Where both answers are the same, the part
//!   was the same at *b*, or it became another one and then the same again in between. So unless a part went there and
//!   back, the role was at *b* as it was read, however torn each reading is. A role that was deleted and made again has
//!   another id, which is one of the parts; so it never counts as there and back.
//!
//! What remains: a change within the one second of a calm reading, and a part that goes there and back just between its
//! two answers. For a false claim that must happen in a way that hides every fault of the role from both readings; the next
//! sweep reads again.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::RoleReader;
use crate::model::{Account, ScanError, Snapshot, UnknownReason};

/// Longest time from the first call to the last answer that counts as one moment. Four calls to IAM take a tenth of it
/// from anywhere; a role edited by hand stays as it is for longer.
pub const ONE_MOMENT: Duration = Duration::from_secs(1);

/// Whole readings of one role at most: one, one that must agree, and one more where the two differ.
pub const READINGS: usize = 3;

/// What was read, and whether at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading<T = Snapshot> {
    /// What was read.
    pub seen: T,
    /// How it was read.
    pub taken: Taken,
}

/// How a reading went: when its calls were sent and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    first_sent: Instant,
    last_sent: Instant,
    first_answered: Instant,
    last_answered: Instant,
    /// A call was made because of what another of the same reading answered: a retry, another page, a second round trip.
    in_turns: bool,
}

/// What a claim rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A reading of one moment, or two that agree.
    OneMoment,
    /// Two readings that agree, whatever each was.
    TwoReadings,
}

impl Taken {
    /// One call, sent and answered.
    pub fn call(sent: Instant, answered: Instant) -> Self {
        Self {
            first_sent: sent,
            last_sent: sent,
            first_answered: answered,
            last_answered: answered,
            in_turns: false,
        }
    }

    /// With one more call of the same reading.
    #[must_use]
    pub fn and_call(self, sent: Instant, answered: Instant, follows: bool) -> Self {
        let in_turns = self.in_turns || follows;
        Self { in_turns, ..self.span(Self::call(sent, answered)) }
    }

    /// Both readings as one. Answers that came just when another call was sent count as having come before it.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let both = self.span(other);
        let in_turns = self.in_turns || other.in_turns || both.last_sent >= both.first_answered;
        Self { in_turns, ..both }
    }

    fn span(self, other: Self) -> Self {
        Self {
            first_sent: self.first_sent.min(other.first_sent),
            last_sent: self.last_sent.max(other.last_sent),
            first_answered: self.first_answered.min(other.first_answered),
            last_answered: self.last_answered.max(other.last_answered),
            in_turns: self.in_turns,
        }
    }

    /// Whether it shows the role as it was at one moment.
    pub fn is_one_moment(self) -> bool {
        !self.in_turns && self.last_answered.duration_since(self.first_sent) <= ONE_MOMENT
    }
}

/// Reads, and reads again until what is claimed of it is proved; [`READINGS`] times at most. After two readings that differ
/// only two that agree prove anything.
///
/// # Errors
/// A reading fails, nothing can be claimed, or no two readings agree (`unstable`).
pub async fn proved<T, C, F>(
    read: impl Fn() -> F,
    claim: impl Fn(&T) -> Result<(C, Proof), ScanError>,
) -> Result<C, ScanError>
where
    T: PartialEq,
    F: Future<Output = Result<Reading<T>, ScanError>>,
{
    let mut reading = read().await?;
    // A role that was seen to change may be changing still: from then on only two equal readings prove anything.
    let mut changing = false;
    for _ in 1..READINGS {
        let (claimed, proof) = claim(&reading.seen)?;
        if !changing && proof == Proof::OneMoment && reading.taken.is_one_moment() {
            return Ok(claimed);
        }
        let again = read().await?;
        if again.seen == reading.seen {
            return Ok(claimed);
        }
        (reading, changing) = (again, true);
    }
    Err(unstable())
}

/// The role of one account, as it was at one moment.
///
/// # Errors
/// As [`proved`].
pub async fn read_proved<R: RoleReader>(
    reader: &R,
    account: &Account,
) -> Result<Snapshot, ScanError> {
    let claim = |seen: &Snapshot| Ok((seen.clone(), Proof::OneMoment));
    proved(|| reader.read_role(account), claim).await
}

fn unstable() -> ScanError {
    ScanError::new(
        UnknownReason::Unstable,
        format!("the role was read {READINGS} times, and no two readings agree"),
    )
    .hint("the role is changing right now, or AWS answers late; look at CloudTrail, and scan again")
}
