//! The promises, as far as they can be seen in what is stored.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use shared::messaging::CONSUMERS;

use super::facts::{Event, Facts, Message};
use crate::checker::Violations;
use crate::whole::person::{Account, Heard};

/// Compares what is stored with what was told: how many things of each kind.
pub fn check(
    facts: &Facts,
    accounts: &[Account],
    violations: &mut Violations,
) -> BTreeMap<&'static str, usize> {
    check_said(facts, accounts, violations);
    for (counsel_id, messages) in &facts.messages {
        check_order_of_replies(counsel_id, messages, violations);
    }
    check_reservations(facts, accounts, violations);
    check_balances(facts, violations);
    check_counts(facts, accounts, violations);
    check_streams(facts, violations);
    check_effects(facts, violations);
    BTreeMap::from([
        ("messages", facts.messages.values().map(Vec::len).sum()),
        ("messages that something stood in for", facts.stood_in_for.len()),
        ("reservations", facts.reservations.len()),
        ("events", facts.streams.values().map(Vec::len).sum()),
        ("effects", facts.applied.values().map(BTreeSet::len).sum()),
    ])
}

/// What was answered with success is there once and in order, what was refused is not there, and of a deleted account
/// nothing is.
fn check_said(facts: &Facts, accounts: &[Account], violations: &mut Violations) {
    for account in accounts {
        for talk in &account.talks {
            let messages = facts.messages.get(&talk.counsel_id).map(Vec::as_slice).unwrap_or_default();
            match account.deleted {
                Some(Heard::Yes) => {
                    let id = &talk.counsel_id;
                    violations
                        .check(messages.is_empty(), || format!("counsel {id} of a deleted account is there"));
                    continue;
                }
                Some(_) => continue,
                None => {}
            }
            let mut last = None;
            for said in &talk.said {
                let places: Vec<_> = messages
                    .iter()
                    .enumerate()
                    .filter(|(_, message)| message.text == said.text)
                    .map(|(place, _)| place)
                    .collect();
                let text = &said.text;
                let fits = match said.heard {
                    Heard::Yes => places.len() == 1,
                    Heard::No => places.is_empty(),
                    Heard::Unknown => places.len() <= 1,
                };
                violations.check(fits, || {
                    format!("{text:?} is there {} times, told {:?}", places.len(), said.heard)
                });
                if let Some(place) = places.first().copied() {
                    violations.check(last <= Some(place), || format!("{text:?} is not in order"));
                    last = Some(place);
                }
            }
        }
    }
}

/// A reply follows at once what it answers, and only the first message answers nothing.
fn check_order_of_replies(counsel_id: &str, messages: &[Message], violations: &mut Violations) {
    for (place, message) in messages.iter().enumerate().filter(|(_, message)| !message.is_user_message) {
        let before = place.checked_sub(1).map(|place| &messages[place]);
        let fits = match (&message.reply_to, before) {
            (None, None) => true,
            (Some(answered), Some(before)) => before.is_user_message && before.id == *answered,
            _ => false,
        };
        violations
            .check(fits, || format!("counsel {counsel_id}: message {place} does not follow what it answers"));
    }
}

/// A token is spent for what was answered, and for nothing else: not for a reply that only stands in for one.
fn check_reservations(facts: &Facts, accounts: &[Account], violations: &mut Violations) {
    let answered: HashSet<_> =
        facts.messages.values().flatten().filter_map(|message| message.reply_to.as_ref()).collect();
    let mut paid_for = HashSet::new();
    for message in facts.messages.values().flatten() {
        let Some(id) = &message.reservation_id else { continue };
        let Some(reservation) = facts.reservations.get(id) else {
            violations.add(format!("message {} was paid by nothing", message.id));
            continue;
        };
        let is_due = answered.contains(&message.id) && !facts.stood_in_for.contains(&message.id);
        violations.check(is_due == (reservation.state == "SETTLED"), || {
            format!("message {} is to be paid for: {is_due}, its token is {}", message.id, reservation.state)
        });
        let is_owners = reservation.user_id == message.user_id;
        violations.check(is_owners, || format!("message {} was paid by somebody else", message.id));
        paid_for.insert(id);
    }
    let gone: HashSet<_> = accounts
        .iter()
        .filter(|account| account.deleted.is_some())
        .map(|account| account.id.as_str())
        .collect();
    for (id, reservation) in &facts.reservations {
        let is_spent_for_nothing = reservation.state == "SETTLED"
            && !paid_for.contains(id)
            && !gone.contains(reservation.user_id.as_str());
        violations.check(!is_spent_for_nothing, || format!("reservation {id} was settled for no message"));
    }
}

/// Granted = left + spent + held.
fn check_balances(facts: &Facts, violations: &mut Violations) {
    let mut taken: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for reservation in facts.reservations.values() {
        if matches!(reservation.state.as_str(), "HELD" | "SETTLED") {
            let (allowance, purchased) = taken.entry(&reservation.user_id).or_default();
            match reservation.source.as_deref() {
                Some("PURCHASED") => *purchased += 1,
                Some("ALLOWANCE") => *allowance += 1,
                _ => {}
            }
        }
    }
    for (user_id, (used, purchased)) in &facts.balances {
        let (of_allowance, of_purchased) = taken.get(user_id.as_str()).copied().unwrap_or_default();
        let (credited, revoked) = facts.credits.get(user_id).copied().unwrap_or_default();
        violations.check(*used == of_allowance && *used >= 0, || {
            format!("user {user_id} has used {used} of the allowance, and {of_allowance} were taken")
        });
        let left = credited - of_purchased;
        violations.check((left - revoked..=left).contains(purchased) && *purchased >= 0, || {
            format!("user {user_id} has {purchased}: {credited} bought, {revoked} taken back, {of_purchased} spent")
        });
    }
}

/// What was counted is what there is: an event that took effect twice, or that tells of nothing, would be counted.
fn check_counts(facts: &Facts, accounts: &[Account], violations: &mut Violations) {
    let mut there: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for messages in facts.messages.values() {
        let Some(first) = messages.first() else { continue };
        let (counsels, answers) = there.entry(&first.user_id).or_default();
        *counsels += 1;
        *answers += messages.iter().filter(|message| message.reply_to.is_some()).map(|_| 1).sum::<i64>();
    }
    for account in accounts.iter().filter(|account| account.deleted.is_none()) {
        let there = there.get(account.id.as_str()).copied().unwrap_or_default();
        let counted = facts.counted.get(&account.id).copied().unwrap_or_default();
        violations.check(there == counted, || {
            format!("user {}: {counted:?} counsels and answers were counted of {there:?}", account.id)
        });
    }
}

/// Each stream holds what was committed, in the order of each aggregate. What is there twice, because an ack was lost for
/// long, counts once.
fn check_streams(facts: &Facts, violations: &mut Violations) {
    for (stream, committed) in &facts.committed {
        let stored = facts.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        let (committed, stored) = (by_aggregate(committed), by_aggregate(stored));
        for (aggregate, told) in &committed {
            let held = stored.get(aggregate).cloned().unwrap_or_default();
            violations.check(*told == held, || match told.iter().find(|id| !held.contains(id)) {
                Some(lost) => format!(
                    "{stream}: about {aggregate} {} events were committed, {} are there; {lost} is not",
                    told.len(),
                    held.len(),
                ),
                None => format!("{stream}: what was told about {aggregate} is not in order"),
            });
        }
        for aggregate in stored.keys().filter(|aggregate| !committed.contains_key(*aggregate)) {
            violations
                .add(format!("{stream}: about {aggregate} something was told that nobody has committed"));
        }
    }
}

fn by_aggregate(events: &[Event]) -> BTreeMap<&str, Vec<&str>> {
    let mut known = HashSet::new();
    let mut of_aggregates: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in events.iter().filter(|event| known.insert(&event.id)) {
        of_aggregates.entry(&event.aggregate_id).or_default().push(&event.id);
    }
    of_aggregates
}

/// Every consumer has applied what it takes, and nothing else.
fn check_effects(facts: &Facts, violations: &mut Violations) {
    for consumer in CONSUMERS {
        let takes =
            |event: &&Event| consumer.facts.iter().any(|fact| event.subject.starts_with(&format!("{fact}.")));
        let stored = facts.streams.get(consumer.stream).map(Vec::as_slice).unwrap_or_default();
        let due: BTreeSet<_> = stored.iter().filter(takes).map(|event| event.id.clone()).collect();
        let applied = facts.applied.get(consumer.name).cloned().unwrap_or_default();
        for id in due.difference(&applied) {
            violations.add(format!("{}: event {id} took no effect", consumer.name));
        }
        for id in applied.difference(&due) {
            violations.add(format!("{}: {id} took effect, and is no event of its stream", consumer.name));
        }
    }
}
