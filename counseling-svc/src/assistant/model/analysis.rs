//! The context of a counsel as a model fills it in: one list of fields asks for it, and reads it.

use serde_json::{Map, Value, json};
use shared::proto::v1::RiskKind as RiskLabel;

use super::prompt::transcript;
use super::wire::{Message, Role};
use crate::assistant::{Excerpt, Risk, RiskKind};
use crate::contexts::domain::{Context, MOST_INTENSITY, MOST_SEVERITY};
use crate::labels::Label;

const ANALYZE: &str = include_str!("../../../content/model/analyze.md");

/// Something that the fields of a context are taken through: to be asked for, to be read, or to be told.
trait Fields {
    fn label<L: Label>(&mut self, field: &'static str, about: &str) -> Option<L>;
    fn number(&mut self, field: &'static str, most: i32, about: &str) -> Option<i32>;
    fn truth(&mut self, field: &'static str, about: &str) -> Option<bool>;
}

/// Every field of a context, and what it means.
fn context(fields: &mut impl Fields) -> Context {
    Context {
        impact_domain: fields.label("impact_domain", "The part of life that it is about."),
        timeframe: fields.label("timeframe", "Since when it has been so."),
        emotion_primary: fields.label("emotion_primary", "The feeling in front."),
        emotion_intensity: fields.number("emotion_intensity", MOST_INTENSITY, "How strong that feeling is."),
        valence: fields.label("valence", "Whether it feels bad or good."),
        arousal_level: fields.label("arousal_level", "How stirred up the user is."),
        perceived_control: fields
            .label("perceived_control", "How much the user can do about it, by their own account."),
        motivation_stage: fields.label(
            "motivation_stage",
            "How far the user is on the way to a change (Prochaska and DiClemente).",
        ),
        self_efficacy: fields.number(
            "self_efficacy",
            MOST_INTENSITY,
            "How far the user trusts in their own strength.",
        ),
        social_support_level: fields.label("social_support_level", "Whether others are there for the user."),
        risk_kind: fields.label("risk_kind", "The danger in the latest message; never null."),
        risk_severity: fields.number("risk_severity", MOST_SEVERITY, "How grave it is; never null."),
        sleep_quality: fields.label("sleep_quality", "How the user sleeps."),
        physical_symptoms_present: fields
            .truth("physical_symptoms_present", "Whether the body hurts or is ill."),
        cognitive_load: fields.label("cognitive_load", "How much is on the user's mind at once."),
        alliance_strength: fields.label("alliance_strength", "How well user and counselor work together."),
        consent_to_depth: fields
            .truth("consent_to_depth", "Whether the user wants to look deeper (true) or not to (false)."),
    }
}

/// Asks for the context of an excerpt.
pub(super) fn ask(excerpt: &Excerpt) -> Vec<Message> {
    let mut list = Listed(String::new());
    context(&mut list);
    let material = json!({
        "summary": excerpt.summary,
        "known": told(&excerpt.known),
        "utterances": transcript(&excerpt.utterances),
    });
    let instruction = format!("{}\n{}", ANALYZE.trim(), list.0);
    vec![Message::new(Role::System, instruction), Message::new(Role::User, material.to_string())]
}

/// Asks once more, after an answer that breaks rules.
pub(super) fn ask_again(answer: &str, problems: &[Problem]) -> [Message; 2] {
    let broken: Vec<String> =
        problems.iter().map(|problem| format!("- {}: {}", problem.field, problem.rule)).collect();
    let again =
        format!("That breaks these rules:\n{}\nAnswer with the mended JSON object alone.", broken.join("\n"));
    [Message::new(Role::Assistant, answer), Message::new(Role::User, again)]
}

/// The format that an answer is held to, where the provider knows how to.
pub(super) fn response_format() -> Value {
    let mut schema = Schema(Map::new());
    context(&mut schema);
    let required: Vec<&String> = schema.0.keys().collect();
    json!({
        "type": "json_schema",
        "json_schema": {
            "name": "counsel_context",
            "strict": true,
            "schema": {
                "type": "object",
                "required": required,
                "additionalProperties": false,
                "properties": schema.0,
            }
        }
    })
}

/// A rule that an answer breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Ours, never the model's word.
    pub(super) field: &'static str,
    pub(super) rule: String,
}

/// Reads an answer.
pub(super) fn read(answer: &str) -> Result<Context, Vec<Problem>> {
    let problem = |field, rule: &str| Problem { field, rule: rule.to_owned() };
    let Ok(Value::Object(object)) = serde_json::from_str::<Value>(unfenced(answer)) else {
        return Err(vec![problem("answer", "must be one JSON object")]);
    };
    let mut reader = Reader { rest: object, problems: Vec::new() };
    let context = context(&mut reader);
    let Reader { rest, mut problems } = reader;
    if !rest.is_empty() {
        problems.push(problem("answer", "must have no other fields"));
    }
    let is_risk_told = problems.iter().all(|problem| !problem.field.starts_with("risk_"));
    match (context.risk_kind, context.risk_severity) {
        _ if !is_risk_told => {}
        (None, _) | (_, None) => problems.push(problem("risk_kind", "and risk_severity must not be null")),
        (Some(kind), Some(severity)) if (kind == RiskLabel::None) != (severity == 0) => {
            problems.push(problem("risk_severity", "must be 0 for RISK_KIND_NONE, and 1 to 5 otherwise"));
        }
        _ => {}
    }
    if problems.is_empty() { Ok(context) } else { Err(problems) }
}

/// The context with the graver of two dangers: what words tell is not talked away by a model.
pub(super) fn with_risk(context: Context, heard: Option<Risk>) -> Context {
    let Some(heard) = heard else { return context };
    if context.risk_severity.is_some_and(|severity| severity >= i32::from(heard.severity)) {
        return context;
    }
    let kind = match heard.kind {
        RiskKind::SelfHarm => RiskLabel::SelfHarm,
        RiskKind::HarmToOthers => RiskLabel::HarmToOthers,
        RiskKind::Abuse => RiskLabel::Abuse,
    };
    Context { risk_kind: Some(kind), risk_severity: Some(heard.severity.into()), ..context }
}

/// An answer without the fence that models put around code.
fn unfenced(answer: &str) -> &str {
    let answer = answer.trim();
    let Some(inner) = answer.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) else {
        return answer;
    };
    inner.strip_prefix("json").unwrap_or(inner).trim()
}

/// What is known already, as the model would write it.
fn told(known: &Context) -> Value {
    let mut object = Map::new();
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(field.to_owned(), value);
        }
    };
    fn name<L: Label>(label: Option<L>) -> Option<Value> {
        label.map(|label| label.name().into())
    }
    put("impact_domain", name(known.impact_domain));
    put("timeframe", name(known.timeframe));
    put("emotion_primary", name(known.emotion_primary));
    put("emotion_intensity", known.emotion_intensity.map(Value::from));
    put("motivation_stage", name(known.motivation_stage));
    put("social_support_level", name(known.social_support_level));
    put("sleep_quality", name(known.sleep_quality));
    put("risk_kind", name(known.risk_kind));
    put("risk_severity", known.risk_severity.map(Value::from));
    Value::Object(object)
}

/// The fields as a text.
struct Listed(String);

impl Listed {
    fn add(&mut self, field: &str, values: &str, about: &str) {
        self.0.push_str(&format!("- {field} ({values}, or null): {about}\n"));
    }
}

impl Fields for Listed {
    fn label<L: Label>(&mut self, field: &'static str, about: &str) -> Option<L> {
        self.add(field, &names::<L>().join(" | "), about);
        None
    }

    fn number(&mut self, field: &'static str, most: i32, about: &str) -> Option<i32> {
        self.add(field, &format!("0 to {most}"), about);
        None
    }

    fn truth(&mut self, field: &'static str, about: &str) -> Option<bool> {
        self.add(field, "true | false", about);
        None
    }
}

/// The fields as properties of a JSON schema.
struct Schema(Map<String, Value>);

impl Fields for Schema {
    fn label<L: Label>(&mut self, field: &'static str, about: &str) -> Option<L> {
        let mut values: Vec<Value> = names::<L>().into_iter().map(Value::from).collect();
        values.push(Value::Null);
        let property = json!({ "type": ["string", "null"], "enum": values, "description": about });
        self.0.insert(field.to_owned(), property);
        None
    }

    fn number(&mut self, field: &'static str, most: i32, about: &str) -> Option<i32> {
        // Not every provider takes bounds in a strict schema, so they are said.
        let about = format!("{about} 0 to {most}.");
        self.0.insert(field.to_owned(), json!({ "type": ["integer", "null"], "description": about }));
        None
    }

    fn truth(&mut self, field: &'static str, about: &str) -> Option<bool> {
        self.0.insert(field.to_owned(), json!({ "type": ["boolean", "null"], "description": about }));
        None
    }
}

/// The fields of an answer.
struct Reader {
    rest: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Reader {
    /// The value of a field, if it is one that `read` takes; null is none, and a field that is missing breaks a rule.
    fn take<T>(&mut self, field: &'static str, rule: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.rest.remove(field);
        match value.as_ref().map(|value| (value.is_null(), read(value))) {
            Some((true, _)) => None,
            Some((false, Some(value))) => Some(value),
            Some((false, None)) => {
                self.problems.push(Problem { field, rule: format!("must be {rule}, or null") });
                None
            }
            None => {
                self.problems
                    .push(Problem { field, rule: format!("is missing; it must be {rule}, or null") });
                None
            }
        }
    }
}

impl Fields for Reader {
    fn label<L: Label>(&mut self, field: &'static str, _: &str) -> Option<L> {
        self.take(field, &format!("one of {}", names::<L>().join(", ")), |value| L::named(value.as_str()?))
    }

    fn number(&mut self, field: &'static str, most: i32, _: &str) -> Option<i32> {
        let within = |number: &i32| (0..=most).contains(number);
        let read = |value: &Value| i32::try_from(value.as_i64()?).ok().filter(within);
        self.take(field, &format!("a whole number from 0 to {most}"), read)
    }

    fn truth(&mut self, field: &'static str, _: &str) -> Option<bool> {
        self.take(field, "true or false", Value::as_bool)
    }
}

fn names<L: Label>() -> Vec<&'static str> {
    L::all().map(Label::name).collect()
}
