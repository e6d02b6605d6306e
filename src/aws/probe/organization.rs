//! The way to the accounts: roles that are assumed on it, and each Organizations call by itself.

use crate::aws::Aws;
use crate::aws::organization::{DESCRIBE, Directory, LIST, LIST_TAGS};
use crate::aws::tree::{LIST_ACCOUNTS, LIST_ROOTS, LIST_UNITS};
use crate::aws::wanted::Wanted;
use crate::config::AccountSource;
use crate::doctor::{Answer, CallFact};
use crate::model::ScanError;

/// What was learned of the way to the accounts.
#[derive(Debug)]
pub struct Way {
    /// `accounts.organization_role_arn`, if it is used.
    pub role: Option<Answer>,
    /// `access.via`, if there are any.
    pub via: Option<Answer>,
    /// Each Organizations call that is needed.
    pub calls: Vec<CallFact>,
}

impl Aws {
    pub(super) async fn way(&self) -> Way {
        let via = match self.config.access.via.is_empty() {
            true => None,
            false => Some(self.chain(&self.scan_roles()).await.map(drop)),
        };
        if let AccountSource::List(_) = self.config.accounts.source {
            return Way { role: None, via, calls: vec![] };
        }
        let session = self.organization_session().await;
        let role = self.config.accounts.organization_role_arn.as_ref();
        let role = role.map(|_| session.as_ref().map(drop).map_err(Clone::clone));
        let calls = match session {
            Ok(credentials) => {
                let client = self.clients.organizations(credentials);
                let lane = self.clients.lanes().organizations();
                self.ask_organization(&Directory { client, lane }).await
            }
            Err(_) => vec![],
        };
        Way { role, via, calls }
    }

    /// One call after the other, the first page of each list.
    async fn ask_organization(&self, directory: &Directory) -> Vec<CallFact> {
        let Directory { client, lane } = directory;
        let wanted = Wanted::of(&self.config);
        let mut calls = vec![];
        let mut note = |operation, answer| calls.push(CallFact { operation, answer });
        note(DESCRIBE, yes(lane.call(DESCRIBE, || client.describe_organization().send()).await));
        let listed = lane.call(LIST, || client.list_accounts().send()).await;
        // With paths, no unit need be asked for its accounts.
        let accounts = listed.as_ref().map(|page| page.accounts()).unwrap_or_default();
        let has_paths = accounts.iter().all(|account| !account.paths().is_empty());
        note(LIST, yes(listed));
        if let Some(unit) = wanted.a_unit() {
            note(LIST_ROOTS, yes(lane.call(LIST_ROOTS, || client.list_roots().send()).await));
            let units = || client.list_organizational_units_for_parent().parent_id(unit).send();
            note(LIST_UNITS, yes(lane.call(LIST_UNITS, units).await));
            if !has_paths {
                let inside = || client.list_accounts_for_parent().parent_id(unit).send();
                note(LIST_ACCOUNTS, yes(lane.call(LIST_ACCOUNTS, inside).await));
            }
        }
        if wanted.by_tags() {
            let own = self.identity.account.as_str();
            let tags = || client.list_tags_for_resource().resource_id(own).send();
            note(LIST_TAGS, yes(lane.call(LIST_TAGS, tags).await));
        }
        calls
    }
}

/// That there is no such thing is a yes: whether the configuration names it rightly is another question.
fn yes<T>(answer: Result<T, ScanError>) -> Answer {
    let absent = ["ParentNotFoundException", "TargetNotFoundException"];
    match answer {
        Ok(_) => Ok(()),
        Err(error) if error.code.as_deref().is_some_and(|code| absent.contains(&code)) => Ok(()),
        Err(error) => Err(error),
    }
}
