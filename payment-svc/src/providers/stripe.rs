//! The adapter of Stripe (<https://docs.stripe.com/api>).
//!
//! Each order has one payment intent, made when the order is: the client confirms it with Stripe's library, and money
//! moves then and there. So to collect is mostly to look. The intent names its order in its metadata, and what names
//! another one, or another price, is not believed, whoever brings its id.
//!
//! **Every request may be repeated.** An intent is paid once, whatever is sent about it. What makes something new (an
//! intent, a refund) has an idempotency key derived from the order or the refund; Stripe forgets keys after a day, so
//! whatever could be asked for again later is looked for first: in lists, which are up to date, and not by searching,
//! which may be behind by minutes.

mod api;
mod intent;

use std::collections::HashMap;

use async_trait::async_trait;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use shared::config::Secret;
use shared::https::HttpsSetupError;
use shared::time::Timestamp;

use self::api::{Api, declined, refused, unanswered};
use self::intent::{BillingKey, Intent, OFF_SESSION, ORDER_ID, Status, is_intent_id};
use super::http::{Answer, HttpSettings, form};
use super::{
    Charge, Checkout, Notice, NoticeRefusal, Payment, PaymentStatus, Provider, ProviderError, Repayment,
    signature,
};

/// The header that a notice is signed in.
const SIGNATURE: &str = "stripe-signature";
/// What the client is told when there is nothing to collect.
const NOT_AGREED: &str = "the payer has not agreed to this";
/// The most that a list tells at once.
const MOST: &str = "100";
/// What tells how much of a payment was given back.
const WITH_CHARGE: (&str, &str) = ("expand[]", "latest_charge");

/// Asks Stripe.
pub struct Stripe {
    api: Api,
    publishable_key: String,
    webhook_secret: Secret,
}

impl Stripe {
    /// With the secret key, the key that clients set its library up with, and the secret that it signs notices with.
    ///
    /// # Errors
    /// See [`Http::new`](super::Http::new).
    pub fn new(
        settings: HttpSettings,
        secret_key: &Secret,
        publishable_key: String,
        webhook_secret: Secret,
    ) -> Result<Self, HttpsSetupError> {
        Ok(Self { api: Api::new(settings, secret_key)?, publishable_key, webhook_secret })
    }

    /// The intent of an order: the one that is known, or one that Stripe's search finds.
    async fn find(&self, charge: &Charge) -> Result<Option<Intent>, ProviderError> {
        if let Some(key) = &charge.payment_key {
            return self.intent(charge, key).await;
        }
        // Ids are made of letters, digits and hyphens.
        let query = format!("metadata['{ORDER_ID}']:'{}'", charge.order_id);
        let query = form(&[("query", &query), ("limit", MOST)]);
        let answer = self.api.get(&format!("/v1/payment_intents/search?{query}")).await?;
        if !answer.status.is_success() {
            return Err(refused(&answer));
        }
        let found: Vec<Intent> = answer.read("/data")?;
        // What is found may be out of date.
        match best(&found, charge) {
            Some(intent) => self.intent(charge, &intent.id).await,
            None => Ok(None),
        }
    }

    /// An intent, if there is one with this id, and it is the order's.
    async fn intent(&self, charge: &Charge, id: &str) -> Result<Option<Intent>, ProviderError> {
        if !is_intent_id(id) {
            return Ok(None);
        }
        let answer = self.api.get(&format!("/v1/payment_intents/{id}?{}", form(&[WITH_CHARGE]))).await?;
        match answer.status {
            StatusCode::NOT_FOUND if answer.text("/error/code") == Some("resource_missing") => Ok(None),
            status if status.is_success() => {
                Ok(Some(answer.read::<Intent>("")?).filter(|intent| intent.is_of(charge)))
            }
            _ => Err(refused(&answer)),
        }
    }

    /// Does something to an intent that can be done to it once: no key is needed, and one would keep the answer to the
    /// card before this one.
    async fn change(&self, intent: &Intent, verb: &str) -> Result<Answer, ProviderError> {
        let path = format!("/v1/payment_intents/{}/{verb}", intent.id);
        self.api.post(&path, None, form(&[WITH_CHARGE])).await
    }

    /// A customer for whoever is charged again later: one for each such order, which holds no more than our id.
    async fn customer(&self, charge: &Charge) -> Result<String, ProviderError> {
        let body = form(&[("metadata[customer_id]", &charge.customer_id)]);
        let key = format!("{}:customer", charge.order_id);
        let answer = self.api.make("/v1/customers", &key, &body).await?;
        if answer.status.is_success() { answer.read("/id") } else { Err(refused(&answer)) }
    }

    /// Makes the intent of an order.
    async fn create(&self, charge: &Charge) -> Result<Intent, ProviderError> {
        let (amount, currency) = price(charge);
        let order_id = format!("metadata[{ORDER_ID}]");
        let mut body = vec![
            ("amount", amount.as_str()),
            ("currency", &currency),
            ("description", &charge.name),
            ("automatic_payment_methods[enabled]", "true"),
            (&order_id, &charge.order_id),
        ];
        let customer = if charge.is_recurring { Some(self.customer(charge).await?) } else { None };
        if let Some(customer) = &customer {
            body.extend([("customer", customer.as_str()), ("setup_future_usage", "off_session")]);
        }
        let key = format!("{}:intent", charge.order_id);
        let answer = self.api.make("/v1/payment_intents", &key, &form(&body)).await?;
        if answer.status.is_success() { answer.read("") } else { Err(refused(&answer)) }
    }

    /// The intent that was charged for an order before, in the list of its customer.
    async fn charged(&self, charge: &Charge, customer: &str) -> Result<Option<Payment>, ProviderError> {
        let query = form(&[("customer", customer), ("limit", MOST)]);
        let answer = self.api.get(&format!("/v1/payment_intents?{query}")).await?;
        if !answer.status.is_success() {
            return Err(refused(&answer));
        }
        let intents: Vec<Intent> = answer.read("/data")?;
        match best(&intents, charge) {
            Some(intent) => Ok(self.intent(charge, &intent.id).await?.map(Intent::payment)),
            None => Ok(None),
        }
    }

    /// How a repayment stands, in the list of its payment's refunds.
    async fn repaid(&self, intent_id: &str, repayment: &Repayment) -> Result<Option<Refund>, ProviderError> {
        let query = form(&[("payment_intent", intent_id), ("limit", MOST)]);
        let answer = self.api.get(&format!("/v1/refunds?{query}")).await?;
        if !answer.status.is_success() {
            return Err(refused(&answer));
        }
        let refunds: Vec<Refund> = answer.read("/data")?;
        Ok(refunds.into_iter().find(|refund| refund.metadata.get("refund_id") == Some(&repayment.id)))
    }
}

/// The `Refund` object, as far as it matters here.
#[derive(Deserialize)]
struct Refund {
    status: Option<String>,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

impl Refund {
    /// # Errors
    /// [`ProviderError::Refused`] when the payer's bank has sent it back, or somebody has canceled it.
    fn check(&self) -> Result<(), ProviderError> {
        match self.status.as_deref() {
            Some(status @ ("failed" | "canceled")) => {
                Err(ProviderError::Refused(format!("the refund has {status}")))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Provider for Stripe {
    async fn open(&self, charge: &Charge, _return_url: Option<&str>) -> Result<Checkout, ProviderError> {
        let intent = match &charge.payment_key {
            Some(key) => self.intent(charge, key).await?,
            None => None,
        };
        let intent = match intent {
            Some(intent) => intent,
            None => self.create(charge).await?,
        };
        Ok(Checkout {
            url: String::new(),
            client_key: self.publishable_key.clone(),
            client_secret: intent.client_secret.unwrap_or_default(),
            payment_key: Some(intent.id),
        })
    }

    async fn collect(&self, charge: &Charge) -> Result<Payment, ProviderError> {
        let not_agreed = |why: Option<String>| ProviderError::Refused(why.unwrap_or(NOT_AGREED.to_owned()));
        let intent = self.find(charge).await?.ok_or_else(|| not_agreed(None))?;
        let verb = match intent.status {
            Status::RequiresConfirmation => "confirm",
            Status::RequiresCapture => "capture",
            // Declined, or left at a page of the payer's bank: the payer may try once more, the order stays open.
            Status::RequiresPaymentMethod | Status::RequiresAction => {
                return Err(not_agreed(intent.last_payment_error.and_then(|failure| failure.message)));
            }
            Status::Processing | Status::Canceled | Status::Succeeded => return Ok(intent.payment()),
        };
        let answer = self.change(&intent, verb).await?;
        if answer.status.is_success() {
            return Ok(answer.read::<Intent>("")?.payment());
        }
        if is_unexpected(&answer) {
            // Somebody else was faster.
            let intent = self.find(charge).await?.ok_or_else(|| not_agreed(None))?;
            return Ok(intent.payment());
        }
        Err(refused(&answer))
    }

    async fn charge(&self, charge: &Charge, billing_key: &str) -> Result<Payment, ProviderError> {
        let no_key = || ProviderError::Refused("this is no billing key".to_owned());
        let BillingKey { customer, payment_method } = BillingKey::read(billing_key).ok_or_else(no_key)?;
        if let Some(payment) = self.charged(charge, customer).await? {
            return Ok(payment);
        }
        let (amount, currency) = price(charge);
        let (order_id, off_session) = (format!("metadata[{ORDER_ID}]"), format!("metadata[{OFF_SESSION}]"));
        let body = form(&[
            ("amount", &amount),
            ("currency", &currency),
            ("description", &charge.name),
            ("customer", customer),
            ("payment_method", payment_method),
            ("off_session", "true"),
            ("confirm", "true"),
            (&order_id, &charge.order_id),
            (&off_session, "true"),
            WITH_CHARGE,
        ]);
        let key = format!("{}:charge", charge.order_id);
        let mut answer = self.api.post("/v1/payment_intents", Some(&key), body.clone()).await?;
        if api::has_failed_for_now(&answer) {
            if let Some(payment) = self.charged(charge, customer).await? {
                return Ok(payment);
            }
            answer = self.api.post_later("/v1/payment_intents", &key, body).await?;
        }
        if answer.status.is_success() {
            return Ok(answer.read::<Intent>("")?.payment());
        }
        let Some(message) = declined(&answer) else { return Err(refused(&answer)) };
        Ok(Payment {
            key: answer.text("/error/payment_intent/id").map(str::to_owned),
            status: PaymentStatus::Failed,
            failure: Some(message),
            ..Payment::unknown()
        })
    }

    async fn look(&self, charge: &Charge) -> Result<Payment, ProviderError> {
        Ok(self.find(charge).await?.map_or_else(Payment::unknown, Intent::payment))
    }

    /// An order whose intent is not known here has never told anybody its secret, so nobody can pay it.
    async fn cancel(&self, charge: &Charge) -> Result<Payment, ProviderError> {
        let Some(intent) = self.find(charge).await? else { return Ok(Payment::unknown()) };
        if matches!(intent.status, Status::Succeeded | Status::Canceled) {
            return Ok(intent.payment());
        }
        let answer = self.change(&intent, "cancel").await?;
        if answer.status.is_success() {
            return Ok(answer.read::<Intent>("")?.payment());
        }
        if !is_unexpected(&answer) {
            return Err(refused(&answer));
        }
        match self.find(charge).await? {
            // A bank takes days for some payments, and meanwhile nobody can call them back.
            Some(Intent { status: Status::Processing, .. }) => {
                Err(ProviderError::Refused("the payment is being processed".to_owned()))
            }
            Some(intent) if matches!(intent.status, Status::Succeeded | Status::Canceled) => {
                Ok(intent.payment())
            }
            _ => Err(unanswered(&answer)),
        }
    }

    async fn repay(&self, charge: &Charge, repayment: &Repayment) -> Result<Payment, ProviderError> {
        let intent = self.find(charge).await?;
        let no_payment = || ProviderError::Refused("there is no payment of this order".to_owned());
        let intent = intent.ok_or_else(no_payment)?;
        let mut refund = self.repaid(&intent.id, repayment).await?;
        if refund.is_none() {
            let (amount, order_id) = (repayment.amount.to_string(), format!("metadata[{ORDER_ID}]"));
            let body = form(&[
                ("payment_intent", &intent.id),
                ("amount", &amount),
                // Stripe knows three reasons only; ours is kept with the refund.
                ("reason", "requested_by_customer"),
                ("metadata[refund_id]", &repayment.id),
                ("metadata[reason]", &repayment.reason),
                (&order_id, &charge.order_id),
            ]);
            let mut answer = self.api.post("/v1/refunds", Some(&repayment.id), body.clone()).await?;
            if api::has_failed_for_now(&answer) {
                refund = self.repaid(&intent.id, repayment).await?;
                if refund.is_none() {
                    answer = self.api.post_later("/v1/refunds", &repayment.id, body).await?;
                }
            }
            if refund.is_none() && !answer.status.is_success() {
                return Err(refused(&answer));
            }
            refund = match refund {
                Some(refund) => Some(refund),
                None => Some(answer.read("")?),
            };
        }
        if let Some(refund) = refund {
            refund.check()?;
        }
        self.look(charge).await
    }

    /// A charge has the metadata of its intent as they were when it was made, and refunds made at the dashboard have
    /// none: both name their intent.
    fn read_notice(
        &self,
        headers: &HashMap<String, String>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Notice>, NoticeRefusal> {
        let signature = headers.get(SIGNATURE).map(String::as_str).unwrap_or_default();
        signature::verify(&self.webhook_secret, signature, body, now)?;
        let told: Value = serde_json::from_slice(body).map_err(|_| NoticeRefusal::Body)?;
        let text = |pointer: &str| told.pointer(pointer).and_then(Value::as_str);
        let kind = text("/type").ok_or(NoticeRefusal::Body)?;
        let payment_key = if kind.starts_with("payment_intent.") {
            text("/data/object/id")
        } else if kind.starts_with("charge.") || kind.starts_with("refund.") {
            text("/data/object/payment_intent").or(text("/data/object/payment_intent/id"))
        } else {
            return Ok(None);
        };
        let payment_key = payment_key.filter(|key| is_intent_id(key)).map(str::to_owned);
        let order_id = text(&format!("/data/object/metadata/{ORDER_ID}")).map(str::to_owned);
        Ok(Notice::about(order_id, payment_key))
    }
}

/// The intent of an order among others: should there be two, the one that was paid.
fn best<'a>(intents: &'a [Intent], charge: &Charge) -> Option<&'a Intent> {
    let of_order = intents.iter().filter(|intent| intent.is_of(charge));
    of_order.max_by_key(|intent| intent.status == Status::Succeeded)
}

fn price(charge: &Charge) -> (String, String) {
    (charge.price.amount.to_string(), charge.price.currency.to_lowercase())
}

/// Whether the intent was in a state in which that cannot be done.
fn is_unexpected(answer: &Answer) -> bool {
    answer.text("/error/code") == Some("payment_intent_unexpected_state")
}
