use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn counsel() -> Counsel {
    Counsel {
        id: "counsel".to_owned(),
        counselor_id: "counselor".to_owned(),
        user_id: "user".to_owned(),
        prompt_version_id: "version".to_owned(),
        technique_id: "listening".to_owned(),
        technique_message_count: 2,
        relationship_id: "relationship".to_owned(),
        last_message: None,
        last_chatted_at: None,
        turn: Turn::User,
        created_at: at(0),
        updated_at: at(0),
    }
}

#[test]
fn one_message_is_answered_at_a_time() {
    let mut counsel = counsel();
    counsel.begin_turn("first", at(1)).unwrap();
    assert_eq!(counsel.begin_turn("second", at(2)), Err(Busy));
    counsel.complete_turn("first", "a reply", None, at(3)).unwrap();
    assert_eq!(counsel.last_message.as_deref(), Some("a reply"));
    assert_eq!(counsel.technique_message_count, 3);
    assert_eq!(counsel.begin_turn("second", at(4)), Ok(()));
}

#[test]
fn an_answer_that_comes_after_its_turn_was_given_up_is_refused() {
    let mut counsel = counsel();
    counsel.begin_turn("first", at(1)).unwrap();
    counsel.abandon_turn("first", at(70)).unwrap();
    assert_eq!(counsel.complete_turn("first", "late", None, at(71)), Err(TurnLost));
    counsel.begin_turn("second", at(72)).unwrap();
    assert_eq!(counsel.complete_turn("first", "late", None, at(73)), Err(TurnLost));
    assert_eq!(counsel.abandon_turn("first", at(74)), Err(TurnLost));
    assert_eq!(counsel.last_message, None);
}

#[test]
fn a_turn_is_interrupted_when_its_time_is_over_and_not_before() {
    let mut counsel = counsel();
    assert_eq!(counsel.interrupted_message(at(1000)), None);
    counsel.begin_turn("first", at(0)).unwrap();
    assert_eq!(counsel.interrupted_message(at(59)), None);
    assert_eq!(counsel.interrupted_message(at(60)), Some("first"));
    assert_eq!(counsel.begin_turn("second", at(61)), Err(Busy));
}

#[test]
fn a_new_technique_counts_its_messages_from_zero() {
    let mut counsel = counsel();
    counsel.begin_turn("first", at(1)).unwrap();
    counsel.complete_turn("first", "a reply", Some("reframing"), at(2)).unwrap();
    assert_eq!((counsel.technique_id.as_str(), counsel.technique_message_count), ("reframing", 0));
}

#[test]
fn only_the_counselors_words_are_reacted_to() {
    let mut message = Message {
        id: "m".to_owned(),
        counsel_id: "counsel".to_owned(),
        text: "words".to_owned(),
        author: Author::Counselor { reply_to: None },
        technique_id: "listening".to_owned(),
        reaction: None,
        created_at: at(0),
        updated_at: at(0),
    };
    message.react(CounselMessageReaction::Like, at(1)).unwrap();
    message.react(CounselMessageReaction::Like, at(2)).unwrap();
    assert_eq!(message.reaction, Some(Reaction { kind: CounselMessageReaction::Like, at: at(1) }));
    message.react(CounselMessageReaction::Dislike, at(3)).unwrap();
    assert_eq!(message.reaction, Some(Reaction { kind: CounselMessageReaction::Dislike, at: at(3) }));
    message.author = Author::User { reservation_id: None };
    assert_eq!(message.react(CounselMessageReaction::Like, at(4)), Err(NotTheCounselors));
}

#[test]
fn a_message_has_one_to_two_thousand_characters_without_control_characters() {
    for (text, rules) in [
        ("  hello\nthere ".to_owned(), 0),
        ("안".repeat(LONGEST_MESSAGE), 0),
        ("안".repeat(LONGEST_MESSAGE + 1), 1),
        ("   ".to_owned(), 1),
        ("a\u{0}b".to_owned(), 1),
        (format!("{}\u{7}a", "x".repeat(LONGEST_MESSAGE)), 2),
    ] {
        let mut violations = Violations::default();
        check_text(&text, &mut violations);
        assert_eq!(violations.to_string().matches("message: ").count(), rules, "{}", text.len());
    }
}
