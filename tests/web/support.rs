//! A router, and a daemon that notes what it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use http_body_util::BodyExt;
use jiff::Timestamp;
use rolewarden::config::Secret;
use rolewarden::ledger::{FindingRecord, Resolution, Trigger, View};
use rolewarden::model::{AccountId, Change, CheckName, Severity};
use rolewarden::store::ChangeFilter;
use rolewarden::web::{Control, Encoding, Progress, Refused, Site, Steer, SweepStarted, router};
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;

use super::world;

pub(crate) const TOKEN: &str = "a-token-that-is-long-enough";

/// What the daemon answers, and what it was asked.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) no_token: bool,
    pub(crate) busy: bool,
    pub(crate) not_ready: bool,
    pub(crate) no_history: bool,
    pub(crate) progress: Option<Progress>,
    pub(crate) no_changes: bool,
    pub(crate) changes: Vec<Change>,
    pub(crate) filters: Mutex<Vec<ChangeFilter>>,
    /// How often the running sweep was asked for: a page asks once, each time it is rendered.
    pub(crate) looked: AtomicUsize,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Fake {
    fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }
}

impl Control for Fake {
    fn progress(&self) -> Option<Progress> {
        self.looked.fetch_add(1, Ordering::Relaxed);
        self.progress.clone()
    }

    fn metrics(&self, encoding: Encoding) -> BoxFuture<'_, Bytes> {
        let body: &[u8] = match encoding {
            Encoding::Plain => b"# metrics\n",
            Encoding::Gzip => b"\x1f\x8bpacked",
        };
        ready(Bytes::from_static(body)).boxed()
    }

    fn sweep_now(&self) -> BoxFuture<'_, Result<SweepStarted, Refused>> {
        self.note("sweep");
        let started = SweepStarted { id: "01JD0000000000000000000000".into() };
        ready(if self.busy { Err(Refused::Running) } else { Ok(started) }).boxed()
    }

    fn rescan(&self, account: AccountId) -> BoxFuture<'_, Result<(), Refused>> {
        self.note(format!("scan {account}"));
        let result = match (self.busy, account == world::id(99_999)) {
            (true, _) => Err(Refused::Running),
            (false, true) => Err(Refused::NoSuchAccount),
            (false, false) => Ok(()),
        };
        ready(result).boxed()
    }

    fn confirm_list(&self) -> Result<usize, Refused> {
        self.note("confirm");
        if self.busy { Err(Refused::NoSuchList) } else { Ok(3) }
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        self.note("reload");
        let problem = "c.yaml:1:1: sweep.evry: unknown key";
        ready(if self.busy { Err(problem.to_owned()) } else { Ok(()) }).boxed()
    }

    fn ready(&self) -> Result<(), &'static str> {
        if self.not_ready { Err("no sweep has ended yet") } else { Ok(()) }
    }

    fn history(&self, account: AccountId) -> BoxFuture<'_, Result<Vec<FindingRecord>, String>> {
        let record = FindingRecord {
            id: "00aa11bb22cc33dd".into(),
            account,
            check: CheckName::TrustPolicy,
            severity: Severity::Critical,
            summary: format!("{} may assume the role", world::HOSTILE[0]),
            first_seen: world::ago(400_000),
            last_seen: world::ago(300_000),
            closed_at: Some(world::ago(299_000)),
            resolution: Some(Resolution::External),
            exception: None,
        };
        let broken = self.no_history.then(|| "disk I/O error in /secret/path".to_owned());
        ready(broken.map_or(Ok(vec![record]), Err)).boxed()
    }

    fn changes(&self, filter: ChangeFilter) -> BoxFuture<'_, Result<Vec<Change>, String>> {
        let limit = filter.limit.unwrap_or(usize::MAX);
        self.filters.lock().unwrap().push(filter);
        let broken = self.no_changes.then(|| "disk I/O error in /secret/path".to_owned());
        let changes = self.changes.iter().take(limit).cloned().collect();
        ready(broken.map_or(Ok(changes), Err)).boxed()
    }

    fn steer(&self, how: Steer) -> BoxFuture<'_, Result<(), String>> {
        self.note(format!("{how:?}"));
        let full = "no space is left for the store `/secret/path`";
        ready(if self.busy { Err(full.to_owned()) } else { Ok(()) }).boxed()
    }

    fn token(&self) -> Option<Secret> {
        (!self.no_token).then(|| Secret::new(TOKEN))
    }
}

/// A running sweep.
pub(crate) fn progress() -> Progress {
    Progress {
        id: "01JD0000000000000000000000".into(),
        started_at: world::ago(5),
        trigger: Trigger::Schedule,
        done: 1_234,
        total: 10_000,
    }
}

/// An answer, read in full.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A server without a socket.
pub(crate) struct Web {
    pub(crate) control: Arc<Fake>,
    published: watch::Sender<Arc<View>>,
    router: Router,
}

impl Web {
    pub(crate) fn new(view: View, fake: Fake) -> Self {
        Self::with_clock(view, fake, world::now)
    }

    pub(crate) fn with_clock(view: View, fake: Fake, clock: fn() -> Timestamp) -> Self {
        let (published, view) = watch::channel(Arc::new(view));
        let control = Arc::new(fake);
        let site = Site { view, clock, control: control.clone() };
        Self { control, published, router: router(site) }
    }

    /// Replaces what is known.
    pub(crate) fn publish(&self, view: View) {
        self.published.send_replace(Arc::new(view));
    }

    pub(crate) fn of(accounts: usize) -> Self {
        Self::new(world::view(accounts), Fake::default())
    }

    /// An answer whose body is not read yet.
    pub(crate) async fn begin(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        read(self.begin(request).await).await
    }

    pub(crate) async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request(method, target, headers)).await
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[]).await
    }

    /// With the right token.
    pub(crate) async fn post(&self, target: &str) -> Answer {
        self.ask("POST", target, &[("authorization", &format!("Bearer {TOKEN}"))]).await
    }
}

/// Reads an answer to its end.
pub(crate) async fn read(response: Response<Body>) -> Answer {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: head.status, headers: head.headers, body }
}

pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "127.0.0.1:9797");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}
