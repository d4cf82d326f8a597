//! What has to be true when everything is quiet again: of each service, between them, and of what was told.

mod books;
mod quiet;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use payment_svc::sandbox::{Record, Status};
use shared::proto::v1::OrderState;

pub use books::{Books, Sources, rows};
use books::{Credit, Order};
pub use quiet::{WAITING, Work, until_quiet};

use crate::workload::{Memory, rank};

/// Collects what is not as it has to be.
#[derive(Default)]
pub struct Violations(Vec<String>);

impl Violations {
    /// Something is not as it has to be.
    pub fn add(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    /// Unless it holds, adds what is not as it has to be.
    pub fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }

    /// All of them.
    pub fn into_inner(self) -> Vec<String> {
        self.0
    }
}

/// Checks what is stored, against itself, against the provider's journal and against what was told.
pub fn check(books: &Books, memories: &[Memory], violations: &mut Violations) {
    let mut unknown: BTreeMap<_, _> = books.journal.iter().collect();
    let mut uncredited: BTreeMap<_, _> = books.credits.iter().collect();
    for (id, order) in &books.orders {
        check_state(id, order, violations);
        check_money(id, order, unknown.remove(id), books, violations);
        check_tokens(id, order, uncredited.remove(id), violations);
    }
    for id in unknown.keys() {
        violations.add(format!("{id}: the provider has a payment of no order"));
    }
    for id in uncredited.keys() {
        violations.add(format!("{id}: tokens were credited for no order"));
    }
    check_balances(books, violations);
    for memory in memories {
        check_memory(memory, books, violations);
    }
}

fn check_state(id: &str, order: &Order, violations: &mut Violations) {
    let is_open = matches!(order.state, OrderState::Created | OrderState::Pending);
    violations.check(!is_open, || format!("{id}: is still {:?}", order.state));
    for (refund, state, _) in &order.refunds {
        violations.check(state != "REQUESTED", || format!("{id}: refund {refund} was not answered"));
    }
    let is_right = match order.state {
        OrderState::Paid => order.captured == order.amount && order.refunded == 0,
        OrderState::PartiallyRefunded => 0 < order.refunded && order.refunded < order.captured,
        OrderState::Refunded => order.captured == order.amount && order.refunded == order.captured,
        _ => order.captured == 0 && order.refunded == 0,
    };
    violations.check(is_right, || format!("{id}: state and sums differ: {order:?}"));
}

/// The order, its postings and its refunds are what the provider has.
fn check_money(id: &str, order: &Order, record: Option<&Record>, books: &Books, violations: &mut Violations) {
    let (captured, refunds) = match record {
        Some(record) if record.status == Status::Paid => (record.amount, record.refunds.clone()),
        Some(_) | None => (0, BTreeMap::new()),
    };
    let refunded: i64 = refunds.values().sum();
    violations.check((order.captured, order.refunded) == (captured, refunded), || {
        let (here, there) = (order.captured, order.refunded);
        format!("{id}: {here} paid and {there} given back here, {captured} and {refunded} at the provider")
    });
    let done = order.refunds.iter().filter(|(_, state, _)| state == "DONE");
    let done: BTreeMap<_, _> = done.map(|(id, _, amount)| (id.clone(), *amount)).collect();
    violations.check(done == refunds, || format!("{id}: refunds {done:?} here, {refunds:?} at the provider"));
    let cash = books.moved(id, |account| account == "provider:sandbox");
    violations.check(cash == captured - refunded, || {
        format!("{id}: {cash} posted as the provider's, which has {}", captured - refunded)
    });
}

/// The user has the tokens that the order has granted, less those that refunds took back.
fn check_tokens(id: &str, order: &Order, credit: Option<&Credit>, violations: &mut Violations) {
    let (granted, revoked) = (order.tokens_granted, order.tokens_revoked);
    let credited = credit.map_or((0, 0), |credit| (credit.amount, credit.revoked));
    violations.check((granted, revoked) == credited, || {
        format!("{id}: {granted} tokens granted and {revoked} taken back, {credited:?} at user-svc")
    });
    let is_granted = rank(order.state) >= rank(OrderState::Paid) && !order.was_unwanted();
    violations.check(granted == if is_granted { order.tokens } else { 0 }, || {
        format!("{id}: {granted} tokens of {} though it is {:?}", order.tokens, order.state)
    });
    let share = if order.captured == 0 { 0 } else { granted * order.refunded / order.captured };
    violations.check(revoked == share, || format!("{id}: {revoked} tokens taken back in place of {share}"));
    if let (Some(credit), Some(user_id)) = (credit, &order.user_id) {
        violations.check(credit.user_id == *user_id, || format!("{id}: somebody else got the tokens"));
    }
}

fn check_balances(books: &Books, violations: &mut Violations) {
    let held: i64 = books.journal.values().filter(|record| record.status == Status::Paid).map(left).sum();
    for (unit, account, balance) in &books.trial_balance {
        match account.as_str() {
            "sum" => violations.check(*balance == 0, || format!("the trial balance of {unit} is {balance}")),
            "provider:sandbox" => violations
                .check(*balance == held, || format!("the provider has {held}, the ledger says {balance}")),
            _ => {}
        }
    }
    let units = books.trial_balance.iter().filter(|(_, account, _)| account == "sum").count();
    violations.check(units == 2 || held == 0, || "the trial balance lacks a unit".to_owned());
    violations.check(books.mismatches == 0, || format!("{} mismatches were reported", books.mismatches));
    violations.check(books.dead_letters == 0, || format!("{} dead letters", books.dead_letters));
    violations.check(books.streamed >= books.told, || {
        format!("{} events in the stream of {} that were told", books.streamed, books.told)
    });
    for id in &books.paid_twice {
        violations.add(format!("{id}: was told to be paid more than once"));
    }
}

/// What users have is what they bought, where nobody has spent anything.
pub fn check_unspent(books: &Books, violations: &mut Violations) {
    let mut of_users: BTreeMap<&str, i64> = BTreeMap::new();
    for credit in books.credits.values() {
        *of_users.entry(&credit.user_id).or_default() += credit.amount - credit.revoked;
    }
    for (user_id, purchased) in &books.purchased {
        let bought = of_users.get(user_id.as_str()).copied().unwrap_or_default();
        violations
            .check(*purchased == bought, || format!("user {user_id} has {purchased} tokens of {bought}"));
    }
}

fn left(record: &Record) -> i64 {
    record.amount - record.refunds.values().sum::<i64>()
}

/// What was told is true.
fn check_memory(memory: &Memory, books: &Books, violations: &mut Violations) {
    let id = &memory.order_id;
    for complaint in &memory.complaints {
        violations.add(format!("{id}: {complaint}"));
    }
    let Some(first) = &memory.first else { return };
    let Some(order) = books.orders.get(id) else {
        return violations.add(format!("{id}: the order was told, and is not there"));
    };
    let price = first.price.as_ref().map_or(0, |price| price.amount);
    let is_same = (order.amount, order.tokens) == (price, i64::from(first.tokens))
        && order.user_id.as_ref() == Some(&memory.user_id);
    violations.check(is_same, || format!("{id}: it is not the order that was told"));
    let is_true = memory.furthest.may_become(order.seen());
    violations
        .check(is_true, || format!("{id}: is {:?}, but was told to be {:?}", order.seen(), memory.furthest));
    for (refund_id, amount) in &memory.refunds {
        let known = order.refunds.iter().find(|(id, ..)| id == refund_id);
        let is_done = known
            .is_some_and(|(_, state, known)| state == "DONE" && amount.is_none_or(|amount| amount == *known));
        violations
            .check(is_done, || format!("{id}: refund {refund_id} was told to be done, and is {known:?}"));
    }
}
