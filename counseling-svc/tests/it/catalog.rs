//! What admins do to counselors, tones and bubbles.

use futures::future::join_all;
use shared::id::new_id;
use shared::proto::v1::{
    Counselor, CounselorGender, CreateBubbleRequest, CreateCounselorRequest, CreateToneRequest,
    DeleteBubbleRequest, GetCounselorRequest, ListCounselorsRequest, ListTonesRequest, PageRequest, Tone,
    UpdateBubbleRequest, UpdateCounselorRequest, UpdateToneRequest,
};
use tonic::{Code, Status};

use crate::world::{World, admin, by, refused, violated};

fn counselor(tone_id: &str, name: &str) -> CreateCounselorRequest {
    CreateCounselorRequest {
        tone_id: tone_id.to_owned(),
        name: name.to_owned(),
        description: "listens".to_owned(),
        profile_image: "https://cdn.example/a.png".to_owned(),
        gender: CounselorGender::None.into(),
    }
}

async fn tone(world: &World, name: &str) -> Result<Tone, Status> {
    let request = CreateToneRequest { name: name.to_owned(), description: "soft".to_owned() };
    Ok(world.calls().counselors().create_tone(admin(request)).await?.into_inner().tone.unwrap())
}

async fn create(world: &World, request: CreateCounselorRequest) -> Result<Counselor, Status> {
    let answer = world.calls().counselors().create_counselor(admin(request)).await?;
    Ok(answer.into_inner().counselor.unwrap())
}

async fn change(world: &World, request: UpdateCounselorRequest) -> Result<Counselor, Status> {
    let answer = world.calls().counselors().update_counselor(admin(request)).await?;
    Ok(answer.into_inner().counselor.unwrap())
}

shared::on_each_engine! {
    async fn a_counselor_is_added_changed_and_found(engine: Engine) {
        let world = World::new(engine).await;
        let tone = tone(&world, "  soft  ").await.unwrap();
        assert_eq!(tone.name, "soft");
        let made = create(&world, counselor(&tone.id, "Sora")).await.unwrap();
        assert_eq!((made.name.as_str(), &made.tone_id), ("Sora", &tone.id));
        assert_eq!(made.gender(), CounselorGender::None);
        let request = UpdateCounselorRequest {
            counselor_id: made.id.clone(),
            description: Some("listens well".to_owned()),
            gender: Some(CounselorGender::Female.into()),
            ..Default::default()
        };
        let changed = change(&world, request).await.unwrap();
        assert_eq!(changed.gender(), CounselorGender::Female);
        assert_eq!((changed.name.as_str(), changed.description.as_str()), ("Sora", "listens well"));
        assert_eq!(changed.created_at, made.created_at);
        let request = GetCounselorRequest { counselor_id: made.id };
        let found = world.calls().counselors().get_counselor(by(&new_id(), request)).await.unwrap();
        assert_eq!(found.into_inner().counselor.unwrap(), changed);
    }

    async fn a_tone_is_changed(engine: Engine) {
        let world = World::new(engine).await;
        let made = tone(&world, "soft").await.unwrap();
        let request = UpdateToneRequest { tone_id: made.id.clone(), name: Some("loud".to_owned()), description: None };
        let changed = world.calls().counselors().update_tone(admin(request)).await.unwrap();
        let changed = changed.into_inner().tone.unwrap();
        assert_eq!((changed.name.as_str(), changed.description.as_str()), ("loud", "soft"));
        let unknown = UpdateToneRequest { tone_id: new_id(), ..Default::default() };
        let refusal = world.calls().counselors().update_tone(admin(unknown)).await;
        refused(refusal, Code::NotFound, "tone not found");
    }

    async fn no_two_have_the_same_name(engine: Engine) {
        let world = World::new(engine).await;
        let soft = tone(&world, "soft").await.unwrap();
        let at_once = join_all((0..4).map(|_| create(&world, counselor(&soft.id, "Sora")))).await;
        let (made, refusals): (Vec<_>, Vec<_>) = at_once.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), refusals.len()), (1, 3));
        for refusal in refusals {
            refused(refusal, Code::AlreadyExists, "a counselor of this name exists already");
        }
        let other = create(&world, counselor(&soft.id, "Bada")).await.unwrap();
        let renamed = UpdateCounselorRequest {
            counselor_id: other.id,
            name: Some("Sora".to_owned()),
            ..Default::default()
        };
        refused(change(&world, renamed).await, Code::AlreadyExists, "a counselor of this name exists already");
        refused(tone(&world, "soft").await, Code::AlreadyExists, "a tone of this name exists already");
    }

    async fn every_broken_rule_is_named(engine: Engine) {
        let world = World::new(engine).await;
        let nothing = CreateCounselorRequest::default();
        let fields = ["tone_id", "name", "description", "profile_image", "gender"];
        assert_eq!(violated(create(&world, nothing).await), fields);
        let request = CreateCounselorRequest {
            description: "a\u{0}b".to_owned(),
            profile_image: "javascript:alert(1)".to_owned(),
            ..counselor(&new_id(), &"n".repeat(51))
        };
        assert_eq!(violated(create(&world, request).await), ["name", "description", "profile_image"]);
        assert_eq!(violated(create(&world, counselor(&new_id(), "Sora")).await), ["tone_id"]);
        let request = UpdateCounselorRequest {
            counselor_id: "x".to_owned(),
            tone_id: Some("y".to_owned()),
            name: Some(String::new()),
            gender: Some(99),
            ..Default::default()
        };
        assert_eq!(violated(change(&world, request).await), ["counselor_id", "tone_id", "name", "gender"]);
        assert_eq!(violated(tone(&world, "").await), ["name"]);
        let request = CreateBubbleRequest { counselor_id: new_id(), ..Default::default() };
        let refusal = world.calls().counselors().create_bubble(admin(request)).await;
        assert_eq!(violated(refusal), ["question", "response_option1", "response_option2"]);
    }

    async fn bubbles_come_and_go(engine: Engine) {
        let world = World::new(engine).await;
        let tone = tone(&world, "soft").await.unwrap();
        let counselor = create(&world, counselor(&tone.id, "Sora")).await.unwrap();
        let new = CreateBubbleRequest {
            counselor_id: counselor.id.clone(),
            question: "How are you?".to_owned(),
            response_option1: "good".to_owned(),
            response_option2: "bad".to_owned(),
        };
        let made = world.calls().counselors().create_bubble(admin(new.clone())).await.unwrap();
        let made = made.into_inner().bubble.unwrap();
        assert_eq!(world.bubbles(&counselor.id).await, std::slice::from_ref(&made));
        let other = UpdateBubbleRequest {
            counselor_id: counselor.id.clone(),
            bubble_id: made.id.clone(),
            response_option2: Some("not so good".to_owned()),
            ..Default::default()
        };
        let changed = world.calls().counselors().update_bubble(admin(other.clone())).await.unwrap();
        let changed = changed.into_inner().bubble.unwrap();
        assert_eq!((changed.question.as_str(), changed.response_option2.as_str()), ("How are you?", "not so good"));

        // It is another counselor's for everybody who names another counselor.
        let elsewhere = world.counselor().await.id;
        let wrong = UpdateBubbleRequest { counselor_id: elsewhere.clone(), ..other };
        refused(world.calls().counselors().update_bubble(admin(wrong)).await, Code::NotFound, "bubble not found");
        let mut delete = DeleteBubbleRequest { counselor_id: elsewhere, bubble_id: made.id.clone() };
        let refusal = world.calls().counselors().delete_bubble(admin(delete.clone())).await;
        refused(refusal, Code::NotFound, "bubble not found");
        delete.counselor_id = counselor.id.clone();
        world.calls().counselors().delete_bubble(admin(delete.clone())).await.unwrap();
        let again = world.calls().counselors().delete_bubble(admin(delete)).await;
        refused(again, Code::NotFound, "bubble not found");
        assert!(world.bubbles(&counselor.id).await.is_empty());
        let unknown = CreateBubbleRequest { counselor_id: new_id(), ..new };
        let refusal = world.calls().counselors().create_bubble(admin(unknown)).await;
        refused(refusal, Code::NotFound, "counselor not found");
    }

    async fn only_admins_change_anything(engine: Engine) {
        let world = World::new(engine).await;
        let user = new_id();
        let mut calls = world.calls().counselors();
        let refusals = [
            calls.create_counselor(by(&user, Default::default())).await.unwrap_err(),
            calls.update_counselor(by(&user, Default::default())).await.unwrap_err(),
            calls.create_tone(by(&user, Default::default())).await.unwrap_err(),
            calls.update_tone(by(&user, Default::default())).await.unwrap_err(),
            calls.create_bubble(by(&user, Default::default())).await.unwrap_err(),
            calls.update_bubble(by(&user, Default::default())).await.unwrap_err(),
            calls.delete_bubble(by(&user, Default::default())).await.unwrap_err(),
        ];
        for refusal in refusals {
            assert_eq!(refusal.code(), Code::PermissionDenied, "{refusal:?}");
        }
    }

    async fn counselors_and_tones_are_paged(engine: Engine) {
        let world = World::new(engine).await;
        let all = world.counselors().await;
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let request = ListCounselorsRequest { page: Some(PageRequest { limit: Some(2), cursor }) };
            let listed = world.calls().counselors().list_counselors(by(&new_id(), request)).await.unwrap().into_inner();
            assert!(listed.counselors.len() <= 2);
            seen.extend(listed.counselors);
            if listed.next_cursor.is_empty() {
                break;
            }
            cursor = Some(listed.next_cursor);
        }
        assert_eq!(seen, all);
        let request = ListTonesRequest { page: Some(PageRequest { limit: Some(1), cursor: None }) };
        let listed = world.calls().counselors().list_tones(by(&new_id(), request)).await.unwrap().into_inner();
        assert_eq!((listed.tones.len(), listed.next_cursor.is_empty()), (1, false));
    }
}
