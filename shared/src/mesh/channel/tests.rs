//! The rules of the channel, on real servers.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use futures::future::join_all;
use tokio::runtime::Runtime;
use tonic::Code;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::ServiceExt;

use super::*;
use crate::testkit::eventually;

const REPEATABLE: &str = "/hearlers.v1.UserService/GetUser";
const ONCE: &str = "/hearlers.v1.AuthUserService/RotateRefreshToken";

/// What an instance does with its calls.
#[derive(Default)]
struct Script {
    calls: AtomicUsize,
    unavailable: AtomicBool,
    silent: AtomicBool,
    saw_timeout: AtomicBool,
}

/// Answers every method of the two services as its script says.
#[derive(Clone)]
struct Scripted<const REPEATABLE: bool>(Arc<Script>);

impl NamedService for Scripted<true> {
    const NAME: &'static str = "hearlers.v1.UserService";
}

impl NamedService for Scripted<false> {
    const NAME: &'static str = "hearlers.v1.AuthUserService";
}

impl<const R: bool> tower::Service<http::Request<Body>> for Scripted<R> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let script = self.0.clone();
        Box::pin(async move {
            script.calls.fetch_add(1, Ordering::SeqCst);
            script.saw_timeout.store(request.headers().contains_key("grpc-timeout"), Ordering::SeqCst);
            while script.silent.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let unavailable = script.unavailable.load(Ordering::SeqCst);
            let code = if unavailable { Code::Unavailable } else { Code::Ok };
            Ok(Status::new(code, "scripted").into_http())
        })
    }
}

/// A server in a runtime of its own, so that it can end as a killed process does.
struct TestInstance {
    address: String,
    script: Arc<Script>,
    runtime: Option<Runtime>,
}

impl TestInstance {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let script = Arc::<Script>::default();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let services = (Scripted::<true>(script.clone()), Scripted::<false>(script.clone()));
        runtime.spawn(async move {
            let incoming = TcpIncoming::from(tokio::net::TcpListener::from_std(listener).unwrap());
            let server = Server::builder().add_service(services.0).add_service(services.1);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, script, runtime: Some(runtime) }
    }

    fn calls(&self) -> usize {
        self.script.calls.load(Ordering::SeqCst)
    }

    fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for TestInstance {
    fn drop(&mut self) {
        self.kill();
    }
}

fn channel_to(addresses: &[&str], settings: ChannelSettings) -> MeshChannel {
    let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
    MeshChannel::new(
        "user-svc",
        Directory::fixed(HashMap::from([("user-svc".to_owned(), addresses)])),
        settings,
    )
}

fn channel(instances: &[&TestInstance], settings: ChannelSettings) -> MeshChannel {
    let addresses: Vec<_> = instances.iter().map(|instance| instance.address.as_str()).collect();
    channel_to(&addresses, settings)
}

async fn call(channel: &MeshChannel, method: &str) -> Status {
    let request = http::Request::post(format!("http://mesh{method}")).body(Body::empty()).unwrap();
    let response = channel.clone().oneshot(request).await.unwrap();
    Status::from_header_map(response.headers()).expect("a scripted answer has no body")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_instance_loses_no_repeatable_call() {
    let mut instances = [TestInstance::start(), TestInstance::start()];
    let channel =
        channel(&[&instances[0], &instances[1]], ChannelSettings { retry_burst: 100, ..Default::default() });
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move {
                let mut codes = Vec::new();
                for _ in 0..100 {
                    codes.push(call(&channel, REPEATABLE).await.code());
                }
                codes
            })
        })
        .collect();
    eventually("both work", async || instances.iter().all(|instance| instance.calls() > 20)).await;
    instances[0].kill();
    for codes in join_all(callers).await {
        assert!(codes.unwrap().into_iter().all(|code| code == Code::Ok));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_have_side_effects_is_not_sent_twice() {
    let instance = TestInstance::start();
    instance.script.unavailable.store(true, Ordering::SeqCst);
    let channel = channel(&[&instance], ChannelSettings::default());
    assert_eq!(call(&channel, ONCE).await.code(), Code::Unavailable);
    assert_eq!(instance.calls(), 1);
    assert_eq!(call(&channel, REPEATABLE).await.code(), Code::Unavailable);
    assert_eq!(instance.calls(), 1 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_never_sent_goes_to_another_instance() {
    let (mut dead, live) = (TestInstance::start(), TestInstance::start());
    dead.kill();
    let channel = channel(&[&dead, &live], ChannelSettings::default());
    for _ in 0..20 {
        assert_eq!(call(&channel, ONCE).await.code(), Code::Ok);
    }
    assert_eq!(live.calls(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_stops_a_retry_storm() {
    let instance = TestInstance::start();
    instance.script.unavailable.store(true, Ordering::SeqCst);
    let settings = ChannelSettings { retry_ratio: 0.0, retry_burst: 4, ..Default::default() };
    let channel = channel(&[&instance], settings);
    for _ in 0..10 {
        assert_eq!(call(&channel, REPEATABLE).await.code(), Code::Unavailable);
    }
    assert_eq!(instance.calls(), 10 + 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_fails_in_a_row_is_ejected_and_comes_back() {
    let (sick, sound) = (TestInstance::start(), TestInstance::start());
    sick.script.unavailable.store(true, Ordering::SeqCst);
    let settings = ChannelSettings { first_ejection: Duration::from_millis(200), ..Default::default() };
    let channel = channel(&[&sick, &sound], settings);
    let ejected =
        || channel.instances().iter().any(|instance| instance.address == sick.address && instance.ejected);
    eventually("the ejection", async || {
        assert_eq!(call(&channel, REPEATABLE).await.code(), Code::Ok);
        ejected()
    })
    .await;
    sick.script.unavailable.store(false, Ordering::SeqCst);
    let before = sick.calls();
    eventually("the return", async || {
        assert_eq!(call(&channel, REPEATABLE).await.code(), Code::Ok);
        !ejected() && sick.calls() > before + 5
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_over_the_limit_is_refused_at_once() {
    let instance = TestInstance::start();
    instance.script.silent.store(true, Ordering::SeqCst);
    let channel = channel(&[&instance], ChannelSettings { concurrency: 2, ..Default::default() });
    let held: Vec<_> = (0..2)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { call(&channel, REPEATABLE).await })
        })
        .collect();
    eventually("two calls are in flight", async || instance.calls() == 2).await;
    let refused = call(&channel, REPEATABLE).await;
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(refused.message(), "too many calls to user-svc are in flight");
    assert_eq!(channel.instances()[0].in_flight, 2);
    instance.script.silent.store(false, Ordering::SeqCst);
    for call in held {
        assert_eq!(call.await.unwrap().code(), Code::Ok);
    }
    assert_eq!(call(&channel, REPEATABLE).await.code(), Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_is_passed_on_and_enforced() {
    let instance = TestInstance::start();
    instance.script.silent.store(true, Ordering::SeqCst);
    let channel =
        channel(&[&instance], ChannelSettings { deadline: Duration::from_millis(150), ..Default::default() });
    let began = Instant::now();
    assert_eq!(call(&channel, REPEATABLE).await.code(), Code::DeadlineExceeded);
    assert!(began.elapsed() >= Duration::from_millis(150));
    assert!(instance.script.saw_timeout.load(Ordering::SeqCst));
    instance.script.silent.store(false, Ordering::SeqCst);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_busier_instance_gets_no_call_while_the_other_is_idle() {
    let (busy, idle) = (TestInstance::start(), TestInstance::start());
    busy.script.silent.store(true, Ordering::SeqCst);
    let both = channel(&[&busy, &idle], ChannelSettings::default());
    // Calls until one hangs at the busy instance.
    let held = loop {
        let both = both.clone();
        let task = tokio::spawn(async move { call(&both, REPEATABLE).await });
        eventually("the call is somewhere", async || task.is_finished() || busy.calls() == 1).await;
        if busy.calls() == 1 {
            break task;
        }
    };
    let before = idle.calls();
    for _ in 0..20 {
        assert_eq!(call(&both, REPEATABLE).await.code(), Code::Ok);
    }
    assert_eq!((busy.calls(), idle.calls() - before), (1, 20));
    busy.script.silent.store(false, Ordering::SeqCst);
    assert_eq!(held.await.unwrap().code(), Code::Ok);
}

#[tokio::test]
async fn a_service_without_instances_is_unavailable() {
    let channel = channel_to(&[], ChannelSettings::default());
    let status = call(&channel, REPEATABLE).await;
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "no instance of user-svc is there");
}
