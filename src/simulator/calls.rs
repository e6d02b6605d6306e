//! The operations the simulator knows, and how often each was called where.

use std::collections::HashMap;

use crate::model::AccountId;

/// The API an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Sts,
    Iam,
    Organizations,
    Eks,
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
    ListClusters: Eks,
    DescribeCluster: Eks,
}

impl Operation {
    /// The action that policies name: `iam:GetRole`.
    pub fn action(self) -> String {
        let prefix = match self.service() {
            Service::Sts => "sts",
            Service::Iam => "iam",
            Service::Organizations => "organizations",
            Service::Eks => "eks",
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
    totals: Counts,
    by_account: HashMap<AccountId, Counts>,
}

/// Calls of each operation, in the order of [`Operation::ALL`].
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counts([u32; Operation::ALL.len()]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; Operation::ALL.len()])
    }
}

impl Counts {
    fn of(&self, operation: Operation) -> u64 {
        self.0.get(operation as usize).copied().unwrap_or_default().into()
    }

    fn add(&mut self, operation: Operation) {
        if let Some(count) = self.0.get_mut(operation as usize) {
            *count = count.saturating_add(1);
        }
    }

    fn of_iam(&self) -> u64 {
        let iam = Operation::ALL.iter().filter(|operation| operation.service() == Service::Iam);
        iam.map(|operation| self.of(*operation)).sum()
    }
}

/// Calls that came before one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// Of its operation in its account.
    pub(super) in_account: u64,
    /// Of its operation.
    pub(super) in_all: u64,
    /// To IAM in its account.
    pub(super) iam: u64,
}

impl Calls {
    /// All calls.
    pub fn total(&self) -> u64 {
        self.totals.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// Calls of one operation.
    pub fn of(&self, operation: Operation) -> u64 {
        self.totals.of(operation)
    }

    /// Calls of one operation that act in one account.
    pub fn of_in(&self, operation: Operation, account: &AccountId) -> u64 {
        self.by_account.get(account).map_or(0, |calls| calls.of(operation))
    }

    /// IAM calls into one account.
    pub fn iam_in(&self, account: &AccountId) -> u64 {
        self.by_account.get(account).map_or(0, Counts::of_iam)
    }

    pub(super) fn count(&mut self, operation: Operation, account: &AccountId) -> Before {
        if !self.by_account.contains_key(account) {
            self.by_account.insert(account.clone(), Counts::default());
        }
        let in_all = self.totals.of(operation);
        self.totals.add(operation);
        let Some(calls) = self.by_account.get_mut(account) else {
            return Before { in_account: 0, in_all, iam: 0 };
        };
        let before = Before { in_account: calls.of(operation), in_all, iam: calls.of_iam() };
        calls.add(operation);
        before
    }
}
