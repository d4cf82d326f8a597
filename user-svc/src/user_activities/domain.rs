//! The aggregate `UserTracking` and the activities it is told of.

use shared::proto::v1::{ActivityType, DevicePlatform};
use shared::time::Timestamp;

/// Something that a user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserActivity {
    /// Chosen by whoever recorded it.
    pub id: String,
    pub user_id: String,
    pub activity_type: ActivityType,
    pub device_platform: DevicePlatform,
    pub created_at: Timestamp,
}

/// Where the product's funnel stands for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserTracking {
    pub user_id: String,
    pub onboarding_completed: bool,
    pub counsel_count: i32,
    pub message_count: i32,
    /// The last time anything was seen of the user.
    pub last_active_at: Option<Timestamp>,
}

impl UserTracking {
    /// Of a new user, who has done nothing yet.
    pub fn new(user_id: &str) -> Self {
        Self {
            user_id: user_id.to_owned(),
            onboarding_completed: false,
            counsel_count: 0,
            message_count: 0,
            last_active_at: None,
        }
    }

    /// The user has opened a counsel.
    pub fn counsel_created(&mut self, at: Timestamp) {
        self.counsel_count = self.counsel_count.saturating_add(1);
        self.seen(at);
    }

    /// The user has said something and was answered.
    pub fn message_created(&mut self, at: Timestamp) {
        self.message_count = self.message_count.saturating_add(1);
        self.seen(at);
    }

    /// The user was active; what is told late does not turn the time back.
    pub fn seen(&mut self, at: Timestamp) {
        self.last_active_at = self.last_active_at.max(Some(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn counsels_and_messages_are_counted_apart() {
        let mut tracking = UserTracking::new("u");
        tracking.counsel_created(at(1));
        tracking.message_created(at(2));
        tracking.message_created(at(3));
        assert_eq!((tracking.counsel_count, tracking.message_count), (1, 2));
        assert_eq!(tracking.last_active_at, Some(at(3)));
    }

    #[test]
    fn what_is_told_late_does_not_turn_the_time_back() {
        let mut tracking = UserTracking::new("u");
        tracking.seen(at(2));
        tracking.message_created(at(1));
        assert_eq!(tracking.last_active_at, Some(at(2)));
    }
}
