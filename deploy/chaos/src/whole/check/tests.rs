use std::collections::BTreeSet;

use super::facts::{Event, Message, Reservation};
use super::*;
use crate::whole::person::{Said, Talk};

fn message(id: &str, text: &str, reservation: Option<&str>, reply_to: Option<&str>) -> Message {
    Message {
        id: id.to_owned(),
        user_id: "u".to_owned(),
        text: text.to_owned(),
        is_user_message: reservation.is_some(),
        reservation_id: reservation.map(str::to_owned),
        reply_to: reply_to.map(str::to_owned),
    }
}

fn reservation(state: &str, source: &str) -> Reservation {
    Reservation { user_id: "u".to_owned(), state: state.to_owned(), source: Some(source.to_owned()) }
}

/// A greeting and two turns, the first paid by the allowance and the second by what was bought; what was told of them.
fn kept() -> (Facts, Vec<Account>) {
    let event = |id: &str| Event {
        id: id.to_owned(),
        subject: "counsels.message.created.c".to_owned(),
        aggregate_id: "c".to_owned(),
    };
    let events = vec![event("e1"), event("e2")];
    let applied: BTreeMap<_, _> =
        ["user-svc-reservations", "user-svc-tracking", "counseling-svc-understanding"]
            .into_iter()
            .map(|consumer| (consumer, ["e1".to_owned(), "e2".to_owned()].into()))
            .collect();
    let facts = Facts {
        messages: [(
            "c".to_owned(),
            vec![
                message("g", "hello", None, None),
                message("a", "mk1 one", Some("r1"), None),
                message("b", "yes", None, Some("a")),
                message("d", "mk1 two", Some("r2"), None),
                message("e", "yes", None, Some("d")),
            ],
        )]
        .into(),
        stood_in_for: BTreeSet::new(),
        reservations: [
            ("r1".to_owned(), reservation("SETTLED", "ALLOWANCE")),
            ("r2".to_owned(), reservation("SETTLED", "PURCHASED")),
        ]
        .into(),
        balances: [("u".to_owned(), (1, 99))].into(),
        credits: [("u".to_owned(), (100, 0))].into(),
        counted: [("u".to_owned(), (1, 2))].into(),
        committed: [("COUNSELS", events.clone())].into(),
        streams: [("COUNSELS", events)].into(),
        applied,
        told: Vec::new(),
    };
    let said = |text: &str, heard| Said { text: text.to_owned(), heard };
    let talk = Talk::new(
        "c",
        vec![said("mk1 one", Heard::Yes), said("mk1 two", Heard::Yes), said("mk1 no", Heard::No)],
    );
    let mut account = Account::new("u", "mk1");
    account.talks.push(talk);
    (facts, vec![account])
}

fn found(facts: &Facts, accounts: &[Account]) -> Vec<String> {
    let mut violations = Violations::default();
    rules::check(facts, accounts, &mut violations);
    violations.into_inner()
}

impl Facts {
    fn of_counsel(&mut self) -> &mut Vec<Message> {
        self.messages.get_mut("c").unwrap()
    }
}

#[test]
fn what_is_as_it_has_to_be_is_no_violation() {
    let (facts, accounts) = kept();
    assert_eq!(found(&facts, &accounts), Vec::<String>::new());
}

#[test]
fn whatever_is_lost_doubled_or_out_of_order_is_found() {
    let spoilers: [fn(&mut Facts); 20] = [
        // A message that was answered with success is gone, doubled, or out of order.
        |facts| drop(facts.of_counsel().drain(3..)),
        |facts| facts.of_counsel().push(message("f", "mk1 two", Some("r2"), None)),
        |facts| facts.of_counsel().swap(1, 3),
        // One that was refused is there.
        |facts| facts.of_counsel().push(message("f", "mk1 no", Some("r1"), None)),
        // A reply is not where it belongs.
        |facts| facts.of_counsel().swap(2, 3),
        |facts| facts.of_counsel()[2].reply_to = None,
        // A token is not spent for what was answered, spent for nothing, somebody else's, or counted wrongly.
        |facts| facts.reservations.get_mut("r1").unwrap().state = "RELEASED".to_owned(),
        |facts| drop(facts.reservations.remove("r1")),
        |facts| assert!(facts.stood_in_for.insert("a".to_owned())),
        |facts| drop(facts.reservations.insert("r3".to_owned(), reservation("SETTLED", "UNLIMITED"))),
        |facts| facts.reservations.get_mut("r1").unwrap().user_id = "v".to_owned(),
        |facts| facts.balances.get_mut("u").unwrap().0 = 2,
        |facts| facts.balances.get_mut("u").unwrap().1 = 100,
        // Something was counted twice.
        |facts| facts.counted.get_mut("u").unwrap().1 = 3,
        // An event is not published, made up, or out of order.
        |facts| drop(facts.streams.get_mut("COUNSELS").unwrap().pop()),
        |facts| {
            drop(facts.committed.remove("COUNSELS").map(|_| facts.committed.insert("COUNSELS", Vec::new())))
        },
        |facts| facts.streams.get_mut("COUNSELS").unwrap().swap(0, 1),
        // An effect is missing, or comes from nothing.
        |facts| assert!(facts.applied.get_mut("user-svc-tracking").unwrap().remove("e2")),
        |facts| assert!(facts.applied.get_mut("user-svc-tracking").unwrap().insert("e3".to_owned())),
        |facts| drop(facts.applied.remove("user-svc-reservations")),
    ];
    for (number, spoil) in spoilers.into_iter().enumerate() {
        let (mut facts, accounts) = kept();
        spoil(&mut facts);
        assert!(!found(&facts, &accounts).is_empty(), "{number}");
    }
}

#[test]
fn what_is_left_of_a_deleted_account_is_found() {
    let (facts, mut accounts) = kept();
    accounts[0].deleted = Some(Heard::Yes);
    assert!(found(&facts, &accounts).iter().any(|violation| violation.contains("deleted account")));
    let texts = [("a table".to_owned(), "x mk1 y".to_owned()), ("another".to_owned(), "mk2".to_owned())];
    let mut violations = Violations::default();
    personal::check(&texts, &["mk1"], &mut violations);
    assert_eq!(violations.into_inner(), ["something of a deleted account (mk1) is left in a table"]);
}
