//! The HTTP server: HTTP/1.1 on a loopback port of the system's choice.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::answer::{BASE_KEY, BASE_SECRET, Shared};
use super::body::AnswerBody;
use super::calls::Calls;
use super::control;
use super::deliver;
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
        Self::start_at(world, (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Serves a world at an address of this machine's loopback interface.
    ///
    /// # Errors
    /// When the address is another one, or cannot be had.
    pub async fn start_at(world: World, address: SocketAddr) -> io::Result<Running> {
        if !address.ip().is_loopback() {
            let elsewhere = "not a loopback address: anyone who reaches the simulator controls it";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, elsewhere));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (shared, stop) = (Arc::new(Shared::new(world)), CancellationToken::new());
        let task = tokio::spawn(accept(listener, Arc::clone(&shared), stop.clone()));
        Ok(Running { shared, address, stop, task })
    }
}

impl Running {
    /// The endpoint of all services: `http://127.0.0.1:…`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base credentials: a user of the hub account. Always the same.
    pub fn credentials(&self) -> Credentials {
        base_credentials()
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

/// The base credentials of every simulated organization.
pub(super) fn base_credentials() -> Credentials {
    Credentials::new(BASE_KEY, BASE_SECRET, None, None, "simulator")
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
) -> io::Result<Response<AnswerBody>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.ok().map(|body| body.to_bytes());
    if control::is_for(parts.uri.path()) {
        let reply = control::answer(&shared, &parts.method, &parts.uri, body.as_deref());
        return Ok(deliver::control(reply));
    }
    deliver::respond(&shared, &parts, body.as_deref()).await
}
