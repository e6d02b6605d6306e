//! Whether a request carries the signature that its secret makes: Signature Version 4, computed anew from what arrived.
//!
//! Source: IAM User Guide, "Create a signed AWS API request".

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use hyper::HeaderMap;
use hyper::header::HOST;
use hyper::http::request::Parts;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::calls::Service;
use super::wire::Refusal;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Minutes a request may be off, either way: 15, the widest of AWS's limits. Some services hold to 5.
const LEEWAY_MINUTES: i64 = 15;

/// The parts of an `Authorization` header.
struct Authorization<'a> {
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// `AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/iam/aws4_request, SignedHeaders=a;b, Signature=…`
    fn parse(header: &'a str) -> Option<Self> {
        let fields = header.strip_prefix(ALGORITHM)?;
        let field =
            |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name));
        let mut scope = field("Credential=")?.split('/').skip(1);
        let (date, region, service) = (scope.next()?, scope.next()?, scope.next()?);
        let (signed_headers, signature) = (field("SignedHeaders=")?, field("Signature=")?);
        Some(Self { date, region, service, signed_headers, signature })
    }
}

/// Refuses a request that is not signed with this secret, or whose date is too far from the service's time.
pub(super) fn check(
    request: &Parts,
    body: &[u8],
    secret: &str,
    service: Service,
    now: Timestamp,
) -> Result<(), Refusal> {
    let incomplete = |what: &str| refusal(service, "IncompleteSignature", what);
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = header("authorization")
        .and_then(Authorization::parse)
        .ok_or_else(|| incomplete("Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters."))?;
    let sent = header("x-amz-date").unwrap_or_default();
    let date = date_of(sent).ok_or_else(|| {
        incomplete("Date must be in ISO-8601 'basic format'. Authorization header requires existence of an 'X-Amz-Date' header.")
    })?;
    in_time(sent, date, now).map_err(|why| mismatch(service, why))?;
    let scoped = name(service);
    if authorization.service != scoped {
        let why = format!("Credential should be scoped to correct service: '{scoped}'.");
        return Err(mismatch(service, why));
    }
    if !sent.starts_with(authorization.date) || authorization.date.len() != 8 {
        return Err(mismatch(
            service,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
        ));
    }
    if let Some(name) = unsigned(&request.headers, authorization.signed_headers) {
        let why =
            format!("There were headers present in the request which were not signed: {name}");
        return Err(mismatch(service, why));
    }
    let text = format!(
        "{ALGORITHM}\n{sent}\n{}/{}/{scoped}/aws4_request\n{}",
        authorization.date,
        authorization.region,
        hash(canonical(request, authorization.signed_headers, body).as_bytes()),
    );
    // Of the time the key needs the day alone.
    let seconds = u64::try_from(date.as_second()).unwrap_or_default();
    let day = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let key = aws_sigv4::sign::v4::generate_signing_key(secret, day, authorization.region, scoped);
    if aws_sigv4::sign::v4::calculate_signature(key, text.as_bytes()) != authorization.signature {
        return Err(mismatch(
            service,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ));
    }
    Ok(())
}

/// The name of a service in a credential's scope.
fn name(service: Service) -> &'static str {
    match service {
        Service::Sts => "sts",
        Service::Iam => "iam",
        Service::Organizations => "organizations",
        Service::Eks => "eks",
    }
}

fn date_of(text: &str) -> Option<Timestamp> {
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    TimeZone::UTC.to_timestamp(date).ok()
}

fn in_time(sent: &str, date: Timestamp, now: Timestamp) -> Result<(), String> {
    let ahead = date.duration_since(now).as_secs();
    let limit = LEEWAY_MINUTES * 60;
    let now = now.strftime("%Y%m%dT%H%M%SZ");
    if ahead < -limit {
        Err(format!("Signature expired: {sent} is now earlier than {now} - {LEEWAY_MINUTES} min."))
    } else if ahead > limit {
        Err(format!(
            "Signature not yet current: {sent} is still later than {now} + {LEEWAY_MINUTES} min."
        ))
    } else {
        Ok(())
    }
}

/// A header that must be signed and is not.
fn unsigned<'a>(headers: &'a HeaderMap, signed: &str) -> Option<&'a str> {
    let is_signed = |name: &str| signed.split(';').any(|known| known == name);
    let names = headers.keys().map(hyper::header::HeaderName::as_str);
    let mut needed = names.filter(|name| name.starts_with("x-amz-")).chain([HOST.as_str()]);
    needed.find(|name| !is_signed(name))
}

/// The request in the one form that both sides sign.
fn canonical(request: &Parts, signed: &str, body: &[u8]) -> String {
    let mut pairs: Vec<&str> = request.uri.query().unwrap_or_default().split('&').collect();
    pairs.sort_unstable();
    // A path is encoded once more for the signature.
    let path = request.uri.path().replace('%', "%25");
    let mut out = format!("{}\n{path}\n{}\n", request.method, pairs.join("&"));
    for name in signed.split(';') {
        let mut values: Vec<String> =
            request.headers.get_all(name).iter().map(|value| folded(value.as_bytes())).collect();
        // In process nobody has put the host into a header.
        if let (true, "host", Some(host)) = (values.is_empty(), name, request.uri.authority()) {
            values.push(host.to_string());
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name}:{}", values.join(","));
    }
    let _ = write!(out, "\n{signed}\n{}", hash(body));
    out
}

/// A header's value with single spaces.
fn folded(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn mismatch(service: Service, why: impl Into<String>) -> Refusal {
    refusal(service, "SignatureDoesNotMatch", why)
}

/// In the code of the service: the JSON ones have one for all of them.
fn refusal(service: Service, code: &'static str, why: impl Into<String>) -> Refusal {
    match (service, code) {
        (Service::Organizations, "SignatureDoesNotMatch") => {
            Refusal::new(400, "InvalidSignatureException", why)
        }
        (Service::Organizations, _) => Refusal::new(400, "IncompleteSignatureException", why),
        (Service::Eks, "SignatureDoesNotMatch") => {
            Refusal::new(403, "InvalidSignatureException", why)
        }
        (Service::Eks, _) => Refusal::new(403, "IncompleteSignatureException", why),
        (Service::Sts | Service::Iam, "SignatureDoesNotMatch") => Refusal::new(403, code, why),
        (Service::Sts | Service::Iam, _) => Refusal::new(400, code, why),
    }
}
