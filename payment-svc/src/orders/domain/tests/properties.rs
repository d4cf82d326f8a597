//! Whatever a provider says, in whatever order.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Collect,
    Close,
    Learn(Payment, Buyer),
}

fn payments() -> impl Strategy<Value = Payment> {
    let status = prop_oneof![
        Just(PaymentStatus::Open),
        Just(PaymentStatus::Collected),
        Just(PaymentStatus::Failed),
        Just(PaymentStatus::Canceled),
    ];
    // Some are impossible.
    let captured = prop_oneof![4 => Just(0_i64), 4 => Just(3900), 1 => 1_i64..5000];
    let refunded = prop_oneof![3 => Just(0_i64), 3 => 0_i64..=3900, 1 => -10_i64..5000];
    (status, captured, refunded).prop_map(|(status, captured, refunded)| payment(status, captured, refunded))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let buyer = prop_oneof![4 => Just(Buyer::There), 1 => Just(Buyer::Erased)];
    let step = prop_oneof![
        1 => Just(Step::Collect),
        1 => Just(Step::Close),
        6 => (payments(), buyer).prop_map(|(payment, buyer)| Step::Learn(payment, buyer)),
    ];
    prop::collection::vec(step, 0..20)
}

proptest! {
    #[test]
    fn what_is_posted_adds_up_to_the_most_that_was_told(steps in steps(), late in any::<bool>()) {
        let mut order = order();
        let now = if late { order.expires_at } else { at(2) };
        let (mut captured, mut refunded, mut granted, mut revoked) = (0, 0, 0, 0);
        let (mut most_captured, mut most_refunded) = (0, 0);
        for step in &steps {
            match step {
                Step::Collect => drop(order.collect(now, now)),
                Step::Close => drop(order.close(now)),
                Step::Learn(payment, buyer) => {
                    let before = order.clone();
                    let Ok(learned) = order.learn(payment, *buyer, now) else {
                        prop_assert_eq!(&order, &before);
                        continue;
                    };
                    captured += learned.captured;
                    refunded += learned.refunded;
                    granted += learned.granted;
                    revoked += learned.revoked;
                    most_captured = payment.captured.max(most_captured);
                    most_refunded = payment.refunded.max(most_refunded);
                    let again = order.clone().learn(payment, *buyer, now);
                    prop_assert_eq!(again, Ok(Learned::default()), "told twice, it counted twice");
                }
            }
            prop_assert_eq!((captured, refunded), (order.captured, order.refunded));
            prop_assert_eq!((granted, revoked), (order.tokens_granted, order.tokens_revoked));
            prop_assert!(0 <= revoked && revoked <= granted && granted <= order.item.tokens);
            prop_assert!(0 <= refunded && refunded <= captured && captured <= order.item.price.amount);
            let is_all_back = captured > 0 && refunded == captured;
            prop_assert_eq!(order.state == OrderState::Refunded, is_all_back);
            prop_assert!(!is_all_back || revoked == granted);
            prop_assert!(order.look_at.is_none() || order.is_open(), "nobody asks about what has ended");
        }
        prop_assert_eq!((order.captured, order.refunded), (most_captured, most_refunded));
    }
}
