//! A small fake organization over real HTTP/1.1 on loopback, for the demo, for rehearsals and for tests.
//!
//! It speaks the wire as the AWS SDK sends and parses it: STS and IAM in query and XML, Organizations in JSON 1.1, EKS in
//! REST and JSON.
//! A [`World`] is plain data, made by hand or by [`generate`]; a [`Server`] answers from it, counts every call and lets
//! the world be changed while it runs. Nothing of the policy engine or of the adapters under test is used here.
//!
//! | service | operations |
//! | --- | --- |
//! | STS | GetCallerIdentity, AssumeRole |
//! | IAM | GetRole, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies, GetPolicy, GetPolicyVersion |
//! | IAM, writing | CreateRole, UpdateRole, DeleteRole, UpdateAssumeRolePolicy, PutRolePolicy, DeleteRolePolicy, AttachRolePolicy, DetachRolePolicy, PutRolePermissionsBoundary, DeleteRolePermissionsBoundary, TagRole, UntagRole, CreateServiceLinkedRole |
//! | EKS | ListClusters, DescribeCluster |
//! | Organizations | DescribeOrganization, ListAccounts, ListRoots, ListOrganizationalUnitsForParent, ListAccountsForParent, ListTagsForResource |
//!
//! What it holds to: a request acts in the account its access key belongs to; AssumeRole refuses roles that do not
//! exist, callers that are not trusted, a wrong external id and closed accounts, all with the same `AccessDenied`; a
//! session may do what its role allows and its session policy does not take away; Organizations answers the management
//! account and delegated administrators only; lists are paged, documents percent-encoded.
//!
//! Its limits: signatures are verified only with `World::check_signatures` (keys and session tokens always are), policies
//! of the simulated roles are stored but not evaluated, conditions in session policies are ignored, sessions do not
//! outlive the server, and there is no TLS.
//! Writes are checked for their form and for IAM's quotas, not for whether their principals exist; for `World::lag` after
//! one, reads see the account as it was before it or after it. Where AWS's own behaviour is not known, it does the plain
//! thing: `moto` and AWS decide.

mod answer;
mod body;
mod bombs;
mod calls;
mod control;
mod delay;
mod deliver;
mod direct;
mod documents;
mod eks;
mod fault;
mod generate;
mod grants;
mod iam;
mod lag;
mod mint;
mod named;
mod organizations;
mod paging;
mod quota;
mod script;
mod server;
mod signature;
mod spoil;
mod sts;
mod syntax;
mod wire;
mod world;
mod write;
mod xml;

pub use calls::{Calls, Operation};
pub use control::CONTROL;
pub use direct::Direct;
pub use fault::Fault;
pub use generate::{ADMINISTRATOR_ROLE, Kind, Mix, generate, generate_with};
pub use named::InvalidName;
pub use paging::Paging;
pub use quota::Quota;
pub use script::{Counted, On, Rule, ScriptError, parse_script};
pub use server::{Running, Server};
pub use world::{
    Access, Assumable, Change, Cluster, Listing, ManagedPolicy, Member, Role, State, StateField,
    Unit, World,
};
