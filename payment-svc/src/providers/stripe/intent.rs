//! A payment as Stripe tells it (<https://docs.stripe.com/api/payment_intents/object>).

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::{Charge, Payment, PaymentStatus};

/// The names of what we keep with an intent.
pub const ORDER_ID: &str = "order_id";
/// Said of intents that are charged with no payer present: see [`Intent::payment`].
pub const OFF_SESSION: &str = "off_session";

/// How far an intent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
}

/// The `PaymentIntent` object, as far as it matters here, with its latest charge.
#[derive(Debug, Deserialize)]
pub struct Intent {
    pub id: String,
    pub status: Status,
    /// Minor units; currencies without any are counted whole, as they are here.
    pub amount: i64,
    #[serde(default)]
    pub amount_received: i64,
    /// Lower case.
    pub currency: String,
    pub client_secret: Option<String>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    pub last_payment_error: Option<Failure>,
    /// The charge itself where it is asked for, or its id.
    pub latest_charge: Option<Value>,
    pub customer: Option<String>,
    pub payment_method: Option<String>,
    pub setup_future_usage: Option<String>,
}

/// Why a charge was declined.
#[derive(Debug, Deserialize)]
pub struct Failure {
    pub message: Option<String>,
}

/// A customer and a card of theirs, kept in one text.
pub struct BillingKey<'a> {
    pub customer: &'a str,
    pub payment_method: &'a str,
}

impl<'a> BillingKey<'a> {
    /// Reads what [`Intent::payment`] has told.
    pub fn read(text: &'a str) -> Option<Self> {
        let (customer, payment_method) = text.split_once('/')?;
        Some(Self { customer, payment_method })
    }
}

impl Intent {
    /// Whether it is the one of this order, at its price. A client may name any intent of the account.
    pub fn is_of(&self, charge: &Charge) -> bool {
        self.metadata.get(ORDER_ID) == Some(&charge.order_id)
            && self.amount == charge.price.amount
            && self.currency.eq_ignore_ascii_case(&charge.price.currency)
    }

    /// As the port wants it.
    pub fn payment(self) -> Payment {
        let is_off_session = self.metadata.contains_key(OFF_SESSION);
        let status = match self.status {
            Status::Succeeded => PaymentStatus::Collected,
            Status::Canceled => PaymentStatus::Canceled,
            // There is nobody who could try another card.
            Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction
                if is_off_session =>
            {
                PaymentStatus::Failed
            }
            Status::RequiresPaymentMethod
            | Status::RequiresConfirmation
            | Status::RequiresAction
            | Status::Processing
            | Status::RequiresCapture => PaymentStatus::Open,
        };
        let is_collected = status == PaymentStatus::Collected;
        let refunded = self.latest_charge.as_ref().and_then(|charge| charge.get("amount_refunded")?.as_i64());
        let is_kept =
            is_collected && (is_off_session || self.setup_future_usage.as_deref() == Some("off_session"));
        let billing_key = match (self.customer, self.payment_method) {
            (Some(customer), Some(method)) if is_kept => Some(format!("{customer}/{method}")),
            _ => None,
        };
        let failure = self.last_payment_error.and_then(|failure| failure.message);
        Payment {
            key: Some(self.id),
            status,
            captured: if is_collected { self.amount_received } else { 0 },
            refunded: if is_collected { refunded.unwrap_or_default() } else { 0 },
            failure: failure.filter(|_| status == PaymentStatus::Failed),
            billing_key,
        }
    }
}

/// Whether a text can be the id of an intent: it becomes a part of an address.
pub fn is_intent_id(text: &str) -> bool {
    let rest = text.strip_prefix("pi_").unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use shared::testkit::Corpus;

    use super::*;

    #[test]
    fn an_intent_tells_of_money_only_when_it_was_collected() {
        Corpus::of(env!("CARGO_MANIFEST_DIR"), "stripe-intents").check(file!(), |input| {
            let Ok(intent) = serde_json::from_slice::<Intent>(input) else { return };
            let (id, received) = (intent.id.clone(), intent.amount_received);
            let payment = intent.payment();
            assert_eq!(payment.key, Some(id));
            if payment.status == PaymentStatus::Collected {
                assert_eq!((payment.captured, payment.failure), (received, None));
                if let Some(key) = &payment.billing_key {
                    let BillingKey { customer, payment_method } = BillingKey::read(key).unwrap();
                    assert_eq!(key, &format!("{customer}/{payment_method}"));
                }
            } else {
                assert_eq!((payment.captured, payment.refunded, payment.billing_key), (0, 0, None));
            }
        });
    }

    #[test]
    fn only_what_can_be_an_id_becomes_a_part_of_an_address() {
        Corpus::new(["pi_3Nabc_1", "pi_../../v1/refunds", "pi_1?expand=x"]).check_text(file!(), |text| {
            if is_intent_id(text) {
                let address: http::Uri =
                    format!("https://api.stripe.com/v1/payment_intents/{text}").parse().unwrap();
                assert_eq!(address.path(), format!("/v1/payment_intents/{text}"));
                assert_eq!(address.query(), None);
            }
        });
    }
}
