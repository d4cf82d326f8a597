//! In danger the way to help is in the answer, whatever the model says.

use counseling_svc::assistant::{Assistant, Draft, Protocol, Reply, Risk, RiskKind, Turn};

use super::{Act, Provider, assistant, turn};

async fn answered(turn: &Turn, says: &[&str]) -> (Reply, String, String) {
    let provider = Provider::start([Act::say(says)]).await;
    let draft = Draft::default();
    let reply = assistant(&provider).reply(turn, &draft).await.unwrap();
    let seen = draft.follow().borrow().clone();
    (reply, seen, provider.received()[0].system())
}

fn led(message: &str, kind: RiskKind) -> Turn {
    Turn { protocol: Protocol::Safety(Risk { kind, severity: 4 }), ..turn(message) }
}

#[tokio::test]
async fn a_missing_way_to_help_is_added_to_the_answer_and_to_the_draft() {
    for (message, kind, number) in [
        ("그냥 그래요", RiskKind::SelfHarm, "109"),
        ("남편이 무서워요", RiskKind::Abuse, "1366"),
        ("I don't know", RiskKind::SelfHarm, "988"),
        ("I don't know", RiskKind::HarmToOthers, "findahelpline.com"),
    ] {
        let (reply, draft, system) = answered(&led(message, kind), &["I hear you."]).await;
        assert!(reply.text.starts_with("I hear you.\n\n") && reply.text.contains(number), "{}", reply.text);
        assert_eq!(draft, reply.text);
        assert!(system.contains("Hear the pain first") && !system.contains("Ask for another view."));
    }
}

#[tokio::test]
async fn a_way_to_help_that_is_there_is_not_repeated() {
    let says = "Are you thinking of ending your life? You can call 988 or see findahelpline.com.";
    let (reply, draft, _) = answered(&led("I don't know", RiskKind::SelfHarm), &[says]).await;
    assert_eq!((reply.text.as_str(), draft.as_str()), (says, says));
}

#[tokio::test]
async fn danger_in_words_is_heard_without_being_told_and_without_the_model() {
    let (reply, _, system) = answered(&turn("I want to die"), &["What a lovely day!"]).await;
    assert_eq!(reply.risk, Some(Risk { kind: RiskKind::SelfHarm, severity: 3 }));
    assert!(reply.text.contains("988"), "{}", reply.text);
    assert!(system.contains("may speak of danger"), "{system}");
}
