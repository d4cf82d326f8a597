//! Opening and finding counsels.

use std::time::Duration;

use counseling_svc::assistant::{AssistantError, Speaker, Utterance};
use futures::future::join_all;
use shared::auth::Caller;
use shared::id::new_id;
use shared::proto::events::v1::CounselCreated;
use shared::proto::v1::{
    BubbleResponse, Counsel, CreateCounselRequest, ListCounselsRequest, ListRelationshipsRequest,
};
use shared::testkit::caller;
use tonic::Code;

use crate::puppet::{GREETING, answer_to};
use crate::world::{Calls, World, admin, by, opening, refused, violated};

fn with_bubble(counselor_id: &str, bubble_id: &str, response_option_no: i32) -> CreateCounselRequest {
    let bubble_response = Some(BubbleResponse { bubble_id: bubble_id.to_owned(), response_option_no });
    CreateCounselRequest { bubble_response, ..opening(counselor_id) }
}

async fn list(calls: &Calls, user_id: &str, counselor_id: Option<&str>) -> Vec<Counsel> {
    let request = ListCounselsRequest {
        counselor_id: counselor_id.map(str::to_owned),
        ..ListCounselsRequest::default()
    };
    calls.counsels().list_counsels(by(user_id, request)).await.unwrap().into_inner().counsels
}

shared::on_each_engine! {
    async fn a_counsel_without_a_bubble_begins_with_a_greeting(engine: Engine) {
        let world = World::new(engine).await;
        let (counselor, user_id) = (world.counselor().await, new_id());
        let request = opening(&counselor.id);
        let opened = world.calls().open(by(&user_id, request.clone())).await.unwrap();
        let counsel = opened.counsel.unwrap();
        assert_eq!((&counsel.id, &counsel.counselor_id), (&request.counsel_id, &counselor.id));
        assert_eq!((&counsel.user_id, counsel.deleted_at), (&user_id, None));
        assert_eq!(counsel.prompt_version_id, world.active_version().await.id);
        assert_eq!(counsel.counsel_technique_id, world.techniques(&counselor.tone_id).await[0].id);

        let [greeting] = &opened.counsel_messages[..] else { panic!("{:?}", opened.counsel_messages) };
        assert!(!greeting.is_user_message && greeting.reaction.is_none(), "{greeting:?}");
        assert_eq!(greeting.counsel_id, counsel.id);
        assert_eq!(greeting.counsel_technique_id, counsel.counsel_technique_id);
        assert_eq!(counsel.last_message.as_ref(), Some(&greeting.message));
        assert_eq!(counsel.last_chatted_at, greeting.created_at);
        assert_eq!(world.calls().messages(&counsel).await, opened.counsel_messages);
        assert_eq!(world.calls().again(&counsel).await, counsel);

        let created = CounselCreated {
            counsel_id: counsel.id.clone(),
            user_id: user_id.clone(),
            counselor_id: counselor.id.clone(),
            prompt_version_id: counsel.prompt_version_id.clone(),
            bubble_id: None,
        };
        assert_eq!(world.events::<CounselCreated>(&counsel.id).await, [created]);

        let request = ListRelationshipsRequest { counselor_id: None, ..ListRelationshipsRequest::default() };
        let relationships =
            world.calls().counsels().list_relationships(by(&user_id, request)).await.unwrap().into_inner();
        let [met] = &relationships.counselor_user_relationships[..] else { panic!("{relationships:?}") };
        assert_eq!((&met.id, met.rapport), (&counsel.counselor_user_relationship_id, 0));
    }

    async fn a_counsel_from_a_bubble_begins_with_the_question_and_the_chosen_answer(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counselor = world.counselor().await;
        let bubble = world.bubbles(&counselor.id).await.remove(0);
        for (number, chosen) in [(1, &bubble.response_option1), (2, &bubble.response_option2)] {
            let request = with_bubble(&counselor.id, &bubble.id, number);
            let opened = world.calls().open(by(&new_id(), request)).await.unwrap();
            let said: Vec<_> = opened
                .counsel_messages
                .iter()
                .map(|message| (message.message.clone(), message.is_user_message))
                .collect();
            let expected = [
                (bubble.question.clone(), false),
                (chosen.clone(), true),
                (answer_to(chosen), false),
            ];
            assert_eq!(said, expected);
            let counsel = opened.counsel.unwrap();
            assert_eq!(counsel.last_message, Some(answer_to(chosen)));
            assert_eq!(world.calls().messages(&counsel).await, opened.counsel_messages);
            let created = world.events::<CounselCreated>(&counsel.id).await;
            assert_eq!(created.len(), 1);
            assert_eq!(created[0].bubble_id.as_ref(), Some(&bubble.id));

            let turn = puppet.asked().pop().unwrap();
            assert_eq!(&turn.message, chosen);
            let question = Utterance { speaker: Speaker::Counselor, text: bubble.question.clone() };
            assert_eq!(turn.history, [question]);
            assert_eq!(turn.scene.persona.counselor_name, counselor.name);
        }
    }

    async fn a_repeat_finds_the_first_ones_counsel(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let (counselor, user_id) = (world.counselor().await, new_id());
        let bubble = world.bubbles(&counselor.id).await.remove(0);
        let request = with_bubble(&counselor.id, &bubble.id, 1);
        let first = world.calls().open(by(&user_id, request.clone())).await.unwrap();
        let again = world.calls().open(by(&user_id, request.clone())).await.unwrap();
        assert_eq!(again, first);

        // Later, too: the counsel as it is now, and the words it was opened with.
        let counsel = first.counsel.unwrap();
        world.calls().tell(&counsel, "and now something else").await;
        let later = world.calls().open(by(&user_id, request)).await.unwrap();
        assert_eq!(later.counsel, Some(world.calls().again(&counsel).await));
        assert_eq!(later.counsel_messages, first.counsel_messages);
        assert_eq!(puppet.asked().len(), 2);
        assert_eq!(world.events::<CounselCreated>(&counsel.id).await.len(), 1);
    }

    async fn the_same_request_at_the_same_time_opens_one_counsel(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let (counselor, user_id) = (world.counselor().await, new_id());
        let request = opening(&counselor.id);
        let calls = [world.calls(), &another.calls, world.calls(), &another.calls];
        let opened = join_all(calls.map(|calls| calls.open(by(&user_id, request.clone())))).await;
        let opened: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
        assert!(opened.iter().all(|one| *one == opened[0]), "{opened:?}");
        assert_eq!(list(world.calls(), &user_id, None).await, [opened[0].counsel.clone().unwrap()]);
        assert_eq!(world.calls().messages(opened[0].counsel.as_ref().unwrap()).await.len(), 1);
        assert_eq!(world.events::<CounselCreated>(&request.counsel_id).await.len(), 1);
    }

    async fn somebody_elses_counsel_id_is_not_found(engine: Engine) {
        let world = World::new(engine).await;
        let [counselor, other, ..] = &world.counselors().await[..] else { panic!("two counselors") };
        let (user_id, request) = (new_id(), opening(&counselor.id));
        world.calls().open(by(&user_id, request.clone())).await.unwrap();
        let stolen = world.calls().open(by(&new_id(), request.clone())).await;
        refused(stolen, Code::NotFound, "counsel not found");
        let stolen = world.calls().open(admin(request.clone())).await;
        refused(stolen, Code::NotFound, "counsel not found");
        let elsewhere = CreateCounselRequest { counselor_id: other.id.clone(), ..request };
        let elsewhere = world.calls().open(by(&user_id, elsewhere)).await;
        refused(elsewhere, Code::NotFound, "counsel not found");
        assert_eq!(world.count("counsels").await, 1);
    }

    async fn a_counsel_needs_a_counselor_and_one_of_their_bubbles(engine: Engine) {
        let world = World::new(engine).await;
        let [counselor, other, ..] = &world.counselors().await[..] else { panic!("two counselors") };
        let (calls, user_id) = (world.calls(), new_id());
        let foreign = &world.bubbles(&other.id).await[0].id;
        let response = calls.open(by(&user_id, opening(&new_id()))).await;
        refused(response, Code::NotFound, "counselor not found");
        for bubble_id in [foreign, &new_id()] {
            let response = calls.open(by(&user_id, with_bubble(&counselor.id, bubble_id, 1))).await;
            refused(response, Code::NotFound, "bubble not found");
        }
        for number in [0, 3, -1] {
            let response = calls.open(by(&user_id, with_bubble(&counselor.id, foreign, number))).await;
            assert_eq!(violated(response), ["response_option_no"]);
        }
        let request = CreateCounselRequest {
            counsel_id: "one".to_owned(),
            prompt_version_id: Some("active".to_owned()),
            ..with_bubble("somebody", "anything", 0)
        };
        let fields = ["counsel_id", "counselor_id", "bubble_id", "response_option_no", "prompt_version_id"];
        assert_eq!(violated(calls.open(by(&user_id, request)).await), fields);
        let nobody = calls.open(caller(Caller::Gateway, opening(&counselor.id))).await;
        refused(nobody, Code::PermissionDenied, "this call needs a user");
        assert_eq!(world.count("counsels").await, 0);
    }

    async fn an_assistant_that_does_not_greet_opens_nothing_until_it_does(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let (counselor, user_id) = (world.counselor().await, new_id());
        let request = opening(&counselor.id);
        puppet.fail(AssistantError::Unavailable("it has no capacity".to_owned()));
        let response = world.calls().open(by(&user_id, request.clone())).await;
        let message = "a part of the service cannot be reached at the moment";
        refused(response, Code::Unavailable, message);
        for table in ["counsels", "counsel_messages", "counselor_user_relationships", "outbox"] {
            assert_eq!(world.count(table).await, 0, "{table}");
        }
        let opened = world.calls().open(by(&user_id, request)).await.unwrap();
        assert_eq!(opened.counsel_messages[0].message, GREETING);
    }

    async fn a_user_finds_their_own_counsels_newest_first(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let [counselor, other, ..] = &world.counselors().await[..] else { panic!("two counselors") };
        let (calls, user_id) = (world.calls(), new_id());
        let mut opened = Vec::new();
        for counselor in [counselor, other, counselor] {
            opened.push(calls.greeted(&user_id, &counselor.id).await);
            world.clock.advance(Duration::from_secs(60));
        }
        calls.greeted(&new_id(), &counselor.id).await;
        let ids = async |counselor_id: Option<&str>| -> Vec<String> {
            list(calls, &user_id, counselor_id).await.into_iter().map(|counsel| counsel.id).collect()
        };
        let [first, second, third] = &opened[..] else { panic!("three counsels") };
        assert_eq!(ids(None).await, [&third.id, &second.id, &first.id].map(Clone::clone));

        calls.tell(first, "are you still there?").await;
        assert_eq!(ids(None).await, [&third.id, &second.id, &first.id].map(Clone::clone));
        assert_eq!(ids(Some(&counselor.id)).await, [&third.id, &first.id].map(Clone::clone));
        assert_eq!(ids(Some(&other.id)).await, std::slice::from_ref(&second.id));
        assert!(ids(Some(&new_id())).await.is_empty());
        assert_eq!(list(calls, &user_id, None).await[2], calls.again(first).await);
        assert!(list(calls, &new_id(), None).await.is_empty());
    }

    async fn somebody_elses_counsel_is_not_found_but_admins_may_read_it(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let calls = world.calls();
        let elsewhere = Counsel { counselor_id: world.counselors().await[0].id.clone(), ..counsel.clone() };
        assert_ne!(elsewhere.counselor_id, counsel.counselor_id);
        let unknown = Counsel { id: new_id(), ..counsel.clone() };
        let (owner, stranger) = (Caller::User(counsel.user_id.clone()), Caller::User(new_id()));
        for (who, counsel) in [(&stranger, &counsel), (&owner, &elsewhere), (&owner, &unknown)] {
            let message = "counsel not found";
            refused(calls.get(who.clone(), counsel).await, Code::NotFound, message);
            refused(calls.messages_as(who.clone(), counsel).await, Code::NotFound, message);
            let said = calls.say_as(who.clone(), counsel, "hello", &new_id()).await;
            refused(said, Code::NotFound, message);
        }
        let admin = Caller::Admin(new_id());
        assert_eq!(calls.get(admin.clone(), &counsel).await.unwrap(), counsel);
        assert_eq!(calls.messages_as(admin.clone(), &counsel).await.unwrap(), calls.messages(&counsel).await);
        // Admins speak in their own counsels only.
        refused(calls.say_as(admin, &counsel, "hello", &new_id()).await, Code::NotFound, "counsel not found");
        assert!(puppet.asked().is_empty());
        assert_eq!(calls.texts(&counsel).await, [GREETING]);
    }

    async fn reading_does_not_wait_for_somebody_who_writes(engine: Engine) {
        let world = World::new(engine).await;
        let counsel = world.counsel().await;
        let pair = world.calls().tell(&counsel, "hello").await;
        let writing = world.database().begin().await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(&*writing, "UPDATE counsels SET updated_at = 1")
            .await
            .unwrap();

        let calls = world.calls();
        assert_eq!(list(calls, &counsel.user_id, None).await.len(), 1);
        assert_eq!(calls.again(&counsel).await.last_message, Some(pair.reply.message.clone()));
        assert_eq!(calls.messages(&counsel).await[1..], [pair.message, pair.reply]);
        let request = ListRelationshipsRequest { counselor_id: Some(counsel.counselor_id.clone()), ..ListRelationshipsRequest::default() };
        let relationships = calls.counsels().list_relationships(by(&counsel.user_id, request)).await.unwrap();
        assert_eq!(relationships.into_inner().counselor_user_relationships[0].rapport, 1);
        let counselor = world.counselor().await;
        assert!(!world.bubbles(&counselor.id).await.is_empty());
        assert!(!world.techniques(&counselor.tone_id).await.is_empty());
        drop(writing);
    }
}
