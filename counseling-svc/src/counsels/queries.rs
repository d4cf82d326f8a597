//! Reading counsels and messages.

use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};
use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::page::{Listed, Page};
use shared::time::Timestamp;

use super::domain::{Counsel, Lease, Message};
use super::entity::{counsel, message};

/// Which end of a counsel a list of its messages begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    OldestFirst,
    NewestFirst,
}

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
    pub async fn of_user(
        &self,
        user_id: &str,
        counselor_id: Option<&str>,
        page: Page<(i64, String)>,
    ) -> Result<Listed<Counsel>, Error> {
        let mut counsels = counsel::Entity::find()
            .filter(counsel::Column::UserId.eq(user_id))
            .filter(counsel::Column::DeletedAt.is_null());
        if let Some(counselor_id) = counselor_id {
            counsels = counsels.filter(counsel::Column::CounselorId.eq(counselor_id));
        }
        if let Some((at, _)) = page.after {
            counsels = counsels.filter(counsel::Column::CreatedAt.lte(at));
        }
        let mut counsels = counsels.cursor_by((counsel::Column::CreatedAt, counsel::Column::Id));
        let rows = page.seek(counsels.desc()).all(self.database.read()).await?;
        let rows: Vec<_> = rows.into_iter().map(Counsel::from).collect();
        page.cut(rows, |counsel| (counsel.created_at.as_micros(), counsel.id.clone()))
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

    /// A counsel of the caller's own; of anybody's for admins.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when it is somebody else's.
    pub async fn own(&self, caller: &Caller, id: &str) -> Result<Counsel, Error> {
        let counsel = self.by_id(id).await?.ok_or(Error::NotFound("counsel"))?;
        caller.require_owner(&counsel.user_id, "counsel")?;
        Ok(counsel)
    }

    /// What was said in a counsel.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn messages(
        &self,
        counsel_id: &str,
        direction: Direction,
        page: Page<(i64, String)>,
    ) -> Result<Listed<Message>, Error> {
        let mut said = message::Entity::find().filter(message::Column::CounselId.eq(counsel_id));
        if let Some((at, _)) = page.after {
            let at = Timestamp::from_micros(at);
            said = match direction {
                Direction::OldestFirst => said_since(said, at),
                Direction::NewestFirst => said_until(said, at),
            };
        }
        let mut said = said.cursor_by((message::Column::CreatedAt, message::Column::Id));
        match direction {
            Direction::OldestFirst => said.asc(),
            Direction::NewestFirst => said.desc(),
        };
        let rows = page.seek(&mut said).all(self.database.read()).await?;
        let rows: Vec<_> = rows.into_iter().map(Message::try_from).collect::<Result<_, _>>()?;
        page.cut(rows, |message| (message.created_at.as_micros(), message.id.clone()))
    }

    /// The latest messages of a counsel before one of them, or all when it is absent; those after `since` alone, and
    /// at most `limit`. Oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn latest(
        &self,
        counsel_id: &str,
        before: Option<&Message>,
        since: Option<(Timestamp, String)>,
        limit: u64,
    ) -> Result<Vec<Message>, Error> {
        let mut said = message::Entity::find().filter(message::Column::CounselId.eq(counsel_id));
        if let Some((at, _)) = since {
            said = said_since(said, at);
        }
        if let Some(before) = before {
            said = said_until(said, before.created_at);
        }
        let mut said = said.cursor_by((message::Column::CreatedAt, message::Column::Id));
        if let Some(before) = before {
            said.before((before.created_at, before.id.clone()));
        }
        if let Some(since) = since {
            said.after(since);
        }
        let rows = said.last(limit).all(self.database.read()).await?;
        rows.into_iter().map(Message::try_from).collect()
    }

    /// The words that a counsel was opened with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn first_words(&self, counsel_id: &str) -> Result<Vec<Message>, Error> {
        let first = message::Entity::find()
            .filter(message::Column::CounselId.eq(counsel_id))
            .filter(message::Column::ReservationId.is_null())
            .filter(message::Column::ReplyToMessageId.is_null())
            .order_by_asc(message::Column::CreatedAt)
            .order_by_asc(message::Column::Id);
        first.all(self.database.read()).await?.into_iter().map(Message::try_from).collect()
    }

    /// Some messages of a counsel, in the order in which they were said.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn messages_by_id(&self, counsel_id: &str, ids: Vec<String>) -> Result<Vec<Message>, Error> {
        let some = message::Entity::find()
            .filter(message::Column::Id.is_in(ids))
            .filter(message::Column::CounselId.eq(counsel_id))
            .order_by_asc(message::Column::CreatedAt)
            .order_by_asc(message::Column::Id);
        some.all(self.database.read()).await?.into_iter().map(Message::try_from).collect()
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

/// The condition of a cursor is one that no database looks up in an index: it would read a counsel from its end to the
/// cursor. This one, which holds for the same messages, it does look up.
fn said_since(said: Select<message::Entity>, at: Timestamp) -> Select<message::Entity> {
    said.filter(message::Column::CreatedAt.gte(at))
}

/// As [`said_since`], from the other end.
fn said_until(said: Select<message::Entity>, at: Timestamp) -> Select<message::Entity> {
    said.filter(message::Column::CreatedAt.lte(at))
}

/// Lets the owner and admins pass, if the path names the right counselor.
///
/// # Errors
/// [`Error::NotFound`] for everybody else.
pub fn check_access(counsel: &Counsel, caller: &Caller, counselor_id: &str) -> Result<(), Error> {
    caller.require_owner(&counsel.user_id, "counsel")?;
    if counsel.counselor_id == counselor_id { Ok(()) } else { Err(Error::NotFound("counsel")) }
}
