//! A payment as Toss Payments tells it (<https://docs.tosspayments.com/reference#payment-객체>).

use serde::Deserialize;
use serde_json::Number;

use super::super::http::Answer;
use super::super::{Charge, Payment, PaymentStatus, ProviderError};
use super::money;

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The payer has seen the page.
    Ready,
    /// The payer has agreed; it is ours to confirm within ten minutes.
    InProgress,
    /// An account was opened that the payer has yet to fill.
    WaitingForDeposit,
    Done,
    Canceled,
    PartialCanceled,
    Aborted,
    Expired,
}

/// The `Payment` object, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub payment_key: String,
    pub order_id: String,
    pub status: Status,
    pub currency: String,
    pub total_amount: Number,
    pub balance_amount: Number,
    /// When it was collected, if ever.
    pub approved_at: Option<String>,
    pub failure: Option<Failure>,
    pub cancels: Option<Vec<Cancel>>,
}

/// Why it was declined.
#[derive(Debug, Deserialize)]
pub struct Failure {
    pub message: String,
}

/// A part that was given back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    pub cancel_reason: Option<String>,
}

impl Record {
    /// The payment in an answer, if it is the one of this order.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`] when it is something else, or of another currency: the price in a browser's hand
    /// has been changed, and people have to look at it.
    pub fn of(answer: &Answer, charge: &Charge) -> Result<Self, ProviderError> {
        let record: Self = answer.read("")?;
        if record.order_id != charge.order_id {
            return Err(ProviderError::Unreachable("it tells of another order".to_owned()));
        }
        if record.currency != charge.price.currency {
            tracing::error!(order_id = charge.order_id, "the payment is of another currency than the order");
            return Err(ProviderError::Unreachable(format!("the payment is in {}", record.currency)));
        }
        Ok(record)
    }

    /// Whether a repayment was made: [`mark`] is in its reason.
    pub fn has_given_back(&self, repayment_id: &str) -> bool {
        let mark = mark(repayment_id);
        let reasons = self.cancels.iter().flatten().filter_map(|cancel| cancel.cancel_reason.as_deref());
        reasons.into_iter().any(|reason| reason.ends_with(&mark))
    }

    /// As the port wants it.
    ///
    /// # Errors
    /// See [`money::minor`]; also when more is left than was collected, or less than nothing.
    pub fn payment(self) -> Result<Payment, ProviderError> {
        let status = match self.status {
            Status::Ready | Status::InProgress | Status::WaitingForDeposit => PaymentStatus::Open,
            Status::Done | Status::PartialCanceled => PaymentStatus::Collected,
            Status::Canceled if self.approved_at.is_some() => PaymentStatus::Collected,
            // Of an account that nobody has paid into.
            Status::Canceled | Status::Expired => PaymentStatus::Canceled,
            Status::Aborted => PaymentStatus::Failed,
        };
        let is_collected = status == PaymentStatus::Collected;
        let (mut captured, mut refunded) = (0, 0);
        if is_collected {
            captured = money::minor(&self.total_amount, &self.currency)?;
            let left = money::minor(&self.balance_amount, &self.currency)?;
            if !(0..=captured).contains(&left) {
                return Err(ProviderError::Unreachable(format!("{left} cannot be left of {captured}")));
            }
            refunded = captured - left;
        }
        Ok(Payment {
            // A payer may begin several times, each time with another key. The one that was collected is the order's.
            key: is_collected.then_some(self.payment_key),
            status,
            captured,
            refunded,
            failure: self.failure.map(|failure| failure.message),
            billing_key: None,
        })
    }
}

/// What shows in a reason which repayment of ours it is. Toss Payments keeps no other text with a cancellation, and its
/// idempotency keys are good for 15 days only.
pub fn mark(repayment_id: &str) -> String {
    format!("({repayment_id})")
}

#[cfg(test)]
mod tests {
    use shared::testkit::Corpus;

    use super::*;

    #[test]
    fn an_answer_is_a_possible_payment_or_none() {
        Corpus::of(env!("CARGO_MANIFEST_DIR"), "toss-payments").check(file!(), |input| {
            let Ok(record) = serde_json::from_slice::<Record>(input) else { return };
            let _ = record.has_given_back("r");
            let (key, status) = (record.payment_key.clone(), record.status);
            match record.payment() {
                Ok(payment) => {
                    assert!((0..=payment.captured).contains(&payment.refunded), "{payment:?}");
                    let is_collected = payment.status == PaymentStatus::Collected;
                    assert_eq!(payment.key, is_collected.then_some(key));
                    assert!(is_collected || (payment.captured, payment.refunded) == (0, 0), "{payment:?}");
                }
                Err(ProviderError::Unreachable(_) | ProviderError::Refused(_)) => {
                    assert!(matches!(status, Status::Done | Status::PartialCanceled | Status::Canceled));
                }
            }
        });
    }
}
