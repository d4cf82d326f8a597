//! Messages that speak of danger.

use counseling_svc::assistant::{Risk, RiskKind};
use shared::id::new_id;
use shared::proto::events::v1::{self, CounselMessageCreated, RiskDetected};
use shared::proto::v1::{BubbleResponse, CreateCounselRequest};

use crate::world::{World, by, opening};

shared::on_each_engine! {
    async fn a_message_of_self_harm_is_told_of_and_answered_with_the_way_to_help(engine: Engine) {
        let world = World::new(engine).await;
        for (message, line) in [("I want to kill myself tonight.", "988"), ("오늘 밤에 죽어버리고 싶어요.", "109")] {
            let counsel = world.counsel().await;
            let pair = world.calls().tell(&counsel, message).await;
            assert!(pair.reply.message.contains(line), "{}", pair.reply.message);
            let risks = world.events::<RiskDetected>(&counsel.id).await;
            let [risk] = &risks[..] else { panic!("{risks:?}") };
            assert_eq!((&risk.user_id, &risk.user_message_id), (&counsel.user_id, &pair.message.id));
            assert_eq!(risk.risk_kind(), v1::RiskKind::SelfHarm);
            assert!((3..=5).contains(&risk.risk_severity), "{risk:?}");
            assert_eq!(world.events::<CounselMessageCreated>(&counsel.id).await.len(), 1);
        }
        for payload in world.payloads().await {
            assert!(!payload.contains("kill") && !payload.contains("죽"), "{payload}");
        }
    }

    async fn an_everyday_message_is_no_risk(engine: Engine) {
        let world = World::new(engine).await;
        let counsel = world.counsel().await;
        world.calls().tell(&counsel, "I am tired of work.").await;
        assert!(world.events::<RiskDetected>(&counsel.id).await.is_empty());
    }

    async fn each_kind_of_risk_is_told_of_wherever_it_is_found(engine: Engine) {
        let (world, puppet) = World::with_puppet(engine).await;
        let counselor = world.counselor().await;
        let bubble = world.bubbles(&counselor.id).await.remove(0);
        for (kind, expected, severity) in [
            (RiskKind::SelfHarm, v1::RiskKind::SelfHarm, 5),
            (RiskKind::HarmToOthers, v1::RiskKind::HarmToOthers, 3),
            (RiskKind::Abuse, v1::RiskKind::Abuse, 4),
        ] {
            puppet.find(Risk { kind, severity });
            let bubble_response = BubbleResponse { bubble_id: bubble.id.clone(), response_option_no: 1 };
            let request =
                CreateCounselRequest { bubble_response: Some(bubble_response), ..opening(&counselor.id) };
            let user_id = new_id();
            let opened = world.calls().open(by(&user_id, request)).await.unwrap();
            let counsel = opened.counsel.unwrap();
            let pair = world.calls().tell(&counsel, "hello").await;
            let risk = |message_id: &str| RiskDetected {
                counsel_id: counsel.id.clone(),
                user_id: user_id.clone(),
                user_message_id: message_id.to_owned(),
                risk_kind: expected.into(),
                risk_severity: severity.into(),
            };
            let expected = [risk(&opened.counsel_messages[1].id), risk(&pair.message.id)];
            assert_eq!(world.events::<RiskDetected>(&counsel.id).await, expected);
        }
    }
}
