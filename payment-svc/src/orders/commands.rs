//! Buying. No transaction is open while a provider is asked; what it says is taken over in one that ends with the
//! postings and the events that follow.

use std::collections::HashMap;
use std::time::Duration;

use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::proto::v1::{OrderState, PaymentProvider, ProductKind};
use shared::time::Clock;

use super::domain::{Item, Money, Order, Refusal};
use super::queries::check_owner;
use super::repository::{self, Orders};
use crate::customers::commands as customer_commands;
use crate::customers::domain::UserHash;
use crate::customers::repository::Customers;
use crate::products::queries::ProductQueries;
use crate::providers::{Charge, Checkout, NoticeRefusal, Payment, ProviderError, Providers};
use crate::subscriptions::domain::Patience;
use crate::subscriptions::repository as subscriptions;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderSettings {
    /// How long an order can be paid.
    pub open_for: Duration,
    /// When a provider is asked again about what it did not answer: after nobody can be asking any more, by whichever clock.
    pub look_again: Duration,
    /// What is done about subscriptions that cannot be renewed.
    pub patience: Patience,
}

impl Default for OrderSettings {
    fn default() -> Self {
        Self {
            open_for: Duration::from_secs(1800),
            look_again: Duration::from_secs(90),
            patience: Patience::default(),
        }
    }
}

/// Changes orders.
#[derive(Clone)]
pub struct OrderCommands {
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) providers: Providers,
    pub(super) settings: OrderSettings,
}

/// What becomes of an order that is still open when everything is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Somebody may pay it yet.
    GoOn,
    /// The provider will not collect for it any more.
    End,
}

/// What an order is to be.
pub struct NewOrder {
    pub id: String,
    pub user_id: String,
    pub product_id: String,
    pub currency: String,
    pub return_url: Option<String>,
}

impl OrderCommands {
    pub fn new(database: Database, clock: Clock, providers: Providers, settings: OrderSettings) -> Self {
        Self { database, clock, providers, settings }
    }

    /// Orders a product; the same again finds the order that is there. With the order comes where to pay it, as long
    /// as it can be paid.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such product or the user was erased, [`Error::Invalid`] when it has no
    /// price in this currency, [`Error::AlreadyExists`] when the id stands for another order.
    pub async fn create(&self, new: NewOrder) -> Result<(Order, Option<Checkout>), Error> {
        let item = self.item(&new.product_id, &new.currency).await?;
        let order = self.insert(&new, item).await?;
        if !order.is_open() {
            return Ok((order, None));
        }
        let provider = self.providers.get(order.provider)?;
        let checkout = provider.open(&Charge::from(&order), new.return_url.as_deref()).await?;
        let order = match &checkout.payment_key {
            Some(key) if order.payment_key.is_none() => {
                let payment = Payment { key: Some(key.clone()), ..Payment::unknown() };
                self.take_over(&order.id, &payment, Then::GoOn).await?
            }
            _ => order,
        };
        Ok((order, Some(checkout)))
    }

    /// What the product is, and costs, now.
    async fn item(&self, product_id: &str, currency: &str) -> Result<Item, Error> {
        let product = ProductQueries::new(self.database.clone()).by_id(product_id).await?;
        if product.retired_at.is_some() {
            return Err(Error::NotFound("product"));
        }
        let Some(amount) = product.offer.prices.get(currency).copied() else {
            return Err(Error::invalid("currency", "must be one that the product has a price in"));
        };
        Ok(Item {
            product_id: product.id,
            version: product.version,
            kind: product.kind,
            name: product.offer.name,
            tokens: product.offer.tokens,
            price: Money { currency: currency.to_owned(), amount },
        })
    }

    async fn insert(&self, new: &NewOrder, item: Item) -> Result<Order, Error> {
        let now = self.clock.now();
        let transaction = self.database.begin().await?;
        // Their news may not have come yet.
        customer_commands::keep(&transaction, &new.user_id, now).await?;
        let customer = transaction.customer_for_change(&UserHash::of(&new.user_id)).await?;
        let customer = customer.filter(|customer| customer.user_id().is_some());
        let customer = customer.ok_or(Error::NotFound("customer"))?;
        let order =
            Order::new(new.id.clone(), customer.id, item, self.providers.first, now, self.settings.open_for);
        if transaction.insert_order(&order).await? {
            let is_pass = order.item.kind == ProductKind::MonthlyPass;
            if is_pass && subscriptions::has_live(&*transaction, &order.customer_id).await? {
                return Err(Error::FailedPrecondition("there is a pass already".to_owned()));
            }
            transaction.commit().await?;
            return Ok(order);
        }
        let known = transaction.order_for_change(&order.id).await?;
        let is_same = |known: &Order| {
            known.customer_id == order.customer_id
                && known.item.product_id == order.item.product_id
                && known.item.price.currency == order.item.price.currency
        };
        known.filter(is_same).ok_or(Error::AlreadyExists("an order with this id"))
    }

    /// Collects what the payer has agreed to.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is somebody else's; [`Error::FailedPrecondition`] when it cannot be paid any
    /// more, or the payer has not agreed; [`Error::ThirdParty`] when the provider does not answer: then the order is
    /// seen to without being asked again.
    pub async fn confirm(
        &self,
        caller: &Caller,
        id: &str,
        payment_key: Option<String>,
    ) -> Result<Order, Error> {
        let (order, _) = check_owner(self.database.read(), caller, id).await?;
        let now = self.clock.now();
        if order.is_renewal() {
            let is_due = order.look_at.is_some_and(|look_at| look_at <= now);
            let later = now.plus(self.settings.look_again);
            // Otherwise somebody is at it, or has been.
            let is_ours = is_due && repository::claim(self.database.write(), &order, later).await?;
            return if is_ours { self.charge(&order).await } else { Ok(order) };
        }
        let transaction = self.database.begin().await?;
        let mut order = transaction.order_for_change(id).await?.ok_or(Error::NotFound("order"))?;
        let before = order.clone();
        order.collect(now, now.plus(self.settings.look_again)).map_err(refused)?;
        if order != before {
            transaction.save_order(&order, before.state).await?;
            transaction.commit().await?;
        }
        if !order.is_open() {
            return Ok(order);
        }
        let mut charge = Charge::from(&order);
        charge.payment_key = payment_key.or(charge.payment_key);
        let payment = self.providers.get(order.provider)?.collect(&charge).await?;
        self.take_over(id, &payment, Then::GoOn).await
    }

    /// Ends an order before it is paid; nothing happens when it has ended without payment.
    ///
    /// # Errors
    /// As [`Self::confirm`]; [`Error::FailedPrecondition`] once it is paid.
    pub async fn cancel(&self, caller: &Caller, id: &str) -> Result<Order, Error> {
        let (order, _) = check_owner(self.database.read(), caller, id).await?;
        let order = if order.is_open() { self.end(&order).await? } else { order };
        match order.state {
            OrderState::Canceled | OrderState::Expired | OrderState::Failed => Ok(order),
            state => Err(refused(Refusal::State(state))),
        }
    }

    /// Lets the provider collect no more, and ends the order unless it was paid.
    pub(super) async fn end(&self, order: &Order) -> Result<Order, Error> {
        let payment = self.providers.get(order.provider)?.cancel(&Charge::from(order)).await?;
        self.take_over(&order.id, &payment, Then::End).await
    }

    /// Charges the payer of a subscription for another month; ends the order when nothing can be collected that way.
    ///
    /// # Errors
    /// [`Error::ThirdParty`] when the provider does not answer.
    pub(super) async fn charge(&self, order: &Order) -> Result<Order, Error> {
        let id = order.subscription_id.as_deref().unwrap_or_default();
        let subscription = subscriptions::find(self.database.read(), id).await?;
        let Some(billing_key) = subscription.and_then(|subscription| subscription.billing_key) else {
            return self.end(order).await;
        };
        let provider = self.providers.get(order.provider)?;
        match provider.charge(&Charge::from(order), &billing_key).await {
            Ok(payment) => self.take_over(&order.id, &payment, Then::GoOn).await,
            Err(error) if is_refused(&error) => {
                tracing::warn!(order_id = order.id, %error, "a subscription cannot be charged");
                self.end(order).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a notice of a provider, and asks it how the order stands.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the provider did not send it, [`Error::Invalid`] when it cannot be read,
    /// [`Error::ThirdParty`] when the provider does not answer, [`Error::ResourceExhausted`] when it is one of too many
    /// that nobody signed.
    pub async fn notice(
        &self,
        provider: PaymentProvider,
        headers: &HashMap<String, String>,
        body: &[u8],
    ) -> Result<(), Error> {
        let known = self.providers.get(provider).map_err(|_| Error::NotFound("provider"))?;
        let notice = known.read_notice(headers, body, self.clock.now()).map_err(|refusal| match refusal {
            NoticeRefusal::Body => Error::invalid("body", refusal.to_string()),
            _ => Error::Unauthenticated { reason: "NOTICE_REFUSED", message: refusal.to_string() },
        })?;
        let Some(notice) = notice else { return Ok(()) };
        let order = repository::told(self.database.read(), provider, &notice).await?;
        let Some(order) = order.filter(|order| order.provider == provider) else {
            // The account at the provider may serve others as well.
            tracing::info!("a notice of an order that is not known here");
            return Ok(());
        };
        let _place = self.providers.heed(known)?;
        let mut charge = Charge::from(&order);
        charge.payment_key = charge.payment_key.or(notice.payment_key);
        let payment = known.look(&charge).await?;
        self.take_over(&order.id, &payment, Then::GoOn).await.map(drop)
    }

    /// Asks the provider how an order stands.
    pub(super) async fn look(&self, order: &Order) -> Result<Order, Error> {
        let payment = self.providers.get(order.provider)?.look(&Charge::from(order)).await?;
        self.take_over(&order.id, &payment, Then::GoOn).await
    }

    /// Takes over what a provider says.
    pub(super) async fn take_over(&self, id: &str, payment: &Payment, then: Then) -> Result<Order, Error> {
        let transaction = self.database.begin().await?;
        let order = self.take_over_in(&transaction, id, payment, then).await?;
        transaction.commit().await?;
        Ok(order)
    }
}

/// What cannot be done to an order as it is.
pub(super) fn refused(refusal: Refusal) -> Error {
    Error::FailedPrecondition(refusal.to_string())
}

/// Whether a provider has said no, for good.
pub(super) fn is_refused(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Refused(_))
}
