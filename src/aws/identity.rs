//! Who we are: the base credentials are resolved once at start, so that what is wrong with them is said at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;

use super::Aws;
use super::client::Clients;
use super::dates::Dates;
use super::error::{CREDENTIALS_HINT, causes, malformed, wrong_account};
use crate::model::{AccountId, Partition, ScanError, UnknownReason, printable_line};

const OPERATION: &str = "sts:GetCallerIdentity";

/// The base credentials as they are now; they may be another session's than the last time.
pub(super) async fn base_credentials(clients: &Clients) -> Result<Credentials, ScanError> {
    let missing =
        |message: String| ScanError::new(UnknownReason::AwsError, message).hint(CREDENTIALS_HINT);
    let provider = clients
        .base_credentials()
        .ok_or_else(|| missing("there are no AWS credentials".to_owned()))?;
    let found = provider.provide_credentials().await;
    found.map_err(|error| missing(format!("no AWS credentials were found: {}", causes(&error))))
}

/// The identity of the base credentials.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// The account they live in.
    pub(super) account: AccountId,
    /// The partition, which every account of the organization shares.
    pub(super) partition: Partition,
    /// Their ARN, printable.
    pub(super) arn: String,
}

impl Identity {
    /// Asks STS whose the base credentials are; `dates` notes what every answer says the time is.
    pub(super) async fn resolve(clients: &Clients, dates: &Dates) -> Result<Self, ScanError> {
        let send = || {
            let call = clients.sts().get_caller_identity();
            call.customize().interceptor(dates.clone()).send()
        };
        let asked = clients.lanes().sts().call(OPERATION, send).await;
        let answer = asked.map_err(|mut error| {
            error.message = format!("{} ({})", error.message, clients.place());
            error
        })?;
        Self::parse(answer.account().unwrap_or_default(), answer.arn().unwrap_or_default())
    }

    fn parse(account: &str, arn: &str) -> Result<Self, ScanError> {
        let account: AccountId =
            account.parse().map_err(|error| malformed(OPERATION, format!("{error}")))?;
        let partition = Partition::of_arn(arn).ok_or_else(|| {
            malformed(OPERATION, format!("`{}` is not an ARN", printable_line(arn, 256)))
        })?;
        let of_arn = arn.split(':').nth(4).unwrap_or_default();
        if of_arn != account.as_str() {
            return Err(malformed(
                OPERATION,
                format!("account {account} and ARN `{}` differ", printable_line(arn, 256)),
            ));
        }
        Ok(Self { account, partition, arn: printable_line(arn, 256) })
    }

    /// Whether the base credentials are an assumed role's: assuming another from it is chaining.
    pub(super) fn is_session(&self) -> bool {
        self.arn.split(':').nth(5).is_some_and(|resource| resource.starts_with("assumed-role/"))
    }
}

/// Access keys that proved to be of the account they were used for: the last one of each.
#[derive(Debug, Default)]
pub(super) struct Proven(Mutex<HashMap<AccountId, String>>);

impl Proven {
    fn has(&self, account: &AccountId, key: &str) -> bool {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(account).is_some_and(|proven| proven == key)
    }

    fn add(&self, account: &AccountId, key: &str) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(account.clone(), key.to_owned());
    }
}

impl Aws {
    /// Asks STS whose these credentials are, once for each. An answer such as "no such role" or an empty list names no
    /// account, and neither does a write's. Where STS's answer was mixed up on its way, or the base credentials have become
    /// another account's since the start, it would be believed of the wrong account.
    pub(super) async fn prove_account(
        &self,
        account: &AccountId,
        credentials: &Credentials,
    ) -> Result<(), ScanError> {
        let key = credentials.access_key_id();
        if self.proven.has(account, key) {
            return Ok(());
        }
        let sts = self.clients.sts_with(credentials.clone());
        let send = || sts.get_caller_identity().send();
        let answer = self.clients.lanes().sts().call(OPERATION, send).await?;
        let (said, arn) = (answer.account().unwrap_or_default(), answer.arn().unwrap_or_default());
        let is = Identity::parse(said, arn)?;
        if is.account != *account {
            let error = wrong_account(OPERATION, account.as_str(), &is.arn);
            return Err(match self.is_direct(account) {
                true => error.hint("the base credentials are another account's than at the start: restart rolewarden with those that are meant"),
                false => error,
            });
        }
        self.proven.add(account, key);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_is_what_the_arn_says() {
        let ok = |account, arn| Identity::parse(account, arn).unwrap();
        let hub = ok("111122223333", "arn:aws-cn:sts::111122223333:assumed-role/hub/i-1");
        assert_eq!((hub.partition.as_str(), hub.is_session()), ("aws-cn", true));
        assert!(!ok("111122223333", "arn:aws:iam::111122223333:user/u").is_session());
        for (account, arn) in
            [("", ""), ("111122223333", "x"), ("111122223333", "arn:aws:iam::000000000001:user/u")]
        {
            assert_eq!(
                Identity::parse(account, arn).unwrap_err().reason,
                UnknownReason::MalformedResponse,
                "case `{arn}`"
            );
        }
    }
}
