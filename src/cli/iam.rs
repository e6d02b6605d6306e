//! `rolewarden iam`: the policies that the configuration in force needs, and no more. No AWS calls.

use std::io::Write as _;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Common, output};
use crate::config::{AccountSource, Config, RemediationMode};
use crate::exit::Exit;
use crate::model::{InvalidArn, Partition, RoleArn, json_pretty};
use crate::permissions::{self, Document, EVERY_ACCOUNT, MemberTrust, PLACEHOLDERS, RunsOn};

pub(super) const HELP: &str = "\
Example, the role of every member account:
  rolewarden iam scan --config rolewarden.yaml --hub-role arn:aws:iam::111122223333:role/rolewarden-hub \\
    --organization-id o-exampleorgid --document trust > trust.json
  rolewarden iam scan --config rolewarden.yaml --document policy > policy.json
  aws iam create-role --role-name rolewarden-scan --assume-role-policy-document file://trust.json
  aws iam put-role-policy --role-name rolewarden-scan --policy-name rolewarden-scan --policy-document file://policy.json

deploy/cloudformation and deploy/terraform make the same roles in every account of an organization.";

/// Name of the hub's role where `--hub-role` does not say.
const HUB: &str = "rolewarden-hub";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The identity that rolewarden runs as: lists accounts, enters them
    #[command(after_help = HELP)]
    Hub {
        #[command(flatten)]
        flags: Flags,
        /// Where rolewarden runs, which is who may give it this role
        #[arg(long, value_name = "WHERE", default_value = "ec2")]
        runs_on: Where,
        /// For irsa: the cluster's OIDC issuer, without https://
        #[arg(long, value_name = "HOST/PATH", value_parser = provider_of)]
        oidc_provider: Option<String>,
        /// For irsa: the service account of the pod
        #[arg(long, value_name = "NAMESPACE:NAME", default_value = "rolewarden:rolewarden", value_parser = service_account_of)]
        service_account: String,
    },
    /// The role in every member account that is read with
    #[command(after_help = HELP)]
    Scan {
        #[command(flatten)]
        flags: Flags,
    },
    /// The role in every account that may be written to
    #[command(after_help = HELP)]
    Remediate {
        #[command(flatten)]
        flags: Flags,
        /// Leave out what only `rolewarden rollback` calls
        #[arg(long)]
        without_rollback: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// The role that rolewarden runs as
    #[arg(long, value_name = "ARN", value_parser = role_of)]
    hub_role: Option<RoleArn>,
    /// The organization that role must belong to
    #[arg(long, value_name = "ID", value_parser = organization_of)]
    organization_id: Option<String>,
    /// The partition of the accounts [default: that of --hub-role, aws]
    #[arg(long, value_name = "NAME", value_parser = partition_of)]
    partition: Option<Partition>,
    /// Allow the session tags that EKS Pod Identity sets
    #[arg(long)]
    session_tags: bool,
    /// Print one document alone, as the AWS CLI takes it
    #[arg(long, value_name = "WHICH")]
    document: Option<Which>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// Who may assume the role
    Trust,
    /// What the role may do
    Policy,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Where {
    /// An EC2 instance
    Ec2,
    /// An ECS task
    Ecs,
    /// A pod, by EKS Pod Identity
    PodIdentity,
    /// A pod, by IAM roles for service accounts
    Irsa,
}

impl From<Where> for RunsOn {
    fn from(place: Where) -> Self {
        match place {
            Where::Ec2 => Self::Ec2,
            Where::Ecs => Self::Ecs,
            Where::PodIdentity => Self::PodIdentity,
            Where::Irsa => Self::Irsa,
        }
    }
}

/// A role, and what its documents are.
struct Role {
    name: String,
    path: String,
    policy_name: &'static str,
    trust: Value,
    policy: Document,
    /// What other roles need, by ARN.
    also: Vec<(String, Document)>,
    notes: Vec<String>,
}

pub(super) fn main(common: &Common, command: &Command) -> anyhow::Result<Exit> {
    let configured = common.config_if_any();
    let config = match &configured {
        Some(path) => Config::load_for_check(path)?,
        None => Config::default_for_check()?,
    };
    let (flags, mut role) = match command {
        Command::Hub { flags, runs_on, oidc_provider, service_account } => {
            let trust = RunsOn::from(*runs_on).trust(
                &flags.partition(),
                flags.hub_role.as_ref(),
                oidc_provider.as_deref(),
                service_account,
            );
            (flags, hub(&config, flags, trust, *runs_on))
        }
        Command::Scan { flags } => (flags, scan(&config, flags)),
        Command::Remediate { flags, without_rollback } => {
            (flags, remediate(&config, flags, !without_rollback))
        }
    };
    if configured.is_none() {
        role.notes.push("no configuration was named, and there is no rolewarden.yaml: these are the policies of the defaults; --config FILE or ROLEWARDEN_CONFIG names one".into());
    }
    let printed = match flags.document {
        None => role.json(),
        Some(Which::Trust) => role.trust.clone(),
        Some(Which::Policy) => role.policy.named(),
    };
    let text = json_pretty(&printed)? + "\n";
    for (placeholder, filled_in_by) in PLACEHOLDERS {
        if text.contains(placeholder) {
            role.notes.push(format!("fill in {placeholder}: {filled_in_by}"));
        }
    }
    output::print(text.as_bytes())?;
    for note in role.notes {
        // Nobody may be left to read it; the documents are whole without.
        let _ = writeln!(anstream::stderr(), "note: {note}");
    }
    Ok(Exit::Clean)
}

fn hub(config: &Config, flags: &Flags, trust: Value, runs_on: Where) -> Role {
    let partition = flags.partition();
    let (path, name) = match &flags.hub_role {
        Some(role) => (role.path.clone(), role.name.clone()),
        None => RoleArn::path_and_name(HUB),
    };
    let mut notes = vec![];
    if matches!(runs_on, Where::PodIdentity) && !flags.session_tags {
        notes.push("EKS Pod Identity tags its sessions: give --session-tags here and to `iam scan` and `iam remediate`, or set disableSessionTags on the association".into());
    }
    let also = permissions::others(config, &partition, flags.session_tags);
    if !also.is_empty() {
        notes.push(
            "`also` has what the roles of access.via and accounts.organization_role_arn need"
                .into(),
        );
    }
    let policy = permissions::hub(config, &partition, flags.session_tags);
    Role { name, path, policy_name: HUB, trust, policy, also: also.into_iter().collect(), notes }
}

fn scan(config: &Config, flags: &Flags) -> Role {
    let policy = permissions::scan(config, &flags.partition(), EVERY_ACCOUNT);
    Role::of_members(config, flags, &config.access.scan_role, "rolewarden-scan", policy)
}

fn remediate(config: &Config, flags: &Flags, rollback: bool) -> Role {
    let policy = permissions::remediate(config, &flags.partition(), rollback);
    let name = &config.access.remediate_role;
    let empty = policy.0.is_empty();
    let mut role = Role::of_members(config, flags, name, "rolewarden-remediate", policy);
    if config.remediation.mode == RemediationMode::Off {
        role.notes.push("remediation.mode is off: rolewarden does not assume this role, and it is better not to create it".into());
    }
    if empty {
        role.notes.push("nothing is allowed, because no action of remediation.actions can come about: IAM takes no policy without a statement".into());
    }
    role
}

impl Role {
    fn of_members(
        config: &Config,
        flags: &Flags,
        role: &str,
        policy_name: &'static str,
        policy: Document,
    ) -> Self {
        let access = &config.access;
        let (path, name) = RoleArn::path_and_name(role);
        let partition = flags.partition();
        let by_account = access.overrides.values().any(|over| over.external_id.is_some());
        let trust = MemberTrust {
            partition: &partition,
            hub: access.via.last().or(flags.hub_role.as_ref()),
            organization: flags.organization_id.as_deref(),
            in_organization: config.accounts.source == AccountSource::Organization,
            external_id: access.external_id.is_some() || by_account,
            tagged: flags.session_tags,
        };
        let trust = trust.document();
        let mut notes = vec![];
        if by_account {
            notes.push("access.overrides has external ids of its own: each account's trust policy needs the one of that account".into());
        }
        if !access.overrides.is_empty() {
            notes.push("access.overrides may name other roles for some accounts: they need the same documents".into());
        }
        Self { name, path, policy_name, trust, policy, also: vec![], notes }
    }

    fn json(&self) -> Value {
        let mut whole = json!({
            "role_name": self.name,
            "role_path": self.path,
            "trust_policy": self.trust,
            "policies": {self.policy_name: self.policy.named()},
        });
        if let (false, Value::Object(members)) = (self.also.is_empty(), &mut whole) {
            let also = self.also.iter().map(|(arn, policy)| (arn.clone(), policy.named()));
            members.insert("also".into(), Value::Object(also.collect()));
        }
        whole
    }
}

impl Flags {
    fn partition(&self) -> Partition {
        let of_hub = || self.hub_role.as_ref().map(|role| role.partition.clone());
        self.partition.clone().or_else(of_hub).unwrap_or_default()
    }
}

fn role_of(text: &str) -> Result<RoleArn, InvalidArn> {
    text.parse()
}

fn partition_of(text: &str) -> Result<Partition, String> {
    text.parse().map_err(|_| "expected a partition such as aws, aws-cn or aws-us-gov".to_owned())
}

/// Organizations: `o-` and 10 to 32 lower-case letters or digits.
fn organization_of(text: &str) -> Result<String, String> {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = |id: &str| (10..=32).contains(&id.len()) && id.bytes().all(word);
    match text.strip_prefix("o-").is_some_and(fits) {
        true => Ok(text.to_owned()),
        false => Err("expected an organization's id such as o-exampleorgid".to_owned()),
    }
}

fn provider_of(text: &str) -> Result<String, String> {
    let word = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    match !text.contains("://") && text.contains('.') && text.chars().all(word) {
        true => Ok(text.to_owned()),
        false => Err(
            "expected an issuer such as oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE, without https://"
                .to_owned(),
        ),
    }
}

fn service_account_of(text: &str) -> Result<String, String> {
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
    };
    match text.split_once(':').is_some_and(|(namespace, name)| word(namespace) && word(name)) {
        true => Ok(text.to_owned()),
        false => Err("expected namespace:name, such as rolewarden:rolewarden".to_owned()),
    }
}
