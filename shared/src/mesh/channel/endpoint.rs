//! One instance: its connection, its calls in flight and its health.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, ConnectError, Status};
use tower::ServiceExt;

use super::body::Guarded;
use super::{ChannelSettings, InstanceHealth};

pub(super) struct Endpoint {
    pub(super) address: String,
    channel: Channel,
    in_flight: AtomicUsize,
    health: Mutex<Health>,
    eject_after: u32,
    first_ejection: Duration,
    longest_ejection: Duration,
}

#[derive(Default)]
struct Health {
    failures: u32,
    ejections: u32,
    ejected_until: Option<Instant>,
}

/// A call that the instance did not answer with a result.
pub(super) enum Failure {
    /// It never left this process.
    Unsent(Status),
    /// The connection broke, perhaps after the instance had begun.
    Broken(Status),
    /// The instance said UNAVAILABLE.
    Refused(http::Response<Body>),
}

impl Failure {
    pub(super) fn never_sent(&self) -> bool {
        matches!(self, Self::Unsent(_))
    }

    pub(super) fn into_response(self) -> Result<http::Response<Body>, Status> {
        match self {
            Self::Unsent(status) | Self::Broken(status) => Err(status),
            Self::Refused(response) => Ok(response),
        }
    }
}

struct InFlight(Arc<Endpoint>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Endpoint {
    /// Connects when the first call comes.
    pub(super) fn new(address: &str, settings: &ChannelSettings) -> Option<Self> {
        let endpoint = match tonic::transport::Endpoint::from_shared(format!("http://{address}")) {
            Ok(endpoint) => endpoint,
            Err(error) => {
                tracing::warn!(address, %error, "an instance has no usable address");
                return None;
            }
        };
        let channel = endpoint
            .connect_timeout(settings.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(5))
            .keep_alive_while_idle(true)
            .connect_lazy();
        Some(Self {
            address: address.to_owned(),
            channel,
            in_flight: AtomicUsize::new(0),
            health: Mutex::default(),
            eject_after: settings.eject_after,
            first_ejection: settings.first_ejection,
            longest_ejection: settings.longest_ejection,
        })
    }

    pub(super) async fn send(
        self: &Arc<Self>,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, Failure> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let in_flight = InFlight(self.clone());
        match self.channel.clone().oneshot(request).await {
            Ok(response) if is_unavailable(&response) => {
                self.failed();
                Err(Failure::Refused(response))
            }
            Ok(response) => {
                self.succeeded();
                Ok(response.map(|body| Guarded::wrap(body, in_flight)))
            }
            Err(error) => {
                self.failed();
                let status = Status::unavailable("the connection to an instance failed");
                if was_never_sent(&error) {
                    Err(Failure::Unsent(status))
                } else {
                    Err(Failure::Broken(status))
                }
            }
        }
    }

    pub(super) fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether it may get a call now.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.lock().ejected_until.is_none_or(|until| until <= now)
    }

    /// After an ejection the first call is a trial: until it has ended well, the instance stays ejected for others.
    pub(super) fn begin_call(&self, now: Instant) {
        let mut health = self.lock();
        if health.ejected_until.is_some() {
            health.ejected_until = Some(now + self.first_ejection);
        }
    }

    pub(super) fn health(&self) -> InstanceHealth {
        let ejected = self.lock().ejected_until.is_some();
        InstanceHealth { address: self.address.clone(), in_flight: self.load(), ejected }
    }

    fn succeeded(&self) {
        let mut health = self.lock();
        if health.failures > 0 || health.ejected_until.is_some() {
            *health = Health::default();
        }
    }

    fn failed(&self) {
        let mut health = self.lock();
        health.failures += 1;
        if health.failures >= self.eject_after {
            let pause = self.first_ejection.saturating_mul(2_u32.saturating_pow(health.ejections));
            health.ejected_until = Some(Instant::now() + pause.min(self.longest_ejection));
            if health.ejections == 0 {
                tracing::warn!(address = self.address, "an instance fails in a row and is ejected");
            }
            health.ejections += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refusal carries its status in the headers, for there is no body.
fn is_unavailable(response: &http::Response<Body>) -> bool {
    Status::from_header_map(response.headers()).is_some_and(|status| status.code() == Code::Unavailable)
}

fn was_never_sent(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<ConnectError>())
}
