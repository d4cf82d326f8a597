//! What providers of payments tell (webhooks). It is passed on as it came in: the signature is over its bytes.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::auth::Caller;
use shared::proto::v1::{PaymentProvider, ReceiveNoticeRequest};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::read_body;

/// The headers that signatures are in.
const SIGNATURES: [&str; 2] = ["sandbox-signature", "stripe-signature"];

/// The path of a provider.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct NoticeProvider {
    /// `toss`, `stripe` or `sandbox`.
    provider: String,
}

/// Nothing: the provider wants to know only that it was taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct Taken {}

/// Takes a notice of a provider of payments. Answered once what the provider says is kept.
///
/// Stripe and the sandbox sign theirs. Toss Payments does not: its notices only say when to ask it.
#[utoipa::path(
    post,
    path = "/payments/notices/{provider}",
    tag = "payments",
    params(NoticeProvider),
    responses((status = 200, body = Envelope<Taken>), Errors),
    security(())
)]
pub async fn receive_notice(
    State(app): State<Arc<App>>,
    Path(NoticeProvider { provider }): Path<NoticeProvider>,
    request: Request,
) -> Answer<Taken> {
    let provider = match provider.as_str() {
        "sandbox" => PaymentProvider::Sandbox,
        "toss" => PaymentProvider::Toss,
        "stripe" => PaymentProvider::Stripe,
        _ => return Err(ApiError::new(StatusCode::NOT_FOUND, "E40401", "there is no such provider")),
    };
    let header = |name: &str| {
        let value = request.headers().get(name)?.to_str().ok()?;
        Some((name.to_owned(), value.to_owned()))
    };
    let headers = SIGNATURES.into_iter().filter_map(header).collect();
    let body = read_body(request, &app).await?.to_vec();
    let request = ReceiveNoticeRequest { provider: provider.into(), headers, body };
    let request = app.upstream.request(Caller::Gateway, request);
    app.upstream.orders().receive_notice(request).await?;
    Ok(Success::ok(Taken {}))
}
