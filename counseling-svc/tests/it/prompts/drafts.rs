//! The one version that can be written in.

use shared::auth::Caller;
use shared::id::new_id;
use shared::proto::v1::*;
use shared::testkit::caller;
use tonic::Code;

use super::copies::without_ids;
use super::desk::{Desk, technique, technique_change};
use crate::world::{World, opening, refused};

const SAVED: &str = "only the temporary version can be changed; clone this one into it first";

shared::on_each_engine! {
    async fn the_draft_begins_as_a_copy_of_the_active_version(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let active = world.active_version().await;
        let draft = desk.draft().await;
        assert!(draft.is_temporary && !draft.is_active && !draft.is_bookmarked, "{draft:?}");
        assert_eq!((&draft.name, &draft.ai_model), (&active.name, &active.ai_model));
        assert_ne!(draft.id, active.id);
        assert_eq!(desk.get(&draft.id).await.unwrap(), draft);
        let (original, copy) = (desk.graph(&active.id).await, desk.graph(&draft.id).await);
        assert!(!original.rules.is_empty());
        assert_eq!(without_ids(&copy), without_ids(&original));
        for technique in &copy.techniques {
            assert!(original.techniques.iter().all(|other| other.id != technique.id));
        }
        // Asked again, it is the same one.
        assert_eq!(desk.draft().await, draft);
        assert_eq!(desk.graph(&draft.id).await, copy);
        assert_eq!(world.active_version().await, active);
    }

    async fn admins_who_ask_for_the_draft_at_once_get_the_same(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let (here, there) = (Desk::of(&world), Desk::at(&another.calls));
        let drafts = tokio::join!(here.draft(), there.draft(), here.draft(), there.draft());
        for draft in [&drafts.1, &drafts.2, &drafts.3] {
            assert_eq!(*draft, drafts.0);
        }
        assert_eq!(world.count("prompt_versions").await, 2);
        let original = here.graph(&world.active_version().await.id).await;
        assert_eq!(without_ids(&here.graph(&drafts.0.id).await), without_ids(&original));
    }

    async fn an_edit_makes_the_draft_if_there_is_none(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let counselor = world.counselor().await;
        let (mut made, mut versions) = (Vec::new(), Vec::new());
        for edit in 0..4 {
            versions.push(match edit {
                0 => desk.persona(&counselor.id, "new").await.unwrap().prompt_version_id,
                1 => desk.tone(&counselor.tone_id, "new").await.unwrap().prompt_version_id,
                2 => desk.add_technique(technique(&counselor.tone_id, "new")).await.unwrap().prompt_version_id,
                _ => desk.draft().await.id,
            });
            made.push(desk.save(&format!("edit {edit}")).await.unwrap().id);
        }
        assert_eq!(made, versions);
        // Saving makes one, too: it is then as the active version.
        let saved = desk.save("unchanged").await.unwrap();
        let active = world.active_version().await;
        assert_eq!(without_ids(&desk.graph(&saved.id).await), without_ids(&desk.graph(&active.id).await));
    }

    async fn a_refused_edit_makes_no_draft(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        refused(desk.persona(&new_id(), "new").await, Code::NotFound, "counselor not found");
        refused(desk.tone(&new_id(), "new").await, Code::NotFound, "tone not found");
        refused(desk.add_technique(technique(&new_id(), "new")).await, Code::NotFound, "tone not found");
        let taken = world.active_version().await.name;
        let message = "a prompt version with this name exists already";
        refused(desk.save(&taken).await, Code::AlreadyExists, message);
        assert_eq!(world.count("prompt_versions").await, 1);
    }

    async fn a_saved_draft_is_a_version_and_the_next_draft_is_another(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let draft = desk.draft().await;
        let graph = desk.graph(&draft.id).await;
        let saved = desk.save("saved").await.unwrap();
        assert_eq!((&saved.id, &*saved.name, &*saved.description), (&draft.id, "saved", "about saved"));
        assert!(!saved.is_temporary && !saved.is_active, "{saved:?}");
        assert_eq!(saved.ai_model(), AiModel::Gpt5Mini);
        assert_eq!(desk.get(&saved.id).await.unwrap(), saved);
        assert_eq!(desk.graph(&saved.id).await, graph);
        assert_ne!(desk.draft().await.id, saved.id);
    }

    async fn what_is_saved_cannot_be_edited(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let saved = desk.save("saved").await.unwrap();
        for version in [&saved.id, &world.active_version().await.id] {
            let before = desk.graph(version).await;
            let change = UpdateCounselTechniqueRequest {
                name: Some("changed".to_owned()),
                ..technique_change(&before.techniques[0].id)
            };
            refused(desk.change_technique(change).await, Code::FailedPrecondition, SAVED);
            assert_eq!(desk.graph(version).await, before);
        }
    }

    async fn a_clone_takes_the_place_of_the_draft(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let counselor = world.counselor().await;
        desk.persona(&counselor.id, "the saved one").await.unwrap();
        let source = desk.save("source").await.unwrap();
        let before = desk.persona(&counselor.id, "thrown away").await.unwrap().prompt_version_id;
        let clone = desk.clone_version(&source.id).await.unwrap();
        assert!(clone.is_temporary && clone.id != before, "{clone:?}");
        assert_eq!((&clone.name, &clone.description), (&source.name, &source.description));
        assert_eq!(desk.draft().await, clone);
        refused(desk.get(&before).await, Code::NotFound, "prompt version not found");
        let (original, copy) = (desk.graph(&source.id).await, desk.graph(&clone.id).await);
        assert_eq!(without_ids(&copy), without_ids(&original));
        assert!(copy.persona_prompts.iter().any(|prompt| prompt.body == "the saved one"));
        for rule in &copy.rules {
            let ends = [&rule.from_counsel_technique_id, &rule.to_counsel_technique_id];
            assert!(ends.iter().all(|id| copy.techniques.iter().any(|technique| technique.id == **id)));
        }
        // A repeat gives an equal draft, and the source is as it was.
        let again = desk.clone_version(&source.id).await.unwrap();
        assert_eq!(without_ids(&desk.graph(&again.id).await), without_ids(&original));
        assert_eq!(desk.graph(&source.id).await, original);
        let message = "the temporary version cannot be cloned into itself";
        refused(desk.clone_version(&again.id).await, Code::FailedPrecondition, message);
    }

    async fn clones_at_once_leave_one_draft(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let (here, there) = (Desk::of(&world), Desk::at(&another.calls));
        let (one, other) = (here.save("one").await.unwrap(), here.save("other").await.unwrap());
        let clones = tokio::join!(here.clone_version(&one.id), there.clone_version(&other.id), here.draft());
        let left = here.draft().await;
        assert!([clones.0.unwrap().id, clones.1.unwrap().id].contains(&left.id));
        let drafts = "SELECT CAST(COUNT(*) AS TEXT) FROM prompt_versions WHERE is_temporary AND deleted_at IS NULL";
        assert_eq!(world.text(drafts).await.unwrap(), "1");
    }

    async fn a_counsel_in_which_the_draft_is_tried_outlives_it(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let desk = Desk::of(&world);
        let counselor = world.counselor().await;
        let tried = desk.persona(&counselor.id, "tried out").await.unwrap().prompt_version_id;
        let admin = Caller::Admin(new_id());
        let request = CreateCounselRequest { prompt_version_id: Some(tried), ..opening(&counselor.id) };
        let counsel = world.calls().open(caller(admin.clone(), request)).await.unwrap().counsel.unwrap();
        desk.clone_version(&world.active_version().await.id).await.unwrap();
        world.calls().say_as(admin, &counsel, "hello", &new_id()).await.unwrap();
        assert_eq!(puppet.asked().last().unwrap().scene.persona.prompt, "tried out");
    }

    async fn a_deleted_draft_makes_room_for_a_new_one(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let draft = desk.draft().await;
        for _ in 0..2 {
            desk.delete(&draft.id).await.unwrap();
        }
        refused(desk.get(&draft.id).await, Code::NotFound, "prompt version not found");
        assert_ne!(desk.draft().await.id, draft.id);
    }
}
