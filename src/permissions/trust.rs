//! Who may assume the roles.

use serde_json::{Map, Value, json};

use super::statement::{literal, one_or_more};
use crate::model::{Partition, RoleArn};

/// What stands where only the user knows the value. No account number, organization id, external id or host name has an
/// angle bracket, so AWS refuses the document, or it lets nobody in, until it is filled in.
const HUB_ACCOUNT: &str = "<HUB_ACCOUNT_ID>";
const ORGANIZATION: &str = "<ORGANIZATION_ID>";
const EXTERNAL_ID: &str = "<EXTERNAL_ID>";
const OIDC_PROVIDER: &str = "<OIDC_PROVIDER>";

/// Every placeholder, with what fills it in.
pub const PLACEHOLDERS: [(&str, &str); 4] = [
    (HUB_ACCOUNT, "--hub-role, the ARN of the role that rolewarden runs as"),
    (ORGANIZATION, "--organization-id, which `aws organizations describe-organization` prints"),
    (EXTERNAL_ID, "by hand: the external id of the configuration is a secret and is not printed"),
    (OIDC_PROVIDER, "--oidc-provider, the issuer of the cluster without https://"),
];

/// Where rolewarden runs: who gives the hub's role its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsOn {
    /// An EC2 instance.
    Ec2,
    /// A task of ECS.
    Ecs,
    /// A pod, by EKS Pod Identity.
    PodIdentity,
    /// A pod, by IAM roles for service accounts.
    Irsa,
}

impl RunsOn {
    /// The trust policy of the hub's role. `oidc_provider` and `service_account` (`namespace:name`) are for [`RunsOn::Irsa`].
    pub fn trust(
        self,
        partition: &Partition,
        hub: Option<&RoleArn>,
        oidc_provider: Option<&str>,
        service_account: &str,
    ) -> Value {
        let account = hub.map_or(HUB_ACCOUNT, |hub| hub.account.as_str());
        let service = |name: &str, actions: &[&str]| json!({"Sid": "RunRolewarden", "Effect": "Allow", "Principal": {"Service": name}, "Action": one_or_more(actions)});
        // These services act for every customer of AWS: without a condition a stranger's task could be given this role.
        // Source: Amazon ECS Developer Guide, "Amazon ECS task IAM role"; of Pod Identity no ARN is documented.
        let only_for_us = |mut statement: Value, mut more: Value| {
            if let (Some(statement), Some(more)) = (statement.as_object_mut(), more.as_object_mut())
            {
                more.insert("StringEquals".into(), json!({"aws:SourceAccount": account}));
                statement.insert("Condition".into(), Value::Object(more.clone()));
            }
            statement
        };
        let statement = match self {
            // Of these services only EC2 has a name of its own in China.
            Self::Ec2 if partition.as_str() == "aws-cn" => {
                service("ec2.amazonaws.com.cn", &["sts:AssumeRole"])
            }
            Self::Ec2 => service("ec2.amazonaws.com", &["sts:AssumeRole"]),
            Self::Ecs => only_for_us(
                service("ecs-tasks.amazonaws.com", &["sts:AssumeRole"]),
                json!({"ArnLike": {"aws:SourceArn": format!("arn:{partition}:ecs:*:{account}:*")}}),
            ),
            Self::PodIdentity => only_for_us(
                service("pods.eks.amazonaws.com", &["sts:AssumeRole", "sts:TagSession"]),
                json!({}),
            ),
            Self::Irsa => {
                let provider = oidc_provider.unwrap_or(OIDC_PROVIDER);
                json!({
                    "Sid": "RunRolewarden",
                    "Effect": "Allow",
                    "Principal": {"Federated": format!("arn:{partition}:iam::{account}:oidc-provider/{provider}")},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {"StringEquals": {
                        format!("{provider}:aud"): "sts.amazonaws.com",
                        format!("{provider}:sub"): format!("system:serviceaccount:{service_account}"),
                    }},
                })
            }
        };
        document(vec![statement])
    }
}

/// Who may assume a role of a member account.
#[derive(Debug, Clone, Copy)]
pub struct MemberTrust<'a> {
    /// The partition, where the role that enters is not known.
    pub partition: &'a Partition,
    /// The role that enters: the hub's, or the last of `access.via`.
    pub hub: Option<&'a RoleArn>,
    /// The organization that role must be in.
    pub organization: Option<&'a str>,
    /// The member accounts are an organization's, so that role has to be in it.
    pub in_organization: bool,
    /// An external id is configured.
    pub external_id: bool,
    /// The sessions of the hub carry tags, as those of EKS Pod Identity do.
    pub tagged: bool,
}

impl MemberTrust<'_> {
    /// The trust policy. The account is trusted and the role named in a condition: a role named as principal would be turned
    /// into an id that dies with it.
    pub fn document(&self) -> Value {
        let (partition, account) = match self.hub {
            Some(hub) => (&hub.partition, hub.account.as_str()),
            None => (self.partition, HUB_ACCOUNT),
        };
        let hub = match self.hub {
            Some(hub) => literal(&hub.to_string()),
            None => format!("arn:{partition}:iam::{account}:role/rolewarden-hub"),
        };
        let organization = match (self.organization, self.in_organization) {
            (Some(id), _) => Some(id),
            (None, true) => Some(ORGANIZATION),
            (None, false) => None,
        };
        let statement = |sid: &str, action: &str, external_id: Option<&str>| {
            let mut equals = Map::new();
            let keys = [("aws:PrincipalOrgID", organization), ("sts:ExternalId", external_id)];
            for (key, value) in keys {
                equals.extend(value.map(|value| (key.to_owned(), json!(value))));
            }
            let mut condition = Map::new();
            condition.insert("ArnEquals".into(), json!({"aws:PrincipalArn": hub}));
            if !equals.is_empty() {
                condition.insert("StringEquals".into(), Value::Object(equals));
            }
            json!({
                "Sid": sid,
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:{partition}:iam::{account}:root")},
                "Action": action,
                "Condition": condition,
            })
        };
        let external_id = self.external_id.then_some(EXTERNAL_ID);
        let mut statements = vec![statement("LetTheHubIn", "sts:AssumeRole", external_id)];
        if self.tagged {
            // Whether the external id is known when tags are judged is not documented.
            statements.push(statement("WithItsTags", "sts:TagSession", None));
        }
        document(statements)
    }
}

fn document(statements: Vec<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}
