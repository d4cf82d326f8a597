//! Persona prompts, tone prompts and techniques of the draft.

use shared::id::new_id;
use shared::proto::v1::*;
use tonic::Code;

use super::desk::{Desk, new_rule, technique, technique_change};
use crate::world::{World, admin, refused, violated};

shared::on_each_engine! {
    async fn a_counselor_has_one_prompt_in_a_version(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let counselor = world.counselor().await;
        let first = desk.persona(&counselor.id, "  who listens\n").await.unwrap();
        assert_eq!((&first.counselor_id, &*first.body), (&counselor.id, "who listens"));
        let second = desk.persona(&counselor.id, "who asks").await.unwrap();
        assert_eq!((&second.id, &*second.body), (&first.id, "who asks"));
        let version = desk.draft().await.id;
        let list = ListPersonaPromptsRequest {
            prompt_version_id: version.clone(),
            counselor_id: Some(counselor.id.clone()),
            page: None,
        };
        let listed = desk.0.clone().list_persona_prompts(admin(list)).await.unwrap().into_inner();
        assert_eq!(listed.persona_prompts, std::slice::from_ref(&second));
        let get = GetPersonaPromptRequest { persona_prompt_id: second.id.clone() };
        let got = desk.0.clone().get_persona_prompt(admin(get)).await.unwrap().into_inner();
        assert_eq!(got.persona_prompt, Some(second));
        let all = desk.graph(&version).await.persona_prompts;
        assert_eq!(all.len(), world.counselors().await.len());
        assert!(all.is_sorted_by_key(|prompt| prompt.counselor_id.clone()));

        assert_eq!(violated(desk.persona("x", " ").await), ["counselor_id", "body"]);
        assert_eq!(violated(desk.persona(&counselor.id, &"가".repeat(10_001)).await), ["body"]);
        assert_eq!(violated(desk.persona(&counselor.id, "a\0b").await), ["body"]);
        let unknown = GetPersonaPromptRequest { persona_prompt_id: new_id() };
        let unknown = desk.0.clone().get_persona_prompt(admin(unknown)).await;
        refused(unknown, Code::NotFound, "persona prompt not found");
    }

    async fn two_who_write_the_same_prompt_at_once_write_one(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let (here, there) = (Desk::of(&world), Desk::at(&another.calls));
        // A counselor without a prompt so far.
        let counselor = world.counselor().await;
        let version = here.draft().await.id;
        world.execute(&format!("DELETE FROM persona_prompts WHERE prompt_version_id = '{version}'")).await;
        let both = tokio::join!(here.persona(&counselor.id, "one"), there.persona(&counselor.id, "other"));
        let (one, other) = (both.0.unwrap(), both.1.unwrap());
        assert_eq!(one.id, other.id);
        let left = here.graph(&version).await.persona_prompts;
        assert_eq!(left.len(), 1);
        assert!(left[0] == one || left[0] == other, "{left:?}");
    }

    async fn a_tone_has_one_prompt_in_a_version(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let tone_id = world.counselor().await.tone_id;
        let first = desk.tone(&tone_id, "warm").await.unwrap();
        let second = desk.tone(&tone_id, "dry").await.unwrap();
        assert_eq!((&second.id, &second.tone_id, &*second.body), (&first.id, &tone_id, "dry"));
        let list = ListTonePromptsRequest {
            prompt_version_id: desk.draft().await.id,
            tone_id: Some(tone_id.clone()),
            page: None,
        };
        let listed = desk.0.clone().list_tone_prompts(admin(list)).await.unwrap().into_inner();
        assert_eq!(listed.tone_prompts, std::slice::from_ref(&second));
        let get = GetTonePromptRequest { tone_prompt_id: second.id.clone() };
        let got = desk.0.clone().get_tone_prompt(admin(get)).await.unwrap().into_inner();
        assert_eq!(got.tone_prompt, Some(second));
        assert_eq!(violated(desk.tone("x", "").await), ["tone_id", "body"]);
    }

    async fn a_technique_is_added_after_the_others_of_its_tone_once(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let tone_id = world.counselor().await.tone_id;
        let version = desk.draft().await.id;
        let before = desk.techniques(&version, Some(&tone_id)).await;
        let request = technique(&tone_id, "wait");
        let added = desk.add_technique(request.clone()).await.unwrap();
        assert_eq!((&added.id, &added.prompt_version_id), (&request.counsel_technique_id, &version));
        assert_eq!((&*added.name, &added.tone_id, added.is_start_technique), ("wait", &tone_id, false));
        assert_eq!((added.message_threshold, added.temperature), (2, 0.5));
        // A repeat, whatever else it says by now, is answered with the first.
        let repeat = CreateCounselTechniqueRequest { name: "other".to_owned(), ..request };
        assert_eq!(desk.add_technique(repeat).await.unwrap(), added);
        let after = desk.techniques(&version, Some(&tone_id)).await;
        assert_eq!(after, [before, vec![added.clone()]].concat());
        let get = GetCounselTechniqueRequest { counsel_technique_id: added.id.clone() };
        let got = desk.0.clone().get_counsel_technique(admin(get)).await.unwrap().into_inner();
        assert_eq!(got.counsel_technique, Some(added));
    }

    async fn a_technique_that_breaks_rules_is_refused_with_each(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let tone_id = world.counselor().await.tone_id;
        let added = desk.add_technique(technique(&tone_id, "wait")).await.unwrap();
        let request = CreateCounselTechniqueRequest {
            counsel_technique_id: "1".to_owned(),
            name: String::new(),
            tone_id: "2".to_owned(),
            context: "a\0b".to_owned(),
            instruction: " ".to_owned(),
            message_threshold: 0,
            temperature: 2.1,
            is_start_technique: None,
        };
        let fields = violated(desk.add_technique(request).await);
        let expected = ["counsel_technique_id", "tone_id", "message_threshold", "temperature", "name", "context",
            "instruction"];
        assert_eq!(fields, expected);
        for temperature in [-0.1, f64::NAN, f64::INFINITY] {
            let change =
                UpdateCounselTechniqueRequest { temperature: Some(temperature), ..technique_change(&added.id) };
            assert_eq!(violated(desk.change_technique(change).await), ["temperature"]);
        }
        let change =
            UpdateCounselTechniqueRequest { message_threshold: Some(1001), ..technique_change(&added.id) };
        assert_eq!(violated(desk.change_technique(change).await), ["message_threshold"]);
        let unknown = desk.change_technique(technique_change(&new_id())).await;
        refused(unknown, Code::NotFound, "counsel technique not found");
        assert_eq!(desk.techniques(&added.prompt_version_id, Some(&tone_id)).await.pop(), Some(added));
    }

    async fn what_a_change_of_a_technique_leaves_out_stays(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let tone_id = world.counselor().await.tone_id;
        let before = desk.add_technique(technique(&tone_id, "wait")).await.unwrap();
        let change = UpdateCounselTechniqueRequest {
            context: Some(String::new()),
            temperature: Some(2.0),
            ..technique_change(&before.id)
        };
        for _ in 0..2 {
            let after = desk.change_technique(change.clone()).await.unwrap();
            let expected = CounselTechnique {
                context: String::new(),
                temperature: 2.0,
                updated_at: after.updated_at,
                ..before.clone()
            };
            assert_eq!(after, expected);
        }
    }

    async fn a_tone_has_one_start_technique(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let (here, there) = (Desk::of(&world), Desk::at(&another.calls));
        let tone_id = world.counselor().await.tone_id;
        let version = here.draft().await.id;
        let starts = async || -> Vec<String> {
            let of_tone = here.techniques(&version, Some(&tone_id)).await;
            of_tone.into_iter().filter(|one| one.is_start_technique).map(|one| one.id).collect()
        };
        let former = starts().await;
        let request = CreateCounselTechniqueRequest {
            is_start_technique: Some(true),
            ..technique(&tone_id, "begin")
        };
        let begin = here.add_technique(request).await.unwrap();
        assert!(begin.is_start_technique);
        assert_eq!(starts().await, [&*begin.id]);
        let start = |id: &str| UpdateCounselTechniqueRequest {
            is_start_technique: Some(true),
            ..technique_change(id)
        };
        here.change_technique(start(&former[0])).await.unwrap();
        assert_eq!(starts().await, former);
        // At once, one of them is left.
        let (one, other) =
            tokio::join!(here.change_technique(start(&former[0])), there.change_technique(start(&begin.id)));
        one.unwrap();
        other.unwrap();
        assert_eq!(starts().await.len(), 1);
        // Other tones have kept theirs.
        let all = here.techniques(&version, None).await;
        let active = here.techniques(&world.active_version().await.id, None).await;
        let count = |of: &[CounselTechnique]| of.iter().filter(|one| one.is_start_technique).count();
        assert_eq!(count(&all), count(&active));
    }

    async fn a_technique_without_rules_may_move_to_another_tone(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let counselors = world.counselors().await;
        let tone_id = world.counselor().await.tone_id;
        let other = counselors.iter().find(|counselor| counselor.tone_id != tone_id).unwrap();
        let added = desk.add_technique(technique(&tone_id, "wait")).await.unwrap();
        let first = desk.techniques(&added.prompt_version_id, Some(&tone_id)).await.remove(0);
        let rule = desk.add_rule(new_rule(&first, &added, TransitionConditions::default())).await.unwrap();
        let change = UpdateCounselTechniqueRequest {
            tone_id: Some(other.tone_id.clone()),
            ..technique_change(&added.id)
        };
        let message = "the technique has transition rules, and they stay within a tone; delete them first";
        refused(desk.change_technique(change.clone()).await, Code::FailedPrecondition, message);
        desk.delete_rule(&rule.id).await.unwrap();
        let unknown = UpdateCounselTechniqueRequest { tone_id: Some(new_id()), ..change.clone() };
        refused(desk.change_technique(unknown).await, Code::NotFound, "tone not found");
        let moved = desk.change_technique(change).await.unwrap();
        assert_eq!(moved.tone_id, other.tone_id);
        let there = desk.techniques(&added.prompt_version_id, Some(&other.tone_id)).await;
        assert_eq!(there.last(), Some(&moved));
    }
}
