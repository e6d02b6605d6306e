//! The preflight: what was asked and answered becomes checks and causes, each with what mends it. Pure.
//!
//! [`Facts`] come from `aws`, which asks for each permission by itself; [`Report`] is what people and programs read.

mod causes;
mod checks;
mod facts;
mod remedies;
mod report;
mod source;
#[cfg(test)]
mod tests;

pub use causes::{Call, Cause, Kind, Part};
pub use checks::{Check, Status};
pub use facts::{
    AccountFacts, Answer, Asked, Assumed, BaseFacts, CallFact, CredentialFacts, Facts,
    IdentityFacts, OrganizationFacts, Provider, Read, ReadFact, Setup, Subject,
};
pub use report::{
    AccountEntry, AccountStatus, Base, CauseEntry, Outcome, Problem, Report, Summary,
};
pub use source::{VARIABLES, Variables};
