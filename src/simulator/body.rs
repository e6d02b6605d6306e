//! Bodies of answers: whole, cut, byte by byte, or padded beyond measure without ever being in memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// White space that one frame of a padded body carries.
const PADDING: &[u8] = &[b' '; 64 * 1024];
/// How long a trickling body waits before each byte.
const DRIP: Duration = Duration::from_secs(1);

/// How the bytes of a body come, and what is told of their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// At once.
    Whole,
    /// The connection closes after so many; the length says that there are more.
    Cut(usize),
    /// One a second.
    Trickle,
    /// White space follows until there are so many, and the length says so.
    Padded(u64),
    /// White space follows until there are so many, without a length.
    Stream(u64),
}

/// A body on its way out.
#[derive(Debug)]
pub(super) struct AnswerBody {
    told: Option<u64>,
    bytes: Bytes,
    padding: u64,
    drip: Option<Pin<Box<Sleep>>>,
    breaks: Option<Break>,
}

/// How far a body that breaks off has come: hyper keeps what it has not flushed to itself when a body fails, and it
/// flushes when a body makes it wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    AfterFlush,
    Now,
}

impl AnswerBody {
    pub(super) fn new(mut bytes: Bytes, shape: Shape) -> Self {
        let whole = bytes.len() as u64;
        let (mut told, mut padding, mut drip, mut breaks) = (Some(whole), 0, None, None);
        match shape {
            Shape::Whole => {}
            Shape::Cut(at) => {
                breaks = (at < bytes.len()).then_some(Break::AfterFlush);
                bytes.truncate(at);
            }
            Shape::Trickle => drip = Some(Box::pin(tokio::time::sleep(DRIP))),
            Shape::Padded(to) => {
                padding = to.saturating_sub(whole);
                told = Some(whole.saturating_add(padding));
            }
            Shape::Stream(to) => {
                padding = to.saturating_sub(whole);
                told = None;
            }
        }
        Self { told, bytes, padding, drip, breaks }
    }

    /// The next bytes that are due, all or one of them.
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        let Some(drip) = &mut self.drip else {
            return Poll::Ready(std::mem::take(&mut self.bytes));
        };
        std::task::ready!(drip.as_mut().poll(context));
        drip.as_mut().reset(tokio::time::Instant::now() + DRIP);
        Poll::Ready(self.bytes.split_to(1))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if !self.bytes.is_empty() {
            let bytes = std::task::ready!(self.next(context));
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.padding > 0 {
            let now = usize::try_from(self.padding).unwrap_or(usize::MAX).min(PADDING.len());
            self.padding -= now as u64;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PADDING).slice(..now)))));
        }
        match self.breaks {
            None => Poll::Ready(None),
            Some(Break::AfterFlush) => {
                self.breaks = Some(Break::Now);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Break::Now) => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && self.padding == 0 && self.breaks.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.told.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
