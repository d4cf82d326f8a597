//! What follows from an answered message, in its own time: what the counsel is about is understood anew, long counsels
//! are put in short, and the technique changes.
//!
//! All of it is driven by `counsels.message.created`, so that a crash between the reply and this loses nothing: the
//! event comes again. The assistant is asked before the transaction; whatever another event has changed meanwhile is
//! seen in it, under the lock of the counsel.

use std::sync::Arc;

use shared::Error;
use shared::database::{Database, Transaction};
use shared::error::Chain;
use shared::messaging::{HandlerError, PreparingHandler, ReceivedEvent};
use shared::proto::events::v1::CounselMessageCreated;
use shared::time::{Clock, Timestamp};

use super::domain::{Author, Counsel, CounselEvent, Message};
use super::events::publish;
use super::queries::CounselQueries;
use super::recent::Recent;
use super::repository::Counsels;
use super::risk::{RiskPolicy, risk_in};
use super::scene::{Stage, utterance};
use crate::assistant::{Analysis, Assistant, AssistantError, Excerpt};
use crate::contexts::domain::{Context, Summary, Understanding};
use crate::contexts::queries::ContextQueries;
use crate::contexts::repository::Contexts;
use crate::prompts::domain::{TransitionRule, next_technique};

/// How many messages are put in short at once.
pub const COMPRESSED: usize = 20;
/// How many of the latest messages always stay as they were said.
pub const VERBATIM: usize = 10;
/// How many messages are read to understand a counsel.
const MOST_READ: u64 = 200;
/// How many of the latest messages tell what a counsel is about now.
const TELLING: usize = 12;
/// With so many deliveries an assistant that cannot be reached is asked; then what was known before has to do.
const ATTEMPTS: i64 = 3;

/// Understands counsels.
pub struct UnderstandCounsels {
    clock: Clock,
    assistant: Arc<dyn Assistant>,
    risks: RiskPolicy,
    queries: CounselQueries,
    contexts: ContextQueries,
    stage: Stage,
    courses: Recent<Arc<Course>>,
}

/// What was made of an event before its transaction.
#[derive(Default)]
pub struct Insight {
    /// What the user's message tells, unless a later one was looked at already.
    analysis: Option<Understanding>,
    /// A summary in the place of the one that ends at this message, or of none.
    compression: Option<(Option<String>, Summary)>,
    /// What decides about the technique that the counsel was in.
    course: Option<Arc<Course>>,
}

/// What leads away from a technique.
struct Course {
    technique_id: String,
    threshold: i32,
    rules: Vec<TransitionRule>,
}

/// What is looked at.
struct Material {
    counsel: Counsel,
    /// The user's message of the event.
    message: Message,
    /// What was said since the summary, up to the reply of the event.
    said: Vec<Message>,
    summary: Option<Summary>,
    known: Option<Understanding>,
    model: shared::proto::v1::AiModel,
}

impl UnderstandCounsels {
    pub fn new(database: &Database, clock: Clock, assistant: Arc<dyn Assistant>, risks: RiskPolicy) -> Self {
        Self {
            clock,
            assistant,
            risks,
            queries: CounselQueries::new(database.clone()),
            contexts: ContextQueries::new(database.clone()),
            stage: Stage::new(database),
            courses: Recent::default(),
        }
    }

    async fn gather(&self, fact: &CounselMessageCreated) -> Result<Option<Material>, Error> {
        let Some(counsel) = self.queries.by_id(&fact.counsel_id).await? else { return Ok(None) };
        let ids = vec![fact.user_message_id.clone(), fact.counselor_message_id.clone()];
        let pair = self.queries.messages_by_id(&counsel.id, ids).await?;
        let is_users = |message: &&Message| matches!(message.author, Author::User { .. });
        let Some(message) = pair.iter().find(is_users).cloned() else { return Ok(None) };
        let summary = self.contexts.summary(&counsel.id).await?;
        let since = summary.as_ref().map(Summary::end);
        let end = pair.last().map(|last| (last.created_at, last.id.clone()));
        let mut said = self.queries.latest(&counsel.id, None, since, MOST_READ).await?;
        said.retain(|message| {
            end.as_ref().is_none_or(|end| (message.created_at, &message.id) <= (end.0, &end.1))
        });
        let known = self.contexts.understanding(&counsel.id).await?;
        let model = self.stage.model(&counsel.prompt_version_id).await?;
        Ok(Some(Material { counsel, message, said, summary, known, model }))
    }

    /// What the user's message tells; nothing when a later one was looked at already.
    async fn analyze(
        &self,
        material: &Material,
        deliveries: i64,
    ) -> Result<Option<Understanding>, HandlerError> {
        let Material { counsel, message, said, summary, known, model } = material;
        if known.as_ref().is_some_and(|known| known.covers(message.created_at, &message.id)) {
            return Ok(None);
        }
        let latest = &said[said.len().saturating_sub(TELLING)..];
        let excerpt = Excerpt {
            model: *model,
            summary: summary.as_ref().map(|summary| summary.text.clone()),
            utterances: latest.iter().map(utterance).collect(),
            known: known.as_ref().map(|known| known.context.clone()).unwrap_or_default(),
        };
        let analysis = self.assistant.analyze(&excerpt).await;
        let analysis = or_as_before(analysis, deliveries, "a counsel is understood as before")?;
        Ok(analysis.map(|Analysis { context, .. }| Understanding {
            counsel_id: counsel.id.clone(),
            context,
            message_id: message.id.clone(),
            message_at: message.created_at,
        }))
    }

    /// A summary of the earlier messages, once there are enough of them.
    async fn compress(
        &self,
        material: &Material,
        deliveries: i64,
    ) -> Result<Option<(Option<String>, Summary)>, HandlerError> {
        let Material { counsel, said, summary, known, model, .. } = material;
        if said.len() < COMPRESSED + VERBATIM {
            return Ok(None);
        }
        // Of a counsel that was long before it was ever compressed, what is read now is all that counts.
        let early = &said[..said.len() - VERBATIM];
        let Some(last) = early.last() else { return Ok(None) };
        let excerpt = Excerpt {
            model: *model,
            summary: summary.as_ref().map(|summary| summary.text.clone()),
            utterances: early.iter().map(utterance).collect(),
            known: known.as_ref().map(|known| known.context.clone()).unwrap_or_default(),
        };
        let shortened = self.assistant.summarize(&excerpt).await;
        let shortened = or_as_before(shortened, deliveries, "a long counsel stays as it was said for now")?;
        let before = summary.as_ref().map(|summary| summary.through_message_id.clone());
        Ok(shortened.map(|shortened| {
            let summary = Summary {
                counsel_id: counsel.id.clone(),
                text: shortened.text,
                through_message_id: last.id.clone(),
                through_message_at: last.created_at,
            };
            (before, summary)
        }))
    }

    async fn course(&self, counsel: &Counsel) -> Result<Arc<Course>, Error> {
        let technique_id = &counsel.technique_id;
        let read = async {
            let technique = self.stage.prompts.technique(technique_id).await?;
            let rules = self.stage.prompts.rules_from(technique_id).await?;
            let threshold = technique.message_threshold;
            Ok(Arc::new(Course { technique_id: technique.id, threshold, rules }))
        };
        self.courses.get(&[technique_id], read).await
    }

    /// Keeps what was understood, and tells of a danger that nobody has been told of.
    async fn keep_understanding(
        &self,
        transaction: &Transaction,
        counsel: &Counsel,
        newer: Understanding,
        now: Timestamp,
    ) -> Result<Context, Error> {
        let known = transaction.understanding(&counsel.id).await?;
        if let Some(known) = &known
            && known.covers(newer.message_at, &newer.message_id)
        {
            return Ok(known.context.clone());
        }
        let seen = risk_in(&newer.context);
        let before = known.map(|known| known.context).unwrap_or_default();
        let understanding = Understanding { context: before.updated(newer.context), ..newer };
        transaction.save_understanding(&understanding, now).await?;
        if let Some(risk) = seen.filter(|risk| self.risks.is_grave(*risk))
            && let Some(mut message) = transaction.message(&understanding.message_id).await?
            && message.note_risk(risk)
        {
            transaction.save_message(&message).await?;
            let detected = CounselEvent::RiskDetected { message_id: message.id, risk };
            publish(transaction, counsel, detected)?;
        }
        Ok(understanding.context)
    }
}

impl PreparingHandler for UnderstandCounsels {
    type Prepared = Insight;

    async fn prepare(&self, event: &ReceivedEvent) -> Result<Insight, HandlerError> {
        let fact: CounselMessageCreated = event.data().map_err(HandlerError::Permanent)?;
        // A counsel that was deleted meanwhile has nothing to be understood.
        let Some(material) = self.gather(&fact).await? else { return Ok(Insight::default()) };
        let analysis = self.analyze(&material, event.deliveries).await?;
        let compression = self.compress(&material, event.deliveries).await?;
        let course = self.course(&material.counsel).await?;
        Ok(Insight { analysis, compression, course: Some(course) })
    }

    async fn handle(
        &self,
        event: &ReceivedEvent,
        insight: Insight,
        transaction: &Transaction,
    ) -> Result<(), HandlerError> {
        let fact: CounselMessageCreated = event.data().map_err(HandlerError::Permanent)?;
        let Some(mut counsel) = transaction.counsel_for_change(&fact.counsel_id).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        let context = match insight.analysis {
            Some(newer) => self.keep_understanding(transaction, &counsel, newer, now).await?,
            None => {
                transaction.understanding(&counsel.id).await?.map(|known| known.context).unwrap_or_default()
            }
        };
        if let Some((before, summary)) = insight.compression {
            let current = transaction.summary(&counsel.id).await?.map(|current| current.through_message_id);
            // Two events may have compressed the same messages.
            if current == before {
                transaction.save_summary(&summary, now).await?;
            }
        }
        let course = insight.course.filter(|course| course.technique_id == counsel.technique_id);
        if let Some(Course { technique_id, threshold, rules }) = course.as_deref() {
            let count = counsel.technique_message_count;
            if let Some(next) = next_technique(rules, technique_id, *threshold, count, &context) {
                counsel.change_technique(next, now);
                transaction.save_counsel(&counsel).await?;
            }
        }
        Ok(())
    }
}

/// What the assistant said; nothing when it cannot, so that what was known before stays. One that cannot be reached is
/// asked again later, but not for ever: what was said meanwhile makes the answer worthless.
fn or_as_before<T>(
    answer: Result<T, AssistantError>,
    deliveries: i64,
    otherwise: &str,
) -> Result<Option<T>, HandlerError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error @ (AssistantError::Unavailable(_) | AssistantError::Timeout)) if deliveries < ATTEMPTS => {
            Err(Error::Unavailable(Box::new(error)).into())
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), deliveries, "{otherwise}");
            Ok(None)
        }
    }
}
