//! The listener: who may connect, for how long, and how many at once. What is asked for is the router's business.

mod connections;
mod idle;
mod options;
mod passwords;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::body::Pieces;
use super::limits::{Limit, Refusals};
use super::origin::Origin;
use super::problem::Problem;
use connections::{Connections, Seat};
use idle::ImpatientWriter;
pub use options::{Access, WebFileError};

/// Until the last byte of a request's head, and between two requests.
const HEAD: Duration = Duration::from_secs(10);
/// Until the answer to a request begins.
const REQUEST: Duration = Duration::from_secs(30);
/// Until a reader that takes nothing is given up.
const WRITE: Duration = Duration::from_secs(30);
/// For answers under way when the server stops.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes of an unread answer that the kernel may hold; it doubles this. Left alone it takes some MiB a connection, which counts
/// against a container's memory and which no other limit here sees.
const SEND_BUFFER: u32 = 128 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// Largest head of a request.
const LARGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

/// A listener that is bound, and what it needs.
pub struct Server {
    listener: TcpListener,
    access: Arc<Access>,
    connections: Connections,
    refusals: Arc<Refusals>,
}

/// The parts that answer a request, the same for all connections.
#[derive(Clone)]
struct Answering {
    access: Arc<Access>,
    router: Router,
    refusals: Arc<Refusals>,
}

impl Server {
    /// Binds the address. What limits refuse is counted.
    ///
    /// # Errors
    /// The address is taken, or not this machine's.
    pub async fn bind(
        address: SocketAddr,
        access: Arc<Access>,
        refusals: Arc<Refusals>,
    ) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Without it a restart could not listen while connections of the process before it end.
        socket.set_reuseaddr(true)?;
        // Connections inherit it.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self { listener, access, connections: Connections::default(), refusals })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until told to stop; then answers under way have a moment to end.
    pub async fn run(self, router: Router, stop: CancellationToken) {
        let Self { listener, access, connections, refusals } = self;
        let answering = Answering { access, router, refusals };
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = tasks.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                // Out of descriptors, mostly: wait for some to come back instead of spinning.
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let origin = Origin::from(from.ip());
            match connections.seat(origin) {
                Some(seat) => {
                    let (answering, stop) = (answering.clone(), stop.clone());
                    tasks.spawn(connection(stream, origin, seat, answering, stop));
                }
                None => {
                    answering.refusals.count(Limit::Connections);
                    tasks.spawn(refuse(stream));
                }
            }
        }
        drop(listener);
        let ended = async { while tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, ended).await;
    }
}

/// Every seat is taken by a request under way.
async fn refuse(mut stream: TcpStream) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(FULL)).await;
}

async fn connection(
    stream: TcpStream,
    origin: Origin,
    seat: Seat,
    answering: Answering,
    stop: CancellationToken,
) {
    // Without it small answers wait for the other side's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let seat = Arc::new(seat);
    let stream = ImpatientWriter::new(stream, WRITE);
    match answering.access.tls() {
        None => http(stream, origin, seat, answering, stop).await,
        Some(acceptor) => {
            let shaken = tokio::select! {
                () = seat.lost() => return,
                shaken = tokio::time::timeout(HEAD, acceptor.accept(stream)) => shaken,
            };
            // A client that does not speak TLS, or does not trust us, is its own business.
            if let Ok(Ok(stream)) = shaken {
                http(stream, origin, seat, answering, stop).await;
            }
        }
    }
}

async fn http<S>(
    stream: S,
    origin: Origin,
    seat: Arc<Seat>,
    answering: Answering,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let of_requests = Arc::clone(&seat);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(origin);
        answer(request, Arc::clone(&of_requests), answering.clone())
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = seat.lost() => {}
        () = seat.overdue() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// One request: who asks, then the router, then the time limit.
async fn answer(
    request: Request<Incoming>,
    seat: Arc<Seat>,
    answering: Answering,
) -> Result<Response<Body>, std::convert::Infallible> {
    let busy = seat.busy();
    let path = request.uri().path().to_owned();
    let answered = tokio::time::timeout(REQUEST, async {
        if let Err(refusal) = answering.access.admit(&request).await {
            return *refusal;
        }
        let Ok(response) = answering.router.oneshot(request.map(Body::new)).await;
        response
    });
    let response = answered.await.unwrap_or_else(|_| late(&path));
    if let Some(limit) = response.extensions().get::<Limit>() {
        answering.refusals.count(*limit);
    }
    // The seat is busy until the last byte of the body was taken.
    Ok(response.map(|body| Body::new(Pieces::new(body, busy))))
}

/// No answer began in time.
fn late(path: &str) -> Response<Body> {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long: ask again later")
        .with(RETRY_AFTER, HeaderValue::from_static("30"))
        .for_path(path)
}
