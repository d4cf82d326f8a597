use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::trace::Sampler;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

use super::*;
use crate::telemetry::QueueSettings;
use crate::testkit::eventually;

const LONG: Duration = Duration::from_secs(3600);

/// A collector that answers as it was told to, and well when it was not.
#[derive(Clone, Default)]
struct Moody(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: VecDeque<Result<i64, Code>>,
    asked: Vec<(MetadataMap, ExportTraceServiceRequest)>,
}

impl Moody {
    fn asked(&self) -> Vec<(MetadataMap, ExportTraceServiceRequest)> {
        self.0.lock().unwrap().asked.clone()
    }

    /// The names of the spans of each request.
    fn names(&self) -> Vec<Vec<String>> {
        let names =
            |request: ExportTraceServiceRequest| spans(request).into_iter().map(|span| span.name).collect();
        self.asked().into_iter().map(|(_, request)| names(request)).collect()
    }
}

fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

#[tonic::async_trait]
impl TraceService for Moody {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut state = self.0.lock().unwrap();
        let (metadata, _, request) = request.into_parts();
        state.asked.push((metadata, request));
        let rejected_spans =
            state.answers.pop_front().unwrap_or(Ok(0)).map_err(|code| Status::new(code, ""))?;
        let partial_success = ExportTracePartialSuccess { rejected_spans, error_message: String::new() };
        Ok(Response::new(ExportTraceServiceResponse { partial_success: Some(partial_success) }))
    }
}

/// What exports to a collector.
struct Exporting {
    provider: SdkTracerProvider,
    shutdown: Shutdown,
    collector: Moody,
    _server: AbortOnDropHandle<()>,
}

impl Exporting {
    async fn start(queue: QueueSettings, answers: &[Result<i64, Code>]) -> Self {
        let collector = Moody::default();
        collector.0.lock().unwrap().answers.extend(answers);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(TraceServiceServer::new(collector.clone()));
        let server = tokio::spawn(async move {
            server.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap();
        });
        let resource = Resource::builder_empty().with_service_name("a-svc").build();
        let queue = Arc::new(Queue::new(queue));
        let channel = Endpoint::from_shared(url).unwrap().connect_lazy();
        let headers = http::HeaderMap::from_iter([(
            http::HeaderName::from_static("api-key"),
            http::HeaderValue::from_static("0123"),
        )]);
        let shutdown = Shutdown::default();
        let sender = Sender::new(channel, headers, "a scope", &resource);
        shutdown.spawn(sender.run(queue.clone(), shutdown.clone()));
        let provider = SdkTracerProvider::builder().with_span_processor(Ended(queue)).build();
        Self { provider, shutdown, collector, _server: AbortOnDropHandle::new(server) }
    }

    fn end_spans(&self, names: &[&'static str]) {
        let tracer = self.provider.tracer("a scope");
        for name in names {
            tracer.start(*name).end();
        }
    }

    /// The names of the spans of each request, when all spans are there.
    async fn arrived(&self, requests: usize) -> Vec<Vec<String>> {
        eventually("spans arrive", async || self.collector.names().len() >= requests).await;
        self.collector.names()
    }
}

fn batches_of(batch: usize) -> QueueSettings {
    QueueSettings { delay: LONG, length: 2048, batch }
}

#[tokio::test]
async fn a_complete_batch_arrives_at_once_with_what_the_process_is() {
    let exporting = Exporting::start(batches_of(2), &[]).await;
    let tracer = exporting.provider.tracer("a scope");
    let mut span = tracer.start("first");
    let context = span.span_context().clone();
    span.set_attribute(KeyValue::new("rpc.method", "a.B/C"));
    span.set_attribute(KeyValue::new("secret", "not told"));
    span.end();
    exporting.end_spans(&["second"]);
    assert_eq!(exporting.arrived(1).await, [["first", "second"]]);

    let (metadata, request) = exporting.collector.asked().remove(0);
    assert_eq!(metadata.get("api-key").unwrap(), "0123");
    let of_process = &request.resource_spans[0];
    let service = &of_process.resource.as_ref().unwrap().attributes[0];
    assert_eq!(service.key, "service.name");
    assert_eq!(service.value, Some(opentelemetry::Value::from("a-svc").into()));
    assert_eq!(of_process.scope_spans[0].scope.as_ref().unwrap().name, "a scope");
    let span = spans(request.clone()).remove(0);
    assert_eq!(span.trace_id, context.trace_id().to_bytes());
    assert_eq!(span.span_id, context.span_id().to_bytes());
    assert!(0 < span.start_time_unix_nano && span.start_time_unix_nano <= span.end_time_unix_nano);
    let attributes: Vec<_> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(attributes, ["rpc.method"]);
}

#[tokio::test]
async fn what_has_waited_for_long_enough_is_sent_however_little_it_is() {
    let settings = QueueSettings { delay: Duration::from_millis(10), ..batches_of(512) };
    let exporting = Exporting::start(settings, &[]).await;
    exporting.end_spans(&["one"]);
    assert_eq!(exporting.arrived(1).await, [["one"]]);
    exporting.end_spans(&["another"]);
    assert_eq!(exporting.arrived(2).await, [["one"], ["another"]]);
}

#[tokio::test]
async fn at_the_end_everything_is_sent() {
    let exporting = Exporting::start(batches_of(512), &[]).await;
    exporting.end_spans(&["one", "two", "three"]);
    assert!(exporting.shutdown.finish(Duration::from_secs(30)).await);
    assert_eq!(exporting.collector.names(), [["one", "two", "three"]]);
}

#[tokio::test]
async fn what_ends_while_the_last_batch_is_on_its_way_is_sent_as_well() {
    let settings = QueueSettings { delay: Duration::from_millis(10), ..batches_of(512) };
    let exporting = Exporting::start(settings, &[Err(Code::Unavailable)]).await;
    exporting.end_spans(&["one"]);
    // It waits to be sent again.
    exporting.arrived(1).await;
    exporting.end_spans(&["two"]);
    assert!(exporting.shutdown.finish(Duration::from_secs(30)).await);
    assert_eq!(exporting.collector.names(), [["one"], ["one"], ["two"]]);
}

#[tokio::test]
async fn what_a_collector_cannot_take_now_is_sent_again() {
    let answers = [Err(Code::Unavailable), Err(Code::DeadlineExceeded), Ok(0)];
    let exporting = Exporting::start(batches_of(1), &answers).await;
    exporting.end_spans(&["one"]);
    assert_eq!(exporting.arrived(3).await, [["one"]; 3]);
    exporting.end_spans(&["two"]);
    assert_eq!(exporting.arrived(4).await[3], ["two"]);
}

#[tokio::test]
async fn what_a_collector_will_never_take_is_lost_and_nothing_else() {
    let exporting = Exporting::start(batches_of(1), &[Err(Code::InvalidArgument), Ok(1)]).await;
    for (sent, name) in ["refused", "rejected", "taken"].into_iter().enumerate() {
        exporting.end_spans(&[name]);
        exporting.arrived(sent + 1).await;
    }
    assert!(exporting.shutdown.finish(Duration::from_secs(30)).await);
    assert_eq!(exporting.collector.names(), [["refused"], ["rejected"], ["taken"]]);
}

#[tokio::test]
async fn a_full_queue_keeps_what_came_first() {
    let settings = QueueSettings { delay: LONG, length: 3, batch: 512 };
    let queue = Arc::new(Queue::new(settings));
    for number in 0..5 {
        queue.put(vec![number]);
    }
    // Nothing that is larger than the queue ever waits in it: this is a complete batch.
    tokio::time::timeout(Duration::from_secs(30), queue.until_due()).await.unwrap();
    assert_eq!(queue.take(), (vec![vec![0], vec![1], vec![2]], false));
    assert_eq!(queue.take(), (vec![], false));
}

#[tokio::test]
async fn what_is_not_sampled_does_not_wait() {
    let queue = Arc::new(Queue::new(batches_of(512)));
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .with_span_processor(Ended(queue.clone()))
        .build();
    provider.tracer("a scope").start("left out").end();
    assert_eq!(queue.take(), (vec![], false));
}
