//! Requests to Stripe, and what its errors mean (<https://docs.stripe.com/error-codes>).

use http::{Method, StatusCode};
use shared::config::Secret;
use shared::https::HttpsSetupError;

use super::super::ProviderError;
use super::super::http::{Answer, Body, Http, HttpSettings, later_key};

/// What answers look like; the account's own version may be any.
const VERSION: &str = "2025-09-30.clover";
/// Errors that pass, though their status says that the request is wrong.
const PASSING: [&str; 3] = ["balance_insufficient", "lock_timeout", "processing_error"];

/// Stripe's API.
pub struct Api {
    http: Http,
}

impl Api {
    /// With the secret key.
    ///
    /// # Errors
    /// See [`Http::new`].
    pub fn new(settings: HttpSettings, secret_key: &Secret) -> Result<Self, HttpsSetupError> {
        let http = Http::new(settings, &format!("Bearer {}", secret_key.expose()))?;
        Ok(Self { http: http.with_header("stripe-version", VERSION) })
    }

    /// Reads something.
    ///
    /// # Errors
    /// See [`Http::ask`].
    pub async fn get(&self, path: &str) -> Result<Answer, ProviderError> {
        self.http.ask(Method::GET, path, None, Body::None).await
    }

    /// Changes something.
    ///
    /// # Errors
    /// See [`Http::ask`].
    pub async fn post(&self, path: &str, key: Option<&str>, form: String) -> Result<Answer, ProviderError> {
        self.http.ask(Method::POST, path, key, Body::Form(form)).await
    }

    /// As [`post`](Self::post), with a [`later_key`].
    ///
    /// # Errors
    /// See [`Http::ask`].
    pub async fn post_later(&self, path: &str, key: &str, form: String) -> Result<Answer, ProviderError> {
        self.post(path, Some(&later_key(key)), form).await
    }

    /// Makes something of which two do no harm, as long as nobody is told of the first.
    ///
    /// # Errors
    /// See [`Http::ask`].
    pub async fn make(&self, path: &str, key: &str, form: &str) -> Result<Answer, ProviderError> {
        let answer = self.post(path, Some(key), form.to_owned()).await?;
        if !has_failed_for_now(&answer) {
            return Ok(answer);
        }
        self.post_later(path, key, form.to_owned()).await
    }
}

/// Whether an answer says that something failed for the moment: Stripe keeps it for a day, and answers it again. What it
/// has not begun with, it does not keep.
pub fn has_failed_for_now(answer: &Answer) -> bool {
    let is_passing = answer.text("/error/code").is_some_and(|code| PASSING.contains(&code));
    answer.status.is_server_error() || (is_passing && !answer.is_busy() && declined(answer).is_none())
}

/// Why the payer's bank does not pay, if that is what an answer says.
pub fn declined(answer: &Answer) -> Option<String> {
    let is_declined = answer.status == StatusCode::PAYMENT_REQUIRED;
    is_declined.then(|| answer.text("/error/message").unwrap_or("the card was declined").to_owned())
}

/// The error that an answer stands for.
pub fn refused(answer: &Answer) -> ProviderError {
    if answer.is_passing() || has_failed_for_now(answer) {
        return unanswered(answer);
    }
    match (answer.status, answer.text("/error/message")) {
        // Once somebody has mended our key, it goes on.
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) | (_, None) => unanswered(answer),
        (_, Some(message)) => ProviderError::Refused(message.to_owned()),
    }
}

/// That nobody knows what was done, with the code.
pub fn unanswered(answer: &Answer) -> ProviderError {
    match answer.text("/error/code").or(answer.text("/error/type")) {
        Some(code) => ProviderError::Unreachable(format!("it answers {} {code}", answer.status.as_u16())),
        None => answer.unreachable(),
    }
}
