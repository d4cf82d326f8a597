//! What users and admins do, and what they are told.

mod calls;
mod memory;
mod shopper;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use payment_svc::sandbox::Sandbox;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::id::{derived_id, new_id};
use tokio::time::sleep;

pub use calls::Calls;
pub use memory::{Memory, Seen, rank};
use shopper::Shopper;

use crate::BoxError;

/// The packs that the catalog has from the first day on.
const PACKS: [&str; 2] = ["메시지 토큰 100개", "메시지 토큰 500개"];
/// How long services may take to start.
const START: Duration = Duration::from_secs(30);

/// Everything that was done.
pub struct Done {
    /// Of each order: what was told of it.
    pub memories: Vec<Memory>,
    /// How many calls were made.
    pub operations: u64,
}

/// Signs users up, so many, as soon as user-svc answers.
///
/// # Errors
/// When it does not in time.
pub async fn sign_up(calls: &Calls, users: usize) -> Result<Vec<String>, BoxError> {
    let ids: Vec<_> = (0..users).map(|_| new_id()).collect();
    let began = Instant::now();
    for id in &ids {
        while let Err(status) = calls.sign_up(id).await {
            if began.elapsed() > START {
                return Err(format!("user-svc takes no user: {status}").into());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
    while let Err(status) = calls.ping().await {
        if began.elapsed() > START {
            return Err(format!("payment-svc does not answer: {status}").into());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(ids)
}

/// Lets users buy, one order each time, until there were so many orders or the time is over.
pub async fn buy(
    calls: &Calls,
    sandbox: &Arc<Sandbox>,
    users: &[String],
    seed: u64,
    orders: usize,
    until: Instant,
) -> Done {
    // A few at once for few orders, so that there is time for something to go wrong.
    let at_once = (orders / 20).clamp(4, 256);
    let bought = (0..orders).map(|number| {
        let mut chance = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
        let user_id = users[chance.random_range(0..users.len())].clone();
        let product_id = derived_id(&["product", PACKS[chance.random_range(0..PACKS.len())]]);
        let shopper = Shopper::new(calls.clone(), sandbox.clone(), chance, user_id, product_id);
        async move { if Instant::now() < until { Some(shopper.buy().await) } else { None } }
    });
    let memories: Vec<_> = futures::stream::iter(bought)
        .buffer_unordered(at_once)
        .filter_map(async |memory| memory)
        .collect()
        .await;
    Done { memories, operations: calls.made() }
}
