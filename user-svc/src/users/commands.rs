//! Changing users.

use shared::Error;
use shared::database::{Database, Transaction};
use shared::proto::events::v1::{UserCreated, UserDeleted, UserUpdated};
use shared::time::{Clock, Timestamp};

use super::domain::{Nickname, User, UserChange, UserEvent};
use super::repository::Users;
use crate::auth_users::domain::AuthUser;
use crate::auth_users::repository::AuthUsers;
use crate::message_tokens::domain::MessageTokens;
use crate::message_tokens::repository::TokenStore;
use crate::passes::repository::Passes;
use crate::sessions::repository::SessionStore;
use crate::user_activities::domain::UserTracking;
use crate::user_activities::repository::Activities;

/// How many nicknames are tried before a user is not initialized.
const ATTEMPTS: u32 = 12;

/// Suggests the nickname for the given attempt, counted from 0.
type Suggest = fn(attempt: u32) -> Nickname;

/// Changes users.
pub struct UserCommands {
    database: Database,
    clock: Clock,
    suggest: Suggest,
}

impl UserCommands {
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock, suggest }
    }

    /// The time by which changes are judged.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Creates a guest with everything that a user has from the beginning, or finds who was created with this id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the id was a deleted user's.
    pub async fn initialize(&self, user_id: &str) -> Result<User, Error> {
        for attempt in 0..ATTEMPTS {
            let transaction = self.database.begin().await?;
            if let Some(known) = transaction.user_for_change(user_id).await? {
                return present(Some(known));
            }
            let (user, created) = User::create(user_id, (self.suggest)(attempt), self.clock.now());
            if !transaction.insert_user(&user).await? {
                // Somebody else has the nickname, or has just created the same user.
                continue;
            }
            transaction.insert_auth_user(&AuthUser::guest(user_id, user.created_at)).await?;
            transaction.insert_message_tokens(&MessageTokens::new(user_id)).await?;
            transaction.insert_tracking(&UserTracking::new(user_id)).await?;
            publish(&transaction, created)?;
            transaction.commit().await?;
            return Ok(user);
        }
        Err(Error::internal(format!("none of {ATTEMPTS} nicknames was free")))
    }

    /// Applies `change` to a user.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user, [`Error::AlreadyExists`] when the nickname is in use.
    pub async fn update(&self, user_id: &str, change: UserChange) -> Result<User, Error> {
        let transaction = self.database.begin().await?;
        let mut user = present(transaction.user_for_change(user_id).await?)?;
        if let Some(updated) = user.update(change, self.clock.now()) {
            transaction.save_user(&user).await?;
            publish(&transaction, updated)?;
            transaction.commit().await?;
        }
        Ok(user)
    }

    /// Erases a user, and what hangs on them here: the ids of the sessions that were open. Nothing happens when that was
    /// done before.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there never was such a user.
    pub async fn erase(&self, user_id: &str) -> Result<Vec<String>, Error> {
        let transaction = self.database.begin().await?;
        let user = transaction.user_for_change(user_id).await?;
        let mut user = user.ok_or(Error::NotFound("user"))?;
        let now = self.clock.now();
        let Some(deleted) = user.erase(now) else { return Ok(Vec::new()) };
        if let Some(mut auth_user) = transaction.auth_user_for_change(user_id).await? {
            auth_user.erase(now);
            transaction.save_auth_user(&auth_user).await?;
        }
        let sessions = transaction.open_sessions(user_id, now).await?;
        transaction.erase_sessions(user_id).await?;
        transaction.erase_activities(user_id).await?;
        transaction.erase_passes(user_id).await?;
        transaction.save_user(&user).await?;
        publish(&transaction, deleted)?;
        transaction.commit().await?;
        Ok(sessions.into_iter().map(|session| session.id).collect())
    }
}

fn present(user: Option<User>) -> Result<User, Error> {
    user.filter(|user| user.deleted_at.is_none()).ok_or(Error::NotFound("user"))
}

/// Short numbers first; longer ones when the short ones are taken.
fn suggest(attempt: u32) -> Nickname {
    Nickname::friendly(rand::random(), (4 + attempt / 4).min(6))
}

fn publish(transaction: &Transaction, event: UserEvent) -> Result<(), Error> {
    match event {
        UserEvent::Created { user_id } => transaction.publish(&UserCreated { user_id }),
        UserEvent::Updated { user_id, changed_fields } => {
            let changed_fields = changed_fields.into_iter().map(str::to_owned).collect();
            transaction.publish(&UserUpdated { user_id, changed_fields })
        }
        UserEvent::Deleted { user_id } => transaction.publish(&UserDeleted { user_id }),
    }
}

#[cfg(test)]
mod tests {
    use shared::id::new_id;
    use shared::testkit::TestDatabase;

    use super::*;
    use crate::migration::Migrator;

    fn nickname(text: &str) -> Nickname {
        Nickname::parse(text).unwrap()
    }

    shared::on_each_engine! {
        async fn a_nickname_in_use_is_not_given_again(engine: Engine) {
            let file = TestDatabase::new(engine).await;
            let database = file.migrated::<Migrator>().await;
            let suggest: Suggest = |attempt| nickname(if attempt < 3 { "다정한수달1234" } else { "다정한수달99999" });
            let commands = UserCommands { database, clock: Clock::system(), suggest };
            let first = commands.initialize(&new_id()).await.unwrap();
            let second = commands.initialize(&new_id()).await.unwrap();
            assert_eq!(first.nickname.as_str(), "다정한수달1234");
            assert_eq!(second.nickname.as_str(), "다정한수달99999");
        }

        async fn a_user_for_whom_no_nickname_is_free_is_not_initialized(engine: Engine) {
            let file = TestDatabase::new(engine).await;
            let database = file.migrated::<Migrator>().await;
            let suggest: Suggest = |_| nickname("다정한수달1234");
            let commands = UserCommands { database, clock: Clock::system(), suggest };
            commands.initialize(&new_id()).await.unwrap();
            let refused = commands.initialize(&new_id()).await.unwrap_err();
            assert!(refused.to_string().contains("none of 12 nicknames was free"), "{refused}");
        }
    }
}
