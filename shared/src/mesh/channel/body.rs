//! Response bodies that something hangs on.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;

use super::Response;
use super::error::CallError;

/// What is held while a response is under way, and let go when it is finished or dropped.
pub(super) trait Guard: Send + Unpin + 'static {
    /// The response ended, and said this last.
    fn ended(&mut self, _trailers: &HeaderMap) {}

    /// The response broke off.
    fn broken(&mut self) {}
}

/// Keeps `guard` until the body of `response` is finished or dropped.
pub(super) fn guarded(response: Response, guard: impl Guard) -> Response {
    response.map(|body| Body::new(Guarded { body, guard: Some(guard) }))
}

struct Guarded<G> {
    body: Body,
    guard: Option<G>,
}

impl<G: Guard> http_body::Body for Guarded<G> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let trailers = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.trailers_ref());
        if let (Some(trailers), Some(guard)) = (trailers, &mut self.guard) {
            guard.ended(trailers);
        }
        match &frame {
            None => self.guard = None,
            Some(Ok(_)) if self.body.is_end_stream() => self.guard = None,
            Some(Ok(_)) => {}
            Some(Err(_)) => {
                if let Some(mut guard) = self.guard.take() {
                    guard.broken();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Ends the body of `response` with `exceeded` when it is not finished at `deadline`.
pub(super) fn timed(response: Response, deadline: Instant, exceeded: CallError) -> Response {
    response.map(|body| Body::new(Timed { body, deadline, sleep: None, exceeded: Some(exceeded) }))
}

struct Timed {
    body: Body,
    deadline: Instant,
    /// For the deadline, as soon as something has to be waited for: most bodies are there as a whole.
    sleep: Option<Pin<Box<Sleep>>>,
    exceeded: Option<CallError>,
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let deadline = self.deadline;
        if Instant::now() < deadline {
            let frame = Pin::new(&mut self.body).poll_frame(context);
            if frame.is_ready() {
                return frame;
            }
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        // Lets go of what the body holds; after its error it is at its end.
        self.body = Body::empty();
        Poll::Ready(self.exceeded.take().map(|exceeded| Err(exceeded.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
