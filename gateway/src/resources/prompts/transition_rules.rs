//! Transition rules: which technique follows another, in a version.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::conditions::{TransitionConditions, TransitionConditionsInput};
use crate::App;
use crate::dto::{self, IsSuccess, Times, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::idempotency::{Operation, id_for};
use crate::input::{Body, IdempotencyKey, Ids, PageQuery, Params, PathIds, check_ids};
use crate::session::Session;
use crate::upstream::promised;

/// A rule that leads from one technique to another of the same tone. Of the rules that match a counsel, the one with
/// the highest priority wins.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselTechniqueTransitionRule {
    id: String,
    prompt_version_id: String,
    from_counsel_technique_id: String,
    to_counsel_technique_id: String,
    priority: i32,
    #[serde(flatten)]
    conditions: TransitionConditions,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::CounselTechniqueTransitionRule> for CounselTechniqueTransitionRule {
    type Error = ApiError;

    fn try_from(rule: v1::CounselTechniqueTransitionRule) -> Result<Self, ApiError> {
        Ok(Self {
            id: rule.id,
            prompt_version_id: rule.prompt_version_id,
            from_counsel_technique_id: rule.from_counsel_technique_id,
            to_counsel_technique_id: rule.to_counsel_technique_id,
            priority: rule.priority,
            conditions: promised(rule.conditions, "conditions")?.try_into()?,
            times: Times::new(rule.created_at, rule.updated_at, rule.deleted_at)?,
        })
    }
}

/// One rule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransitionRuleData {
    counsel_technique_transition_rule: CounselTechniqueTransitionRule,
}

impl TransitionRuleData {
    fn answer(rule: Option<v1::CounselTechniqueTransitionRule>) -> Answer<Self> {
        let rule = promised(rule, "counsel_technique_transition_rule")?.try_into()?;
        Ok(Success::ok(Self { counsel_technique_transition_rule: rule }))
    }
}

/// Rules.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransitionRules {
    counsel_technique_transition_rules: Vec<CounselTechniqueTransitionRule>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The path of a rule.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct TransitionRuleId {
    #[serde(rename = "transition-rule-id")]
    transition_rule_id: String,
}

impl PathIds for TransitionRuleId {}

/// Which rules.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct TransitionRulesQuery {
    #[param(format = Uuid)]
    prompt_version_id: String,
    #[param(format = Uuid)]
    from_counsel_technique_id: Option<String>,
    #[param(format = Uuid)]
    to_counsel_technique_id: Option<String>,
}

/// The rules of a version.
#[utoipa::path(
    get,
    path = "/counsel-techniques/transition-rules",
    tag = "prompts",
    params(TransitionRulesQuery, PageQuery),
    responses((status = 200, body = Envelope<TransitionRules>), Errors)
)]
pub async fn list_transition_rules(
    State(app): State<Arc<App>>,
    session: Session,
    Params(query): Params<TransitionRulesQuery>,
    page: PageQuery,
) -> Answer<TransitionRules> {
    check_ids([
        ("promptVersionId", Some(&query.prompt_version_id)),
        ("fromCounselTechniqueId", query.from_counsel_technique_id.as_ref()),
        ("toCounselTechniqueId", query.to_counsel_technique_id.as_ref()),
    ])?;
    let request = v1::ListCounselTechniqueTransitionRulesRequest {
        prompt_version_id: query.prompt_version_id,
        from_counsel_technique_id: query.from_counsel_technique_id,
        to_counsel_technique_id: query.to_counsel_technique_id,
        page: page.request(),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().list_counsel_technique_transition_rules(request).await?.into_inner();
    Ok(Success::ok(TransitionRules {
        counsel_technique_transition_rules: dto::all(answer.counsel_technique_transition_rules)?,
        next_cursor: next_cursor(answer.next_cursor),
    }))
}

/// One rule.
#[utoipa::path(
    get,
    path = "/counsel-techniques/transition-rules/{transition-rule-id}",
    tag = "prompts",
    params(TransitionRuleId),
    responses((status = 200, body = Envelope<TransitionRuleData>), Errors)
)]
pub async fn get_transition_rule(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(TransitionRuleId { transition_rule_id }): Ids<TransitionRuleId>,
) -> Answer<TransitionRuleData> {
    let request = v1::GetCounselTechniqueTransitionRuleRequest {
        counsel_technique_transition_rule_id: transition_rule_id,
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().get_counsel_technique_transition_rule(request).await?.into_inner();
    TransitionRuleData::answer(answer.counsel_technique_transition_rule)
}

/// A new rule.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateTransitionRule {
    /// The draft.
    #[schema(format = Uuid)]
    prompt_version_id: String,
    #[schema(format = Uuid)]
    from_counsel_technique_id: String,
    /// Of the same tone as the other.
    #[schema(format = Uuid)]
    to_counsel_technique_id: String,
    priority: i32,
    #[serde(flatten)]
    conditions: TransitionConditionsInput,
}

/// Adds a rule to the draft. A repeat with the same `Idempotency-Key` returns the same rule.
#[utoipa::path(
    post,
    path = "/counsel-techniques/transition-rules",
    tag = "prompts",
    params(IdempotencyKey),
    request_body = CreateTransitionRule,
    responses((status = 200, body = Envelope<TransitionRuleData>), Errors)
)]
pub async fn create_transition_rule(
    State(app): State<Arc<App>>,
    session: Session,
    key: IdempotencyKey,
    Body(body): Body<CreateTransitionRule>,
) -> Answer<TransitionRuleData> {
    let rule_id = id_for(&app.upstream, &session, &key, Operation::CreateTransitionRule, &body).await?;
    let (conditions, _) = body.conditions.read();
    let request = v1::CreateCounselTechniqueTransitionRuleRequest {
        counsel_technique_transition_rule_id: rule_id,
        prompt_version_id: body.prompt_version_id,
        from_counsel_technique_id: body.from_counsel_technique_id,
        to_counsel_technique_id: body.to_counsel_technique_id,
        priority: body.priority,
        conditions: Some(conditions),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().create_counsel_technique_transition_rule(request).await?.into_inner();
    TransitionRuleData::answer(answer.counsel_technique_transition_rule)
}

/// What changes; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateTransitionRule {
    /// The version that the rule is in, and stays in.
    #[schema(format = Uuid)]
    prompt_version_id: Option<String>,
    #[schema(format = Uuid)]
    from_counsel_technique_id: Option<String>,
    #[schema(format = Uuid)]
    to_counsel_technique_id: Option<String>,
    priority: Option<i32>,
    #[serde(flatten)]
    conditions: TransitionConditionsInput,
}

/// Changes a rule of the draft.
#[utoipa::path(
    put,
    path = "/counsel-techniques/transition-rules/{transition-rule-id}",
    tag = "prompts",
    params(TransitionRuleId),
    request_body = UpdateTransitionRule,
    responses((status = 200, body = Envelope<TransitionRuleData>), Errors)
)]
pub async fn update_transition_rule(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(TransitionRuleId { transition_rule_id }): Ids<TransitionRuleId>,
    Body(body): Body<UpdateTransitionRule>,
) -> Answer<TransitionRuleData> {
    let (conditions, mask) = body.conditions.read();
    let request = v1::UpdateCounselTechniqueTransitionRuleRequest {
        counsel_technique_transition_rule_id: transition_rule_id,
        prompt_version_id: body.prompt_version_id,
        from_counsel_technique_id: body.from_counsel_technique_id,
        to_counsel_technique_id: body.to_counsel_technique_id,
        priority: body.priority,
        conditions: Some(conditions),
        conditions_mask: Some(mask),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.prompts().update_counsel_technique_transition_rule(request).await?.into_inner();
    TransitionRuleData::answer(answer.counsel_technique_transition_rule)
}

/// Deletes a rule of the draft; a repeat changes nothing.
#[utoipa::path(
    delete,
    path = "/counsel-techniques/transition-rules/{transition-rule-id}",
    tag = "prompts",
    params(TransitionRuleId),
    responses((status = 200, body = Envelope<IsSuccess>), Errors)
)]
pub async fn delete_transition_rule(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(TransitionRuleId { transition_rule_id }): Ids<TransitionRuleId>,
) -> Answer<IsSuccess> {
    let request = v1::DeleteCounselTechniqueTransitionRuleRequest {
        counsel_technique_transition_rule_id: transition_rule_id,
    };
    let request = app.upstream.request(session.caller(), request);
    app.upstream.prompts().delete_counsel_technique_transition_rule(request).await?;
    Ok(Success::ok(IsSuccess::yes()))
}
