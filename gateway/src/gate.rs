//! Lets requests through to the router, or refuses what is too much before anything is done for it.
//!
//! It stands outside the router, whose layers cost a refusal more than all the rest of it: while ten times as much comes as
//! can be done, refusing is most of what a gateway does.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use shared::health::Health;
use tower::{Layer, Service, ServiceExt};
use tower_http::cors::{Cors, CorsLayer};

use crate::edge::Pressure;
use crate::measure::Refused;
use crate::observe::request_id;
use crate::stack::{Hardening, is_api};

/// The way to the router.
pub struct Gate {
    router: Router,
    pressure: Arc<Pressure>,
    refusals: Cors<Refusals>,
}

impl Gate {
    /// To `router`, for as many as `pressure` admits. The others get what the layers of the router put on an answer, too:
    /// of these `cors` and `hardening`, and the request's id.
    pub fn new(
        router: Router,
        pressure: Arc<Pressure>,
        cors: &CorsLayer,
        hardening: Hardening,
        health: Health,
    ) -> Self {
        let refusals = Refusals(Arc::new(Told { hardening, health, refused: Refused::new() }));
        Self { router, pressure, refusals: cors.layer(refusals) }
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request) -> Response {
        // Who only asks what may be asked from elsewhere is answered by a layer, at little cost.
        if request.method() == Method::OPTIONS {
            return self.route(request).await;
        }
        if let Some(admitted) = self.pressure.admit(request.uri().path()) {
            let response = self.route(request).await;
            admitted.answered(response.status());
            return response;
        }
        let Ok(refusal) = self.refusals.clone().call(request).await;
        refusal
    }

    async fn route(&self, request: Request) -> Response {
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }
}

/// Refuses all that comes. It is counted, but no log and no trace knows it.
#[derive(Clone)]
struct Refusals(Arc<Told>);

struct Told {
    hardening: Hardening,
    health: Health,
    refused: Refused,
}

impl Service<Request> for Refusals {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Told { hardening, health, refused } = &*self.0;
        refused.count(request.method());
        health.call().answered(true);
        let mut response = Pressure::refusal().into_response();
        hardening.put_on(&mut response, &request_id(&request), is_api(&request));
        ready(Ok(response))
    }
}
