//! What a fault makes of a call: silence, an error, or an answer that should not be believed.

use std::time::Duration;

use hyper::body::Bytes;
use serde_json::Value;

use super::answer::Call;
use super::body::Shape;
use super::bombs;
use super::calls::{Operation, Service};
use super::fault::Fault;
use super::wire::{Answer, Refusal};

/// Size of a huge body, in bytes.
const HUGE: u64 = 100 << 20;

/// How an answer leaves the server.
#[derive(Debug)]
pub(super) enum Delivery {
    /// In some shape.
    Sent(Outgoing),
    /// The connection closes without a byte.
    Reset,
    /// Not at all.
    Never,
}

/// An answer and what its headers say.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) content_encoding: Option<&'static str>,
    /// Seconds the `Date` header is ahead, where it is not true.
    pub(super) date_ahead: Option<i64>,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
    pub(super) body: Bytes,
    pub(super) shape: Shape,
    /// How long it takes beyond the latency.
    pub(super) late: Duration,
}

impl From<Answer> for Outgoing {
    fn from(answer: Answer) -> Self {
        Self {
            status: answer.status,
            content_type: answer.content_type,
            content_encoding: None,
            date_ahead: None,
            retry_after: None,
            body: Bytes::from(answer.body),
            shape: Shape::Whole,
            late: Duration::ZERO,
        }
    }
}

impl From<Answer> for Delivery {
    fn from(answer: Answer) -> Self {
        Self::Sent(answer.into())
    }
}

impl Fault {
    /// The end of a call that takes no effect and gets no answer.
    pub(super) fn silence(self) -> Option<Delivery> {
        match self {
            Self::Hangs => Some(Delivery::Never),
            Self::Reset => Some(Delivery::Reset),
            _ => None,
        }
    }

    /// The error answer, of a fault that is one. The call takes no effect.
    pub(super) fn refusal(self, call: &Call<'_>) -> Option<Refusal> {
        let service = call.operation.service();
        let json = service == Service::Organizations;
        let denied = |because| Some(call.denied(&call.resource(), because));
        let (status, code, message) = match self {
            Self::Denied => return denied(""),
            Self::ScpDenied => {
                return denied(" with an explicit deny in a service control policy");
            }
            Self::RcpDenied => {
                return denied(" with an explicit deny in a resource control policy");
            }
            Self::ExpiredToken => return Some(Refusal::expired(service)),
            Self::InvalidToken => return Some(Refusal::unknown_token(service)),
            Self::AccountGone => return Some(gone(call)),
            Self::Throttled if json => {
                (400, "TooManyRequestsException", "AWS Organizations can't complete your request.")
            }
            Self::Throttled if service == Service::Eks => {
                (429, "ThrottlingException", "Rate exceeded")
            }
            Self::Throttled => (400, "Throttling", "Rate exceeded"),
            Self::RetryAfter(_) => (429, "TooManyRequestsException", "Rate exceeded"),
            Self::ServerError if service == Service::Iam => {
                (500, "ServiceFailure", UNKNOWN_FAILURE)
            }
            Self::ServerError if service == Service::Eks => {
                (500, "ServerException", UNKNOWN_FAILURE)
            }
            Self::ServerError => (500, "InternalFailure", UNKNOWN_FAILURE),
            Self::NotInUse => (
                400,
                "AWSOrganizationsNotInUseException",
                "Your account is not a member of an organization.",
            ),
            Self::NoSuchEntity => (404, "NoSuchEntity", "The role with name x cannot be found."),
            Self::RegionDisabled => (
                403,
                "RegionDisabledException",
                "STS is not activated in this region for account. Your account administrator can activate STS in this region using the IAM Console.",
            ),
            Self::Error(status, code) => (status, code, "The request cannot be completed."),
            Self::ClockSkew(_) if json => (400, "InvalidSignatureException", SKEWED),
            Self::ClockSkew(_) if service == Service::Eks => {
                (403, "InvalidSignatureException", SKEWED)
            }
            Self::ClockSkew(_) => (403, "SignatureDoesNotMatch", SKEWED),
            _ => return None,
        };
        Some(Refusal::new(status, code, message))
    }

    /// The answer to the request of this number as the fault leaves it.
    pub(super) fn spoil(self, answer: Answer, serial: u64) -> Delivery {
        let mut out = match self.rewrite(&answer, serial) {
            Some(body) => Outgoing::from(Answer { body, ..answer }),
            None => Outgoing::from(answer),
        };
        match self {
            Self::AnswerHangs => return Delivery::Never,
            Self::AnswerLost => return Delivery::Reset,
            Self::RetryAfter(seconds) => out.retry_after = Some(seconds),
            Self::ClockSkew(seconds) => out.date_ahead = Some(seconds),
            Self::Slow(milliseconds) => out.late = Duration::from_millis(milliseconds),
            Self::Trickles => out.shape = Shape::Trickle,
            Self::CutBody(at) => out.shape = Shape::Cut(at),
            Self::Short(at) => out.body.truncate(at),
            Self::Malformed => out.body.truncate(out.body.len() / 2),
            Self::EmptyBody => (out.status, out.body) = (200, Bytes::new()),
            Self::Status(status) => (out.status, out.content_type) = (status, "text/html"),
            Self::HtmlPage => (out.status, out.content_type) = (200, "text/html"),
            Self::InvalidUtf8 => out.body = with_byte(&out.body, 0xff),
            Self::Utf16 => {
                let text = String::from_utf8_lossy(&out.body).into_owned();
                let units = std::iter::once(0xfeff).chain(text.encode_utf16());
                out.body = units.flat_map(u16::to_le_bytes).collect();
            }
            Self::HugeBody => out.shape = Shape::Padded(HUGE),
            Self::HugeStream => out.shape = Shape::Stream(HUGE),
            Self::BrokenGzip => out.content_encoding = Some("gzip"),
            Self::GzipBomb => {
                (out.content_encoding, out.body) = (Some("gzip"), bombs::gzip_bomb());
            }
            Self::UnknownEncoding => out.content_encoding = Some("x-unknown"),
            _ => {}
        }
        Delivery::Sent(out)
    }

    /// Another body, of a fault that is about the text.
    fn rewrite(self, answer: &Answer, serial: u64) -> Option<String> {
        let body = answer.body.as_str();
        let more = |marker: &str| {
            let is = format!("<IsTruncated>true</IsTruncated>{marker}");
            Some(body.replace("<IsTruncated>false</IsTruncated>", &is))
        };
        match self {
            Self::Garbled => Some(garbled(body)),
            Self::HtmlPage => Some(page("Sign in to continue")),
            Self::Status(status) => Some(page(&format!("{status} from the load balancer"))),
            Self::WrongRoot => Some(wrong_root(body)),
            Self::WrongNamespace => {
                let (before, rest) = body.split_once("xmlns=\"")?;
                let (_, after) = rest.split_once('"')?;
                Some(format!("{before}xmlns=\"https://example.com/doc/2000-01-01/\"{after}"))
            }
            Self::Without(name) => Some(changed(body, name, Change::Remove)),
            Self::Empty(name) => Some(changed(body, name, Change::Empty)),
            Self::TruncatedWithoutMarker => more(""),
            Self::RepeatingMarker => more("<Marker>0</Marker>"),
            // Behind every list there is.
            Self::EndlessMarkers => more(&format!("<Marker>{}</Marker>", 1_000_000 + serial)),
            Self::Doctype => Some(bombs::with_doctype(body)),
            Self::EntityBomb => Some(bombs::with_entity_bomb(body)),
            Self::Nested(depth) => Some(bombs::with_nesting(body, depth)),
            _ => None,
        }
    }
}

const SKEWED: &str =
    "Signature expired: the time of the request is too far from the time of the service.";
const UNKNOWN_FAILURE: &str = "The request processing has failed because of an unknown error.";

/// The account is not there any more, in the words of each service.
fn gone(call: &Call<'_>) -> Refusal {
    match (call.operation.service(), call.operation) {
        (Service::Organizations, Operation::ListTagsForResource) => Refusal::new(
            400,
            "TargetNotFoundException",
            "You specified a target that doesn't exist.",
        ),
        (Service::Organizations, _) => Refusal::new(
            400,
            "AccountNotFoundException",
            "We can't find an AWS account with the AccountId that you specified.",
        ),
        (Service::Sts, Operation::AssumeRole) => call.denied(&call.resource(), ""),
        (service @ (Service::Sts | Service::Iam | Service::Eks), _) => {
            Refusal::unknown_token(service)
        }
    }
}

fn page(title: &str) -> String {
    format!("<!DOCTYPE html><html><body><h1>{title}</h1></body></html>")
}

/// A byte that breaks the syntax in place of the first letter or digit after the middle: `<` in XML, and a quote in
/// JSON, where it leaves an odd number of them.
fn garbled(body: &str) -> String {
    let breaks = if body.starts_with('{') { '"' } else { '<' };
    let half = body.chars().count() / 2;
    let mut done = false;
    let replace = |(n, c): (usize, char)| {
        if !done && n >= half && c.is_ascii_alphanumeric() {
            done = true;
            return breaks;
        }
        c
    };
    body.chars().enumerate().map(replace).collect()
}

/// The bytes with one of them in the middle replaced.
fn with_byte(bytes: &Bytes, byte: u8) -> Bytes {
    let half = bytes.len() / 2;
    bytes.iter().enumerate().map(|(n, b)| if n == half { byte } else { *b }).collect()
}

fn wrong_root(body: &str) -> String {
    if body.starts_with('{') {
        return format!("{{\"Unexpected\":{body}}}");
    }
    let name = bombs::root(body);
    body.replacen(&format!("<{name}"), "<Unexpected", 1)
        .replace(&format!("</{name}>"), "</Unexpected>")
}

#[derive(Clone, Copy)]
enum Change {
    Remove,
    Empty,
}

/// The answer whose first element or member of this name is gone or empty.
fn changed(body: &str, name: &str, change: Change) -> String {
    if body.starts_with('{') {
        let Ok(mut value) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
        change_member(&mut value, name, change);
        return value.to_string();
    }
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = body.split_once(&open);
    let parts = parts.and_then(|(before, rest)| Some((before, rest.split_once(&close)?.1)));
    match (parts, change) {
        (None, _) => body.to_owned(),
        (Some((before, after)), Change::Remove) => format!("{before}{after}"),
        (Some((before, after)), Change::Empty) => format!("{before}{open}{close}{after}"),
    }
}

/// Changes the first member of this name, if there is one.
fn change_member(value: &mut Value, name: &str, change: Change) -> bool {
    match value {
        Value::Object(members) => {
            if let Some(found) = members.get_mut(name) {
                match (change, found) {
                    (Change::Remove, _) => drop(members.shift_remove(name)),
                    (Change::Empty, Value::Array(items)) => items.clear(),
                    (Change::Empty, Value::Object(inner)) => inner.clear(),
                    (Change::Empty, other) => *other = Value::from(""),
                }
                return true;
            }
            members.values_mut().any(|inner| change_member(inner, name, change))
        }
        Value::Array(items) => items.iter_mut().any(|inner| change_member(inner, name, change)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<A xmlns=\"urn:a\"><B>text</B><B>more</B></A>";
    const JSON: &str = r#"{"List":[{"Id":"1","Tags":["x"]},{"Id":"2"}]}"#;

    #[test]
    fn an_answer_is_spoiled_in_its_own_syntax() {
        let cases = [
            (
                Fault::Without("B"),
                "<A xmlns=\"urn:a\"><B>more</B></A>",
                r#"{"List":[{"Id":"1","Tags":["x"]},{"Id":"2"}]}"#,
            ),
            (Fault::Without("Id"), XML, r#"{"List":[{"Tags":["x"]},{"Id":"2"}]}"#),
            (Fault::Empty("B"), "<A xmlns=\"urn:a\"><B></B><B>more</B></A>", JSON),
            (Fault::Empty("Id"), XML, r#"{"List":[{"Id":"","Tags":["x"]},{"Id":"2"}]}"#),
            (Fault::Empty("Tags"), XML, r#"{"List":[{"Id":"1","Tags":[]},{"Id":"2"}]}"#),
            (Fault::Empty("List"), XML, r#"{"List":[]}"#),
            (
                Fault::WrongRoot,
                "<Unexpected xmlns=\"urn:a\"><B>text</B><B>more</B></Unexpected>",
                r#"{"Unexpected":{"List":[{"Id":"1","Tags":["x"]},{"Id":"2"}]}}"#,
            ),
            (
                Fault::WrongNamespace,
                "<A xmlns=\"https://example.com/doc/2000-01-01/\"><B>text</B><B>more</B></A>",
                JSON,
            ),
            (
                Fault::Garbled,
                "<A xmlns=\"urn:a\"><B>t<xt</B><B>more</B></A>",
                r#"{"List":[{"Id":"1","Ta"s":["x"]},{"Id":"2"}]}"#,
            ),
        ];
        for (fault, xml, json) in cases {
            for (body, want) in [(XML, xml), (JSON, json)] {
                let answer = Answer { status: 200, content_type: "x", body: body.to_owned() };
                let Delivery::Sent(out) = fault.spoil(answer, 1) else { panic!("case {fault}") };
                assert_eq!(String::from_utf8_lossy(&out.body), want, "case {fault}");
            }
        }
    }
}
