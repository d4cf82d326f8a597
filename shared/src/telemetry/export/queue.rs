//! Spans that have ended, encoded, until they are sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prost::Message;
use tokio::sync::Notify;

use crate::telemetry::{QueueSettings, conventions};

/// An encoded `opentelemetry.proto.trace.v1.Span`.
pub(super) type Encoded = Vec<u8>;

/// Bounded.
#[derive(Debug)]
pub(super) struct Queue {
    settings: QueueSettings,
    waiting: Mutex<VecDeque<Encoded>>,
    /// A batch is complete.
    complete: Notify,
}

impl Queue {
    pub(super) fn new(settings: QueueSettings) -> Self {
        Self { settings, waiting: Mutex::default(), complete: Notify::new() }
    }

    pub(super) fn put(&self, span: Encoded) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= self.settings.length {
            return;
        }
        waiting.push_back(span);
        let is_complete = waiting.len() == self.batch();
        drop(waiting);
        if is_complete {
            self.complete.notify_one();
        }
    }

    /// The oldest that wait, no more than a batch of them, and whether another batch is complete.
    pub(super) fn take(&self) -> (Vec<Encoded>, bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(self.batch());
        let batch = waiting.drain(..count).collect();
        (batch, waiting.len() >= self.batch())
    }

    /// Returns when a batch is complete, or what waits has waited for long enough.
    pub(super) async fn until_due(&self) {
        // When it is over, what waits is due.
        let _ = tokio::time::timeout(self.settings.delay, self.complete.notified()).await;
    }

    /// A batch that is larger than the queue would never be complete.
    fn batch(&self) -> usize {
        self.settings.batch.min(self.settings.length)
    }
}

/// Puts every span that has ended into the queue, with what others may know of it.
#[derive(Debug)]
pub(super) struct Ended(pub(super) Arc<Queue>);

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if let Some(span) = conventions::translated(span) {
            self.0.put(span.encode_to_vec());
        }
    }

    /// The task that sends is told to end by itself, and sends everything before it does.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
