//! Processes that are killed at the worst moment (SIGKILL), and started again: what was paid is paid once, and credited
//! once.

mod mesh;
mod metrics;
mod proxy;

use shared::hash::sha256_hex;
use shared::messaging::CREDIT_TOKENS;
use shared::proto::v1::OrderState;
use shared::testkit::{Engine, eventually};
use tonic::Code;

use mesh::{ANSWERS_LATE, CARD, Mesh, confirm};
use proxy::{ACKS, REGISTRY};

shared::on_each_engine! {
    async fn a_payment_whose_process_died_before_it_was_noted_is_noted_once(engine: Engine) {
        let mesh = Box::pin(Mesh::start(engine)).await;
        let (id, key) = mesh.agreed(ANSWERS_LATE).await;
        let asked = tokio::spawn(confirm(mesh.orders(), mesh.user_id.clone(), id.clone(), key));
        eventually("the provider has collected", async || mesh.held() == 3900).await;
        mesh.payment_svc.kill();
        assert!(asked.await.unwrap().is_err());
        let noted = format!("SELECT captured FROM orders WHERE id = '{id}' AND state = 'ORDER_STATE_PENDING'");
        assert_eq!(mesh.payments.count(&noted).await, 0);

        mesh.payment_svc.start();
        // As if the time had passed after which the provider is asked again.
        mesh.payments.execute("UPDATE orders SET look_at = 0").await;
        mesh.check_paid_once(&id).await;
    }

    async fn a_key_whose_process_died_before_the_work_was_done_stands_for_the_same_id(engine: Engine) {
        let mesh = Box::pin(Mesh::start(engine)).await;
        let (key, one, two) = (sha256_hex("key"), sha256_hex("one"), sha256_hex("two"));
        let id = mesh.claim(&key, &one).await.unwrap();
        // The gateway that asks next does not get through.
        mesh.payment_svc.kill();
        mesh.payment_svc.start();
        eventually("payment-svc answers", async || {
            mesh.order(&id).await.is_err_and(|status| status.code() == Code::NotFound)
        })
        .await;
        assert_eq!(mesh.claim(&key, &two).await.unwrap_err().code(), Code::AlreadyExists);
        assert_eq!(mesh.claim(&key, &one).await.unwrap(), id);
        let order = mesh.create(&id).await.unwrap();

        mesh.payment_svc.kill();
        mesh.payment_svc.start();
        eventually("payment-svc answers", async || mesh.order(&id).await.is_ok()).await;
        assert_eq!(mesh.claim(&key, &one).await.unwrap(), id);
        assert_eq!(mesh.create(&id).await.unwrap(), order);
        assert_eq!(mesh.payments.count("SELECT COUNT(*) FROM orders").await, 1);
    }

    async fn tokens_whose_process_died_before_it_acknowledged_are_credited_once(engine: Engine) {
        let mesh = Box::pin(Mesh::start(engine)).await;
        let (id, key) = mesh.agreed(CARD).await;
        mesh.proxy.lose(Some(ACKS));
        confirm(mesh.orders(), mesh.user_id.clone(), id.clone(), key).await.unwrap();
        eventually("the tokens are credited, and the ack is lost", async || {
            mesh.credits(&id).await == 1 && mesh.proxy.lost() > 0
        })
        .await;
        mesh.user_svc.kill();
        let before = mesh.nats.connect().await.jetstream.get_stream(CREDIT_TOKENS.stream).await.unwrap();
        let before = before.consumer_info(CREDIT_TOKENS.name).await.unwrap();
        assert_eq!((before.num_ack_pending, before.ack_floor.stream_sequence), (1, 0));

        mesh.proxy.lose(None);
        mesh.user_svc.start();
        mesh.check_paid_once(&id).await;
        let after = mesh.nats.connect().await.jetstream.get_stream(CREDIT_TOKENS.stream).await.unwrap();
        let after = after.consumer_info(CREDIT_TOKENS.name).await.unwrap();
        assert!(after.delivered.consumer_sequence > before.delivered.consumer_sequence, "{after:?}");
        assert_eq!(after.delivered.stream_sequence, before.delivered.stream_sequence);
    }

    async fn an_order_that_is_paid_while_the_broker_is_dead_is_told_when_it_lives(engine: Engine) {
        let mesh = Box::pin(Mesh::start(engine)).await;
        let (id, key) = mesh.agreed(CARD).await;
        mesh.nats.kill();
        let order = confirm(mesh.orders(), mesh.user_id.clone(), id.clone(), key).await.unwrap();
        assert_eq!(order.state(), OrderState::Paid);
        let waiting = "SELECT COUNT(*) FROM outbox WHERE published_at IS NULL";
        assert_eq!(mesh.payments.count(waiting).await, 1);
        // Who buys need not know that there is a broker.
        assert_eq!(mesh.order(&id).await.unwrap().state(), OrderState::Paid);
        let (another, key) = mesh.agreed(CARD).await;
        assert_eq!(mesh.credits(&id).await, 0);

        mesh.nats.resume().await;
        mesh.check_paid_once(&id).await;
        confirm(mesh.orders(), mesh.user_id.clone(), another.clone(), key).await.unwrap();
        eventually("the next one is credited too", async || mesh.credits(&another).await == 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_the_registry_does_not_answer_at_its_start_tries_again() {
    let mesh = Box::pin(Mesh::start(Engine::Sqlite)).await;
    eventually("the instance is in the registry", async || !mesh.instances("user-svc").await.is_empty())
        .await;
    let before = mesh.instances("user-svc").await;
    mesh.user_svc.kill();
    mesh.proxy.lose(Some(REGISTRY));
    mesh.user_svc.start();
    eventually("it tries again", async || mesh.proxy.lost() > 1).await;
    mesh.proxy.lose(None);
    eventually("the new instance is in the registry", async || {
        mesh.instances("user-svc").await.iter().any(|key| !before.contains(key))
    })
    .await;
}
