//! The aggregate `Pass`.

use shared::time::Timestamp;

/// What a subscription gives its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    pub subscription_id: String,
    pub user_id: String,
    /// Message tokens in each six hours.
    pub allowance: u32,
    /// The last month that was heard of, from 1; 0 before any was.
    pub period: u32,
    /// Until when it is good, unless it ends before.
    pub valid_until: Timestamp,
    /// Set once it has ended, for good: news of its months may come later than that of its end.
    pub ended_at: Option<Timestamp>,
}

impl Pass {
    /// One of which nothing was heard yet.
    pub fn new(subscription_id: String, user_id: String) -> Self {
        let valid_until = Timestamp::from_micros(0);
        Self { subscription_id, user_id, allowance: 0, period: 0, valid_until, ended_at: None }
    }

    /// Whether it is good now.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.valid_until
    }

    /// A month was paid; nothing changes when it, or a later one, was heard of before.
    pub fn renew(&mut self, period: u32, allowance: u32, valid_until: Timestamp) {
        if period > self.period {
            self.period = period;
            self.allowance = allowance;
            self.valid_until = valid_until;
        }
    }

    /// It is good no longer.
    pub fn end(&mut self, now: Timestamp) {
        self.ended_at.get_or_insert(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn news_may_come_in_any_order_and_any_number_of_times() {
        let news: [fn(&mut Pass); 3] = [
            |pass| pass.renew(1, 3000, at(100)),
            |pass| pass.renew(2, 3000, at(200)),
            |pass| pass.end(at(150)),
        ];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut pass = Pass::new("s".to_owned(), "u".to_owned());
            assert!(!pass.is_good(at(0)));
            for at in order {
                news[at](&mut pass);
                news[at](&mut pass);
            }
            assert_eq!((pass.period, pass.valid_until), (2, at(200)), "{order:?}");
            assert!(!pass.is_good(at(120)), "{order:?}");
        }
    }

    #[test]
    fn a_pass_is_good_until_its_time_is_over() {
        let mut pass = Pass::new("s".to_owned(), "u".to_owned());
        pass.renew(1, 3000, at(100));
        assert!(pass.is_good(at(99)) && !pass.is_good(at(100)));
        pass.renew(2, 5000, at(200));
        assert!(pass.is_good(at(100)));
        assert_eq!(pass.allowance, 5000);
    }
}
