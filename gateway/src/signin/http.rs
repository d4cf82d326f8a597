//! Requests to identity providers: bounded in time and in size, and never redirected.

use std::time::Duration;

use axum::http::{Request, Response};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use openidconnect::AsyncHttpClient;
use shared::https::{self, HttpsClient, HttpsSetupError};

use super::provider::ProviderError;

/// The most bytes of an answer.
const MOST_BYTES: usize = 256 * 1024;

/// Asks identity providers.
#[derive(Clone)]
pub struct Http {
    client: HttpsClient<Full<Bytes>>,
    limit: Duration,
}

impl Http {
    /// For addresses that begin with `https`, or for ones that do not. One request may take as long as `limit`.
    ///
    /// # Errors
    /// When this system trusts no authorities.
    pub fn new(is_encrypted: bool, limit: Duration) -> Result<Self, HttpsSetupError> {
        Ok(Self { client: https::client(is_encrypted)?, limit })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer in time, or too long a one.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ProviderError> {
        let asked = async {
            let request = request.map(|body| Full::new(Bytes::from(body)));
            let answer = self.client.request(request).await;
            let (head, body) = answer.map_err(|_| ProviderError("no connection".to_owned()))?.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await;
            let body = body.map_err(|_| ProviderError("the answer broke off or is too long".to_owned()))?;
            Ok(Response::from_parts(head, body.to_bytes().into()))
        };
        let silent = || ProviderError(format!("no answer within {:?}", self.limit));
        tokio::time::timeout(self.limit, asked).await.map_err(|_| silent())?
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = ProviderError;
    type Future = BoxFuture<'static, Result<Response<Vec<u8>>, ProviderError>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        let http = self.clone();
        async move { http.send(request).await }.boxed()
    }
}
