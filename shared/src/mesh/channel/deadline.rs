//! No call takes longer than its deadline, and everybody on its way knows it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use http::{HeaderMap, HeaderValue};
use tokio::time::{Instant, sleep_until};
use tower::{Layer, Service};

use super::body::timed;
use super::error::CallError;
use super::{Answer, Request, Response};

/// How gRPC passes deadlines on: the time that is left.
const GRPC_TIMEOUT: &str = "grpc-timeout";
/// Nothing waits longer. In milliseconds it has eight digits, as many as the format allows.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// When a call has to be finished; an extension of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallDeadline(Instant);

impl CallDeadline {
    /// Whether something that begins after `pause` comes too late.
    pub(super) fn is_past_after(self, pause: Duration) -> bool {
        self.0.saturating_duration_since(Instant::now()) <= pause
    }

    /// Whether it is over.
    pub(super) fn is_past(self) -> bool {
        self.is_past_after(Duration::ZERO)
    }

    /// Says in `headers` how much time is left: a little more than that, so that this side is the first to notice
    /// when it is over and can say so, whatever the others would make of it.
    pub(super) fn pass_on(self, headers: &mut HeaderMap) {
        let left = self.0.saturating_duration_since(Instant::now());
        if let Ok(value) = HeaderValue::try_from(format!("{}m", left.as_millis() + 1)) {
            headers.insert(GRPC_TIMEOUT, value);
        }
    }
}

/// Gives every call a deadline: its own, or else the default.
pub(super) struct DeadlineLayer {
    service: Arc<str>,
    default: Duration,
}

impl DeadlineLayer {
    pub(super) fn new(service: Arc<str>, default: Duration) -> Self {
        Self { service, default }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner, service: self.service.clone(), default: self.default }
    }
}

#[derive(Clone)]
pub(super) struct Deadline<S> {
    inner: S,
    service: Arc<str>,
    default: Duration,
}

impl<S> Service<Request> for Deadline<S>
where
    S: Service<Request, Response = Response, Error = CallError, Future = Answer>,
{
    type Response = Response;
    type Error = CallError;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Answer {
        let limit = asked_for(request.headers()).unwrap_or(self.default).min(LONGEST);
        let deadline = CallDeadline(Instant::now() + limit);
        deadline.pass_on(request.headers_mut());
        request.extensions_mut().insert(deadline);

        let exceeded = CallError::DeadlineExceeded { service: self.service.clone(), limit };
        let answer = self.inner.call(request);
        async move {
            tokio::select! {
                // In this order: when time is over it does not matter what else goes wrong because of that.
                biased;
                () = sleep_until(deadline.0) => Err(exceeded),
                answer = answer => Ok(timed(answer?, deadline.0, exceeded)),
            }
        }
        .boxed()
    }
}

/// Reads `grpc-timeout`: up to eight digits and a unit.
fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number = digits.parse::<u64>().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 60 * 60)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(timeout: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(GRPC_TIMEOUT),
            HeaderValue::from_static(timeout),
        )])
    }

    #[test]
    fn every_unit_of_the_protocol_is_understood() {
        let second = Some(Duration::from_secs(1));
        for text in ["1S", "1000m", "1000000u"] {
            assert_eq!(asked_for(&headers(text)), second, "{text}");
        }
        assert_eq!(asked_for(&headers("2H")), Some(Duration::from_secs(7200)));
        assert_eq!(asked_for(&headers("2M")), Some(Duration::from_secs(120)));
        assert_eq!(asked_for(&headers("99999999n")), Some(Duration::from_nanos(99_999_999)));
    }

    #[test]
    fn what_is_no_timeout_is_ignored() {
        for text in ["", "S", "1", "1x", "-1S", "100000000S"] {
            assert_eq!(asked_for(&headers(text)), None, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_left_is_passed_on_in_at_most_eight_digits() {
        let limits = [(Duration::from_secs(5), "5001m"), (LONGEST, "86400001m"), (Duration::ZERO, "1m")];
        for (left, text) in limits {
            let mut headers = HeaderMap::new();
            CallDeadline(Instant::now() + left).pass_on(&mut headers);
            assert_eq!(headers[GRPC_TIMEOUT], text);
        }
    }
}
