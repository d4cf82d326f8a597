//! Orders that Toss Payments collects for.

use std::collections::HashMap;

use futures::future::{join, join_all};
use serde_json::json;
use shared::id::new_id;
use shared::proto::events::v1::{OrderCanceled, OrderFailed, OrderMismatched, OrderPaid, OrderRefunded};
use shared::proto::v1::{OrderState, PaymentProvider};
use shared::testkit::{Engine, eventually};
use tonic::Code::{FailedPrecondition, InvalidArgument, ResourceExhausted, Unavailable};

use super::fake::{Means, TossPayments, config};
use crate::till::{Till, refused};
use crate::vendor::Fault;

const CONFIRM: &str = "POST /v1/payments/confirm";
const LOOK: &str = "GET /v1/payments/orders/";

type Counter = Till<TossPayments>;

async fn till(engine: Engine) -> Counter {
    let set_up = |all: &mut payment_svc::PaymentConfig, fake: &_| all.toss = Some(config(fake));
    Till::new(engine, TossPayments::default(), PaymentProvider::Toss, set_up).await
}

impl Counter {
    /// An order that somebody agrees to pay: its id, and what their browser has.
    async fn agreed(&self, means: Means) -> (String, String) {
        let (id, _) = self.order().await;
        let key = self.fake.vendor().agree(&id, (3900.0, "KRW"), means);
        (id, key)
    }

    async fn paid(&self) -> String {
        let (id, key) = self.agreed(Means::Card).await;
        assert_eq!(self.confirm(&id, &key).await.unwrap().state(), OrderState::Paid);
        id
    }

    async fn tell(&self, body: serde_json::Value) -> Result<(), tonic::Status> {
        self.notice(HashMap::new(), body.to_string().as_bytes()).await
    }

    fn held(&self) -> i64 {
        self.fake.vendor().held() as i64
    }
}

fn changed(order_id: &str, status: &str) -> serde_json::Value {
    json!({
        "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-05-01T00:00:00.000000",
        "data": { "paymentKey": "k", "orderId": order_id, "status": status, "totalAmount": 1 },
    })
}

shared::on_each_engine! {
    async fn an_order_is_paid_once(engine: Engine) {
        let till = till(engine).await;
        let (id, checkout) = till.order().await;
        assert_eq!((checkout.url.as_str(), checkout.client_key.as_str()), ("", "test_ck"));
        assert_eq!(checkout.client_secret.len(), 36, "the customer key");
        assert_eq!(till.order_again(&id).await.unwrap(), checkout);
        refused(till.confirm(&id, "guessed").await, FailedPrecondition, "존재하지 않는 결제");

        // That somebody has guessed does not stand in the way of the right key.
        let key = till.fake.vendor().agree(&id, (3900.0, "KRW"), Means::Card);
        let paid = till.confirm(&id, &key).await.unwrap();
        assert_eq!((paid.state(), paid.provider()), (OrderState::Paid, PaymentProvider::Toss));
        assert_eq!(till.confirm(&id, &key).await.unwrap(), paid);
        refused(till.cancel(&id).await, FailedPrecondition, "the order is paid");
        assert_eq!(till.events::<OrderPaid>(&id).await.len(), 1);
        assert_eq!((till.booked().await, till.held()), (3900, 3900));
        let asked = &till.fake.asked(CONFIRM)[1];
        assert_eq!(asked.json, json!({ "paymentKey": key, "orderId": id, "amount": 3900 }));
    }

    async fn a_price_that_the_browser_has_changed_is_not_collected(engine: Engine) {
        let till = till(engine).await;
        let (id, _) = till.order().await;
        let key = till.fake.vendor().agree(&id, (39.0, "KRW"), Means::Card);
        refused(till.confirm(&id, &key).await, FailedPrecondition, "잘못된 요청");
        let others = till.agreed(Means::Card).await.1;
        refused(till.confirm(&id, &others).await, FailedPrecondition, "잘못된 요청");
        assert_eq!((till.booked().await, till.held()), (0, 0));
    }

    async fn a_declined_card_fails_the_order(engine: Engine) {
        let till = till(engine).await;
        let (id, key) = till.agreed(Means::EmptyCard).await;
        let order = till.confirm(&id, &key).await.unwrap();
        assert_eq!(order.state(), OrderState::Failed);
        assert!(order.failure.as_deref().unwrap().contains("잔액부족"));
        assert_eq!(till.confirm(&id, &key).await.unwrap(), order);
        assert_eq!(till.events::<OrderFailed>(&id).await.len(), 1);
    }

    async fn two_confirms_at_once_collect_once(engine: Engine) {
        let till = till(engine).await;
        let (id, key) = till.agreed(Means::Card).await;
        // One of them waits for the answer that another one gets.
        for answer in join_all((0..4).map(|_| till.confirm(&id, &key))).await {
            match answer {
                Ok(order) => assert_eq!(order.state(), OrderState::Paid),
                Err(status) => refused::<()>(Err(status), Unavailable, "cannot be reached"),
            }
        }
        till.until(&id, OrderState::Paid).await;
        assert_eq!(till.events::<OrderPaid>(&id).await.len(), 1);
        assert_eq!((till.booked().await, till.held()), (3900, 3900));
    }

    async fn what_was_collected_and_not_heard_of_is_found(engine: Engine) {
        let till = till(engine).await;
        for fault in [Fault::AnswersLate, Fault::Nonsense] {
            let (id, key) = till.agreed(Means::Card).await;
            till.fake.next(CONFIRM, fault);
            refused(till.confirm(&id, &key).await, Unavailable, "cannot be reached");
            till.until(&id, OrderState::Paid).await;
            assert_eq!(till.events::<OrderPaid>(&id).await.len(), 1);
        }
        assert_eq!((till.booked().await, till.held()), (7800, 7800));
    }

    async fn an_error_that_passes_is_gone_with_the_next_try(engine: Engine) {
        let till = till(engine).await;
        // Answered, and kept for its key: it goes out again under another one.
        let temporary = json!({ "code": "PROVIDER_ERROR", "message": "일시적인 오류가 발생했습니다." });
        for fault in [Fault::Breaks, Fault::Says(400, temporary)] {
            let (id, key) = till.agreed(Means::Card).await;
            till.fake.next(CONFIRM, fault);
            assert_eq!(till.confirm(&id, &key).await.unwrap().state(), OrderState::Paid);
        }
        // Not begun with: the same key once more.
        for fault in [Fault::Down, Fault::TooMany, Fault::Busy] {
            let (id, key) = till.agreed(Means::Card).await;
            till.fake.next(CONFIRM, fault);
            refused(till.confirm(&id, &key).await, Unavailable, "cannot be reached");
            assert_eq!(till.get(&id).await.state(), OrderState::Pending);
            assert_eq!(till.confirm(&id, &key).await.unwrap().state(), OrderState::Paid);
        }
        assert_eq!((till.booked().await, till.held()), (5 * 3900, 5 * 3900));
    }

    async fn what_is_not_confirmed_can_be_canceled_and_expires(engine: Engine) {
        let till = till(engine).await;
        let (unseen, _) = till.order().await;
        assert_eq!(till.cancel(&unseen).await.unwrap().state(), OrderState::Canceled);
        let (id, key) = till.agreed(Means::Card).await;
        let canceled = till.cancel(&id).await.unwrap();
        assert_eq!(canceled.state(), OrderState::Canceled);
        refused(till.confirm(&id, &key).await, FailedPrecondition, "the order is canceled");
        assert_eq!(till.events::<OrderCanceled>(&id).await.len(), 1);

        let (late, _) = till.agreed(Means::Card).await;
        till.clock.advance(std::time::Duration::from_secs(1801));
        till.until(&late, OrderState::Expired).await;
        assert_eq!((till.fake.count("POST"), till.held()), (0, 0));
    }

    async fn paying_and_canceling_at_once_ends_in_one_of_the_two(engine: Engine) {
        let till = till(engine).await;
        for _ in 0..5 {
            let (id, key) = till.agreed(Means::Card).await;
            let (_, _) = join(till.confirm(&id, &key), till.cancel(&id)).await;
            eventually("the order has ended", async || {
                let state = till.get(&id).await.state();
                matches!(state, OrderState::Paid | OrderState::Canceled | OrderState::Refunded)
            })
            .await;
        }
        eventually("what was paid for canceled orders is back", async || {
            till.booked().await == till.held()
        })
        .await;
    }

    async fn an_account_is_paid_into_or_closed(engine: Engine) {
        let till = till(engine).await;
        let (id, key) = till.agreed(Means::Account).await;
        assert_eq!(till.confirm(&id, &key).await.unwrap().state(), OrderState::Pending);
        till.fake.vendor().become_(&id, "DONE");
        // Of an account the order stands beside the data.
        till.tell(json!({ "createdAt": "t", "secret": "s", "status": "DONE", "orderId": id })).await.unwrap();
        assert_eq!(till.get(&id).await.state(), OrderState::Paid);

        let (id, key) = till.agreed(Means::Account).await;
        till.confirm(&id, &key).await.unwrap();
        assert_eq!(till.cancel(&id).await.unwrap().state(), OrderState::Canceled);
        assert_eq!(till.fake.vendor().status(&id), "CANCELED");
        assert_eq!(till.booked().await, 3900);
    }

    async fn refunds_are_made_once(engine: Engine) {
        let till = till(engine).await;
        let id = till.paid().await;
        let (first, second) = (new_id(), new_id());
        for _ in 0..2 {
            let order = till.refund(&id, &first, Some(1000)).await.unwrap();
            assert_eq!((order.state(), order.refunded), (OrderState::PartiallyRefunded, 1000));
        }
        // Its answer is lost, and so is the memory of its key: its mark is still there.
        till.fake.next("POST /v1/payments/tviva", Fault::AnswersLate);
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
        let id = till.paid().await;
        till.fake.next("POST /v1/payments/tviva", Fault::Breaks);
        assert_eq!(till.refund(&id, &new_id(), Some(100)).await.unwrap().refunded, 100);
        till.fake.next("POST /v1/payments/tviva", Fault::Down);
        refused(till.refund(&id, &new_id(), Some(100)).await, Unavailable, "cannot be reached");
        eventually("it is made", async || till.get(&id).await.refunded == 200).await;
        let too_late = json!({ "code": "EXCEED_MAX_REFUND_DUE", "message": "환불 가능한 기간이 지났습니다." });
        till.fake.next("POST /v1/payments/tviva", Fault::Says(403, too_late));
        let refund = new_id();
        refused(till.refund(&id, &refund, None).await, FailedPrecondition, "환불 가능한 기간");
        refused(till.refund(&id, &refund, None).await, FailedPrecondition, "has refused");
        assert_eq!((till.booked().await, till.held()), (3700, 3700));
    }

    async fn a_notice_only_says_when_to_look(engine: Engine) {
        let till = till(engine).await;
        let (id, key) = till.agreed(Means::Card).await;
        for lie in ["DONE", "CANCELED", "EXPIRED", "NO_SUCH_STATUS"] {
            till.tell(changed(&id, lie)).await.unwrap();
            assert_eq!(till.get(&id).await.state(), OrderState::Created, "{lie}");
        }
        // What its payment key says is not believed either: another one is confirmed, and refunded.
        let again = till.fake.vendor().agree(&id, (3900.0, "KRW"), Means::Card);
        till.tell(changed(&id, "IN_PROGRESS")).await.unwrap();
        assert_ne!(key, again);
        assert_eq!(till.confirm(&id, &again).await.unwrap().state(), OrderState::Paid);

        let looks = till.fake.count(LOOK);
        for about_nothing in [
            changed(&new_id(), "DONE"),
            changed(&"x".repeat(65), "DONE"),
            // PostgreSQL has no text with a NUL.
            changed("\0", "DONE"),
            json!({ "eventType": "METHOD_UPDATED", "data": { "customerKey": "c" } }),
            json!({ "data": "text" }),
            json!({}),
        ] {
            till.tell(about_nothing).await.unwrap();
        }
        assert_eq!(till.fake.count(LOOK), looks, "nobody is asked about what is not there");
        for nonsense in [&b"not json"[..], b"[]]", b"{\"orderId\": 5}"] {
            refused(till.notice(HashMap::new(), nonsense).await, InvalidArgument, "cannot be read");
        }

        till.fake.vendor().give_back(&id, 1000.0);
        for _ in 0..3 {
            till.tell(changed(&id, "PARTIAL_CANCELED")).await.unwrap();
        }
        assert_eq!(till.get(&id).await.refunded, 1000);
        assert_eq!(till.events::<OrderRefunded>(&id).await.len(), 1);
        till.refund(&id, &new_id(), None).await.unwrap();
        assert_eq!((till.booked().await, till.held()), (0, 0));
    }

    async fn a_notice_before_the_answer_counts_once(engine: Engine) {
        let till = till(engine).await;
        let (id, key) = till.agreed(Means::Card).await;
        till.fake.next(CONFIRM, Fault::AnswersLate);
        let notice = async {
            eventually("it has collected", async || till.held() == 3900).await;
            till.tell(changed(&id, "DONE")).await.unwrap();
            assert_eq!(till.get(&id).await.state(), OrderState::Paid);
        };
        let (answer, ()) = join(till.confirm(&id, &key), notice).await;
        refused(answer, Unavailable, "cannot be reached");
        assert_eq!(till.events::<OrderPaid>(&id).await.len(), 1);
        assert_eq!(till.booked().await, 3900);
    }

    async fn a_flood_of_notices_does_not_become_a_flood_of_looks(engine: Engine) {
        let till = till(engine).await;
        let (id, _) = till.agreed(Means::Card).await;
        (0..8).for_each(|_| till.fake.next(LOOK, Fault::AnswersLate));
        let flood = join_all((0..20).map(|_| till.tell(changed(&id, "DONE")))).await;
        let turned_away = flood.iter().filter_map(|answer| answer.as_ref().err());
        let turned_away = turned_away.filter(|status| status.code() == ResourceExhausted).count();
        assert_eq!((turned_away, till.fake.count(LOOK)), (12, 8));
        // Those who come later are heard.
        till.tell(changed(&id, "DONE")).await.unwrap();
    }
}
