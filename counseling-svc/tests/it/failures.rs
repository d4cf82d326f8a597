//! When the assistant does not answer.

use counseling_svc::assistant::AssistantError;
use shared::id::new_id;
use shared::proto::events::v1::{CounselMessageCreated, CounselMessageFailed, CounselMessageFailure};
use shared::testkit::eventually;
use tonic::Code;

use crate::puppet::answer_to;
use crate::world::{World, refused};

const UNAVAILABLE: &str = "a part of the service cannot be reached at the moment";

shared::on_each_engine! {
    async fn a_failure_is_told_once_and_the_repeat_is_answered(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let id = new_id();
        puppet.fail(AssistantError::Unavailable("it has no capacity".to_owned()));
        refused(world.calls().say(&counsel, "hello", &id).await, Code::Unavailable, UNAVAILABLE);

        // The message stays, without an answer.
        let messages = world.calls().messages(&counsel).await;
        let [_, message] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!((message.message.as_str(), message.is_user_message), ("hello", true));
        let failed = CounselMessageFailed {
            counsel_id: counsel.id.clone(),
            user_id: counsel.user_id.clone(),
            user_message_id: message.id.clone(),
            reservation_id: id.clone(),
            failure: CounselMessageFailure::Assistant.into(),
        };
        assert_eq!(world.events::<CounselMessageFailed>(&counsel.id).await, std::slice::from_ref(&failed));
        assert!(world.events::<CounselMessageCreated>(&counsel.id).await.is_empty());

        let other = world.calls().say(&counsel, "goodbye", &id).await;
        refused(other, Code::FailedPrecondition, "the reservation pays for another message");
        let pair = world.calls().say(&counsel, "hello", &id).await.unwrap();
        assert_eq!(pair.message, *message);
        assert_eq!(pair.reply.message, answer_to("hello"));
        assert_eq!(world.calls().messages(&counsel).await[1..], [pair.message.clone(), pair.reply.clone()]);
        assert_eq!(world.calls().say(&counsel, "hello", &id).await.unwrap(), pair);
        assert_eq!(world.events::<CounselMessageFailed>(&counsel.id).await, [failed]);
        let created = world.events::<CounselMessageCreated>(&counsel.id).await;
        let told: Vec<_> = created.iter().map(|event| (&event.user_message_id, &event.reservation_id)).collect();
        assert_eq!(told, [(&message.id, &id)]);
    }

    async fn the_user_may_say_something_else_after_a_failure(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let id = new_id();
        for error in [AssistantError::Timeout, AssistantError::Refused("it is not allowed to".to_owned())] {
            puppet.fail(error);
            refused(world.calls().say(&counsel, "hello", &id).await, Code::Unavailable, UNAVAILABLE);
        }
        world.calls().tell(&counsel, "something else").await;
        // An answer that comes late answers the message as if nothing had been said after it.
        world.calls().say(&counsel, "hello", &id).await.unwrap();
        assert_eq!(puppet.asked().pop().unwrap().history.len(), 1);
        let texts = world.calls().texts(&counsel).await;
        let said = ["hello", "something else", &answer_to("something else"), &answer_to("hello")];
        assert_eq!(texts[1..], said);
        // Each attempt that failed was told of.
        assert_eq!(world.events::<CounselMessageFailed>(&counsel.id).await.len(), 2);
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 2);
    }

    async fn a_prompt_that_is_gone_fails_the_message_and_gives_the_turn_back(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        world.execute("UPDATE persona_prompts SET deleted_at = 1").await;
        // It is remembered for a moment.
        eventually("it is gone", async || world.calls().say(&counsel, "hello", &new_id()).await.is_err()).await;
        let id = world.events::<CounselMessageFailed>(&counsel.id).await[0].reservation_id.clone();
        let (asked, messages) = (puppet.asked().len(), world.calls().messages(&counsel).await.len());
        let message = "the prompt version has no persona prompt for this counselor";
        refused(world.calls().say(&counsel, "hello", &id).await, Code::FailedPrecondition, message);
        let failed = world.events::<CounselMessageFailed>(&counsel.id).await;
        let told: Vec<_> = failed.iter().map(|event| (&event.reservation_id, event.failure())).collect();
        assert_eq!(told, [(&id, CounselMessageFailure::Interrupted); 2]);
        assert_eq!(puppet.asked().len(), asked);

        world.execute("UPDATE persona_prompts SET deleted_at = NULL").await;
        world.calls().say(&counsel, "hello", &id).await.unwrap();
        assert_eq!(world.calls().messages(&counsel).await.len(), messages + 1, "its reply is new");
    }
}
