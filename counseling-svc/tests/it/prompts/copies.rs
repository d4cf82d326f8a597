//! A copy of a version is equal to it, whatever is in it.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::id::new_id;
use shared::proto::v1::*;
use tokio::runtime::Handle;

use super::desk::{Desk, Graph};
use crate::world::World;

/// What tells techniques apart: their ids differ in each copy.
type Name = (String, usize, String);

/// A graph with names in the place of ids: prompts by what they are for, techniques by tone, position and name.
#[derive(Debug, PartialEq)]
pub struct Nameless {
    persona_prompts: Vec<(String, String)>,
    tone_prompts: Vec<(String, String)>,
    techniques: Vec<(Name, CounselTechnique)>,
    rules: Vec<(Name, Name, i32, TransitionConditions)>,
}

pub fn without_ids(graph: &Graph) -> Nameless {
    let mut of_tone = BTreeMap::new();
    let mut names = BTreeMap::new();
    let mut techniques = Vec::new();
    for technique in &graph.techniques {
        let position = of_tone.entry(&technique.tone_id).and_modify(|position| *position += 1).or_insert(1);
        let name = (technique.tone_id.clone(), *position, technique.name.clone());
        names.insert(&technique.id, name.clone());
        let technique = CounselTechnique {
            id: String::new(),
            prompt_version_id: String::new(),
            created_at: None,
            updated_at: None,
            ..technique.clone()
        };
        techniques.push((name, technique));
    }
    let mut rules: Vec<_> = graph
        .rules
        .iter()
        .map(|rule| {
            let name = |id| names[id].clone();
            let (from, to) = (name(&rule.from_counsel_technique_id), name(&rule.to_counsel_technique_id));
            (from, to, rule.priority, rule.conditions.clone().unwrap())
        })
        .collect();
    rules.sort_by_key(|(from, to, priority, conditions)| {
        (from.clone(), to.clone(), *priority, format!("{conditions:?}"))
    });
    let persona_prompts =
        graph.persona_prompts.iter().map(|prompt| (prompt.counselor_id.clone(), prompt.body.clone()));
    let tone_prompts = graph.tone_prompts.iter().map(|prompt| (prompt.tone_id.clone(), prompt.body.clone()));
    Nameless {
        persona_prompts: persona_prompts.collect(),
        tone_prompts: tone_prompts.collect(),
        techniques,
        rules,
    }
}

/// What is written in a draft before it is saved.
#[derive(Debug, Clone)]
struct Writing {
    /// Which counselor, and what it is.
    personas: Vec<(prop::sample::Index, String)>,
    /// Which tone, and the technique.
    techniques: Vec<(prop::sample::Index, CreateCounselTechniqueRequest)>,
    /// From which of all techniques to which of the same tone.
    rules: Vec<(prop::sample::Index, prop::sample::Index, i32, TransitionConditions)>,
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z가-힣😀%'\"\\\\,] ?[a-z0-9 \n,]{0,30}[a-z]"
}

fn labels(count: i32) -> impl Strategy<Value = Vec<i32>> {
    prop::sample::subsequence((1..=count).collect::<Vec<_>>(), 0..=count as usize)
}

fn bounds(most: i32) -> impl Strategy<Value = (Option<i32>, Option<i32>)> {
    let bound = move || prop::option::of(0..=most);
    (bound(), bound()).prop_map(|(one, other)| match (one, other) {
        (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
        some => some,
    })
}

fn conditions() -> impl Strategy<Value = TransitionConditions> {
    let lists = (labels(8), labels(5), labels(10), labels(3), labels(3), labels(3));
    let more_lists = (labels(5), labels(4), labels(4), labels(3), labels(3), labels(3));
    let numbers = (bounds(1000), bounds(10), bounds(10), bounds(5));
    let flags = (any::<Option<bool>>(), any::<Option<bool>>());
    (lists, more_lists, numbers, flags).prop_map(|(lists, more_lists, numbers, flags)| TransitionConditions {
        required_impact_domains: lists.0,
        required_timeframes: lists.1,
        required_emotion_primaries: lists.2,
        required_valences: lists.3,
        required_arousal_levels: lists.4,
        required_perceived_controls: lists.5,
        required_motivation_stages: more_lists.0,
        required_social_support_levels: more_lists.1,
        required_risk_kinds: more_lists.2,
        required_sleep_qualities: more_lists.3,
        required_cognitive_loads: more_lists.4,
        required_alliance_strengths: more_lists.5,
        min_current_technique_message_count: numbers.0.0,
        max_current_technique_message_count: numbers.0.1,
        min_emotion_intensity: numbers.1.0,
        max_emotion_intensity: numbers.1.1,
        min_self_efficacy: numbers.2.0,
        max_self_efficacy: numbers.2.1,
        min_risk_severity: numbers.3.0,
        max_risk_severity: numbers.3.1,
        required_physical_symptoms_present: flags.0,
        required_consent_to_depth: flags.1,
    })
}

fn technique() -> impl Strategy<Value = CreateCounselTechniqueRequest> {
    (text(), text(), text(), 1..=1000, 0.0..=2.0, any::<Option<bool>>()).prop_map(
        |(name, context, instruction, message_threshold, temperature, is_start_technique)| {
            CreateCounselTechniqueRequest {
                counsel_technique_id: new_id(),
                name,
                tone_id: String::new(),
                context,
                instruction,
                message_threshold,
                temperature,
                is_start_technique,
            }
        },
    )
}

fn writing() -> impl Strategy<Value = Writing> {
    let index = any::<prop::sample::Index>;
    (
        vec((index(), text()), 0..3),
        vec((index(), technique()), 0..4),
        vec((index(), index(), any::<i32>(), conditions()), 0..5),
    )
        .prop_map(|(personas, techniques, rules)| Writing { personas, techniques, rules })
}

/// Writes it in the draft.
async fn write(world: &World, desk: &Desk, writing: &Writing) {
    let counselors = world.counselors().await;
    for (which, body) in &writing.personas {
        desk.persona(&which.get(&counselors).id, body).await.unwrap();
    }
    for (which, technique) in &writing.techniques {
        let request = CreateCounselTechniqueRequest {
            counsel_technique_id: new_id(),
            tone_id: which.get(&counselors).tone_id.clone(),
            ..technique.clone()
        };
        desk.add_technique(request).await.unwrap();
    }
    let techniques = desk.techniques(&desk.draft().await.id, None).await;
    for (from, to, priority, conditions) in &writing.rules {
        let from = from.get(&techniques);
        let of_tone = techniques.iter().filter(|to| to.tone_id == from.tone_id && to.id != from.id);
        let to = *to.get(&of_tone.collect::<Vec<_>>());
        let request = CreateCounselTechniqueTransitionRuleRequest {
            priority: *priority,
            ..super::desk::new_rule(from, to, conditions.clone())
        };
        desk.add_rule(request).await.unwrap();
    }
}

/// Writes a draft, saves it, and copies the saved version into the next draft, which is saved as well.
async fn copy_is_equal(world: &World, writing: Writing) {
    let desk = Desk::of(world);
    desk.clone_version(&world.active_version().await.id).await.unwrap();
    write(world, &desk, &writing).await;
    let written = without_ids(&desk.graph(&desk.draft().await.id).await);
    let saved = desk.save(&new_id()).await.unwrap();
    let original = desk.graph(&saved.id).await;
    assert_eq!(without_ids(&original), written);
    desk.clone_version(&saved.id).await.unwrap();
    let copy = desk.save(&new_id()).await.unwrap();
    let graph = desk.graph(&copy.id).await;
    assert_eq!(without_ids(&graph), written);
    // Not one id is shared, so that a change of one never shows in the other.
    let ids = |graph: &Graph| -> Vec<String> {
        let prompts = graph.persona_prompts.iter().map(|one| &one.id);
        let prompts = prompts.chain(graph.tone_prompts.iter().map(|one| &one.id));
        let rest = graph.techniques.iter().map(|one| &one.id).chain(graph.rules.iter().map(|one| &one.id));
        prompts.chain(rest).cloned().collect()
    };
    let originals = ids(&original);
    assert!(ids(&graph).iter().all(|id| !originals.contains(id)));
    assert!(graph.techniques.iter().all(|technique| technique.prompt_version_id == copy.id));
}

shared::on_each_engine! {
    async fn a_version_that_is_cloned_saved_and_loaded_is_equal_to_the_original(engine: Engine) {
        let world = World::new(engine).await;
        // Each case is some dozens of calls.
        let config = Config { cases: 12, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
        let mut runner = TestRunner::new(config);
        tokio::task::block_in_place(|| {
            runner
                .run(&writing(), |writing| {
                    Handle::current().block_on(copy_is_equal(&world, writing));
                    Ok(())
                })
                .unwrap();
        });
    }
}
