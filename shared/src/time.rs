//! Points in time, and the clock that tells them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sea_orm::DeriveValueType;
use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime};

/// By how much the clocks of two processes may differ: what one of them does by the time is right by the other's as well, or
/// right so much later.
pub const SKEW: Duration = Duration::from_secs(30);

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A point in time, UTC, to the microsecond.
///
/// Databases keep it as a number of microseconds since 1970, so that it compares alike on SQLite, which has no
/// type for times, and on PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `micros` microseconds after 1970-01-01T00:00:00Z.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Midnight (UTC) of its day.
    pub fn start_of_day(self) -> Self {
        Self(self.0 - self.0.rem_euclid(MICROS_PER_DAY))
    }

    /// The moment `duration` later.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// The moment `duration` earlier.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// The same time of day `months` calendar months later; on the last day of a month that is too short for its day.
    pub fn plus_months(self, months: u32) -> Self {
        let Ok(at) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000) else {
            return self;
        };
        let count = i64::from(at.year()) * 12 + i64::from(u8::from(at.month()) - 1) + i64::from(months);
        let (year, month) = (i32::try_from(count.div_euclid(12)), u8::try_from(count.rem_euclid(12) + 1));
        let (Ok(year), Ok(Ok(month))) = (year, month.map(Month::try_from)) else { return self };
        let day = at.day().min(month.length(year));
        let Ok(date) = Date::from_calendar_date(year, month, day) else { return self };
        let micros = at.replace_date(date).unix_timestamp_nanos() / 1000;
        i64::try_from(micros).map_or(self, Self)
    }

    /// The moment that an RFC 3339 text names, to the microsecond; nothing when it is none.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos().div_euclid(1000)).ok().map(Self)
    }

    /// RFC 3339 in UTC, e.g. `2026-01-02T03:04:05.678Z`.
    pub fn to_rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok())
            .unwrap_or_default()
    }
}

/// RFC 3339.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(at: OffsetDateTime) -> Self {
        Self(i64::try_from(at.unix_timestamp_nanos().div_euclid(1000)).unwrap_or(i64::MAX))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl From<Timestamp> for prost_types::Timestamp {
    fn from(at: Timestamp) -> Self {
        let seconds = at.0.div_euclid(MICROS_PER_SECOND);
        let nanos = at.0.rem_euclid(MICROS_PER_SECOND) * 1000;
        Self { seconds, nanos: nanos as i32 }
    }
}

impl From<prost_types::Timestamp> for Timestamp {
    fn from(at: prost_types::Timestamp) -> Self {
        Self(at.seconds.saturating_mul(MICROS_PER_SECOND).saturating_add(i64::from(at.nanos) / 1000))
    }
}

/// Tells the time: the system's, or in tests one that is moved by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000;
        Timestamp(i64::try_from(now).unwrap_or(i64::MAX).saturating_add(self.offset.load(Ordering::Relaxed)))
    }

    /// Moves this clock and its clones forward, for tests of what happens hours later.
    pub fn advance(&self, duration: Duration) {
        self.offset.fetch_add(micros(duration), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Corpus;

    #[test]
    fn a_timestamp_survives_the_wire() {
        for micros in [-1, 0, 1, 1_700_000_000_123_456] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(Timestamp::from(prost_types::Timestamp::from(at)), at);
        }
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        let at = Timestamp::from_micros(1_767_323_045_678_000);
        assert_eq!(at.to_rfc3339(), "2026-01-02T03:04:05.678Z");
        assert_eq!(at.start_of_day().to_rfc3339(), "2026-01-02T00:00:00Z");
    }

    #[test]
    fn months_are_of_the_calendar() {
        let at = |text| Timestamp::from_rfc3339(text).unwrap();
        let begun = at("2027-01-31T23:59:59.5Z");
        for (months, ends) in [
            (0, "2027-01-31T23:59:59.5Z"),
            (1, "2027-02-28T23:59:59.5Z"),
            (2, "2027-03-31T23:59:59.5Z"),
            (11, "2027-12-31T23:59:59.5Z"),
            (13, "2028-02-29T23:59:59.5Z"),
        ] {
            assert_eq!(begun.plus_months(months), at(ends), "{months}");
        }
        assert_eq!(begun.to_rfc3339(), "2027-01-31T23:59:59.5Z");
        assert_eq!(Timestamp::from_rfc3339("yesterday"), None);
    }

    #[test]
    fn a_text_that_is_a_time_is_told_as_the_same_time() {
        let times = [
            "2026-01-02T03:04:05.678901Z",
            "2026-02-29T23:59:60Z",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31t23:59:59.999999999-00:01",
        ];
        Corpus::new(times).check_text(file!(), |text| {
            let Some(at) = Timestamp::from_rfc3339(text) else { return };
            // Offsets reach beyond the years that RFC 3339 has.
            let told = at.to_rfc3339();
            assert!(told.is_empty() || Timestamp::from_rfc3339(&told) == Some(at), "{text}: {told}");
            let _ = (
                at.start_of_day(),
                at.plus_months(u32::MAX),
                at.plus(Duration::MAX),
                at.minus(Duration::MAX),
            );
        });
    }

    #[test]
    fn an_advanced_clock_is_ahead_in_its_clones_too() {
        let clock = Clock::system();
        let clone = clock.clone();
        let before = clone.now();
        clock.advance(Duration::from_secs(3600));
        assert!(clone.now() >= before.plus(Duration::from_secs(3600)));
    }
}
