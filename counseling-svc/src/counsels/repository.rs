//! Where counsels and their messages are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use shared::Error;
use shared::database::Transaction;
use shared::labels::stored;
use shared::proto::v1::{CounselMessageReaction, RiskKind};

use super::domain::{Author, Counsel, Lease, Message, Reaction, Turn};
use super::entity::{counsel, message};
use super::risk::{self, risk_of_row};
use crate::assistant::Usage;

/// What commands need of the place where counsels are kept.
pub trait Counsels {
    /// A counsel that nobody else changes, nor its messages, until the end of the transaction.
    fn counsel_for_change(&self, id: &str) -> impl Future<Output = Result<Option<Counsel>, Error>> + Send;

    /// Adds a counsel; false when its id is taken.
    fn insert_counsel(&self, counsel: &Counsel) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Keeps a changed counsel.
    fn save_counsel(&self, counsel: &Counsel) -> impl Future<Output = Result<(), Error>> + Send;

    /// A message by its id.
    fn message(&self, id: &str) -> impl Future<Output = Result<Option<Message>, Error>> + Send;

    /// The message that a reservation pays for.
    fn message_of_reservation(
        &self,
        reservation_id: &str,
    ) -> impl Future<Output = Result<Option<Message>, Error>> + Send;

    /// The reply to a message.
    fn reply_to(&self, message_id: &str) -> impl Future<Output = Result<Option<Message>, Error>> + Send;

    /// Adds a message; false when its reservation pays for another one already.
    fn insert_message(&self, message: &Message) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Keeps a changed message.
    fn save_message(&self, message: &Message) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Counsels for Transaction {
    async fn counsel_for_change(&self, id: &str) -> Result<Option<Counsel>, Error> {
        let found = counsel::Entity::find_by_id(id).filter(counsel::Column::DeletedAt.is_null());
        Ok(found.lock_exclusive().one(&**self).await?.map(Counsel::from))
    }

    async fn insert_counsel(&self, counsel: &Counsel) -> Result<bool, Error> {
        let taken = OnConflict::column(counsel::Column::Id).do_nothing().to_owned();
        let insert = counsel::Entity::insert(counsel_row(counsel)).on_conflict(taken);
        Ok(insert.exec_without_returning(&**self).await? == 1)
    }

    async fn save_counsel(&self, counsel: &Counsel) -> Result<(), Error> {
        counsel::Entity::update(counsel_row(counsel)).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn message(&self, id: &str) -> Result<Option<Message>, Error> {
        message::Entity::find_by_id(id).one(&**self).await?.map(Message::try_from).transpose()
    }

    async fn message_of_reservation(&self, reservation_id: &str) -> Result<Option<Message>, Error> {
        let paid = message::Entity::find().filter(message::Column::ReservationId.eq(reservation_id));
        paid.one(&**self).await?.map(Message::try_from).transpose()
    }

    async fn reply_to(&self, message_id: &str) -> Result<Option<Message>, Error> {
        let reply = message::Entity::find().filter(message::Column::ReplyToMessageId.eq(message_id));
        reply.one(&**self).await?.map(Message::try_from).transpose()
    }

    async fn insert_message(&self, message: &Message) -> Result<bool, Error> {
        let taken = OnConflict::column(message::Column::ReservationId).do_nothing().to_owned();
        let insert = message::Entity::insert(message_row(message)).on_conflict(taken);
        Ok(insert.exec_without_returning(&**self).await? == 1)
    }

    async fn save_message(&self, message: &Message) -> Result<(), Error> {
        message::Entity::update(message_row(message)).exec_without_returning(&**self).await?;
        Ok(())
    }
}

impl From<counsel::Model> for Counsel {
    fn from(row: counsel::Model) -> Self {
        let turn = match (row.answering_message_id, row.answering_until) {
            (Some(message_id), Some(until)) => Turn::Counselor(Lease { message_id, until }),
            _ => Turn::User,
        };
        Self {
            id: row.id,
            counselor_id: row.counselor_id,
            user_id: row.user_id,
            prompt_version_id: row.prompt_version_id,
            technique_id: row.counsel_technique_id,
            technique_message_count: row.technique_message_count,
            relationship_id: row.counselor_user_relationship_id,
            last_message: row.last_message,
            last_chatted_at: row.last_chatted_at,
            turn,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

fn counsel_row(counsel: &Counsel) -> counsel::ActiveModel {
    let (message_id, until) = match &counsel.turn {
        Turn::User => (None, None),
        Turn::Counselor(lease) => (Some(lease.message_id.clone()), Some(lease.until)),
    };
    counsel::ActiveModel {
        id: Set(counsel.id.clone()),
        counselor_id: Set(counsel.counselor_id.clone()),
        user_id: Set(counsel.user_id.clone()),
        prompt_version_id: Set(counsel.prompt_version_id.clone()),
        counsel_technique_id: Set(counsel.technique_id.clone()),
        technique_message_count: Set(counsel.technique_message_count),
        counselor_user_relationship_id: Set(counsel.relationship_id.clone()),
        last_message: Set(counsel.last_message.clone()),
        last_chatted_at: Set(counsel.last_chatted_at),
        answering_message_id: Set(message_id),
        answering_until: Set(until),
        created_at: Set(counsel.created_at),
        updated_at: Set(counsel.updated_at),
        deleted_at: Set(None),
    }
}

impl TryFrom<message::Model> for Message {
    type Error = Error;

    fn try_from(row: message::Model) -> Result<Self, Error> {
        let kind =
            row.reaction.map(|name| stored(&name, CounselMessageReaction::from_str_name)).transpose()?;
        let author = if row.is_user_message {
            Author::User { reservation_id: row.reservation_id }
        } else {
            Author::Counselor { reply_to: row.reply_to_message_id }
        };
        let risk = match (row.risk_kind, row.risk_severity) {
            (Some(kind), Some(severity)) => risk_of_row(stored(&kind, RiskKind::from_str_name)?, severity)?,
            _ => None,
        };
        let tokens = |count: Option<i64>| u32::try_from(count.unwrap_or_default()).unwrap_or(u32::MAX);
        let usage =
            Usage { input_tokens: tokens(row.input_tokens), output_tokens: tokens(row.output_tokens) };
        Ok(Self {
            id: row.id,
            counsel_id: row.counsel_id,
            text: row.message,
            author,
            technique_id: row.counsel_technique_id,
            reaction: kind.zip(row.reacted_at).map(|(kind, at)| Reaction { kind, at }),
            risk,
            usage,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Nothing where no model was asked.
fn tokens(count: u32) -> Option<i64> {
    (count > 0).then_some(count.into())
}

fn message_row(message: &Message) -> message::ActiveModel {
    let (is_user_message, reservation_id, reply_to) = match &message.author {
        Author::User { reservation_id } => (true, reservation_id.clone(), None),
        Author::Counselor { reply_to } => (false, None, reply_to.clone()),
    };
    message::ActiveModel {
        id: Set(message.id.clone()),
        counsel_id: Set(message.counsel_id.clone()),
        message: Set(message.text.clone()),
        is_user_message: Set(is_user_message),
        counsel_technique_id: Set(message.technique_id.clone()),
        reservation_id: Set(reservation_id),
        reply_to_message_id: Set(reply_to),
        reaction: Set(message.reaction.map(|reaction| reaction.kind.as_str_name().to_owned())),
        reacted_at: Set(message.reaction.map(|reaction| reaction.at)),
        risk_kind: Set(message.risk.map(|risk| risk::label(risk.kind).as_str_name().to_owned())),
        risk_severity: Set(message.risk.map(|risk| risk.severity.into())),
        input_tokens: Set(tokens(message.usage.input_tokens)),
        output_tokens: Set(tokens(message.usage.output_tokens)),
        created_at: Set(message.created_at),
        updated_at: Set(message.updated_at),
        deleted_at: Set(None),
    }
}
