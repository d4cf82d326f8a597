//! Changing sessions. Every change locks the auth user first, so that all changes of one user come one after the other.

use std::time::Duration;

use shared::Error;
use shared::database::{Database, Transaction};
use shared::error::{REFRESH_TOKEN_EXPIRED, REFRESH_TOKEN_NOT_FOUND, REFRESH_TOKEN_REUSED};
use shared::time::{Clock, SKEW, Timestamp};

use super::domain::{Refusal, Session, TokenHash};
use super::repository::SessionStore;
use crate::auth_users::domain::AuthUser;
use crate::auth_users::repository::AuthUsers;

/// How long what has expired is remembered, so that its holder is told that it expired.
const MEMORY_OF_EXPIRED: Duration = Duration::from_secs(30 * 86_400);

/// A session to be opened.
pub struct NewSession {
    pub id: String,
    pub user_id: String,
    pub refresh_token: String,
    pub expires_at: Timestamp,
    pub device: String,
}

/// Changes sessions.
pub struct SessionCommands {
    database: Database,
    clock: Clock,
}

impl SessionCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// The time by which changes are judged.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Opens a session with its first refresh token; nothing happens when that was done before.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user, [`Error::AlreadyExists`] when the token or the id is taken.
    pub async fn open(&self, new: NewSession) -> Result<(), Error> {
        let transaction = self.database.begin().await?;
        locked_user(&transaction, &new.user_id).await?;
        if let Some(known) = transaction.refresh_token(&TokenHash::of(&new.refresh_token)).await? {
            let is_same = known.user_id == new.user_id && known.session_id == new.id;
            return if is_same { Ok(()) } else { Err(Error::AlreadyExists("refresh token")) };
        }
        let now = self.clock.now();
        let session = Session::open(&new.id, &new.user_id, &new.device, new.expires_at, now);
        transaction.forget_sessions(&new.user_id, now.minus(MEMORY_OF_EXPIRED)).await?;
        transaction.insert_session(&session).await?;
        transaction.insert_refresh_token(&session.token(&new.refresh_token)).await?;
        transaction.commit().await
    }

    /// Replaces one refresh token by another. One that was replaced long ago closes its session.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user, [`Error::Unauthenticated`] with the reason when the old token
    /// is no good, [`Error::AlreadyExists`] when the new one is known.
    pub async fn rotate(
        &self,
        user_id: &str,
        old_token: &str,
        new_token: &str,
        new_expires_at: Timestamp,
    ) -> Result<AuthUser, Error> {
        let transaction = self.database.begin().await?;
        let user = locked_user(&transaction, user_id).await?;
        let now = self.clock.now();
        let old = transaction.refresh_token(&TokenHash::of(old_token)).await?;
        let mut old = old.ok_or(Refusal::NotFound)?.held_by(user_id, now)?;
        let session =
            transaction.session(&old.session_id).await?.filter(|session| session.revoked_at.is_none());
        let mut session = session.ok_or(Refusal::NotFound)?;
        if let Err(refusal) = old.rotate(now) {
            close(&transaction, &mut session, now).await?;
            transaction.commit().await?;
            tracing::warn!(
                user_id,
                session_id = session.id,
                "a refresh token came twice: its session is closed"
            );
            return Err(refusal.into());
        }
        transaction.forget_sessions(user_id, now.minus(MEMORY_OF_EXPIRED)).await?;
        session.extend(new_expires_at, now);
        transaction.save_refresh_token(&old).await?;
        transaction.save_session(&session).await?;
        transaction.insert_refresh_token(&session.token(new_token)).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Closes a session of the user's; nothing happens when it is closed already.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the user has none with this id.
    pub async fn close(&self, user_id: &str, session_id: &str) -> Result<(), Error> {
        let transaction = self.database.begin().await?;
        locked_user(&transaction, user_id).await?;
        let session = transaction.session(session_id).await?.filter(|session| session.user_id == user_id);
        let mut session = session.ok_or(Error::NotFound("session"))?;
        close(&transaction, &mut session, self.clock.now()).await?;
        transaction.commit().await
    }

    /// Closes every session of the user's: the ids of those that were open.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub async fn close_all(&self, user_id: &str) -> Result<Vec<String>, Error> {
        let transaction = self.database.begin().await?;
        locked_user(&transaction, user_id).await?;
        let now = self.clock.now();
        let mut closed = Vec::new();
        // One that ends by this clock can still be extended by another.
        for mut session in transaction.open_sessions(user_id, now.minus(SKEW)).await? {
            close(&transaction, &mut session, now).await?;
            closed.push(session.id);
        }
        transaction.commit().await?;
        Ok(closed)
    }
}

async fn close(transaction: &Transaction, session: &mut Session, now: Timestamp) -> Result<(), Error> {
    if session.revoke(now) {
        transaction.save_session(session).await?;
        transaction.remove_refresh_tokens(&session.id).await?;
    }
    Ok(())
}

async fn locked_user(transaction: &Transaction, user_id: &str) -> Result<AuthUser, Error> {
    transaction.auth_user_for_change(user_id).await?.ok_or(Error::NotFound("user"))
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let reason = match refusal {
            Refusal::NotFound => REFRESH_TOKEN_NOT_FOUND,
            Refusal::Expired => REFRESH_TOKEN_EXPIRED,
            Refusal::Reused => REFRESH_TOKEN_REUSED,
        };
        Self::Unauthenticated { reason, message: refusal.to_string() }
    }
}
