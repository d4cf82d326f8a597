//! This version beside the next one: on a schema that has migrations nobody here knows.

use shared::id::new_id;
use shared::proto::events::v1::{OrderPaid, OrderRefunded};
use shared::proto::v1::OrderState;
use shared::testkit::{next_release, schema};

use crate::shop::{CARD, Shop, confirm, user};
use crate::world::Instance;

/// An order is paid at an instance, shown, and given back.
async fn buy(shop: &Shop, instance: &Instance) {
    let user_id = new_id();
    let (id, key) = shop.agreed(&user_id, CARD).await;
    let client = shared::proto::v1::order_service_client::OrderServiceClient::new(instance.channel());
    assert_eq!(confirm(client, &user_id, &id, &key).await.unwrap().state(), OrderState::Paid);
    assert_eq!(shop.get(user(&user_id), &id).await.unwrap().state(), OrderState::Paid);
    assert_eq!(shop.events::<OrderPaid>(&id).await.len(), 1);
    shop.refund(&id, &new_id(), None).await.unwrap();
    assert_eq!(shop.until(&id, OrderState::Refunded).await.state(), OrderState::Refunded);
    assert_eq!(shop.events::<OrderRefunded>(&id).await.len(), 1);
}

shared::on_each_engine! {
    async fn this_version_goes_on_and_starts_on_the_schema_of_the_next_one(engine: Engine) {
        let shop = Shop::new(engine).await;
        let database = shop.service.running.database();
        buy(&shop, &shop.service).await;
        next_release(database).await;
        let later = schema(database).await;
        // While the next version is rolled out, and after it was rolled back.
        buy(&shop, &shop.service).await;
        let again = shop.another_instance().await;
        buy(&shop, &again).await;
        assert_eq!(schema(database).await, later);
        assert_eq!(shop.balance("%").await, 0);
        again.running.stop().await;
    }
}
