//! Where sessions and refresh tokens are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};
use shared::Error;
use shared::database::Transaction;
use shared::error::unless_unique;
use shared::time::Timestamp;

use super::domain::{RefreshToken, Session, TokenHash};
use super::entity::{refresh_token, session};

/// The most sessions that are listed.
const MOST: u64 = 100;

/// What commands need of the place where sessions are kept. Whoever changes one has locked its user.
pub trait SessionStore {
    /// A session, whosoever it is.
    fn session(&self, id: &str) -> impl Future<Output = Result<Option<Session>, Error>> + Send;

    /// The user's open sessions.
    fn open_sessions(
        &self,
        user_id: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Session>, Error>> + Send;

    /// Adds a session.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when there is one with this id.
    fn insert_session(&self, session: &Session) -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps a changed session.
    fn save_session(&self, session: &Session) -> impl Future<Output = Result<(), Error>> + Send;

    /// The refresh token with this hash, whosoever it is.
    fn refresh_token(
        &self,
        hash: &TokenHash,
    ) -> impl Future<Output = Result<Option<RefreshToken>, Error>> + Send;

    /// Adds a refresh token.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when there is one with this hash.
    fn insert_refresh_token(&self, token: &RefreshToken) -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps a changed refresh token.
    fn save_refresh_token(&self, token: &RefreshToken) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes the refresh tokens of a session.
    fn remove_refresh_tokens(&self, session_id: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes everything of the user.
    fn erase_sessions(&self, user_id: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes what of the user expired before `before`.
    fn forget_sessions(
        &self,
        user_id: &str,
        before: Timestamp,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

impl SessionStore for Transaction {
    async fn session(&self, id: &str) -> Result<Option<Session>, Error> {
        Ok(session::Entity::find_by_id(id).one(&**self).await?.map(Session::from))
    }

    async fn open_sessions(&self, user_id: &str, now: Timestamp) -> Result<Vec<Session>, Error> {
        find_open(&**self, user_id, now, None).await
    }

    async fn insert_session(&self, session: &Session) -> Result<(), Error> {
        let inserted = session::Entity::insert(row_of(session)).exec_without_returning(&**self).await;
        inserted.map(drop).map_err(unless_unique("session"))
    }

    async fn save_session(&self, session: &Session) -> Result<(), Error> {
        session::Entity::update(row_of(session)).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn refresh_token(&self, hash: &TokenHash) -> Result<Option<RefreshToken>, Error> {
        find_refresh_token(&**self, hash).await
    }

    async fn insert_refresh_token(&self, token: &RefreshToken) -> Result<(), Error> {
        let inserted =
            refresh_token::Entity::insert(row_of_token(token)).exec_without_returning(&**self).await;
        inserted.map(drop).map_err(unless_unique("refresh token"))
    }

    async fn save_refresh_token(&self, token: &RefreshToken) -> Result<(), Error> {
        refresh_token::Entity::update(row_of_token(token)).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn remove_refresh_tokens(&self, session_id: &str) -> Result<(), Error> {
        let of_session = refresh_token::Column::SessionId.eq(session_id);
        refresh_token::Entity::delete_many().filter(of_session).exec(&**self).await?;
        Ok(())
    }

    async fn erase_sessions(&self, user_id: &str) -> Result<(), Error> {
        let tokens = refresh_token::Entity::delete_many();
        tokens.filter(refresh_token::Column::UserId.eq(user_id)).exec(&**self).await?;
        let sessions = session::Entity::delete_many();
        sessions.filter(session::Column::UserId.eq(user_id)).exec(&**self).await?;
        Ok(())
    }

    async fn forget_sessions(&self, user_id: &str, before: Timestamp) -> Result<(), Error> {
        refresh_token::Entity::delete_many()
            .filter(refresh_token::Column::UserId.eq(user_id))
            .filter(refresh_token::Column::ExpiresAt.lt(before))
            .exec(&**self)
            .await?;
        session::Entity::delete_many()
            .filter(session::Column::UserId.eq(user_id))
            .filter(session::Column::ExpiresAt.lt(before))
            .exec(&**self)
            .await?;
        Ok(())
    }
}

/// The user's open sessions, the last used first.
///
/// # Errors
/// When the database does not answer.
pub async fn list_open(
    connection: &impl ConnectionTrait,
    user_id: &str,
    now: Timestamp,
) -> Result<Vec<Session>, Error> {
    find_open(connection, user_id, now, Some(MOST)).await
}

async fn find_open(
    connection: &impl ConnectionTrait,
    user_id: &str,
    now: Timestamp,
    most: Option<u64>,
) -> Result<Vec<Session>, Error> {
    let rows = session::Entity::find()
        .filter(session::Column::UserId.eq(user_id))
        .filter(session::Column::RevokedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now))
        .order_by_desc(session::Column::LastUsedAt)
        .order_by_desc(session::Column::Id)
        .limit(most)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// The refresh token with this hash.
///
/// # Errors
/// When the database does not answer.
pub async fn find_refresh_token(
    connection: &impl ConnectionTrait,
    hash: &TokenHash,
) -> Result<Option<RefreshToken>, Error> {
    let Some(row) = refresh_token::Entity::find_by_id(hash.as_str()).one(connection).await? else {
        return Ok(None);
    };
    let session_id =
        row.session_id.ok_or_else(|| Error::internal("a refresh token belongs to no session"))?;
    Ok(Some(RefreshToken {
        hash: TokenHash::stored(row.hash),
        session_id,
        user_id: row.user_id,
        expires_at: row.expires_at,
        rotated_at: row.rotated_at,
    }))
}

impl From<session::Model> for Session {
    fn from(row: session::Model) -> Self {
        let session::Model { id, user_id, device, created_at, last_used_at, expires_at, revoked_at } = row;
        Self { id, user_id, device, created_at, last_used_at, expires_at, revoked_at }
    }
}

fn row_of(session: &Session) -> session::ActiveModel {
    session::ActiveModel {
        id: Set(session.id.clone()),
        user_id: Set(session.user_id.clone()),
        device: Set(session.device.clone()),
        created_at: Set(session.created_at),
        last_used_at: Set(session.last_used_at),
        expires_at: Set(session.expires_at),
        revoked_at: Set(session.revoked_at),
    }
}

fn row_of_token(token: &RefreshToken) -> refresh_token::ActiveModel {
    refresh_token::ActiveModel {
        hash: Set(token.hash.as_str().to_owned()),
        user_id: Set(token.user_id.clone()),
        expires_at: Set(token.expires_at),
        session_id: Set(Some(token.session_id.clone())),
        rotated_at: Set(token.rotated_at),
    }
}
