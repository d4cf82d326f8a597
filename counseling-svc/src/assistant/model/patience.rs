//! How long to wait before another attempt.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// How long a provider asks to wait: in milliseconds (OpenAI's own header), in seconds, or until a date.
pub(super) fn asked_for(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let milliseconds = text("retry-after-ms").and_then(|text| text.trim().parse::<u64>().ok());
    if let Some(milliseconds) = milliseconds {
        return Some(Duration::from_millis(milliseconds));
    }
    let told = text(RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = told.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(told).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The pause after so many failed attempts, from 1: doubling, and anywhere in its upper half, so that callers who
/// failed together do not come back together. Never shorter than what the provider asked for.
pub(super) fn pause(first: Duration, failed: u32, asked: Option<Duration>) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX));
    let jittered = doubled.mul_f64(rand::random_range(0.5..=1.0));
    asked.map_or(jittered, |asked| asked.max(jittered))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use shared::testkit::Corpus;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn seconds_milliseconds_and_dates_are_understood() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480);
        let asked = |name, value: &str| asked_for(&headers(name, value), now);
        assert_eq!(asked("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(asked("retry-after-ms", "120"), Some(Duration::from_millis(120)));
        assert_eq!(asked("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(asked("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("retry-after", "soon"), None);
        assert_eq!(asked("retry-after", "-3"), None);
        assert_eq!(asked("other", "7"), None);
    }

    #[test]
    fn whatever_a_provider_asks_for_is_a_pause_or_nothing() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480);
        let values = [
            "7",
            "0.5",
            "1e19",
            "18446744073709551615",
            "Wed, 21 Oct 2015 07:28:30 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ];
        Corpus::new(values).check(file!(), |value| {
            let Ok(value) = HeaderValue::from_bytes(value) else { return };
            for name in ["retry-after", "retry-after-ms"] {
                let asked = asked_for(&HeaderMap::from_iter([(name.parse().unwrap(), value.clone())]), now);
                let paused = pause(Duration::from_millis(100), u32::MAX, asked);
                assert!(asked.is_none_or(|asked| paused >= asked));
            }
        });
    }

    #[test]
    fn pauses_double_within_bounds_and_heed_the_provider() {
        let first = Duration::from_millis(100);
        for _ in 0..50 {
            let (one, three) = (pause(first, 1, None), pause(first, 3, None));
            assert!((first / 2..=first).contains(&one), "{one:?}");
            assert!((first * 2..=first * 4).contains(&three), "{three:?}");
        }
        assert_eq!(pause(first, 1, Some(Duration::from_secs(3))), Duration::from_secs(3));
    }
}
