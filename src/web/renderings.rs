//! Bodies that many readers share. One thread of low priority renders each body once for a view, and packs it once; requests for
//! the same body wait for it. All bodies together have a fixed room, so that no number of readers, however slow, takes the
//! machine's memory.
//!
//! A rendering is as true as a new one would be: it is of the view that is published now, and serves only until time alone
//! would change it (see [`Lasts`]).

use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::background::Background;
use super::control::{Encoding, Site};
use super::gate::busy;
use super::ops::encoding;
use super::problem::Problem;
use crate::ledger::View;
use crate::model::json_line;

/// Room for all bodies that are kept or on their way, in KiB: 48 MiB. The report of 10,000 accounts takes 16 MiB, so that the
/// one before it may still be on its way to slow readers.
const ROOM: usize = 48 << 10;
/// Most that one body is charged: a larger body is served too, plain and packed.
const LARGEST: usize = ROOM / 2;
/// Bodies that are kept, the last used ones.
const KEPT: usize = 32;
/// Answers of their own that are made at once: each may take some MiB before it has its place in the room.
const MAKING: usize = 2;

/// Path and query: requests with the same question get the same bytes of the same view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) path: &'static str,
    /// As it was sent: another spelling is another question, and costs no more than that.
    pub(super) query: Option<String>,
}

/// How long a rendering is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasts {
    /// It speaks of states: until the next one changes by time alone ([`View::holds_until`]).
    UntilAState,
    /// It speaks of ages, and of how far a sweep is: for the second it was made in.
    ASecond,
}

impl Lasts {
    fn until(self, view: &View, now: Timestamp) -> Timestamp {
        match self {
            Self::UntilAState => view.holds_until(now),
            Self::ASecond => now.checked_add(Duration::from_secs(1)).unwrap_or(Timestamp::MAX),
        }
    }
}

/// Every body that is kept.
pub(super) struct Renderings {
    thread: Background,
    room: Arc<Semaphore>,
    making: Semaphore,
    kept: Mutex<Kept>,
}

/// The bodies of one view.
#[derive(Default)]
struct Kept {
    /// Weak: a view that is published no more is not kept for this.
    view: Weak<View>,
    /// The last used one last.
    slots: Vec<(Question, Arc<Slot>)>,
}

/// Locked while it is rendered: this is what others wait for.
type Slot = tokio::sync::Mutex<Option<Made>>;

struct Made {
    from: Timestamp,
    until: Timestamp,
    plain: Arc<Rendering>,
    /// Made when first asked for.
    gzip: Option<Arc<Rendering>>,
}

impl Made {
    /// Whether nothing of it is on its way to a reader.
    fn is_idle(made: &Option<Self>) -> bool {
        let alone = |rendering: &Arc<Rendering>| Arc::strong_count(rendering) == 1;
        made.as_ref().is_some_and(|made| alone(&made.plain) && made.gzip.as_ref().is_none_or(alone))
    }
}

/// A body, and its part of the room: given back when neither this memory nor an answer has it any more.
struct Rendering {
    body: Box<[u8]>,
    /// Of what it says, however packed.
    digest: String,
    _room: OwnedSemaphorePermit,
}

/// One of the bodies, as an answer to one request.
pub(super) struct Shared {
    rendering: Arc<Rendering>,
    encoding: Encoding,
    kind: &'static str,
}

impl Renderings {
    pub(super) fn new() -> Self {
        Self {
            thread: Background::start("web-render"),
            room: Arc::new(Semaphore::new(ROOM)),
            making: Semaphore::new(MAKING),
            kept: Mutex::default(),
        }
    }

    /// The answer to a question; `make` is only called where no rendering serves.
    pub(super) async fn answer(
        &self,
        site: &Site,
        headers: &HeaderMap,
        question: Question,
        (kind, lasts): (&'static str, Lasts),
        make: impl FnOnce(&View, Timestamp) -> Result<Vec<u8>, Problem> + Send + 'static,
    ) -> Result<Shared, Problem> {
        let view = site.view.borrow().clone();
        let slot = self.slot(&view, question);
        let mut made = slot.lock().await;
        // Read after the wait: the rendering may have been made since the request came.
        let now = (site.clock)();
        let made = match made.take().filter(|made| made.from <= now && now < made.until) {
            Some(still) => made.insert(still),
            None => made.insert(self.make(view, now, lasts, make).await?),
        };
        let encoding = encoding(headers);
        let rendering = match (encoding, &made.gzip) {
            (Encoding::Plain, _) => Arc::clone(&made.plain),
            (Encoding::Gzip, Some(packed)) => Arc::clone(packed),
            (Encoding::Gzip, None) => {
                let packed = self.pack(Arc::clone(&made.plain)).await?;
                Arc::clone(made.gzip.insert(packed))
            }
        };
        Ok(Shared { rendering, encoding, kind })
    }

    /// A JSON body.
    pub(super) async fn json<T: Serialize>(
        &self,
        site: &Site,
        headers: &HeaderMap,
        question: Question,
        make: impl FnOnce(&View, Timestamp) -> T + Send + 'static,
    ) -> Result<Shared, Problem> {
        let form = ("application/json", Lasts::UntilAState);
        let make = move |view: &View, now| {
            json_line(&make(view, now)).map(String::into_bytes).map_err(|_| failed())
        };
        self.answer(site, headers, question, form, make).await
    }

    /// Where the rendering is, or will be.
    fn slot(&self, view: &Arc<View>, question: Question) -> Arc<Slot> {
        let mut kept = self.kept();
        if kept.view.as_ptr() != Arc::as_ptr(view) {
            *kept = Kept { view: Arc::downgrade(view), slots: vec![] };
        }
        let at = kept.slots.iter().position(|(known, _)| *known == question);
        let found = at.map(|at| kept.slots.remove(at));
        let (question, slot) = found.unwrap_or_else(|| (question, Arc::default()));
        if kept.slots.len() >= KEPT {
            kept.slots.remove(0);
        }
        kept.slots.push((question, Arc::clone(&slot)));
        slot
    }

    async fn make(
        &self,
        view: Arc<View>,
        now: Timestamp,
        lasts: Lasts,
        make: impl FnOnce(&View, Timestamp) -> Result<Vec<u8>, Problem> + Send + 'static,
    ) -> Result<Made, Problem> {
        let job = move || {
            let body = make(&view, now)?.into_boxed_slice();
            let digest = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
            Ok::<(_, String, _), Problem>((body, digest, lasts.until(&view, now)))
        };
        let (body, digest, until) = self.thread.run(job).await.ok_or_else(failed)??;
        let plain = Arc::new(self.rendering(body, digest)?);
        Ok(Made { from: now, until, plain, gzip: None })
    }

    async fn pack(&self, plain: Arc<Rendering>) -> Result<Arc<Rendering>, Problem> {
        let digest = plain.digest.clone();
        let job = move || {
            let room = Vec::with_capacity(plain.body.len() / 8);
            let mut gzip = GzEncoder::new(room, Compression::fast());
            gzip.write_all(&plain.body).and_then(|()| gzip.finish()).map(Vec::into_boxed_slice)
        };
        let packed = self.thread.run(job).await.and_then(Result::ok).ok_or_else(failed)?;
        Ok(Arc::new(self.rendering(packed, digest)?))
    }

    fn rendering(&self, body: Box<[u8]>, digest: String) -> Result<Rendering, Problem> {
        let room = self.room(body.len() as u64)?;
        Ok(Rendering { body, digest, _room: room })
    }

    /// Room for a body. The ones used longest ago make way; those on their way to a reader cannot.
    pub(super) fn room(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Problem> {
        let kibs = usize::try_from(bytes.div_ceil(1024)).unwrap_or(LARGEST).min(LARGEST);
        let kibs = u32::try_from(kibs).unwrap_or(u32::MAX);
        loop {
            if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(kibs) {
                return Ok(room);
            }
            let mut kept = self.kept();
            // One that is being rendered is locked; one that is being sent would free nothing, and serves others meanwhile.
            let idle = |slot: &Slot| slot.try_lock().is_ok_and(|made| Made::is_idle(&made));
            let oldest = kept.slots.iter().position(|(_, slot)| idle(slot)).ok_or_else(busy)?;
            kept.slots.remove(oldest);
        }
    }

    /// The turn to make an answer of one's own.
    pub(super) async fn making(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.making.acquire().await.map_err(|_| busy())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn failed() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made")
}

impl Shared {
    /// An entity tag: of the bytes that are sent, so another one where they are packed.
    pub(super) fn tag(&self) -> String {
        match self.encoding {
            Encoding::Plain => format!("\"{}\"", self.rendering.digest),
            Encoding::Gzip => format!("\"{}-gzip\"", self.rendering.digest),
        }
    }
}

/// Keeps the rendering until the answer is sent.
struct Sent(Arc<Rendering>);

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.0.body
    }
}

impl IntoResponse for Shared {
    fn into_response(self) -> Response {
        let mut response = Body::from(Bytes::from_owner(Sent(self.rendering))).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if self.encoding == Encoding::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slot with a body of so many MiB, as if it had been rendered.
    fn keep(renderings: &Renderings, number: usize, mibs: usize) -> Option<Arc<Rendering>> {
        let body = vec![0; mibs << 20].into_boxed_slice();
        let plain = Arc::new(renderings.rendering(body, String::new()).ok()?);
        let (from, until) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let made = Made { from, until, plain: Arc::clone(&plain), gzip: None };
        let question = Question { path: "/", query: Some(number.to_string()) };
        renderings.kept().slots.push((question, Arc::new(Slot::new(Some(made)))));
        Some(plain)
    }

    #[test]
    fn bodies_without_readers_make_way_and_those_being_sent_never_exceed_the_room() {
        let renderings = Renderings::new();
        let free = || renderings.room.available_permits() >> 10;
        // Eight bodies of 12 MiB fit, one after the other, in 48: they are only kept.
        for number in 0..8 {
            assert!(keep(&renderings, number, 12).is_some(), "{number}");
        }
        assert_eq!((free(), renderings.kept().slots.len()), (0, 4));
        // Readers hold three: the fourth place is free for others, and no more.
        let mut held: Vec<_> =
            (8..11).map(|number| keep(&renderings, number, 12).unwrap()).collect();
        assert!(renderings.room(12 << 20).is_ok());
        assert_eq!((free(), renderings.kept().slots.len()), (12, 3));
        assert!(renderings.room(13 << 20).is_err(), "bodies being sent are not given away");
        assert_eq!(renderings.kept().slots.len(), 3, "and serve their next readers");
        held.pop();
        assert!(renderings.room(13 << 20).is_ok());
        drop(held);
        assert!(renderings.room(48 << 20).is_ok(), "all of it comes back");
    }

    #[test]
    fn a_body_larger_than_the_room_is_served_alone() {
        let renderings = Renderings::new();
        let large = renderings.room(1 << 40).unwrap();
        let packed = renderings.room(1 << 39).unwrap();
        assert!(renderings.room(1).is_err());
        drop((large, packed));
        assert!(renderings.room(1).is_ok());
    }
}
