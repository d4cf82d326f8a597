//! The rules about prompts.

use shared::proto::v1::{self, AiModel};
use shared::time::Timestamp;
use shared::{Error, Violations};

use super::*;
use crate::contexts::domain::Context;

const NOW: i64 = 1_767_323_045_000_000;

fn now() -> Timestamp {
    Timestamp::from_micros(NOW)
}

fn rule(to: &str, priority: i32, conditions: Conditions) -> TransitionRule {
    TransitionRule {
        id: format!("rule to {to}"),
        prompt_version_id: "v".to_owned(),
        from: "a".to_owned(),
        to: to.to_owned(),
        priority,
        conditions,
        created_at: now(),
        updated_at: now(),
        deleted_at: None,
    }
}

fn at_least(messages: i32) -> Conditions {
    Conditions { min_current_technique_message_count: Some(messages), ..Conditions::default() }
}

#[test]
fn the_matching_rule_with_the_highest_priority_wins() {
    let rules = [rule("b", 1, Conditions::default()), rule("c", 2, at_least(5)), rule("d", 3, at_least(9))];
    let next = |current, count| next_technique(&rules, current, 3, count, &Context::default());
    assert_eq!(next("a", 3), Some("b"));
    assert_eq!(next("a", 5), Some("c"));
    assert_eq!(next("a", 9), Some("d"));
    assert_eq!(next("b", 9), None);
}

#[test]
fn of_two_rules_with_the_same_priority_the_smaller_target_wins() {
    let any = Conditions::default;
    for rules in [
        [rule("b", 7, any()), rule("c", 7, any()), rule("d", -1, any())],
        [rule("d", -1, any()), rule("c", 7, any()), rule("b", 7, any())],
    ] {
        assert_eq!(next_technique(&rules, "a", 1, 1, &Context::default()), Some("b"));
    }
}

#[test]
fn a_technique_is_not_left_before_its_threshold() {
    let rules = [rule("b", 1, Conditions::default())];
    assert_eq!(next_technique(&rules, "a", 3, 2, &Context::default()), None);
    assert_eq!(next_technique(&rules, "a", 3, 3, &Context::default()), Some("b"));
}

/// Every label that says something.
fn every<L: TryFrom<i32>>() -> Vec<L> {
    (1..).map_while(|number| L::try_from(number).ok()).collect()
}

macro_rules! table {
    (
        labels { $($list:ident $label:ident $known:ident,)* }
        bounds { $($min:ident $max:ident $rule:tt,)* }
        flags { $($flag:ident $sign:ident,)* }
    ) => {
        /// For each list: any known label with an empty list, only listed ones otherwise, nothing that is unknown.
        #[test]
        fn a_list_matches_the_labels_in_it() {
            let mut seen = 0;
            $(
                let labels = every::<v1::$label>();
                assert!(labels.len() >= 3, stringify!($list));
                for split in 0..=labels.len() {
                    let conditions = Conditions { $list: labels[..split].to_vec(), ..Conditions::default() };
                    for (at, label) in labels.iter().enumerate() {
                        let context = Context { $known: Some(*label), ..Context::default() };
                        let expected = split == 0 || at < split;
                        assert_eq!(conditions.hold(1, &context), expected, "{conditions:?} {context:?}");
                        seen += 1;
                    }
                    assert_eq!(conditions.hold(1, &Context::default()), split == 0, stringify!($list));
                }
            )*
            assert!(seen > 100, "{seen}");
        }

        #[test]
        fn a_flag_matches_what_is_known_to_be_so() {
            $(
                for (required, known, expected) in [
                    (None, None, true),
                    (None, Some(true), true),
                    (None, Some(false), true),
                    (Some(true), Some(true), true),
                    (Some(true), Some(false), false),
                    (Some(true), None, false),
                    (Some(false), Some(false), true),
                    (Some(false), Some(true), false),
                    (Some(false), None, false),
                ] {
                    let conditions = Conditions { $flag: required, ..Conditions::default() };
                    let context = Context { $sign: known, ..Context::default() };
                    assert_eq!(conditions.hold(1, &context), expected, "{conditions:?} {context:?}");
                }
            )*
        }

        #[test]
        fn every_condition_can_be_taken_over_by_its_name() {
            let mut other = Conditions::default();
            let mut names = Vec::new();
            $(other.$list = every(); names.push(stringify!($list));)*
            $(
                other.$min = Some(1);
                other.$max = Some(2);
                names.extend([stringify!($min), stringify!($max)]);
            )*
            $(other.$flag = Some(true); names.push(stringify!($flag));)*
            let mut taken = Conditions::default();
            for name in &names {
                assert!(taken.take_over(name, &other), "{name}");
            }
            assert_eq!(taken, other);
            for name in &names {
                assert!(taken.take_over(name, &Conditions::default()), "{name}");
            }
            assert_eq!(taken, Conditions::default());
            assert!(!taken.take_over("priority", &other));
            // 12 lists, 4 pairs of bounds, 2 flags.
            assert_eq!(names.len(), 22);
        }

        #[test]
        fn a_bound_is_in_its_range_and_the_least_is_not_more_than_the_most() {
            $(
                for (min, max, broken) in [
                    (Some(0), Some(5), vec![]),
                    (Some(3), Some(3), vec![]),
                    (Some(-1), None, vec![stringify!($min)]),
                    (None, Some(-1), vec![stringify!($max)]),
                    (Some(4), Some(3), vec![stringify!($max)]),
                ] {
                    let conditions = Conditions { $min: min, $max: max, ..Conditions::default() };
                    assert_eq!(broken_fields(&conditions), broken, "{conditions:?}");
                }
            )*
        }
    };
}

for_each_condition!(table);

fn broken_fields(conditions: &Conditions) -> Vec<String> {
    let mut violations = Violations::default();
    conditions.check(&mut violations);
    let text = violations.to_string();
    text.split("; ").filter_map(|line| line.split_once(": ")).map(|(field, _)| field.to_owned()).collect()
}

#[test]
fn a_bound_ends_where_its_scale_ends() {
    for (conditions, broken) in [
        (Conditions { max_emotion_intensity: Some(10), ..Conditions::default() }, vec![]),
        (
            Conditions { max_emotion_intensity: Some(11), ..Conditions::default() },
            vec!["max_emotion_intensity"],
        ),
        (Conditions { min_self_efficacy: Some(11), ..Conditions::default() }, vec!["min_self_efficacy"]),
        (Conditions { min_risk_severity: Some(5), ..Conditions::default() }, vec![]),
        (Conditions { min_risk_severity: Some(6), ..Conditions::default() }, vec!["min_risk_severity"]),
        (
            Conditions { max_current_technique_message_count: Some(1_000_000), ..Conditions::default() },
            vec![],
        ),
    ] {
        assert_eq!(broken_fields(&conditions), broken, "{conditions:?}");
    }
}

#[test]
fn bounds_are_inclusive_and_do_not_match_what_is_unknown() {
    type Make = fn(Option<i32>, Option<i32>, Option<i32>) -> (Conditions, Context);
    let numbers: [Make; 3] = [
        |min_emotion_intensity, max_emotion_intensity, emotion_intensity| {
            (
                Conditions { min_emotion_intensity, max_emotion_intensity, ..Conditions::default() },
                Context { emotion_intensity, ..Context::default() },
            )
        },
        |min_self_efficacy, max_self_efficacy, self_efficacy| {
            (
                Conditions { min_self_efficacy, max_self_efficacy, ..Conditions::default() },
                Context { self_efficacy, ..Context::default() },
            )
        },
        |min_risk_severity, max_risk_severity, risk_severity| {
            (
                Conditions { min_risk_severity, max_risk_severity, ..Conditions::default() },
                Context { risk_severity, ..Context::default() },
            )
        },
    ];
    for make in numbers {
        for (min, max, known, expected) in [
            (None, None, None, true),
            (None, None, Some(3), true),
            (Some(3), None, Some(2), false),
            (Some(3), None, Some(3), true),
            (None, Some(3), Some(3), true),
            (None, Some(3), Some(4), false),
            (Some(2), Some(3), Some(2), true),
            (Some(2), Some(3), Some(1), false),
            (Some(0), None, None, false),
            (None, Some(5), None, false),
        ] {
            let (conditions, context) = make(min, max, known);
            assert_eq!(conditions.hold(1, &context), expected, "{conditions:?} {context:?}");
        }
    }
    let conditions = Conditions { max_current_technique_message_count: Some(4), ..at_least(2) };
    let held: Vec<_> = (0..7).filter(|count| conditions.hold(*count, &Context::default())).collect();
    assert_eq!(held, [2, 3, 4]);
}

#[test]
fn every_condition_must_hold() {
    let conditions = Conditions {
        required_valences: vec![v1::Valence::Negative],
        required_consent_to_depth: Some(true),
        ..at_least(3)
    };
    let known =
        Context { valence: Some(v1::Valence::Negative), consent_to_depth: Some(true), ..Context::default() };
    assert!(conditions.hold(3, &known));
    assert!(!conditions.hold(2, &known));
    assert!(!conditions.hold(3, &Context { valence: Some(v1::Valence::Positive), ..known.clone() }));
    assert!(!conditions.hold(3, &Context { consent_to_depth: None, ..known }));
}

fn version(state: VersionState) -> PromptVersion {
    PromptVersion {
        id: "v".to_owned(),
        name: "first".to_owned(),
        description: String::new(),
        state,
        is_bookmarked: true,
        ai_model: AiModel::Gpt5,
        created_at: now(),
        updated_at: now(),
    }
}

fn kind<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Error::FailedPrecondition(_)) => "refused",
        Err(Error::NotFound(_)) => "not found",
        Err(_) => "other",
    }
}

#[test]
fn a_version_goes_from_draft_to_saved_to_active_and_no_other_way() {
    let deleted = VersionState::Deleted { at: now(), was_draft: false };
    for (state, clone, save, activate, delete) in [
        (VersionState::Draft, "refused", "ok", "refused", "ok"),
        (VersionState::Saved, "ok", "refused", "ok", "ok"),
        (VersionState::Active, "ok", "refused", "ok", "refused"),
        (deleted, "not found", "not found", "not found", "ok"),
    ] {
        assert_eq!(kind(version(state).draft("d".to_owned(), now())), clone, "clone {state:?}");
        assert_eq!(kind(version(state).save(now())), save, "save {state:?}");
        assert_eq!(kind(version(state).activate(now())), activate, "activate {state:?}");
        assert_eq!(kind(version(state).delete(now())), delete, "delete {state:?}");
    }
    assert!(!version(VersionState::Active).activate(now()).unwrap());
    assert!(!version(deleted).delete(now()).unwrap());
    let draft = version(VersionState::Active).draft("d".to_owned(), now()).unwrap();
    assert_eq!((draft.state, draft.is_bookmarked, &*draft.name), (VersionState::Draft, false, "first"));
}

fn technique(id: &str, tone_id: &str) -> CounselTechnique {
    CounselTechnique {
        id: id.to_owned(),
        prompt_version_id: "v".to_owned(),
        tone_id: tone_id.to_owned(),
        name: id.to_owned(),
        context: String::new(),
        instruction: "listen".to_owned(),
        message_threshold: 1,
        is_start_technique: false,
        temperature: 0.5,
        position: 1,
        created_at: now(),
        updated_at: now(),
    }
}

#[test]
fn a_copy_leads_between_copies() {
    let content = Content {
        techniques: vec![technique("a", "t"), technique("b", "t")],
        rules: vec![rule("b", 1, at_least(3))],
        ..Content::default()
    };
    let numbers = std::cell::Cell::new(0);
    let new_id = || {
        numbers.set(numbers.get() + 1);
        format!("new {}", numbers.get())
    };
    let copy = content.clone().cloned_into("w", new_id, now()).unwrap();
    let [from, to] = &copy.techniques[..] else { panic!("two techniques") };
    assert_eq!((&*from.id, &*from.name, &*to.id, &*to.name), ("new 1", "a", "new 2", "b"));
    let TransitionRule { id, prompt_version_id, from, to, conditions, .. } = &copy.rules[0];
    assert_eq!((&**id, &**prompt_version_id, &**from, &**to), ("new 3", "w", "new 1", "new 2"));
    assert_eq!(*conditions, at_least(3));

    let broken = Content { techniques: vec![technique("a", "t")], ..content };
    assert!(matches!(broken.cloned_into("w", new_id, now()), Err(Error::Internal(_))));
}

#[test]
fn everything_that_counselors_would_miss_is_listed() {
    let named = |id: &str| Named { id: id.to_owned(), name: format!("Name of {id}") };
    let (counselors, tones) = ([named("c"), named("d")], [named("t"), named("u")]);
    let start = CounselTechnique { is_start_technique: true, ..technique("a", "u") };
    let content = Content { techniques: vec![start, technique("b", "t")], ..Content::default() };
    let listed: Vec<_> = gaps(&counselors, &tones, &content)
        .into_iter()
        .map(|gap| format!("{} {}", gap.part, gap.description))
        .collect();
    assert_eq!(
        listed,
        [
            r#"persona_prompts is missing for counselor "Name of c""#,
            r#"persona_prompts is missing for counselor "Name of d""#,
            r#"tone_prompts is missing for tone "Name of t""#,
            r#"tone_prompts is missing for tone "Name of u""#,
            r#"counsel_techniques has no start technique for tone "Name of t""#,
        ]
    );
}

#[test]
fn a_rule_leads_from_one_technique_to_another_of_its_version_and_tone() {
    let elsewhere = CounselTechnique { prompt_version_id: "w".to_owned(), ..technique("b", "t") };
    for (to, expected) in [
        (Some(technique("b", "t")), ""),
        (None, "to_counsel_technique_id: must be a counsel technique of the prompt version"),
        (Some(elsewhere), "to_counsel_technique_id: must be a counsel technique of the prompt version"),
        (Some(technique("b", "u")), "to_counsel_technique_id: must be of the same tone"),
    ] {
        let mut violations = Violations::default();
        let from = technique("a", "t");
        rule("b", 1, Conditions::default()).check(Some(&from), to.as_ref(), &mut violations);
        let text = violations.to_string();
        assert!(text.starts_with(expected) && text.is_empty() == expected.is_empty(), "{text}");
    }
    let mut violations = Violations::default();
    let same = technique("a", "t");
    rule("a", 1, Conditions::default()).check(Some(&same), Some(&same), &mut violations);
    assert_eq!(violations.to_string(), "to_counsel_technique_id: must lead to another technique");
}

#[test]
fn a_text_is_trimmed_and_holds_no_control_characters() {
    for (text, good) in [
        (" a ", true),
        ("한글\nand more", true),
        ("", false),
        ("   ", false),
        ("a\0b", false),
        ("\u{1b}", false),
    ] {
        let mut violations = Violations::default();
        let read = NAME.read("name", text, &mut violations);
        assert_eq!(violations.is_empty(), good, "{text:?}");
        assert_eq!(read, text.trim());
    }
    for (letters, good) in [(100, true), (101, false)] {
        let mut violations = Violations::default();
        NAME.read("name", &"가".repeat(letters), &mut violations);
        assert_eq!(violations.is_empty(), good, "{letters}");
    }
}
