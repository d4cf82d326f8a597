//! The adapter of Toss Payments, core API v1 (<https://docs.tosspayments.com/reference>).
//!
//! The payer agrees at Toss Payments, through its library in the client, which brings back a `paymentKey`: until we
//! confirm that, nothing is collected. For what is charged again later the payer registers a card instead, which brings
//! back an `authKey`; we exchange it for a billing key and charge that.
//!
//! **Every request may be repeated.** A `paymentKey` is confirmed once, and an order id is collected for once, whatever
//! we send; idempotency keys guard two at once. They are derived from everything that the request says, because their
//! answer is kept for 15 days, errors included: a wrong key that somebody guesses must not spoil the right one.
//!
//! **Notices are not signed.** Toss Payments signs those of payouts and sellers, which we do not use, and not those of
//! payments. So a notice is taken for what anybody may send: nothing in it is believed but the order's id, and that only
//! says which payment to look at, over our own connection. Lies and replays change nothing. A flood of them costs a look
//! each, for orders that exist and are collected by Toss Payments, and no more than a few at once: see
//! [`Providers::heed`](super::Providers::heed).

mod codes;
mod money;
mod record;

use std::collections::HashMap;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::config::Secret;
use shared::https::HttpsSetupError;
use shared::id::derived_id;
use shared::time::Timestamp;

use self::codes::{Asked, Verdict};
use self::record::{Record, Status, mark};
use super::http::{Answer, Body, Http, HttpSettings, later_key, segment};
use super::{
    Charge, Checkout, Notice, NoticeRefusal, Payment, PaymentStatus, Provider, ProviderError, Repayment,
};

/// The most characters of an order's name, and of a reason.
const LONGEST_NAME: usize = 100;
const LONGEST_REASON: usize = 200;
/// What the client is told when there is nothing to collect.
const NOT_AGREED: &str = "the payer has not agreed to this";

/// Asks Toss Payments.
pub struct Toss {
    http: Http,
    client_key: String,
}

impl Toss {
    /// With the secret key, and the key that clients set its library up with.
    ///
    /// # Errors
    /// See [`Http::new`].
    pub fn new(
        settings: HttpSettings,
        secret_key: &Secret,
        client_key: String,
    ) -> Result<Self, HttpsSetupError> {
        // The key is the user; there is no password.
        let basic = STANDARD.encode(format!("{}:", secret_key.expose()));
        Ok(Self { http: Http::new(settings, &format!("Basic {basic}"))?, client_key })
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Answer, ProviderError> {
        self.http.ask(Method::POST, path, Some(key), Body::Json(body.clone())).await
    }

    /// The payment of an order, if Toss Payments knows one.
    async fn find(&self, charge: &Charge) -> Result<Option<Record>, ProviderError> {
        let path = format!("/v1/payments/orders/{}", segment(&charge.order_id));
        let answer = self.http.ask(Method::GET, &path, None, Body::None).await?;
        match answer.text("/code") {
            _ if answer.status.is_success() => Record::of(&answer, charge).map(Some),
            Some("NOT_FOUND_PAYMENT") => Ok(None),
            _ => Err(failed(&answer)),
        }
    }

    /// How the payment stands, if it is no longer open.
    async fn settled(&self, charge: &Charge) -> Result<Option<Payment>, ProviderError> {
        let Some(record) = self.find(charge).await? else { return Ok(None) };
        let payment = record.payment()?;
        Ok((payment.status != PaymentStatus::Open).then_some(payment))
    }

    /// Collects, by a path that collects once for an order whatever its key.
    async fn collect_by(
        &self,
        charge: &Charge,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<Payment, ProviderError> {
        let mut answer = self.post(path, key, body).await?;
        if !answer.status.is_success() && Verdict::of(&answer, Asked::Collect) == Verdict::Passing {
            if let Some(payment) = self.settled(charge).await? {
                return Ok(payment);
            }
            answer = self.post(path, &later_key(key), body).await?;
        }
        if answer.status.is_success() {
            return Record::of(&answer, charge)?.payment();
        }
        match Verdict::of(&answer, Asked::Collect) {
            Verdict::Declined => Ok(Payment {
                status: PaymentStatus::Failed,
                failure: Some(message(&answer)),
                ..Payment::unknown()
            }),
            Verdict::Refused => Err(ProviderError::Refused(message(&answer))),
            Verdict::Done => self.settled(charge).await?.ok_or_else(|| failed(&answer)),
            Verdict::Passing | Verdict::Unknown => Err(failed(&answer)),
        }
    }

    /// Makes sure that what the payer has agreed to is this order's price, before money moves. Toss Payments compares the
    /// amounts but not the currencies, and 39 won are no 39 dollars. What is priced in won needs no such look: any other
    /// currency is worth more.
    async fn check_currency(&self, charge: &Charge, payment_key: &str) -> Result<(), ProviderError> {
        if charge.price.currency == "KRW" {
            return Ok(());
        }
        let path = format!("/v1/payments/{}", segment(payment_key));
        let answer = self.http.ask(Method::GET, &path, None, Body::None).await?;
        if answer.text("/code") == Some("NOT_FOUND_PAYMENT") {
            return Err(ProviderError::Refused(NOT_AGREED.to_owned()));
        }
        if !answer.status.is_success() {
            return Err(failed(&answer));
        }
        let (order_id, currency) = (answer.text("/orderId"), answer.text("/currency"));
        let is_this = order_id == Some(&charge.order_id) && currency == Some(&charge.price.currency);
        is_this.then_some(()).ok_or_else(|| ProviderError::Refused(NOT_AGREED.to_owned()))
    }

    /// The billing key of a card that the payer has registered: the same one each time.
    async fn billing_key(&self, charge: &Charge, auth_key: &str) -> Result<String, ProviderError> {
        let path = "/v1/billing/authorizations/issue";
        let key = derived_id(&["toss", "issue", &charge.order_id, auth_key]);
        let body = json!({ "authKey": auth_key, "customerKey": charge.customer_id });
        let mut answer = self.post(path, &key, &body).await?;
        if !answer.status.is_success() && Verdict::of(&answer, Asked::Collect) == Verdict::Passing {
            answer = self.post(path, &later_key(&key), &body).await?;
        }
        if answer.status.is_success() {
            return answer.read("/billingKey");
        }
        match Verdict::of(&answer, Asked::Collect) {
            // Nothing was to be collected yet: another card may do.
            Verdict::Declined | Verdict::Refused => Err(ProviderError::Refused(message(&answer))),
            _ => Err(failed(&answer)),
        }
    }
}

#[async_trait]
impl Provider for Toss {
    /// Nothing is asked: the client sets the library up with the client key and, as `client_secret`, the customer key.
    async fn open(&self, charge: &Charge, _return_url: Option<&str>) -> Result<Checkout, ProviderError> {
        money::major(&charge.price)?;
        if charge.is_recurring {
            check_won(charge)?;
        }
        Ok(Checkout {
            client_key: self.client_key.clone(),
            client_secret: charge.customer_id.clone(),
            ..Checkout::default()
        })
    }

    async fn collect(&self, charge: &Charge) -> Result<Payment, ProviderError> {
        let Some(payment_key) = &charge.payment_key else {
            return Err(ProviderError::Refused(NOT_AGREED.to_owned()));
        };
        if charge.is_recurring {
            // Whichever of the two steps was done before, both end as they did then.
            let billing_key = self.billing_key(charge, payment_key).await?;
            let payment = self.charge(charge, &billing_key).await?;
            return Ok(Payment { billing_key: Some(billing_key), ..payment });
        }
        self.check_currency(charge, payment_key).await?;
        let amount = money::major(&charge.price)?;
        let body = json!({ "paymentKey": payment_key, "orderId": charge.order_id, "amount": amount });
        let key = derived_id(&["toss", "confirm", &charge.order_id, payment_key]);
        self.collect_by(charge, "/v1/payments/confirm", &key, &body).await
    }

    async fn charge(&self, charge: &Charge, billing_key: &str) -> Result<Payment, ProviderError> {
        check_won(charge)?;
        // Asked first: another billing key, of a card that the payer has registered meanwhile, is another address at
        // Toss Payments, where our idempotency key is new.
        if let Some(payment) = self.settled(charge).await? {
            return Ok(payment);
        }
        let name: String = charge.name.chars().take(LONGEST_NAME).collect();
        let body = json!({
            "customerKey": charge.customer_id, "orderId": charge.order_id, "orderName": name,
            "amount": money::major(&charge.price)?,
        });
        let key = derived_id(&["toss", "charge", &charge.order_id, billing_key]);
        let path = format!("/v1/billing/{}", segment(billing_key));
        self.collect_by(charge, &path, &key, &body).await
    }

    async fn look(&self, charge: &Charge) -> Result<Payment, ProviderError> {
        match self.find(charge).await? {
            Some(record) => record.payment(),
            None => Ok(Payment::unknown()),
        }
    }

    /// What was not confirmed is nobody's but ours to collect, and ends by itself after some minutes: it is canceled as
    /// soon as we no longer ask. Should we be asking right now, from elsewhere, the order is paid after all and the
    /// money goes back. An account that waits for a deposit is closed, or the payer could fill it later.
    async fn cancel(&self, charge: &Charge) -> Result<Payment, ProviderError> {
        let Some(record) = self.find(charge).await? else { return Ok(Payment::unknown()) };
        match record.status {
            Status::Ready | Status::InProgress => {
                Ok(Payment { status: PaymentStatus::Canceled, ..Payment::unknown() })
            }
            Status::WaitingForDeposit => {
                let path = format!("/v1/payments/{}/cancel", segment(&record.payment_key));
                let key = derived_id(&["toss", "close", &record.payment_key]);
                let body = json!({ "cancelReason": "the order was canceled" });
                let mut answer = self.post(&path, &key, &body).await?;
                if !answer.status.is_success() && Verdict::of(&answer, Asked::Repay) == Verdict::Passing {
                    answer = self.post(&path, &later_key(&key), &body).await?;
                }
                if answer.status.is_success() {
                    return Record::of(&answer, charge)?.payment();
                }
                // Perhaps the deposit has just come.
                self.settled(charge).await?.ok_or_else(|| failed(&answer))
            }
            _ => record.payment(),
        }
    }

    async fn repay(&self, charge: &Charge, repayment: &Repayment) -> Result<Payment, ProviderError> {
        let no_payment = || ProviderError::Refused("there is no payment of this order".to_owned());
        let record = self.find(charge).await?.ok_or_else(no_payment)?;
        if record.has_given_back(&repayment.id) {
            return record.payment();
        }
        let path = format!("/v1/payments/{}/cancel", segment(&record.payment_key));
        let price = super::Money { amount: repayment.amount, ..charge.price.clone() };
        let body = json!({ "cancelReason": reason(repayment), "cancelAmount": money::major(&price)? });
        let mut answer = self.post(&path, &repayment.id, &body).await?;
        if !answer.status.is_success() && Verdict::of(&answer, Asked::Repay) == Verdict::Passing {
            let record = self.find(charge).await?.ok_or_else(no_payment)?;
            if record.has_given_back(&repayment.id) {
                return record.payment();
            }
            answer = self.post(&path, &later_key(&repayment.id), &body).await?;
        }
        if answer.status.is_success() {
            return Record::of(&answer, charge)?.payment();
        }
        match Verdict::of(&answer, Asked::Repay) {
            Verdict::Done => {
                let record = self.find(charge).await?.ok_or_else(no_payment)?;
                if record.has_given_back(&repayment.id) {
                    return record.payment();
                }
                Err(ProviderError::Refused(message(&answer)))
            }
            Verdict::Declined | Verdict::Refused => Err(ProviderError::Refused(message(&answer))),
            Verdict::Passing | Verdict::Unknown => Err(failed(&answer)),
        }
    }

    fn signs_notices(&self) -> bool {
        false
    }

    /// `PAYMENT_STATUS_CHANGED` tells the order within `data`, `DEPOSIT_CALLBACK` beside it.
    fn read_notice(
        &self,
        _headers: &HashMap<String, String>,
        body: &[u8],
        _now: Timestamp,
    ) -> Result<Option<Notice>, NoticeRefusal> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Told {
            order_id: Option<String>,
            data: Option<Value>,
        }
        let told: Told = serde_json::from_slice(body).map_err(|_| NoticeRefusal::Body)?;
        let within = told.data.as_ref().and_then(|data| data.get("orderId")).and_then(Value::as_str);
        Ok(Notice::about(within.map(str::to_owned).or(told.order_id), None))
    }
}

/// A billing key is charged in won: its request names no currency.
fn check_won(charge: &Charge) -> Result<(), ProviderError> {
    let is_won = charge.price.currency == "KRW";
    is_won.then_some(()).ok_or_else(|| ProviderError::Refused("only won can be charged again".to_owned()))
}

/// A reason that ends with the repayment's mark.
fn reason(repayment: &Repayment) -> String {
    let mark = mark(&repayment.id);
    let room = LONGEST_REASON.saturating_sub(mark.chars().count() + 1);
    let reason: String = repayment.reason.chars().take(room).collect();
    format!("{reason} {mark}")
}

fn message(answer: &Answer) -> String {
    answer.text("/message").unwrap_or("no reason given").to_owned()
}

/// That nobody knows what was done, with the code.
fn failed(answer: &Answer) -> ProviderError {
    match answer.text("/code") {
        Some(code) => ProviderError::Unreachable(format!("it answers {} {code}", answer.status.as_u16())),
        None => answer.unreachable(),
    }
}
