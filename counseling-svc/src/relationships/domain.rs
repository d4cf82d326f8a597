//! The aggregate `Relationship`, with its rapport.

use std::collections::BTreeMap;

use shared::proto::events::v1::RapportGrown;
use shared::time::Timestamp;

/// What a day (UTC) can add at most: closeness takes days, not many messages.
pub const MOST_A_DAY: i32 = 20;

/// What rapport grows by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A message of the user that was answered.
    Message,
    /// The answer to a bubble that opened a counsel.
    BubbleAnswer,
    /// A message of the counselor that the user likes.
    Like,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Message, Self::BubbleAnswer, Self::Like];

    /// What it adds each time, and at most on one day (UTC).
    pub fn rule(self) -> (i32, i32) {
        match self {
            Self::Message => (1, MOST_A_DAY),
            Self::BubbleAnswer => (1, 2),
            Self::Like => (2, 6),
        }
    }

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::BubbleAnswer => "bubble_answer",
            Self::Like => "like",
        }
    }
}

/// What a day has added so far, by source.
pub type Growth = BTreeMap<Source, i32>;

/// What `source` adds on a day that has grown by `today` so far.
pub fn growth(today: &Growth, source: Source) -> i32 {
    let (each, most) = source.rule();
    let of_source = today.get(&source).copied().unwrap_or_default();
    let of_day: i32 = today.values().sum();
    each.min(most - of_source).min(MOST_A_DAY - of_day).max(0)
}

/// How close a user and a counselor are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    pub id: String,
    pub counselor_id: String,
    pub user_id: String,
    pub rapport: i32,
    /// The day (UTC) on which the rapport grew last, and by what it has grown on that day.
    pub growth_day: Timestamp,
    pub growth: Growth,
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
            growth: Growth::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// What others are told when it has grown.
    pub fn grown(&self) -> RapportGrown {
        RapportGrown {
            counselor_user_relationship_id: self.id.clone(),
            user_id: self.user_id.clone(),
            counselor_id: self.counselor_id.clone(),
            rapport: self.rapport,
        }
    }

    /// Grows by `source`, as far as its day allows; false when it does not.
    pub fn grow(&mut self, source: Source, now: Timestamp) -> bool {
        let today = now.start_of_day();
        // Not when it is yesterday by somebody else's clock: around midnight the day would begin again and again.
        if today > self.growth_day {
            self.growth_day = today;
            self.growth.clear();
        }
        let growth = growth(&self.growth, source);
        if growth > 0 {
            self.rapport = self.rapport.saturating_add(growth);
            *self.growth.entry(source).or_default() += growth;
            self.updated_at = now;
        }
        growth > 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn met(now: Timestamp) -> Relationship {
        Relationship::new("r".to_owned(), "c", "u", now)
    }

    #[test]
    fn rapport_grows_with_messages_up_to_the_days_limit() {
        let now = Timestamp::from_micros(1_767_323_045_000_000);
        let mut relationship = met(now);
        let grown = (0..MOST_A_DAY + 5).filter(|_| relationship.grow(Source::Message, now)).count();
        assert_eq!(grown, 20);
        assert_eq!(relationship.rapport, MOST_A_DAY);
        assert!(relationship.grow(Source::Message, now.plus(Duration::from_secs(86_400))));
        assert_eq!(relationship.rapport, MOST_A_DAY + 1);
    }

    #[test]
    fn a_day_begins_once_whoever_still_has_the_day_before() {
        let midnight = Timestamp::from_micros(1_767_323_045_000_000).start_of_day();
        let mut relationship = met(midnight);
        let behind = midnight.minus(Duration::from_secs(20));
        let grown = (0..MOST_A_DAY).filter(|_| {
            let by_one = relationship.grow(Source::Message, midnight);
            relationship.grow(Source::Message, behind) || by_one
        });
        assert_eq!(grown.count(), 10);
        assert_eq!(relationship.rapport, MOST_A_DAY);
        assert_eq!(relationship.growth_day, midnight);
    }

    #[test]
    fn each_source_has_its_own_limit_and_all_share_the_days() {
        for source in Source::ALL {
            let (each, most) = source.rule();
            let mut today = Growth::new();
            assert_eq!(growth(&today, source), each, "{source:?}");
            today.insert(source, most - 1);
            assert_eq!(growth(&today, source), 1, "{source:?}");
            today.insert(source, most);
            assert_eq!(growth(&today, source), 0, "{source:?}");
        }
        let almost = Growth::from([(Source::Message, MOST_A_DAY - 1)]);
        assert_eq!(growth(&almost, Source::Like), 1);
        let full = Growth::from([(Source::Message, MOST_A_DAY - 2), (Source::Like, 2)]);
        assert!(Source::ALL.iter().all(|source| growth(&full, *source) == 0));
    }
}
