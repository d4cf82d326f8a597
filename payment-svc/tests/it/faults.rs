//! Whatever goes wrong, money and tokens add up.

use std::sync::Mutex;

use futures::StreamExt;
use payment_svc::providers::signature::sign;
use payment_svc::sandbox::CARDS;
use payment_svc::tools;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::config::Secret;
use shared::id::new_id;
use shared::proto::events::v1::{OrderMismatched, OrderPaid, OrderRefunded};
use shared::proto::v1::order_service_client::OrderServiceClient;
use shared::proto::v1::{CancelOrderRequest, OrderState, RefundOrderRequest};
use shared::testkit::{caller, crash, eventually};
use shared::time::Clock;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use crate::shop::{Shop, admin, confirm, notice, user};
use crate::world::Instance;

const ANSWERS_LATE: &str = "4000000000000135";

/// An instance in a runtime of its own.
struct Doomed {
    client: OrderServiceClient<Channel>,
    runtime: Mutex<Option<Runtime>>,
    _instance: Instance,
}

impl Doomed {
    async fn start(shop: &Shop) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let (runtime, config, clock) = (runtime.unwrap(), shop.config(), shop.clock.clone());
        let instance = runtime.spawn(async move { Instance::with(config, clock).await }).await.unwrap();
        // Called from this runtime, which goes on.
        let address = format!("http://{}", instance.running.address);
        let channel = Channel::from_shared(address).unwrap().connect_lazy();
        Self {
            client: OrderServiceClient::new(channel),
            runtime: Mutex::new(Some(runtime)),
            _instance: instance,
        }
    }

    /// Ends whatever the instance does where it stands, as the end of its process would.
    async fn crash(&self) {
        let runtime = self.runtime.lock().unwrap().take().unwrap();
        crash(runtime).await;
    }
}

/// Does something to an order, and does not mind when it is refused or interrupted.
async fn act(shop: &Shop, client: OrderServiceClient<Channel>, what: u32, by: &str, id: &str, key: &str) {
    match what {
        0..=3 => drop(confirm(client, by, id, key).await),
        4 => drop(tokio::join!(confirm(client.clone(), by, id, key), confirm(shop.client(), by, id, key))),
        5 => {
            let request = CancelOrderRequest { order_id: id.to_owned() };
            drop(client.clone().cancel_order(caller(user(by), request)).await);
        }
        6 => {
            let body = format!(r#"{{"orderId":"{id}"}}"#);
            let signature = sign(&Secret::new("whsec"), body.as_bytes(), Clock::system().now());
            let headers = [("sandbox-signature".to_owned(), signature)].into();
            drop(notice(shop.service.channel(), headers, body.as_bytes()).await);
        }
        amount => {
            let request = RefundOrderRequest {
                order_id: id.to_owned(),
                refund_id: new_id(),
                amount: Some(i64::from(amount) * 100),
                reason: "chance".to_owned(),
            };
            drop(client.clone().refund_order(caller(admin(), request.clone())).await);
            drop(shop.client().refund_order(caller(admin(), request)).await);
        }
    }
}

shared::on_each_engine! {
    async fn a_process_that_dies_after_the_provider_has_collected_loses_nothing(engine: Engine) {
        let shop = Shop::new(engine).await;
        shop.is_deaf();
        let user_id = new_id();
        let (id, key) = shop.agreed(&user_id, ANSWERS_LATE).await;
        let doomed = Doomed::start(&shop).await;
        let asked = tokio::spawn({
            let (client, user_id, id) = (doomed.client.clone(), user_id.clone(), id.clone());
            async move { confirm(client, &user_id, &id, &key).await }
        });
        eventually("the sandbox has collected", async || shop.held() == 3900).await;
        doomed.crash().await;
        assert!(asked.await.unwrap().is_err());
        shop.until(&id, OrderState::Paid).await;
        assert_eq!(shop.events::<OrderPaid>(&id).await.len(), 1);
        assert_eq!(shop.balance("provider:sandbox").await, 3900);
    }

    async fn whatever_happens_money_and_tokens_add_up(engine: Engine) {
        let shop = Shop::new(engine).await;
        let mut chance = StdRng::seed_from_u64(7);
        for _ in 0..3 {
            let doomed = Doomed::start(&shop).await;
            let plans: Vec<(usize, Vec<u32>)> = (0..10)
                .map(|_| {
                    let steps = chance.random_range(1..6);
                    (chance.random_range(0..CARDS.len()), (0..steps).map(|_| chance.random_range(0..12)).collect())
                })
                .collect();
            let played = plans.into_iter().map(|(card, steps)| {
                let (shop, doomed) = (&shop, &doomed);
                async move {
                    let by = new_id();
                    let (id, key) = shop.agreed(&by, CARDS[card].0).await;
                    for (at, what) in steps.into_iter().enumerate() {
                        let client = if at % 2 == 0 { doomed.client.clone() } else { shop.client() };
                        act(shop, client, what, &by, &id, &key).await;
                    }
                }
            });
            let mut played = futures::stream::iter(played).buffer_unordered(5);
            // It dies while the last ones are under way.
            for _ in 0..6 {
                played.next().await.unwrap();
            }
            doomed.crash().await;
            while played.next().await.is_some() {}
        }
        shop.clock.advance(std::time::Duration::from_secs(3600));
        let open = "SELECT (SELECT COUNT(*) FROM orders WHERE state IN ('ORDER_STATE_CREATED', 'ORDER_STATE_PENDING')) \
                    + (SELECT COUNT(*) FROM refunds WHERE state = 'REQUESTED')";
        eventually("nothing is open", async || shop.count(open).await == 0).await;

        let findings = tools::reconcile(&shop.config()).await.unwrap();
        assert_eq!((findings.compared, findings.reported, findings.unanswered), (30, 0, 0));
        assert_eq!(shop.balance("provider:sandbox").await, shop.held());
        let sum = async |what: &str| shop.count(&format!("SELECT CAST(COALESCE(SUM({what}), 0) AS BIGINT) FROM orders")).await;
        assert_eq!(sum("captured - refunded").await, shop.held());
        assert_eq!(-shop.balance("tokens:customer:%").await, sum("tokens_granted - tokens_revoked").await);
        for record in shop.sandbox.records() {
            let order = shop.get(admin(), &record.order_id).await.unwrap();
            let granted: i32 = shop.events::<OrderPaid>(&order.id).await.iter().map(|told| told.tokens).sum();
            let revoked = shop.events::<OrderRefunded>(&order.id).await.last().map_or(0, |told| told.tokens_revoked);
            let of = format!("FROM orders WHERE id = '{}'", order.id);
            assert_eq!(i64::from(granted), shop.count(&format!("SELECT CAST(tokens_granted AS BIGINT) {of}")).await);
            assert_eq!(i64::from(revoked), shop.count(&format!("SELECT CAST(tokens_revoked AS BIGINT) {of}")).await);
            assert_eq!(shop.events::<OrderMismatched>(&order.id).await, []);
        }
        assert!(tools::ledger(&shop.config()).await.unwrap().contains("provider:sandbox"));
    }

    async fn what_is_paid_there_and_pending_here_is_repaired(engine: Engine) {
        let shop = Shop::new(engine).await;
        shop.is_deaf();
        let (paid, lost) = (shop.paid(&new_id()).await, shop.paid(&new_id()).await);
        // As a database that was restored from yesterday has it.
        let forget = format!(
            "UPDATE orders SET state = 'ORDER_STATE_EXPIRED', captured = 0, tokens_granted = 0 WHERE id = '{lost}'"
        );
        let database = shop.service.running.database();
        for sql in [forget, format!("DELETE FROM postings WHERE order_id = '{lost}'")] {
            sea_orm::ConnectionTrait::execute_unprepared(database.write(), &sql).await.unwrap();
        }
        let findings = tools::reconcile(&shop.config()).await.unwrap();
        assert_eq!((findings.compared, findings.repaired, findings.reported), (2, 1, 0));
        assert_eq!(shop.get(admin(), &lost).await.unwrap().state(), OrderState::Paid);
        assert_eq!(shop.balance("provider:sandbox").await, shop.held());
        assert_eq!(tools::reconcile(&shop.config()).await.unwrap().repaired, 0);

        // What the provider has no longer is for people.
        let more = format!("UPDATE orders SET refunded = 100 WHERE id = '{paid}'");
        sea_orm::ConnectionTrait::execute_unprepared(database.write(), &more).await.unwrap();
        assert_eq!(tools::reconcile(&shop.config()).await.unwrap().reported, 1);
        assert_eq!(shop.events::<OrderMismatched>(&paid).await.len(), 1);
    }
}
