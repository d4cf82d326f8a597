//! Changing message tokens. Every change locks the row of the user's tokens first, so that all changes of one user
//! come one after the other.

use shared::Error;
use shared::database::Database;
use shared::error::NO_REMAINING_TOKENS;
use shared::metrics::names;
use shared::proto::events::v1::{OrderPaid, OrderRefunded, TokensRevoked};
use shared::time::{Clock, Timestamp};

use super::domain::{CreditRefusal, MessageTokens, NoTokensLeft, Plan, Reservation};
use super::repository::{Credit, TokenStore, forget, forgettable, users_with_overdue};
use crate::auth_users::repository::AuthUsers;
use crate::passes::repository::Passes;

/// How many users are seen to in one round of expiry.
const BATCH: u64 = 50;
/// How many reservations are removed in one statement, so that nobody waits long for the write lock.
const FORGOTTEN_AT_ONCE: u64 = 200;

/// Changes message tokens.
pub struct TokenCommands {
    database: Database,
    clock: Clock,
}

impl TokenCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// Holds one token of the user for the message of this reservation.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user or the reservation is somebody else's,
    /// [`Error::PermissionDenied`] with the reason `NO_REMAINING_TOKENS` when nothing is left.
    pub async fn reserve(&self, user_id: &str, reservation_id: &str) -> Result<Reservation, Error> {
        let transaction = self.database.begin().await?;
        let mut tokens =
            transaction.message_tokens_for_change(user_id).await?.ok_or(Error::NotFound("user"))?;
        let user = transaction.auth_user(user_id).await?.ok_or(Error::NotFound("user"))?;
        let now = self.clock.now();
        expire_overdue(&transaction, &mut tokens, now).await?;

        let earlier = transaction.reservation(reservation_id).await?;
        if earlier.as_ref().is_some_and(|earlier| earlier.user_id != user_id) {
            return Err(Error::NotFound("reservation"));
        }
        let plan = Plan::of(&user, transaction.allowance_of_passes(user_id, now).await?);
        let reservation = tokens
            .reserve(reservation_id, earlier.clone(), plan, now)
            .inspect_err(|_| asked_for_a_token("refused"))?;
        match earlier {
            Some(earlier) if earlier == reservation => {}
            Some(_) => transaction.save_reservation(&reservation).await?,
            None => transaction.insert_reservation(&reservation).await?,
        }
        transaction.save_message_tokens(&tokens).await?;
        transaction.commit().await?;
        asked_for_a_token("reserved");
        Ok(reservation)
    }

    /// Gives the token of a reservation back, if it holds one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the user has no such reservation.
    pub async fn release(&self, user_id: &str, reservation_id: &str) -> Result<(), Error> {
        let transaction = self.database.begin().await?;
        release(&transaction, user_id, reservation_id).await?;
        transaction.commit().await
    }

    /// Gives back what is overdue, of up to a batch of users, each in a transaction; returns the number of users.
    ///
    /// # Errors
    /// When the database does not answer; those seen to before have got theirs.
    pub async fn expire_batch(&self) -> Result<usize, Error> {
        let users = users_with_overdue(self.database.read(), self.clock.now(), BATCH).await?;
        for user_id in &users {
            let transaction = self.database.begin().await?;
            if let Some(mut tokens) = transaction.message_tokens_for_change(user_id).await? {
                expire_overdue(&transaction, &mut tokens, self.clock.now()).await?;
                transaction.save_message_tokens(&tokens).await?;
                transaction.commit().await?;
            }
        }
        Ok(users.len())
    }

    /// Forgets a batch of reservations whose ids nobody will use any more; returns their number.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_batch(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let ids = forgettable(self.database.read(), now, FORGOTTEN_AT_ONCE).await?;
        let number = ids.len();
        if number > 0 {
            forget(self.database.write(), ids, now).await?;
        }
        Ok(number)
    }
}

/// Counts how a request for a reservation ended.
fn asked_for_a_token(outcome: &'static str) {
    metrics::counter!(names::RESERVATIONS, "outcome" => outcome).increment(1);
}

/// Spends the token of a message that was sent.
///
/// # Errors
/// [`Error::NotFound`] when the user has no such reservation.
pub async fn settle(
    store: &(impl TokenStore + AuthUsers + Passes + Sync),
    user_id: &str,
    reservation_id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let (mut tokens, mut reservation) = for_change(store, user_id, reservation_id).await?;
    // The plan matters to a late charge only; who was deleted in the meantime has no other left.
    let plan = match store.auth_user(user_id).await? {
        Some(user) => Plan::of(&user, store.allowance_of_passes(user_id, now).await?),
        None => Plan::Guest,
    };
    tokens.settle(&mut reservation, plan, now);
    store.save_reservation(&reservation).await?;
    store.save_message_tokens(&tokens).await
}

/// Gives the token of a reservation back, if it holds one.
///
/// # Errors
/// [`Error::NotFound`] when the user has no such reservation.
pub async fn release(
    store: &(impl TokenStore + Sync),
    user_id: &str,
    reservation_id: &str,
) -> Result<(), Error> {
    let (mut tokens, mut reservation) = for_change(store, user_id, reservation_id).await?;
    if tokens.release(&mut reservation) {
        store.save_reservation(&reservation).await?;
        store.save_message_tokens(&tokens).await?;
    }
    Ok(())
}

/// Why an order's tokens were not credited.
#[derive(Debug, thiserror::Error)]
pub enum CreditError {
    #[error(transparent)]
    Refused(#[from] CreditRefusal),
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Credits the tokens that an order buys; false when that has been done before.
///
/// # Errors
/// [`CreditError::Failed`] with [`Error::NotFound`] when there is no such user (yet), [`CreditError::Refused`] when
/// there can never be so many.
pub async fn credit(
    store: &(impl TokenStore + Sync),
    order: &OrderPaid,
    now: Timestamp,
) -> Result<bool, CreditError> {
    let tokens = store.message_tokens_for_change(&order.user_id).await?;
    let mut tokens = tokens.ok_or(Error::NotFound("user"))?;
    tokens.credit(order.tokens)?;
    let credit = Credit {
        order_id: order.order_id.clone(),
        user_id: order.user_id.clone(),
        amount: order.tokens,
        revoked: 0,
        credited_at: now,
    };
    let is_new = store.insert_credit(credit).await?;
    if is_new {
        store.save_message_tokens(&tokens).await?;
    }
    Ok(is_new)
}

/// Takes back the tokens of an order that was refunded, in whole or in part, as far as they are not spent; nothing when
/// that has been done before.
///
/// # Errors
/// [`Error::NotFound`] when the order has not been credited (yet).
pub async fn revoke(
    store: &(impl TokenStore + Sync),
    order: OrderRefunded,
) -> Result<Option<TokensRevoked>, Error> {
    let OrderRefunded { order_id, user_id, tokens_revoked, .. } = order;
    // Nothing was credited, or nobody is there any more whom it could be taken from.
    if tokens_revoked == 0 || user_id.is_empty() {
        return Ok(None);
    }
    let tokens = store.message_tokens_for_change(&user_id).await?;
    let mut tokens = tokens.ok_or(Error::NotFound("user"))?;
    let credit = store.credit(&order_id, &user_id).await?;
    let mut credit = credit.ok_or(Error::NotFound("credit of the order"))?;
    // Told of all the refunds of the order together, so that none counts twice and one that is missed is made up for.
    let revoked = tokens_revoked.min(credit.amount);
    let more = u32::try_from(revoked - credit.revoked).unwrap_or(0);
    if more == 0 {
        return Ok(None);
    }
    let taken = tokens.revoke(more);
    credit.revoked = revoked;
    store.save_credit(credit).await?;
    store.save_message_tokens(&tokens).await?;
    let count = |tokens: u32| i32::try_from(tokens).map_err(Error::internal);
    let (amount, spent) = (count(taken)?, count(more - taken)?);
    Ok(Some(TokensRevoked { user_id, order_id, amount, spent }))
}

async fn for_change(
    store: &(impl TokenStore + Sync),
    user_id: &str,
    reservation_id: &str,
) -> Result<(MessageTokens, Reservation), Error> {
    let tokens = store.message_tokens_for_change(user_id).await?;
    let reservation = store.reservation(reservation_id).await?;
    match (tokens, reservation) {
        (Some(tokens), Some(reservation)) if reservation.user_id == user_id => Ok((tokens, reservation)),
        _ => Err(Error::NotFound("reservation")),
    }
}

async fn expire_overdue(
    store: &(impl TokenStore + Sync),
    tokens: &mut MessageTokens,
    now: Timestamp,
) -> Result<(), Error> {
    for mut reservation in store.overdue_reservations(tokens.user_id(), now).await? {
        if tokens.expire(&mut reservation, now) {
            store.save_reservation(&reservation).await?;
        }
    }
    Ok(())
}

impl From<NoTokensLeft> for Error {
    fn from(refusal: NoTokensLeft) -> Self {
        Self::PermissionDenied { reason: NO_REMAINING_TOKENS, message: refusal.to_string() }
    }
}
