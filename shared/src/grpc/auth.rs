//! Refuses calls to our services without a good mesh token or against the rules, and tells the handlers who calls.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::Either;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::Error;
use crate::auth::{Caller, MESH_TOKEN, MeshVerifier};

/// Health and reflection are for everybody; ours begin with this.
const OURS: &str = "/hearlers.";

#[derive(Clone)]
pub(super) struct AuthLayer {
    tokens: MeshVerifier,
    rules: Arc<HashMap<&'static str, Who>>,
}

/// The full path of a method, such as `/hearlers.v1.UserService/GetUser`, and who may call it.
pub type Rule = (&'static str, Who);

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The gateway itself; admins as well.
    Gateway,
    /// A user, admins included.
    User,
    /// A user with admin authority.
    Admin,
    /// Whoever has a mesh token.
    Anybody,
}

impl Who {
    /// # Errors
    /// [`Error::PermissionDenied`] when it is not this caller.
    fn admit(self, caller: &Caller) -> Result<(), Error> {
        match self {
            Self::Gateway => caller.require_gateway(),
            Self::User => caller.user_id().map(drop),
            Self::Admin => caller.require_admin(),
            Self::Anybody => Ok(()),
        }
    }
}

impl AuthLayer {
    pub(super) fn new(tokens: MeshVerifier, rules: &[Rule]) -> Self {
        Self { tokens, rules: Arc::new(rules.iter().copied().collect()) }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Auth { inner, layer: self.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Auth<S> {
    inner: S,
    layer: AuthLayer,
}

impl<S> Auth<S> {
    fn caller<B>(&self, request: &http::Request<B>) -> Result<Caller, Error> {
        let token = request.headers().get(MESH_TOKEN).and_then(|value| value.to_str().ok());
        let caller = self.layer.tokens.verify(token.unwrap_or_default())?;
        match self.layer.rules.get(request.uri().path()) {
            Some(who) => who.admit(&caller).map(|()| caller),
            None => Err(Error::forbidden("nobody may call this")),
        }
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
