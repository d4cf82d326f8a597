//! Where relationships are kept.

use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use shared::Error;
use shared::database::Transaction;

use super::domain::{Growth, Relationship, Source};
use super::entity::{ActiveModel, Column, Entity, Model};

/// What commands need of the place where relationships are kept.
pub trait Relationships {
    /// The relationship of the two in `new`, which nobody else changes until the end of the transaction; `new` is
    /// added when they have just met.
    fn relationship_for_change(
        &self,
        new: Relationship,
    ) -> impl Future<Output = Result<Relationship, Error>> + Send;

    /// Keeps a changed relationship.
    fn save_relationship(
        &self,
        relationship: &Relationship,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Relationships for Transaction {
    async fn relationship_for_change(&self, new: Relationship) -> Result<Relationship, Error> {
        let known = || {
            let of_both = Entity::find()
                .filter(Column::UserId.eq(&new.user_id))
                .filter(Column::CounselorId.eq(&new.counselor_id));
            of_both.lock_exclusive().one(&**self)
        };
        // The two have nearly always met before.
        if let Some(row) = known().await? {
            return Ok(row.into());
        }
        let met = OnConflict::columns([Column::UserId, Column::CounselorId]).do_nothing().to_owned();
        Entity::insert(row_of(&new)).on_conflict(met).exec_without_returning(&**self).await?;
        known()
            .await?
            .map(Into::into)
            .ok_or_else(|| Error::internal("a relationship that was just added is not there"))
    }

    async fn save_relationship(&self, relationship: &Relationship) -> Result<(), Error> {
        Entity::update(row_of(relationship)).exec_without_returning(&**self).await?;
        Ok(())
    }
}

impl From<Model> for Relationship {
    fn from(row: Model) -> Self {
        Self {
            growth: growth_of(&row),
            id: row.id,
            counselor_id: row.counselor_id,
            user_id: row.user_id,
            rapport: row.rapport,
            growth_day: row.growth_day,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

fn row_of(relationship: &Relationship) -> ActiveModel {
    ActiveModel {
        id: Set(relationship.id.clone()),
        counselor_id: Set(relationship.counselor_id.clone()),
        user_id: Set(relationship.user_id.clone()),
        rapport: Set(relationship.rapport),
        growth_day: Set(relationship.growth_day),
        growth_of_day: Set(relationship.growth.values().sum()),
        growth_by_source: Set(written(&relationship.growth)),
        created_at: Set(relationship.created_at),
        updated_at: Set(relationship.updated_at),
        deleted_at: Set(None),
    }
}

/// `<source>=<growth>`, separated by commas.
fn written(growth: &Growth) -> String {
    let entries: Vec<_> =
        growth.iter().map(|(source, growth)| format!("{}={growth}", source.name())).collect();
    entries.join(",")
}

/// What a row says of its day. A row of the time when messages were the only source names no source.
fn growth_of(row: &Model) -> Growth {
    if row.growth_by_source.is_empty() {
        return Growth::from([(Source::Message, row.growth_of_day)]);
    }
    let entries = row.growth_by_source.split(',').filter_map(|entry| {
        let (name, growth) = entry.split_once('=')?;
        let source = Source::ALL.into_iter().find(|source| source.name() == name)?;
        Some((source, growth.parse().ok()?))
    });
    entries.collect()
}
