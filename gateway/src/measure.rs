//! Counts requests, refusals and sign-ins.

use std::collections::HashMap;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use metrics::{Counter, Gauge};
use shared::metrics::names;

/// The label of a route that there is none of, or that nobody looked for, and of methods that are made up.
const NO_ROUTE: &str = "none";
const OTHER: &str = "other";

/// Counts the requests of one gateway.
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
pub struct Measured {
    in_flight: Gauge,
    began: Instant,
    method: &'static str,
    route: String,
}

impl Requests {
    /// Counts a request under its route as it is declared: clients make up paths.
    pub fn begin(&self, request: &Request) -> Measured {
        let in_flight = self.in_flight.clone();
        in_flight.increment(1.0);
        let route =
            request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
        Measured { in_flight, began: Instant::now(), method: label(request.method()), route }
    }
}

impl Measured {
    /// It was answered.
    pub fn answered(&self, status: StatusCode) {
        let (method, route, status) = (self.method, self.route.clone(), status.as_str().to_owned());
        metrics::histogram!(names::HTTP_SECONDS, "method" => method, "route" => route.clone())
            .record(self.began.elapsed());
        metrics::counter!(names::HTTP_REQUESTS, "method" => method, "route" => route, "status" => status)
            .increment(1);
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.in_flight.decrement(1.0);
    }
}

/// Counts requests that are refused before it is known which route they are for.
pub struct Refused(HashMap<&'static str, Counter>);

impl Refused {
    /// None yet.
    pub fn new() -> Self {
        let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH];
        let known = methods.iter().map(label).chain([OTHER]);
        let status = StatusCode::SERVICE_UNAVAILABLE.as_str();
        let counter = |method| {
            metrics::counter!(
                names::HTTP_REQUESTS,
                "method" => method, "route" => NO_ROUTE, "status" => status.to_owned()
            )
        };
        Self(known.map(|method| (method, counter(method))).collect())
    }

    /// One more, with this method.
    pub fn count(&self, method: &Method) {
        if let Some(counter) = self.0.get(label(method)) {
            counter.increment(1);
        }
    }
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
        _ => OTHER,
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
pub fn shed(reason: &'static str) -> Counter {
    metrics::counter!(names::HTTP_SHED, "reason" => reason)
}

/// Such a share of all requests is let through.
pub fn admitted(share: f64) {
    metrics::gauge!(names::HTTP_ADMITTED).set(share);
}

/// Refusals because of this limit.
pub fn refusals(limit: &'static str) -> Counter {
    metrics::counter!(names::RATE_REFUSALS, "limit" => limit)
}
