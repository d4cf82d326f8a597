//! What has happened in a counsel, as other services are told.

use shared::Error;
use shared::database::Transaction;
use shared::proto::events::v1;

use super::domain::{Counsel, CounselEvent, Failure};
use crate::assistant::RiskKind;

/// Tells other services what has happened in a counsel.
///
/// # Errors
/// When it cannot be told as JSON.
pub fn publish(transaction: &Transaction, counsel: &Counsel, event: CounselEvent) -> Result<(), Error> {
    let (counsel_id, user_id) = (counsel.id.clone(), counsel.user_id.clone());
    match event {
        CounselEvent::Created { bubble_id } => {
            let created = v1::CounselCreated {
                counsel_id,
                user_id,
                counselor_id: counsel.counselor_id.clone(),
                prompt_version_id: counsel.prompt_version_id.clone(),
                bubble_id,
            };
            transaction.publish(&created)
        }
        CounselEvent::MessageCreated { message_id, reply_id, technique_id, reservation_id, is_fallback } => {
            let created = v1::CounselMessageCreated {
                counsel_id,
                user_id,
                counselor_id: counsel.counselor_id.clone(),
                user_message_id: message_id,
                counselor_message_id: reply_id,
                counsel_technique_id: technique_id,
                reservation_id,
                is_fallback,
            };
            transaction.publish(&created)
        }
        CounselEvent::MessageFailed { message_id, reservation_id, failure } => {
            let failure = match failure {
                Failure::Assistant => v1::CounselMessageFailure::Assistant,
                Failure::Interrupted => v1::CounselMessageFailure::Interrupted,
            };
            let failed = v1::CounselMessageFailed {
                counsel_id,
                user_id,
                user_message_id: message_id,
                reservation_id,
                failure: failure.into(),
            };
            transaction.publish(&failed)
        }
        CounselEvent::MessageReacted { message_id, reaction } => {
            let reacted = v1::CounselMessageReacted {
                counsel_id,
                user_id,
                counselor_id: counsel.counselor_id.clone(),
                counselor_message_id: message_id,
                reaction: reaction.as_str_name().to_owned(),
            };
            transaction.publish(&reacted)
        }
        CounselEvent::RiskDetected { message_id, risk } => {
            let kind = match risk.kind {
                RiskKind::SelfHarm => v1::RiskKind::SelfHarm,
                RiskKind::HarmToOthers => v1::RiskKind::HarmToOthers,
                RiskKind::Abuse => v1::RiskKind::Abuse,
            };
            let detected = v1::RiskDetected {
                counsel_id,
                user_id,
                user_message_id: message_id,
                risk_kind: kind.into(),
                risk_severity: risk.severity.into(),
            };
            transaction.publish(&detected)
        }
    }
}
