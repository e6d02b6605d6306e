//! From a request's parts to an HTTP response: late, cut or never, as latency and faults have it.

use std::io;
use std::time::Duration;

use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use jiff::SignedDuration;

use super::answer::{Shared, request_id};
use super::body::{AnswerBody, Shape};
use super::calls::Service;
use super::control::Reply;
use super::spoil::{Delivery, Outgoing};
use super::wire::{self, Refusal};

/// Answers a request; `None` stands for a body that was too large or broke off. An error is a connection that closes.
pub(super) async fn respond(
    shared: &Shared,
    request: &Parts,
    body: Option<&[u8]>,
) -> io::Result<Response<AnswerBody>> {
    let serial = shared.next();
    let (delivery, delay) = match read(request, body) {
        Ok(call) => shared.answer(&call, serial),
        Err((service, refusal)) => {
            (wire::failure(service, &refusal, &request_id(serial)).into(), Duration::ZERO)
        }
    };
    let late = match &delivery {
        Delivery::Sent(outgoing) => outgoing.late,
        Delivery::Reset | Delivery::Never => Duration::ZERO,
    };
    let wait = delay.saturating_add(late);
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    match delivery {
        Delivery::Sent(outgoing) => Ok(response(outgoing, serial)),
        Delivery::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        Delivery::Never => std::future::pending().await,
    }
}

/// The control endpoint's answer.
pub(super) fn control(reply: Reply) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::new(reply.body.into(), Shape::Whole));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    if let Some(allow) = reply.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    response
}

fn read<'a>(
    request: &'a Parts,
    body: Option<&'a [u8]>,
) -> Result<wire::Request<'a>, (Service, Refusal)> {
    let Some(body) = body else {
        let large = "the body is too large or broke off";
        return Err((Service::Iam, Refusal::new(413, "RequestEntityTooLarge", large)));
    };
    wire::Request::parse(request, body)
}

fn response(outgoing: Outgoing, serial: u64) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::new(outgoing.body, outgoing.shape));
    *response.status_mut() =
        StatusCode::from_u16(outgoing.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(outgoing.content_type));
    if let Some(encoding) = outgoing.content_encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(id) = HeaderValue::from_str(&request_id(serial)) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(seconds) = outgoing.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(date) = outgoing.date_ahead.and_then(date_ahead) {
        headers.insert(header::DATE, date);
    }
    response
}

/// The time so many seconds ahead, as HTTP writes it.
fn date_ahead(seconds: i64) -> Option<HeaderValue> {
    let date = crate::clock::now().checked_add(SignedDuration::from_secs(seconds)).ok()?;
    HeaderValue::from_str(&date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}
