use shared::proto::v1::ProductKind;

use super::*;
use crate::orders::domain::Money;

const DAY: Duration = Duration::from_secs(86_400);

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).unwrap()
}

fn begun() -> Subscription {
    let item = Item {
        product_id: "p".to_owned(),
        version: 1,
        kind: ProductKind::MonthlyPass,
        name: "pass".to_owned(),
        tokens: 3000,
        price: Money { currency: "KRW".to_owned(), amount: 29_900 },
    };
    let now = at("2027-01-31T10:00:00Z");
    let order = Order::new(
        "o".to_owned(),
        "c".to_owned(),
        item,
        PaymentProvider::Sandbox,
        now,
        Duration::from_secs(1),
    );
    Subscription::begin(&order, Some("key".to_owned()), now)
}

#[test]
fn months_are_counted_from_the_first_one() {
    let mut subscription = begun();
    assert_eq!(subscription.period_ends_at(), at("2027-02-28T10:00:00Z"));
    subscription.renew("o2", at("2027-02-28T10:00:05Z"));
    assert_eq!(subscription.period_started_at(), at("2027-02-28T10:00:00Z"));
    assert_eq!(subscription.period_ends_at(), at("2027-03-31T10:00:00Z"));
    assert_eq!(subscription.due_at, Some(subscription.period_ends_at()));
}

#[test]
fn each_attempt_to_renew_has_an_order_of_its_own_and_everybody_knows_its_id() {
    let mut subscription = begun();
    let first = subscription.renewal_id();
    assert_eq!(begun().renewal_id(), first);
    subscription.decline(Patience::default(), subscription.period_ends_at());
    let second = subscription.renewal_id();
    subscription.renew(&second, at("2027-03-01T10:00:00Z"));
    assert_eq!(std::collections::HashSet::from([first, second, subscription.renewal_id()]).len(), 3);
}

#[test]
fn a_renewal_is_tried_every_day_until_the_grace_is_over() {
    let mut subscription = begun();
    let patience = Patience { grace: DAY * 5 / 2, retry_every: DAY };
    let ends = subscription.period_ends_at();
    assert_eq!(subscription.due(ends.minus(DAY)), Due::Wait);
    assert_eq!(subscription.due(ends), Due::Renew);
    subscription.decline(patience, ends);
    assert_eq!((subscription.state, subscription.due_at), (SubscriptionState::PastDue, Some(ends.plus(DAY))));
    subscription.decline(patience, ends.plus(DAY));
    subscription.decline(patience, ends.plus(DAY * 2));
    assert_eq!(subscription.due_at, Some(ends.plus(DAY * 5 / 2)), "the last attempt is when the grace ends");
    assert!(subscription.is_live());
    subscription.decline(patience, ends.plus(DAY * 5 / 2));
    assert_eq!((subscription.state, subscription.due_at), (SubscriptionState::Lapsed, None));
    assert_eq!(subscription.billing_key, None);
}

#[test]
fn what_is_paid_within_the_grace_moves_no_month() {
    let mut subscription = begun();
    let ends = subscription.period_ends_at();
    subscription.decline(Patience::default(), ends);
    subscription.renew("o2", ends.plus(DAY * 2));
    assert_eq!((subscription.state, subscription.attempts), (SubscriptionState::Active, 0));
    assert_eq!(subscription.period_started_at(), ends);
}

#[test]
fn without_a_key_there_is_nothing_to_try_again_with() {
    let mut subscription = Subscription { billing_key: None, ..begun() };
    subscription.decline(Patience::default(), subscription.period_ends_at());
    assert_eq!(subscription.state, SubscriptionState::Lapsed);
}

#[test]
fn a_cancellation_waits_for_the_end_of_the_month_and_can_be_taken_back() {
    let mut subscription = begun();
    let (now, ends) = (at("2027-02-10T00:00:00Z"), subscription.period_ends_at());
    assert_eq!(subscription.cancel(now), Ok(()));
    assert_eq!(subscription.cancel(now), Ok(()));
    assert_eq!((subscription.state, subscription.is_live()), (SubscriptionState::Canceling, true));
    assert_eq!(subscription.resume(now), Ok(()));
    assert_eq!(subscription.due(ends), Due::Renew);
    assert_eq!(subscription.cancel(now), Ok(()));
    assert_eq!(subscription.due(ends), Due::End);
    assert_eq!(subscription.resume(ends), Err(Ended));
    subscription.end(SubscriptionState::Canceled, ends);
    assert_eq!(subscription.cancel(ends), Ok(()), "it is as it was asked to be");
    assert_eq!(subscription.resume(ends), Err(Ended));
}

#[test]
fn what_is_not_paid_ends_at_once_and_what_has_lapsed_stays_so() {
    let mut subscription = begun();
    let ends = subscription.period_ends_at();
    subscription.decline(Patience::default(), ends);
    assert_eq!(subscription.resume(ends), Ok(()), "it was not canceled");
    assert_eq!(subscription.cancel(ends), Ok(()));
    assert_eq!((subscription.state, subscription.ended_at), (SubscriptionState::Canceled, Some(ends)));

    let mut lapsed = begun();
    lapsed.end(SubscriptionState::Lapsed, ends);
    assert_eq!((lapsed.cancel(ends), lapsed.resume(ends)), (Err(Ended), Err(Ended)));
}
