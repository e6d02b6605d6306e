//! The HTTP server: HTTP/1.1 on a loopback port of the system's choice.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_credential_types::Credentials;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::answer::{BASE_KEY, Shared, request_id};
use super::calls::{Calls, Service};
use super::fault::Delivery;
use super::wire::{self, Answer, Refusal};
use super::world::World;

/// Largest request body: a policy document may have 128 KiB, three times that when encoded.
const MAX_BODY: usize = 512 * 1024;
/// How long `stop` waits for answers under way.
const GRACE: Duration = Duration::from_secs(1);

/// The simulator's server.
#[derive(Debug)]
pub struct Server;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves a world on a free loopback port, inside the current tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(world: World) -> io::Result<Running> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (shared, stop) = (Arc::new(Shared::new(world)), CancellationToken::new());
        let task = tokio::spawn(accept(listener, Arc::clone(&shared), stop.clone()));
        Ok(Running { shared, address, stop, task })
    }
}

impl Running {
    /// The endpoint of all three services: `http://127.0.0.1:…`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base credentials: a user of the hub account. Always the same.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(
            BASE_KEY,
            "SimulatedSecretKeyOfTheHubUser0000000001",
            None,
            None,
            "simulator",
        )
    }

    /// The calls that arrived so far.
    pub fn calls(&self) -> Calls {
        self.shared.calls().clone()
    }

    /// Counts from zero again; rules and changes that count calls begin anew as well.
    pub fn reset_calls(&self) {
        *self.shared.calls() = Calls::default();
    }

    /// Changes the world between two requests.
    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.shared.world.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stops accepting, lets answers under way finish for a moment, then closes every connection.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // Only a panic or an abort ends the task otherwise, and then there is nothing left to stop.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts until told to stop. The connections' tasks end with this one.
async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared), stop.clone()));
                }
                // Out of descriptors, mostly: wait for some to come back instead of spinning.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} })
        .await;
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, stop: CancellationToken) {
    // Without it small answers wait for the other side's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    let mut http = hyper::server::conn::http1::Builder::new();
    let connection = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // A client that goes away is its own business.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn respond(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let serial = shared.next();
    let (parts, body) = request.into_parts();
    let refuse = |service, refusal: Refusal| {
        Ok(response(Delivery::Whole(wire::failure(service, &refusal, &request_id(serial))), serial))
    };
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return refuse(
            Service::Iam,
            Refusal::new(413, "RequestEntityTooLarge", "the body is too large or broke off"),
        );
    };
    let call = match wire::Request::parse(&parts.headers, &body.to_bytes()) {
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
    Ok(response(delivery, serial))
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
struct AnswerBody {
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
