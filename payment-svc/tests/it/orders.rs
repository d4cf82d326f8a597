//! Orders, from the first wish to the money.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::{join, join_all};
use payment_svc::providers::signature::sign;
use shared::config::Secret;
use shared::id::{derived_id, new_id};
use shared::messaging::KEEP_CUSTOMERS;
use shared::proto::events::v1::{OrderCanceled, OrderFailed, OrderPaid, OrderRefunded, UserDeleted};
use shared::proto::v1::{
    CreateOrderRequest, ListOrdersRequest, Order, OrderState, PageRequest, PaymentProvider,
};
use shared::testkit::{Neighbour, caller, eventually, idle};
use tonic::Code::{
    AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unauthenticated, Unavailable,
};
use tonic::{Code, Status};

use crate::shop::{CARD, Shop, admin, confirm, new_order, notice, user};

const DECLINED: &str = "4000000000000002";
const ANSWERS_LATE: &str = "4000000000000135";
const NOTICE_FIRST: &str = "4000000000000143";

#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, Status>, code: Code, part: &str) {
    let status = result.unwrap_err();
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(part), "{status}");
}

fn states(order: &Order) -> Vec<OrderState> {
    order.history.iter().map(|entered| entered.state()).collect()
}

shared::on_each_engine! {
    async fn an_order_is_paid_and_told_once(engine: Engine) {
        let shop = Shop::new(engine).await;
        let (user_id, id) = (new_id(), new_id());
        let (order, checkout) = shop.order(&user_id, &id).await.unwrap();
        assert_eq!((order.state(), order.provider()), (OrderState::Created, PaymentProvider::Sandbox));
        assert_eq!((order.tokens, order.product_version, order.price.as_ref().unwrap().amount), (100, 1, 3900));
        assert_eq!(checkout.unwrap().url, format!("{}/checkout/{id}", shop.sandbox.url()));
        refused(shop.confirm(&user_id, &id, "guessed").await, FailedPrecondition, "has not agreed");

        let key = shop.sandbox.agree(&id, CARD).unwrap();
        refused(shop.confirm(&user_id, &id, "guessed").await, FailedPrecondition, "has not agreed");
        let paid = shop.confirm(&user_id, &id, &key).await.unwrap();
        assert_eq!(paid.state(), OrderState::Paid);
        assert_eq!(shop.confirm(&user_id, &id, &key).await.unwrap(), paid);
        assert_eq!(shop.order(&user_id, &id).await.unwrap(), (paid, None), "the first request once more");
        refused(shop.cancel(&user_id, &id).await, FailedPrecondition, "the order is paid");

        let order = shop.get(user(&user_id), &id).await.unwrap();
        assert_eq!(states(&order), [OrderState::Created, OrderState::Pending, OrderState::Paid]);
        let told = OrderPaid { order_id: id.clone(), user_id: user_id.clone(), tokens: 100 };
        assert_eq!(shop.events::<OrderPaid>(&id).await, [told]);
        assert_eq!((shop.balance("provider:sandbox").await, shop.balance("revenue").await), (3900, -3900));
        assert_eq!(shop.balance("tokens:customer:%").await, -100);
        assert_eq!(shop.held(), 3900);
    }

    async fn the_first_order_makes_a_user_a_customer(engine: Engine) {
        let shop = Shop::new(engine).await;
        let user_id = new_id();
        let results = join_all((0..4).map(|_| shop.order(&user_id, "0190b2f0-7c1e-7abc-8def-0123456789ab"))).await;
        for result in results {
            assert_eq!(result.unwrap().0.state(), OrderState::Created);
        }
        assert_eq!(shop.count("SELECT COUNT(*) FROM orders").await, 1);
        assert_eq!(shop.count("SELECT COUNT(*) FROM customers").await, 1);
        assert_eq!(shop.count("SELECT COUNT(*) FROM order_transitions").await, 1);
    }

    async fn a_wrong_order_names_what_is_wrong(engine: Engine) {
        let shop = Shop::new(engine).await;
        let (user_id, id) = (new_id(), new_id());
        let create = async |request: CreateOrderRequest| {
            shop.client().create_order(caller(user(&user_id), request)).await
        };
        let wrong = CreateOrderRequest { order_id: "x".into(), product_id: "y".into(), currency: "won".into(), return_url: None };
        let status = create(wrong).await.unwrap_err();
        assert_eq!(status.code(), InvalidArgument);
        for field in ["order_id", "product_id", "currency"] {
            assert!(status.message().contains(field), "{status}");
        }
        let dollars = CreateOrderRequest { currency: "USD".into(), ..new_order(&id) };
        refused(create(dollars).await, InvalidArgument, "currency");
        let unknown = CreateOrderRequest { product_id: new_id(), ..new_order(&id) };
        refused(create(unknown).await, NotFound, "product not found");
        assert_eq!(shop.count("SELECT COUNT(*) FROM orders").await, 0);

        create(new_order(&id)).await.unwrap();
        let other_product = derived_id(&["product", "메시지 토큰 500개"]);
        let other = CreateOrderRequest { product_id: other_product, ..new_order(&id) };
        refused(create(other).await, AlreadyExists, "exists already");
        refused(shop.order(&new_id(), &id).await, AlreadyExists, "exists already");
        refused(shop.confirm(&user_id, &id, "a b").await, InvalidArgument, "payment_key");
    }

    async fn orders_are_there_for_their_owners_and_admins_alone(engine: Engine) {
        let shop = Shop::new(engine).await;
        let (owner, other) = (new_id(), new_id());
        let (id, key) = shop.agreed(&owner, CARD).await;
        refused(shop.get(user(&other), &id).await, NotFound, "order not found");
        refused(shop.confirm(&other, &id, &key).await, NotFound, "order not found");
        refused(shop.cancel(&other, &id).await, NotFound, "order not found");
        refused(shop.get(user(&owner), &new_id()).await, NotFound, "order not found");
        assert_eq!(shop.get(user(&owner), &id).await.unwrap().user_id, None);
        assert_eq!(shop.get(admin(), &id).await.unwrap().user_id, Some(owner.clone()));

        let second = shop.paid(&owner).await;
        let foreign = shop.paid(&other).await;
        let ids = |orders: Vec<Order>| orders.into_iter().map(|order| order.id).collect::<Vec<_>>();
        let all = ListOrdersRequest::default;
        assert_eq!(ids(shop.list(user(&owner), all()).await.unwrap()), [second.clone(), id.clone()]);
        assert_eq!(ids(shop.list(admin(), all()).await.unwrap()), [foreign, second.clone(), id.clone()]);
        let of_owner = ListOrdersRequest { user_id: Some(owner.clone()), ..all() };
        refused(shop.list(user(&other), of_owner.clone()).await, NotFound, "user not found");
        let paid = ListOrdersRequest { state: OrderState::Paid.into(), ..of_owner };
        assert_eq!(ids(shop.list(admin(), paid).await.unwrap()), std::slice::from_ref(&second));
        let one = |cursor| ListOrdersRequest { page: Some(PageRequest { limit: Some(1), cursor }), ..all() };
        let first = shop.client().list_orders(caller(user(&owner), one(None))).await.unwrap().into_inner();
        assert_eq!(ids(first.orders), [second]);
        let rest = shop.list(user(&owner), one(Some(first.next_cursor))).await.unwrap();
        assert_eq!(ids(rest), [id]);
    }

    async fn a_declined_card_fails_the_order(engine: Engine) {
        let shop = Shop::new(engine).await;
        let user_id = new_id();
        let (id, key) = shop.agreed(&user_id, DECLINED).await;
        let order = shop.confirm(&user_id, &id, &key).await.unwrap();
        assert_eq!((order.state(), order.failure.as_deref()), (OrderState::Failed, Some("the card was declined")));
        assert_eq!(shop.confirm(&user_id, &id, &key).await.unwrap(), order);
        assert_eq!(shop.events::<OrderFailed>(&id).await.len(), 1);
        assert_eq!(shop.count("SELECT COUNT(*) FROM postings").await, 0);
        assert_eq!(shop.cancel(&user_id, &id).await.unwrap(), order, "there is nothing to cancel");
    }

    async fn two_confirms_at_once_collect_once(engine: Engine) {
        let shop = Shop::new(engine).await;
        let another = shop.another_instance().await;
        let user_id = new_id();
        let (id, key) = shop.agreed(&user_id, CARD).await;
        let elsewhere = shared::proto::v1::order_service_client::OrderServiceClient::new(another.channel());
        let confirms = (0..6).map(|at| {
            let client = if at % 2 == 0 { shop.client() } else { elsewhere.clone() };
            confirm(client, &user_id, &id, &key)
        });
        for order in join_all(confirms).await {
            assert_eq!(order.unwrap().state(), OrderState::Paid);
        }
        assert_eq!(shop.events::<OrderPaid>(&id).await.len(), 1);
        assert_eq!(shop.count("SELECT COUNT(*) FROM postings").await, 2);
    }

    async fn a_notice_before_the_answer_counts_once(engine: Engine) {
        let shop = Shop::new(engine).await;
        let user_id = new_id();
        for card in [NOTICE_FIRST, "4000000000000101", "4000000000000119"] {
            let (id, key) = shop.agreed(&user_id, card).await;
            assert_eq!(shop.confirm(&user_id, &id, &key).await.unwrap().state(), OrderState::Paid);
            let order = shop.until(&id, OrderState::Paid).await;
            assert_eq!(states(&order), [OrderState::Created, OrderState::Pending, OrderState::Paid]);
            assert_eq!(shop.events::<OrderPaid>(&id).await.len(), 1);
        }
        assert_eq!((shop.balance("provider:sandbox").await, shop.held()), (3 * 3900, 3 * 3900));
    }

    async fn a_provider_that_answers_too_late_is_asked_again(engine: Engine) {
        let shop = Shop::new(engine).await;
        shop.is_deaf();
        let user_id = new_id();
        let (id, key) = shop.agreed(&user_id, ANSWERS_LATE).await;
        refused(shop.confirm(&user_id, &id, &key).await, Unavailable, "cannot be reached");
        shop.until(&id, OrderState::Paid).await;
        assert_eq!(shop.events::<OrderPaid>(&id).await.len(), 1);
        assert_eq!(shop.balance("provider:sandbox").await, 3900);
    }

    async fn a_canceled_order_can_no_longer_be_paid(engine: Engine) {
        let shop = Shop::new(engine).await;
        let user_id = new_id();
        let (id, key) = shop.agreed(&user_id, CARD).await;
        let canceled = shop.cancel(&user_id, &id).await.unwrap();
        assert_eq!(canceled.state(), OrderState::Canceled);
        assert_eq!(shop.cancel(&user_id, &id).await.unwrap(), canceled);
        refused(shop.confirm(&user_id, &id, &key).await, FailedPrecondition, "the order is canceled");
        assert_eq!(shop.sandbox.agree(&id, CARD), None);
        let told = OrderCanceled { order_id: id.clone(), user_id: user_id.clone(), is_expired: false };
        assert_eq!(shop.events::<OrderCanceled>(&id).await, [told]);
        assert_eq!(shop.order(&user_id, &id).await.unwrap().1, None);
    }

    async fn paying_and_canceling_at_once_ends_in_one_of_the_two(engine: Engine) {
        let shop = Shop::new(engine).await;
        let user_id = new_id();
        for _ in 0..6 {
            let (id, key) = shop.agreed(&user_id, CARD).await;
            let (_, _) = join(shop.confirm(&user_id, &id, &key), shop.cancel(&user_id, &id)).await;
            eventually("the order has ended", async || {
                matches!(shop.get(admin(), &id).await.unwrap().state(), OrderState::Paid | OrderState::Canceled)
            })
            .await;
        }
        assert_eq!(shop.balance("provider:sandbox").await, shop.held());
        assert_eq!(shop.balance("tokens:customer:%").await * 39, -shop.held());
    }

    async fn an_order_that_nobody_pays_expires(engine: Engine) {
        let shop = Shop::new(engine).await;
        let user_id = new_id();
        let (id, key) = shop.agreed(&user_id, CARD).await;
        shop.clock.advance(Duration::from_secs(1799));
        assert_eq!(shop.get(user(&user_id), &id).await.unwrap().state(), OrderState::Created);
        shop.clock.advance(Duration::from_secs(2));
        shop.until(&id, OrderState::Expired).await;
        refused(shop.confirm(&user_id, &id, &key).await, FailedPrecondition, "the order is expired");
        let told = OrderCanceled { order_id: id.clone(), user_id: user_id.clone(), is_expired: true };
        assert_eq!(shop.events::<OrderCanceled>(&id).await, [told]);
        assert_eq!(shop.held(), 0);
    }

    async fn what_is_paid_when_it_should_expire_is_paid(engine: Engine) {
        let shop = Shop::new(engine).await;
        shop.is_deaf();
        let user_id = new_id();
        let (id, key) = shop.agreed(&user_id, ANSWERS_LATE).await;
        let late = async {
            eventually("the sandbox has collected", async || shop.held() == 3900).await;
            shop.clock.advance(Duration::from_secs(1801));
        };
        let (answer, ()) = join(shop.confirm(&user_id, &id, &key), late).await;
        refused(answer, Unavailable, "cannot be reached");
        shop.until(&id, OrderState::Paid).await;
        assert_eq!(shop.events::<OrderPaid>(&id).await.len(), 1);
    }

    async fn notices_are_believed_from_the_provider_alone(engine: Engine) {
        let shop = Shop::new(engine).await;
        let (id, _) = shop.agreed(&new_id(), CARD).await;
        let body = format!(r#"{{"id":"evt_1","type":"payment.paid","orderId":"{id}"}}"#);
        let body = body.as_bytes();
        let now = shop.clock.now();
        let signed = |secret: &str, at| sign(&Secret::new(secret), body, at);
        let send = async |signature: String, body: &[u8]| {
            let headers = HashMap::from([("sandbox-signature".to_owned(), signature)]);
            notice(shop.service.channel(), headers, body).await
        };
        refused(send(String::new(), body).await, Unauthenticated, "not signed");
        refused(send(signed("other", now), body).await, Unauthenticated, "not signed");
        refused(send(signed("whsec", now), b"{}").await, Unauthenticated, "not signed");
        let old = now.minus(Duration::from_secs(301));
        refused(send(signed("whsec", old), body).await, Unauthenticated, "too old");
        let nonsense = b"not json";
        let good = sign(&Secret::new("whsec"), nonsense, now);
        refused(send(good, nonsense).await, InvalidArgument, "cannot be read");

        // Says that it is paid: the provider is asked, and says otherwise.
        send(signed("whsec", now), body).await.unwrap();
        send(signed("whsec", now), body).await.unwrap();
        assert_eq!(shop.get(admin(), &id).await.unwrap().state(), OrderState::Created);
        let unknown = br#"{"orderId":"somebody-elses"}"#;
        send(sign(&Secret::new("whsec"), unknown, now), unknown).await.unwrap();
    }

    async fn who_was_erased_gets_the_money_back(engine: Engine) {
        // Nobody looks before the user is erased.
        let looks_again = Duration::from_secs(60);
        let shop = Shop::that_looks_again_after(engine, looks_again).await;
        eventually("what the start of the service compares is compared", async || {
            let in_an_hour = shop.clock.now().plus(Duration::from_secs(3600)).as_micros();
            shop.count(&format!("SELECT COUNT(*) FROM jobs WHERE due_at > {in_an_hour}")).await == 1
        })
        .await;
        let users = Neighbour::start("user-svc", &shop.nats).await;
        let user_id = new_id();
        let (id, key) = shop.agreed(&user_id, ANSWERS_LATE).await;
        shop.is_deaf();
        let erase = async {
            eventually("the sandbox has collected", async || shop.held() == 3900).await;
            users.tell_and_wait(&UserDeleted { user_id: user_id.clone() }).await;
            idle(&shop.nats.connect().await, &KEEP_CUSTOMERS).await;
        };
        let (_, ()) = join(shop.confirm(&user_id, &id, &key), erase).await;
        let mut polls = 0;
        eventually("the money is given back", || {
            // A look or a refund that the provider does not answer in time, as on a busy machine, is put off by as much again.
            if polls % 200 == 0 {
                shop.clock.advance(looks_again);
            }
            polls += 1;
            async { shop.get(admin(), &id).await.is_ok_and(|order| order.state() == OrderState::Refunded) }
        })
        .await;
        let order = shop.get(admin(), &id).await.unwrap();
        assert_eq!(order.user_id, None);
        assert_eq!(shop.held(), 0);
        assert_eq!((shop.balance("provider:sandbox").await, shop.balance("tokens:issued").await), (0, 0));
        let told = shop.events::<OrderRefunded>(&id).await;
        assert_eq!((told[0].user_id.as_str(), told[0].tokens_revoked), ("", 0));
        assert_eq!(shop.events::<OrderPaid>(&id).await, []);
        refused(shop.get(user(&user_id), &id).await, NotFound, "order not found");
        refused(shop.order(&user_id, &new_id()).await, NotFound, "customer not found");
    }
}
