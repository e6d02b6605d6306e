//! What each identity must be allowed, and nothing beyond it: derived from the configuration. Pure.
//!
//! Three identities: the **hub** that rolewarden runs as, the role that **scan**s and the role that **remediate**s. The
//! documents printed here are what a person attaches to them; a session is narrowed further from the same lists, so that
//! the two cannot drift apart.

mod hub;
mod remediate;
mod scan;
mod statement;
mod trust;

#[cfg(test)]
mod tests;

use crate::config::{Config, Presence};
use crate::model::{Action, CheckName};

pub(crate) use hub::{enter, in_every_account, listing};
pub use hub::{hub, others};
pub(crate) use remediate::calls_of;
pub use remediate::remediate;
pub use scan::scan;
pub(crate) use statement::literal;
pub use statement::{Document, Statement};
pub use trust::{MemberTrust, PLACEHOLDERS, RunsOn};

/// Stands for every account in the ARNs of a document.
pub const EVERY_ACCOUNT: &str = "*";

/// Whether documents of managed policies are read.
pub(crate) fn reads_managed(config: &Config) -> bool {
    !config.checks.disabled.contains(&CheckName::EffectivePermissions)
}

/// Whether EKS is asked for connected clusters, which may name any role.
fn looks_at_clusters(config: &Config) -> bool {
    config.baseline.presence == Presence::WhenConnected
}

/// Whether the service-linked role is read: to judge it, or to see that it was made.
fn reads_linked(config: &Config) -> bool {
    !config.checks.disabled.contains(&CheckName::ServiceLinkedRole)
        || config.remediation.actions.contains(&Action::CreateServiceLinkedRole)
}
