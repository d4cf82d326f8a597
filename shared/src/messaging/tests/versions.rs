//! Two versions side by side: what one of them tells, and the other one does not know.

use serde_json::{Value, json};

use super::*;
use crate::messaging::dead_letter;
use crate::proto::events::v1::{CounselMessageFailed, CounselMessageFailure, RiskDetected, RiskKind};
use crate::testkit::{Corpus, eventually, idle, message, publish_as_told};

/// What this version reads of data.
fn read<E: Event>(data: &Value) -> E {
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in [("ce-id", "1"), ("ce-type", &type_of(E::SUBJECT)), ("ce-source", "/newer")] {
        headers.insert(name, value);
    }
    ReceivedEvent::read(E::SUBJECT, Some(&headers), data.to_string().into()).unwrap().data().unwrap()
}

#[test]
fn fields_that_a_newer_producer_adds_are_skipped() {
    let fact: UserUpdated = read(&json!({
        "userId": "u", "changedFields": ["nickname"],
        "locale": "ko", "count": 3, "isNew": true, "nothing": null, "list": [1, [2]], "object": { "userId": "other" },
    }));
    assert_eq!(fact, UserUpdated { user_id: "u".to_owned(), changed_fields: vec!["nickname".to_owned()] });
}

#[test]
fn fields_that_an_older_producer_does_not_know_have_their_default() {
    let fact: CounselMessageFailed = read(&json!({ "counselId": "c", "reservationId": "r" }));
    assert_eq!((fact.reservation_id.as_str(), fact.failure()), ("r", CounselMessageFailure::Unspecified));
}

#[test]
fn values_that_a_newer_enum_has_are_read_as_unspecified() {
    for failure in [json!("COUNSEL_MESSAGE_FAILURE_OVERLOADED"), json!(99), json!(-1)] {
        let fact: CounselMessageFailed = read(&json!({ "reservationId": "r", "failure": failure }));
        assert_eq!(fact.failure(), CounselMessageFailure::Unspecified, "{failure}");
        assert_eq!(fact.reservation_id, "r");
    }
    let fact: RiskDetected = read(&json!({ "riskKind": "RISK_KIND_NEGLECT", "riskSeverity": 4 }));
    assert_eq!((fact.risk_kind(), fact.risk_severity), (RiskKind::Unspecified, 4));
    // What is none at all is not made one.
    assert!(serde_json::from_value::<RiskDetected>(json!({ "riskKind": {} })).is_err());
}

/// Each field of each event, with its number and its type. A line that is missing breaks consumers of the other version.
#[test]
fn no_field_of_an_event_is_taken_away_or_changed() {
    use prost::Message;
    use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

    let fields = |message: &DescriptorProto| {
        let field = |field: &FieldDescriptorProto| {
            let (label, kind) = (field.label().as_str_name(), field.r#type().as_str_name());
            let of = field.type_name.as_deref().unwrap_or_default();
            format!("{}.{} = {} {label} {kind} {of}", message.name(), field.json_name(), field.number())
                .trim_end()
                .to_owned()
        };
        message.field.iter().map(field).collect::<Vec<_>>()
    };
    let files = FileDescriptorSet::decode(crate::proto::DESCRIPTORS).unwrap().file;
    let events: Vec<_> = files.iter().filter(|file| file.package() == "hearlers.events.v1").collect();
    let mut lines: Vec<_> = events.iter().flat_map(|file| &file.message_type).flat_map(fields).collect();
    for of in events.iter().flat_map(|file| &file.enum_type) {
        lines.extend(
            of.value.iter().map(|value| format!("{}.{} = {}", of.name(), value.name(), value.number())),
        );
    }
    lines.sort();
    let told = include_str!("events.txt").lines().collect::<Vec<_>>();
    let lost: Vec<_> = told.iter().filter(|line| !lines.iter().any(|now| now == *line)).collect();
    assert!(lost.is_empty(), "a consumer of the other version reads these: {lost:#?}");
    assert_eq!(lines, told, "new fields belong into shared/src/messaging/tests/events.txt");
}

/// Every kind of event: what can be read means the same when it is told again.
macro_rules! read_again {
    ($event:expr, $($fact:ident)*) => {
        $(
            match $event.data::<crate::proto::events::v1::$fact>() {
                Ok(fact) => {
                    let told = serde_json::to_vec(&fact).unwrap();
                    let again: crate::proto::events::v1::$fact = serde_json::from_slice(&told).unwrap();
                    assert_eq!(again, fact);
                }
                Err(reason) => assert!(reason.contains(crate::proto::events::v1::$fact::SUBJECT), "{reason}"),
            }
        )*
    };
}

#[test]
fn every_message_is_read_or_refused_with_a_reason() {
    Corpus::of(env!("CARGO_MANIFEST_DIR"), "events").check(file!(), |input| {
        let (subject, headers, data) = message(input);
        let event = match ReceivedEvent::read(&subject, Some(&headers), data) {
            Ok(event) => event,
            Err(reason) => {
                let missing = ["ce-id", "ce-type", "ce-source"].iter().find(|name| reason.contains(**name));
                return assert!(headers.get(*missing.unwrap()).is_none(), "{reason}");
            }
        };
        assert_eq!(headers.get("ce-id").map(|id| id.as_str()), Some(event.id.as_str()));
        assert_eq!(event.subject, subject);
        read_again!(event,
            UserCreated UserUpdated UserDeleted AuthChannelConnected TokensCredited TokensRevoked AllowanceChanged
            CounselCreated CounselMessageCreated CounselMessageFailed CounselMessageReacted RiskDetected RapportGrown
            OrderPaid OrderFailed OrderCanceled OrderRefunded OrderMismatched SubscriptionRenewed SubscriptionLapsed
            DeadLetterReplayRequested DeadLetterDiscardRequested ConsumerReplayRequested ConsumerPauseRequested
            ConsumerResumeRequested InstanceDrainRequested);
    });
}

/// See [`publish_as_told`].
async fn tell(world: &World, subject: &str, event_type: &str, id: &str, data: &str) {
    publish_as_told(&world.nats, subject, event_type, id, data).await;
}

crate::on_each_engine! {
    async fn what_only_a_newer_version_knows_waits_for_it_and_holds_nothing_up(engine: Engine) {
        let world = World::new(engine).await;
        let handler = NoteEffect::default();
        let consumer = world.run_consumer(&EFFECTS, handler.clone());
        let data = r#"{"userId":"a","changedFields":["0"],"newField":{"a":[1]}}"#;
        let (known, newer) = ("hearlers.users.user.updated.v1", "hearlers.users.user.updated.v2");
        tell(&world, "users.user.updated.a", known, "first", data).await;
        tell(&world, "users.user.updated.a", newer, "second", r#"{"user":{"id":"a"}}"#).await;
        // A fact that nobody has heard of is not this consumer's.
        tell(&world, "users.user.frozen.a", "hearlers.users.user.frozen.v1", "third", "{}").await;
        tell(&world, "users.user.updated.a", known, "fourth", data).await;
        eventually("the effects", async || world.effects().await.len() == 2).await;
        assert_eq!(world.effects().await, ["first", "fourth"]);
        idle(&world.nats, &EFFECTS).await;

        let letter = dead_letter::get(&world.nats, 1).await.unwrap().unwrap();
        assert_eq!(letter.subject, "users.user.updated.a");
        assert_eq!(letter.reason, format!("test-effects does not take events of the type {newer:?}"));
        assert!(dead_letter::get(&world.nats, 2).await.unwrap().is_none());
        assert_eq!(handler.calls.load(Ordering::SeqCst), 2);
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }

    async fn a_message_that_fills_the_broker_s_limit_is_kept_with_a_short_reason(engine: Engine) {
        let world = World::new(engine).await;
        let consumer = world.run_consumer(&EFFECTS, NoteEffect::default());
        // The reason quotes what it found.
        let data = format!(r#"{{"userId":"a","changedFields":"{}"}}"#, "x".repeat(900_000));
        tell(&world, "users.user.updated.a", "hearlers.users.user.updated.v1", "long", &data).await;
        eventually("the dead letter", async || {
            dead_letter::get(&world.nats, 1).await.is_ok_and(|letter| letter.is_some())
        })
        .await;
        let letter = dead_letter::get(&world.nats, 1).await.unwrap().unwrap();
        assert!(letter.reason.starts_with("the data is not a users.user.updated"), "{}", letter.reason);
        assert!(letter.reason.len() <= 600);
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }
}
