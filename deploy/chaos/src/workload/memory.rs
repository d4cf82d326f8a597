//! What was told of an order. A success that was told stays true: nothing that is told later, and nothing that is found at
//! the end, may be behind it.

use std::collections::BTreeMap;

use shared::proto::v1::{Order, OrderState};

/// See above.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Ours.
    pub order_id: String,
    /// Who orders.
    pub user_id: String,
    /// The order as it was told at first.
    pub first: Option<Order>,
    /// The furthest that was told.
    pub furthest: Seen,
    /// Refunds that were told to be done: the amount that was asked for, if one was.
    pub refunds: BTreeMap<String, Option<i64>>,
    /// What was told and cannot be true.
    pub complaints: Vec<String>,
}

/// How an order was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its state.
    pub state: OrderState,
    /// What was given back of it.
    pub refunded: i64,
}

/// How far a state is. Of those that are equally far an order comes to one only.
pub fn rank(state: OrderState) -> u8 {
    match state {
        OrderState::Unspecified | OrderState::Created => 0,
        OrderState::Pending => 1,
        OrderState::Failed | OrderState::Canceled | OrderState::Expired => 2,
        OrderState::Paid => 3,
        OrderState::PartiallyRefunded => 4,
        OrderState::Refunded => 5,
    }
}

impl Seen {
    /// Whether an order that was seen so may be seen like `later` later on.
    pub fn may_become(self, later: Self) -> bool {
        let (from, to) = (rank(self.state), rank(later.state));
        later.refunded >= self.refunded && (to > from || self.state == later.state)
    }
}

impl Memory {
    pub(crate) fn new(order_id: String, user_id: String) -> Self {
        Self {
            order_id,
            user_id,
            first: None,
            furthest: Seen { state: OrderState::Created, refunded: 0 },
            refunds: BTreeMap::new(),
            complaints: Vec::new(),
        }
    }

    /// Takes note of an answer to a call that was made when `before` was known.
    pub(crate) fn hear(&mut self, what: &str, before: Seen, order: &Order) {
        let seen = Seen { state: order.state(), refunded: order.refunded };
        if !before.may_become(seen) {
            self.complaints.push(format!("{what} told {seen:?} after {before:?}"));
        }
        if self.furthest.may_become(seen) {
            self.furthest = seen;
        }
        match &self.first {
            None => self.first = Some(order.clone()),
            Some(first) if is_same(first, order) => {}
            Some(_) => self.complaints.push(format!("{what} told of another order")),
        }
    }
}

fn is_same(one: &Order, other: &Order) -> bool {
    let of = |order: &Order| {
        let Order { id, product_id, product_version, tokens, price, created_at, .. } = order.clone();
        (id, product_id, product_version, tokens, price, created_at)
    };
    of(one) == of(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_back() {
        let seen = |state, refunded| Seen { state, refunded };
        use OrderState::{Canceled, Created, Expired, Paid, PartiallyRefunded, Pending, Refunded};
        for (from, to) in
            [(Created, Pending), (Pending, Paid), (Canceled, Refunded), (Expired, Paid), (Paid, Paid)]
        {
            assert!(seen(from, 0).may_become(seen(to, 0)), "{from:?} {to:?}");
        }
        for (from, to) in
            [(Paid, Pending), (Canceled, Expired), (Refunded, PartiallyRefunded), (Pending, Created)]
        {
            assert!(!seen(from, 0).may_become(seen(to, 0)), "{from:?} {to:?}");
        }
        assert!(!seen(PartiallyRefunded, 200).may_become(seen(PartiallyRefunded, 100)));
    }
}
