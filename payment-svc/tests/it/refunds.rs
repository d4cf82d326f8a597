//! Giving back.

use futures::future::join_all;
use shared::id::new_id;
use shared::proto::events::v1::{OrderMismatched, OrderRefunded};
use shared::proto::v1::{OrderState, RefundOrderRequest};
use shared::testkit::caller;
use tonic::Code::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied};

use crate::shop::{Shop, admin, user};

shared::on_each_engine! {
    async fn a_refund_is_made_once_and_takes_its_share_of_the_tokens(engine: Engine) {
        let shop = Shop::new(engine).await;
        let user_id = new_id();
        let id = shop.paid(&user_id).await;
        let (first, second) = (new_id(), new_id());
        for _ in 0..2 {
            let order = shop.refund(&id, &first, Some(1000)).await.unwrap();
            assert_eq!((order.state(), order.refunded), (OrderState::PartiallyRefunded, 1000));
        }
        let status = shop.refund(&id, &first, Some(900)).await.unwrap_err();
        assert_eq!(status.code(), AlreadyExists);
        let status = shop.refund(&id, &second, Some(2901)).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (FailedPrecondition, "2900 is left to refund"));
        let order = shop.refund(&id, &second, None).await.unwrap();
        assert_eq!((order.state(), order.refunded), (OrderState::Refunded, 3900));
        let status = shop.refund(&id, &new_id(), None).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (FailedPrecondition, "0 is left to refund"));

        let told: Vec<_> = shop.events::<OrderRefunded>(&id).await;
        let told: Vec<_> = told.iter().map(|told| (told.tokens_revoked, told.refunded)).collect();
        assert_eq!(told, [(25, 1000), (100, 3900)]);
        assert_eq!((shop.balance("provider:sandbox").await, shop.held()), (0, 0));
        assert_eq!((shop.balance("refunds").await, shop.balance("tokens:customer:%").await), (3900, 0));
    }

    async fn refunds_at_once_never_give_back_more_than_was_paid(engine: Engine) {
        let shop = Shop::new(engine).await;
        let id = shop.paid(&new_id()).await;
        let ids: Vec<_> = (0..6).map(|_| new_id()).collect();
        let refunds = join_all(ids.iter().map(|refund_id| shop.refund(&id, refund_id, Some(1500)))).await;
        assert_eq!(refunds.iter().filter(|refund| refund.is_ok()).count(), 2);
        let order = shop.get(admin(), &id).await.unwrap();
        assert_eq!((order.state(), order.refunded, shop.held()), (OrderState::PartiallyRefunded, 3000, 900));
    }

    async fn refunds_are_for_admins_and_say_what_is_wrong(engine: Engine) {
        let shop = Shop::new(engine).await;
        let user_id = new_id();
        let id = shop.paid(&user_id).await;
        let request = |amount, reason: &str| RefundOrderRequest {
            order_id: id.clone(),
            refund_id: new_id(),
            amount,
            reason: reason.to_owned(),
        };
        let by_user = shop.client().refund_order(caller(user(&user_id), request(None, "mine"))).await;
        assert_eq!(by_user.unwrap_err().code(), PermissionDenied);
        let wrong = shop.client().refund_order(caller(admin(), request(Some(0), " "))).await.unwrap_err();
        assert_eq!(wrong.code(), InvalidArgument);
        assert!(wrong.message().contains("amount") && wrong.message().contains("reason"), "{wrong}");
        assert_eq!(shop.refund(&new_id(), &new_id(), None).await.unwrap_err().code(), NotFound);
        let unpaid = new_id();
        shop.order(&user_id, &unpaid).await.unwrap();
        let status = shop.refund(&unpaid, &new_id(), None).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (FailedPrecondition, "the order is created"));
        assert_eq!(shop.count("SELECT COUNT(*) FROM refunds").await, 0);
    }

    async fn a_refund_that_the_process_did_not_live_to_see_is_carried_out(engine: Engine) {
        let shop = Shop::new(engine).await;
        let id = shop.paid(&new_id()).await;
        // As a process leaves it that dies after it has noted the refund.
        let note = format!(
            "INSERT INTO refunds (id, order_id, amount, reason, requested_by, state, created_at, look_at) \
             VALUES ('{}', '{id}', 900, 'r', NULL, 'REQUESTED', 0, 0)",
            new_id()
        );
        let database = shop.service.running.database();
        sea_orm::ConnectionTrait::execute_unprepared(database.write(), &note).await.unwrap();
        let order = shop.until(&id, OrderState::PartiallyRefunded).await;
        assert_eq!((order.refunded, shop.held()), (900, 3000));
        assert_eq!(shop.events::<OrderMismatched>(&id).await, []);
    }
}
