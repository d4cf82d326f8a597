//! Counts every call and how it ended.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use crate::health::{Call, Health};

#[derive(Clone)]
pub(super) struct CountLayer(pub(super) Health);

impl<S> Layer<S> for CountLayer {
    type Service = Count<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Count { inner, health: self.0.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Count<S> {
    inner: S,
    health: Health,
}

impl<S, B> Service<http::Request<B>> for Count<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let call = self.health.call();
        self.inner.call(request).map(|result| result.map(|response| counted(response, call))).boxed()
    }
}

/// Counts a call by the status of its answer: it comes with the headers when there is nothing else, or at the end.
fn counted(response: http::Response<Body>, call: Call) -> http::Response<Body> {
    match has_failed(response.headers()) {
        Some(failed) => {
            call.answered(failed);
            response
        }
        None => response.map(|body| Body::new(Counted { body, call: Some(call) })),
    }
}

/// Whether it was a failure of ours, if there is a status.
fn has_failed(headers: &HeaderMap) -> Option<bool> {
    let code = Code::from_bytes(headers.get("grpc-status")?.as_bytes());
    Some(matches!(
        code,
        Code::Unknown | Code::Internal | Code::Unavailable | Code::DataLoss | Code::DeadlineExceeded
    ))
}

struct Counted {
    body: Body,
    call: Option<Call>,
}

impl Counted {
    fn answered(&mut self, failed: bool) {
        if let Some(call) = self.call.take() {
            call.answered(failed);
        }
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(failed) = frame.trailers_ref().and_then(has_failed) {
                    self.answered(failed);
                }
            }
            Some(Err(_)) => self.answered(true),
            None => self.answered(false),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_of_ours_count_as_such() {
        let failed = |code: Code| has_failed(Status::new(code, "").into_http::<Body>().headers());
        for code in [Code::Unknown, Code::Internal, Code::Unavailable, Code::DataLoss, Code::DeadlineExceeded]
        {
            assert_eq!(failed(code), Some(true), "{code:?}");
        }
        for code in [Code::Ok, Code::NotFound, Code::InvalidArgument, Code::ResourceExhausted, Code::Aborted]
        {
            assert_eq!(failed(code), Some(false), "{code:?}");
        }
        assert_eq!(has_failed(&HeaderMap::new()), None);
    }
}
