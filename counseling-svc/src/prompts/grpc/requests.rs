//! From the protocol to the domain; each broken rule is noted.

use shared::id::check_id;
use shared::labels::known;
use shared::page::Page;
use shared::proto::v1::{self, AiModel};
use shared::{Error, Violations};

use super::super::commands::{NewRule, NewTechnique};
use super::super::domain::{
    BODY, CONTEXT, Conditions, DESCRIPTION, NAME, RuleChange, TechniqueChange, TextRule, VersionChange,
    check_temperature, check_threshold, for_each_condition,
};
use super::super::queries::{Rules, Versions};

/// A page of a list that is ordered by time.
type NewestFirst = Page<(i64, String)>;

/// An id that is all there is to check.
pub fn id(field: &'static str, id: String) -> Result<String, Error> {
    let mut violations = Violations::default();
    check_id(field, &id, &mut violations);
    violations.into_result()?;
    Ok(id)
}

fn check_some_id(field: &'static str, id: Option<&String>, violations: &mut Violations) {
    if let Some(id) = id {
        check_id(field, id, violations);
    }
}

fn some_text(
    rule: TextRule,
    field: &'static str,
    text: Option<String>,
    violations: &mut Violations,
) -> Option<String> {
    text.map(|text| rule.read(field, &text, violations))
}

pub fn versions(request: v1::ListPromptVersionsRequest) -> Result<(Versions, NewestFirst), Error> {
    let mut violations = Violations::default();
    let v1::ListPromptVersionsRequest { name, is_bookmarked, page } = request;
    // An empty search finds everything.
    let name = name.filter(|name| !name.trim().is_empty());
    let name = some_text(NAME, "name", name, &mut violations);
    let page = Page::read(page, &mut violations);
    violations.into_result()?;
    Ok((Versions { name, is_bookmarked }, page))
}

pub fn histories(
    request: v1::ListPromptActivateHistoriesRequest,
) -> Result<(Option<String>, NewestFirst), Error> {
    let mut violations = Violations::default();
    check_some_id("prompt_version_id", request.prompt_version_id.as_ref(), &mut violations);
    let page = Page::read(request.page, &mut violations);
    violations.into_result()?;
    Ok((request.prompt_version_id, page))
}

/// A list of something of a version, perhaps of one counselor or tone alone.
pub fn of_version<K: serde::de::DeserializeOwned>(
    version_id: String,
    (field, of): (&'static str, Option<String>),
    page: Option<v1::PageRequest>,
) -> Result<(String, Option<String>, Page<K>), Error> {
    let mut violations = Violations::default();
    check_id("prompt_version_id", &version_id, &mut violations);
    check_some_id(field, of.as_ref(), &mut violations);
    let page = Page::read(page, &mut violations);
    violations.into_result()?;
    Ok((version_id, of, page))
}

pub fn rules(
    request: v1::ListCounselTechniqueTransitionRulesRequest,
) -> Result<(Rules, Page<(String, String)>), Error> {
    let mut violations = Violations::default();
    check_id("prompt_version_id", &request.prompt_version_id, &mut violations);
    let (from, to) = (request.from_counsel_technique_id, request.to_counsel_technique_id);
    check_some_id("from_counsel_technique_id", from.as_ref(), &mut violations);
    check_some_id("to_counsel_technique_id", to.as_ref(), &mut violations);
    let page = Page::read(request.page, &mut violations);
    violations.into_result()?;
    Ok((Rules { prompt_version_id: request.prompt_version_id, from, to }, page))
}

pub fn version_change(request: v1::UpdatePromptVersionRequest) -> Result<(String, VersionChange), Error> {
    let mut violations = Violations::default();
    check_id("prompt_version_id", &request.prompt_version_id, &mut violations);
    let change = VersionChange {
        name: some_text(NAME, "name", request.name, &mut violations),
        description: some_text(DESCRIPTION, "description", request.description, &mut violations),
        is_bookmarked: request.is_bookmarked,
        ai_model: request.ai_model.and_then(|model| known::<AiModel>(model, "ai_model", &mut violations)),
    };
    violations.into_result()?;
    Ok((request.prompt_version_id, change))
}

pub fn saved_version(request: v1::SaveTemporaryPromptVersionRequest) -> Result<VersionChange, Error> {
    let mut violations = Violations::default();
    let change = VersionChange {
        name: Some(NAME.read("name", &request.name, &mut violations)),
        description: Some(DESCRIPTION.read("description", &request.description, &mut violations)),
        is_bookmarked: Some(request.is_bookmarked),
        ai_model: known(request.ai_model, "ai_model", &mut violations),
    };
    violations.into_result()?;
    Ok(change)
}

/// A prompt of a counselor or a tone.
pub fn prompt(field: &'static str, of: String, body: &str) -> Result<(String, String), Error> {
    let mut violations = Violations::default();
    check_id(field, &of, &mut violations);
    let body = BODY.read("body", body, &mut violations);
    violations.into_result()?;
    Ok((of, body))
}

pub fn new_technique(request: v1::CreateCounselTechniqueRequest) -> Result<NewTechnique, Error> {
    let mut violations = Violations::default();
    check_id("counsel_technique_id", &request.counsel_technique_id, &mut violations);
    check_id("tone_id", &request.tone_id, &mut violations);
    check_threshold(request.message_threshold, &mut violations);
    check_temperature(request.temperature, &mut violations);
    let new = NewTechnique {
        id: request.counsel_technique_id,
        name: NAME.read("name", &request.name, &mut violations),
        tone_id: request.tone_id,
        context: CONTEXT.read("context", &request.context, &mut violations),
        instruction: BODY.read("instruction", &request.instruction, &mut violations),
        message_threshold: request.message_threshold,
        temperature: request.temperature,
        is_start_technique: request.is_start_technique.unwrap_or_default(),
    };
    violations.into_result()?;
    Ok(new)
}

pub fn technique_change(
    request: v1::UpdateCounselTechniqueRequest,
) -> Result<(String, TechniqueChange), Error> {
    let mut violations = Violations::default();
    check_id("counsel_technique_id", &request.counsel_technique_id, &mut violations);
    check_some_id("tone_id", request.tone_id.as_ref(), &mut violations);
    if let Some(threshold) = request.message_threshold {
        check_threshold(threshold, &mut violations);
    }
    if let Some(temperature) = request.temperature {
        check_temperature(temperature, &mut violations);
    }
    let change = TechniqueChange {
        name: some_text(NAME, "name", request.name, &mut violations),
        tone_id: request.tone_id,
        context: some_text(CONTEXT, "context", request.context, &mut violations),
        instruction: some_text(BODY, "instruction", request.instruction, &mut violations),
        message_threshold: request.message_threshold,
        temperature: request.temperature,
        is_start_technique: request.is_start_technique,
    };
    violations.into_result()?;
    Ok((request.counsel_technique_id, change))
}

pub fn new_rule(request: v1::CreateCounselTechniqueTransitionRuleRequest) -> Result<NewRule, Error> {
    let mut violations = Violations::default();
    let rule_id = request.counsel_technique_transition_rule_id;
    check_id("counsel_technique_transition_rule_id", &rule_id, &mut violations);
    check_id("prompt_version_id", &request.prompt_version_id, &mut violations);
    check_id("from_counsel_technique_id", &request.from_counsel_technique_id, &mut violations);
    check_id("to_counsel_technique_id", &request.to_counsel_technique_id, &mut violations);
    let conditions = conditions(request.conditions.unwrap_or_default(), &mut violations);
    violations.into_result()?;
    Ok(NewRule {
        id: rule_id,
        prompt_version_id: request.prompt_version_id,
        from: request.from_counsel_technique_id,
        to: request.to_counsel_technique_id,
        priority: request.priority,
        conditions,
    })
}

pub fn rule_change(
    request: v1::UpdateCounselTechniqueTransitionRuleRequest,
) -> Result<(String, RuleChange), Error> {
    let mut violations = Violations::default();
    let rule_id = request.counsel_technique_transition_rule_id;
    check_id("counsel_technique_transition_rule_id", &rule_id, &mut violations);
    let (from, to) = (request.from_counsel_technique_id, request.to_counsel_technique_id);
    check_some_id("prompt_version_id", request.prompt_version_id.as_ref(), &mut violations);
    check_some_id("from_counsel_technique_id", from.as_ref(), &mut violations);
    check_some_id("to_counsel_technique_id", to.as_ref(), &mut violations);
    let change = RuleChange {
        prompt_version_id: request.prompt_version_id,
        from,
        to,
        priority: request.priority,
        conditions: conditions(request.conditions.unwrap_or_default(), &mut violations),
        changed_conditions: request.conditions_mask.unwrap_or_default().paths,
    };
    violations.into_result()?;
    Ok((rule_id, change))
}

/// Each label once, in the order in which they were sent.
fn labels<L>(numbers: &[i32], field: &'static str, violations: &mut Violations) -> Vec<L>
where
    L: TryFrom<i32> + Default + PartialEq,
{
    let mut labels = Vec::new();
    for number in numbers {
        match known(*number, field, violations) {
            Some(label) if !labels.contains(&label) => labels.push(label),
            _ => {}
        }
    }
    labels
}

macro_rules! translate {
    (
        labels { $($list:ident $label:ident $known:ident,)* }
        bounds { $($min:ident $max:ident $rule:tt,)* }
        flags { $($flag:ident $sign:ident,)* }
    ) => {
        fn conditions(sent: v1::TransitionConditions, violations: &mut Violations) -> Conditions {
            Conditions {
                $($list: labels::<v1::$label>(&sent.$list, stringify!($list), violations),)*
                $($min: sent.$min, $max: sent.$max,)*
                $($flag: sent.$flag,)*
            }
        }
    };
}

for_each_condition!(translate);
