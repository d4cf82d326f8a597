//! What the adapter makes of Toss Payments' answers.

use payment_svc::providers::toss::Toss;
use payment_svc::providers::{Charge, Money, Payment, PaymentStatus, Provider, ProviderError, Repayment};
use serde_json::json;
use shared::id::new_id;

use super::fake::{Means, TossPayments, config};
use crate::vendor::{Fake, Fault};

const ISSUE: &str = "POST /v1/billing/authorizations/issue";
const CHARGE: &str = "POST /v1/billing/bill_";
const CONFIRM: &str = "POST /v1/payments/confirm";

async fn start() -> (Fake<TossPayments>, Toss) {
    let fake = Fake::start(TossPayments::default()).await;
    let config = config(&fake);
    let toss = Toss::new(config.http, &config.secret_key, config.client_key).unwrap();
    (fake, toss)
}

fn charge(amount: i64, currency: &str) -> Charge {
    Charge {
        order_id: new_id(),
        name: "메시지 토큰".repeat(30),
        price: Money { currency: currency.to_owned(), amount },
        payment_key: None,
        customer_id: new_id(),
        is_recurring: false,
    }
}

fn pass() -> Charge {
    Charge { is_recurring: true, ..charge(9900, "KRW") }
}

fn with_key(charge: &Charge, key: &str) -> Charge {
    Charge { payment_key: Some(key.to_owned()), ..charge.clone() }
}

fn is_unreachable<T>(result: &Result<T, ProviderError>) -> bool {
    matches!(result, Err(ProviderError::Unreachable(_)))
}

#[tokio::test]
async fn amounts_are_in_the_unit_that_people_say() {
    let (fake, toss) = start().await;
    for (amount, currency, said) in [
        (1234, "USD", json!(12.34)),
        (500, "EUR", json!(5.0)),
        (700, "JPY", json!(700)),
        (1, "KRW", json!(1)),
    ] {
        let charge = charge(amount, currency);
        let key = fake.vendor().agree(&charge.order_id, (said.as_f64().unwrap(), currency), Means::Card);
        let paid = toss.collect(&with_key(&charge, &key)).await.unwrap();
        assert_eq!((paid.captured, paid.refunded), (amount, 0), "{currency}");
        assert_eq!(fake.asked(CONFIRM).last().unwrap().json["amount"], said);
        let back = Repayment { id: new_id(), amount: 1, reason: "r".repeat(200) };
        assert_eq!(toss.repay(&charge, &back).await.unwrap().refunded, 1, "{currency}");
        assert_eq!(toss.look(&charge).await.unwrap().refunded, 1);
    }
    let pounds = toss.open(&charge(1, "GBP"), None).await;
    assert_eq!(pounds, Err(ProviderError::Refused("GBP cannot be collected".to_owned())));
}

#[tokio::test]
async fn thirty_nine_won_are_no_thirty_nine_dollars() {
    let (fake, toss) = start().await;
    let charge = charge(3900, "USD");
    let key = fake.vendor().agree(&charge.order_id, (39.0, "KRW"), Means::Card);
    let refused = toss.collect(&with_key(&charge, &key)).await;
    assert_eq!(refused, Err(ProviderError::Refused("the payer has not agreed to this".to_owned())));
    assert_eq!((fake.count(CONFIRM), fake.vendor().held()), (0, 0.0));
    // Should it ever happen all the same, people look at it: nothing is taken over.
    fake.vendor().become_(&charge.order_id, "DONE");
    assert!(is_unreachable(&toss.look(&charge).await));
    assert!(matches!(toss.collect(&with_key(&charge, "guessed")).await, Err(ProviderError::Refused(_))));
}

#[tokio::test]
async fn every_status_says_how_the_payment_stands() {
    let (fake, toss) = start().await;
    let charge = charge(3900, "KRW");
    assert_eq!(toss.look(&charge).await, Ok(Payment::unknown()));
    fake.vendor().agree(&charge.order_id, (3900.0, "KRW"), Means::Card);
    for (status, expected, captured) in [
        ("READY", PaymentStatus::Open, 0),
        ("IN_PROGRESS", PaymentStatus::Open, 0),
        ("WAITING_FOR_DEPOSIT", PaymentStatus::Open, 0),
        ("EXPIRED", PaymentStatus::Canceled, 0),
        ("CANCELED", PaymentStatus::Canceled, 0),
        ("ABORTED", PaymentStatus::Failed, 0),
        ("DONE", PaymentStatus::Collected, 3900),
    ] {
        fake.vendor().become_(&charge.order_id, status);
        let payment = toss.look(&charge).await.unwrap();
        assert_eq!((payment.status, payment.captured), (expected, captured), "{status}");
        assert_eq!(payment.key.is_some(), captured > 0, "{status}: only what was collected is the order's");
    }
    fake.vendor().give_back(&charge.order_id, 3900.0);
    let payment = toss.look(&charge).await.unwrap();
    assert_eq!((payment.status, payment.captured, payment.refunded), (PaymentStatus::Collected, 3900, 3900));
}

#[tokio::test]
async fn an_error_says_what_follows_from_it() {
    let (fake, toss) = start().await;
    for (status, code) in
        [(400, "INVALID_REQUEST"), (403, "FORBIDDEN_REQUEST"), (400, "BELOW_MINIMUM_AMOUNT")]
    {
        let (charge, says) = (charge(3900, "KRW"), json!({ "code": code, "message": code }));
        fake.next(CONFIRM, Fault::Says(status, says));
        let refused = toss.collect(&with_key(&charge, "k")).await;
        assert_eq!(refused, Err(ProviderError::Refused(code.to_owned())));
    }
    for (status, code) in
        [(400, "INVALID_STOPPED_CARD"), (403, "EXCEED_MAX_ONE_DAY_AMOUNT"), (403, "FDS_ERROR")]
    {
        let (charge, says) = (charge(3900, "KRW"), json!({ "code": code, "message": code }));
        fake.next(CONFIRM, Fault::Says(status, says));
        let payment = toss.collect(&with_key(&charge, "k")).await.unwrap();
        assert_eq!((payment.status, payment.failure.as_deref()), (PaymentStatus::Failed, Some(code)));
    }
    let unknown = [(400, "INVENTED_TOMORROW"), (401, "UNAUTHORIZED_KEY"), (400, "ALREADY_PROCESSED_PAYMENT")];
    for (status, code) in unknown {
        let (charge, says) = (charge(3900, "KRW"), json!({ "code": code, "message": code }));
        fake.next(CONFIRM, Fault::Says(status, says));
        assert!(is_unreachable(&toss.collect(&with_key(&charge, "k")).await), "{code}");
    }
    // It fails for longer than two tries.
    let charge = charge(3900, "KRW");
    let key = fake.vendor().agree(&charge.order_id, (3900.0, "KRW"), Means::Card);
    (0..2).for_each(|_| fake.next(CONFIRM, Fault::Breaks));
    let failed = toss.collect(&with_key(&charge, &key)).await;
    assert!(is_unreachable(&failed) && format!("{failed:?}").contains("FAILED_INTERNAL"), "{failed:?}");
    // Done by a request that was never answered, and whose key is forgotten.
    fake.forget_keys();
    fake.next(CONFIRM, Fault::AnswersLate);
    assert!(is_unreachable(&toss.collect(&with_key(&charge, &key)).await));
    fake.forget_keys();
    assert_eq!(toss.collect(&with_key(&charge, &key)).await.unwrap().status, PaymentStatus::Collected);
    assert_eq!(fake.vendor().held(), 3900.0);
}

#[tokio::test]
async fn a_wrong_key_is_not_let_in_and_nothing_is_decided_by_that() {
    let (fake, _) = start().await;
    let wrong = shared::config::Secret::new("guessed");
    let toss = Toss::new(fake.http(), &wrong, String::new()).unwrap();
    assert!(is_unreachable(&toss.look(&charge(1, "KRW")).await));
    let back = Repayment { id: new_id(), amount: 1, reason: "r".to_owned() };
    assert!(is_unreachable(&toss.repay(&charge(1, "KRW"), &back).await));
}

#[tokio::test]
async fn a_registered_card_is_charged_now_and_later() {
    let (fake, toss) = start().await;
    let first = pass();
    let checkout = toss.open(&first, None).await.unwrap();
    assert_eq!(
        (checkout.client_key.as_str(), checkout.client_secret),
        ("test_ck", first.customer_id.clone())
    );
    let auth_key = fake.vendor().register(&first.customer_id, Means::Card);
    let paid = toss.collect(&with_key(&first, &auth_key)).await.unwrap();
    assert_eq!((paid.status, paid.captured), (PaymentStatus::Collected, 9900));
    let billing_key = paid.billing_key.clone().unwrap();
    assert_eq!(toss.collect(&with_key(&first, &auth_key)).await.unwrap(), paid);

    let next = Charge { order_id: new_id(), ..first.clone() };
    let renewed = toss.charge(&next, &billing_key).await.unwrap();
    assert_eq!((renewed.status, renewed.captured), (PaymentStatus::Collected, 9900));
    fake.forget_keys();
    assert_eq!(toss.charge(&next, &billing_key).await.unwrap().key, renewed.key);

    fake.vendor().replace_cards(Means::EmptyCard);
    let third = Charge { order_id: new_id(), ..first.clone() };
    for _ in 0..2 {
        let declined = toss.charge(&third, &billing_key).await.unwrap();
        assert_eq!(declined.status, PaymentStatus::Failed);
        assert!(declined.failure.unwrap().contains("잔액부족"));
    }
    let strangers = Charge { order_id: new_id(), customer_id: new_id(), ..first };
    assert!(matches!(toss.charge(&strangers, &billing_key).await, Err(ProviderError::Refused(_))));
    assert!(matches!(toss.charge(&strangers, "../payments").await, Err(ProviderError::Refused(_))));
    assert_eq!(fake.vendor().held(), 2.0 * 9900.0);
}

#[tokio::test]
async fn only_won_can_be_charged_again() {
    let (fake, toss) = start().await;
    let dollars = Charge { is_recurring: true, ..charge(999, "USD") };
    let refused = ProviderError::Refused("only won can be charged again".to_owned());
    assert_eq!(toss.open(&dollars, None).await, Err(refused.clone()));
    assert_eq!(toss.charge(&dollars, "key").await, Err(refused));
    assert_eq!(fake.count("POST"), 0);
}

#[tokio::test]
async fn a_card_that_cannot_be_registered_leaves_the_order_open() {
    let (fake, toss) = start().await;
    let order = pass();
    assert!(matches!(toss.collect(&with_key(&order, "guessed")).await, Err(ProviderError::Refused(_))));
    let of_others = fake.vendor().register(&new_id(), Means::Card);
    assert!(matches!(toss.collect(&with_key(&order, &of_others)).await, Err(ProviderError::Refused(_))));
    let auth_key = fake.vendor().register(&order.customer_id, Means::Card);
    assert_eq!(toss.collect(&with_key(&order, &auth_key)).await.unwrap().captured, 9900);
}

#[tokio::test]
async fn whichever_step_of_a_recurring_payment_was_the_last_a_repeat_ends_well() {
    let (fake, toss) = start().await;
    for (step, fault) in [
        (ISSUE, Fault::AnswersLate),
        (ISSUE, Fault::Nonsense),
        (ISSUE, Fault::Down),
        (CHARGE, Fault::Down),
        (CHARGE, Fault::AnswersLate),
        (CHARGE, Fault::Nonsense),
    ] {
        let order = pass();
        let auth_key = fake.vendor().register(&order.customer_id, Means::Card);
        let (order, cards) = (with_key(&order, &auth_key), fake.vendor().cards());
        fake.next(step, fault.clone());
        assert!(is_unreachable(&toss.collect(&order).await), "{step} {fault:?}");
        let again = tokio::join!(toss.collect(&order), toss.collect(&order));
        let paid = again.0.or(again.1).unwrap();
        assert_eq!((paid.status, paid.captured), (PaymentStatus::Collected, 9900), "{step} {fault:?}");
        assert_eq!(toss.collect(&order).await, Ok(paid.clone()));
        assert!(paid.billing_key.is_some());
        assert_eq!(fake.vendor().cards(), cards + 1, "{step} {fault:?}");
        assert_eq!(fake.vendor().held(), 9900.0, "{step} {fault:?}");
        let back = Repayment { id: new_id(), amount: 9900, reason: "r".to_owned() };
        toss.repay(&order, &back).await.unwrap();
    }
    // What fails for the moment is tried once more at once.
    for step in [ISSUE, CHARGE] {
        let order = pass();
        let auth_key = fake.vendor().register(&order.customer_id, Means::Card);
        fake.next(step, Fault::Breaks);
        assert_eq!(toss.collect(&with_key(&order, &auth_key)).await.unwrap().captured, 9900, "{step}");
    }
}
