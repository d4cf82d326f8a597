//! Reacting to messages.

use std::time::Duration;

use shared::auth::Caller;
use shared::id::new_id;
use shared::proto::v1::{Counsel, CounselMessage, CounselMessageReaction, ReactToMessageRequest};
use shared::testkit::caller;
use tonic::{Code, Status};

use crate::world::{World, refused, violated};

const LIKE: CounselMessageReaction = CounselMessageReaction::Like;
const DISLIKE: CounselMessageReaction = CounselMessageReaction::Dislike;

async fn react(
    world: &World,
    who: Caller,
    counsel: &Counsel,
    message_id: &str,
    reaction: i32,
) -> Result<CounselMessage, Status> {
    let request = ReactToMessageRequest {
        counselor_id: counsel.counselor_id.clone(),
        counsel_id: counsel.id.clone(),
        message_id: message_id.to_owned(),
        reaction,
    };
    let response = world.calls().counsels().react_to_message(caller(who, request)).await?;
    Ok(response.into_inner().counsel_message.unwrap())
}

fn owner(counsel: &Counsel) -> Caller {
    Caller::User(counsel.user_id.clone())
}

shared::on_each_engine! {
    async fn a_later_reaction_replaces_an_earlier_one(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let reply = world.calls().tell(&counsel, "hello").await.reply;
        let now = async |kind: CounselMessageReaction| {
            react(&world, owner(&counsel), &counsel, &reply.id, kind.into()).await.unwrap()
        };
        let liked = now(LIKE).await;
        assert_eq!((liked.reaction(), liked.updated_at), (LIKE, liked.reacted_at));
        assert_eq!((&liked.message, liked.created_at), (&reply.message, reply.created_at));
        assert_eq!(world.calls().messages(&counsel).await[2], liked);

        world.clock.advance(Duration::from_secs(60));
        assert_eq!(now(LIKE).await, liked);
        let disliked = now(DISLIKE).await;
        assert_eq!(disliked.reaction(), DISLIKE);
        assert!(disliked.reacted_at.unwrap().seconds >= liked.reacted_at.unwrap().seconds + 60);
        assert_eq!(world.calls().messages(&counsel).await[2], disliked);
    }

    async fn only_what_the_counselor_said_is_reacted_to(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let message = world.calls().tell(&counsel, "hello").await.message;
        let response = react(&world, owner(&counsel), &counsel, &message.id, LIKE.into()).await;
        assert_eq!(violated(response), ["message_id"]);
        for unknown in [0, 3] {
            let response = react(&world, owner(&counsel), &counsel, &message.id, unknown).await;
            assert_eq!(violated(response), ["reaction"]);
        }
        let greeting = &world.calls().messages(&counsel).await[0].id;
        react(&world, owner(&counsel), &counsel, greeting, LIKE.into()).await.unwrap();
        assert_eq!(world.calls().messages(&counsel).await[1], message);
    }

    async fn a_message_is_found_in_its_own_counsel_by_its_user_only(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let other = world.calls().greeted(&counsel.user_id, &counsel.counselor_id).await;
        let reply = world.calls().tell(&counsel, "hello").await.reply;
        for (counsel, id) in [(&other, &reply.id), (&counsel, &new_id())] {
            let response = react(&world, owner(counsel), counsel, id, LIKE.into()).await;
            refused(response, Code::NotFound, "message not found");
        }
        let elsewhere = Counsel { counselor_id: new_id(), ..counsel.clone() };
        let (stranger, admin) = (Caller::User(new_id()), Caller::Admin(new_id()));
        for (who, counsel) in [(stranger, &counsel), (admin, &counsel), (owner(&counsel), &elsewhere)] {
            let response = react(&world, who, counsel, &reply.id, LIKE.into()).await;
            refused(response, Code::NotFound, "counsel not found");
        }
        assert_eq!(world.calls().messages(&counsel).await[2], reply);
    }
}
