//! When somebody goes away in the middle: the caller, the process, or a whole instance for too long.

use std::time::Duration;

use shared::id::new_id;
use shared::proto::events::v1::{CounselMessageCreated, CounselMessageFailed, CounselMessageFailure};
use shared::proto::v1::Counsel;
use shared::testkit::eventually;
use tonic::Code;

use crate::puppet::answer_to;
use crate::world::{Calls, World, refused};

/// Says something and goes away as soon as the assistant is asked.
async fn say_and_go(calls: &Calls, counsel: &Counsel, id: &str, asked: impl Future<Output = ()>) {
    let said = calls.say(counsel, "hello", id);
    tokio::select! {
        result = said => panic!("{result:?}"),
        () = asked => {}
    }
}

async fn interrupted(world: &World, counsel: &Counsel, id: &str) {
    let free = "SELECT id FROM counsels WHERE answering_until IS NOT NULL";
    eventually("recovery gives up the turn", async || world.text(free).await.is_none()).await;
    let failed = world.events::<CounselMessageFailed>(&counsel.id).await;
    let expected = CounselMessageFailed {
        counsel_id: counsel.id.clone(),
        user_id: counsel.user_id.clone(),
        user_message_id: world.calls().messages(counsel).await[1].id.clone(),
        reservation_id: id.to_owned(),
        failure: CounselMessageFailure::Interrupted.into(),
    };
    assert_eq!(failed, [expected]);
}

shared::on_each_engine! {
    async fn a_caller_who_goes_away_does_not_stop_the_turn(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let id = new_id();
        puppet.hold();
        say_and_go(world.calls(), &counsel, &id, puppet.is_asked(1)).await;
        puppet.release();
        eventually("the reply is kept", async || world.calls().messages(&counsel).await.len() == 3).await;
        let pair = world.calls().say(&counsel, "hello", &id).await.unwrap();
        assert_eq!(world.calls().messages(&counsel).await[1..], [pair.message, pair.reply]);
        assert_eq!(puppet.asked().len(), 1);
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
        assert!(world.events::<CounselMessageFailed>(&counsel.id).await.is_empty());
    }

    async fn a_service_that_stops_finishes_the_turns_under_way(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let id = new_id();
        puppet.hold();
        say_and_go(world.calls(), &counsel, &id, puppet.is_asked(1)).await;
        let address = world.service.running.address;
        let answer = async {
            // Only once it does not take calls any more.
            let open = async || tokio::net::TcpStream::connect(address).await.is_err();
            eventually("the service stops", open).await;
            puppet.release();
        };
        let (world, ()) = tokio::join!(Box::pin(world.restart()), answer);
        let texts = world.calls().texts(&counsel).await;
        assert_eq!(texts[1..], ["hello", &answer_to("hello")]);
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
        assert!(world.events::<CounselMessageFailed>(&counsel.id).await.is_empty());
    }

    async fn a_process_that_dies_in_a_turn_is_told_of_once_and_the_repeat_is_answered(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let doomed = world.doomed_instance().await;
        let counsel = world.counsel().await;
        let id = new_id();
        puppet.hold();
        say_and_go(&doomed.calls, &counsel, &id, puppet.is_asked(1)).await;
        doomed.crash().await;
        puppet.release();

        // Nobody knows yet that it is dead.
        let busy = "the counselor is still answering; say the next thing after that";
        refused(world.calls().say(&counsel, "hello", &id).await, Code::ResourceExhausted, busy);
        assert!(world.events::<CounselMessageFailed>(&counsel.id).await.is_empty());
        // Two replicas look for what it has left.
        let another = world.another_instance().await;
        world.clock.advance(Duration::from_secs(61));
        interrupted(&world, &counsel, &id).await;

        let pair = another.calls.say(&counsel, "hello", &id).await.unwrap();
        assert_eq!(world.calls().messages(&counsel).await[1..], [pair.message, pair.reply]);
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
        assert_eq!(world.events::<CounselMessageFailed>(&counsel.id).await.len(), 1);
    }

    async fn what_a_dead_process_left_is_found_at_the_next_start(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let doomed = world.doomed_instance().await;
        let counsel = world.counsel().await;
        let id = new_id();
        puppet.hold();
        say_and_go(&doomed.calls, &counsel, &id, puppet.is_asked(1)).await;
        doomed.crash().await;
        let clock = world.clock.clone();
        let world = world.restart().await;
        clock.advance(Duration::from_secs(61));
        interrupted(&world, &counsel, &id).await;
        // Neither later nor at another start is it told again.
        clock.advance(Duration::from_secs(61));
        let world = world.restart().await;
        interrupted(&world, &counsel, &id).await;

        // The user goes on with something else; the message that was cut off stays without an answer.
        puppet.release();
        let pair = world.calls().tell(&counsel, "something else").await;
        let messages = world.calls().messages(&counsel).await;
        assert_eq!(messages[1].message, "hello");
        assert_eq!(messages[2..], [pair.message.clone(), pair.reply]);
        let created = world.events::<CounselMessageCreated>(&counsel.id).await;
        let answered: Vec<_> = created.iter().map(|event| &event.user_message_id).collect();
        assert_eq!(answered, [&pair.message.id]);
    }

    async fn an_answer_after_its_turn_was_given_up_is_dropped(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let before = world.calls().again(&counsel).await;
        let id = new_id();
        puppet.hold();
        let late = world.calls().say(&counsel, "hello", &id);
        let meanwhile = async {
            puppet.is_asked(1).await;
            world.clock.advance(Duration::from_secs(61));
            interrupted(&world, &counsel, &id).await;
            puppet.release();
        };
        let (late, ()) = tokio::join!(late, meanwhile);
        refused(late, Code::Unavailable, "a part of the service cannot be reached at the moment");
        assert_eq!(world.calls().texts(&counsel).await[1..], ["hello"]);
        let after = world.calls().again(&counsel).await;
        assert_eq!((after.last_message, after.last_chatted_at), (before.last_message, before.last_chatted_at));
        // The answer was not kept, and its loss is not told a second time.
        assert!(world.events::<CounselMessageCreated>(&counsel.id).await.is_empty());
        interrupted(&world, &counsel, &id).await;
    }

    async fn an_answer_that_comes_after_its_turn_was_given_up_changes_nothing(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let id = new_id();
        puppet.hold();
        let late = world.calls().say(&counsel, "hello", &id);
        let repeat = async {
            puppet.is_asked(1).await;
            world.clock.advance(Duration::from_secs(61));
            interrupted(&world, &counsel, &id).await;
            world.calls().say(&counsel, "hello", &id).await
        };
        // The repeat begins another turn of the same message, which the late answer must not end.
        let late = async {
            let release = async {
                puppet.is_asked(2).await;
                puppet.release_first();
            };
            let (late, ()) = tokio::join!(late, release);
            let message = "a part of the service cannot be reached at the moment";
            refused(late, Code::Unavailable, message);
            assert_eq!(world.calls().texts(&counsel).await[1..], ["hello"]);
            puppet.release();
        };
        let (repeat, ()) = tokio::join!(repeat, late);
        let pair = repeat.unwrap();
        assert_eq!(world.calls().messages(&counsel).await[1..], [pair.message, pair.reply]);
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
        assert_eq!(world.events::<CounselMessageFailed>(&counsel.id).await.len(), 1);
    }
}
