//! Gives each call to one of the instances.

use std::error::Error;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use tonic::{Code, ConnectError};
use tower::{Service, ServiceExt};

use super::body::guarded;
use super::error::CallError;
use super::members::{InFlight, Members};
use super::{Answer, Request, Response};
use crate::grpc::grpc_code;

/// Sends each call to the less busy of two random instances, and keeps away from those that fail.
#[derive(Clone)]
pub(super) struct Balance {
    members: Arc<Members>,
}

impl Balance {
    pub(super) fn new(members: Arc<Members>) -> Self {
        Self { members }
    }
}

impl Service<Request> for Balance {
    type Response = Response;
    type Error = CallError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Answer {
        match self.members.begin(&mut request) {
            Ok(call) => send(call, request).boxed(),
            Err(error) => futures::future::ready(Err(error)).boxed(),
        }
    }
}

async fn send(mut call: InFlight, request: Request) -> Result<Response, CallError> {
    let attempt = call.connection().attempt();
    let result = match attempt.clone().await {
        Ok(channel) => channel.oneshot(request).await.map_err(|source| explain(&call, source)),
        Err(source) => Err(CallError::NotConnected { service: call.service(), source: Box::new(source) }),
    };
    match result {
        Ok(response) => {
            let code = grpc_code(response.headers());
            code.into_iter().for_each(|code| call.told(code));
            if code == Some(Code::Unavailable) {
                call.failed();
            } else {
                call.answered();
            }
            Ok(guarded(response, call))
        }
        Err(error) => {
            tracing::debug!(address = call.address(), error = &error as &dyn Error, "a call failed");
            call.failed();
            call.told(Code::Unavailable);
            call.connection().forget(&attempt);
            Err(error)
        }
    }
}

/// What an error of the transport means for the call.
fn explain(call: &InFlight, source: tonic::transport::Error) -> CallError {
    let (service, source) = (call.service(), Box::new(source));
    if caused_by::<ConnectError>(&*source) {
        // The connection was lost earlier, and this call tried to make it anew.
        CallError::NotConnected { service, source }
    } else {
        CallError::Broken { service, source }
    }
}

fn caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}
