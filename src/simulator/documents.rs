//! Policy documents as people and their tools write them.

/// The role of the guide.
pub(super) const ROLE: &str = "AmazonEKSConnectorAgentRole";
/// The name its command-line steps give the inline policy.
pub(super) const INLINE: &str = "AmazonEKSConnectorAgentPolicy";
/// The name its CloudFormation template gives the inline policy.
pub(super) const INLINE_CLOUDFORMATION: &str = "EKSConnectorAgentPolicy";
/// The name eksctl gives the inline policy.
pub(super) const INLINE_EKSCTL: &str = "eks-connector-agent";

/// Trust as in the guide's command-line steps.
pub(super) const TRUST: &str =
    include_str!("../../config/baseline/eks-connector-agent-trust-policy.json");
/// Permissions as in the guide's command-line steps.
pub(super) const PERMISSIONS: &str =
    include_str!("../../config/baseline/eks-connector-agent-policy.json");

/// Trust as the guide's CloudFormation template writes it: action in an array, service bare.
pub(super) const TRUST_CLOUDFORMATION: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":["sts:AssumeRole"]}]}"#;
/// Permissions as the guide's CloudFormation template writes them: no Sids, resources in arrays.
pub(super) const PERMISSIONS_CLOUDFORMATION: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssmmessages:CreateControlChannel"],"Resource":["arn:aws:eks:*:*:cluster/*"]},{"Effect":"Allow","Action":["ssmmessages:CreateDataChannel","ssmmessages:OpenDataChannel","ssmmessages:OpenControlChannel"],"Resource":["*"]}]}"#;

/// Trust as eksctl writes it.
pub(super) const TRUST_EKSCTL: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "EKSConnectorAccess",
            "Effect": "Allow",
            "Principal": {
                "Service": "ssm.amazonaws.com"
            },
            "Action": "sts:AssumeRole"
        }
    ]
}"#;
/// Permissions as eksctl writes them.
pub(super) const PERMISSIONS_EKSCTL: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "SsmControlChannel",
            "Effect": "Allow",
            "Action": "ssmmessages:CreateControlChannel",
            "Resource": "arn:aws:eks:*:*:cluster/*"
        },
        {
            "Sid": "ssmDataplaneOperations",
            "Effect": "Allow",
            "Action": [
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenDataChannel",
                "ssmmessages:OpenControlChannel"
            ],
            "Resource": "*"
        }
    ]
}"#;

/// Permissions as a Terraform module writes them: keys and statements in its own order.
pub(super) const PERMISSIONS_TERRAFORM: &str = r#"{"Statement":[{"Action":["ssmmessages:OpenDataChannel","ssmmessages:OpenControlChannel","ssmmessages:CreateDataChannel"],"Effect":"Allow","Resource":"*","Sid":"Dataplane"},{"Action":"ssmmessages:CreateControlChannel","Effect":"Allow","Resource":"arn:aws:eks:*:*:cluster/*","Sid":"ControlChannel"}],"Version":"2012-10-17"}"#;

/// All four actions by a wildcard.
pub(super) const PERMISSIONS_WILDCARD: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"SsmChannels","Effect":"Allow","Action":"ssmmessages:*","Resource":"*"}]}"#;
/// OpenControlChannel was forgotten.
pub(super) const PERMISSIONS_SHORT: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"SsmControlChannel","Effect":"Allow","Action":["ssmmessages:CreateControlChannel"],"Resource":"arn:aws:eks:*:*:cluster/*"},{"Sid":"ssmDataplaneOperations","Effect":"Allow","Action":["ssmmessages:CreateDataChannel","ssmmessages:OpenDataChannel"],"Resource":"*"}]}"#;
/// The first statement has no action left.
pub(super) const PERMISSIONS_DOUBTFUL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[],"Resource":"arn:aws:eks:*:*:cluster/*"},{"Effect":"Allow","Action":["ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel","ssmmessages:OpenDataChannel","ssmmessages:OpenControlChannel"],"Resource":"*"}]}"#;
/// Reading and writing every bucket.
pub(super) const S3: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"}]}"#;
/// A statement that allows everything on every bucket.
pub(super) const ALLOW_S3: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
/// A statement that takes the data channel away.
pub(super) const DENY_DATA: &str =
    r#"{"Effect":"Deny","Action":"ssmmessages:OpenDataChannel","Resource":"*"}"#;
/// The ARN of AWS's AdministratorAccess.
pub(super) const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// Its document.
pub(super) const ADMINISTRATOR: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
/// A boundary made for workloads, without anything for the connector.
pub(super) const BOUNDARY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Workloads","Effect":"Allow","Action":["s3:*","dynamodb:*","logs:*","cloudwatch:*"],"Resource":"*"}]}"#;

/// The guide's permissions with one statement more.
pub(super) fn permissions_and(statement: &str) -> String {
    PERMISSIONS_CLOUDFORMATION.replace("}]}", &format!("}},{statement}]}}"))
}

/// The guide's permissions, data channels on this resource only.
pub(super) fn permissions_on(resource: &str) -> String {
    PERMISSIONS_CLOUDFORMATION.replace("[\"*\"]", &format!("\"{resource}\""))
}

/// The guide's trust, for this principal instead.
pub(super) fn trust_of(principal: &str) -> String {
    TRUST_CLOUDFORMATION.replace(r#"{"Service":"ssm.amazonaws.com"}"#, principal)
}

/// The guide's trust, for one account's calls only.
pub(super) fn trust_for_source(account: &str) -> String {
    let condition =
        format!(r#","Condition":{{"StringEquals":{{"aws:SourceAccount":"{account}"}}}}}}]}}"#);
    TRUST_CLOUDFORMATION.replace("}]}", &condition)
}

/// A document that no two reads see alike.
pub(super) fn unstable(read: u64) -> String {
    permissions_and(&format!(
        r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::read-{read}/*"}}"#
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_document_is_json_and_every_variant_changed_something() {
        let fixed = [
            TRUST,
            PERMISSIONS,
            TRUST_CLOUDFORMATION,
            PERMISSIONS_CLOUDFORMATION,
            TRUST_EKSCTL,
            PERMISSIONS_EKSCTL,
            PERMISSIONS_TERRAFORM,
            PERMISSIONS_WILDCARD,
            PERMISSIONS_SHORT,
            PERMISSIONS_DOUBTFUL,
            S3,
            ADMINISTRATOR,
            BOUNDARY,
        ];
        let made = [
            permissions_and("{}"),
            permissions_on("x"),
            trust_of("\"*\""),
            trust_for_source("1"),
            unstable(7),
        ];
        for text in fixed.iter().copied().chain(made.iter().map(String::as_str)) {
            assert!(serde_json::from_str::<Value>(text).is_ok(), "case `{text}`");
        }
        for text in made {
            assert!(
                text != TRUST_CLOUDFORMATION && text != PERMISSIONS_CLOUDFORMATION,
                "case `{text}`"
            );
        }
    }
}
