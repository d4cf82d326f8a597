//! A collector of traces.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Takes spans over OTLP (gRPC) and keeps them.
pub struct Collector {
    address: SocketAddr,
    spans: Kept,
    // Kept for its Drop.
    _server: AbortOnDropHandle<()>,
}

/// A span as a process exported it.
#[derive(Clone, Debug)]
pub struct TracedSpan {
    /// `service.name` of the process.
    pub service: String,
    /// What else the process says of itself.
    pub resource: BTreeMap<String, String>,
    /// Of the trace, in hexadecimal.
    pub trace_id: String,
    /// Its own, in hexadecimal.
    pub id: String,
    /// Of its parent, in hexadecimal; empty at the root.
    pub parent: String,
    /// What it is called.
    pub name: String,
    /// Whether it is about a request, a call or a message, and at which end.
    pub kind: SpanKind,
    /// Whether it failed.
    pub is_error: bool,
    /// What it holds.
    pub attributes: BTreeMap<String, String>,
    /// How many events it holds.
    pub events: usize,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<TracedSpan>>>);

impl Collector {
    /// On a free port.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// At this address.
    ///
    /// # Panics
    /// When it is in use.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let spans = Kept::default();
        let server = Server::builder().add_service(TraceServiceServer::new(spans.clone()));
        let server = async move {
            server.serve_with_incoming(TcpIncoming::from(listener)).await.expect("the collector serves");
        };
        Self { address, spans, _server: AbortOnDropHandle::new(tokio::spawn(server)) }
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` has to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was sent so far.
    ///
    /// # Panics
    /// Never.
    pub fn spans(&self) -> Vec<TracedSpan> {
        self.spans.0.lock().expect("nobody panics while they hold this").clone()
    }

    /// What it was sent of a trace.
    pub fn trace(&self, trace_id: &str) -> Vec<TracedSpan> {
        self.spans().into_iter().filter(|span| span.trace_id == trace_id).collect()
    }
}

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut kept = self.0.lock().expect("nobody panics while they hold this");
        for of_process in request.into_inner().resource_spans {
            let resource = texts(of_process.resource.unwrap_or_default().attributes);
            let service = resource.get("service.name").cloned().unwrap_or_default();
            for span in of_process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                kept.push(TracedSpan {
                    service: service.clone(),
                    resource: resource.clone(),
                    trace_id: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    kind: span.kind(),
                    is_error: span.status.is_some_and(|status| status.code() == StatusCode::Error),
                    name: span.name,
                    attributes: texts(span.attributes),
                    events: span.events.len(),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = |attribute: KeyValue| {
        (attribute.key, attribute.value.and_then(|any| any.value).map_or_else(String::new, text))
    };
    attributes.into_iter().map(value).collect()
}
