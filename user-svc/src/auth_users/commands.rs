//! Changing auth users and their refresh tokens.

use std::time::Duration;

use shared::Error;
use shared::database::Database;
use shared::error::{REFRESH_TOKEN_EXPIRED, REFRESH_TOKEN_NOT_FOUND};
use shared::proto::events::v1::AuthChannelConnected;
use shared::time::{Clock, Timestamp};

use super::domain::{
    AuthEvent, AuthUser, Authority, LinkedElsewhere, ProviderAccount, RefreshToken, RefreshTokenRefusal,
    TokenHash, judge,
};
use super::repository::AuthUsers;

/// How long an expired refresh token is remembered, so that its holder is told that it expired.
const MEMORY_OF_EXPIRED: Duration = Duration::from_secs(30 * 86_400);

/// Changes auth users.
pub struct AuthUserCommands {
    database: Database,
    clock: Clock,
}

impl AuthUserCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// The time by which changes are judged.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Links a guest to an account.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user, [`Error::AlreadyExists`] when the account is another user's
    /// or the user has another account.
    pub async fn connect(&self, user_id: &str, account: ProviderAccount) -> Result<AuthUser, Error> {
        let transaction = self.database.begin().await?;
        let mut user = for_change(&transaction, user_id).await?;
        let Some(event) = user.connect(account, self.clock.now())? else { return Ok(user) };
        transaction.save_auth_user(&user).await?;
        match event {
            AuthEvent::ChannelConnected { user_id, provider } => {
                let auth_channel = provider.label().as_str_name().to_owned();
                transaction.publish(&AuthChannelConnected { user_id, auth_channel }).await?;
            }
        }
        transaction.commit().await?;
        Ok(user)
    }

    /// Gives a user an authority.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user.
    pub async fn set_authority(&self, user_id: &str, authority: Authority) -> Result<AuthUser, Error> {
        let transaction = self.database.begin().await?;
        let mut user = for_change(&transaction, user_id).await?;
        if user.set_authority(authority, self.clock.now()) {
            transaction.save_auth_user(&user).await?;
            transaction.commit().await?;
        }
        Ok(user)
    }

    /// Keeps the hash of a refresh token; nothing happens when the user holds it already.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user, [`Error::AlreadyExists`] when the token is another user's.
    pub async fn save_refresh_token(
        &self,
        user_id: &str,
        token: &str,
        expires_at: Timestamp,
    ) -> Result<(), Error> {
        let transaction = self.database.begin().await?;
        for_change(&transaction, user_id).await?;
        match transaction.refresh_token(&TokenHash::of(token)).await? {
            Some(known) if known.user_id == user_id => Ok(()),
            Some(_) => Err(Error::AlreadyExists("refresh token")),
            None => {
                add(&transaction, &RefreshToken::new(token, user_id, expires_at), self.clock.now()).await?;
                transaction.commit().await
            }
        }
    }

    /// Replaces one refresh token by another. Of two calls with the same old token the second one waits for the
    /// first, and then finds no such token.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user, [`Error::Unauthenticated`] with the reason when the old token
    /// is no good, [`Error::AlreadyExists`] when the new one is known.
    pub async fn rotate_refresh_token(
        &self,
        user_id: &str,
        old_token: &str,
        new_token: &str,
        new_expires_at: Timestamp,
    ) -> Result<AuthUser, Error> {
        let transaction = self.database.begin().await?;
        let user = for_change(&transaction, user_id).await?;
        let now = self.clock.now();
        let old = judge(transaction.refresh_token(&TokenHash::of(old_token)).await?, user_id, now)?;
        // The row decides, whatever was read before.
        if !transaction.remove_refresh_token(&old).await? {
            return Err(RefreshTokenRefusal::NotFound.into());
        }
        add(&transaction, &RefreshToken::new(new_token, user_id, new_expires_at), now).await?;
        transaction.commit().await?;
        Ok(user)
    }
}

async fn for_change(users: &impl AuthUsers, user_id: &str) -> Result<AuthUser, Error> {
    users.auth_user_for_change(user_id).await?.ok_or(Error::NotFound("user"))
}

async fn add(users: &(impl AuthUsers + Sync), token: &RefreshToken, now: Timestamp) -> Result<(), Error> {
    users.forget_refresh_tokens(&token.user_id, now.minus(MEMORY_OF_EXPIRED)).await?;
    users.insert_refresh_token(token).await
}

impl From<LinkedElsewhere> for Error {
    fn from(_: LinkedElsewhere) -> Self {
        Self::AlreadyExists("auth channel")
    }
}

impl From<RefreshTokenRefusal> for Error {
    fn from(refusal: RefreshTokenRefusal) -> Self {
        let reason = match refusal {
            RefreshTokenRefusal::NotFound => REFRESH_TOKEN_NOT_FOUND,
            RefreshTokenRefusal::Expired => REFRESH_TOKEN_EXPIRED,
        };
        Self::Unauthenticated { reason, message: refusal.to_string() }
    }
}
