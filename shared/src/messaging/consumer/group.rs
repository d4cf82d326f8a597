//! Events that wait together take effect together: one transaction, and so one write to the disk, for many of them.

use async_nats::jetstream::{self, consumer::pull};
use futures::StreamExt;
use futures::future::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;

use super::{Consumer, HandlerError, Outcome, PreparingHandler, deliveries};
use crate::error::Chain;
use crate::messaging::measure::Delivery;

/// How many at most: on SQLite nobody else writes meanwhile. What breaks a promise on purpose does so event by event.
const MOST: usize = if cfg!(feature = "sabotage") { 1 } else { 16 };

/// How a pull ended.
type Ended = Result<(), async_nats::Error>;

impl<H: PreparingHandler> Consumer<H> {
    /// This message and those behind it that are there already, and how the pull ended if it did so behind them. What takes
    /// long to prepare, or need not be applied in order, is applied by itself.
    pub(super) fn gather(
        &self,
        first: jetstream::Message,
        messages: &mut pull::Stream,
    ) -> (Vec<jetstream::Message>, Option<Ended>) {
        let most = if H::PREPARES || self.spec.concurrency > 1 { 1 } else { MOST };
        let mut group = vec![first];
        while group.len() < most {
            match messages.next().now_or_never() {
                Some(Some(Ok(message))) => group.push(message),
                Some(Some(Err(error))) => return (group, Some(Err(error.into()))),
                Some(None) => return (group, Some(Err("the pull ended".into()))),
                None => break,
            }
        }
        (group, None)
    }

    /// Applies these events in their order, and tells the broker of each.
    pub(super) async fn deliver_all(&self, messages: Vec<jetstream::Message>) {
        if messages.len() > 1 {
            match self.apply_all(&messages).await {
                Ok(()) => return,
                // One by one it shows whose fault it is, and the others do not suffer from it.
                Err(error) => tracing::debug!(error = %Chain(&error), "events are applied one by one"),
            }
        }
        for message in messages {
            self.deliver(message).await;
        }
    }

    /// Applies all of these events, or none.
    async fn apply_all(&self, messages: &[jetstream::Message]) -> Result<(), HandlerError> {
        // One that cannot be read is found before any takes effect in vain.
        let mut events = Vec::with_capacity(messages.len());
        for message in messages {
            let (span, began) = (self.span(message), Instant::now());
            let event = span.in_scope(|| self.read(message, deliveries(message)))?;
            events.push((message, span, began, event));
        }
        let transaction = self.database.begin().await?;
        let mut applied = Vec::with_capacity(messages.len());
        for (message, span, began, event) in events {
            let apply = async {
                let Some(event) = event else { return Ok(Outcome::Known) };
                let prepared = self.handler.prepare(&event).await?;
                self.apply_in(&transaction, &event, prepared).await
            };
            let outcome = apply.instrument(span.clone()).await?;
            applied.push((message, span, began, outcome));
        }
        transaction.commit().await?;
        for (message, span, began, outcome) in applied {
            let delivery = Delivery::begin(self.spec.name, deliveries(message), began);
            self.settle(message, delivery, Ok(outcome)).instrument(span).await;
        }
        Ok(())
    }
}
