//! The rules of tokens and reservations.

mod properties;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

fn now() -> Timestamp {
    Timestamp::from_micros(1_767_323_045_000_000)
}

fn tokens(purchased: u32) -> MessageTokens {
    MessageTokens::restore("u".to_owned(), None, purchased)
}

/// Takes `count` tokens, each for a message of its own.
fn reserve(tokens: &mut MessageTokens, count: usize, plan: Plan, at: Timestamp) -> Vec<Reservation> {
    (0..count).map(|number| tokens.reserve(&format!("r{number}"), None, plan, at).unwrap()).collect()
}

fn used(tokens: &MessageTokens) -> u32 {
    tokens.window().map_or(0, |window| window.used)
}

#[test]
fn a_guest_has_seven_tokens_a_linked_account_a_thousand_an_admin_any_number() {
    for (plan, allowance) in [(Plan::Guest, 7), (Plan::Linked, 1000)] {
        let mut tokens = tokens(0);
        reserve(&mut tokens, allowance, plan, now());
        assert_eq!(tokens.reserve("one more", None, plan, now()), Err(NoTokensLeft));
    }
    let mut tokens = tokens(0);
    reserve(&mut tokens, 5000, Plan::Admin, now());
    assert_eq!((used(&tokens), tokens.purchased()), (0, 0));
}

#[test]
fn a_plan_follows_from_authority_and_channel() {
    use crate::auth_users::domain::{Provider, ProviderAccount};
    let mut user = AuthUser::guest("u", now());
    assert_eq!(Plan::of(&user, None), Plan::Guest);
    assert_eq!(Plan::of(&user, Some(3000)), Plan::Pass(3000));
    let account = ProviderAccount { provider: Provider::Kakao, user_id: "k".to_owned() };
    user.connect(account, now()).unwrap();
    assert_eq!(Plan::of(&user, None), Plan::Linked);
    assert_eq!(Plan::of(&user, Some(500)), Plan::Linked, "a pass takes nothing away");
    user.set_authority(Authority::Admin, now());
    assert_eq!(Plan::of(&user, None), Plan::Admin);
    assert_eq!(Plan::of(&user, Some(3000)), Plan::Admin);
}

#[test]
fn bought_tokens_are_spent_after_the_allowance() {
    let mut tokens = tokens(2);
    let reservations = reserve(&mut tokens, 9, Plan::Guest, now());
    let allowance = ReservationState::Held(Source::Allowance { window: now() });
    assert!(reservations[..7].iter().all(|reservation| reservation.state == allowance));
    let purchased = ReservationState::Held(Source::Purchased);
    assert!(reservations[7..].iter().all(|reservation| reservation.state == purchased));
    assert_eq!(tokens.reserve("one more", None, Plan::Guest, now()), Err(NoTokensLeft));
}

#[test]
fn the_allowance_refills_six_hours_after_the_first_token_of_it() {
    let mut tokens = tokens(0);
    reserve(&mut tokens, 1, Plan::Guest, now());
    reserve(&mut tokens, 6, Plan::Guest, now().plus(5 * HOUR));
    let just_before = now().plus(6 * HOUR).minus(Duration::from_micros(1));
    assert_eq!(tokens.reserve("early", None, Plan::Guest, just_before), Err(NoTokensLeft));
    let refilled = now().plus(6 * HOUR);
    assert!(tokens.reserve("in time", None, Plan::Guest, refilled).is_ok());
    assert_eq!(tokens.window(), Some(Window { began_at: refilled, used: 1 }));
}

#[test]
fn a_held_or_settled_reservation_is_the_answer_to_a_repeat() {
    let mut tokens = tokens(0);
    let mut reservation = tokens.reserve("r", None, Plan::Guest, now()).unwrap();
    let later = now().plus(SECOND);
    let again = tokens.reserve("r", Some(reservation.clone()), Plan::Guest, later).unwrap();
    assert_eq!((&again, used(&tokens)), (&reservation, 1));
    tokens.settle(&mut reservation, Plan::Guest, later);
    let again = tokens.reserve("r", Some(reservation.clone()), Plan::Guest, later).unwrap();
    assert_eq!((again, used(&tokens)), (reservation, 1));
}

#[test]
fn a_reservation_that_was_given_back_takes_a_token_anew() {
    let mut tokens = tokens(0);
    let mut reservation = tokens.reserve("r", None, Plan::Guest, now()).unwrap();
    assert!(tokens.release(&mut reservation));
    let later = now().plus(SECOND);
    let again = tokens.reserve("r", Some(reservation), Plan::Guest, later).unwrap();
    assert_eq!(again.state, ReservationState::Held(Source::Allowance { window: later }));
    assert_eq!((again.expires_at, used(&tokens)), (later.plus(HOLD), 1));
}

#[test]
fn settling_twice_spends_one_token() {
    let mut tokens = tokens(0);
    let mut reservation = tokens.reserve("r", None, Plan::Guest, now()).unwrap();
    for _ in 0..2 {
        tokens.settle(&mut reservation, Plan::Guest, now());
        let source = Some(Source::Allowance { window: now() });
        assert_eq!((reservation.state, used(&tokens)), (ReservationState::Settled(source), 1));
    }
}

#[test]
fn what_is_settled_is_neither_released_nor_expired() {
    let mut tokens = tokens(0);
    let mut reservation = tokens.reserve("r", None, Plan::Guest, now()).unwrap();
    tokens.settle(&mut reservation, Plan::Guest, now());
    let settled = reservation.clone();
    assert!(!tokens.release(&mut reservation));
    assert!(!tokens.expire(&mut reservation, now().plus(HOUR)));
    assert_eq!((reservation, used(&tokens)), (settled, 1));
}

#[test]
fn a_reservation_expires_after_sixty_seconds_of_silence() {
    let mut tokens = tokens(0);
    let mut reservation = tokens.reserve("r", None, Plan::Guest, now()).unwrap();
    assert!(!tokens.expire(&mut reservation, now().plus(HOLD).minus(Duration::from_micros(1))));
    assert_eq!(used(&tokens), 1);
    assert!(tokens.expire(&mut reservation, now().plus(HOLD)));
    assert_eq!((reservation.state, used(&tokens)), (ReservationState::Expired, 0));
    assert!(!tokens.expire(&mut reservation, now().plus(HOLD)));
}

#[test]
fn a_message_that_was_sent_after_all_is_charged_late() {
    let mut tokens = tokens(0);
    let mut reservation = tokens.reserve("r", None, Plan::Guest, now()).unwrap();
    assert!(tokens.release(&mut reservation));
    tokens.settle(&mut reservation, Plan::Guest, now());
    let source = Some(Source::Allowance { window: now() });
    assert_eq!((reservation.state, used(&tokens)), (ReservationState::Settled(source), 1));
}

#[test]
fn a_late_charge_never_takes_what_is_not_there() {
    let mut tokens = tokens(0);
    let mut reservation = tokens.reserve("late", None, Plan::Guest, now()).unwrap();
    assert!(tokens.release(&mut reservation));
    reserve(&mut tokens, 7, Plan::Guest, now());
    tokens.settle(&mut reservation, Plan::Guest, now());
    assert_eq!((reservation.state, used(&tokens)), (ReservationState::Settled(None), 7));
}

#[test]
fn a_token_of_a_past_window_is_not_given_back_into_the_new_one() {
    let mut tokens = tokens(0);
    let mut past = reserve(&mut tokens, 7, Plan::Guest, now());
    let later = now().plus(6 * HOUR);
    reserve(&mut tokens, 2, Plan::Guest, later);
    assert!(tokens.release(&mut past[0]));
    assert_eq!(tokens.window(), Some(Window { began_at: later, used: 2 }));
}

#[test]
fn a_bought_token_is_always_given_back() {
    let mut tokens = tokens(1);
    let mut reservations = reserve(&mut tokens, 8, Plan::Guest, now());
    assert_eq!(tokens.purchased(), 0);
    assert!(tokens.expire(&mut reservations[7], now().plus(12 * HOUR)));
    assert_eq!(tokens.purchased(), 1);
}

#[test]
fn a_smaller_allowance_counts_what_was_used_of_the_larger_one() {
    let mut tokens = tokens(0);
    reserve(&mut tokens, 8, Plan::Linked, now());
    assert_eq!(tokens.reserve("r", None, Plan::Guest, now()), Err(NoTokensLeft));
    assert!(tokens.reserve("r", None, Plan::Linked, now()).is_ok());
}

#[test]
fn only_a_positive_number_of_tokens_is_credited() {
    let mut tokens = tokens(0);
    for bad in [0, -1, i32::MIN] {
        assert_eq!(tokens.credit(bad), Err(CreditRefusal::NotPositive));
    }
    assert_eq!(tokens.credit(30), Ok(30));
    assert_eq!(tokens.credit(i32::MAX), Err(CreditRefusal::TooMany));
    assert_eq!(tokens.purchased(), 30);
}

#[test]
fn a_balance_counts_overdue_reservations_as_given_back() {
    let mut tokens = tokens(1);
    let held = reserve(&mut tokens, 8, Plan::Guest, now());
    let full = Balance {
        allowance: Some(7),
        used: 7,
        reserved: 8,
        purchased: 0,
        resets_at: Some(now().plus(6 * HOUR)),
    };
    assert_eq!(tokens.balance(held.clone(), Plan::Guest, now()), full);
    let empty = Balance { allowance: Some(7), used: 0, reserved: 0, purchased: 1, resets_at: None };
    assert_eq!(tokens.balance(held, Plan::Guest, now().plus(HOLD)), empty);
}

#[test]
fn a_balance_after_the_window_shows_a_full_allowance() {
    let mut tokens = tokens(0);
    reserve(&mut tokens, 7, Plan::Guest, now());
    let balance = tokens.balance(Vec::new(), Plan::Guest, now().plus(6 * HOUR));
    assert_eq!((balance.used, balance.resets_at), (0, None));
    assert_eq!(tokens.balance(Vec::new(), Plan::Admin, now()).allowance, None);
}
