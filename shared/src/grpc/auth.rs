//! Refuses calls to our services without a good mesh token, and tells the handlers who calls.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures::future::Either;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::Error;
use crate::auth::{Caller, MESH_TOKEN, MeshTokens};

/// Health and reflection are for everybody; ours begin with this.
const OURS: &str = "/hearlers.";

#[derive(Clone)]
pub(super) struct AuthLayer {
    tokens: MeshTokens,
}

impl AuthLayer {
    pub(super) fn new(tokens: MeshTokens) -> Self {
        Self { tokens }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Auth { inner, tokens: self.tokens.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Auth<S> {
    inner: S,
    tokens: MeshTokens,
}

impl<S> Auth<S> {
    fn caller<B>(&self, request: &http::Request<B>) -> Result<Caller, Error> {
        let token = request.headers().get(MESH_TOKEN).and_then(|value| value.to_str().ok());
        self.tokens.verify(token.unwrap_or_default())
    }
}

impl<S, B> Service<http::Request<B>> for Auth<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        if request.uri().path().starts_with(OURS) {
            match self.caller(&request) {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                }
                Err(error) => return Either::Right(ready(Ok(tonic::Status::from(error).into_http()))),
            }
        }
        Either::Left(self.inner.call(request))
    }
}
