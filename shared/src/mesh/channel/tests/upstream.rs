//! An instance of user-svc that answers as a test tells it.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::mesh::channel::{Request, Response};

/// A server in a runtime of its own, so that it can die as a process does: at once, with all its connections.
pub(super) struct Upstream {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    stop: CancellationToken,
    runtime: Option<Runtime>,
}

impl Upstream {
    pub(super) fn start<F>(behaviour: impl Fn(Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0", behaviour)
    }

    pub(super) fn start_at<F>(address: &str, behaviour: impl Fn(Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let service =
            Scripted { behaviour: Arc::new(move |request| behaviour(request).boxed()), calls: calls.clone() };
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            let server = Server::builder().add_service(service);
            server.serve_with_incoming_shutdown(incoming, stopped).await.unwrap();
        });
        Self { address, calls, stop, runtime: Some(runtime) }
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// How many calls have reached it.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Takes no more calls and finishes those that are under way.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    pub(super) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A successful answer with an empty message.
pub(super) fn answer() -> Response {
    let trailers = HeaderMap::from_iter([(Status::GRPC_STATUS.clone(), HeaderValue::from_static("0"))]);
    let frames = [Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(trailers)];
    response(Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Status>)))))
}

/// The beginning of an answer that is never finished.
pub(super) fn unfinished_answer() -> Response {
    let first = stream::iter([Ok::<_, Status>(Frame::data(Bytes::from_static(&[0; 5])))]);
    response(Body::new(StreamBody::new(stream::StreamExt::chain(first, stream::pending()))))
}

pub(super) fn refuse(status: Status) -> Response {
    status.into_http()
}

fn response(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

#[derive(Clone)]
struct Scripted {
    behaviour: Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>,
    calls: Arc<AtomicUsize>,
}

impl NamedService for Scripted {
    const NAME: &'static str = "hearlers.v1.SessionService";
}

impl tower::Service<Request> for Scripted {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (self.behaviour)(request).map(Ok).boxed()
    }
}
