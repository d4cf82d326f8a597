//! Passes, from the first month to the last.

use std::time::Duration;

use futures::future::{join, join_all};
use shared::id::{derived_id, new_id};
use shared::messaging::KEEP_CUSTOMERS;
use shared::proto::events::v1::{
    OrderPaid, SubscriptionEnd, SubscriptionLapsed, SubscriptionRenewed, UserDeleted,
};
use shared::proto::v1::subscription_service_client::SubscriptionServiceClient;
use shared::proto::v1::{
    CancelSubscriptionRequest, CreateOrderRequest, GetSubscriptionRequest, ListSubscriptionsRequest,
    OrderState, ResumeSubscriptionRequest, Subscription, SubscriptionState,
};
use shared::testkit::{Neighbour, caller, eventually, idle};
use shared::time::{Clock, Timestamp};
use tonic::Code::{FailedPrecondition, NotFound};
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::orders::refused;
use crate::shop::{CARD, Shop, admin, confirm, new_order, user};
use crate::world::Instance;

const PAYS_ONCE: &str = "4000000000000341";
const ANSWERS_LATE: &str = "4000000000000135";
const DAY: Duration = Duration::from_secs(86_400);
const PRICE: i64 = 29_900;

/// A shop where passes are sold.
struct Passes(Shop);

impl std::ops::Deref for Passes {
    type Target = Shop;

    fn deref(&self) -> &Shop {
        &self.0
    }
}

fn pass(id: &str) -> CreateOrderRequest {
    CreateOrderRequest { product_id: derived_id(&["product", "월간 이용권"]), ..new_order(id) }
}

impl Passes {
    /// Hears no notices: the clocks of these tests are not the sandbox's.
    async fn new(engine: shared::testkit::Engine) -> Self {
        let shop = Shop::new(engine).await;
        shop.is_deaf();
        Self(shop)
    }

    fn passes(&self) -> SubscriptionServiceClient<Channel> {
        SubscriptionServiceClient::new(self.service.channel())
    }

    /// An order for a pass that somebody agrees to pay: its id and the key of the payment.
    async fn agreed(&self, by: &str, card: &str) -> (String, String) {
        let id = new_id();
        self.client().create_order(caller(user(by), pass(&id))).await.unwrap();
        (id.clone(), self.sandbox.agree(&id, card).unwrap())
    }

    /// A pass whose first month was paid.
    async fn begun(&self, by: &str, card: &str) -> Subscription {
        let (id, key) = self.agreed(by, card).await;
        let order = self.confirm(by, &id, &key).await.unwrap();
        assert_eq!(order.state(), OrderState::Paid);
        self.seen(&order.subscription_id.unwrap()).await
    }

    async fn seen(&self, id: &str) -> Subscription {
        self.get(admin(), id).await.unwrap()
    }

    async fn get(&self, by: shared::auth::Caller, id: &str) -> Result<Subscription, Status> {
        let request = GetSubscriptionRequest { subscription_id: id.to_owned() };
        let answer = self.passes().get_subscription(caller(by, request)).await?;
        Ok(answer.into_inner().subscription.unwrap())
    }

    async fn cancel(&self, by: &str, id: &str) -> Result<Subscription, Status> {
        let request = CancelSubscriptionRequest { subscription_id: id.to_owned() };
        let answer = self.passes().cancel_subscription(caller(user(by), request)).await?;
        Ok(answer.into_inner().subscription.unwrap())
    }

    async fn resume(&self, by: &str, id: &str) -> Result<Subscription, Status> {
        let request = ResumeSubscriptionRequest { subscription_id: id.to_owned() };
        let answer = self.passes().resume_subscription(caller(user(by), request)).await?;
        Ok(answer.into_inner().subscription.unwrap())
    }

    async fn listed(&self, request: Request<ListSubscriptionsRequest>) -> Result<Vec<String>, Status> {
        let answer = self.passes().list_subscriptions(request).await?.into_inner();
        Ok(answer.subscriptions.into_iter().map(|one| one.id).collect())
    }

    async fn until(&self, id: &str, state: SubscriptionState, period: i32) -> Subscription {
        let what = format!("the pass is {} in its month {period}", state.as_str_name());
        eventually(&what, async || {
            let seen = self.seen(id).await;
            (seen.state(), seen.period) == (state, period)
        })
        .await;
        self.seen(id).await
    }

    /// How long it is until the end of the month that is paid.
    fn left_of_month(&self, subscription: &Subscription) -> Duration {
        let ends = Timestamp::from(subscription.period_ends_at.unwrap()).as_micros();
        Duration::from_micros(u64::try_from(ends - self.clock.now().as_micros()).unwrap())
    }

    /// Lets the clock come to a little after that.
    fn pass_month(&self, subscription: &Subscription) {
        self.clock.advance(self.left_of_month(subscription) + Duration::from_secs(1));
    }

    async fn orders_in(&self, state: OrderState) -> i64 {
        self.count(&format!("SELECT COUNT(*) FROM orders WHERE state = '{}'", state.as_str_name())).await
    }

    async fn ends(&self, id: &str) -> Vec<SubscriptionEnd> {
        self.events::<SubscriptionLapsed>(id).await.iter().map(SubscriptionLapsed::end).collect()
    }

    async fn months_told(&self, id: &str) -> Vec<i32> {
        self.events::<SubscriptionRenewed>(id).await.iter().map(|told| told.period).collect()
    }
}

shared::on_each_engine! {
    async fn a_pass_begins_when_its_first_month_is_paid(engine: Engine) {
        let shop = Passes::new(engine).await;
        let user_id = new_id();
        let (order_id, key) = shop.agreed(&user_id, CARD).await;
        assert_eq!(shop.listed(caller(user(&user_id), ListSubscriptionsRequest::default())).await.unwrap(), [""; 0]);
        let order = shop.confirm(&user_id, &order_id, &key).await.unwrap();
        assert_eq!(shop.confirm(&user_id, &order_id, &key).await.unwrap(), order);
        let id = order.subscription_id.unwrap();
        let begun = shop.seen(&id).await;
        assert_eq!((begun.state(), begun.period, begun.allowance), (SubscriptionState::Active, 1, 3000));
        assert_eq!(begun.price.clone().unwrap().amount, PRICE);
        assert_eq!(begun.user_id.as_deref(), Some(user_id.as_str()));

        let told = shop.events::<SubscriptionRenewed>(&id).await;
        assert_eq!((told.len(), &told[0].order_id, &told[0].user_id, told[0].allowance), (1, &order_id, &user_id, 3000));
        let valid_until = Timestamp::from_rfc3339(&told[0].valid_until).unwrap();
        assert_eq!(valid_until, Timestamp::from(begun.period_ends_at.unwrap()).plus(DAY * 3));
        assert_eq!(shop.events::<OrderPaid>(&order_id).await[0].tokens, 0, "a pass is no tokens");
        assert_eq!((shop.balance("provider:sandbox").await, shop.balance("tokens:issued").await), (PRICE, 0));

        // Who has one needs no other; the first request once more still finds its order.
        let another = shop.client().create_order(caller(user(&user_id), pass(&new_id()))).await;
        refused(another, FailedPrecondition, "there is a pass already");
        assert_eq!(shop.count("SELECT COUNT(*) FROM orders").await, 1);
        let again = shop.client().create_order(caller(user(&user_id), pass(&order_id))).await.unwrap();
        assert_eq!(again.into_inner().order.unwrap().state(), OrderState::Paid);
    }

    async fn a_month_is_charged_once_whoever_comes_first(engine: Engine) {
        let shop = Passes::new(engine).await;
        let _others = (shop.another_instance().await, shop.another_instance().await);
        let passes = join_all((0..5).map(async |_| shop.begun(&new_id(), CARD).await)).await;
        for month in 2..4 {
            shop.pass_month(&shop.seen(&passes[4].id).await);
            for begun in &passes {
                let renewed = shop.until(&begun.id, SubscriptionState::Active, month).await;
                assert!(Timestamp::from(renewed.period_ends_at.unwrap()) > shop.clock.now());
            }
        }
        for begun in &passes {
            assert_eq!(shop.months_told(&begun.id).await, [1, 2, 3]);
        }
        assert_eq!(shop.orders_in(OrderState::Paid).await, 15);
        assert_eq!((shop.count("SELECT COUNT(*) FROM orders").await, shop.held()), (15, 15 * PRICE));
        assert_eq!(shop.balance("provider:sandbox").await, 15 * PRICE);
    }

    async fn a_declined_renewal_is_tried_again_until_the_pass_lapses(engine: Engine) {
        let shop = Passes::new(engine).await;
        let user_id = new_id();
        let begun = shop.begun(&user_id, PAYS_ONCE).await;
        shop.pass_month(&begun);
        shop.until(&begun.id, SubscriptionState::PastDue, 1).await;
        for failed in 1..4 {
            eventually("a renewal was declined", async || shop.orders_in(OrderState::Failed).await == failed).await;
            assert_eq!(shop.ends(&begun.id).await, []);
            shop.clock.advance(DAY);
        }
        let lapsed = shop.until(&begun.id, SubscriptionState::Lapsed, 1).await;
        assert!(lapsed.ended_at.is_some());
        assert_eq!(shop.orders_in(OrderState::Failed).await, 4);
        assert_eq!(shop.ends(&begun.id).await, [SubscriptionEnd::Unpaid]);
        assert_eq!((shop.held(), shop.balance("provider:sandbox").await), (PRICE, PRICE));
        assert_eq!(shop.count("SELECT COUNT(*) FROM subscriptions WHERE billing_key IS NOT NULL").await, 0);
        refused(shop.cancel(&user_id, &begun.id).await, FailedPrecondition, "has ended");
        // A new one is a new start.
        assert_ne!(shop.begun(&user_id, CARD).await.id, begun.id);
    }

    async fn a_card_that_works_again_within_the_grace_saves_the_pass(engine: Engine) {
        let shop = Passes::new(engine).await;
        let begun = shop.begun(&new_id(), PAYS_ONCE).await;
        shop.pass_month(&begun);
        let due = shop.until(&begun.id, SubscriptionState::PastDue, 1).await;
        let record = shop.sandbox.records().into_iter().find(|record| record.keep_card).unwrap();
        assert!(shop.sandbox.replace_card(&record.billing_key.unwrap(), CARD));
        shop.clock.advance(DAY);
        let renewed = shop.until(&begun.id, SubscriptionState::Active, 2).await;
        assert_eq!(renewed.period_started_at, due.period_ends_at, "no day is lost or won");
        assert_eq!((shop.months_told(&begun.id).await, shop.ends(&begun.id).await), (vec![1, 2], vec![]));
    }

    async fn a_canceled_pass_is_good_until_the_month_ends(engine: Engine) {
        let shop = Passes::new(engine).await;
        let (user_id, other) = (new_id(), new_id());
        let begun = shop.begun(&user_id, CARD).await;
        refused(shop.cancel(&other, &begun.id).await, NotFound, "subscription not found");
        refused(shop.resume(&other, &begun.id).await, NotFound, "subscription not found");
        refused(shop.get(user(&other), &begun.id).await, NotFound, "subscription not found");
        assert_eq!(shop.cancel(&user_id, &begun.id).await.unwrap().state(), SubscriptionState::Canceling);
        assert_eq!(shop.resume(&user_id, &begun.id).await.unwrap().state(), SubscriptionState::Active);
        let (first, second) = join(shop.cancel(&user_id, &begun.id), shop.cancel(&user_id, &begun.id)).await;
        assert_eq!((first.unwrap().state(), second.unwrap().state()), (SubscriptionState::Canceling, SubscriptionState::Canceling));
        assert_eq!(shop.ends(&begun.id).await, []);

        shop.pass_month(&begun);
        shop.until(&begun.id, SubscriptionState::Canceled, 1).await;
        assert_eq!(shop.ends(&begun.id).await, [SubscriptionEnd::Canceled]);
        refused(shop.resume(&user_id, &begun.id).await, FailedPrecondition, "has ended");
        assert_eq!(shop.count("SELECT COUNT(*) FROM orders").await, 1);

        let all = ListSubscriptionsRequest::default;
        assert_eq!(shop.listed(caller(user(&user_id), all())).await.unwrap(), std::slice::from_ref(&begun.id));
        assert_eq!(shop.listed(caller(user(&other), all())).await.unwrap(), [""; 0]);
        assert_eq!(shop.listed(caller(admin(), all())).await.unwrap(), std::slice::from_ref(&begun.id));
        let active = ListSubscriptionsRequest { state: SubscriptionState::Active.into(), ..all() };
        assert_eq!(shop.listed(caller(admin(), active)).await.unwrap(), [""; 0]);
        let of_user = ListSubscriptionsRequest { user_id: Some(user_id), ..all() };
        refused(shop.listed(caller(user(&other), of_user)).await, NotFound, "user not found");
    }

    async fn who_pays_for_two_passes_at_once_gets_one_payment_back(engine: Engine) {
        let shop = Passes::new(engine).await;
        let user_id = new_id();
        let (first, second) = (shop.agreed(&user_id, CARD).await, shop.agreed(&user_id, CARD).await);
        let pay = |(id, key): (String, String)| {
            let client = shop.client();
            let user_id = user_id.clone();
            // On PostgreSQL one of the two may be told to ask again.
            async move { drop(confirm(client, &user_id, &id, &key).await) }
        };
        join(pay(first.clone()), pay(second.clone())).await;
        eventually("one is paid and one is given back", async || {
            (shop.orders_in(OrderState::Paid).await, shop.orders_in(OrderState::Refunded).await) == (1, 1)
        })
        .await;
        assert_eq!((shop.count("SELECT COUNT(*) FROM subscriptions").await, shop.held()), (1, PRICE));
        assert_eq!(shop.balance("provider:sandbox").await, PRICE);
    }

    async fn a_pass_ends_when_its_month_is_given_back(engine: Engine) {
        let shop = Passes::new(engine).await;
        let user_id = new_id();
        let begun = shop.begun(&user_id, CARD).await;
        let order = shop.client().list_orders(caller(user(&user_id), Default::default())).await.unwrap();
        let order_id = order.into_inner().orders[0].id.clone();
        shop.refund(&order_id, &new_id(), Some(900)).await.unwrap();
        assert_eq!(shop.seen(&begun.id).await.state(), SubscriptionState::Active, "a part is a courtesy");
        shop.refund(&order_id, &new_id(), None).await.unwrap();
        assert_eq!(shop.seen(&begun.id).await.state(), SubscriptionState::Lapsed);
        assert_eq!(shop.ends(&begun.id).await, [SubscriptionEnd::Refunded]);
        assert_eq!((shop.held(), shop.balance("provider:sandbox").await), (0, 0));
    }

    async fn who_cancels_before_the_month_ends_pays_no_other_whatever_a_clock_says(engine: Engine) {
        for (card, state) in [(CARD, OrderState::Refunded), (PAYS_ONCE, OrderState::Failed)] {
            let shop = Passes::new(engine).await;
            let user_id = new_id();
            let begun = shop.begun(&user_id, card).await;
            let (left, minute) = (shop.left_of_month(&begun), Duration::from_secs(60));
            shop.clock.advance(left - minute);
            let ahead = Clock::system();
            ahead.advance(left + minute);
            let mut cut_off = shop.config();
            "http://127.0.0.1:1".clone_into(&mut cut_off.sandbox.as_mut().unwrap().http.url);
            let first = Instance::with(cut_off, ahead.clone()).await;
            eventually("a month is to be paid", async || shop.count("SELECT COUNT(*) FROM orders").await == 2)
                .await;
            first.running.stop().await;

            let canceled = shop.cancel(&user_id, &begun.id).await.unwrap();
            assert_eq!(canceled.state(), SubscriptionState::Canceling);
            let second = Instance::with(shop.config(), ahead).await;
            shop.until(&begun.id, SubscriptionState::Canceled, 1).await;
            eventually("nothing is kept", async || shop.orders_in(state).await == 1).await;
            assert_eq!(shop.held(), PRICE);
            assert_eq!(shop.ends(&begun.id).await, [SubscriptionEnd::Canceled]);
            second.running.stop().await;
        }
    }

    async fn nobody_is_charged_for_somebody_who_is_gone(engine: Engine) {
        let shop = Passes::new(engine).await;
        let users = Neighbour::start("user-svc", &shop.nats).await;
        let user_id = new_id();
        let begun = shop.begun(&user_id, CARD).await;
        users.tell_and_wait(&UserDeleted { user_id: user_id.clone() }).await;
        idle(&shop.nats.connect().await, &KEEP_CUSTOMERS).await;
        assert_eq!(shop.seen(&begun.id).await.state(), SubscriptionState::Canceled);
        assert_eq!(shop.count("SELECT COUNT(*) FROM subscriptions WHERE billing_key IS NOT NULL").await, 0);
        refused(shop.get(user(&user_id), &begun.id).await, NotFound, "subscription not found");
        let another = shop.begun(&new_id(), CARD).await;
        shop.pass_month(&another);
        shop.until(&another.id, SubscriptionState::Active, 2).await;
        assert_eq!(shop.count("SELECT COUNT(*) FROM orders").await, 3);
    }

    async fn a_provider_that_answers_too_late_charges_a_month_once(engine: Engine) {
        let shop = Passes::new(engine).await;
        let (id, key) = shop.agreed(&new_id(), ANSWERS_LATE).await;
        let by = shop.0.get(admin(), &id).await.unwrap().user_id.unwrap();
        assert!(shop.confirm(&by, &id, &key).await.is_err());
        let order = shop.0.until(&id, OrderState::Paid).await;
        let begun = shop.seen(&order.subscription_id.unwrap()).await;
        shop.pass_month(&begun);
        shop.until(&begun.id, SubscriptionState::Active, 2).await;
        assert_eq!((shop.orders_in(OrderState::Paid).await, shop.held()), (2, 2 * PRICE));
        assert_eq!(shop.months_told(&begun.id).await, [1, 2]);
    }
}
