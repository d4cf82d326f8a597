//! A budget of retries, so that a failing service is not struck by a multiple of its load.
//!
//! As in Finagle's RetryBudget: each call deposits a part of a retry, each retry withdraws a whole one.

use std::sync::atomic::{AtomicU64, Ordering};

const RETRY: u64 = 1000;

pub(super) struct Budget {
    balance: AtomicU64,
    deposit: u64,
    most: u64,
}

impl Budget {
    pub(super) fn new(ratio: f64, burst: u32) -> Self {
        let most = u64::from(burst) * RETRY;
        Self { balance: AtomicU64::new(most), deposit: (ratio * RETRY as f64) as u64, most }
    }

    /// Notes a call.
    pub(super) fn deposit(&self) {
        let add = |balance: u64| Some((balance + self.deposit).min(self.most));
        let _ = self.balance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Takes a retry, if one is left.
    pub(super) fn withdraw(&self) -> bool {
        self.balance
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |balance| balance.checked_sub(RETRY))
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_part_of_the_calls_after_the_burst() {
        let budget = Budget::new(0.1, 3);
        assert_eq!((0..10).filter(|_| budget.withdraw()).count(), 3);
        (0..20).for_each(|_| budget.deposit());
        assert_eq!((0..10).filter(|_| budget.withdraw()).count(), 2);
    }
}
