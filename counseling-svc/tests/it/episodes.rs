//! Stories of a counselor.

use futures::future::join_all;
use shared::id::new_id;
use shared::proto::v1::{
    CreateEpisodeRequest, CutSceneInput, CutSceneInputs, Episode, GetEpisodeRequest, ListEpisodesRequest,
    PageRequest, Speaker, UpdateEpisodeRequest,
};
use tonic::{Code, Status};

use crate::world::{World, admin, by, refused, violated};

fn scene(content: &str, order_index: i32) -> CutSceneInput {
    CutSceneInput {
        id: None,
        speaker: Speaker::Counselor.into(),
        content: content.to_owned(),
        order_index,
        image: None,
    }
}

fn story(counselor_id: &str, title: &str, threshold: i32) -> CreateEpisodeRequest {
    CreateEpisodeRequest {
        counselor_id: counselor_id.to_owned(),
        title: title.to_owned(),
        required_rapport_threshold: threshold,
        is_temporary: false,
        cut_scenes: vec![scene("second", 5), scene("first", 2)],
    }
}

async fn create(world: &World, request: CreateEpisodeRequest) -> Result<Episode, Status> {
    let answer = world.calls().episodes().create_episode(admin(request)).await?;
    Ok(answer.into_inner().episode.unwrap())
}

async fn update(world: &World, request: UpdateEpisodeRequest) -> Result<Episode, Status> {
    let answer = world.calls().episodes().update_episode(admin(request)).await?;
    Ok(answer.into_inner().episode.unwrap())
}

async fn listed(world: &World, user_id: &str, counselor_id: &str) -> Vec<Episode> {
    let request = ListEpisodesRequest { counselor_id: counselor_id.to_owned(), page: None };
    world.calls().episodes().list_episodes(by(user_id, request)).await.unwrap().into_inner().episodes
}

async fn get(world: &World, user_id: &str, episode: &Episode) -> Result<Episode, Status> {
    let request =
        GetEpisodeRequest { counselor_id: episode.counselor_id.clone(), episode_id: episode.id.clone() };
    let answer = world.calls().episodes().get_episode(by(user_id, request)).await?;
    Ok(answer.into_inner().episode.unwrap())
}

fn contents(episode: &Episode) -> Vec<&str> {
    episode.cut_scenes.iter().map(|scene| scene.content.as_str()).collect()
}

fn change(episode: &Episode, scenes: Vec<CutSceneInput>) -> UpdateEpisodeRequest {
    UpdateEpisodeRequest {
        counselor_id: episode.counselor_id.clone(),
        episode_id: episode.id.clone(),
        cut_scenes: Some(CutSceneInputs { cut_scenes: scenes }),
        ..Default::default()
    }
}

shared::on_each_engine! {
    async fn an_episode_unlocks_as_the_two_come_closer(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let (user, counselor_id) = (&counsel.user_id, &counsel.counselor_id);
        let before = listed(&world, user, counselor_id).await.len();
        let open = create(&world, story(counselor_id, "for everybody", 0)).await.unwrap();
        let locked = create(&world, story(counselor_id, "for friends", 2)).await.unwrap();
        assert_eq!(contents(&locked), ["first", "second"]);
        let seen = listed(&world, user, counselor_id).await;
        let [.., first, second] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(seen.len(), before + 2);
        assert_eq!(*first, open);
        assert_eq!((&second.id, second.is_locked, contents(second)), (&locked.id, true, vec![]));
        assert_eq!(get(&world, user, &locked).await.unwrap(), *second);

        world.calls().tell(&counsel, "one").await;
        world.calls().tell(&counsel, "two").await;
        assert_eq!(get(&world, user, &locked).await.unwrap(), locked);
        // Somebody else is no closer for that.
        assert!(get(&world, &new_id(), &locked).await.unwrap().is_locked);
    }

    async fn temporary_episodes_are_for_admins(engine: Engine) {
        let world = World::new(engine).await;
        let counselor_id = world.counselor().await.id;
        let draft = CreateEpisodeRequest { is_temporary: true, ..story(&counselor_id, "draft", 0) };
        let draft = create(&world, draft).await.unwrap();
        let user = new_id();
        assert!(listed(&world, &user, &counselor_id).await.iter().all(|episode| episode.id != draft.id));
        refused(get(&world, &user, &draft).await, Code::NotFound, "episode not found");
        let request = GetEpisodeRequest { counselor_id: counselor_id.clone(), episode_id: draft.id.clone() };
        let seen = world.calls().episodes().get_episode(admin(request)).await.unwrap();
        assert_eq!(seen.into_inner().episode.as_ref(), Some(&draft));
        let publish = UpdateEpisodeRequest {
            counselor_id,
            episode_id: draft.id.clone(),
            is_temporary: Some(false),
            ..Default::default()
        };
        let published = update(&world, publish).await.unwrap();
        assert_eq!(get(&world, &user, &draft).await.unwrap(), published);
        assert_eq!(published.cut_scenes, draft.cut_scenes);
    }

    async fn scenes_are_edited_in_place(engine: Engine) {
        let world = World::new(engine).await;
        let episode = create(&world, story(&world.counselor().await.id, "story", 0)).await.unwrap();
        let [first, second] = &episode.cut_scenes[..] else { panic!("two scenes") };
        // The two change places, and a new one comes between them.
        let scenes = vec![
            CutSceneInput { id: Some(first.id.clone()), ..scene("first, at the end", second.order_index) },
            CutSceneInput { id: Some(second.id.clone()), ..scene("second", first.order_index) },
            scene("new", 3),
        ];
        let edited = update(&world, change(&episode, scenes)).await.unwrap();
        assert_eq!(contents(&edited), ["second", "new", "first, at the end"]);
        assert_eq!(edited.cut_scenes[0].id, second.id);
        assert_eq!(edited.cut_scenes[2].created_at, first.created_at);
        assert_eq!(get(&world, &new_id(), &episode).await.unwrap(), edited);
        let emptied = update(&world, change(&episode, Vec::new())).await.unwrap();
        assert!(emptied.cut_scenes.is_empty());
        assert_eq!(emptied.title, "story");
    }

    async fn edits_at_once_leave_one_of_them_whole(engine: Engine) {
        let world = World::new(engine).await;
        let episode = create(&world, story(&world.counselor().await.id, "story", 0)).await.unwrap();
        let edits = (0..6).map(|number| {
            let scenes = (0..3).map(|place| scene(&format!("edit {number}, scene {place}"), place)).collect();
            update(&world, change(&episode, scenes))
        });
        let edited: Vec<_> = join_all(edits).await.into_iter().map(Result::unwrap).collect();
        let last = get(&world, &new_id(), &episode).await.unwrap();
        assert!(edited.contains(&last), "{last:?}");
        assert_eq!(last.cut_scenes.len(), 3);
    }

    async fn every_broken_rule_is_named(engine: Engine) {
        let world = World::new(engine).await;
        let counselor_id = world.counselor().await.id;
        let broken = CreateEpisodeRequest {
            counselor_id: "x".to_owned(),
            title: String::new(),
            required_rapport_threshold: -1,
            is_temporary: false,
            cut_scenes: vec![
                CutSceneInput { speaker: 0, image: Some("x".to_owned()), ..scene("", 1000) },
                scene("twice", 1000),
            ],
        };
        let fields = [
            "counselor_id",
            "title",
            "required_rapport_threshold",
            "cut_scenes.order_index",
            "cut_scenes.speaker",
            "cut_scenes.content",
            "cut_scenes.image",
            "cut_scenes.order_index",
            "cut_scenes.1.order_index",
        ];
        assert_eq!(violated(create(&world, broken).await), fields);
        refused(create(&world, story(&new_id(), "story", 0)).await, Code::NotFound, "counselor not found");

        let episode = create(&world, story(&counselor_id, "story", 0)).await.unwrap();
        let other = create(&world, story(&counselor_id, "other", 0)).await.unwrap();
        let theirs = CutSceneInput { id: Some(other.cut_scenes[0].id.clone()), ..scene("mine now", 0) };
        assert_eq!(violated(update(&world, change(&episode, vec![theirs])).await), ["cut_scenes.0.id"]);
        assert_eq!(get(&world, &new_id(), &other).await.unwrap(), other);
        let elsewhere = UpdateEpisodeRequest { episode_id: new_id(), ..change(&episode, Vec::new()) };
        refused(update(&world, elsewhere).await, Code::NotFound, "episode not found");
    }

    async fn only_admins_write_episodes_and_everybody_pages_them(engine: Engine) {
        let world = World::new(engine).await;
        let counselor_id = world.counselor().await.id;
        let user = new_id();
        let refusal = world.calls().episodes().create_episode(by(&user, story(&counselor_id, "mine", 0))).await;
        assert_eq!(refusal.unwrap_err().code(), Code::PermissionDenied);
        let refusal = world.calls().episodes().update_episode(by(&user, Default::default())).await;
        assert_eq!(refusal.unwrap_err().code(), Code::PermissionDenied);
        for number in 0..3 {
            create(&world, story(&counselor_id, &format!("story {number}"), 0)).await.unwrap();
        }
        let all = listed(&world, &user, &counselor_id).await;
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = Some(PageRequest { limit: Some(2), cursor });
            let request = ListEpisodesRequest { counselor_id: counselor_id.clone(), page };
            let listed = world.calls().episodes().list_episodes(by(&user, request)).await.unwrap().into_inner();
            seen.extend(listed.episodes);
            if listed.next_cursor.is_empty() {
                break;
            }
            cursor = Some(listed.next_cursor);
        }
        assert_eq!(seen, all);
    }

    async fn stories_too_long_for_one_answer_come_in_more_pages(engine: Engine) {
        let world = World::new(engine).await;
        let counselor_id = world.counselor().await.id;
        for number in 0..4 {
            let cut_scenes = (0..200).map(|place| scene(&"밤".repeat(2000), place)).collect();
            let long = CreateEpisodeRequest { cut_scenes, ..story(&counselor_id, &format!("long {number}"), 0) };
            create(&world, long).await.unwrap();
        }
        let (mut titles, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = Some(PageRequest { limit: None, cursor });
            let request = ListEpisodesRequest { counselor_id: counselor_id.clone(), page };
            let answer = world.calls().episodes().list_episodes(by(&new_id(), request)).await.unwrap();
            let listed = answer.into_inner();
            titles.extend(listed.episodes.into_iter().map(|episode| episode.title));
            pages += 1;
            if listed.next_cursor.is_empty() {
                break;
            }
            cursor = Some(listed.next_cursor);
        }
        let long: Vec<_> = titles.iter().filter(|title| title.starts_with("long")).collect();
        assert_eq!(long, ["long 0", "long 1", "long 2", "long 3"]);
        assert!(pages > 1);
    }
}
