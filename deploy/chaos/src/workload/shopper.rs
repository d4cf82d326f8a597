//! One order from its beginning to wherever chance leads it.

use std::sync::Arc;
use std::time::Duration;

use payment_svc::sandbox::{CARDS, Sandbox};
use rand::RngExt;
use rand::rngs::StdRng;
use shared::id::new_id;
use shared::proto::v1::Order;
use tokio::time::sleep;
use tonic::Status;

use super::{Calls, Memory, Seen};

/// How often something is tried that has to work for the rest to make sense.
const ATTEMPTS: usize = 30;

/// Somebody who buys something.
pub(super) struct Shopper {
    calls: Calls,
    sandbox: Arc<Sandbox>,
    chance: StdRng,
    product_id: String,
    memory: Memory,
    /// What shows that the payer has agreed.
    key: Option<String>,
}

impl Shopper {
    pub(super) fn new(
        calls: Calls,
        sandbox: Arc<Sandbox>,
        chance: StdRng,
        user_id: String,
        product_id: String,
    ) -> Self {
        Self { calls, sandbox, chance, product_id, memory: Memory::new(new_id(), user_id), key: None }
    }

    /// Orders, agrees most of the time, and does what comes to mind.
    pub(super) async fn buy(mut self) -> Memory {
        for _ in 0..ATTEMPTS {
            self.order().await;
            if self.memory.first.is_some() {
                break;
            }
            self.wait(50..300).await;
        }
        if self.chance.random_bool(0.9) {
            let card = CARDS[self.chance.random_range(0..CARDS.len())].0;
            self.key = self.sandbox.agree(&self.memory.order_id, card);
        }
        let steps = self.chance.random_range(1..6);
        for _ in 0..steps {
            match self.chance.random_range(0..20) {
                0..=7 => self.confirm().await,
                8..=10 => self.confirm_twice_at_once().await,
                11 => self.order().await,
                12 => self.cancel().await,
                13..=14 => self.look().await,
                15 => self.wait(10..400).await,
                16 => self.refund(None).await,
                _ => {
                    let part = self.chance.random_range(1..4000);
                    self.refund(Some(part)).await;
                }
            }
        }
        self.memory
    }

    async fn wait(&mut self, millis: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.chance.random_range(millis))).await;
    }

    /// Orders, or repeats it with the same id.
    async fn order(&mut self) {
        let before = self.memory.furthest;
        let Memory { order_id, user_id, .. } = &self.memory;
        let answer = self.calls.create(user_id, order_id, &self.product_id).await;
        self.hear("an order", before, answer);
    }

    async fn confirm(&mut self) {
        let before = self.memory.furthest;
        let Memory { order_id, user_id, .. } = &self.memory;
        let answer = self.calls.confirm(user_id, order_id, self.key.as_deref()).await;
        self.hear("a confirmation", before, answer);
    }

    async fn confirm_twice_at_once(&mut self) {
        let before = self.memory.furthest;
        let Memory { order_id, user_id, .. } = &self.memory;
        let confirm = || self.calls.confirm(user_id, order_id, self.key.as_deref());
        let (first, second) = tokio::join!(confirm(), confirm());
        self.hear("the first of two confirmations", before, first);
        self.hear("the second of two confirmations", before, second);
    }

    async fn cancel(&mut self) {
        let before = self.memory.furthest;
        let answer = self.calls.cancel(&self.memory.user_id, &self.memory.order_id).await;
        self.hear("a cancellation", before, answer);
    }

    async fn look(&mut self) {
        let before = self.memory.furthest;
        let answer = self.calls.get(&self.memory.user_id, &self.memory.order_id).await;
        self.hear("a look", before, answer);
    }

    /// Gives something back, and repeats that often: at once, or after the answer.
    async fn refund(&mut self, amount: Option<i64>) {
        let refund_id = new_id();
        let luck = self.chance.random_range(0..3);
        let before = self.memory.furthest;
        let refund = || self.calls.refund(&self.memory.order_id, &refund_id, amount);
        let answers = match luck {
            0 => vec![refund().await],
            1 => {
                let (first, second) = tokio::join!(refund(), refund());
                vec![first, second]
            }
            _ => vec![refund().await, refund().await],
        };
        for answer in answers {
            if answer.is_ok() {
                self.memory.refunds.insert(refund_id.clone(), amount);
            }
            self.hear("a refund", before, answer);
        }
    }

    fn hear(&mut self, what: &str, before: Seen, answer: Result<Order, Status>) {
        // Whoever is refused or hears nothing knows nothing.
        if let Ok(order) = answer {
            self.memory.hear(what, before, &order);
        }
    }
}
