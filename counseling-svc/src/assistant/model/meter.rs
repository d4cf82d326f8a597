//! What is counted and traced of the models. Nothing of what was said is in it.

use std::time::Duration;

use shared::metrics::names;
use shared::telemetry::{self, TRACES};
use tracing::Span;

use crate::assistant::Usage;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Refused,
    Unavailable,
    Timeout,
    Unusable,
    CircuitOpen,
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Unusable => "unusable",
            Self::CircuitOpen => "circuit_open",
        }
    }
}

/// A call has ended.
pub(super) fn called(model: &str, outcome: Outcome, took: Duration, usage: Usage) {
    let (model, label) = (model.to_owned(), outcome.label());
    metrics::counter!(names::MODEL_CALLS, "model" => model.clone(), "outcome" => label).increment(1);
    if outcome != Outcome::CircuitOpen {
        metrics::histogram!(names::MODEL_SECONDS, "model" => model.clone()).record(took);
    }
    for (direction, tokens) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
        if tokens > 0 {
            metrics::counter!(names::MODEL_TOKENS, "model" => model.clone(), "direction" => direction)
                .increment(tokens.into());
        }
    }
    let (input_tokens, output_tokens) = (usage.input_tokens, usage.output_tokens);
    let ms = took.as_millis();
    tracing::info!(model, outcome = label, ms, input_tokens, output_tokens, "a model was called");
}

/// A span for a call, every attempt included. A provider that is not OpenAI is spoken to as if it were.
pub(super) fn span(model: &str) -> Span {
    tracing::info_span!(
        target: TRACES,
        "chat",
        otel.name = format!("chat {model}"),
        otel.kind = "client",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = model,
    )
}

/// Says in the current span how its call ended.
pub(super) fn trace(outcome: Outcome, usage: Usage) {
    if outcome == Outcome::Ok {
        telemetry::note("gen_ai.usage.input_tokens", i64::from(usage.input_tokens));
        telemetry::note("gen_ai.usage.output_tokens", i64::from(usage.output_tokens));
    } else {
        telemetry::failed(outcome.label());
    }
}

/// The circuit opens or closes.
pub(super) fn circuit_is_open(is_open: bool) {
    metrics::gauge!(names::MODEL_CIRCUIT_OPEN).set(if is_open { 1.0 } else { 0.0 });
}
