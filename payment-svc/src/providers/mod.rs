//! Who collects payments: the port, and the adapter of each provider.

mod http;
pub mod sandbox;
pub mod signature;
pub mod stripe;
#[cfg(test)]
mod tests;
pub mod toss;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::Error;
use shared::id::check_ids;
use shared::proto::v1::{PaymentProvider, ProductKind};
use shared::time::Timestamp;

pub use http::{Http, HttpSettings};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use crate::orders::domain::Money;
use crate::orders::domain::Order;

/// How many notices that nobody signed may be asked about at once.
const UNSIGNED: usize = 8;

/// A payment as the provider knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// What the provider calls it.
    pub key: Option<String>,
    /// How far it has come.
    pub status: PaymentStatus,
    /// Collected, in minor units, whatever was given back later.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    /// Why it was declined.
    pub failure: Option<String>,
    /// What charges the same payer again without asking, where the charge was to be kept: see [`Provider::charge`].
    pub billing_key: Option<String>,
}

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// It may still be collected.
    Open,
    /// It was collected.
    Collected,
    /// It was declined.
    Failed,
    /// It can no longer be collected.
    Canceled,
}

impl Payment {
    /// Of an order that the provider has never heard of.
    pub fn unknown() -> Self {
        Self {
            key: None,
            status: PaymentStatus::Open,
            captured: 0,
            refunded: 0,
            failure: None,
            billing_key: None,
        }
    }
}

/// What a provider is asked to collect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    pub order_id: String,
    /// For the payer's eyes.
    pub name: String,
    pub price: Money,
    /// What the provider calls the payment, once it is known. Before that: what the payer's browser has brought back.
    pub payment_key: Option<String>,
    /// Whoever pays, by an id that says nothing about them.
    pub customer_id: String,
    /// Whether the payer agrees to be charged again later.
    pub is_recurring: bool,
}

impl From<&Order> for Charge {
    fn from(order: &Order) -> Self {
        Self {
            order_id: order.id.clone(),
            name: order.item.name.clone(),
            price: order.item.price.clone(),
            payment_key: order.payment_key.clone(),
            customer_id: order.customer_id.clone(),
            is_recurring: order.item.kind == ProductKind::MonthlyPass,
        }
    }
}

/// Where and how the payer pays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkout {
    /// A page of the provider.
    pub url: String,
    /// What the provider's own library is set up with, where a client uses that.
    pub client_key: String,
    pub client_secret: String,
    /// What the provider calls the payment, when it tells that now.
    pub payment_key: Option<String>,
}

/// A part of a payment that is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repayment {
    /// Ours: the provider gives back once for it.
    pub id: String,
    /// Minor units.
    pub amount: i64,
    /// For the payer's eyes.
    pub reason: String,
}

/// A provider tells that something happened to an order's payment; what, it is asked. It names the order, or what it
/// calls the payment itself, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    pub order_id: Option<String>,
    pub payment_key: Option<String>,
}

impl Notice {
    /// About an order of ours, a payment, or both; nothing when it is about neither. Ids of orders are ours: whatever else
    /// stands in their place is somebody else's, and no database is asked for it.
    fn about(order_id: Option<String>, payment_key: Option<String>) -> Option<Self> {
        let order_id = order_id.filter(|id| check_ids(&[("order_id", id)]).is_ok());
        let is_ours = order_id.is_some() || payment_key.is_some();
        is_ours.then_some(Self { order_id, payment_key })
    }
}

/// Why a provider did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Nobody knows whether it was done: it is asked again later.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    /// It was not done, and will not be.
    #[error("the provider refuses: {0}")]
    Refused(String),
}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unreachable(_) => Self::ThirdParty(Box::new(error)),
            ProviderError::Refused(_) => Self::FailedPrecondition(error.to_string()),
        }
    }
}

/// Why a notice is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefusal {
    #[error("the notice is not signed by the provider")]
    Signature,
    #[error("the notice is too old")]
    Age,
    #[error("the notice cannot be read")]
    Body,
}

/// What is needed of a provider. Every call may be repeated: it is done once for an order, or for a repayment.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Makes ready for the payer.
    async fn open(&self, charge: &Charge, return_url: Option<&str>) -> Result<Checkout, ProviderError>;

    /// Collects what the payer has agreed to. Of a recurring charge the answer holds a billing key.
    async fn collect(&self, charge: &Charge) -> Result<Payment, ProviderError>;

    /// Collects by the billing key of an earlier payment, with no payer present.
    async fn charge(&self, charge: &Charge, billing_key: &str) -> Result<Payment, ProviderError>;

    /// How the payment stands.
    async fn look(&self, charge: &Charge) -> Result<Payment, ProviderError>;

    /// Lets nobody pay any more, unless it was paid: the answer tells.
    async fn cancel(&self, charge: &Charge) -> Result<Payment, ProviderError>;

    /// Gives a part of the payment back.
    async fn repay(&self, charge: &Charge, repayment: &Repayment) -> Result<Payment, ProviderError>;

    /// Whether notices prove that they are the provider's. Others may be anybody's: they tell nothing but when to look.
    fn signs_notices(&self) -> bool {
        true
    }

    /// Reads a notice; nothing when it is about nothing that matters here.
    fn read_notice(
        &self,
        headers: &HashMap<String, String>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Notice>, NoticeRefusal>;
}

/// The providers that are set up.
#[derive(Clone)]
pub struct Providers {
    /// Who collects for new orders.
    pub first: PaymentProvider,
    known: Arc<HashMap<PaymentProvider, Arc<dyn Provider>>>,
    unsigned: Arc<Semaphore>,
}

impl Providers {
    /// New orders go to `first`, which is one of them.
    pub fn new(first: PaymentProvider, known: HashMap<PaymentProvider, Arc<dyn Provider>>) -> Self {
        Self { first, known: Arc::new(known), unsigned: Arc::new(Semaphore::new(UNSIGNED)) }
    }

    /// A place to look at what a notice is about. There are few for those that nobody signed, so that who floods us with
    /// them does not flood the provider; the provider sends its own once more.
    ///
    /// # Errors
    /// [`Error::ResourceExhausted`] when none is free.
    pub fn heed(&self, provider: &dyn Provider) -> Result<Option<SemaphorePermit<'_>>, Error> {
        if provider.signs_notices() {
            return Ok(None);
        }
        self.unsigned.try_acquire().map(Some).map_err(|_| Error::ResourceExhausted {
            message: "too many notices at once".to_owned(),
            retry_after: Duration::from_secs(1),
        })
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::FailedPrecondition`] when it is not set up (any more).
    pub fn get(&self, provider: PaymentProvider) -> Result<&dyn Provider, Error> {
        let known = self.known.get(&provider).map(|provider| &**provider);
        known.ok_or_else(|| Error::FailedPrecondition(format!("{} is not set up", provider.as_str_name())))
    }
}
