//! Requests and answers as AWS's protocols put them: query with XML, JSON 1.1, and REST with JSON.

use std::borrow::Cow;

use hyper::Method;
use hyper::http::request::Parts;
use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode_str, utf8_percent_encode,
};
use serde_json::{Value, json};

use super::calls::{Operation, Service};
use super::xml;

/// What RFC 3986 leaves unreserved stays as it is in a policy document.
const DOCUMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const TARGET: &str = "AWSOrganizationsV20161128.";
/// The path of every EKS call.
const CLUSTERS: &str = "/clusters";
const STS_VERSION: &str = "2011-06-15";
const IAM_VERSION: &str = "2010-05-08";

/// Stands among the parameters of a REST call for the region that it is signed for; no parameter has such a name.
pub(super) const REGION: &str = "/region";

/// A call as it arrived, whoever sent it.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) operation: Operation,
    pub(super) params: Params<'a>,
    /// The access key id of the signature.
    pub(super) key: &'a str,
    /// The session token sent along.
    pub(super) token: Option<&'a str>,
    /// As it came, for the signature.
    pub(super) parts: &'a Parts,
    pub(super) body: &'a [u8],
}

/// The parameters of a call, few and in no order. Of one given twice the last counts.
#[derive(Debug)]
pub(super) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Params<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The caller's credentials ended.
    pub(super) fn expired(service: Service) -> Self {
        let (status, code) = match service {
            Service::Organizations => (400, "ExpiredTokenException"),
            Service::Eks => (403, "ExpiredTokenException"),
            Service::Sts | Service::Iam => (403, "ExpiredToken"),
        };
        Self::new(status, code, "The security token included in the request is expired")
    }

    /// The caller's credentials are not known.
    pub(super) fn unknown_token(service: Service) -> Self {
        let (status, code) = match service {
            Service::Organizations => (400, "UnrecognizedClientException"),
            Service::Eks => (403, "UnrecognizedClientException"),
            Service::Sts | Service::Iam => (403, "InvalidClientTokenId"),
        };
        Self::new(status, code, "The security token included in the request is invalid.")
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }
}

impl<'a> Request<'a> {
    /// Reads a request; an error says which protocol to refuse it in.
    pub(super) fn parse(parts: &'a Parts, body: &'a [u8]) -> Result<Self, (Service, Refusal)> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let authorization = header("authorization");
        let (operation, params) = match (header("x-amz-target"), parts.uri.path()) {
            (Some(target), _) => {
                json_call(target, body).map_err(|refusal| (Service::Organizations, refusal))?
            }
            (None, path) if path.starts_with(CLUSTERS) => {
                rest_call(parts, authorization.and_then(region))
                    .map_err(|refusal| (Service::Eks, refusal))?
            }
            (None, _) => query_call(body)?,
        };
        let key = authorization.and_then(access_key).ok_or_else(|| {
            let missing = "Request is missing Authentication Token";
            (operation.service(), Refusal::new(403, "MissingAuthenticationToken", missing))
        })?;
        let token = header("x-amz-security-token");
        Ok(Self { operation, params, key, token, parts, body })
    }
}

/// `AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/iam/aws4_request, SignedHeaders=…, Signature=…`
fn access_key(authorization: &str) -> Option<&str> {
    let (key, rest) = scope(authorization)?;
    (rest.ends_with("/aws4_request") && !key.is_empty()).then_some(key)
}

/// The third part of the same.
fn region(authorization: &str) -> Option<&str> {
    scope(authorization)?.1.split('/').nth(1)
}

fn scope(authorization: &str) -> Option<(&str, &str)> {
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let scope = fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))?;
    scope.split_once('/')
}

type Call<'a> = (Operation, Params<'a>);

fn json_call<'a>(target: &str, body: &'a [u8]) -> Result<Call<'a>, Refusal> {
    let unknown = || Refusal::new(400, "UnknownOperationException", "");
    let name = target.strip_prefix(TARGET).ok_or_else(unknown)?;
    let operation = Operation::parse(Service::Organizations, name).ok_or_else(unknown)?;
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Err(Refusal::new(400, "SerializationException", "the body is not a JSON object"));
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let present = members.into_iter().filter(|(_, value)| !value.is_null());
    let present = present.map(|(name, value)| (name.into(), text(value).into()));
    Ok((operation, Params(present.collect())))
}

/// `GET /clusters?include=all`, `GET /clusters/NAME`.
fn rest_call<'a>(parts: &'a Parts, region: Option<&'a str>) -> Result<Call<'a>, Refusal> {
    let Parts { method, uri, .. } = parts;
    let decoded = |text: &'a str| percent_decode_str(text).decode_utf8_lossy();
    let query = uri.query().unwrap_or_default().split('&');
    let query = query.filter_map(|pair| pair.split_once('='));
    let mut params: Vec<_> = query.map(|(name, value)| (decoded(name), decoded(value))).collect();
    params.extend(region.map(|region| (REGION.into(), region.into())));
    let steps: Vec<&str> = uri.path().split('/').skip(1).collect();
    let operation = match steps.as_slice() {
        ["clusters"] if method == Method::GET => Operation::ListClusters,
        ["clusters", name] if method == Method::GET => {
            params.push(("name".into(), decoded(name)));
            Operation::DescribeCluster
        }
        _ => return Err(Refusal::new(404, "UnknownOperationException", "")),
    };
    Ok((operation, Params(params)))
}

fn query_call(body: &[u8]) -> Result<Call<'_>, (Service, Refusal)> {
    // A form is ASCII; what is not has no action.
    let pairs = std::str::from_utf8(body).unwrap_or_default().split('&');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    let params =
        Params(pairs.map(|(name, value)| (form_decode(name), form_decode(value))).collect());
    let (name, version) = (params.get("Action"), params.get("Version"));
    let (name, version) = (name.unwrap_or_default(), version.unwrap_or_default());
    let service = if version == STS_VERSION { Service::Sts } else { Service::Iam };
    let known = [STS_VERSION, IAM_VERSION].contains(&version);
    let operation = Operation::parse(service, name).filter(|_| known).ok_or_else(|| {
        let message = format!("Could not find operation {name} for version {version}");
        (service, Refusal::new(400, "InvalidAction", message))
    })?;
    Ok((operation, params))
}

fn form_decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned().into()
    } else {
        percent_decode_str(text).decode_utf8_lossy()
    }
}

/// A policy document as IAM gives it back.
pub(super) fn encode_document(document: &str) -> PercentEncode<'_> {
    utf8_percent_encode(document, DOCUMENT)
}

/// The answer to a call that worked. `inside` is the result's XML, or the whole JSON object.
pub(super) fn success(operation: Operation, inside: String, request_id: &str) -> Answer {
    let namespace = namespace(operation.service());
    let Some(namespace) = namespace else {
        return Answer { status: 200, content_type: json_type(operation.service()), body: inside };
    };
    let name = operation.as_str();
    let mut body = format!("<{name}Response xmlns=\"{namespace}\">");
    // Of the writes that tell nothing, only this one has a result.
    if !inside.is_empty() || operation == Operation::UpdateRole {
        xml::element(&mut body, &format!("{name}Result"), |out| out.push_str(&inside));
    }
    xml::element(&mut body, "ResponseMetadata", |out| xml::text(out, "RequestId", request_id));
    body.push_str(&format!("</{name}Response>"));
    Answer { status: 200, content_type: XML, body }
}

/// The answer to a call that did not.
pub(super) fn failure(service: Service, refusal: &Refusal, request_id: &str) -> Answer {
    let Refusal { status, code, message } = refusal;
    let Some(namespace) = namespace(service) else {
        let member = if service == Service::Eks { "message" } else { "Message" };
        let body = json!({"__type": code, member: message}).to_string();
        return Answer { status: *status, content_type: json_type(service), body };
    };
    let mut body = format!("<ErrorResponse xmlns=\"{namespace}\">");
    xml::element(&mut body, "Error", |out| {
        xml::text(out, "Type", if *status < 500 { "Sender" } else { "Receiver" });
        xml::text(out, "Code", code);
        xml::text(out, "Message", message);
    });
    xml::text(&mut body, "RequestId", request_id);
    body.push_str("</ErrorResponse>");
    Answer { status: *status, content_type: XML, body }
}

/// The content type of a JSON service.
fn json_type(service: Service) -> &'static str {
    if service == Service::Eks { "application/json" } else { "application/x-amz-json-1.1" }
}

const XML: &str = "text/xml";

/// The XML namespace of a query service; `None` for a JSON one.
fn namespace(service: Service) -> Option<&'static str> {
    match service {
        Service::Sts => Some("https://sts.amazonaws.com/doc/2011-06-15/"),
        Service::Iam => Some("https://iam.amazonaws.com/doc/2010-05-08/"),
        Service::Organizations | Service::Eks => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_key_is_the_head_of_the_credential_scope() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKIA1/20261123/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(access_key(signed), Some("AKIA1"));
        for text in [
            "",
            "Basic eDp5",
            "AWS4-HMAC-SHA256 Credential=AKIA1",
            "AWS4-HMAC-SHA256 Credential=/x/aws4_request",
        ] {
            assert_eq!(access_key(text), None, "case `{text}`");
        }
    }

    #[test]
    fn bodies_that_are_no_call_are_refused_in_their_own_protocol() {
        let mut parts = hyper::Request::new(()).into_parts().0;
        let code = |parts: &Parts, body: &[u8]| {
            Request::parse(parts, body)
                .map(|r| r.operation)
                .map_err(|(service, refusal)| (service, refusal.code))
        };
        assert_eq!(code(&parts, b"\xff&=&Action"), Err((Service::Iam, "InvalidAction")));
        assert_eq!(
            code(&parts, b"Action=GetRole&Version=2011-06-15"),
            Err((Service::Sts, "InvalidAction"))
        );
        assert_eq!(
            code(&parts, b"Action=GetRole&Version=2010-05-08"),
            Err((Service::Iam, "MissingAuthenticationToken"))
        );
        parts
            .headers
            .insert("x-amz-target", "AWSOrganizationsV20161128.ListAccounts".parse().unwrap());
        assert_eq!(code(&parts, b"[]"), Err((Service::Organizations, "SerializationException")));
        parts.headers.insert("x-amz-target", "Else.ListAccounts".parse().unwrap());
        assert_eq!(code(&parts, b"{}"), Err((Service::Organizations, "UnknownOperationException")));
    }

    #[test]
    fn a_plus_is_a_space_in_forms_and_a_plus_in_documents() {
        assert_eq!(form_decode("a+b%2Bc%20d"), "a b+c d");
        assert_eq!(
            encode_document("{\"a\": \"b+c\"}").to_string(),
            "%7B%22a%22%3A%20%22b%2Bc%22%7D"
        );
    }
}
