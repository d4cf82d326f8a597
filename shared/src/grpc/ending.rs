//! How a call ended, which is known when its answer has.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};

/// The status in the headers of an answer without a body, or in the trailers after one.
pub(crate) fn grpc_code(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// Is told once how a call ended. One that is given up ends as CANCELLED.
pub(crate) struct Ending(Option<Box<dyn FnOnce(Code) + Send>>);

impl Ending {
    /// Tells `note` the code.
    pub(crate) fn new(note: impl FnOnce(Code) + Send + 'static) -> Self {
        Self(Some(Box::new(note)))
    }

    /// The call has ended.
    pub(crate) fn tell(mut self, code: Code) {
        self.end(code);
    }

    /// The call ends as `response` does: with its headers, or with its body.
    pub(crate) fn follow(self, response: http::Response<Body>) -> http::Response<Body> {
        match grpc_code(response.headers()) {
            Some(code) => {
                self.tell(code);
                response
            }
            None => response.map(|body| Body::new(Followed { body, ending: self })),
        }
    }

    fn end(&mut self, code: Code) {
        if let Some(note) = self.0.take() {
            note(code);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

struct Followed {
    body: Body,
    ending: Ending,
}

impl http_body::Body for Followed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            // Without trailers nobody has said how it went.
            None => self.ending.end(Code::Unknown),
            Some(Err(status)) => self.ending.end(status.code()),
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.ending.end(grpc_code(trailers).unwrap_or(Code::Unknown));
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

/// A code as dashboards for gRPC know it.
pub(crate) fn label(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}
