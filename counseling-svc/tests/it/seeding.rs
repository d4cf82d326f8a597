//! What a service plants when it starts.

use std::sync::Arc;

use counseling_svc::assistant::OfflineAssistant;
use shared::id::new_id;
use shared::proto::v1::{
    Bubble, CounselTechnique, Counselor, CreateCounselorRequest, CutSceneInput, CutSceneInputs, Episode,
    ListEpisodesRequest, PromptVersion, UpdateEpisodeRequest,
};
use shared::testkit::{NatsServer, TestDatabase, service_config};
use shared::time::Clock;

use crate::world::{Instance, World, admin};

const TABLES: [&str; 10] = [
    "tones",
    "counselors",
    "bubbles",
    "prompt_versions",
    "persona_prompts",
    "tone_prompts",
    "counsel_techniques",
    "counsel_technique_transition_rules",
    "episodes",
    "cut_scenes",
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

/// The stories of every counselor, complete.
async fn stories(world: &World) -> Vec<Episode> {
    let mut stories = Vec::new();
    for counselor in world.counselors().await {
        let request = ListEpisodesRequest { counselor_id: counselor.id, page: None };
        let listed = world.calls().episodes().list_episodes(admin(request)).await.unwrap().into_inner();
        stories.extend(listed.episodes);
    }
    stories
}

shared::on_each_engine! {
    async fn the_first_story_is_open_and_the_second_is_to_be_earned(engine: Engine) {
        let world = World::new(engine).await;
        let planted = stories(&world).await;
        assert_eq!(planted.len(), 4);
        for pair in planted.chunks(2) {
            assert_eq!(pair[0].counselor_id, pair[1].counselor_id);
            let thresholds = [pair[0].required_rapport_threshold, pair[1].required_rapport_threshold];
            assert_eq!(thresholds, [0, 10]);
        }
        for story in planted {
            assert!((3..=4).contains(&story.cut_scenes.len()), "{story:?}");
            assert!(story.cut_scenes.is_sorted_by_key(|scene| scene.order_index));
        }
    }

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
            || Instance::start(service_config("counseling-svc", &nats, &file), clock.clone(), assistant.clone());
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

    async fn what_an_operator_has_taken_out_of_a_story_stays_out(engine: Engine) {
        let world = World::new(engine).await;
        let story = stories(&world).await.into_iter().next().unwrap();
        let kept = &story.cut_scenes[1];
        let only = CutSceneInput {
            id: Some(kept.id.clone()),
            speaker: kept.speaker,
            content: kept.content.clone(),
            order_index: kept.order_index,
            ..Default::default()
        };
        let request = UpdateEpisodeRequest {
            counselor_id: story.counselor_id.clone(),
            episode_id: story.id.clone(),
            title: Some("shorter".to_owned()),
            cut_scenes: Some(CutSceneInputs { cut_scenes: vec![only] }),
            ..Default::default()
        };
        world.calls().episodes().update_episode(admin(request)).await.unwrap();
        let before = stories(&world).await;
        assert_eq!((before[0].title.as_str(), before[0].cut_scenes.len()), ("shorter", 1));
        let world = world.restart().await;
        assert_eq!(stories(&world).await, before);
    }

    async fn a_name_that_an_operator_has_given_stays_with_its_bearer(engine: Engine) {
        let world = World::new(engine).await;
        let planted = world.counselor().await;
        // As if the counselor came with a release that is still to be started, and the operator were faster.
        for sql in [
            "DELETE FROM cut_scenes".to_owned(),
            "DELETE FROM episodes".to_owned(),
            format!("DELETE FROM bubbles WHERE counselor_id = '{}'", planted.id),
            format!("DELETE FROM persona_prompts WHERE counselor_id = '{}'", planted.id),
            format!("DELETE FROM counselors WHERE id = '{}'", planted.id),
        ] {
            world.execute(&sql).await;
        }
        let request = CreateCounselorRequest {
            tone_id: planted.tone_id.clone(),
            name: planted.name.clone(),
            description: "the operator's own".to_owned(),
            profile_image: "https://cdn.example/own.webp".to_owned(),
            gender: planted.gender,
        };
        let own = world.calls().counselors().create_counselor(admin(request)).await.unwrap();
        let own = own.into_inner().counselor.unwrap();
        let world = world.restart().await;
        let named: Vec<_> =
            world.counselors().await.into_iter().filter(|counselor| counselor.name == planted.name).collect();
        assert_eq!(named, std::slice::from_ref(&own));
        assert!(world.bubbles(&own.id).await.is_empty());

        // And a tone with all who speak in it.
        for table in [
            "cut_scenes",
            "episodes",
            "bubbles",
            "persona_prompts",
            "tone_prompts",
            "counsel_technique_transition_rules",
            "counsel_techniques",
            "counselors",
        ] {
            world.execute(&format!("DELETE FROM {table}")).await;
        }
        world.execute(&format!("UPDATE tones SET id = '{}' WHERE id = '{}'", new_id(), planted.tone_id)).await;
        let world = world.restart().await;
        let counselors = world.counselors().await;
        assert!(!counselors.is_empty());
        assert!(counselors.iter().all(|counselor| counselor.tone_id != planted.tone_id), "{counselors:?}");
    }
}
