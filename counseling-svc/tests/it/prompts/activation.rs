//! Making a version the one that new counsels use.

use std::collections::HashSet;
use std::time::Duration;

use shared::id::new_id;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::desk::{Desk, technique_change};
use crate::world::{World, refused};
use shared::proto::v1::UpdateCounselTechniqueRequest;

/// What the version lacks, each as `part description`.
#[track_caller]
fn missing(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let violations = status.get_details_precondition_failure().unwrap().violations;
    violations.into_iter().map(|gap| format!("{} {}", gap.subject, gap.description)).collect()
}

shared::on_each_engine! {
    async fn the_activated_version_takes_the_place_of_the_one_before(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let first = world.active_version().await;
        let planted = desk.histories(None).await;
        assert_eq!(planted.len(), 1, "{planted:?}");
        assert_eq!((&planted[0].prompt_version_id, planted[0].activated_at), (&first.id, first.created_at));

        let next = desk.save("next").await.unwrap();
        world.clock.advance(Duration::from_secs(60));
        let active = desk.activate(&next.id).await.unwrap();
        assert!(active.is_active, "{active:?}");
        assert_eq!(world.active_version().await, active);
        assert!(!desk.get(&first.id).await.unwrap().is_active);
        assert_eq!(world.counsel().await.prompt_version_id, next.id);

        let histories = desk.histories(None).await;
        let ids: Vec<_> = histories.iter().map(|history| &history.prompt_version_id).collect();
        assert_eq!(ids, [&next.id, &first.id]);
        assert_eq!(histories[0].activated_at, active.updated_at);
        assert_eq!(desk.histories(Some(&next.id)).await, histories[..1]);
        assert_eq!(desk.histories(Some(&first.id)).await, histories[1..]);
    }

    async fn activating_the_active_version_again_changes_nothing(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let active = world.active_version().await;
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(desk.activate(&active.id).await.unwrap(), active);
        assert_eq!(desk.histories(None).await.len(), 1);
        // Nor does a second start.
        let world = world.restart().await;
        assert_eq!(Desk::of(&world).histories(None).await.len(), 1);
    }

    async fn the_draft_cannot_be_activated(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let (active, draft) = (world.active_version().await, desk.draft().await);
        let message = "the temporary version cannot be activated; save it first";
        refused(desk.activate(&draft.id).await, Code::FailedPrecondition, message);
        assert_eq!(world.active_version().await, active);
        assert_eq!(desk.histories(None).await.len(), 1);
    }

    async fn of_admins_who_activate_at_once_the_last_one_wins_and_each_leaves_a_trace(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let (here, there) = (Desk::of(&world), Desk::at(&another.calls));
        let mut versions = Vec::new();
        for name in ["a", "b", "c", "d"] {
            versions.push(here.save(name).await.unwrap().id);
        }
        let [a, b, c, d] = &versions[..] else { panic!("four versions") };
        // Two of them for the same version.
        let results = tokio::join!(
            here.activate(a), there.activate(b), here.activate(c), there.activate(d), there.activate(a));
        for result in [results.0, results.1, results.2, results.3, results.4] {
            assert!(result.unwrap().is_active);
        }
        let active = "SELECT CAST(COUNT(*) AS TEXT) FROM prompt_versions WHERE is_active";
        assert_eq!(world.text(active).await.unwrap(), "1");
        let histories = here.histories(None).await;
        // The seed's, one each, and one more if another came between the two for the same version.
        assert!((5..=6).contains(&histories.len()), "{histories:?}");
        let activated: HashSet<_> = histories.iter().map(|history| &history.prompt_version_id).collect();
        assert!(versions.iter().all(|id| activated.contains(id)));
        assert!(versions.contains(&world.active_version().await.id));
    }

    async fn a_version_that_lacks_something_is_not_activated_and_all_of_it_is_listed(engine: Engine) {
        let world = World::new(engine).await;
        let desk = Desk::of(&world);
        let (active, counselors) = (world.active_version().await, world.counselors().await);
        let (counselor, other) = (&counselors[0], &counselors[1]);
        let draft = desk.draft().await;
        // What is deleted is missing, and so is what never was there for a new counselor with a new tone.
        let (tone_id, counselor_id) = (new_id(), new_id());
        for sql in [
            format!(
                "INSERT INTO tones (id, name, description, created_at, updated_at) \
                 VALUES ('{tone_id}', 'new tone', '', 1, 1)"
            ),
            format!(
                "INSERT INTO counselors (id, tone_id, name, description, profile_image, gender, created_at, \
                 updated_at) VALUES ('{counselor_id}', '{tone_id}', 'New', '', '/n', 'COUNSELOR_GENDER_NONE', 1, 1)"
            ),
            format!(
                "DELETE FROM persona_prompts WHERE prompt_version_id = '{}' AND counselor_id = '{}'",
                draft.id, counselor.id
            ),
            // Of a deleted counselor nothing is asked.
            format!("UPDATE counselors SET deleted_at = 1 WHERE id = '{}'", other.id),
            format!(
                "DELETE FROM persona_prompts WHERE prompt_version_id = '{}' AND counselor_id = '{}'",
                draft.id, other.id
            ),
        ] {
            world.execute(&sql).await;
        }
        let start = desk.techniques(&draft.id, Some(&counselor.tone_id)).await.remove(0);
        assert!(start.is_start_technique);
        let stop = UpdateCounselTechniqueRequest {
            is_start_technique: Some(false),
            ..technique_change(&start.id)
        };
        desk.change_technique(stop).await.unwrap();
        let tone = world.text(&format!("SELECT name FROM tones WHERE id = '{}'", counselor.tone_id)).await.unwrap();
        let saved = desk.save("incomplete").await.unwrap();
        for _ in 0..2 {
            let status = desk.activate(&saved.id).await.unwrap_err();
            let mut listed = missing(&status);
            for gap in &listed {
                assert!(status.message().contains(gap), "{} lacks {gap}", status.message());
            }
            let mut expected = vec![
                format!("persona_prompts is missing for counselor \"{}\"", counselor.name),
                "persona_prompts is missing for counselor \"New\"".to_owned(),
                "tone_prompts is missing for tone \"new tone\"".to_owned(),
                format!("counsel_techniques has no start technique for tone \"{tone}\""),
                "counsel_techniques has no start technique for tone \"new tone\"".to_owned(),
            ];
            listed.sort();
            expected.sort();
            assert_eq!(listed, expected);
        }
        assert_eq!(world.active_version().await, active);
        assert_eq!(desk.histories(None).await.len(), 1);
    }
}
