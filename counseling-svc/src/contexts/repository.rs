//! Where what is known of counsels is kept.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{Iterable, QuerySelect};
use shared::Error;
use shared::database::Transaction;
use shared::labels::stored;
use shared::time::Timestamp;

use super::domain::{Context, Summary, Understanding};
use super::entity::{context, summary};
use crate::labels::Label;

/// What commands need of the place where contexts and summaries are kept. Whoever changes them has the counsel for
/// change.
pub trait Contexts {
    /// What is known of a counsel.
    fn understanding(
        &self,
        counsel_id: &str,
    ) -> impl Future<Output = Result<Option<Understanding>, Error>> + Send;

    /// Keeps what is known.
    fn save_understanding(
        &self,
        understanding: &Understanding,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// What the earlier parts of a counsel were about.
    fn summary(&self, counsel_id: &str) -> impl Future<Output = Result<Option<Summary>, Error>> + Send;

    /// Keeps a summary in the place of the one before.
    fn save_summary(
        &self,
        summary: &Summary,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Contexts for Transaction {
    async fn understanding(&self, counsel_id: &str) -> Result<Option<Understanding>, Error> {
        let row = context::Entity::find_by_id(counsel_id).lock_exclusive().one(&**self).await?;
        row.map(Understanding::try_from).transpose()
    }

    async fn save_understanding(&self, understanding: &Understanding, now: Timestamp) -> Result<(), Error> {
        let row = context_row(understanding, now);
        let columns = context::Column::iter();
        let kept =
            columns.filter(|column| !matches!(column, context::Column::Id | context::Column::CreatedAt));
        let known = OnConflict::column(context::Column::Id).update_columns(kept).to_owned();
        context::Entity::insert(row).on_conflict(known).exec_without_returning(&**self).await?;
        Ok(())
    }

    async fn summary(&self, counsel_id: &str) -> Result<Option<Summary>, Error> {
        let row = summary::Entity::find_by_id(counsel_id).lock_exclusive().one(&**self).await?;
        Ok(row.map(Summary::from))
    }

    async fn save_summary(&self, summary: &Summary, now: Timestamp) -> Result<(), Error> {
        let row = summary::ActiveModel {
            id: Set(summary.counsel_id.clone()),
            body: Set(summary.text.clone()),
            through_message_id: Set(summary.through_message_id.clone()),
            through_message_at: Set(summary.through_message_at),
            created_at: Set(now),
            updated_at: Set(now),
            deleted_at: Set(None),
        };
        let known = OnConflict::column(summary::Column::Id)
            .update_columns([
                summary::Column::Body,
                summary::Column::ThroughMessageId,
                summary::Column::ThroughMessageAt,
                summary::Column::UpdatedAt,
            ])
            .to_owned();
        summary::Entity::insert(row).on_conflict(known).exec_without_returning(&**self).await?;
        Ok(())
    }
}

impl From<summary::Model> for Summary {
    fn from(row: summary::Model) -> Self {
        Self {
            counsel_id: row.id,
            text: row.body,
            through_message_id: row.through_message_id,
            through_message_at: row.through_message_at,
        }
    }
}

/// Reads the label of a column that may be empty.
macro_rules! label {
    ($row:ident . $column:ident) => {
        $row.$column.as_deref().map(|name| stored(name, Label::named)).transpose()?
    };
}

impl TryFrom<context::Model> for Understanding {
    type Error = Error;

    fn try_from(row: context::Model) -> Result<Self, Error> {
        let context = Context {
            impact_domain: label!(row.impact_domain),
            timeframe: label!(row.timeframe),
            emotion_primary: label!(row.emotion_primary),
            emotion_intensity: row.emotion_intensity,
            valence: label!(row.valence),
            arousal_level: label!(row.arousal_level),
            perceived_control: label!(row.perceived_control),
            motivation_stage: label!(row.motivation_stage),
            self_efficacy: row.self_efficacy,
            social_support_level: label!(row.social_support_level),
            risk_kind: label!(row.risk_kind),
            risk_severity: row.risk_severity,
            sleep_quality: label!(row.sleep_quality),
            physical_symptoms_present: row.physical_symptoms_present,
            cognitive_load: label!(row.cognitive_load),
            alliance_strength: label!(row.alliance_strength),
            consent_to_depth: row.consent_to_depth,
        };
        Ok(Self { counsel_id: row.id, context, message_id: row.message_id, message_at: row.message_at })
    }
}

fn context_row(understanding: &Understanding, now: Timestamp) -> context::ActiveModel {
    let context = &understanding.context;
    macro_rules! name {
        ($field:ident) => {
            Set(context.$field.map(|label| label.name().to_owned()))
        };
    }
    context::ActiveModel {
        id: Set(understanding.counsel_id.clone()),
        impact_domain: name!(impact_domain),
        timeframe: name!(timeframe),
        emotion_primary: name!(emotion_primary),
        emotion_intensity: Set(context.emotion_intensity),
        valence: name!(valence),
        arousal_level: name!(arousal_level),
        perceived_control: name!(perceived_control),
        motivation_stage: name!(motivation_stage),
        self_efficacy: Set(context.self_efficacy),
        social_support_level: name!(social_support_level),
        risk_kind: name!(risk_kind),
        risk_severity: Set(context.risk_severity),
        sleep_quality: name!(sleep_quality),
        physical_symptoms_present: Set(context.physical_symptoms_present),
        cognitive_load: name!(cognitive_load),
        alliance_strength: name!(alliance_strength),
        consent_to_depth: Set(context.consent_to_depth),
        message_id: Set(understanding.message_id.clone()),
        message_at: Set(understanding.message_at),
        created_at: Set(now),
        updated_at: Set(now),
        deleted_at: Set(None),
    }
}
