//! Refuses answers that did not arrive whole, or are not what was asked for.
//!
//! The SDK's XML parsers are lenient: a body cut in the middle can come back as success with a shorter list in it, and a
//! list of attached policies that lost its end would make an account look compliant.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::Limited;

use super::wellformed::{self, Expected};
use crate::model::printable_line;

/// An answer that arrived, but is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotWhole(String);

/// Checks every answer of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct WholeAnswers {
    /// Longest answer read, in bytes.
    limit: usize,
    /// The namespace of a service that speaks XML, which has to be checked as a text; of JSON the parser takes only whole
    /// objects.
    namespace: Option<&'static str>,
}

impl WholeAnswers {
    pub(super) const IAM: Self =
        Self { limit: 1 << 20, namespace: Some("https://iam.amazonaws.com/doc/2010-05-08/") };
    pub(super) const STS: Self =
        Self { limit: 1 << 20, namespace: Some("https://sts.amazonaws.com/doc/2011-06-15/") };
    pub(super) const ORGANIZATIONS: Self = Self { limit: 4 << 20, namespace: None };
    pub(super) const EKS: Self = Self { limit: 1 << 20, namespace: None };
}

#[dyn_dispatch_hint]
impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    /// Nothing is read beyond the limit, however long the answer says it is.
    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if let Some(encoding) = response.headers().get("content-encoding")
            && !encoding.eq_ignore_ascii_case("identity")
        {
            let encoding = printable_line(encoding, 64);
            return Err(NotWhole(format!("the answer is encoded as `{encoding}`")).into());
        }
        let length = response.headers().get("content-length").and_then(|text| text.parse().ok());
        if length.is_some_and(|length: u64| length > self.limit as u64) {
            return Err(NotWhole(format!("the answer has more than {} bytes", self.limit)).into());
        }
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, self.limit));
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(namespace) = self.namespace else { return Ok(()) };
        // A body that broke off on its way is not there, and the error that says so is already here.
        if context.response().body().bytes().is_none() && context.output_or_error().is_err() {
            return Ok(());
        }
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        let body = context.response().body().bytes().unwrap_or_default();
        let success = context.response().status().is_success();
        check(operation, namespace, success, body).map_err(|what| {
            NotWhole(format!("the answer is not one whole {operation} document: {what}")).into()
        })
    }
}

/// What AWS's answers always have. The parser takes the absence of a list for an empty, last page, and that of an attribute
/// for one that is not set: a role with a session of 12 hours would look like one without a length.
const ALWAYS: [(&str, &[&str]); 6] = [
    ("ListRolePolicies", &["PolicyNames", "IsTruncated"]),
    ("ListAttachedRolePolicies", &["AttachedPolicies", "IsTruncated"]),
    (
        "GetRole",
        &[
            "Role/Path",
            "Role/RoleName",
            "Role/RoleId",
            "Role/Arn",
            "Role/CreateDate",
            "Role/AssumeRolePolicyDocument",
            "Role/MaxSessionDuration",
        ],
    ),
    ("GetRolePolicy", &["RoleName", "PolicyName", "PolicyDocument"]),
    ("GetPolicy", &["Policy/Arn", "Policy/DefaultVersionId"]),
    ("GetPolicyVersion", &["PolicyVersion/VersionId", "PolicyVersion/Document"]),
];

/// A success must be the operation's own document, and hold what AWS always sends. Of the errors, the one that proves absence must be
/// whole; the others prove nothing.
fn check(operation: &str, namespace: &str, success: bool, body: &[u8]) -> Result<(), String> {
    if success {
        let elements = ALWAYS.iter().find(|(name, _)| *name == operation).map_or(&[][..], |l| l.1);
        let root = format!("{operation}Response");
        wellformed::check(body, Expected { root: &root, namespace, elements })
    } else if body.windows(12).any(|part| part == b"NoSuchEntity") {
        wellformed::check(body, Expected { root: "ErrorResponse", namespace: "", elements: &[] })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_is_its_own_document_and_a_list_has_its_list() {
        let role = "<Role><Path>/</Path><RoleName>r</RoleName><RoleId>AROA</RoleId><Arn>arn</Arn><CreateDate/>\
            <AssumeRolePolicyDocument/><MaxSessionDuration>3600</MaxSessionDuration><Tags><member><Key>Arn</Key>\
            </member></Tags></Role>";
        let good = format!(
            "<GetRoleResponse xmlns=\"iam\"><GetRoleResult>{role}</GetRoleResult></GetRoleResponse>\n"
        );
        let list = "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames/>\
            <IsTruncated>false</IsTruncated></ListRolePoliciesResult></ListRolePoliciesResponse>";
        let cases = [
            ("GetRole", "iam", good.clone(), true),
            ("GetRole", "sts", good.clone(), false),
            ("GetRolePolicy", "iam", good.clone(), false),
            ("GetRole", "iam", good.replace("Role>", "Roles>"), false),
            ("GetRole", "iam", good.replace("<Arn>arn</Arn>", ""), false),
            ("GetRole", "iam", good.replace("<CreateDate/>", ""), false),
            ("GetRole", "iam", good.replace("<AssumeRolePolicyDocument/>", ""), false),
            ("GetRole", "iam", good.replace("MaxSessionDuration", "Longest"), false),
            ("ListRolePolicies", "iam", list.to_owned(), true),
            ("ListRolePolicies", "iam", list.replace("<PolicyNames/>", ""), false),
            ("ListRolePolicies", "iam", list.replace("IsTruncated", "Truncated"), false),
        ];
        for (operation, namespace, body, want) in cases {
            let got = check(operation, namespace, true, body.as_bytes());
            assert_eq!(got.is_ok(), want, "case {operation} `{body}`: {got:?}");
        }
    }

    #[test]
    fn absence_is_proved_by_a_whole_error_only() {
        let absent = b"<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>";
        assert!(check("GetRole", "iam", false, absent).is_ok());
        assert!(check("GetRole", "iam", false, &absent[..60]).is_err());
        let typed = [b"<!DOCTYPE x>", &absent[..]].concat();
        assert!(check("GetRole", "iam", false, &typed).is_err());
        let page = check("GetRole", "iam", false, b"<html>503</html>");
        assert!(page.is_ok(), "other errors are judged by their status");
    }
}
