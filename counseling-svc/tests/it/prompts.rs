//! `CounselPromptService`, and what counsels take from it.

mod activation;
mod content;
mod copies;
mod desk;
mod drafts;
mod rules;
mod versions;

use sea_orm::ConnectionTrait;
use shared::auth::Caller;
use shared::id::new_id;
use shared::proto::v1::{
    AiModel, CreateCounselRequest, GetActivePromptVersionRequest, ListCounselTechniquesRequest,
    ListTonesRequest, PromptVersion,
};
use shared::testkit::caller;
use tonic::Code;

use crate::world::{World, admin, by, opening, refused};

/// Adds a version that is not active, with the prompts and techniques of the active one a little changed.
async fn add_version(world: &World, active: &PromptVersion) -> String {
    let id = new_id();
    let of_active = format!("WHERE prompt_version_id = '{}'", active.id);
    let technique =
        "tone_id, name, context, instruction, message_threshold, is_start_technique, temperature, position";
    for sql in [
        format!(
            "INSERT INTO prompt_versions (id, name, description, is_active, is_temporary, is_bookmarked, \
             ai_model, created_at, updated_at) \
             VALUES ('{id}', 'next', '', FALSE, FALSE, TRUE, 'AI_MODEL_GPT_5', 1, 1)"
        ),
        format!(
            "INSERT INTO persona_prompts (id, prompt_version_id, counselor_id, body, created_at, updated_at) \
             SELECT id || '-next', '{id}', counselor_id, 'next: ' || body, 1, 1 FROM persona_prompts {of_active}"
        ),
        format!(
            "INSERT INTO tone_prompts (id, prompt_version_id, tone_id, body, created_at, updated_at) \
             SELECT id || '-next', '{id}', tone_id, body, 1, 1 FROM tone_prompts {of_active}"
        ),
        format!(
            "INSERT INTO counsel_techniques (id, prompt_version_id, {technique}, created_at, updated_at) \
             SELECT id || '-next', '{id}', {technique}, 1, 1 FROM counsel_techniques {of_active}"
        ),
    ] {
        world.execute(&sql).await;
    }
    id
}

shared::on_each_engine! {
    async fn admins_see_the_active_version_and_its_techniques_in_order(engine: Engine) {
        let world = World::new(engine).await;
        let version = world.active_version().await;
        assert!(version.is_active && !version.is_temporary, "{version:?}");
        assert_ne!(version.ai_model(), AiModel::Unspecified);

        let request = ListCounselTechniquesRequest { prompt_version_id: version.id.clone(), ..Default::default() };
        let all = world.calls().prompts().list_counsel_techniques(admin(request)).await.unwrap();
        let all = all.into_inner().counsel_techniques;
        let tone_id = world.counselor().await.tone_id;
        let of_tone = world.techniques(&tone_id).await;
        assert!(all.len() > of_tone.len());
        assert!(all.is_sorted_by(|one, next| one.tone_id <= next.tone_id));
        let request = by(&new_id(), ListTonesRequest::default());
        let tones = world.calls().counselors().list_tones(request).await.unwrap().into_inner().tones;
        assert!(tones.len() >= 2, "{tones:?}");
        for tone in &tones {
            let of_tone = all.iter().filter(|technique| technique.tone_id == tone.id);
            let starts = of_tone.filter(|technique| technique.is_start_technique).count();
            assert_eq!(starts, 1, "{tone:?}");
        }
        let same: Vec<_> = all.into_iter().filter(|technique| technique.tone_id == tone_id).collect();
        assert_eq!(same, of_tone);
        let starts: Vec<_> = of_tone.iter().map(|technique| technique.is_start_technique).collect();
        assert!(starts[0] && !starts[1..].contains(&true), "{starts:?}");
        assert!(of_tone.iter().all(|technique| technique.message_threshold > 0));
    }

    async fn prompts_are_for_admins(engine: Engine) {
        let world = World::new(engine).await;
        let (mut client, message) = (world.calls().prompts(), "this call needs admin authority");
        let active = by(&new_id(), GetActivePromptVersionRequest {});
        refused(client.get_active_prompt_version(active).await, Code::PermissionDenied, message);
        let techniques =
            ListCounselTechniquesRequest { prompt_version_id: world.active_version().await.id, ..Default::default() };
        let techniques = by(&new_id(), techniques);
        refused(client.list_counsel_techniques(techniques).await, Code::PermissionDenied, message);
    }

    async fn the_techniques_of_an_unknown_version_are_not_found(engine: Engine) {
        let world = World::new(engine).await;
        let request = ListCounselTechniquesRequest { prompt_version_id: new_id(), ..Default::default() };
        let response = world.calls().prompts().list_counsel_techniques(admin(request)).await;
        refused(response, Code::NotFound, "prompt version not found");
    }

    async fn the_database_refuses_a_second_active_version(engine: Engine) {
        let world = World::new(engine).await;
        let id = add_version(&world, &world.active_version().await).await;
        let activate = format!("UPDATE prompt_versions SET is_active = TRUE WHERE id = '{id}'");
        world.database().write().execute_unprepared(&activate).await.unwrap_err();
        // Two that are not active do not disturb each other.
        world.execute("UPDATE prompt_versions SET is_active = FALSE").await;
        world.execute(&activate).await;
        assert_eq!(world.active_version().await.id, id);
    }

    async fn an_admin_may_try_another_version(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let active = world.active_version().await;
        let id = add_version(&world, &active).await;
        let counselor = world.counselor().await;
        let request = || CreateCounselRequest { prompt_version_id: Some(id.clone()), ..opening(&counselor.id) };
        let denied = world.calls().open(by(&new_id(), request())).await;
        refused(denied, Code::PermissionDenied, "this call needs admin authority");

        let user_id = new_id();
        let opened = world.calls().open(caller(Caller::Admin(user_id.clone()), request())).await.unwrap();
        let counsel = opened.counsel.unwrap();
        assert_eq!((&counsel.user_id, &counsel.prompt_version_id), (&user_id, &id));
        assert!(counsel.counsel_technique_id.ends_with("-next"), "{counsel:?}");
        world.calls().say_as(Caller::Admin(user_id), &counsel, "hello", &new_id()).await.unwrap();
        assert!(puppet.asked()[0].scene.persona.prompt.starts_with("next: "));

        // Everybody else goes on with the active one.
        assert_eq!(world.counsel().await.prompt_version_id, active.id);

        let unknown = CreateCounselRequest { prompt_version_id: Some(new_id()), ..opening(&counselor.id) };
        let unknown = world.calls().open(admin(unknown)).await;
        refused(unknown, Code::NotFound, "prompt version not found");
    }

    async fn a_version_that_says_nothing_about_a_counselor_opens_no_counsel(engine: Engine) {
        let world = World::new(engine).await;
        let counselor = world.counselor().await;
        world.execute(&format!("DELETE FROM persona_prompts WHERE counselor_id = '{}'", counselor.id)).await;
        let response = world.calls().open(by(&new_id(), opening(&counselor.id))).await;
        let message = "the prompt version has no persona prompt for this counselor";
        refused(response, Code::FailedPrecondition, message);
        assert_eq!(world.count("counsels").await, 0);
    }
}
