//! Sends batches of spans to the collector.
//!
//! Source: OTLP 1.9, <https://opentelemetry.io/docs/specs/otlp/>.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::queue::{Encoded, Queue};
use crate::error::Chain;
use crate::shutdown::Shutdown;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// How long a batch may take with all attempts: what OpenTelemetry's specification has as its default.
const EXPORT_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait before a batch is sent again.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400)];

/// An `ExportTraceServiceRequest` whose only element is encoded already: on the wire a message is a field of bytes.
#[derive(Clone, PartialEq, Message)]
struct Batch {
    #[prost(bytes = "bytes", tag = "1")]
    resource_spans: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<v1::Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
    #[prost(string, tag = "3")]
    schema_url: String,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<InstrumentationScope>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    spans: Vec<Encoded>,
}

/// Says once when an outage begins and when it ends.
pub(super) struct Sender {
    collector: Grpc<Channel>,
    headers: HeaderMap,
    resource: v1::Resource,
    schema_url: String,
    scope: InstrumentationScope,
    is_failing: bool,
}

impl Sender {
    pub(super) fn new(collector: Channel, headers: HeaderMap, scope: &str, resource: &Resource) -> Self {
        let scope = InstrumentationScope { name: scope.to_owned(), ..InstrumentationScope::default() };
        let resource = ResourceAttributesWithSchema::from(resource);
        Self {
            collector: Grpc::new(collector),
            headers,
            resource: v1::Resource { attributes: resource.attributes.0, ..v1::Resource::default() },
            schema_url: resource.schema_url.unwrap_or_default(),
            scope,
            is_failing: false,
        }
    }

    /// Sends what is due, until `shutdown` begins, and everything then.
    pub(super) async fn run(mut self, queue: Arc<Queue>, shutdown: Shutdown) {
        loop {
            // What ends while a batch is on its way is not forgotten: it is over only when all was taken after this.
            let is_over = tokio::select! {
                () = queue.until_due() => false,
                () = shutdown.begun() => true,
            };
            loop {
                let (batch, is_next_complete) = queue.take();
                if batch.is_empty() {
                    break;
                }
                self.send(batch).await;
                if !is_next_complete && !is_over {
                    break;
                }
            }
            if is_over {
                return;
            }
        }
    }

    async fn send(&mut self, spans: Vec<Encoded>) {
        let count = spans.len();
        let sent = self.try_to_send(spans).await;
        let has_failed = std::mem::replace(&mut self.is_failing, sent.is_err());
        match sent {
            Err(error) if !has_failed => {
                tracing::warn!(error = %Chain(&error), "the collector takes no spans; they are lost until it does");
            }
            Ok(_) if has_failed => tracing::info!("the collector takes spans again"),
            Ok(rejected) if rejected > 0 => {
                tracing::warn!(rejected, of = count, "the collector refuses spans")
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// How many of them the collector rejects.
    async fn try_to_send(&mut self, spans: Vec<Encoded>) -> Result<i64, Status> {
        let batch = self.encoded(spans);
        let mut pauses = PAUSES.iter();
        let attempts = async {
            loop {
                match (self.attempt(batch.clone()).await, pauses.next()) {
                    (Err(status), Some(pause)) if may_be_sent_again(status.code()) => {
                        tokio::time::sleep(*pause).await;
                    }
                    (told, _) => return told,
                }
            }
        };
        let in_time = tokio::time::timeout(EXPORT_LIMIT, attempts).await;
        in_time.unwrap_or_else(|_| Err(Status::deadline_exceeded("the collector does not answer")))
    }

    fn encoded(&self, spans: Vec<Encoded>) -> Batch {
        let envelope = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![ScopeSpans { scope: Some(self.scope.clone()), spans }],
            schema_url: self.schema_url.clone(),
        };
        Batch { resource_spans: envelope.encode_to_vec().into() }
    }

    async fn attempt(&mut self, batch: Batch) -> Result<i64, Status> {
        self.collector.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
        let metadata = MetadataMap::from_headers(self.headers.clone());
        let request = Request::from_parts(metadata, tonic::Extensions::default(), batch);
        let codec = ProstCodec::<Batch, ExportTraceServiceResponse>::default();
        let answer = self.collector.unary(request, PathAndQuery::from_static(EXPORT), codec).await?;
        Ok(answer.into_inner().partial_success.map_or(0, |partial| partial.rejected_spans))
    }
}

/// The codes that the specification calls retryable. Of `RESOURCE_EXHAUSTED` it says so only when the collector tells
/// when to come again.
fn may_be_sent_again(code: Code) -> bool {
    matches!(
        code,
        Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss
    )
}
