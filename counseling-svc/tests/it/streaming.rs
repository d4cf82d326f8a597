//! A reply that is followed while it is being said.

use counseling_svc::assistant::AssistantError;
use shared::auth::Caller;
use shared::id::new_id;
use shared::proto::events::v1::{CounselMessageCreated, CounselMessageFailed};
use shared::proto::v1::stream_message_response::Part;
use shared::proto::v1::{Counsel, CreateMessageRequest, StreamMessageRequest, StreamMessageResponse};
use shared::testkit::{caller, eventually};
use tonic::{Code, Status, Streaming};

use crate::puppet::{BEGINNING, answer_to};
use crate::world::{Calls, Pair, World, refused, violated};

async fn stream(
    calls: &Calls,
    who: Caller,
    counsel: &Counsel,
    message: &str,
    reservation_id: &str,
) -> Result<Streaming<StreamMessageResponse>, Status> {
    let message = CreateMessageRequest {
        counselor_id: counsel.counselor_id.clone(),
        counsel_id: counsel.id.clone(),
        message: message.to_owned(),
        reservation_id: reservation_id.to_owned(),
    };
    let request = StreamMessageRequest { message: Some(message) };
    Ok(calls.counsels().stream_message(caller(who, request)).await?.into_inner())
}

fn owner(counsel: &Counsel) -> Caller {
    Caller::User(counsel.user_id.clone())
}

async fn next(stream: &mut Streaming<StreamMessageResponse>) -> Part {
    stream.message().await.unwrap().expect("one more part").part.unwrap()
}

fn pair(part: Part) -> Pair {
    let Part::Messages(messages) = part else { panic!("not the end: {part:?}") };
    Pair {
        message: messages.created_counsel_message.unwrap(),
        reply: messages.counselor_response_message.unwrap(),
    }
}

shared::on_each_engine! {
    async fn a_reply_is_told_as_it_comes_and_then_as_it_is_kept(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let id = new_id();
        puppet.hold();
        let mut parts = stream(world.calls(), owner(&counsel), &counsel, " hello ", &id).await.unwrap();
        assert_eq!(next(&mut parts).await, Part::Delta(BEGINNING.to_owned()));
        puppet.release();
        assert_eq!(next(&mut parts).await, Part::Delta(answer_to("hello")[BEGINNING.len()..].to_owned()));
        let end = pair(next(&mut parts).await);
        assert!(parts.message().await.unwrap().is_none());
        assert_eq!(end.reply.message, answer_to("hello"));
        assert_eq!(world.calls().messages(&counsel).await[1..], [end.message.clone(), end.reply.clone()]);

        // A repeat of it, followed or not, is the same pair.
        let mut again = stream(world.calls(), owner(&counsel), &counsel, "hello", &id).await.unwrap();
        assert_eq!(pair(next(&mut again).await), end);
        assert!(again.message().await.unwrap().is_none());
        assert_eq!(world.calls().say(&counsel, "hello", &id).await.unwrap(), end);
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
    }

    async fn a_follower_who_goes_away_does_not_lose_the_reply(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        puppet.hold();
        let mut parts = stream(world.calls(), owner(&counsel), &counsel, "hello", &new_id()).await.unwrap();
        assert_eq!(next(&mut parts).await, Part::Delta(BEGINNING.to_owned()));
        drop(parts);
        puppet.release();
        eventually("the reply is kept", async || world.calls().messages(&counsel).await.len() == 3).await;
        assert_eq!(world.calls().texts(&counsel).await[2], answer_to("hello"));
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
        assert!(world.events::<CounselMessageFailed>(&counsel.id).await.is_empty());
    }

    async fn a_message_that_is_not_taken_is_refused_before_the_stream(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let mine = || owner(&counsel);
        let refusal = stream(world.calls(), mine(), &counsel, "", "mine").await;
        assert_eq!(violated(refusal.map(|_| ())), ["reservation_id", "message"]);
        let other = Caller::User(new_id());
        let refusal = stream(world.calls(), other, &counsel, "hello", &new_id()).await;
        refused(refusal.map(|_| ()), Code::NotFound, "counsel not found");
        let nothing = caller(mine(), StreamMessageRequest { message: None });
        let refusal = world.calls().counsels().stream_message(nothing).await;
        assert_eq!(violated(refusal.map(|_| ())), ["message"]);
        puppet.hold();
        let parts = stream(world.calls(), mine(), &counsel, "hello", &new_id()).await.unwrap();
        let refusal = stream(world.calls(), mine(), &counsel, "and?", &new_id()).await;
        assert_eq!(refusal.map(|_| ()).unwrap_err().code(), Code::ResourceExhausted);
        puppet.release();
        drop(parts);
    }

    async fn a_failure_after_the_beginning_ends_the_stream(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        puppet.fail(AssistantError::Timeout);
        let mut parts = stream(world.calls(), owner(&counsel), &counsel, "hello", &new_id()).await.unwrap();
        assert_eq!(parts.message().await.unwrap_err().code(), Code::Unavailable);
        assert_eq!(world.events::<CounselMessageFailed>(&counsel.id).await.len(), 1);
    }
}
