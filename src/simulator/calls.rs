//! The operations the simulator knows, and how often each was called where.

use std::collections::BTreeMap;

use crate::model::AccountId;

/// The API an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Sts,
    Iam,
    Organizations,
}

macro_rules! operations {
    ($($name:ident: $service:ident,)*) => {
        /// An operation of AWS's APIs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the names are AWS's")]
        pub enum Operation { $($name,)* }

        impl Operation {
            /// Every operation the simulator answers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, as in `Action=` and `X-Amz-Target`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            pub(super) fn service(self) -> Service {
                match self { $(Self::$name => Service::$service,)* }
            }
        }
    };
}

operations! {
    GetCallerIdentity: Sts,
    AssumeRole: Sts,
    GetRole: Iam,
    ListRolePolicies: Iam,
    GetRolePolicy: Iam,
    ListAttachedRolePolicies: Iam,
    GetPolicy: Iam,
    GetPolicyVersion: Iam,
    CreateRole: Iam,
    UpdateRole: Iam,
    DeleteRole: Iam,
    UpdateAssumeRolePolicy: Iam,
    PutRolePolicy: Iam,
    DeleteRolePolicy: Iam,
    AttachRolePolicy: Iam,
    DetachRolePolicy: Iam,
    PutRolePermissionsBoundary: Iam,
    DeleteRolePermissionsBoundary: Iam,
    TagRole: Iam,
    UntagRole: Iam,
    CreateServiceLinkedRole: Iam,
    DescribeOrganization: Organizations,
    ListAccounts: Organizations,
    ListRoots: Organizations,
    ListOrganizationalUnitsForParent: Organizations,
    ListAccountsForParent: Organizations,
    ListTagsForResource: Organizations,
}

impl Operation {
    /// The action that policies name: `iam:GetRole`.
    pub fn action(self) -> String {
        let prefix = match self.service() {
            Service::Sts => "sts",
            Service::Iam => "iam",
            Service::Organizations => "organizations",
        };
        format!("{prefix}:{}", self.as_str())
    }

    /// Whether it changes an account.
    pub fn writes(self) -> bool {
        let reads = ["Get", "List"].iter().any(|verb| self.as_str().starts_with(verb));
        self.service() == Service::Iam && !reads
    }

    pub(super) fn parse(service: Service, name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|op| op.service() == service && op.as_str() == name)
    }
}

/// Calls that reached the server, by operation and by the account they act in: AssumeRole counts for the account of the
/// role, everything else for the caller's. Refused and broken answers count; requests that could not be read do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    totals: BTreeMap<Operation, u64>,
    by_account: BTreeMap<AccountId, BTreeMap<Operation, u64>>,
}

impl Calls {
    /// All calls.
    pub fn total(&self) -> u64 {
        self.totals.values().sum()
    }

    /// Calls of one operation.
    pub fn of(&self, operation: Operation) -> u64 {
        self.totals.get(&operation).copied().unwrap_or(0)
    }

    /// Calls of one operation that act in one account.
    pub fn of_in(&self, operation: Operation, account: &AccountId) -> u64 {
        self.by_account.get(account).and_then(|calls| calls.get(&operation)).copied().unwrap_or(0)
    }

    /// IAM calls into one account.
    pub fn iam_in(&self, account: &AccountId) -> u64 {
        let calls = self.by_account.get(account).into_iter().flatten();
        calls
            .filter(|(operation, _)| operation.service() == Service::Iam)
            .map(|(_, count)| count)
            .sum()
    }

    pub(super) fn count(&mut self, operation: Operation, account: &AccountId) {
        *self.totals.entry(operation).or_default() += 1;
        if !self.by_account.contains_key(account) {
            self.by_account.insert(account.clone(), BTreeMap::new());
        }
        if let Some(calls) = self.by_account.get_mut(account) {
            *calls.entry(operation).or_default() += 1;
        }
    }
}
