//! A run: a canary, five more, the rest.

use super::account::{Cause, Done};
use super::breaker::{self, Tally};
use super::{AccountRun, Engine, Journal, Outcome, RunReport, RunSummary, crash};
use crate::aws::{RoleReader, RoleWriter};
use crate::model::{AccountId, Breaker, Origin};
use crate::plan::{ApprovedPlan, Blocked};

/// The canary and the five after it: a failure among them ends the run.
const EARLY: usize = 6;

impl<A, J> Engine<A, J>
where
    A: RoleReader + RoleWriter + Send + Sync,
    J: Journal,
{
    /// Carries out a plan, account by account. What is not written says why, account by account.
    pub async fn run(&self, approved: &ApprovedPlan, origin: Origin) -> RunReport {
        let (plan, most) = (approved.plan(), approved.most());
        let cause = Cause { run: crate::clock::sweep_id(), origin };
        let started_at = self.now();
        tracing::info!(
            run = cause.run,
            plan = plan.id,
            accounts = plan.accounts.len(),
            most,
            "remediation started"
        );
        // After a reset, one account decides.
        let half_open = self.journal.guard().is_ok_and(|guard| guard.breaker == Breaker::HalfOpen);
        let (mut accounts, mut held, mut tally): (Vec<AccountRun>, _, _) =
            (vec![], self.held().err(), Tally::default());
        for account in &plan.accounts {
            let trial_over = || (half_open && tally.tried > 0).then_some(Blocked::Trial);
            let spent = || (tally.tried >= most).then_some(Blocked::Limit(most));
            if let Some(why) = held.clone().or_else(trial_over).or_else(spent) {
                accounts.push(Done::blocked(account, &why).report);
                continue;
            }
            let done = self.account(account, &cause).await;
            held = done.held;
            // What was stopped did not fail.
            let failed = done.report.outcome == Outcome::Failed && held.is_none();
            if done.tried && held.is_none() {
                held = self.counted(&mut tally, &account.account, failed).err();
            }
            accounts.push(done.report);
            crash::point("between-accounts");
        }
        let report = RunReport {
            schema: RunReport::SCHEMA,
            run: cause.run,
            plan: Some(plan.id.clone()),
            origin,
            started_at,
            finished_at: self.now(),
            ended_early: held,
            summary: RunSummary::of(&accounts),
            accounts,
        };
        report.tell();
        report
    }

    /// Counts an account in which something was tried, and ends the run where it must end.
    pub(super) fn counted(
        &self,
        tally: &mut Tally,
        account: &AccountId,
        failed: bool,
    ) -> Result<(), Blocked> {
        tally.tried += 1;
        tally.failed += usize::from(failed);
        self.count(*tally, failed)?;
        match failed && tally.tried <= EARLY {
            true => Err(Blocked::EarlyFailure(account.clone())),
            false => Ok(()),
        }
    }

    /// Counts one account for the breaker.
    fn count(&self, tally: Tally, failed: bool) -> Result<(), Blocked> {
        let (now, mut opened) = (self.now(), None);
        let counted = self.journal.update_guard(&mut |guard| {
            opened = breaker::count(guard, tally, failed, &self.remediation, now);
        });
        counted.map_err(Blocked::Journal)?;
        match opened {
            None => Ok(()),
            Some(why) => {
                tracing::error!(
                    why,
                    "the breaker of remediation opened: nothing more is written until it is reset"
                );
                self.observer.breaker_opened(&why);
                Err(Blocked::BreakerOpen { since: now, why })
            }
        }
    }
}

impl RunReport {
    pub(super) fn tell(&self) {
        let RunSummary { applied, done_already, left, failed } = self.summary;
        let ended_early = self.ended_early.as_ref().map(ToString::to_string).unwrap_or_default();
        tracing::info!(
            run = self.run,
            applied,
            done_already,
            left,
            failed,
            ended_early,
            "remediation ended"
        );
    }
}
