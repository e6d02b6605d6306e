//! Bodies that are sent piece by piece, and hold something until the last piece is taken.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// Bytes handed to the connection at once. Given a body whole, hyper keeps all of it and drops the body long before the client
/// has read it; given pieces, it takes the next one when there is room for it. Pieces share the body's memory.
const PIECE: usize = 16 * 1024;

/// A body in pieces, and what is dropped with it: a place, a permit.
pub(super) struct Pieces<T> {
    body: Body,
    rest: Bytes,
    _held: T,
}

impl<T> Pieces<T> {
    pub(super) fn new(body: Body, held: T) -> Self {
        Self { body, rest: Bytes::new(), _held: held }
    }
}

impl<T: Unpin> HttpBody for Pieces<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
            }
        }
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_comes_whole_in_pieces_and_holds_until_the_last() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 7] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let held = Arc::new(());
            let mut body = Pieces::new(Body::from(bytes.clone()), Arc::clone(&held));
            let mut taken = vec![];
            while let Some(frame) = body.frame().await {
                let piece = frame.unwrap().into_data().unwrap();
                assert!(piece.len() <= PIECE, "{length}");
                taken.extend_from_slice(&piece);
                let left = (length - taken.len()) as u64;
                assert_eq!(body.size_hint().exact(), Some(left), "{length}");
                assert_eq!(body.is_end_stream(), left == 0, "{length}");
                assert_eq!(Arc::strong_count(&held), 2, "{length}");
            }
            assert_eq!(taken, bytes);
            drop(body);
            assert_eq!(Arc::strong_count(&held), 1, "{length}");
        }
    }
}
