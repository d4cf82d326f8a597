//! Saying something and being answered.

use std::time::Duration;

use counseling_svc::assistant::{AssistantError, Speaker, Utterance};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use shared::id::new_id;
use shared::proto::events::v1::{CounselMessageCreated, CounselMessageFailed};
use shared::time::Clock;
use tonic::Code;
use tonic_types::StatusExt;

use crate::puppet::{GREETING, answer_to};
use crate::world::{World, refused, violated};

const BUSY: &str = "the counselor is still answering; say the next thing after that";
const PAID: &str = "the reservation pays for another message";

shared::on_each_engine! {
    async fn a_user_and_the_offline_counselor_talk(engine: Engine) {
        let world = World::new(engine).await;
        let counsel = world.counsel().await;
        let said = ["I can't sleep because of work.", "My boss is never content.", "안녕하세요, 한국어도 되나요?"];
        let mut expected = world.calls().texts(&counsel).await;
        for message in said {
            let pair = world.calls().tell(&counsel, message).await;
            assert_eq!(pair.message.message, message);
            assert!(pair.message.is_user_message && !pair.reply.is_user_message, "{pair:?}");
            assert!(!expected.contains(&pair.reply.message), "{pair:?}");
            expected.extend([pair.message.message, pair.reply.message]);
        }
        assert_eq!(world.calls().texts(&counsel).await, expected);
        assert_eq!(world.calls().again(&counsel).await.last_message, expected.pop());
    }

    async fn what_was_said_keeps_its_order_among_replicas_whose_clocks_differ(engine: Engine) {
        let (world, _) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let ahead = Clock::system();
        ahead.advance(Duration::from_secs(20));
        let other = world.another_instance_with(ahead).await;
        let mut expected = world.calls().texts(&counsel).await;
        for (calls, message) in [
            (world.calls(), "first"),
            (&other.calls, "second"),
            (world.calls(), "third"),
            (&other.calls, "fourth"),
        ] {
            let pair = calls.tell(&counsel, message).await;
            expected.extend([pair.message.message, pair.reply.message]);
        }
        assert_eq!(world.calls().texts(&counsel).await, expected);
        assert_eq!(world.calls().again(&counsel).await.last_message, expected.pop());
    }

    async fn a_message_and_its_reply_are_kept_and_told_of(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        world.clock.advance(Duration::from_secs(60));
        let reservation_id = new_id();
        let pair = world.calls().say(&counsel, "  first\nline \n", &reservation_id).await.unwrap();
        assert_eq!(pair.message.message, "first\nline");
        assert_eq!(pair.reply.message, answer_to("first\nline"));
        for message in [&pair.message, &pair.reply] {
            assert_eq!(message.counsel_id, counsel.id);
            assert_eq!(message.counsel_technique_id, counsel.counsel_technique_id);
            assert_eq!((message.reaction, message.reacted_at, message.deleted_at), (None, None, None));
        }
        let messages = world.calls().messages(&counsel).await;
        assert_eq!(messages[0].message, GREETING);
        assert_eq!(messages[1..], [pair.message.clone(), pair.reply.clone()]);
        let now = world.calls().again(&counsel).await;
        assert_eq!(now.last_message, Some(pair.reply.message.clone()));
        assert_eq!(now.last_chatted_at, pair.reply.created_at);

        let created = CounselMessageCreated {
            counsel_id: counsel.id.clone(),
            user_id: counsel.user_id.clone(),
            counselor_id: counsel.counselor_id.clone(),
            user_message_id: pair.message.id,
            counselor_message_id: pair.reply.id,
            counsel_technique_id: counsel.counsel_technique_id.clone(),
            reservation_id,
            is_fallback: false,
        };
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await, [created]);

        world.calls().tell(&counsel, "second").await;
        let turn = puppet.asked().pop().unwrap();
        assert_eq!(turn.message, "second");
        let said = |speaker, text: &str| Utterance { speaker, text: text.to_owned() };
        let history = [
            said(Speaker::Counselor, GREETING),
            said(Speaker::User, "first\nline"),
            said(Speaker::Counselor, &answer_to("first\nline")),
        ];
        assert_eq!(turn.history, history);
        assert_eq!(turn.scene, puppet.asked()[0].scene);
    }

    async fn events_hold_no_word_of_what_was_said(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        world.calls().tell(&counsel, "nobody must know of this").await;
        puppet.fail(AssistantError::Refused("it will not say whether nobody was heard".to_owned()));
        world.calls().say(&counsel, "nobody may hear this either", &new_id()).await.unwrap_err();
        assert_eq!(world.events::<CounselMessageFailed>(&counsel.id).await.len(), 1);
        let payloads = world.payloads().await;
        // The counsel, the message that was answered, its rapport, and the message that was not answered.
        assert_eq!(payloads.len(), 4);
        for payload in payloads {
            assert!(payload.contains(&counsel.user_id), "{payload}");
            for word in ["nobody", "heard", "greets"] {
                assert!(!payload.contains(word), "{payload}");
            }
        }
    }

    async fn a_message_that_breaks_rules_is_refused_with_all_of_them(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let long = "안".repeat(2001);
        for message in ["", " \n\t ", &long, "a\u{0}b", "a\u{1b}[31mb"] {
            let response = world.calls().say(&counsel, message, &new_id()).await;
            assert_eq!(violated(response), ["message"], "{}", message.len());
        }
        let response = world.calls().say(&counsel, "", "mine").await;
        assert_eq!(violated(response), ["reservation_id", "message"]);
        assert!(puppet.asked().is_empty());
        assert_eq!(world.calls().texts(&counsel).await, [GREETING]);
        let longest = format!(" {} ", &long[..long.len() - "안".len()]);
        assert_eq!(world.calls().tell(&counsel, &longest).await.message.message, longest.trim());
    }

    async fn a_repeat_returns_the_same_pair_and_tells_nothing_new(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let id = new_id();
        let first = world.calls().say(&counsel, "hello", &id).await.unwrap();
        world.calls().tell(&counsel, "something else").await;
        for repeated in ["hello", " hello "] {
            assert_eq!(world.calls().say(&counsel, repeated, &id).await.unwrap(), first);
        }
        assert_eq!(puppet.asked().len(), 2);
        assert_eq!(world.calls().messages(&counsel).await.len(), 5);
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 2);
    }

    async fn a_reservation_pays_for_one_message(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let other = world.calls().greeted(&counsel.user_id, &counsel.counselor_id).await;
        let somebodys = world.counsel().await;
        let id = new_id();
        world.calls().say(&counsel, "hello", &id).await.unwrap();
        for (counsel, message) in [(&counsel, "goodbye"), (&other, "hello"), (&somebodys, "hello")] {
            let response = world.calls().say(counsel, message, &id).await;
            refused(response, Code::FailedPrecondition, PAID);
        }
        assert_eq!(puppet.asked().len(), 1);

        // Nor does it pay for two at the same time.
        let id = new_id();
        let said = [&counsel, &other].map(|counsel| world.calls().say(counsel, "again", &id));
        let (paid, refusals): (Vec<_>, Vec<_>) = join_all(said).await.into_iter().partition(Result::is_ok);
        assert_eq!((paid.len(), refusals.len()), (1, 1));
        refused(refusals.into_iter().next().unwrap(), Code::FailedPrecondition, PAID);
        // The refused one has left no turn behind.
        for counsel in [&counsel, &other] {
            world.calls().tell(counsel, "and now?").await;
        }
    }

    async fn one_message_is_answered_at_a_time(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let another = world.another_instance().await;
        let counsel = world.counsel().await;
        puppet.hold();
        let ids: Vec<_> = (0..6).map(|_| new_id()).collect();
        let calls = [world.calls(), &another.calls];
        let mut said: FuturesUnordered<_> =
            ids.iter().zip(calls.iter().cycle()).map(|(id, calls)| calls.say(&counsel, "hello", id)).collect();
        for _ in 1..ids.len() {
            let status = refused(said.next().await.unwrap(), Code::ResourceExhausted, BUSY);
            let retry = status.get_details_retry_info().unwrap();
            assert_eq!(retry.retry_delay, Some(Duration::from_secs(1)));
        }
        // The one that is being answered is busy for its own repeat, too.
        let first = world.text("SELECT reservation_id FROM counsel_messages WHERE is_user_message").await;
        let repeat = world.calls().say(&counsel, "hello", &first.unwrap()).await;
        refused(repeat, Code::ResourceExhausted, BUSY);
        puppet.release();
        let pair = said.next().await.unwrap().unwrap();

        // What was refused has left no trace, and may be said now.
        assert_eq!(puppet.asked().len(), 1);
        assert_eq!(world.calls().messages(&counsel).await[1..], [pair.message, pair.reply]);
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
        assert!(world.events::<CounselMessageFailed>(&counsel.id).await.is_empty());
        for id in &ids {
            world.calls().say(&counsel, "hello", id).await.unwrap();
        }
        assert_eq!(world.calls().messages(&counsel).await.len(), 1 + 2 * ids.len());
    }

    async fn counsels_do_not_wait_for_each_other(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let other = world.calls().greeted(&counsel.user_id, &counsel.counselor_id).await;
        puppet.hold();
        let said = [&counsel, &other].map(|counsel| world.calls().tell(counsel, "hello"));
        let both = async {
            puppet.is_asked(2).await;
            puppet.release();
        };
        let (pairs, ()) = tokio::join!(join_all(said), both);
        assert!(pairs.iter().all(|pair| pair.reply.message == answer_to("hello")), "{pairs:?}");
    }

    async fn the_same_request_at_the_same_time_is_answered_once(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let another = world.another_instance().await;
        let counsel = world.counsel().await;
        let id = new_id();
        let calls = [world.calls(), &another.calls, world.calls(), &another.calls];
        let said = join_all(calls.map(|calls| calls.say(&counsel, "hello", &id))).await;
        let pair = world.calls().say(&counsel, "hello", &id).await.unwrap();
        for one in said {
            match one {
                Ok(one) => assert_eq!(one, pair),
                Err(status) => assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, BUSY)),
            }
        }
        assert_eq!(puppet.asked().len(), 1);
        assert_eq!(world.calls().messages(&counsel).await[1..], [pair.message, pair.reply]);
        assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
    }
}
