//! Orders that are ordered, agreed to, confirmed and paid: each buyer orders the next one when the last one is paid. The
//! provider is the sandbox in this process; it answers at once, so that what is measured is ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use payment_svc::sandbox::{CARDS, Sandbox, SandboxSettings};
use serde_json::{Value, json};
use shared::config::Secret;
use shared::id::{derived_id, new_id};

use crate::BoxError;
use crate::http::{Rest, text};
use crate::arguments::Arguments;
use crate::load::{Connection, Sample, run};
use crate::mesh::{Mesh, Store, User};

const BUYERS: usize = 32;

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), BoxError> {
    let (rounds, seconds) = (arguments.rounds, arguments.seconds);
    println!(
        "{BUYERS} buyers at once, median of {rounds} runs of {seconds} s, a provider that answers at once"
    );
    for store in Store::ALL {
        Box::pin(measure_on(store, rounds, Duration::from_secs(seconds as u64))).await?;
    }
    Ok(())
}

async fn measure_on(store: Store, rounds: usize, duration: Duration) -> Result<(), BoxError> {
    let sandbox = Sandbox::start(SandboxSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        key: Secret::new("sandbox"),
        notice_secret: Secret::new("sandbox"),
        notice_url: None,
        journal: None,
        patience: Duration::ZERO,
    });
    let sandbox = Arc::new(sandbox.await?);
    let url = sandbox.url();
    let environment = [("DEVELOPMENT", "true"), ("SANDBOX_URL", url.as_str())];
    let mesh = Mesh::start_with(store, &["user-svc", "payment-svc"], &environment).await?;
    let mut users = Vec::new();
    for _ in 0..BUYERS {
        users.push(mesh.guest().await?);
    }
    // The first round warms up and does not count.
    round(&mesh, &users, &sandbox, duration).await?;
    let mut samples = Vec::new();
    for _ in 0..rounds {
        samples.push(round(&mesh, &users, &sandbox, duration).await?);
    }
    let sample = Sample::median(samples);
    println!("\n{:<28}{:>10}{:>10}{:>10}", store.name(), "orders/s", "p50 ms", "p99 ms");
    println!("{:<28}{:>10.1}{:>10.2}{:>10.2}", "", sample.rate, sample.p50, sample.p99);
    Ok(())
}

async fn round(
    mesh: &Mesh,
    users: &[User],
    sandbox: &Arc<Sandbox>,
    duration: Duration,
) -> Result<Sample, BoxError> {
    let mut buyers = Vec::new();
    for user in users {
        buyers.push(Buyer { rest: mesh.rest(user).await?, sandbox: sandbox.clone() });
    }
    run(buyers, duration).await
}

/// Somebody who buys a hundred tokens.
struct Buyer {
    rest: Rest,
    sandbox: Arc<Sandbox>,
}

impl Connection for Buyer {
    async fn call(&mut self) -> Result<(), BoxError> {
        let pack = json!({ "productId": derived_id(&["product", "메시지 토큰 100개"]), "currency": "KRW" });
        let created =
            self.rest.post_with("/v1/payments/orders", Some(&pack), ("idempotency-key", &new_id())).await?;
        let id = text(&created, "/data/order/id")?;
        let key = self.sandbox.agree(&id, CARDS[0].0).ok_or("the provider does not know the order")?;
        let confirm = json!({ "paymentKey": key });
        let paid = self.rest.post(&format!("/v1/payments/orders/{id}/confirm"), Some(&confirm)).await?;
        let paid: Value = serde_json::from_slice(&paid)?;
        let state = &paid["data"]["order"]["state"];
        if state == "ORDER_STATE_PAID" { Ok(()) } else { Err(format!("the order is {state}").into()) }
    }
}
