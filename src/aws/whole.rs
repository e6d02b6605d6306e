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
    /// XML has to be checked as a text; of JSON the parser takes only whole objects.
    xml: bool,
}

impl WholeAnswers {
    /// IAM and STS.
    pub(super) const XML: Self = Self { limit: 1 << 20, xml: true };
    /// Organizations.
    pub(super) const JSON: Self = Self { limit: 4 << 20, xml: false };
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
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        let body = context.response().body().bytes().unwrap_or_default();
        if !self.xml || is_whole(operation, context.response().status().is_success(), body) {
            Ok(())
        } else {
            Err(NotWhole(format!("the answer is not one whole {operation} document")).into())
        }
    }
}

/// What a list's answer always has, even when the list is empty; the parser takes its absence for an empty, last page.
const LISTS: [(&str, &[&str]); 2] = [
    ("ListRolePolicies", &["<PolicyNames", "<IsTruncated>"]),
    ("ListAttachedRolePolicies", &["<AttachedPolicies", "<IsTruncated>"]),
];

/// A success must be its own element from the first byte to the last, and hold its list. Of the errors, the one that
/// proves absence must be whole; the others prove nothing.
fn is_whole(operation: &str, success: bool, body: &[u8]) -> bool {
    let body = body.trim_ascii();
    if success {
        let needed =
            LISTS.iter().find(|(name, _)| *name == operation).map_or(&[][..], |(_, all)| all);
        is_element(&format!("{operation}Response"), body)
            && needed.iter().all(|element| contains(body, element))
    } else {
        !contains(body, "NoSuchEntity") || is_element("ErrorResponse", body)
    }
}

/// Nothing but an XML declaration may come before the element: no document type, so no entities either.
fn is_element(name: &str, body: &[u8]) -> bool {
    let declared = body.strip_prefix(b"<?xml").and_then(|rest| {
        let end = rest.windows(2).position(|two| two == b"?>")?;
        rest.get(end + 2..)
    });
    let inside = declared.unwrap_or(body).trim_ascii_start().strip_prefix(b"<");
    let inside = inside.and_then(|rest| rest.strip_prefix(name.as_bytes()));
    inside.is_some_and(|rest| rest.starts_with(b">") || rest.starts_with(b" "))
        && body.ends_with(format!("</{name}>").as_bytes())
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_answer_is_told_from_a_whole_one() {
        let good = b"<GetRoleResponse><GetRoleResult/></GetRoleResponse>\n";
        assert!(is_whole("GetRole", true, good));
        for end in 0..good.len() - 1 {
            assert!(!is_whole("GetRole", true, &good[..end]), "cut at {end}");
        }
        assert!(!is_whole("ListRolePolicies", true, good));
        let element = "<GetRoleResponse xmlns=\"x\"></GetRoleResponse>";
        let declaration = "<?xml version=\"1.0\"?>";
        for (before, want) in [
            ("", true),
            (" \n", true),
            (declaration, true),
            ("<?xml version=\"1.0\"?>\n", true),
            ("<?xml version=\"1.0\"", false),
            ("<!DOCTYPE GetRoleResponse>", false),
            ("<?xml version=\"1.0\"?>\n<!DOCTYPE x [<!ENTITY a \"b\">]>", false),
            ("<x/>", false),
            ("x", false),
        ] {
            let body = format!("{before}{element}");
            assert_eq!(is_whole("GetRole", true, body.as_bytes()), want, "case `{before}`");
        }
        let list = b"<ListRolePoliciesResponse><PolicyNames/><IsTruncated>false</IsTruncated></ListRolePoliciesResponse>";
        assert!(is_whole("ListRolePolicies", true, list));
        for element in ["<PolicyNames/>", "<IsTruncated>false</IsTruncated>"] {
            let without = String::from_utf8_lossy(list).replace(element, "");
            assert!(!is_whole("ListRolePolicies", true, without.as_bytes()), "without {element}");
        }
        let absent = b"<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>";
        assert!(is_whole("GetRole", false, absent));
        assert!(!is_whole("GetRole", false, &absent[..60]));
        let typed = [b"<!DOCTYPE x>", &absent[..]].concat();
        assert!(!is_whole("GetRole", false, &typed), "no absence from a text with entities");
        assert!(
            is_whole("GetRole", false, b"<html>503</html>"),
            "other errors are judged by their status"
        );
    }
}
