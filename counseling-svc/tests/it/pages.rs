//! Lists in pages, and what is asked for by its id.

use shared::auth::Caller;
use shared::id::new_id;
use shared::proto::v1::{
    BatchGetMessagesRequest, Counsel, GetRelationshipRequest, ListCounselsRequest, ListMessagesRequest,
    ListRelationshipsRequest, PageRequest,
};
use shared::testkit::caller;
use tonic::Code;

use crate::world::{World, admin, by, refused, violated};

fn page(limit: i32, cursor: &str) -> Option<PageRequest> {
    let cursor = (!cursor.is_empty()).then(|| cursor.to_owned());
    Some(PageRequest { limit: Some(limit), cursor })
}

async fn page_of_messages(
    world: &World,
    counsel: &Counsel,
    newest_first: bool,
    cursor: &str,
) -> (Vec<String>, String) {
    let request = ListMessagesRequest {
        counselor_id: counsel.counselor_id.clone(),
        counsel_id: counsel.id.clone(),
        page: page(2, cursor),
        newest_first,
    };
    let listed =
        world.calls().counsels().list_messages(by(&counsel.user_id, request)).await.unwrap().into_inner();
    (listed.counsel_messages.into_iter().map(|message| message.message).collect(), listed.next_cursor)
}

shared::on_each_engine! {
    async fn messages_are_paged_from_either_end_while_more_are_said(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        for message in ["one", "two"] {
            world.calls().tell(&counsel, message).await;
        }
        for newest_first in [false, true] {
            let mut expected = world.calls().texts(&counsel).await;
            if newest_first {
                expected.reverse();
            }
            let (mut seen, mut cursor) = page_of_messages(&world, &counsel, newest_first, "").await;
            // What is said meanwhile shifts nothing.
            let pair = world.calls().tell(&counsel, "meanwhile").await;
            if !newest_first {
                expected.extend([pair.message.message, pair.reply.message]);
            }
            while !cursor.is_empty() {
                let (texts, next) = page_of_messages(&world, &counsel, newest_first, &cursor).await;
                assert!(texts.len() <= 2);
                seen.extend(texts);
                cursor = next;
            }
            assert_eq!(seen, expected, "{newest_first}");
        }
    }

    async fn counsels_and_relationships_are_paged(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let user_id = new_id();
        let counselors = world.counselors().await;
        let mut opened = Vec::new();
        for counselor in &counselors[..3] {
            opened.push(world.calls().greeted(&user_id, &counselor.id).await.id);
        }
        opened.reverse();
        let (mut counsels, mut met, mut cursors) = (Vec::new(), Vec::new(), [String::new(), String::new()]);
        for round in 0..3 {
            let request = ListCounselsRequest { page: page(1, &cursors[0]), ..Default::default() };
            let listed = world.calls().counsels().list_counsels(by(&user_id, request)).await.unwrap().into_inner();
            counsels.extend(listed.counsels.into_iter().map(|counsel| counsel.id));
            let request = ListRelationshipsRequest { page: page(1, &cursors[1]), ..Default::default() };
            let relationships =
                world.calls().counsels().list_relationships(by(&user_id, request)).await.unwrap().into_inner();
            met.extend(relationships.counselor_user_relationships.into_iter().map(|one| one.counselor_id));
            assert_eq!(listed.next_cursor.is_empty(), round == 2);
            assert_eq!(relationships.next_cursor.is_empty(), round == 2);
            cursors = [listed.next_cursor, relationships.next_cursor];
        }
        assert_eq!(counsels, opened);
        let expected: Vec<_> = counselors[..3].iter().map(|counselor| counselor.id.clone()).collect();
        assert_eq!(met, expected);
        for (limit, cursor, field) in [(0, "", "limit"), (1001, "", "limit"), (1, "nonsense!", "cursor")] {
            let request = ListCounselsRequest { page: page(limit, cursor), ..Default::default() };
            let refusal = world.calls().counsels().list_counsels(by(&user_id, request)).await;
            assert_eq!(violated(refusal), [field]);
        }
    }

    async fn admins_see_what_is_somebodys_and_nobody_else_does(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let of_user = |user_id: &str| ListCounselsRequest { user_id: Some(user_id.to_owned()), ..Default::default() };
        let listed =
            world.calls().counsels().list_counsels(admin(of_user(&counsel.user_id))).await.unwrap().into_inner();
        assert_eq!(listed.counsels, std::slice::from_ref(&counsel));
        let refusal = world.calls().counsels().list_counsels(by(&new_id(), of_user(&counsel.user_id))).await;
        assert_eq!(refusal.unwrap_err().code(), Code::PermissionDenied);
        let refusal = world.calls().counsels().list_counsels(admin(of_user("x"))).await;
        assert_eq!(violated(refusal), ["user_id"]);
        let request = ListRelationshipsRequest { user_id: Some(counsel.user_id.clone()), ..Default::default() };
        let met = world.calls().counsels().list_relationships(admin(request)).await.unwrap().into_inner();
        let [met] = &met.counselor_user_relationships[..] else { panic!("{met:?}") };

        let id = GetRelationshipRequest { counselor_user_relationship_id: met.id.clone() };
        for who in [Caller::User(counsel.user_id.clone()), Caller::Admin(new_id())] {
            let found = world.calls().counsels().get_relationship(caller(who, id.clone())).await.unwrap();
            assert_eq!(found.into_inner().counselor_user_relationship.as_ref(), Some(met));
        }
        let refusal = world.calls().counsels().get_relationship(by(&new_id(), id)).await;
        refused(refusal, Code::NotFound, "relationship not found");
        let malformed = GetRelationshipRequest { counselor_user_relationship_id: "\u{0}".to_owned() };
        let refusal = world.calls().counsels().get_relationship(by(&new_id(), malformed)).await;
        assert_eq!(violated(refusal), ["counselor_user_relationship_id"]);
    }

    async fn messages_are_found_by_their_ids_in_ones_own_counsel(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let pair = world.calls().tell(&counsel, "hello").await;
        let other = world.counsel().await;
        let others = world.calls().tell(&other, "hello").await;
        let message_ids = vec![pair.reply.id.clone(), others.message.id, new_id(), pair.message.id.clone()];
        let request = BatchGetMessagesRequest { counsel_id: counsel.id.clone(), message_ids };
        let found =
            world.calls().counsels().batch_get_messages(by(&counsel.user_id, request.clone())).await.unwrap();
        assert_eq!(found.into_inner().counsel_messages, [pair.message, pair.reply]);
        let refusal = world.calls().counsels().batch_get_messages(by(&other.user_id, request)).await;
        refused(refusal, Code::NotFound, "counsel not found");
        let message_ids = (0..101).map(|_| new_id()).collect();
        let many = BatchGetMessagesRequest { counsel_id: counsel.id.clone(), message_ids };
        let refusal = world.calls().counsels().batch_get_messages(by(&counsel.user_id, many)).await;
        assert_eq!(violated(refusal), ["message_ids"]);
    }
}
