//! Which technique comes next.

use shared::Violations;
use shared::time::Timestamp;

use super::{Conditions, CounselTechnique};
use crate::contexts::domain::Context;

/// A rule that leads from one technique to another of the same version and tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitionRule {
    pub id: String,
    pub prompt_version_id: String,
    /// The technique that a counsel is in when the rule is looked at.
    pub from: String,
    /// The technique that follows.
    pub to: String,
    /// Of the rules that match, the one with the highest priority wins.
    pub priority: i32,
    /// What must hold.
    pub conditions: Conditions,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

/// What changes in a rule; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct RuleChange {
    pub prompt_version_id: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub priority: Option<i32>,
    /// Holds the conditions that [`RuleChange::changed_conditions`] names.
    pub conditions: Conditions,
    pub changed_conditions: Vec<String>,
}

impl TransitionRule {
    /// Changes what the change names. Each broken rule is noted; the rule is then of no further use.
    pub fn change(&mut self, change: RuleChange, now: Timestamp, violations: &mut Violations) {
        let is_same = change.prompt_version_id.is_none_or(|id| id == self.prompt_version_id);
        violations.check(is_same, "prompt_version_id", "cannot be changed: a rule stays in its version");
        for name in &change.changed_conditions {
            if !self.conditions.take_over(name, &change.conditions) {
                violations.add("conditions_mask", format!("must name conditions; {name:?} is none"));
            }
        }
        self.from = change.from.unwrap_or_else(|| std::mem::take(&mut self.from));
        self.to = change.to.unwrap_or_else(|| std::mem::take(&mut self.to));
        self.priority = change.priority.unwrap_or(self.priority);
        self.updated_at = now;
    }

    /// Notes each rule that it breaks, given the techniques that it names, as far as there are such.
    pub fn check(
        &self,
        from: Option<&CounselTechnique>,
        to: Option<&CounselTechnique>,
        violations: &mut Violations,
    ) {
        self.conditions.check(violations);
        let of_version = |technique: Option<&CounselTechnique>| {
            technique.is_some_and(|technique| technique.prompt_version_id == self.prompt_version_id)
        };
        let rule = "must be a counsel technique of the prompt version";
        violations.check(of_version(from), "from_counsel_technique_id", rule);
        violations.check(of_version(to), "to_counsel_technique_id", rule);
        violations.check(self.from != self.to, "to_counsel_technique_id", "must lead to another technique");
        if let (Some(from), Some(to)) = (from, to) {
            let rule = "must be of the same tone as the technique that the rule leads away from";
            violations.check(from.tone_id == to.tone_id, "to_counsel_technique_id", rule);
        }
    }
}

/// The technique after `message_count` user messages in `current`; `None` when the counsel stays in it.
///
/// Before its threshold a technique is never left. Of two rules with the same priority the one with the smaller
/// target id wins, so that the choice is the same everywhere.
pub fn next_technique<'a>(
    rules: &'a [TransitionRule],
    current: &str,
    threshold: i32,
    message_count: i32,
    context: &Context,
) -> Option<&'a str> {
    if message_count < threshold {
        return None;
    }
    let matches =
        |rule: &&TransitionRule| rule.from == current && rule.conditions.hold(message_count, context);
    let best = rules
        .iter()
        .filter(matches)
        .max_by(|one, other| one.priority.cmp(&other.priority).then_with(|| other.to.cmp(&one.to)))?;
    Some(&best.to)
}
