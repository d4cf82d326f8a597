//! Which technique comes next.

use crate::contexts::domain::Context;

/// A rule that leads from one technique to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitionRule {
    /// The technique that a counsel is in when the rule is looked at.
    pub from: String,
    /// The technique that follows.
    pub to: String,
    /// Of the rules that match, the one with the highest priority wins.
    pub priority: i32,
    /// How many of the user's messages the technique must have had; any number when absent.
    pub min_message_count: Option<i32>,
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
    _: &Context,
) -> Option<&'a str> {
    if message_count < threshold {
        return None;
    }
    let matches = |rule: &&TransitionRule| {
        rule.from == current && rule.min_message_count.is_none_or(|least| message_count >= least)
    };
    let best = rules
        .iter()
        .filter(matches)
        .max_by(|one, other| one.priority.cmp(&other.priority).then_with(|| other.to.cmp(&one.to)))?;
    Some(&best.to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(to: &str, priority: i32, min_message_count: Option<i32>) -> TransitionRule {
        TransitionRule { from: "a".to_owned(), to: to.to_owned(), priority, min_message_count }
    }

    #[test]
    fn the_matching_rule_with_the_highest_priority_wins() {
        let rules = [rule("b", 1, None), rule("c", 2, Some(5)), rule("d", 3, Some(9))];
        assert_eq!(next_technique(&rules, "a", 3, 3, &Context::default()), Some("b"));
        assert_eq!(next_technique(&rules, "a", 3, 5, &Context::default()), Some("c"));
        assert_eq!(next_technique(&rules, "a", 3, 9, &Context::default()), Some("d"));
        assert_eq!(next_technique(&rules, "b", 3, 9, &Context::default()), None);
    }

    #[test]
    fn a_technique_is_not_left_before_its_threshold() {
        assert_eq!(next_technique(&[rule("b", 1, None)], "a", 3, 2, &Context::default()), None);
    }
}
