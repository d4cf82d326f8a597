//! Reading counsels and messages.

use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};
use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::time::Timestamp;

use super::domain::{Counsel, Lease, Message};
use super::entity::{counsel, message};

/// Reads counsels and messages.
#[derive(Clone)]
pub struct CounselQueries {
    database: Database,
}

impl CounselQueries {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The counsels of a user, with one counselor or with all, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of_user(&self, user_id: &str, counselor_id: Option<&str>) -> Result<Vec<Counsel>, Error> {
        let mut counsels = counsel::Entity::find()
            .filter(counsel::Column::UserId.eq(user_id))
            .filter(counsel::Column::DeletedAt.is_null());
        if let Some(counselor_id) = counselor_id {
            counsels = counsels.filter(counsel::Column::CounselorId.eq(counselor_id));
        }
        let counsels = counsels.order_by_desc(counsel::Column::CreatedAt).order_by_desc(counsel::Column::Id);
        Ok(counsels.all(self.database.read()).await?.into_iter().map(Counsel::from).collect())
    }

    /// A counsel that the caller may see.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is somebody else's or with another counselor.
    pub async fn get(&self, caller: &Caller, counselor_id: &str, id: &str) -> Result<Counsel, Error> {
        let counsel = self.by_id(id).await?.ok_or(Error::NotFound("counsel"))?;
        check_access(&counsel, caller, counselor_id)?;
        Ok(counsel)
    }

    /// A counsel, whosoever it is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn by_id(&self, id: &str) -> Result<Option<Counsel>, Error> {
        let found = counsel::Entity::find_by_id(id).filter(counsel::Column::DeletedAt.is_null());
        Ok(found.one(self.database.read()).await?.map(Counsel::from))
    }

    /// What was said in a counsel, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn messages(&self, counsel_id: &str) -> Result<Vec<Message>, Error> {
        let said = message::Entity::find()
            .filter(message::Column::CounselId.eq(counsel_id))
            .order_by_asc(message::Column::CreatedAt)
            .order_by_asc(message::Column::Id);
        said.all(self.database.read()).await?.into_iter().map(Message::try_from).collect()
    }

    /// Turns that should have ended by `now`, each with its counsel's id; at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn interrupted(&self, now: Timestamp, limit: u64) -> Result<Vec<(String, Lease)>, Error> {
        let overdue = counsel::Entity::find()
            .select_only()
            .columns([
                counsel::Column::Id,
                counsel::Column::AnsweringMessageId,
                counsel::Column::AnsweringUntil,
            ])
            .filter(counsel::Column::AnsweringUntil.lte(now))
            .filter(counsel::Column::DeletedAt.is_null())
            .order_by_asc(counsel::Column::AnsweringUntil)
            .limit(limit);
        let rows: Vec<(String, String, Timestamp)> = overdue.into_tuple().all(self.database.read()).await?;
        Ok(rows.into_iter().map(|(id, message_id, until)| (id, Lease { message_id, until })).collect())
    }
}

/// Lets the owner and admins pass, if the path names the right counselor.
///
/// # Errors
/// [`Error::NotFound`] for everybody else.
pub fn check_access(counsel: &Counsel, caller: &Caller, counselor_id: &str) -> Result<(), Error> {
    caller.require_owner(&counsel.user_id, "counsel")?;
    if counsel.counselor_id == counselor_id { Ok(()) } else { Err(Error::NotFound("counsel")) }
}
