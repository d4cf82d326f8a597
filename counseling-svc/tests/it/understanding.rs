//! What follows from an answered message: what the counsel is about, its short form, its technique.

use std::time::Duration;

use counseling_svc::assistant::{AssistantError, Protocol, Risk, RiskKind, Speaker};
use counseling_svc::contexts::domain::Context;
use shared::id::new_id;
use shared::messaging::UNDERSTAND_COUNSELS;
use shared::proto::events::v1::{self, RiskDetected};
use shared::proto::v1::{Counsel, EmotionPrimary, RiskKind as Label, SleepQuality, Valence};
use shared::testkit::{eventually, idle};

use crate::puppet::{GREETING, answer_to};
use crate::world::World;

/// Waits until every answered message of all counsels was understood.
async fn understood(world: &World) {
    world.published().await;
    idle(&world.nats.connect().await, &UNDERSTAND_COUNSELS).await;
}

async fn known(world: &World, counsel: &Counsel, column: &str) -> Option<String> {
    world
        .text(&format!("SELECT CAST({column} AS TEXT) FROM counsel_contexts WHERE id = '{}'", counsel.id))
        .await
}

fn sad() -> Context {
    Context {
        emotion_primary: Some(EmotionPrimary::Sadness),
        emotion_intensity: Some(8),
        valence: Some(Valence::Negative),
        sleep_quality: Some(SleepQuality::Poor),
        consent_to_depth: Some(true),
        ..Context::default()
    }
}

fn in_danger(severity: i32) -> Context {
    Context { risk_kind: Some(Label::SelfHarm), risk_severity: Some(severity), ..Context::default() }
}

shared::on_each_engine! {
    async fn the_technique_changes_when_it_has_had_its_messages(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        let techniques = world.techniques(&world.counselor().await.tone_id).await;
        let [first, second, ..] = &techniques[..] else { panic!("two techniques") };
        for number in 1..=first.message_threshold {
            assert_eq!(world.calls().again(&counsel).await.counsel_technique_id, first.id, "{number}");
            let pair = world.calls().tell(&counsel, &format!("message {number}")).await;
            assert_eq!(pair.message.counsel_technique_id, first.id);
            assert_eq!(pair.reply.counsel_technique_id, first.id);
            understood(&world).await;
        }
        assert_eq!(world.calls().again(&counsel).await.counsel_technique_id, second.id);
        let pair = world.calls().tell(&counsel, "one more").await;
        assert_eq!(pair.reply.counsel_technique_id, second.id);
        let spoken: Vec<_> = puppet.asked().into_iter().map(|turn| turn.scene.technique.name).collect();
        let (last, before) = spoken.split_last().unwrap();
        assert!(before.iter().all(|name| *name == first.name), "{spoken:?}");
        assert_eq!((last, second.name != first.name), (&second.name, true));
        // The second one is not left at once: it counts from zero.
        understood(&world).await;
        assert_eq!(world.calls().again(&counsel).await.counsel_technique_id, second.id);
    }

    async fn a_rule_leads_on_when_the_context_is_what_it_asks_for(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        world
            .execute(
                "UPDATE counsel_technique_transition_rules \
                 SET required_emotion_primaries = 'EMOTION_PRIMARY_ANGER,EMOTION_PRIMARY_SADNESS', \
                     min_emotion_intensity = 8",
            )
            .await;
        let threshold = world.techniques(&world.counselor().await.tone_id).await[0].message_threshold;
        for number in 0..=threshold {
            world.calls().tell(&counsel, &format!("message {number}")).await;
            understood(&world).await;
        }
        let technique = async || world.calls().again(&counsel).await.counsel_technique_id;
        assert_eq!(technique().await, counsel.counsel_technique_id);
        puppet.understand(Ok(sad()));
        world.calls().tell(&counsel, "I am so sad").await;
        understood(&world).await;
        assert_ne!(technique().await, counsel.counsel_technique_id);
    }

    async fn what_a_message_tells_is_kept_and_what_a_later_one_leaves_out_stays(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        puppet.understand(Ok(sad()));
        world.calls().tell(&counsel, "I cannot sleep").await;
        understood(&world).await;
        assert_eq!(known(&world, &counsel, "emotion_primary").await.unwrap(), "EMOTION_PRIMARY_SADNESS");
        puppet.understand(Ok(Context { emotion_intensity: Some(3), ..Context::default() }));
        let pair = world.calls().tell(&counsel, "a little better").await;
        understood(&world).await;
        for (column, expected) in [
            ("emotion_primary", "EMOTION_PRIMARY_SADNESS"),
            ("emotion_intensity", "3"),
            ("valence", "VALENCE_NEGATIVE"),
            ("sleep_quality", "SLEEP_QUALITY_POOR"),
            ("message_id", &pair.message.id),
        ] {
            assert_eq!(known(&world, &counsel, column).await.as_deref(), Some(expected), "{column}");
        }
        assert_eq!(world.count("counsel_contexts").await, 1);
        let look = puppet.looks().pop().unwrap();
        assert_eq!(look.known, sad());
        let texts: Vec<_> = look.utterances.iter().map(|utterance| utterance.text.as_str()).collect();
        assert_eq!(texts[texts.len() - 2..], ["a little better", &answer_to("a little better")]);
        assert_eq!(look.utterances.last().unwrap().speaker, Speaker::Counselor);
    }

    async fn what_was_known_stays_when_the_assistant_makes_no_sense(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        puppet.understand(Ok(sad()));
        world.calls().tell(&counsel, "first").await;
        understood(&world).await;
        puppet.understand(Err(AssistantError::Unusable("no JSON".to_owned())));
        world.calls().tell(&counsel, "second").await;
        understood(&world).await;
        assert_eq!(known(&world, &counsel, "emotion_intensity").await.unwrap(), "8");
        assert_eq!(puppet.looks().len(), 2);
        // The next look is one of its own.
        puppet.understand(Ok(Context { emotion_intensity: Some(2), ..Context::default() }));
        world.calls().tell(&counsel, "third").await;
        understood(&world).await;
        assert_eq!(known(&world, &counsel, "emotion_intensity").await.unwrap(), "2");
    }

    async fn an_assistant_that_is_away_is_asked_again_but_not_for_ever(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        puppet.understand(Err(AssistantError::Unavailable("no capacity".to_owned())));
        puppet.understand(Ok(sad()));
        world.calls().tell(&counsel, "first").await;
        understood(&world).await;
        assert_eq!(known(&world, &counsel, "emotion_intensity").await.unwrap(), "8");
        let looks = puppet.looks();
        assert_eq!(looks.len(), 2);
        assert_eq!(looks[0], looks[1]);
        (0..3).for_each(|_| puppet.understand(Err(AssistantError::Timeout)));
        world.calls().tell(&counsel, "second").await;
        understood(&world).await;
        assert_eq!(puppet.looks().len(), 2 + 3);
        assert_eq!(known(&world, &counsel, "emotion_intensity").await.unwrap(), "8");
    }

    async fn a_crash_between_reply_and_understanding_loses_nothing(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        puppet.hold_understanding();
        let stopped = world.stop().await;
        let doomed = stopped.doomed_instance().await;
        doomed.calls.tell(&counsel, "hello").await;
        puppet.looked(1).await;
        doomed.crash().await;
        puppet.understand(Ok(sad()));
        puppet.release_understanding();
        let world = stopped.start().await;
        eventually("it is understood after all", async || {
            known(&world, &counsel, "emotion_intensity").await.as_deref() == Some("8")
        })
        .await;
        understood(&world).await;
        assert_eq!(world.count("counsel_contexts").await, 1);
    }

    async fn a_late_look_at_an_earlier_message_changes_nothing(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        // The first message is understood only after the second one.
        puppet.hold_understanding();
        world.calls().tell(&counsel, "first").await;
        puppet.looked(1).await;
        let second = world.calls().tell(&counsel, "second").await;
        puppet.looked(2).await;
        // Whichever of the two is told first, the second message is the last one that counts.
        puppet.understand(Ok(sad()));
        puppet.understand(Ok(sad()));
        puppet.release_understanding();
        understood(&world).await;
        assert_eq!(known(&world, &counsel, "message_id").await.unwrap(), second.message.id);
        assert_eq!(world.count("counsel_contexts").await, 1);
    }

    async fn danger_that_only_a_look_finds_is_told_and_leads_the_next_answer(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        puppet.understand(Ok(in_danger(4)));
        let pair = world.calls().tell(&counsel, "it would be easier for everyone").await;
        understood(&world).await;
        let told = RiskDetected {
            counsel_id: counsel.id.clone(),
            user_id: counsel.user_id.clone(),
            user_message_id: pair.message.id,
            risk_kind: v1::RiskKind::SelfHarm.into(),
            risk_severity: 4,
        };
        assert_eq!(world.events::<RiskDetected>(&counsel.id).await, [told]);
        puppet.understand(Ok(Context { risk_kind: Some(Label::None), risk_severity: Some(0), ..Context::default() }));
        world.calls().tell(&counsel, "hello").await;
        understood(&world).await;
        world.calls().tell(&counsel, "I feel fine").await;
        let protocols: Vec<_> = puppet.asked().iter().map(|turn| turn.protocol).collect();
        let safety = Protocol::Safety(Risk { kind: RiskKind::SelfHarm, severity: 4 });
        assert_eq!(protocols, [Protocol::Technique, safety, Protocol::Technique]);
        assert_eq!(world.events::<RiskDetected>(&counsel.id).await.len(), 1);
    }

    async fn slight_danger_is_told_to_nobody(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        puppet.understand(Ok(in_danger(2)));
        world.calls().tell(&counsel, "I worry").await;
        understood(&world).await;
        world.calls().tell(&counsel, "still").await;
        assert_eq!(puppet.asked()[1].protocol, Protocol::Technique);
        assert!(world.events::<RiskDetected>(&counsel.id).await.is_empty());
    }

    async fn danger_is_heard_in_the_words_whatever_the_assistant_makes_of_them(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        // The look finds the same danger again, which is no news.
        puppet.understand(Ok(in_danger(4)));
        world.calls().tell(&counsel, "I want to kill myself tonight.").await;
        understood(&world).await;
        let Protocol::Safety(risk) = puppet.asked()[0].protocol else { panic!("the safety protocol") };
        assert_eq!(risk.kind, RiskKind::SelfHarm);
        let told = world.events::<RiskDetected>(&counsel.id).await;
        assert_eq!(told.iter().map(|risk| risk.risk_severity).collect::<Vec<_>>(), [5]);
    }

    async fn every_twenty_messages_are_put_in_short(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        // With the greeting, 31 messages.
        for number in 1..=15 {
            assert!(puppet.shortened().is_empty(), "{number}");
            world.calls().tell(&counsel, &format!("message {number}")).await;
            understood(&world).await;
        }
        let [first] = &puppet.shortened()[..] else { panic!("one part is put in short") };
        assert_eq!(first.summary, None);
        assert_eq!(first.utterances.len(), 21);
        assert_eq!(first.utterances[0].text, GREETING);
        assert_eq!(first.utterances[20].text, answer_to("message 10"));

        world.calls().tell(&counsel, "message 16").await;
        let turn = puppet.asked().pop().unwrap();
        assert_eq!(turn.summary.as_deref(), Some("summary 1"));
        let told: Vec<_> = turn.history.iter().map(|utterance| utterance.text.clone()).collect();
        let verbatim: Vec<_> =
            (11..=15).flat_map(|number| [format!("message {number}"), answer_to(&format!("message {number}"))]).collect();
        assert_eq!(told, verbatim);

        // The next part builds on the summary of the first.
        for number in 17..=25 {
            world.calls().tell(&counsel, &format!("message {number}")).await;
            understood(&world).await;
        }
        let shortened = puppet.shortened();
        assert_eq!(shortened.len(), 2);
        assert_eq!(shortened[1].summary.as_deref(), Some("summary 1"));
        assert_eq!(shortened[1].utterances.len(), 20);
        assert_eq!(shortened[1].utterances[0].text, "message 11");
        assert_eq!(world.count("counsel_summaries").await, 1);
        // What users see is all that was said.
        assert_eq!(world.calls().messages(&counsel).await.len(), 1 + 2 * 25);
    }

    async fn many_counsels_are_understood_at_once(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        puppet.hold_understanding();
        for _ in 0..5 {
            let counsel = world.counsel().await;
            world.calls().tell(&counsel, "hello").await;
        }
        // None waits for another one.
        puppet.looked(5).await;
        puppet.release_understanding();
        understood(&world).await;
        assert_eq!(world.count("counsel_contexts").await, 5);
    }

    async fn the_offline_counselor_understands_both_languages(engine: Engine) {
        let world = World::new(engine).await;
        for (message, emotion) in [
            ("요즘 회사 일 때문에 너무 불안해서 잠을 잘 못 자요.", "EMOTION_PRIMARY_ANXIETY"),
            ("I am so anxious about my job that I can't sleep.", "EMOTION_PRIMARY_ANXIETY"),
        ] {
            let counsel = world.counsel().await;
            world.calls().tell(&counsel, message).await;
            understood(&world).await;
            for (column, expected) in [
                ("impact_domain", "IMPACT_DOMAIN_WORK"),
                ("emotion_primary", emotion),
                ("valence", "VALENCE_NEGATIVE"),
                ("sleep_quality", "SLEEP_QUALITY_POOR"),
                ("risk_kind", "RISK_KIND_NONE"),
                ("risk_severity", "0"),
            ] {
                let told = known(&world, &counsel, column).await;
                assert_eq!(told.as_deref(), Some(expected), "{column} of {message}");
            }
        }
    }

    async fn what_a_reply_took_of_the_model_is_kept_with_it(engine: Engine) {
        let (world, _puppet) = World::with_puppet(engine).await;
        let counsel = world.counsel().await;
        world.clock.advance(Duration::from_secs(1));
        let pair = world.calls().say(&counsel, "hello", &new_id()).await.unwrap();
        let usage = |id: &str| format!("SELECT input_tokens || '/' || output_tokens FROM counsel_messages WHERE id = '{id}'");
        assert_eq!(world.text(&usage(&pair.reply.id)).await.unwrap(), "11/7");
        assert_eq!(world.text(&usage(&pair.message.id)).await, None);
    }
}
