//! Limits of rates, by GCRA: of each address, of each user, and stricter ones where tokens are given out.
//!
//! Each gateway counts for itself. Answers say where a client stands by the fields `RateLimit-Limit`,
//! `RateLimit-Remaining` and `RateLimit-Reset` of draft-ietf-httpapi-ratelimit-headers-06.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use shared::shutdown::Shutdown;

use super::address::ClientAddress;
use super::settings::{EdgeSettings, Rate};
use crate::envelope::ApiError;
use crate::measure;

/// How often those who have been quiet are forgotten.
const TIDY: Duration = Duration::from_secs(60);

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
/// The fields of the standing, for pages of other origins to read.
pub const EXPOSED: [HeaderName; 3] = [LIMIT, REMAINING, RESET];

/// Every limit of this gateway.
pub struct RateLimits {
    addresses: Option<Counter<IpAddr>>,
    users: Option<Counter<String>>,
    auth: Option<Counter<IpAddr>>,
}

/// Counts by key.
struct Counter<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
    rate: Rate,
    refusals: metrics::Counter,
}

/// Where somebody stands.
pub struct Standing {
    limit: u32,
    remaining: u32,
    /// Until the whole burst is there again.
    reset: Duration,
}

impl<K: Hash + Eq + Clone> Counter<K> {
    /// `limit` is what refusals are counted under.
    fn new(rate: Rate, limit: &'static str) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        let limiter = RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>();
        Self { limiter, clock: DefaultClock::default(), rate, refusals: measure::refusals(limit) }
    }

    /// Counts one request.
    fn take(&self, key: &K) -> Result<Standing, Refusal> {
        let (limit, period) = (self.rate.burst.get(), Duration::from_secs(60) / self.rate.per_minute.get());
        match self.limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity().min(limit);
                Ok(Standing { limit, remaining, reset: period * (limit - remaining) })
            }
            Err(refusal) => {
                self.refusals.increment(1);
                let wait = refusal.wait_time_from(self.clock.now()).max(Duration::from_secs(1));
                Err(Refusal(Standing { limit, remaining: 0, reset: wait }))
            }
        }
    }

    fn tidy(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

impl Standing {
    /// Writes it down, unless a stricter limit has.
    fn write(&self, headers: &mut HeaderMap) {
        if headers.contains_key(LIMIT) {
            return;
        }
        let reset = u32::try_from(self.reset.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
        for (name, value) in [(LIMIT, self.limit), (REMAINING, self.remaining), (RESET, reset)] {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

/// Too many requests came.
pub struct Refusal(Standing);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let message = "too many requests; Retry-After says when to try again";
        let refusal = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "E42901", message);
        let mut response = refusal.retry_after(Some(self.0.reset)).into_response();
        self.0.write(response.headers_mut());
        response
    }
}

impl RateLimits {
    /// As configured; forgets who has been quiet until `shutdown` begins.
    pub fn start(settings: &EdgeSettings, shutdown: &Shutdown) -> Arc<Self> {
        let limits = Arc::new(Self {
            addresses: settings.address_rate.map(|rate| Counter::new(rate, "address")),
            users: settings.user_rate.map(|rate| Counter::new(rate, "user")),
            auth: settings.auth_rate.map(|rate| Counter::new(rate, "sign_in")),
        });
        let (tidied, stopping) = (limits.clone(), shutdown.clone());
        shutdown.spawn(async move {
            let mut interval = tokio::time::interval(TIDY);
            loop {
                tokio::select! {
                    _ = interval.tick() => tidied.tidy(),
                    () = stopping.begun() => break,
                }
            }
        });
        limits
    }

    fn tidy(&self) {
        for addresses in [&self.addresses, &self.auth].into_iter().flatten() {
            addresses.tidy();
        }
        if let Some(users) = &self.users {
            users.tidy();
        }
    }

    /// Counts a request of a user; nothing when users are not limited.
    ///
    /// # Errors
    /// 429 when there were too many.
    pub fn take_of_user(&self, user_id: &str) -> Result<Option<Standing>, Refusal> {
        self.users.as_ref().map(|users| users.take(&user_id.to_owned())).transpose()
    }

    /// Counts a request of an address; nothing when addresses are not limited. Probes are not counted: who restarts a busy
    /// gateway makes it worse.
    ///
    /// # Errors
    /// 429 when there were too many.
    pub fn take_of_address(&self, request: &Request) -> Result<Option<Standing>, Refusal> {
        let is_probe = matches!(request.uri().path(), "/livez" | "/readyz");
        take_of_address(self.addresses.as_ref().filter(|_| !is_probe), request)
    }
}

/// Counts requests of each address to the routes that give tokens out.
pub async fn limit_sign_in(State(limits): State<Arc<RateLimits>>, request: Request, next: Next) -> Response {
    match take_of_address(limits.auth.as_ref(), &request) {
        Ok(standing) => written(standing, next.run(request).await),
        Err(refusal) => refusal.into_response(),
    }
}

/// An answer that says where its client stands.
pub fn written(standing: Option<Standing>, mut response: Response) -> Response {
    if let Some(standing) = standing {
        standing.write(response.headers_mut());
    }
    response
}

fn take_of_address(
    counter: Option<&Counter<IpAddr>>,
    request: &Request,
) -> Result<Option<Standing>, Refusal> {
    let address = request.extensions().get::<ClientAddress>();
    let (Some(counter), Some(address)) = (counter, address) else { return Ok(None) };
    counter.take(&address.counted()).map(Some)
}
