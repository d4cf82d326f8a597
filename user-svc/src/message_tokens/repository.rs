//! Where message tokens, reservations and credits are kept.

use std::time::Duration;

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{Condition, QuerySelect, Select};
use shared::Error;
use shared::database::Transaction;
use shared::proto::v1;
use shared::time::Timestamp;

use super::domain::{
    KEEP_EXPIRED, KEEP_FINISHED, MessageTokens, Reservation, ReservationState, Source, Window,
};
use super::entity::{ActiveModel, Entity, Model, credit, reservation};
use shared::labels::stored;

const ALLOWANCE: &str = "ALLOWANCE";
const PURCHASED: &str = "PURCHASED";
const UNLIMITED: &str = "UNLIMITED";

/// Bought tokens that an order has credited.
pub struct Credit {
    pub order_id: String,
    pub user_id: String,
    pub amount: i32,
    /// How many of them refunds were to take back.
    pub revoked: i32,
    pub credited_at: Timestamp,
}

/// What commands need of the place where tokens are kept.
pub trait TokenStore {
    /// The user's tokens, which nobody else changes, nor the user's reservations, until the end of the transaction.
    fn message_tokens_for_change(
        &self,
        user_id: &str,
    ) -> impl Future<Output = Result<Option<MessageTokens>, Error>> + Send;

    /// Adds the tokens of a new user.
    fn insert_message_tokens(&self, tokens: &MessageTokens)
    -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps changed tokens.
    fn save_message_tokens(&self, tokens: &MessageTokens) -> impl Future<Output = Result<(), Error>> + Send;

    /// The reservation with this id, whosoever it is; it stays as it is until the end of the transaction.
    fn reservation(&self, id: &str) -> impl Future<Output = Result<Option<Reservation>, Error>> + Send;

    /// The user's reservations that hold a token longer than they may.
    fn overdue_reservations(
        &self,
        user_id: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Reservation>, Error>> + Send;

    /// Adds a reservation.
    ///
    /// # Errors
    /// [`Error::NotFound`] when another user has just taken its id.
    fn insert_reservation(&self, reservation: &Reservation)
    -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps a changed reservation.
    fn save_reservation(&self, reservation: &Reservation) -> impl Future<Output = Result<(), Error>> + Send;

    /// Notes a credit; false when its order has been credited before.
    fn insert_credit(&self, credit: Credit) -> impl Future<Output = Result<bool, Error>> + Send;

    /// The credit of an order of this user, whose tokens are locked.
    fn credit(
        &self,
        order_id: &str,
        user_id: &str,
    ) -> impl Future<Output = Result<Option<Credit>, Error>> + Send;

    /// Keeps a changed credit.
    fn save_credit(&self, credit: Credit) -> impl Future<Output = Result<(), Error>> + Send;
}

impl TokenStore for Transaction {
    async fn message_tokens_for_change(&self, user_id: &str) -> Result<Option<MessageTokens>, Error> {
        let row = Entity::find_by_id(user_id).lock_exclusive().one(&**self).await?;
        row.map(MessageTokens::try_from).transpose()
    }

    async fn insert_message_tokens(&self, tokens: &MessageTokens) -> Result<(), Error> {
        Entity::insert(row_of(tokens)?).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn save_message_tokens(&self, tokens: &MessageTokens) -> Result<(), Error> {
        Entity::update(row_of(tokens)?).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn reservation(&self, id: &str) -> Result<Option<Reservation>, Error> {
        // Locked against pruning, which does not wait for the user's tokens.
        let row = reservation::Entity::find_by_id(id).lock_exclusive().one(&**self).await?;
        row.map(Reservation::try_from).transpose()
    }

    async fn overdue_reservations(&self, user_id: &str, now: Timestamp) -> Result<Vec<Reservation>, Error> {
        let held = of_state(user_id, v1::ReservationState::Held);
        let overdue = held.filter(reservation::Column::ExpiresAt.lte(now)).all(&**self).await?;
        overdue.into_iter().map(Reservation::try_from).collect()
    }

    async fn insert_reservation(&self, reservation: &Reservation) -> Result<(), Error> {
        let taken = OnConflict::column(reservation::Column::Id).do_nothing().to_owned();
        let insert = reservation::Entity::insert(reservation_row_of(reservation)).on_conflict(taken);
        match insert.exec_without_returning(&**self).await? {
            0 => Err(Error::NotFound("reservation")),
            _ => Ok(()),
        }
    }

    async fn save_reservation(&self, reservation: &Reservation) -> Result<(), Error> {
        let update = reservation::Entity::update(reservation_row_of(reservation));
        update.exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn insert_credit(&self, credit: Credit) -> Result<bool, Error> {
        let known = OnConflict::column(credit::Column::OrderId).do_nothing().to_owned();
        let insert = credit::Entity::insert(credit_row_of(credit)).on_conflict(known);
        Ok(insert.exec_without_returning(&**self).await? == 1)
    }

    async fn credit(&self, order_id: &str, user_id: &str) -> Result<Option<Credit>, Error> {
        let credit = credit::Entity::find_by_id(order_id).filter(credit::Column::UserId.eq(user_id));
        Ok(credit.one(&**self).await?.map(Credit::from))
    }

    async fn save_credit(&self, credit: Credit) -> Result<(), Error> {
        credit::Entity::update(credit_row_of(credit)).exec_without_returning(&**self).await?;
        Ok(())
    }
}

/// The user's tokens as they are now.
///
/// # Errors
/// When the database does not answer.
pub async fn find(connection: &impl ConnectionTrait, user_id: &str) -> Result<Option<MessageTokens>, Error> {
    Entity::find_by_id(user_id).one(connection).await?.map(MessageTokens::try_from).transpose()
}

/// The user's reservations that hold a token.
///
/// # Errors
/// When the database does not answer.
pub async fn find_held(connection: &impl ConnectionTrait, user_id: &str) -> Result<Vec<Reservation>, Error> {
    let held = of_state(user_id, v1::ReservationState::Held).all(connection).await?;
    held.into_iter().map(Reservation::try_from).collect()
}

/// Up to `limit` users with overdue reservations.
///
/// # Errors
/// When the database does not answer.
pub async fn users_with_overdue(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<String>, Error> {
    let users = reservation::Entity::find()
        .select_only()
        .column(reservation::Column::UserId)
        .distinct()
        .filter(reservation::Column::State.eq(v1::ReservationState::Held.as_str_name()))
        .filter(reservation::Column::ExpiresAt.lte(now))
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(users)
}

/// Up to `limit` reservations that nobody will ask for any more.
///
/// # Errors
/// When the database does not answer.
pub async fn forgettable(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<String>, Error> {
    let ids = reservation::Entity::find()
        .select_only()
        .column(reservation::Column::Id)
        .filter(is_forgettable(now))
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(ids)
}

/// Removes those of these reservations that nobody has taken up again meanwhile.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(
    connection: &impl ConnectionTrait,
    ids: Vec<String>,
    now: Timestamp,
) -> Result<(), Error> {
    let unused = reservation::Entity::delete_many().filter(reservation::Column::Id.is_in(ids));
    unused.filter(is_forgettable(now)).exec(connection).await?;
    Ok(())
}

fn is_forgettable(now: Timestamp) -> Condition {
    let older = |states: &[v1::ReservationState], than: Duration| {
        Condition::all()
            .add(reservation::Column::State.is_in(states.iter().map(v1::ReservationState::as_str_name)))
            .add(reservation::Column::ExpiresAt.lte(now.minus(than)))
    };
    Condition::any()
        .add(older(&[v1::ReservationState::Settled, v1::ReservationState::Released], KEEP_FINISHED))
        .add(older(&[v1::ReservationState::Expired], KEEP_EXPIRED))
}

fn of_state(user_id: &str, state: v1::ReservationState) -> Select<reservation::Entity> {
    reservation::Entity::find()
        .filter(reservation::Column::UserId.eq(user_id))
        .filter(reservation::Column::State.eq(state.as_str_name()))
}

impl TryFrom<Model> for MessageTokens {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let used = u32::try_from(row.used).map_err(Error::internal)?;
        let window = row.window_began_at.map(|began_at| Window { began_at, used });
        let purchased = u32::try_from(row.purchased).map_err(Error::internal)?;
        Ok(Self::restore(row.user_id, window, purchased))
    }
}

fn row_of(tokens: &MessageTokens) -> Result<ActiveModel, Error> {
    let window = tokens.window();
    let used = window.map_or(0, |window| window.used);
    Ok(ActiveModel {
        user_id: Set(tokens.user_id().to_owned()),
        window_began_at: Set(window.map(|window| window.began_at)),
        used: Set(i32::try_from(used).map_err(Error::internal)?),
        purchased: Set(i32::try_from(tokens.purchased()).map_err(Error::internal)?),
    })
}

impl TryFrom<reservation::Model> for Reservation {
    type Error = Error;

    fn try_from(row: reservation::Model) -> Result<Self, Error> {
        let source = match (row.source.as_deref(), row.source_window) {
            (None, None) => None,
            (Some(ALLOWANCE), Some(window)) => Some(Source::Allowance { window }),
            (Some(PURCHASED), None) => Some(Source::Purchased),
            (Some(UNLIMITED), None) => Some(Source::Unlimited),
            _ => return Err(Error::internal("a reservation's row holds an impossible source")),
        };
        let state = match (stored(&row.state, v1::ReservationState::from_str_name)?, source) {
            (v1::ReservationState::Held, Some(source)) => ReservationState::Held(source),
            (v1::ReservationState::Settled, source) => ReservationState::Settled(source),
            (v1::ReservationState::Released, None) => ReservationState::Released,
            (v1::ReservationState::Expired, None) => ReservationState::Expired,
            _ => return Err(Error::internal("a reservation's row holds an impossible state")),
        };
        Ok(Self { id: row.id, user_id: row.user_id, state, expires_at: row.expires_at })
    }
}

fn reservation_row_of(reservation: &Reservation) -> reservation::ActiveModel {
    let (source, source_window) = match reservation.state.source() {
        None => (None, None),
        Some(Source::Allowance { window }) => (Some(ALLOWANCE.to_owned()), Some(window)),
        Some(Source::Purchased) => (Some(PURCHASED.to_owned()), None),
        Some(Source::Unlimited) => (Some(UNLIMITED.to_owned()), None),
    };
    reservation::ActiveModel {
        id: Set(reservation.id.clone()),
        user_id: Set(reservation.user_id.clone()),
        state: Set(reservation.state.label().as_str_name().to_owned()),
        source: Set(source),
        source_window: Set(source_window),
        expires_at: Set(reservation.expires_at),
    }
}

impl From<credit::Model> for Credit {
    fn from(row: credit::Model) -> Self {
        let credit::Model { order_id, user_id, amount, revoked, credited_at } = row;
        Self { order_id, user_id, amount, revoked, credited_at }
    }
}

fn credit_row_of(credit: Credit) -> credit::ActiveModel {
    credit::ActiveModel {
        order_id: Set(credit.order_id),
        user_id: Set(credit.user_id),
        amount: Set(credit.amount),
        revoked: Set(credit.revoked),
        credited_at: Set(credit.credited_at),
    }
}
