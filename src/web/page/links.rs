//! Addresses: every number leads to the list behind it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::{AccountId, AccountState, RoleArn};
use crate::web::listing::{Filter, Order, Shown};

/// Everything but what RFC 3986 leaves as it is.
pub(super) const VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The page of one account.
pub(super) fn account(id: &AccountId) -> String {
    format!("/accounts/{id}")
}

/// The list of the accounts in one state.
pub(super) fn state(state: AccountState) -> String {
    list(&Filter { state: Some(Shown::In(state)), ..Filter::default() }, Order::Worst, 1)
}

/// A part of a filtered list.
pub(super) fn list(filter: &Filter, order: Order, page: usize) -> String {
    let skipped = filter.skipped.map(|skipped| skipped.to_string());
    let page = (page > 1).then(|| page.to_string());
    let order = Order::ALL.iter().find(|(_, known)| *known == order && order != Order::default());
    let pairs = [
        ("state", filter.state.map(Shown::as_str)),
        ("skipped", skipped.as_deref()),
        ("reason", filter.reason.map(|reason| reason.as_str())),
        ("check", filter.check.map(|check| check.as_str())),
        ("severity", filter.severity.map(|severity| severity.as_str())),
        ("ou", filter.ou.as_deref()),
        ("q", filter.q.as_deref()),
        ("order", order.map(|(word, _)| *word)),
        ("page", page.as_deref()),
    ];
    let given = pairs.into_iter().filter_map(|(name, value)| {
        value.map(|value| format!("{name}={}", utf8_percent_encode(value, VALUE)))
    });
    let query: Vec<_> = given.collect();
    format!("/?{}#accounts", query.join("&"))
}

/// The role in the IAM console, in the partitions that have a known one.
pub(super) fn console(role_arn: &str) -> Option<String> {
    let role: RoleArn = role_arn.parse().ok()?;
    let host = match role.partition.as_str() {
        "aws" => "console.aws.amazon.com",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        "aws-cn" => "console.amazonaws.cn",
        _ => return None,
    };
    let name = utf8_percent_encode(&role.name, VALUE);
    Some(format!("https://{host}/iam/home#/roles/details/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_that_of_the_partition() {
        let cases = [
            (
                "arn:aws:iam::111122223333:role/team/Agent",
                Some("https://console.aws.amazon.com/iam/home#/roles/details/Agent"),
            ),
            (
                "arn:aws-us-gov:iam::111122223333:role/Agent",
                Some("https://console.amazonaws-us-gov.com/iam/home#/roles/details/Agent"),
            ),
            (
                "arn:aws-cn:iam::111122223333:role/A@b",
                Some("https://console.amazonaws.cn/iam/home#/roles/details/A%40b"),
            ),
            ("arn:aws-iso:iam::111122223333:role/Agent", None),
            ("javascript:alert(1)", None),
        ];
        for (arn, want) in cases {
            assert_eq!(console(arn).as_deref(), want, "case `{arn}`");
        }
    }

    #[test]
    fn what_is_searched_for_cannot_leave_its_parameter() {
        let filter = Filter { q: Some("a&state=x#\"<".into()), ..Filter::default() };
        let want = "/?q=a%26state%3Dx%23%22%3C&page=2#accounts";
        assert_eq!(list(&filter, Order::Worst, 2), want);
    }
}
