//! From a request's parts to an HTTP response: late, cut or never, as latency and faults have it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};

use super::answer::{Shared, request_id};
use super::calls::Service;
use super::fault::Delivery;
use super::wire::{self, Answer, Refusal};

/// Answers a request; `None` stands for a body that was too large or broke off.
pub(super) async fn respond(
    shared: &Shared,
    headers: &HeaderMap,
    body: Option<&[u8]>,
) -> Response<AnswerBody> {
    let serial = shared.next();
    let refuse = |service, refusal: Refusal| {
        response(Delivery::Whole(wire::failure(service, &refusal, &request_id(serial))), serial)
    };
    let Some(body) = body else {
        return refuse(
            Service::Iam,
            Refusal::new(413, "RequestEntityTooLarge", "the body is too large or broke off"),
        );
    };
    let call = match wire::Request::parse(headers, body) {
        Ok(call) => call,
        Err((service, refusal)) => return refuse(service, refusal),
    };
    let (delivery, latency) = shared.answer(&call, serial);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    if let Delivery::Never = delivery {
        std::future::pending::<()>().await;
    }
    response(delivery, serial)
}

fn response(delivery: Delivery, serial: u64) -> Response<AnswerBody> {
    let tomorrow = matches!(delivery, Delivery::Tomorrow(_));
    let (answer, cut) = match delivery {
        Delivery::Whole(answer) | Delivery::Tomorrow(answer) => (answer, None),
        Delivery::Cut(answer, at) => (answer, Some(at)),
        Delivery::Never => {
            (Answer { status: 500, content_type: "text/plain", body: String::new() }, None)
        }
    };
    let mut response = Response::new(AnswerBody::new(Bytes::from(answer.body), cut));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    if let Ok(id) = HeaderValue::from_str(&request_id(serial)) {
        headers.insert("x-amzn-requestid", id);
    }
    let date = crate::clock::now() + Duration::from_secs(24 * 60 * 60);
    if tomorrow
        && let Ok(date) =
            HeaderValue::from_str(&date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
    {
        headers.insert(header::DATE, date);
    }
    response
}

/// A body whose length is always told in full, and that may break off before.
#[derive(Debug)]
pub(super) struct AnswerBody {
    whole: u64,
    left: Option<Bytes>,
    breaks_off: bool,
}

impl AnswerBody {
    fn new(bytes: Bytes, cut: Option<usize>) -> Self {
        let whole = bytes.len() as u64;
        let breaks_off = cut.is_some_and(|at| at < bytes.len());
        let kept = bytes.slice(..cut.unwrap_or(bytes.len()).min(bytes.len()));
        Self { whole, left: (!kept.is_empty()).then_some(kept), breaks_off }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.left.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        Poll::Ready(self.breaks_off.then(|| Err(io::ErrorKind::ConnectionReset.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_none() && !self.breaks_off
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.whole)
    }
}
