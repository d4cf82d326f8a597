//! Stripe: [`fake`] stands for it.

mod adapter;
mod fake;
mod notices;
mod orders;

use payment_svc::PaymentConfig;
use shared::proto::v1::{OrderState, PaymentProvider};
use shared::testkit::Engine;

use crate::till::Till;
use fake::{Means, StripeApi, config};

type Counter = Till<StripeApi>;

async fn till(engine: Engine) -> Counter {
    let set_up = |all: &mut PaymentConfig, fake: &_| all.stripe = Some(config(fake));
    Till::new(engine, StripeApi::default(), PaymentProvider::Stripe, set_up).await
}

impl Counter {
    /// An order, and its intent.
    async fn begun(&self) -> (String, String) {
        let (id, checkout) = self.order().await;
        let intent = checkout.client_secret.split("_secret_").next().unwrap().to_owned();
        (id, intent)
    }

    async fn agreed(&self, means: Means) -> (String, String) {
        let (id, intent) = self.begun().await;
        self.fake.vendor().confirm(&intent, means);
        (id, intent)
    }

    async fn paid(&self) -> (String, String) {
        let (id, intent) = self.agreed(Means::Card).await;
        assert_eq!(self.confirm(&id, &intent).await.unwrap().state(), OrderState::Paid);
        (id, intent)
    }

    fn held(&self) -> i64 {
        self.fake.vendor().held()
    }
}
