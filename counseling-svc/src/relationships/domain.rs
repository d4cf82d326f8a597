//! The aggregate `Relationship`, with its rapport.

use shared::time::Timestamp;

/// What one message of the user adds to the rapport.
pub const GROWTH: i32 = 1;
/// What a day (UTC) can add at most: closeness takes days, not many messages.
pub const MOST_A_DAY: i32 = 20;

/// How close a user and a counselor are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    pub id: String,
    pub counselor_id: String,
    pub user_id: String,
    pub rapport: i32,
    /// The day (UTC) on which the rapport grew last, and by how much it has grown on that day.
    pub growth_day: Timestamp,
    pub growth_of_day: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Relationship {
    /// Two who have just met.
    pub fn new(id: String, counselor_id: &str, user_id: &str, now: Timestamp) -> Self {
        Self {
            id,
            counselor_id: counselor_id.to_owned(),
            user_id: user_id.to_owned(),
            rapport: 0,
            growth_day: now.start_of_day(),
            growth_of_day: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// Notes a message of the user that was answered.
    pub fn grow(&mut self, now: Timestamp) {
        let today = now.start_of_day();
        if today != self.growth_day {
            self.growth_day = today;
            self.growth_of_day = 0;
        }
        let growth = GROWTH.min(MOST_A_DAY - self.growth_of_day);
        if growth > 0 {
            self.rapport = self.rapport.saturating_add(growth);
            self.growth_of_day += growth;
            self.updated_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rapport_grows_with_messages_up_to_the_days_limit() {
        let now = Timestamp::from_micros(1_767_323_045_000_000);
        let mut relationship = Relationship::new("r".to_owned(), "c", "u", now);
        (0..MOST_A_DAY + 5).for_each(|_| relationship.grow(now));
        assert_eq!(relationship.rapport, MOST_A_DAY);
        relationship.grow(now.plus(Duration::from_secs(86_400)));
        assert_eq!(relationship.rapport, MOST_A_DAY + GROWTH);
    }
}
