//! What the adapter makes of Stripe's answers.

use payment_svc::providers::stripe::Stripe;
use payment_svc::providers::{Charge, Money, Payment, PaymentStatus, Provider, ProviderError, Repayment};
use serde_json::json;
use shared::config::Secret;
use shared::id::new_id;

use super::fake::{Means, StripeApi, config};
use crate::vendor::{Fake, Fault};

const CREATE: &str = "POST /v1/payment_intents";

async fn start() -> (Fake<StripeApi>, Stripe) {
    let fake = Fake::start(StripeApi::default()).await;
    let config = config(&fake);
    let stripe =
        Stripe::new(config.http, &config.secret_key, config.publishable_key, config.webhook_secret).unwrap();
    (fake, stripe)
}

fn charge(amount: i64, currency: &str) -> Charge {
    Charge {
        order_id: new_id(),
        name: "메시지 & 토큰 100개".to_owned(),
        price: Money { currency: currency.to_owned(), amount },
        payment_key: None,
        customer_id: new_id(),
        is_recurring: false,
    }
}

fn pass() -> Charge {
    Charge { is_recurring: true, ..charge(990, "USD") }
}

/// The charge, once its intent is there.
async fn opened(stripe: &Stripe, charge: &Charge) -> (Charge, String) {
    let intent = stripe.open(charge, None).await.unwrap().payment_key.unwrap();
    (Charge { payment_key: Some(intent.clone()), ..charge.clone() }, intent)
}

fn is_unreachable<T>(result: &Result<T, ProviderError>) -> bool {
    matches!(result, Err(ProviderError::Unreachable(_)))
}

/// The first payment of a pass: the charge, and what charges it again.
async fn subscribed(fake: &Fake<StripeApi>, stripe: &Stripe) -> (Charge, String) {
    let (charge, intent) = opened(stripe, &pass()).await;
    fake.vendor().confirm(&intent, Means::Card);
    let paid = stripe.collect(&charge).await.unwrap();
    assert_eq!((paid.status, paid.captured), (PaymentStatus::Collected, 990));
    assert_eq!(stripe.look(&charge).await.unwrap(), paid, "the billing key is told again");
    (charge, paid.billing_key.unwrap())
}

fn next(of: &Charge) -> Charge {
    Charge { order_id: new_id(), payment_key: None, ..of.clone() }
}

#[tokio::test]
async fn amounts_are_in_the_smallest_unit_of_a_currency() {
    let (fake, stripe) = start().await;
    for (amount, currency) in [(3900, "KRW"), (700, "JPY"), (1234, "USD"), (5, "EUR")] {
        let (charge, intent) = opened(&stripe, &charge(amount, currency)).await;
        let form = fake.asked(CREATE).last().unwrap().form.clone();
        assert_eq!((&form["amount"], &form["currency"]), (&amount.to_string(), &currency.to_lowercase()));
        assert_eq!(form["description"], charge.name);
        fake.vendor().confirm(&intent, Means::Card);
        assert_eq!(stripe.collect(&charge).await.unwrap().captured, amount, "{currency}");
    }
}

#[tokio::test]
async fn every_status_says_how_the_payment_stands() {
    let (fake, stripe) = start().await;
    let order = charge(3900, "KRW");
    assert_eq!(stripe.look(&order).await, Ok(Payment::unknown()));
    let (charge, intent) = opened(&stripe, &order).await;
    for (status, expected, captured) in [
        ("requires_payment_method", PaymentStatus::Open, 0),
        ("requires_confirmation", PaymentStatus::Open, 0),
        ("requires_action", PaymentStatus::Open, 0),
        ("processing", PaymentStatus::Open, 0),
        ("requires_capture", PaymentStatus::Open, 0),
        ("canceled", PaymentStatus::Canceled, 0),
        ("succeeded", PaymentStatus::Collected, 3900),
    ] {
        fake.vendor().become_(&intent, status);
        let payment = stripe.look(&charge).await.unwrap();
        assert_eq!((payment.status, payment.captured), (expected, captured), "{status}");
        assert_eq!((payment.key.as_deref(), payment.billing_key), (Some(intent.as_str()), None));
    }
    // Without its id it is searched for.
    assert_eq!(stripe.look(&order).await, Ok(Payment::unknown()), "the search is behind");
    fake.vendor().is_searchable = true;
    assert_eq!(stripe.look(&order).await.unwrap().captured, 3900);
    let elsewhere = Charge { order_id: new_id(), ..charge.clone() };
    assert_eq!(stripe.look(&elsewhere).await, Ok(Payment::unknown()));
    let cheaper = Charge { price: Money { currency: "KRW".to_owned(), amount: 1 }, ..charge.clone() };
    assert_eq!(stripe.look(&cheaper).await, Ok(Payment::unknown()));
    fake.next("GET /v1/payment_intents/pi_", Fault::Says(200, json!({ "id": intent, "status": "invented" })));
    assert!(is_unreachable(&stripe.look(&charge).await));
}

#[tokio::test]
async fn a_wrong_key_is_not_let_in_and_nothing_is_decided_by_that() {
    let fake = Fake::start(StripeApi::default()).await;
    let stripe =
        Stripe::new(fake.http(), &Secret::new("sk_guessed"), String::new(), Secret::new("w")).unwrap();
    let order = Charge { payment_key: Some("pi_1".to_owned()), ..charge(1, "KRW") };
    assert!(is_unreachable(&stripe.open(&order, None).await));
    assert!(is_unreachable(&stripe.collect(&order).await));
    let back = Repayment { id: new_id(), amount: 1, reason: "r".to_owned() };
    assert!(is_unreachable(&stripe.repay(&order, &back).await));
}

#[tokio::test]
async fn an_order_that_is_opened_again_keeps_its_intent_for_good() {
    let (fake, stripe) = start().await;
    let (charge, intent) = opened(&stripe, &charge(3900, "KRW")).await;
    fake.forget_keys();
    assert_eq!(stripe.open(&charge, None).await.unwrap().payment_key, Some(intent));
    // A key that was used for something else is our mistake.
    let other = Charge { payment_key: None, price: Money { currency: "USD".into(), amount: 1 }, ..charge };
    fake.next(
        CREATE,
        Fault::Says(400, json!({ "error": { "type": "idempotency_error", "message": "used" } })),
    );
    assert_eq!(stripe.open(&other, None).await, Err(ProviderError::Refused("used".to_owned())));
}

#[tokio::test]
async fn a_refund_that_a_bank_sends_back_was_not_made() {
    let (fake, stripe) = start().await;
    let (charge, intent) = opened(&stripe, &charge(3900, "KRW")).await;
    let back = Repayment { id: new_id(), amount: 1000, reason: "r".to_owned() };
    assert!(matches!(stripe.repay(&charge, &back).await, Err(ProviderError::Refused(_))), "nothing was paid");
    fake.vendor().confirm(&intent, Means::Card);
    let back = Repayment { id: new_id(), ..back };
    assert_eq!(stripe.repay(&charge, &back).await.unwrap().refunded, 1000);
    let too_much = Repayment { id: new_id(), amount: 3000, reason: "r".to_owned() };
    assert!(matches!(stripe.repay(&charge, &too_much).await, Err(ProviderError::Refused(_))));
    fake.vendor().fail_refunds();
    let refused = ProviderError::Refused("the refund has failed".to_owned());
    assert_eq!(stripe.repay(&charge, &back).await, Err(refused));
    assert_eq!(stripe.look(&charge).await.unwrap().refunded, 0);
}

#[tokio::test]
async fn a_card_is_kept_and_charged_later() {
    let (fake, stripe) = start().await;
    let (first, billing_key) = subscribed(&fake, &stripe).await;
    let form = fake.asked(CREATE)[0].form.clone();
    assert_eq!((form["customer"].as_str(), form["setup_future_usage"].as_str()), ("cus_1", "off_session"));

    let second = next(&first);
    let renewed = stripe.charge(&second, &billing_key).await.unwrap();
    assert_eq!((renewed.status, renewed.captured), (PaymentStatus::Collected, 990));
    fake.forget_keys();
    assert_eq!(stripe.charge(&second, &billing_key).await.unwrap(), renewed, "also a day later");
    assert_eq!(fake.vendor().held(), 2 * 990);

    for (means, why) in [(Means::EmptyCard, "declined"), (Means::SecureCard, "requires authentication")] {
        fake.vendor().replace_cards(means);
        let order = next(&first);
        let declined = stripe.charge(&order, &billing_key).await.unwrap();
        assert_eq!(declined.status, PaymentStatus::Failed);
        assert!(declined.failure.as_ref().unwrap().contains(why), "{declined:?}");
        assert_eq!(stripe.charge(&order, &billing_key).await.unwrap(), declined);
        fake.forget_keys();
        assert_eq!(stripe.charge(&order, &billing_key).await.unwrap(), declined);
        let known = Charge { payment_key: declined.key.clone(), ..order };
        assert_eq!(stripe.look(&known).await.unwrap(), declined, "nobody is there to try another card");
    }
    assert_eq!(fake.vendor().held(), 2 * 990);
    for nonsense in ["", "cus_1", "cus_1/pm_99"] {
        let refused = stripe.charge(&next(&first), nonsense).await;
        assert!(matches!(refused, Err(ProviderError::Refused(_))), "{nonsense}: {refused:?}");
    }
}

#[tokio::test]
async fn a_later_charge_whose_answer_is_lost_is_made_once() {
    let (fake, stripe) = start().await;
    let (first, billing_key) = subscribed(&fake, &stripe).await;
    for fault in [Fault::AnswersLate, Fault::Nonsense, Fault::TooMany, Fault::Busy] {
        let order = next(&first);
        fake.next(CREATE, fault.clone());
        assert!(is_unreachable(&stripe.charge(&order, &billing_key).await), "{fault:?}");
        let (one, other) =
            tokio::join!(stripe.charge(&order, &billing_key), stripe.charge(&order, &billing_key));
        assert_eq!(one.or(other).unwrap().captured, 990, "{fault:?}");
        assert_eq!(fake.vendor().intents_of(&order.order_id).len(), 1, "{fault:?}");
    }
    for fault in [Fault::Breaks, Fault::Down] {
        let order = next(&first);
        fake.next(CREATE, fault);
        assert_eq!(stripe.charge(&order, &billing_key).await.unwrap().captured, 990);
        assert_eq!(fake.vendor().intents_of(&order.order_id).len(), 1);
    }
}
