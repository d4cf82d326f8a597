//! From the last token to the next message, and back.

use crate::orders::{bought, refund};
use crate::world::{Call, World};

shared::on_each_engine! {
    async fn who_has_run_out_of_tokens_buys_some_and_goes_on(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (guest, admin) = (world.guest().await, world.admin().await);
        let messages = world.counsel(&guest).await;
        let tokens = async || {
            world.send(Call::get("/v1/users/me/tokens").by(&guest)).await.expect(200).body["data"].clone()
        };
        let allowance = tokens().await["tokens"]["allowance"].as_u64().unwrap();
        assert_eq!(allowance, 7);
        for _ in 0..allowance {
            world.say(&guest, &messages, "I want to go on").await.expect(201);
        }
        let refused = world.say(&guest, &messages, "and on").await;
        assert_eq!((refused.status, refused.code()), (403, "NO_REMAINING_TOKENS"));

        let mut feed = world.open(Call::get("/v1/counsels/events").by(&guest)).await;
        let order = Box::pin(bought(&world, &guest)).await;
        let told = feed.expect("tokens").await.data;
        assert_eq!(told["tokens"]["purchased"], 100);
        assert_eq!(told, tokens().await);
        world.say(&guest, &messages, "and on").await.expect(201);
        for _ in 0..2 {
            let event = feed.next().await.unwrap();
            assert!(["message", "rapport"].contains(&event.name.as_str()), "{event:?}");
        }

        // What is spent stays spent.
        refund(&world, &admin, &order, None).await;
        let told = feed.expect("tokens").await.data;
        assert_eq!(told["tokens"]["purchased"], 0);
        assert_eq!(told, tokens().await);
        let refused = world.say(&guest, &messages, "and on").await;
        assert_eq!((refused.status, refused.code()), (403, "NO_REMAINING_TOKENS"));
    }
}
