//! AWS refused: who refused, and what has to be allowed where. Pure.

use crate::model::UnknownReason;

/// Who refused, and what has to be allowed where.
pub(super) fn denied(operation: &str, message: &str) -> (UnknownReason, Option<String>) {
    let folded = message.to_ascii_lowercase();
    let by = ["service control policy", "resource control policy"]
        .into_iter()
        .find(|policy| folded.contains(policy));
    if let Some(policy) = by {
        let hint = format!(
            "a {policy} of the organization refuses `{operation}`: exempt the scan role there"
        );
        return (UnknownReason::ScpDenied, Some(hint));
    }
    let action = refused_action(message).unwrap_or(operation);
    let hint = match operation.split_once(':') {
        Some(("sts", "AssumeRole")) => {
            return (UnknownReason::AssumeDenied, Some(assume_hint(&folded)));
        }
        Some(("sts", _)) => format!("allow `{action}` to the base credentials"),
        Some(("organizations", _)) => format!(
            "allow `{action}` to the identity that lists the accounts (`rolewarden iam hub` prints its policy), and let it live in the \
             management account or a delegated administrator account (`accounts.organization_role_arn` names a role to assume first)"
        ),
        _ => format!(
            "allow `{action}` on this resource to the scan role of the account: `rolewarden iam scan` prints its policy"
        ),
    };
    (UnknownReason::AccessDenied, Some(hint))
}

/// The action that AWS's words name. It can be another one than the call: CreateRole with tags needs `iam:TagRole` too. The
/// wording is no promise of AWS, so it only ever makes a hint better.
pub(super) fn refused_action(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("is not authorized to perform: ")?;
    let action = rest.split_whitespace().next()?;
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let (service, name) = action.split_once(':')?;
    (action.len() <= 64 && word(service) && word(name)).then_some(action)
}

/// Why AssumeRole may be refused; the session module adds which role it was, and which command prints its documents.
fn assume_hint(folded: &str) -> String {
    if folded.contains("sts:tagsession") {
        "allow `sts:TagSession` beside `sts:AssumeRole` in the role's trust policy and to the base credentials, or disable \
         the session tags of Pod Identity"
            .to_owned()
    } else {
        "deploy the member role, let its trust policy name the caller and the configured external id, and allow the caller \
         `sts:AssumeRole` on it"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_action_is_taken_from_words_of_aws_that_are_well_formed() {
        let cases = [
            (
                "User: x is not authorized to perform: iam:TagRole on resource: y",
                Some("iam:TagRole"),
            ),
            ("User: x is not authorized to perform: iam:GetRole", Some("iam:GetRole")),
            ("User: x is not authorized to perform: `iam:GetRole` on", None),
            ("User: x is not authorized to perform: iam", None),
            ("is not authorized to perform: ", None),
            ("Access denied", None),
        ];
        for (message, want) in cases {
            assert_eq!(refused_action(message), want, "case `{message}`");
        }
    }
}
