//! What a service plants when it starts.

use std::sync::Arc;

use counseling_svc::assistant::OfflineAssistant;
use shared::id::new_id;
use shared::proto::v1::{Bubble, CounselTechnique, Counselor, PromptVersion};
use shared::testkit::{NatsServer, TestDatabase, service_config};
use shared::time::Clock;

use crate::world::{Instance, World};

const TABLES: [&str; 8] = [
    "tones",
    "counselors",
    "bubbles",
    "prompt_versions",
    "persona_prompts",
    "tone_prompts",
    "counsel_techniques",
    "counsel_technique_transition_rules",
];

#[derive(Debug, PartialEq)]
struct Planted {
    counts: Vec<i64>,
    version: PromptVersion,
    counselors: Vec<Counselor>,
    bubbles: Vec<Bubble>,
    techniques: Vec<CounselTechnique>,
}

async fn planted(world: &World) -> Planted {
    let mut planted = Planted {
        counts: Vec::new(),
        version: world.active_version().await,
        counselors: world.counselors().await,
        bubbles: Vec::new(),
        techniques: Vec::new(),
    };
    for table in TABLES {
        planted.counts.push(world.count(table).await);
    }
    for counselor in &planted.counselors {
        planted.bubbles.extend(world.bubbles(&counselor.id).await);
        planted.techniques.extend(world.techniques(&counselor.tone_id).await);
    }
    planted
}

shared::on_each_engine! {
    async fn every_counselor_can_talk_from_the_beginning(engine: Engine) {
        let world = World::new(engine).await;
        for counselor in world.counselors().await {
            let counsel = world.calls().greeted(&new_id(), &counselor.id).await;
            assert!(!world.bubbles(&counselor.id).await.is_empty(), "{counselor:?}");
            world.calls().tell(&counsel, "hello").await;
        }
    }

    async fn a_second_start_plants_nothing_twice(engine: Engine) {
        let world = World::new(engine).await;
        let first = planted(&world).await;
        assert!(first.counts.iter().all(|count| *count > 0), "{:?}", first.counts);
        world.clock.advance(std::time::Duration::from_secs(60));
        let world = world.restart().await;
        assert_eq!(planted(&world).await, first);
    }

    async fn services_that_start_at_once_plant_the_same_rows_once(engine: Engine) {
        let (nats, file) = tokio::join!(Box::pin(NatsServer::start()), TestDatabase::new(engine));
        let (clock, assistant) = (Clock::system(), Arc::new(OfflineAssistant::new().unwrap()));
        let start =
            || Instance::start(service_config(&nats, &file), clock.clone(), assistant.clone());
        let (service, another, third) =
            tokio::join!(Box::pin(start()), Box::pin(start()), Box::pin(start()));
        for instance in [another, third] {
            instance.running.stop().await;
        }
        let world = World { nats, file, clock, service, assistant };
        let once = planted(&World::new(engine).await).await;
        let together = planted(&world).await;
        assert_eq!(together.counts, once.counts);
        let ids = |planted: &Planted| -> Vec<String> {
            planted.bubbles.iter().map(|bubble| bubble.id.clone()).collect()
        };
        assert_eq!(ids(&together), ids(&once));
    }

    async fn what_an_operator_has_changed_stays(engine: Engine) {
        let world = World::new(engine).await;
        let before = planted(&world).await;
        let (version, counselor) = (&before.version, &before.counselors[0]);
        let other = new_id();
        for sql in [
            format!("UPDATE counselors SET name = 'renamed' WHERE id = '{}'", counselor.id),
            format!("UPDATE bubbles SET deleted_at = 1 WHERE id = '{}'", before.bubbles[0].id),
            // Another version is active, and the first one's row is gone.
            "UPDATE prompt_versions SET is_active = FALSE".to_owned(),
            format!(
                "INSERT INTO prompt_versions (id, name, description, is_active, is_temporary, is_bookmarked, \
                 ai_model, created_at, updated_at) \
                 VALUES ('{other}', 'other', '', TRUE, FALSE, FALSE, 'AI_MODEL_GPT_5', 1, 1)"
            ),
            "DELETE FROM counsel_technique_transition_rules".to_owned(),
            "DELETE FROM counsel_techniques".to_owned(),
            "DELETE FROM tone_prompts".to_owned(),
            "DELETE FROM persona_prompts".to_owned(),
            "DELETE FROM prompt_activate_histories".to_owned(),
            format!("DELETE FROM prompt_versions WHERE id = '{}'", version.id),
        ] {
            world.execute(&sql).await;
        }
        let world = world.restart().await;
        assert_eq!(world.active_version().await.id, other);
        assert_eq!(world.count("prompt_versions").await, before.counts[3] + 1);
        assert_eq!(world.counselors().await[0].name, "renamed");
        assert_eq!(world.bubbles(&counselor.id).await.len() + 1, before.bubbles.iter().filter(
            |bubble| bubble.counselor_id == counselor.id).count());
        for (table, count) in TABLES.iter().zip(&before.counts).skip(4) {
            assert_eq!(world.count(table).await, *count, "{table}");
        }
    }

    async fn what_an_operator_has_put_in_the_place_of_something_stays(engine: Engine) {
        let world = World::new(engine).await;
        let counselor = world.counselor().await;
        let techniques = world.techniques(&counselor.tone_id).await;
        let [first, second, ..] = &techniques[..] else { panic!("two techniques") };
        for sql in [
            format!("UPDATE persona_prompts SET id = '{}' WHERE counselor_id = '{}'", new_id(), counselor.id),
            // The planted start is gone; another technique is in its place.
            format!(
                "DELETE FROM counsel_technique_transition_rules WHERE from_counsel_technique_id = '{0}' \
                 OR to_counsel_technique_id = '{0}'",
                first.id
            ),
            format!("DELETE FROM counsel_techniques WHERE id = '{}'", first.id),
            format!("UPDATE counsel_techniques SET is_start_technique = TRUE WHERE id = '{}'", second.id),
        ] {
            world.execute(&sql).await;
        }
        let (prompts, rules) =
            (world.count("persona_prompts").await, world.count("counsel_technique_transition_rules").await);
        let world = world.restart().await;
        assert_eq!(world.count("persona_prompts").await, prompts);
        assert!(world.count("counsel_technique_transition_rules").await > rules);
        let starts: Vec<_> = world
            .techniques(&counselor.tone_id)
            .await
            .into_iter()
            .filter(|technique| technique.is_start_technique)
            .map(|technique| technique.id)
            .collect();
        assert_eq!(starts, std::slice::from_ref(&second.id));
        assert_eq!(world.counsel().await.counsel_technique_id, second.id);
    }
}
