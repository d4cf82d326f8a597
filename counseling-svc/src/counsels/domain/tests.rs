use shared::Violations;

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

fn reply(id: &str, seconds: i64) -> Message {
    Message {
        id: id.to_owned(),
        counsel_id: "counsel".to_owned(),
        text: format!("words of {id}"),
        author: Author::Counselor { reply_to: None },
        technique_id: "listening".to_owned(),
        reaction: None,
        risk: None,
        usage: Usage::default(),
        created_at: at(seconds),
        updated_at: at(seconds),
    }
}

#[test]
fn one_message_is_answered_at_a_time() {
    let mut counsel = counsel();
    let lease = counsel.begin_turn("first", at(1)).unwrap();
    assert_eq!(lease, Lease { message_id: "first".to_owned(), until: at(61) });
    assert_eq!(counsel.begin_turn("second", at(2)), Err(Busy));
    let told = counsel.complete_turn(&lease, "reservation", &reply("reply", 3), false).unwrap();
    let created = CounselEvent::MessageCreated {
        message_id: "first".to_owned(),
        reply_id: "reply".to_owned(),
        technique_id: "listening".to_owned(),
        reservation_id: "reservation".to_owned(),
        is_fallback: false,
    };
    assert_eq!(told, created);
    assert_eq!(counsel.last_message.as_deref(), Some("words of reply"));
    assert_eq!(counsel.last_chatted_at, Some(at(3)));
    assert_eq!((counsel.technique_id.as_str(), counsel.technique_message_count), ("listening", 3));
    assert!(counsel.begin_turn("second", at(4)).is_ok());
}

#[test]
fn a_turn_that_nobody_ended_in_time_goes_on_until_it_is_given_up() {
    let mut counsel = counsel();
    let lease = counsel.begin_turn("first", at(0)).unwrap();
    assert_eq!(counsel.begin_turn("second", at(1000)), Err(Busy));
    let told = counsel.abandon_turn(&lease, "reservation", Failure::Interrupted, at(1001)).unwrap();
    let failed = CounselEvent::MessageFailed {
        message_id: "first".to_owned(),
        reservation_id: "reservation".to_owned(),
        failure: Failure::Interrupted,
    };
    assert_eq!(told, failed);
    assert_eq!(counsel.abandon_turn(&lease, "reservation", Failure::Assistant, at(1002)), Err(TurnLost));
    assert!(counsel.begin_turn("second", at(1003)).is_ok());
}

#[test]
fn a_turn_that_was_given_up_ends_no_other_turn_not_even_one_of_the_same_message() {
    let mut counsel = counsel();
    let lost = counsel.begin_turn("first", at(1)).unwrap();
    counsel.abandon_turn(&lost, "reservation", Failure::Interrupted, at(70)).unwrap();
    assert_eq!(counsel.complete_turn(&lost, "reservation", &reply("late", 71), false), Err(TurnLost));
    let lease = counsel.begin_turn("first", at(72)).unwrap();
    assert_eq!(counsel.complete_turn(&lost, "reservation", &reply("late", 73), false), Err(TurnLost));
    assert_eq!(counsel.abandon_turn(&lost, "reservation", Failure::Assistant, at(74)), Err(TurnLost));
    assert_eq!(counsel.last_message, None);
    assert_eq!(counsel.turn, Turn::Counselor(lease));
}

#[test]
fn nothing_happens_before_what_has_happened_whatever_the_clock_says() {
    let mut counsel = counsel();
    assert_eq!(counsel.moment(at(1)), at(1));
    let lease = counsel.begin_turn("first", at(20)).unwrap();
    let later = at(20).plus(MICROSECOND);
    assert_eq!(counsel.moment(at(1)), later);
    counsel.abandon_turn(&lease, "reservation", Failure::Assistant, at(1)).unwrap();
    assert_eq!(counsel.updated_at, later);
    // By the clock of whoever takes the turn.
    assert_eq!(counsel.begin_turn("second", at(2)).unwrap().until, at(62));
    counsel.change_technique("reframing", at(3));
    assert_eq!(counsel.updated_at, at(20).plus(Duration::from_micros(3)));
    assert_eq!(counsel.moment(at(21)), at(21));
}

#[test]
fn a_new_technique_counts_its_messages_from_zero() {
    let mut counsel = counsel();
    let lease = counsel.begin_turn("first", at(1)).unwrap();
    counsel.complete_turn(&lease, "reservation", &reply("reply", 2), false).unwrap();
    assert_eq!(counsel.technique_message_count, 3);
    counsel.change_technique("reframing", at(3));
    assert_eq!((counsel.technique_id.as_str(), counsel.technique_message_count), ("reframing", 0));
}

#[test]
fn only_the_counselors_words_are_reacted_to() {
    let mut message = reply("m", 0);
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
        MESSAGE.read("message", &text, &mut violations);
        assert_eq!(violations.to_string().matches("message: ").count(), rules, "{}", text.len());
    }
}
