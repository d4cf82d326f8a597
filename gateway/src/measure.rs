//! Counts requests, refusals and sign-ins.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::Gauge;
use shared::metrics::names;

/// Counts the requests of one gateway.
#[derive(Clone)]
pub struct Requests {
    in_flight: Gauge,
}

impl Requests {
    /// None yet.
    pub fn new() -> Self {
        Self { in_flight: metrics::gauge!(names::HTTP_IN_FLIGHT) }
    }
}

/// A request that is counted as in flight until this is dropped, whether it is answered or its client goes away.
struct InFlight(Gauge);

impl InFlight {
    fn begin(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Counts a request under its route as it is declared: clients make up paths.
pub async fn measure(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let (began, _in_flight) = (Instant::now(), InFlight::begin(requests.in_flight));
    let method = label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    metrics::histogram!(names::HTTP_SECONDS, "method" => method, "route" => route.clone())
        .record(began.elapsed());
    let status = response.status().as_str().to_owned();
    metrics::counter!(names::HTTP_REQUESTS, "method" => method, "route" => route, "status" => status)
        .increment(1);
    response
}

/// Clients make up methods, too.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

/// A device begins to follow its user.
pub fn feed_opened() {
    metrics::gauge!(names::FEEDS_OPEN).increment(1.0);
}

/// A device follows no longer.
pub fn feed_closed() {
    metrics::gauge!(names::FEEDS_OPEN).decrement(1.0);
}

/// Somebody signed in, or was refused, as a guest or with an account at this provider.
pub fn sign_in(provider: &'static str, is_granted: bool) {
    let outcome = if is_granted { "granted" } else { "refused" };
    metrics::counter!(names::SIGN_INS, "provider" => provider, "outcome" => outcome).increment(1);
}

/// Requests that were refused because of this, of which there is too much at the moment.
pub fn shed(reason: &'static str) -> metrics::Counter {
    metrics::counter!(names::HTTP_SHED, "reason" => reason)
}

/// Such a share of all requests is let through.
pub fn admitted(share: f64) {
    metrics::gauge!(names::HTTP_ADMITTED).set(share);
}

/// Refusals because of this limit.
pub fn refusals(limit: &'static str) -> metrics::Counter {
    metrics::counter!(names::RATE_REFUSALS, "limit" => limit)
}
