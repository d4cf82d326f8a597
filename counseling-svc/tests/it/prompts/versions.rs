//! Finding, changing and deleting versions.

use std::time::Duration;

use shared::id::new_id;
use shared::proto::v1::*;
use shared::testkit::eventually;
use tonic::Code;

use super::desk::Desk;
use crate::world::{World, admin, by, refused, violated};

const NOT_FOUND: &str = "prompt version not found";

shared::on_each_engine! {
    async fn versions_are_found_by_part_of_the_name_whatever_the_case(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let opening = world.active_version().await.name;
        for name in ["Éclair 50%", "second_try", "따뜻한 Version"] {
            world.clock.advance(Duration::from_secs(1));
            desk.save(name).await.unwrap();
        }
        // The draft is not among the saved versions.
        desk.draft().await;
        let all = desk.names(ListPromptVersionsRequest::default()).await;
        assert_eq!(all, ["따뜻한 Version", "second_try", "Éclair 50%", &opening]);
        for (part, found) in [
            ("VERSION", vec!["따뜻한 Version", &opening]),
            ("éCL", vec!["Éclair 50%"]),
            ("뜻한", vec!["따뜻한 Version"]),
            // What has a meaning in patterns is looked for as it is.
            ("%", vec!["Éclair 50%"]),
            ("_", vec!["second_try"]),
            ("\\", vec![]),
            ("  ", vec!["따뜻한 Version", "second_try", "Éclair 50%", &opening]),
        ] {
            let request = ListPromptVersionsRequest { name: Some(part.to_owned()), ..Default::default() };
            assert_eq!(desk.names(request).await, found, "{part}");
        }
    }

    async fn versions_are_found_by_their_bookmark_and_listed_in_pages(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        for name in ["a", "b", "c"] {
            world.clock.advance(Duration::from_secs(1));
            let id = desk.save(name).await.unwrap().id;
            let is_bookmarked = Some(name != "b");
            let bookmark = UpdatePromptVersionRequest { prompt_version_id: id, is_bookmarked, ..Default::default() };
            desk.update(bookmark).await.unwrap();
        }
        let marked = |is_bookmarked| ListPromptVersionsRequest {
            is_bookmarked: Some(is_bookmarked),
            ..Default::default()
        };
        assert_eq!(desk.names(marked(true)).await, ["c", "a"]);
        assert_eq!(desk.names(marked(false)).await, ["b", &world.active_version().await.name]);

        let (mut cursor, mut pages) = (None, Vec::new());
        loop {
            let page = Some(PageRequest { limit: Some(3), cursor });
            let request = ListPromptVersionsRequest { page, ..Default::default() };
            let page = desk.0.clone().list_prompt_versions(admin(request)).await.unwrap().into_inner();
            pages.push(page.prompt_versions.into_iter().map(|version| version.name).collect::<Vec<_>>());
            if page.next_cursor.is_empty() {
                break;
            }
            cursor = Some(page.next_cursor);
        }
        assert_eq!(pages, [vec!["c", "b", "a"], vec![&*world.active_version().await.name]]);
        for (limit, cursor, field) in [(Some(0), None, "limit"), (None, Some("?".to_owned()), "cursor")] {
            let request = ListPromptVersionsRequest {
                page: Some(PageRequest { limit, cursor }),
                ..Default::default()
            };
            assert_eq!(violated(desk.0.clone().list_prompt_versions(admin(request)).await), [field]);
        }
    }

    async fn what_a_change_leaves_out_stays_as_it_is(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let before = world.active_version().await;
        world.clock.advance(Duration::from_secs(60));
        let renamed = UpdatePromptVersionRequest {
            prompt_version_id: before.id.clone(),
            name: Some("  another name ".to_owned()),
            ..Default::default()
        };
        for _ in 0..2 {
            let after = desk.update(renamed.clone()).await.unwrap();
            let expected = PromptVersion {
                name: "another name".to_owned(),
                updated_at: after.updated_at,
                ..before.clone()
            };
            assert_eq!(after, expected);
            assert!(after.updated_at.unwrap().seconds >= before.updated_at.unwrap().seconds + 60);
            assert_eq!(desk.get(&before.id).await.unwrap(), after);
        }
        let rest = UpdatePromptVersionRequest {
            prompt_version_id: before.id.clone(),
            name: None,
            description: Some(String::new()),
            is_bookmarked: Some(true),
            ai_model: Some(AiModel::Gemini25Pro.into()),
        };
        let after = desk.update(rest).await.unwrap();
        assert_eq!((&*after.name, &*after.description), ("another name", ""));
        assert_eq!((after.is_bookmarked, after.ai_model()), (true, AiModel::Gemini25Pro));
    }

    async fn two_saved_versions_never_have_the_same_name(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let message = "a prompt version with this name exists already";
        let first = desk.save("first").await.unwrap();
        refused(desk.save("first").await, Code::AlreadyExists, message);
        let second = desk.save("second").await.unwrap();
        let rename = |id: &str| UpdatePromptVersionRequest {
            prompt_version_id: id.to_owned(),
            name: Some("first".to_owned()),
            ..Default::default()
        };
        refused(desk.update(rename(&second.id)).await, Code::AlreadyExists, message);
        assert_eq!(desk.get(&second.id).await.unwrap(), second);
        // The draft may be called as it likes, and so may a version when the other one is gone.
        let draft = desk.draft().await;
        assert_eq!(desk.update(rename(&draft.id)).await.unwrap().name, "first");
        desk.delete(&first.id).await.unwrap();
        assert_eq!(desk.update(rename(&second.id)).await.unwrap().name, "first");
    }

    async fn of_two_who_save_under_one_name_at_once_one_is_told(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let (one, other) = tokio::join!(desk.save("same"), desk.save("same"));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        refused(if one.is_err() { one } else { other }, Code::AlreadyExists,
            "a prompt version with this name exists already");
        let request = ListPromptVersionsRequest { name: Some("same".to_owned()), ..Default::default() };
        assert_eq!(desk.names(request).await, ["same"]);
    }

    async fn the_active_version_is_never_deleted(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let active = world.active_version().await;
        let message = "the active version cannot be deleted; activate another one first";
        refused(desk.delete(&active.id).await, Code::FailedPrecondition, message);
        assert_eq!(world.active_version().await, active);
    }

    async fn a_deleted_version_is_gone_with_everything_in_it(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let id = desk.save("short-lived").await.unwrap().id;
        let graph = desk.graph(&id).await;
        for _ in 0..2 {
            desk.delete(&id).await.unwrap();
        }
        refused(desk.get(&id).await, Code::NotFound, NOT_FOUND);
        refused(desk.activate(&id).await, Code::NotFound, NOT_FOUND);
        refused(desk.clone_version(&id).await, Code::NotFound, NOT_FOUND);
        let rename = UpdatePromptVersionRequest { prompt_version_id: id.clone(), ..Default::default() };
        refused(desk.update(rename).await, Code::NotFound, NOT_FOUND);
        let request = ListPromptVersionsRequest { name: Some("short".to_owned()), ..Default::default() };
        assert!(desk.names(request).await.is_empty());
        let list = ListPersonaPromptsRequest { prompt_version_id: id.clone(), ..Default::default() };
        refused(desk.0.clone().list_persona_prompts(admin(list)).await, Code::NotFound, NOT_FOUND);

        let one = GetPersonaPromptRequest { persona_prompt_id: graph.persona_prompts[0].id.clone() };
        let one = desk.0.clone().get_persona_prompt(admin(one)).await;
        refused(one, Code::NotFound, "persona prompt not found");
        let one = GetTonePromptRequest { tone_prompt_id: graph.tone_prompts[0].id.clone() };
        refused(desk.0.clone().get_tone_prompt(admin(one)).await, Code::NotFound, "tone prompt not found");
        let one = GetCounselTechniqueRequest { counsel_technique_id: graph.techniques[0].id.clone() };
        let one = desk.0.clone().get_counsel_technique(admin(one)).await;
        refused(one, Code::NotFound, "counsel technique not found");
        let one = desk.rule(&graph.rules[0].id).await;
        refused(one, Code::NotFound, "counsel technique transition rule not found");
    }

    async fn counsels_go_on_with_a_version_that_is_deleted(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let desk = Desk::of(&world);
        let counselor = world.counselor().await;
        desk.persona(&counselor.id, "who speaks as before").await.unwrap();
        let tried = desk.save("tried out").await.unwrap();
        let former = world.active_version().await;
        desk.activate(&tried.id).await.unwrap();
        let counsel = world.calls().greeted(&new_id(), &counselor.id).await;
        assert_eq!(counsel.prompt_version_id, tried.id);
        desk.activate(&former.id).await.unwrap();
        desk.delete(&tried.id).await.unwrap();

        let techniques = world.techniques(&counselor.tone_id).await;
        for _ in 0..techniques[0].message_threshold {
            world.calls().tell(&counsel, "hello").await;
        }
        let asked = puppet.asked();
        assert_eq!(asked.last().unwrap().scene.persona.prompt, "who speaks as before");
        // Its rules lead on, too.
        let technique = &counsel.counsel_technique_id;
        let moved = async || world.calls().again(&counsel).await.counsel_technique_id != *technique;
        eventually("the technique changes", moved).await;

        // Nobody begins a counsel with it.
        let opening = CreateCounselRequest {
            prompt_version_id: Some(tried.id),
            ..crate::world::opening(&counselor.id)
        };
        refused(world.calls().open(admin(opening)).await, Code::NotFound, NOT_FOUND);
    }

    async fn what_is_no_version_is_not_found_and_what_is_no_id_is_refused(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let unknown = new_id();
        refused(desk.get(&unknown).await, Code::NotFound, NOT_FOUND);
        refused(desk.delete(&unknown).await, Code::NotFound, NOT_FOUND);
        refused(desk.activate(&unknown).await, Code::NotFound, NOT_FOUND);
        refused(desk.clone_version(&unknown).await, Code::NotFound, NOT_FOUND);
        for id in ["", "1", "a\0b"] {
            assert_eq!(violated(desk.get(id).await), ["prompt_version_id"]);
            assert_eq!(violated(desk.delete(id).await), ["prompt_version_id"]);
        }
        let request = UpdatePromptVersionRequest {
            prompt_version_id: "x".to_owned(),
            name: Some(" ".to_owned()),
            description: Some("a\0b".to_owned()),
            is_bookmarked: None,
            ai_model: Some(0),
        };
        let fields = ["prompt_version_id", "name", "description", "ai_model"];
        assert_eq!(violated(desk.update(request).await), fields);
        let request = SaveTemporaryPromptVersionRequest { ai_model: 99, ..Default::default() };
        let saved = desk.0.clone().save_temporary_prompt_version(admin(request)).await;
        assert_eq!(violated(saved), ["name", "ai_model"]);
        assert!(desk.histories(Some(&unknown)).await.is_empty());
    }

    async fn every_call_is_for_admins(engine: Engine) {
        let world = World::new(engine).await;
        let mut client = world.calls().prompts();
        macro_rules! denied {
            ($($method:ident $request:ident)*) => {
                $(
                    let response = client.$method(by(&new_id(), $request::default())).await;
                    refused(response, Code::PermissionDenied, "this call needs admin authority");
                )*
            };
        }
        denied! {
            list_prompt_versions ListPromptVersionsRequest
            get_prompt_version GetPromptVersionRequest
            get_active_prompt_version GetActivePromptVersionRequest
            get_temporary_prompt_version GetTemporaryPromptVersionRequest
            update_prompt_version UpdatePromptVersionRequest
            delete_prompt_version DeletePromptVersionRequest
            clone_to_temporary_prompt_version CloneToTemporaryPromptVersionRequest
            save_temporary_prompt_version SaveTemporaryPromptVersionRequest
            activate_prompt_version ActivatePromptVersionRequest
            list_prompt_activate_histories ListPromptActivateHistoriesRequest
            list_persona_prompts ListPersonaPromptsRequest
            get_persona_prompt GetPersonaPromptRequest
            upsert_persona_prompt UpsertPersonaPromptRequest
            list_tone_prompts ListTonePromptsRequest
            get_tone_prompt GetTonePromptRequest
            upsert_tone_prompt UpsertTonePromptRequest
            list_counsel_techniques ListCounselTechniquesRequest
            get_counsel_technique GetCounselTechniqueRequest
            create_counsel_technique CreateCounselTechniqueRequest
            update_counsel_technique UpdateCounselTechniqueRequest
            list_counsel_technique_transition_rules ListCounselTechniqueTransitionRulesRequest
            get_counsel_technique_transition_rule GetCounselTechniqueTransitionRuleRequest
            create_counsel_technique_transition_rule CreateCounselTechniqueTransitionRuleRequest
            update_counsel_technique_transition_rule UpdateCounselTechniqueTransitionRuleRequest
            delete_counsel_technique_transition_rule DeleteCounselTechniqueTransitionRuleRequest
        }
        assert_eq!(world.count("prompt_versions").await, 1);
    }
}
