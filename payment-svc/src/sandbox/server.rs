//! The sandbox's API for merchants, and the payer's page.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequestParts, Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::page::{self, Reader};
use super::{Behaviour, Record, Refusal, Shop, Status, refusal};

/// Longer than a merchant waits.
const LATE: u32 = 20;

pub fn router(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/v1/payments", post(create))
        .route("/v1/payments/{order_id}", get(look))
        .route("/v1/payments/{order_id}/confirm", post(confirm))
        .route("/v1/payments/{order_id}/cancel", post(cancel))
        .route("/v1/payments/{order_id}/refund", post(refund))
        .route("/v1/billing/{billing_key}/charges", post(charge))
        .route("/checkout/{order_id}", get(checkout).post(agree))
        .route(page::STYLE, get(page::style))
        .with_state(shop)
}

type Answer = Result<Response, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), Json(json!({ "code": self.code, "message": self.message }))).into_response()
    }
}

/// A merchant that has shown the key.
struct Merchant;

impl FromRequestParts<Arc<Shop>> for Merchant {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Refusal> {
        let shown =
            parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_right = shown == format!("Bearer {}", shop.settings.key.expose());
        is_right.then_some(Self).ok_or_else(|| refusal("UNAUTHORIZED", "the key is wrong"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    order_id: String,
    name: String,
    amount: i64,
    currency: String,
    return_url: Option<String>,
    #[serde(default)]
    keep_card: bool,
}

impl Create {
    fn record(self, status: Status) -> Result<Record, Refusal> {
        if self.amount <= 0 {
            return Err(refusal("AMOUNT", "the amount must be positive"));
        }
        Ok(Record {
            order_id: self.order_id,
            name: self.name,
            amount: self.amount,
            currency: self.currency,
            return_url: self.return_url,
            status,
            payment_key: None,
            failure: None,
            refunds: Default::default(),
            behaviour: Behaviour::Pays,
            keep_card: self.keep_card,
            billing_key: None,
        })
    }
}

async fn create(_: Merchant, State(shop): State<Arc<Shop>>, Json(body): Json<Create>) -> Answer {
    let record = shop.create(body.record(Status::Ready)?)?;
    Ok(told(&shop, &record))
}

async fn charge(
    _: Merchant,
    State(shop): State<Arc<Shop>>,
    Path(billing_key): Path<String>,
    Json(body): Json<Create>,
) -> Answer {
    let record = body.record(Status::Paid)?;
    let is_new = shop.record(&record.order_id).is_err();
    let record = shop.charge(&billing_key, record)?;
    if is_new {
        shop.settled(&record).await;
    }
    Ok(told(&shop, &record))
}

async fn look(_: Merchant, State(shop): State<Arc<Shop>>, Path(order_id): Path<String>) -> Answer {
    Ok(told(&shop, &shop.record(&order_id)?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confirm {
    payment_key: Option<String>,
    amount: i64,
}

async fn confirm(
    _: Merchant,
    State(shop): State<Arc<Shop>>,
    Path(order_id): Path<String>,
    Json(body): Json<Confirm>,
) -> Answer {
    let known = shop.record(&order_id)?;
    if known.behaviour == Behaviour::Slow {
        tokio::time::sleep(shop.settings.patience).await;
    }
    let record = shop.change(&order_id, |record| {
        if body.amount != record.amount {
            return Err(refusal("AMOUNT", "the amount is another one"));
        }
        if record.payment_key.is_none() || record.payment_key != body.payment_key {
            return Err(refusal("NOT_AUTHORIZED", "the payer has not agreed to this"));
        }
        match (record.status, record.behaviour) {
            (Status::Authorized, Behaviour::Declines) => {
                record.status = Status::Declined;
                record.failure = Some("the card was declined".to_owned());
            }
            (Status::Authorized, _) => record.status = Status::Paid,
            (Status::Paid | Status::Declined, _) => {}
            (Status::Ready, _) => return Err(refusal("NOT_AUTHORIZED", "the payer has not agreed to this")),
            (Status::Canceled, _) => return Err(refusal("ENDED", "this payment has ended")),
        }
        Ok(())
    })?;
    if record.status != known.status {
        shop.settled(&record).await;
    }
    Ok(told(&shop, &record))
}

impl Shop {
    /// Tells what became of a charge, and answers as its card does.
    async fn settled(&self, record: &Record) {
        let kind = if record.status == Status::Paid { "payment.paid" } else { "payment.declined" };
        match record.behaviour {
            Behaviour::NoticeFirst => self.notifier.tell_now(kind, record).await,
            _ => self.notifier.tell(kind, record),
        }
        if record.behaviour == Behaviour::AnswersLate {
            tokio::time::sleep(self.settings.patience * LATE).await;
        }
    }
}

async fn cancel(_: Merchant, State(shop): State<Arc<Shop>>, Path(order_id): Path<String>) -> Answer {
    let known = shop.record(&order_id)?;
    let record = shop.change(&order_id, |record| {
        if matches!(record.status, Status::Ready | Status::Authorized) {
            record.status = Status::Canceled;
        }
        Ok(())
    })?;
    if record.status != known.status {
        shop.notifier.tell("payment.canceled", &record);
    }
    Ok(told(&shop, &record))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refund {
    refund_id: String,
    amount: i64,
}

async fn refund(
    _: Merchant,
    State(shop): State<Arc<Shop>>,
    Path(order_id): Path<String>,
    Json(body): Json<Refund>,
) -> Answer {
    let known = shop.record(&order_id)?;
    let record = shop.change(&order_id, |record| {
        if record.refunds.contains_key(&body.refund_id) {
            return Ok(());
        }
        let left = record.amount - record.refunds.values().sum::<i64>();
        if record.status != Status::Paid || !(1..=left).contains(&body.amount) {
            return Err(refusal("AMOUNT", "not so much was paid and not given back"));
        }
        record.refunds.insert(body.refund_id, body.amount);
        Ok(())
    })?;
    if record.refunds != known.refunds {
        shop.notifier.tell("payment.refunded", &record);
    }
    Ok(told(&shop, &record))
}

fn told(shop: &Shop, record: &Record) -> Response {
    let mut body = serde_json::to_value(record).unwrap_or_default();
    body["checkoutUrl"] = format!("http://{}/checkout/{}", shop.address, record.order_id).into();
    Json(body).into_response()
}

async fn checkout(State(shop): State<Arc<Shop>>, Path(order_id): Path<String>, reader: Reader) -> Response {
    match shop.record(&order_id) {
        Ok(record) => reader.checkout(&record),
        Err(refusal) => reader.refused(refusal, None),
    }
}

#[derive(Deserialize)]
struct Agree {
    card: String,
}

/// Browsers go on to where they came from; other clients are told the key.
async fn agree(
    State(shop): State<Arc<Shop>>,
    Path(order_id): Path<String>,
    reader: Reader,
    body: Result<Form<Agree>, FormRejection>,
) -> Response {
    // As long as a payer's bank takes at least: it makes a page that forgets to wait visible.
    tokio::time::sleep(Duration::from_millis(10)).await;
    let card = body.map(|Form(body)| body.card).map_err(|error| refusal("UNKNOWN_CARD", error.body_text()));
    let record = match card.and_then(|card| shop.agree(&order_id, &card)) {
        Ok(record) => record,
        Err(refusal) => return reader.refused(refusal, shop.record(&order_id).ok().as_ref()),
    };
    let key = record.payment_key.unwrap_or_default();
    if !reader.is_browser {
        return Json(json!({ "orderId": order_id, "paymentKey": key })).into_response();
    }
    match &record.return_url {
        Some(url) => {
            let separator = if url.contains('?') { '&' } else { '?' };
            // Both are made of letters, digits, hyphens and underscores.
            Redirect::to(&format!("{url}{separator}orderId={order_id}&paymentKey={key}")).into_response()
        }
        None => reader.agreed(),
    }
}
