//! What mends each cause: a command, a template, or a key of the configuration.

use std::collections::BTreeSet;

use super::causes::{Cause, Kind, Part};
use super::facts::Setup;
use crate::model::UnknownReason;

/// What to do about a cause; `caller` is the ARN of the base credentials.
pub(super) fn remedy(cause: &Cause, setup: &Setup, caller: &str) -> String {
    let role = Role::of(cause.part, setup);
    let calls = calls(cause);
    match cause.kind {
        Kind::AssumeDenied => role.deploy(setup, caller),
        Kind::TagSessionDenied => format!(
            "allow `sts:TagSession` beside `sts:AssumeRole` in the trust policy of `{}` ({}) and to the caller, or switch the \
             session tags of EKS Pod Identity off (`disableSessionTags` of the association)",
            role.name, role.trust
        ),
        Kind::SessionTooLong if cause.part == Part::RemediateRole => format!(
            "let sessions of `{}` last 15 minutes at least: {} as a StackSet",
            role.name, role.template
        ),
        Kind::SessionTooLong => format!(
            "lower `access.session_duration`, or raise the longest session of `{}` (`MaxSessionDuration`; {} as a StackSet)",
            role.name, role.template
        ),
        Kind::RegionDisabled => {
            "activate STS in this region in these accounts, or set `access.region` to one where it is active".to_owned()
        }
        Kind::NotAllowed if cause.part == Part::BaseCredentials => format!(
            "allow {calls} to the base credentials `{caller}` in their own account (`rolewarden iam scan` prints the policy), \
             or set `access.own_account: assume`"
        ),
        Kind::NotAllowed => format!(
            "allow {calls} to `{}`: deploy {} as a StackSet, or put what `{}` prints on the role",
            role.name, role.template, role.policy
        ),
        Kind::ExplicitDeny => format!(
            "a policy denies {calls} by name: find the `Deny` among the policies of `{}`, and take it out; allowing more does \
             not help",
            role.name
        ),
        Kind::BoundaryDenied => format!(
            "let the permissions boundary of `{}` allow {calls}: `{}` prints what it needs",
            role.name, role.policy
        ),
        Kind::SessionPolicyDenied => format!(
            "if AWS names the role in another spelling of upper and lower case, a role is in the way that no policy means: delete it, \
             and make it anew under its right name. Otherwise the session is narrower than the calls of its step: set `access.session_policy: none`, and report it if \
             {calls} is refused then as well"
        ),
        Kind::VpcEndpointDenied => format!(
            "let the policy of the VPC endpoint that these calls go through allow {calls} for other accounts"
        ),
        Kind::ScpDenied | Kind::RcpDenied => format!(
            "exempt `{}` from the {} that refuses {calls}, for instance by `aws:PrincipalArn`; policies in the account cannot \
             allow it",
            role.name,
            if cause.kind == Kind::ScpDenied { "service control policy" } else { "resource control policy" },
        ),
        Kind::Failed(reason) => failed(reason).to_owned(),
        Kind::ExternalIdUnknown => format!(
            "ask again: whether `{}` is refused without the external id was not answered",
            role.name
        ),
        Kind::ExternalIdNotAsked => format!(
            "let the trust policy of `{}` ask for the external id (`sts:ExternalId`): {} as a StackSet, or what `{}` prints",
            role.name, role.template, role.trust
        ),
    }
}

/// `iam:GetRole`, `iam:GetRolePolicy`
fn calls(cause: &Cause) -> String {
    let operations: BTreeSet<&str> = cause.calls.iter().map(|call| call.operation).collect();
    operations.iter().map(|operation| format!("`{operation}`")).collect::<Vec<_>>().join(", ")
}

/// The role that a cause is about, and where it comes from.
struct Role<'a> {
    name: &'a str,
    template: &'static str,
    policy: &'static str,
    trust: &'static str,
}

impl<'a> Role<'a> {
    fn of(part: Part, setup: &'a Setup) -> Self {
        match part {
            Part::BaseCredentials | Part::ScanRole => Self {
                name: &setup.scan_role,
                template: "deploy/cloudformation/scan-role.yaml",
                policy: "rolewarden iam scan --document policy",
                trust: "rolewarden iam scan --document trust",
            },
            Part::RemediateRole => Self {
                name: &setup.remediate_role,
                template: "deploy/cloudformation/remediate-role.yaml",
                policy: "rolewarden iam remediate --document policy",
                trust: "rolewarden iam remediate --document trust",
            },
        }
    }

    /// AWS does not tell which of these it is.
    fn deploy(&self, setup: &Setup, caller: &str) -> String {
        let caller = setup.via.last().map_or(caller, String::as_str);
        let and = if setup.external_id { " and the configured external id" } else { "" };
        format!(
            "deploy `{}`: {} as a StackSet, and as a stack of its own in the management account. If it is there, compare its \
             trust policy with what `{}` prints (it must name `{caller}`{and}), and allow `sts:AssumeRole` to that caller \
             (`rolewarden iam hub`)",
            self.name, self.template, self.trust
        )
    }
}

fn failed(reason: UnknownReason) -> &'static str {
    use UnknownReason as R;
    match reason {
        R::Throttled => {
            "lower `sweep.concurrency`, or look for another program that spends the same quota"
        }
        R::Timeout => {
            "look at the network path to AWS; raise `sweep.attempt_timeout` or `sweep.account_timeout`"
        }
        R::Network => "look at DNS, proxy, firewall and TLS between here and AWS",
        R::MalformedResponse => "look for a proxy or an emulator that changes answers",
        R::WrongAccount => "look for a proxy, a cache or an endpoint that mixes up accounts",
        R::Clock => "set this machine's clock by NTP",
        R::AccountGone => "the account left the organization: ask again",
        R::Unstable | R::Undecided | R::Pending | R::Stale => "ask again",
        R::Internal => "this is a defect of rolewarden: please report it, with the log",
        R::AwsError | R::AssumeDenied | R::ScpDenied | R::AccessDenied => {
            "ask again; `--format json` has the code and the request id, which AWS support asks for"
        }
    }
}
