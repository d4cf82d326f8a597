use super::*;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn order() -> Order {
    let item = Item {
        product_id: "p".to_owned(),
        version: 1,
        kind: ProductKind::TokenPack,
        name: "100".to_owned(),
        tokens: 100,
        price: Money { currency: "KRW".to_owned(), amount: 3900 },
    };
    Order::new("o".to_owned(), "c".to_owned(), item, PaymentProvider::Sandbox, at(1), Duration::from_secs(60))
}

/// When an order ends that nobody pays.
fn ended_at(state: OrderState) -> Timestamp {
    if state == OrderState::Expired { order().expires_at } else { at(2) }
}

fn payment(status: PaymentStatus, captured: i64, refunded: i64) -> Payment {
    Payment { key: Some("k".to_owned()), status, captured, refunded, failure: None, billing_key: None }
}

fn collected(refunded: i64) -> Payment {
    payment(PaymentStatus::Collected, 3900, refunded)
}

#[test]
fn a_payment_is_taken_over_once() {
    let mut order = order();
    order.collect(at(2), at(30)).unwrap();
    assert_eq!((order.state, order.look_at), (OrderState::Pending, Some(at(30))));
    let learned = order.learn(&collected(0), Buyer::There, at(3)).unwrap();
    let expected =
        Learned { captured: 3900, granted: 100, state: Some(OrderState::Paid), ..Learned::default() };
    assert_eq!(learned, expected);
    assert_eq!(
        (order.state, order.look_at, order.payment_key.as_deref()),
        (OrderState::Paid, None, Some("k"))
    );
    assert_eq!(order.learn(&collected(0), Buyer::There, at(4)), Ok(Learned::default()));
    // What was asked before it was paid, and is heard after.
    assert_eq!(order.learn(&payment(PaymentStatus::Open, 0, 0), Buyer::There, at(5)), Ok(Learned::default()));
    assert_eq!(
        order.learn(&payment(PaymentStatus::Canceled, 0, 0), Buyer::There, at(5)),
        Ok(Learned::default())
    );
    assert_eq!((order.state, order.updated_at), (OrderState::Paid, at(3)));
    assert_eq!(order.collect(at(6), at(30)), Ok(()), "whoever confirms again gets the same answer");
}

#[test]
fn refunds_take_back_their_share_of_the_tokens_in_the_users_favour() {
    let mut order = order();
    order.learn(&collected(0), Buyer::There, at(2)).unwrap();
    let learned = order.learn(&collected(1000), Buyer::There, at(3)).unwrap();
    // 25.6 of 100.
    assert_eq!((learned.refunded, learned.revoked), (1000, 25));
    assert_eq!((order.state, order.refundable()), (OrderState::PartiallyRefunded, 2900));
    assert_eq!(order.learn(&collected(500), Buyer::There, at(4)), Ok(Learned::default()), "heard late");
    let learned = order.learn(&collected(3900), Buyer::There, at(5)).unwrap();
    assert_eq!((learned.refunded, learned.revoked), (2900, 75));
    assert_eq!((order.state, order.tokens_revoked), (OrderState::Refunded, 100));
}

#[test]
fn payment_and_refund_may_be_heard_of_at_once() {
    let mut order = order();
    let learned = order.learn(&collected(3900), Buyer::There, at(2)).unwrap();
    assert_eq!(
        (learned.captured, learned.refunded, learned.granted, learned.revoked),
        (3900, 3900, 100, 100)
    );
    assert_eq!(order.state, OrderState::Refunded);
}

#[test]
fn who_pays_late_gets_what_was_paid_for_and_who_canceled_does_not() {
    for (state, is_unwanted) in
        [(OrderState::Expired, false), (OrderState::Failed, false), (OrderState::Canceled, true)]
    {
        let mut order = order();
        match state {
            OrderState::Failed => {
                order.learn(&payment(PaymentStatus::Failed, 0, 0), Buyer::There, at(2)).unwrap();
            }
            state => assert_eq!(order.close(ended_at(state)), Some(state)),
        }
        assert_eq!((order.state, order.look_at), (state, None));
        assert_eq!(order.close(at(3)), None);
        let learned = order.learn(&collected(0), Buyer::There, at(4)).unwrap();
        assert_eq!((learned.is_unwanted, learned.granted), (is_unwanted, if is_unwanted { 0 } else { 100 }));
        assert_eq!(order.state, OrderState::Paid);
        let learned = order.learn(&collected(3900), Buyer::There, at(5)).unwrap();
        assert_eq!(learned.revoked, if is_unwanted { 0 } else { 100 });
    }
}

#[test]
fn a_user_who_was_erased_gets_no_tokens_but_the_money() {
    let learned = order().learn(&collected(0), Buyer::Erased, at(2)).unwrap();
    assert_eq!((learned.captured, learned.granted, learned.is_unwanted), (3900, 0, true));
}

#[test]
fn an_ended_order_is_not_collected_for() {
    for state in [OrderState::Canceled, OrderState::Expired] {
        let mut order = order();
        assert_eq!(order.close(ended_at(state)), Some(state));
        assert_eq!(order.collect(at(3), at(4)), Err(Refusal::State(state)));
    }
    assert_eq!(Refusal::State(OrderState::PartiallyRefunded).to_string(), "the order is partially refunded");
}

#[test]
fn what_cannot_be_is_not_taken_over() {
    for (payment, mismatch) in [
        (payment(PaymentStatus::Collected, 3000, 0), Mismatch::Captured { captured: 3000, amount: 3900 }),
        (collected(4000), Mismatch::Refunded { refunded: 4000, captured: 3900 }),
        (payment(PaymentStatus::Collected, 3900, -1), Mismatch::Refunded { refunded: -1, captured: 3900 }),
    ] {
        let mut order = order();
        let before = order.clone();
        assert_eq!(order.learn(&payment, Buyer::There, at(2)), Err(mismatch));
        assert_eq!(order, before);
    }
}

mod properties;
