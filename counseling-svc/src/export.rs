//! What is held of a user here.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use shared::database::Database;
use shared::grpc::{Section, rows};

use crate::contexts::entity::{context, summary};
use crate::counsels::entity::{counsel, message};
use crate::erasure::repository::counsels_of;
use crate::relationships::entity as relationship;

/// Every section, of one user.
pub fn sections(database: &Database, user_id: &str) -> Vec<Section> {
    let relationships = relationship::Entity::find().filter(relationship::Column::UserId.eq(user_id));
    let relationships = rows(database, relationships, relationship::Column::Id, |relationship| {
        json!({
            "id": relationship.id,
            "counselorId": relationship.counselor_id,
            "rapport": relationship.rapport,
            "createdAt": relationship.created_at.to_rfc3339(),
            "updatedAt": relationship.updated_at.to_rfc3339(),
        })
    });
    let counsels = counsel::Entity::find().filter(counsel::Column::UserId.eq(user_id));
    let counsels = rows(database, counsels, counsel::Column::Id, |counsel| {
        json!({
            "id": counsel.id,
            "counselorId": counsel.counselor_id,
            "counselTechniqueId": counsel.counsel_technique_id,
            "lastChatedAt": counsel.last_chatted_at.map(|at| at.to_rfc3339()),
            "createdAt": counsel.created_at.to_rfc3339(),
            "deletedAt": counsel.deleted_at.map(|at| at.to_rfc3339()),
        })
    });
    let messages = message::Column::CounselId.in_subquery(counsels_of(user_id));
    let messages = rows(database, message::Entity::find().filter(messages), message::Column::Id, |message| {
        json!({
            "id": message.id,
            "counselId": message.counsel_id,
            "message": message.message,
            "isUserMessage": message.is_user_message,
            "reaction": message.reaction,
            "reactedAt": message.reacted_at.map(|at| at.to_rfc3339()),
            "riskKind": message.risk_kind,
            "riskSeverity": message.risk_severity,
            "createdAt": message.created_at.to_rfc3339(),
            "deletedAt": message.deleted_at.map(|at| at.to_rfc3339()),
        })
    });
    let contexts = context::Column::Id.in_subquery(counsels_of(user_id));
    let contexts = rows(database, context::Entity::find().filter(contexts), context::Column::Id, |context| {
        json!({
            "counselId": context.id,
            "impactDomain": context.impact_domain,
            "timeframe": context.timeframe,
            "emotionPrimary": context.emotion_primary,
            "emotionIntensity": context.emotion_intensity,
            "valence": context.valence,
            "arousalLevel": context.arousal_level,
            "perceivedControl": context.perceived_control,
            "motivationStage": context.motivation_stage,
            "selfEfficacy": context.self_efficacy,
            "socialSupportLevel": context.social_support_level,
            "riskKind": context.risk_kind,
            "riskSeverity": context.risk_severity,
            "sleepQuality": context.sleep_quality,
            "physicalSymptomsPresent": context.physical_symptoms_present,
            "cognitiveLoad": context.cognitive_load,
            "allianceStrength": context.alliance_strength,
            "consentToDepth": context.consent_to_depth,
            "updatedAt": context.updated_at.to_rfc3339(),
        })
    });
    let summaries = summary::Column::Id.in_subquery(counsels_of(user_id));
    let summaries =
        rows(database, summary::Entity::find().filter(summaries), summary::Column::Id, |summary| {
            json!({
                "counselId": summary.id,
                "body": summary.body,
                "updatedAt": summary.updated_at.to_rfc3339(),
            })
        });
    vec![
        ("relationships", relationships),
        ("counsels", counsels),
        ("counselMessages", messages),
        ("counselContexts", contexts),
        ("counselSummaries", summaries),
    ]
}
