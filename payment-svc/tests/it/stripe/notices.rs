//! What Stripe tells.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join;
use payment_svc::providers::signature::sign;
use serde_json::{Value, json};
use shared::config::Secret;
use shared::id::new_id;
use shared::proto::events::v1::{OrderPaid, OrderRefunded};
use shared::proto::v1::OrderState;
use shared::testkit::eventually;
use tonic::Code::{InvalidArgument, Unauthenticated, Unavailable};
use tonic::Status;

use super::fake::{Means, WEBHOOK_SECRET};
use super::{Counter, till};
use crate::till::refused;
use crate::vendor::Fault;

const LOOK: &str = "GET /v1/payment_intents";

fn event(kind: &str, object: Value) -> Vec<u8> {
    json!({ "id": "evt_1", "object": "event", "type": kind, "data": { "object": object } }).to_string().into()
}

fn about(kind: &str, intent: &str, order_id: &str) -> Vec<u8> {
    event(kind, json!({ "id": intent, "object": "payment_intent", "metadata": { "order_id": order_id } }))
}

impl Counter {
    async fn send(&self, signature: String, body: &[u8]) -> Result<(), Status> {
        self.notice(HashMap::from([("stripe-signature".to_owned(), signature)]), body).await
    }

    async fn tell(&self, body: &[u8]) -> Result<(), Status> {
        self.send(sign(&Secret::new(WEBHOOK_SECRET), body, self.clock.now()), body).await
    }
}

shared::on_each_engine! {
    async fn a_notice_is_believed_from_stripe_alone(engine: Engine) {
        let till = till(engine).await;
        let (id, intent) = till.agreed(Means::Card).await;
        let body = about("payment_intent.succeeded", &intent, &id);
        let now = till.clock.now();
        let signed = |secret: &str, at| sign(&Secret::new(secret), &body, at);
        refused(till.notice(HashMap::new(), &body).await, Unauthenticated, "not signed");
        refused(till.send(signed("whsec_guessed", now), &body).await, Unauthenticated, "not signed");
        refused(till.send(signed(WEBHOOK_SECRET, now), b"{}").await, Unauthenticated, "not signed");
        for at in [now.minus(Duration::from_secs(301)), now.plus(Duration::from_secs(302))] {
            refused(till.send(signed(WEBHOOK_SECRET, at), &body).await, Unauthenticated, "too old");
        }
        for nonsense in [&b"not json"[..], b"{}", b"[]"] {
            refused(till.tell(nonsense).await, InvalidArgument, "cannot be read");
        }
        assert_eq!(till.get(&id).await.state(), OrderState::Created);

        let good = signed(WEBHOOK_SECRET, now);
        for _ in 0..3 {
            till.send(good.clone(), &body).await.unwrap();
        }
        assert_eq!(till.get(&id).await.state(), OrderState::Paid);
        assert_eq!(till.events::<OrderPaid>(&id).await.len(), 1);
        assert_eq!(till.booked().await, 3900);
    }

    async fn a_notice_of_something_else_asks_for_nothing(engine: Engine) {
        let till = till(engine).await;
        let (id, _) = till.begun().await;
        let looks = till.fake.count(LOOK);
        for about_nothing in [
            about("payment_intent.succeeded", "pi_99", &new_id()),
            about("charge.refunded", "ch_1", "another shop's"),
            event("charge.refunded", json!({ "id": "ch_1", "payment_intent": "pi_99", "metadata": {} })),
            event("charge.refunded", json!({ "id": "ch_1", "payment_intent": "../x" })),
            event("payment_intent.created", json!("text")),
            event("customer.created", json!({ "id": "cus_1", "metadata": { "order_id": id } })),
        ] {
            till.tell(&about_nothing).await.unwrap();
        }
        assert_eq!(till.fake.count(LOOK), looks);
    }

    async fn a_notice_before_the_answer_counts_once(engine: Engine) {
        let till = till(engine).await;
        let (id, intent) = till.begun().await;
        till.fake.vendor().choose(&intent, Means::Card);
        till.fake.next("POST /v1/payment_intents/pi_", Fault::AnswersLate);
        let notice = async {
            eventually("it has collected", async || till.held() == 3900).await;
            till.tell(&about("payment_intent.succeeded", &intent, &id)).await.unwrap();
            assert_eq!(till.get(&id).await.state(), OrderState::Paid);
        };
        let (answer, ()) = join(till.confirm(&id, &intent), notice).await;
        refused(answer, Unavailable, "cannot be reached");
        // The one before comes after it.
        till.tell(&about("payment_intent.processing", &intent, &id)).await.unwrap();
        assert_eq!(till.get(&id).await.state(), OrderState::Paid);
        assert_eq!(till.events::<OrderPaid>(&id).await.len(), 1);
    }

    async fn what_is_given_back_at_the_dashboard_is_heard_of(engine: Engine) {
        let till = till(engine).await;
        let (id, intent) = till.paid().await;
        till.fake.vendor().give_back(&intent, 1000);
        // What was made there has no metadata; it names the payment, by its id or whole.
        for payment in [json!(intent), json!({ "id": intent, "object": "payment_intent" })] {
            let refund = json!({ "id": "re_1", "object": "refund", "payment_intent": payment, "metadata": {} });
            till.tell(&event("refund.created", refund)).await.unwrap();
        }
        till.tell(&event("charge.refunded", json!({ "id": "ch_1", "payment_intent": intent }))).await.unwrap();
        assert_eq!(till.get(&id).await.refunded, 1000);
        assert_eq!(till.events::<OrderRefunded>(&id).await.len(), 1);
        assert_eq!((till.booked().await, till.held()), (2900, 2900));
    }

    async fn a_notice_tells_which_payment_nobody_has_heard_of(engine: Engine) {
        let till = till(engine).await;
        let id = new_id();
        till.fake.next("POST /v1/payment_intents", Fault::AnswersLate);
        refused(till.order_again(&id).await, Unavailable, "cannot be reached");
        let intent = till.fake.vendor().intents_of(&id).remove(0);
        till.fake.vendor().confirm(&intent, Means::Card);
        // Of another order: not believed, though it is signed.
        let (_, others) = till.paid().await;
        till.tell(&about("payment_intent.succeeded", &others, &id)).await.unwrap();
        assert_eq!(till.get(&id).await.state(), OrderState::Created);
        till.tell(&about("payment_intent.succeeded", &intent, &id)).await.unwrap();
        assert_eq!(till.get(&id).await.state(), OrderState::Paid);
        assert_eq!(till.booked().await, 7800);
    }
}
