//! Transition rules of the draft.

use prost_types::FieldMask;
use shared::id::new_id;
use shared::proto::v1::*;
use tonic::Code;

use super::desk::{Desk, new_rule, rule_change};
use crate::world::{World, refused, violated};

const SAVED: &str = "only the temporary version can be changed; clone this one into it first";
const NOT_FOUND: &str = "counsel technique transition rule not found";

/// Something for every condition.
fn everything() -> TransitionConditions {
    TransitionConditions {
        min_current_technique_message_count: Some(2),
        max_current_technique_message_count: Some(20),
        required_impact_domains: vec![ImpactDomain::Work.into(), ImpactDomain::Study.into()],
        required_timeframes: vec![Timeframe::ThisWeek.into()],
        required_emotion_primaries: vec![EmotionPrimary::Anxiety.into(), EmotionPrimary::Stress.into()],
        required_valences: vec![Valence::Negative.into()],
        required_arousal_levels: vec![ArousalLevel::High.into()],
        min_emotion_intensity: Some(3),
        max_emotion_intensity: Some(10),
        required_perceived_controls: vec![PerceivedControl::Low.into()],
        required_motivation_stages: vec![MotivationStage::Preparation.into(), MotivationStage::Action.into()],
        min_self_efficacy: Some(0),
        max_self_efficacy: Some(4),
        required_social_support_levels: vec![SocialSupportLevel::None.into()],
        required_risk_kinds: vec![RiskKind::None.into()],
        min_risk_severity: Some(0),
        max_risk_severity: Some(5),
        required_sleep_qualities: vec![SleepQuality::Poor.into()],
        required_physical_symptoms_present: Some(false),
        required_cognitive_loads: vec![CognitiveLoad::Medium.into()],
        required_alliance_strengths: vec![AllianceStrength::Strong.into()],
        required_consent_to_depth: Some(true),
    }
}

/// The first two techniques of a tone of the draft.
async fn two(desk: &Desk, tone_id: &str) -> [CounselTechnique; 2] {
    let mut techniques = desk.techniques(&desk.draft().await.id, Some(tone_id)).await.into_iter();
    [techniques.next().unwrap(), techniques.next().unwrap()]
}

shared::on_each_engine! {
    async fn a_rule_keeps_every_condition(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let [from, to] = two(&desk, &world.counselor().await.tone_id).await;
        let before = desk.rules(&from.prompt_version_id, None, None).await;
        let request = new_rule(&from, &to, everything());
        let added = desk.add_rule(request.clone()).await.unwrap();
        assert_eq!(added.id, request.counsel_technique_transition_rule_id);
        assert_eq!((&added.from_counsel_technique_id, &added.to_counsel_technique_id), (&from.id, &to.id));
        assert_eq!((added.priority, &added.conditions), (3, &Some(everything())));
        assert_eq!(desk.rule(&added.id).await.unwrap(), added);
        // A repeat adds nothing.
        assert_eq!(desk.add_rule(request).await.unwrap(), added);
        let all = desk.rules(&from.prompt_version_id, None, None).await;
        assert_eq!(all.len(), before.len() + 1);
        // A label that is named twice is one.
        let twice = vec![Valence::Neutral.into(), Valence::Negative.into(), Valence::Neutral.into()];
        let twice = TransitionConditions { required_valences: twice, ..TransitionConditions::default() };
        let conditions = desk.add_rule(new_rule(&to, &from, twice)).await.unwrap().conditions.unwrap();
        assert_eq!(conditions.required_valences, [i32::from(Valence::Neutral), Valence::Negative.into()]);
    }

    async fn rules_are_found_by_where_they_lead(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let [from, to] = two(&desk, &world.counselor().await.tone_id).await;
        let version = &from.prompt_version_id;
        let added = desk.add_rule(new_rule(&to, &from, TransitionConditions::default())).await.unwrap();
        let all = desk.rules(version, None, None).await;
        assert!(all.is_sorted_by_key(|rule| rule.from_counsel_technique_id.clone()));
        for (start, end) in [(Some(&to), None), (None, Some(&from)), (Some(&to), Some(&from))] {
            let (start, end) = (start.map(|one| &*one.id), end.map(|one| &*one.id));
            let found = desk.rules(version, start, end).await;
            let expected = all.iter().filter(|rule| {
                start.is_none_or(|id| rule.from_counsel_technique_id == id)
                    && end.is_none_or(|id| rule.to_counsel_technique_id == id)
            });
            assert_eq!(found, expected.cloned().collect::<Vec<_>>());
            assert!(found.contains(&added));
        }
        assert!(desk.rules(version, Some(&new_id()), None).await.is_empty());
    }

    async fn a_change_takes_over_the_conditions_that_it_names(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let [from, to] = two(&desk, &world.counselor().await.tone_id).await;
        let added = desk.add_rule(new_rule(&from, &to, everything())).await.unwrap();
        let change = UpdateCounselTechniqueTransitionRuleRequest {
            prompt_version_id: Some(from.prompt_version_id.clone()),
            priority: Some(-7),
            conditions: Some(TransitionConditions {
                required_timeframes: vec![Timeframe::Longer.into()],
                // Not named, and so not looked at.
                min_risk_severity: Some(4),
                ..TransitionConditions::default()
            }),
            conditions_mask: Some(FieldMask {
                paths: ["required_timeframes", "required_valences", "max_risk_severity", "required_consent_to_depth"]
                    .map(ToOwned::to_owned)
                    .to_vec(),
            }),
            ..rule_change(&added.id)
        };
        for _ in 0..2 {
            let changed = desk.change_rule(change.clone()).await.unwrap();
            let expected = TransitionConditions {
                required_timeframes: vec![Timeframe::Longer.into()],
                required_valences: vec![],
                max_risk_severity: None,
                required_consent_to_depth: None,
                ..everything()
            };
            assert_eq!((changed.priority, changed.conditions.as_ref()), (-7, Some(&expected)));
            assert_eq!(changed.from_counsel_technique_id, from.id);
            assert_eq!(desk.rule(&added.id).await.unwrap(), changed);
        }
        let turned = UpdateCounselTechniqueTransitionRuleRequest {
            from_counsel_technique_id: Some(to.id.clone()),
            to_counsel_technique_id: Some(from.id.clone()),
            ..rule_change(&added.id)
        };
        let turned = desk.change_rule(turned).await.unwrap();
        assert_eq!((turned.from_counsel_technique_id, turned.to_counsel_technique_id), (to.id, from.id));
    }

    async fn a_rule_that_breaks_rules_is_refused_with_each(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let counselors = world.counselors().await;
        let tone_id = world.counselor().await.tone_id;
        let [from, to] = two(&desk, &tone_id).await;
        let other = counselors.iter().find(|counselor| counselor.tone_id != tone_id).unwrap();
        let [of_other_tone, _] = two(&desk, &other.tone_id).await;
        let saved = world.techniques(&tone_id).await.remove(1);
        let any = TransitionConditions::default;
        for (to, field) in [
            (&from, "to_counsel_technique_id"),
            (&of_other_tone, "to_counsel_technique_id"),
            // Of another version.
            (&saved, "to_counsel_technique_id"),
        ] {
            assert_eq!(violated(desk.add_rule(new_rule(&from, to, any())).await), [field]);
        }
        let unknown = CounselTechnique { id: new_id(), ..to.clone() };
        assert_eq!(violated(desk.add_rule(new_rule(&from, &unknown, any())).await), ["to_counsel_technique_id"]);
        let conditions = TransitionConditions {
            min_current_technique_message_count: Some(-1),
            min_emotion_intensity: Some(5),
            max_emotion_intensity: Some(4),
            max_self_efficacy: Some(11),
            max_risk_severity: Some(6),
            ..any()
        };
        let broken = [
            "min_current_technique_message_count", "max_emotion_intensity", "max_self_efficacy", "max_risk_severity",
        ];
        assert_eq!(violated(desk.add_rule(new_rule(&from, &to, conditions.clone())).await), broken);
        let labels = TransitionConditions {
            required_valences: vec![0],
            required_risk_kinds: vec![RiskKind::Abuse.into(), 99],
            ..any()
        };
        let labels = violated(desk.add_rule(new_rule(&from, &to, labels)).await);
        assert_eq!(labels, ["required_valences", "required_risk_kinds"]);

        let added = desk.add_rule(new_rule(&from, &to, everything())).await.unwrap();
        let mask = |path: &str| Some(FieldMask { paths: vec![path.to_owned()] });
        let change = UpdateCounselTechniqueTransitionRuleRequest {
            conditions: Some(TransitionConditions { max_emotion_intensity: Some(2), ..any() }),
            conditions_mask: mask("max_emotion_intensity"),
            ..rule_change(&added.id)
        };
        // It has a least of 3 already.
        assert_eq!(violated(desk.change_rule(change).await), ["max_emotion_intensity"]);
        let change = UpdateCounselTechniqueTransitionRuleRequest {
            prompt_version_id: Some(saved.prompt_version_id.clone()),
            conditions_mask: mask("priority"),
            ..rule_change(&added.id)
        };
        assert_eq!(violated(desk.change_rule(change).await), ["prompt_version_id", "conditions_mask"]);
        let change = UpdateCounselTechniqueTransitionRuleRequest {
            to_counsel_technique_id: Some(of_other_tone.id.clone()),
            ..rule_change(&added.id)
        };
        assert_eq!(violated(desk.change_rule(change).await), ["to_counsel_technique_id"]);
        assert_eq!(desk.rule(&added.id).await.unwrap(), added);
    }

    async fn only_rules_of_the_draft_are_changed(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let active = world.active_version().await.id;
        let before = desk.graph(&active).await;
        let first = &before.rules[0];
        let ends = |id: &str| before.techniques.iter().find(|technique| technique.id == id).unwrap();
        let (from, to) = (ends(&first.from_counsel_technique_id), ends(&first.to_counsel_technique_id));
        let added = desk.add_rule(new_rule(from, to, TransitionConditions::default())).await;
        refused(added, Code::FailedPrecondition, SAVED);
        refused(desk.change_rule(rule_change(&first.id)).await, Code::FailedPrecondition, SAVED);
        refused(desk.delete_rule(&first.id).await, Code::FailedPrecondition, SAVED);
        assert_eq!(desk.graph(&active).await, before);

        refused(desk.change_rule(rule_change(&new_id())).await, Code::NotFound, NOT_FOUND);
        refused(desk.delete_rule(&new_id()).await, Code::NotFound, NOT_FOUND);
        refused(desk.rule(&new_id()).await, Code::NotFound, NOT_FOUND);
        let mut elsewhere = new_rule(from, to, TransitionConditions::default());
        elsewhere.prompt_version_id = new_id();
        refused(desk.add_rule(elsewhere).await, Code::NotFound, "prompt version not found");
    }

    async fn a_deleted_rule_is_gone_and_stays_gone_in_copies(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let [from, to] = two(&desk, &world.counselor().await.tone_id).await;
        let before = desk.rules(&from.prompt_version_id, None, None).await;
        let added = desk.add_rule(new_rule(&from, &to, everything())).await.unwrap();
        for _ in 0..2 {
            desk.delete_rule(&added.id).await.unwrap();
        }
        refused(desk.rule(&added.id).await, Code::NotFound, NOT_FOUND);
        refused(desk.change_rule(rule_change(&added.id)).await, Code::NotFound, NOT_FOUND);
        assert_eq!(desk.rules(&from.prompt_version_id, None, None).await, before);
        let saved = desk.save("without").await.unwrap();
        let copy = desk.clone_version(&saved.id).await.unwrap();
        assert_eq!(desk.rules(&copy.id, None, None).await.len(), before.len());
    }
}
