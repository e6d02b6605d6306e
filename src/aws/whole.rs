//! Refuses answers that did not arrive whole, and asks for them again.
//!
//! The SDK's XML parsers are lenient: a body cut in the middle can come back as success with a shorter list in it, and a
//! list of attached policies that lost its end would make an account look compliant.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
    InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Longest answer read, in bytes, where its length is announced.
const BODY_LIMIT: u64 = 4 << 20;

/// An answer that arrived, but is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotWhole(String);

/// Checks every answer of a service that speaks XML (IAM, STS).
#[derive(Debug, Clone, Copy)]
pub(super) struct WholeAnswers;

#[dyn_dispatch_hint]
impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let length = context
            .response()
            .headers()
            .get("content-length")
            .and_then(|text| text.parse::<u64>().ok());
        match length {
            Some(length) if length > BODY_LIMIT => {
                Err(NotWhole(format!("the answer has {length} bytes, more than {BODY_LIMIT}"))
                    .into())
            }
            _ => Ok(()),
        }
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A body that broke off on its way is not there, and the error that says so is already here.
        if context.response().body().bytes().is_none() && context.output_or_error().is_err() {
            return Ok(());
        }
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        let body = context.response().body().bytes().unwrap_or_default();
        if is_whole(operation, context.response().status().is_success(), body) {
            Ok(())
        } else {
            Err(NotWhole(format!("the answer is not one whole {operation} document")).into())
        }
    }
}

/// Retries what the SDK gives up on: an unreadable success, and status 429 without an error code. Bounded like every retry.
#[derive(Debug, Clone, Copy)]
pub(super) struct AskAgain;

impl ClassifyRetry for AskAgain {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match (context.response(), context.output_or_error()) {
            (Some(response), Some(Err(_))) if response.status().is_success() => {
                RetryAction::transient_error()
            }
            (Some(response), Some(Err(_))) if response.status().as_u16() == 429 => {
                RetryAction::throttling_error()
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "AskAgain"
    }
}

/// What a list's answer always has, even when the list is empty; the parser takes its absence for an empty, last page.
const LISTS: [(&str, &[&str]); 2] = [
    ("ListRolePolicies", &["<PolicyNames", "<IsTruncated>"]),
    ("ListAttachedRolePolicies", &["<AttachedPolicies", "<IsTruncated>"]),
];

/// A success must end with its own element, and hold its list. Of the errors, the one that proves absence must be whole; the others prove nothing.
fn is_whole(operation: &str, success: bool, body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    if success {
        let needed =
            LISTS.iter().find(|(name, _)| *name == operation).map_or(&[][..], |(_, all)| all);
        body.ends_with(format!("</{operation}Response>").as_bytes())
            && needed.iter().all(|element| contains(body, element))
    } else {
        !contains(body, "NoSuchEntity") || body.ends_with(b"</ErrorResponse>")
    }
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
        let list = b"<ListRolePoliciesResponse><PolicyNames/><IsTruncated>false</IsTruncated></ListRolePoliciesResponse>";
        assert!(is_whole("ListRolePolicies", true, list));
        for element in ["<PolicyNames/>", "<IsTruncated>false</IsTruncated>"] {
            let without = String::from_utf8_lossy(list).replace(element, "");
            assert!(!is_whole("ListRolePolicies", true, without.as_bytes()), "without {element}");
        }
        let absent = b"<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>";
        assert!(is_whole("GetRole", false, absent));
        assert!(!is_whole("GetRole", false, &absent[..60]));
        assert!(
            is_whole("GetRole", false, b"<html>503</html>"),
            "other errors are judged by their status"
        );
    }
}
