//! The adapter of the sandbox; see [`crate::sandbox`].

use std::collections::HashMap;

use async_trait::async_trait;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use shared::config::Secret;
use shared::https::HttpsSetupError;
use shared::time::Timestamp;

use super::http::{Answer, Body, Http, HttpSettings};
use super::{
    Charge, Checkout, Notice, NoticeRefusal, Payment, PaymentStatus, Provider, ProviderError, Repayment,
    signature,
};
use crate::sandbox::{Record, SIGNATURE, Status};

/// Asks the sandbox.
pub struct Sandbox {
    http: Http,
    notice_secret: Secret,
}

impl Sandbox {
    /// With the sandbox's key, and the secret that it signs notices with.
    ///
    /// # Errors
    /// See [`Http::new`].
    pub fn new(settings: HttpSettings, key: &Secret, notice_secret: Secret) -> Result<Self, HttpsSetupError> {
        let http = Http::new(settings, &format!("Bearer {}", key.expose()))?;
        Ok(Self { http, notice_secret })
    }

    async fn post(
        &self,
        charge: &Charge,
        verb: &str,
        body: serde_json::Value,
    ) -> Result<Payment, ProviderError> {
        let path = format!("/v1/payments/{}/{verb}", charge.order_id);
        payment(&self.http.send(Method::POST, &path, None, Body::Json(body)).await?)
    }
}

#[async_trait]
impl Provider for Sandbox {
    async fn open(&self, charge: &Charge, return_url: Option<&str>) -> Result<Checkout, ProviderError> {
        let Charge { order_id, name, price, .. } = charge;
        let body = json!({
            "orderId": order_id, "name": name, "amount": price.amount, "currency": price.currency,
            "returnUrl": return_url, "keepCard": charge.is_recurring,
        });
        let answer = self.http.send(Method::POST, "/v1/payments", None, Body::Json(body)).await?;
        payment(&answer)?;
        let url = answer.text("/checkoutUrl").unwrap_or_default().to_owned();
        Ok(Checkout { url, ..Checkout::default() })
    }

    async fn collect(&self, charge: &Charge) -> Result<Payment, ProviderError> {
        let body = json!({ "paymentKey": charge.payment_key, "amount": charge.price.amount });
        self.post(charge, "confirm", body).await
    }

    async fn charge(&self, charge: &Charge, billing_key: &str) -> Result<Payment, ProviderError> {
        let Charge { order_id, name, price, .. } = charge;
        let body = json!({
            "orderId": order_id, "name": name, "amount": price.amount, "currency": price.currency,
        });
        let path = format!("/v1/billing/{billing_key}/charges");
        payment(&self.http.send(Method::POST, &path, None, Body::Json(body)).await?)
    }

    async fn look(&self, charge: &Charge) -> Result<Payment, ProviderError> {
        let path = format!("/v1/payments/{}", charge.order_id);
        let answer = self.http.send(Method::GET, &path, None, Body::None).await?;
        if answer.status == StatusCode::NOT_FOUND { Ok(Payment::unknown()) } else { payment(&answer) }
    }

    async fn cancel(&self, charge: &Charge) -> Result<Payment, ProviderError> {
        let path = format!("/v1/payments/{}/cancel", charge.order_id);
        let answer = self.http.send(Method::POST, &path, None, Body::Json(json!({}))).await?;
        if answer.status == StatusCode::NOT_FOUND { Ok(Payment::unknown()) } else { payment(&answer) }
    }

    async fn repay(&self, charge: &Charge, repayment: &Repayment) -> Result<Payment, ProviderError> {
        let Repayment { id, amount, reason } = repayment;
        self.post(charge, "refund", json!({ "refundId": id, "amount": amount, "reason": reason })).await
    }

    fn read_notice(
        &self,
        headers: &HashMap<String, String>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Notice>, NoticeRefusal> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Told {
            order_id: String,
        }
        let signature = headers.get(SIGNATURE).map(String::as_str).unwrap_or_default();
        signature::verify(&self.notice_secret, signature, body, now)?;
        let told: Told = serde_json::from_slice(body).map_err(|_| NoticeRefusal::Body)?;
        Ok(Notice::about(Some(told.order_id), None))
    }
}

fn payment(answer: &Answer) -> Result<Payment, ProviderError> {
    if !answer.status.is_success() {
        return Err(ProviderError::Refused(answer.text("/message").unwrap_or("no reason given").to_owned()));
    }
    let record: Record = answer.read("")?;
    let refunded = record.refunds.values().try_fold(0_i64, |sum, part| sum.checked_add(*part));
    let refunded = refunded.ok_or_else(|| ProviderError::Unreachable("it gives back too much".to_owned()))?;
    let status = match record.status {
        Status::Ready | Status::Authorized => PaymentStatus::Open,
        Status::Paid => PaymentStatus::Collected,
        Status::Declined => PaymentStatus::Failed,
        Status::Canceled => PaymentStatus::Canceled,
    };
    Ok(Payment {
        key: record.payment_key,
        status,
        captured: if status == PaymentStatus::Collected { record.amount } else { 0 },
        refunded,
        failure: record.failure,
        billing_key: record.billing_key,
    })
}
