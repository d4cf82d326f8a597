//! Orders that Stripe collects for.

use std::time::Duration;

use futures::future::{join, join_all};
use serde_json::json;
use shared::id::new_id;
use shared::proto::events::v1::{OrderMismatched, OrderPaid, OrderRefunded};
use shared::proto::v1::{OrderState, PaymentProvider};
use shared::testkit::eventually;
use tonic::Code::{FailedPrecondition, Unavailable};

use super::fake::Means;
use super::till;
use crate::till::refused;
use crate::vendor::Fault;

const CREATE: &str = "POST /v1/payment_intents";
const LOOK: &str = "GET /v1/payment_intents/pi_";
const REFUND: &str = "POST /v1/refunds";

shared::on_each_engine! {
    async fn an_order_is_paid_once(engine: Engine) {
        let till = till(engine).await;
        let (id, checkout) = till.order().await;
        assert_eq!((checkout.url.as_str(), checkout.client_key.as_str()), ("", "pk_test"));
        assert_eq!(checkout.client_secret, "pi_1_secret_x");
        assert_eq!(till.order_again(&id).await.unwrap(), checkout, "one order, one intent");
        let form = &till.fake.asked(CREATE)[0].form;
        assert_eq!((form["amount"].as_str(), form["currency"].as_str()), ("3900", "krw"));
        assert_eq!(form["metadata[order_id]"], id);
        refused(till.confirm(&id, "pi_1").await, FailedPrecondition, "has not agreed");

        till.fake.vendor().confirm("pi_1", Means::Card);
        let paid = till.confirm(&id, "pi_1").await.unwrap();
        assert_eq!((paid.state(), paid.provider()), (OrderState::Paid, PaymentProvider::Stripe));
        assert_eq!(till.confirm(&id, "pi_1").await.unwrap(), paid);
        refused(till.cancel(&id).await, FailedPrecondition, "the order is paid");
        assert_eq!(till.events::<OrderPaid>(&id).await.len(), 1);
        assert_eq!((till.booked().await, till.held()), (3900, 3900));
    }

    async fn what_pays_another_order_does_not_pay_this_one(engine: Engine) {
        let till = till(engine).await;
        let (_, others) = till.paid().await;
        let (id, _) = till.begun().await;
        for guess in [others.as_str(), "pi_99", "pi_", "../refunds/re_1", "pi_1/cancel?", "ch_1"] {
            refused(till.confirm(&id, guess).await, FailedPrecondition, "has not agreed");
        }
        assert_eq!(till.get(&id).await.state(), OrderState::Pending);
        assert_eq!(till.booked().await, 3900);
    }

    async fn who_is_declined_may_try_another_card(engine: Engine) {
        let till = till(engine).await;
        let (id, intent) = till.agreed(Means::EmptyCard).await;
        refused(till.confirm(&id, &intent).await, FailedPrecondition, "card was declined");
        till.fake.vendor().confirm(&intent, Means::SecureCard);
        refused(till.confirm(&id, &intent).await, FailedPrecondition, "has not agreed");
        // Left to us to confirm.
        till.fake.vendor().choose(&intent, Means::EmptyCard);
        refused(till.confirm(&id, &intent).await, FailedPrecondition, "card was declined");
        till.fake.vendor().choose(&intent, Means::Card);
        assert_eq!(till.confirm(&id, &intent).await.unwrap().state(), OrderState::Paid);
        assert_eq!((till.booked().await, till.held()), (3900, 3900));
    }

    async fn two_confirms_at_once_collect_once(engine: Engine) {
        let till = till(engine).await;
        for status in ["requires_confirmation", "requires_capture"] {
            let (id, intent) = till.begun().await;
            till.fake.vendor().choose(&intent, Means::Card);
            till.fake.vendor().become_(&intent, status);
            for answer in join_all((0..4).map(|_| till.confirm(&id, &intent))).await {
                assert_eq!(answer.unwrap().state(), OrderState::Paid, "{status}");
            }
            assert_eq!(till.events::<OrderPaid>(&id).await.len(), 1);
        }
        assert_eq!((till.booked().await, till.held()), (7800, 7800));
    }

    async fn what_was_collected_and_not_heard_of_is_found(engine: Engine) {
        let till = till(engine).await;
        for fault in [Fault::AnswersLate, Fault::Nonsense] {
            let (id, intent) = till.begun().await;
            till.fake.vendor().choose(&intent, Means::Card);
            till.fake.next("POST /v1/payment_intents/pi_", fault);
            refused(till.confirm(&id, &intent).await, Unavailable, "cannot be reached");
            till.until(&id, OrderState::Paid).await;
            assert_eq!(till.events::<OrderPaid>(&id).await.len(), 1);
        }
        // Nobody comes back from the payment at all.
        let (id, intent) = till.begun().await;
        till.fake.vendor().confirm(&intent, Means::Card);
        till.clock.advance(Duration::from_secs(1801));
        till.until(&id, OrderState::Paid).await;
        assert_eq!((till.booked().await, till.held()), (3 * 3900, 3 * 3900));
    }

    async fn an_error_that_passes_is_gone_with_the_next_try(engine: Engine) {
        let till = till(engine).await;
        // Stripe keeps what it has failed at for the key: it goes out again under another one.
        till.fake.next(CREATE, Fault::Breaks);
        let (id, intent) = till.agreed(Means::Card).await;
        for fault in [Fault::Down, Fault::TooMany, Fault::Busy] {
            till.fake.next(LOOK, fault);
            refused(till.confirm(&id, &intent).await, Unavailable, "cannot be reached");
        }
        assert_eq!(till.confirm(&id, &intent).await.unwrap().state(), OrderState::Paid);
        till.fake.next(CREATE, Fault::Down);
        till.order().await;
        for fault in [Fault::TooMany, Fault::AnswersLate, Fault::Busy] {
            let id = new_id();
            till.fake.next(CREATE, fault);
            refused(till.order_again(&id).await, Unavailable, "cannot be reached");
            till.order_again(&id).await.unwrap();
            let intents = till.fake.vendor().intents_of(&id);
            assert_eq!(intents.len(), 1, "an order has one intent");
        }
        assert_eq!((till.booked().await, till.held()), (3900, 3900));
    }

    async fn what_is_not_paid_can_be_canceled_and_expires(engine: Engine) {
        let till = till(engine).await;
        let (id, intent) = till.begun().await;
        assert_eq!(till.cancel(&id).await.unwrap().state(), OrderState::Canceled);
        assert_eq!(till.fake.vendor().status(&intent), "canceled");
        refused(till.confirm(&id, &intent).await, FailedPrecondition, "the order is canceled");

        // Its intent was made, and nobody heard of it: nobody can pay it either.
        let unheard = new_id();
        till.fake.next(CREATE, Fault::AnswersLate);
        refused(till.order_again(&unheard).await, Unavailable, "cannot be reached");
        assert_eq!(till.cancel(&unheard).await.unwrap().state(), OrderState::Canceled);

        let (late, intent) = till.begun().await;
        till.clock.advance(Duration::from_secs(1801));
        till.until(&late, OrderState::Expired).await;
        assert_eq!(till.fake.vendor().status(&intent), "canceled");
        assert_eq!((till.booked().await, till.held()), (0, 0));
    }

    async fn what_was_paid_cannot_be_canceled(engine: Engine) {
        let till = till(engine).await;
        let (id, _) = till.agreed(Means::Card).await;
        refused(till.cancel(&id).await, FailedPrecondition, "the order is paid");
        assert_eq!(till.booked().await, 3900);

        // A debit takes days: until then it is neither paid nor to be called back.
        let (id, intent) = till.agreed(Means::Debit).await;
        assert_eq!(till.confirm(&id, &intent).await.unwrap().state(), OrderState::Pending);
        refused(till.cancel(&id).await, FailedPrecondition, "being processed");
        till.clock.advance(Duration::from_secs(1801));
        assert_eq!(till.get(&id).await.state(), OrderState::Pending);
        till.fake.vendor().become_(&intent, "succeeded");
        till.until(&id, OrderState::Paid).await;
        assert_eq!((till.booked().await, till.held()), (7800, 7800));
    }

    async fn paying_and_canceling_at_once_ends_in_one_of_the_two(engine: Engine) {
        let till = till(engine).await;
        for _ in 0..5 {
            let (id, intent) = till.begun().await;
            till.fake.vendor().choose(&intent, Means::Card);
            let (_, _) = join(till.confirm(&id, &intent), till.cancel(&id)).await;
            eventually("the order has ended", async || {
                matches!(till.get(&id).await.state(), OrderState::Paid | OrderState::Canceled)
            })
            .await;
        }
        assert_eq!(till.booked().await, till.held());
    }

    async fn refunds_are_made_once(engine: Engine) {
        let till = till(engine).await;
        let (id, _) = till.paid().await;
        let (first, second) = (new_id(), new_id());
        for _ in 0..2 {
            let order = till.refund(&id, &first, Some(1000)).await.unwrap();
            assert_eq!((order.state(), order.refunded), (OrderState::PartiallyRefunded, 1000));
        }
        // Its answer is lost, and so is the memory of its key: it is in the list.
        till.fake.next(REFUND, Fault::AnswersLate);
        refused(till.refund(&id, &second, Some(900)).await, Unavailable, "cannot be reached");
        till.fake.forget_keys();
        eventually("the second refund is known", async || till.get(&id).await.refunded == 1900).await;

        let order = till.refund(&id, &new_id(), None).await.unwrap();
        assert_eq!((order.state(), order.refunded), (OrderState::Refunded, 3900));
        assert_eq!((till.booked().await, till.held()), (0, 0));
        let told: Vec<_> = till.events::<OrderRefunded>(&id).await;
        assert_eq!(told.iter().map(|told| told.refunded).collect::<Vec<_>>(), [1000, 1900, 3900]);
        assert_eq!(till.events::<OrderMismatched>(&id).await, []);
    }

    async fn a_refund_that_fails_for_now_is_made_later_and_a_refused_one_never(engine: Engine) {
        let till = till(engine).await;
        let (id, intent) = till.paid().await;
        let short = json!({ "error": { "type": "invalid_request_error", "code": "balance_insufficient", "message": "m" } });
        for (number, fault) in [(1, Fault::Breaks), (2, Fault::Says(400, short))] {
            till.fake.next(REFUND, fault);
            assert_eq!(till.refund(&id, &new_id(), Some(100)).await.unwrap().refunded, 100 * number);
        }
        till.fake.next(REFUND, Fault::Down);
        // One try is not begun with, the next one is made.
        assert_eq!(till.refund(&id, &new_id(), Some(100)).await.unwrap().refunded, 300);
        till.fake.next(REFUND, Fault::Busy);
        refused(till.refund(&id, &new_id(), Some(100)).await, Unavailable, "cannot be reached");
        eventually("it is made", async || till.get(&id).await.refunded == 400).await;

        // Somebody was faster at the dashboard.
        till.fake.vendor().give_back(&intent, 3500);
        let refund = new_id();
        refused(till.refund(&id, &refund, None).await, FailedPrecondition, "already been refunded");
        refused(till.refund(&id, &refund, None).await, FailedPrecondition, "has refused");
        assert_eq!(till.held(), 0);
    }
}
