//! Times as operators write and read them.

use std::time::Duration;

use shared::time::{Clock, Timestamp};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A length of time such as `10m`, `2h`, `3d` or `1h30m`.
///
/// # Errors
/// Says what it must be.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a length of time such as 90s, 10m, 2h or 3d".to_owned();
    let (mut seconds, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => MINUTE,
            b'h' => HOUR,
            b'd' => DAY,
            _ => return Err(wrong()),
        };
        seconds = number.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    if seconds == 0 { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// A point in time: RFC 3339, or how long ago it was.
///
/// # Errors
/// Says what it must be.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Some(at) = Timestamp::from_rfc3339(text) {
        return Ok(at);
    }
    let ago = duration(text).map_err(|_| {
        "must be a time such as 2026-01-02T03:04:05Z, or an age such as 10m, 2h or 3d".to_owned()
    })?;
    Ok(Clock::system().now().minus(ago))
}

/// How long ago it was, in its two largest units at most: `12s`, `3m`, `2h05m`, `4d`.
pub(crate) fn age(at: Timestamp) -> String {
    let micros = Clock::system().now().as_micros().saturating_sub(at.as_micros());
    length(u64::try_from(micros).unwrap_or_default() / 1_000_000)
}

/// A length of time as [`age`] shows it.
pub(crate) fn length(seconds: u64) -> String {
    match seconds {
        0..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => format!("{}m", seconds / MINUTE),
        HOUR..DAY => format!("{}h{:02}m", seconds / HOUR, seconds % HOUR / MINUTE),
        _ => format!("{}d", seconds / DAY),
    }
}

/// `2026-01-02 03:04:05.678`, UTC.
pub(crate) fn stamp(at: Timestamp) -> String {
    let millis = Timestamp::from_micros(at.as_micros().div_euclid(1000) * 1000).to_rfc3339();
    let text = millis.trim_end_matches('Z').replace('T', " ");
    match text.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{fraction:0<3}"),
        None => format!("{text}.000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_times_are_read() {
        let seconds = |text| duration(text).unwrap().as_secs();
        assert_eq!((seconds("90s"), seconds("10m"), seconds("2h"), seconds("3d")), (90, 600, 7200, 259_200));
        assert_eq!(seconds("1h30m"), 5400);
        for wrong in ["", "10", "m", "10 m", "1w", "0s", "-1m", "99999999999999999999d", "1é"] {
            assert!(duration(wrong).unwrap_err().contains("must be a length of time"), "{wrong}");
        }
        assert_eq!(moment("1970-01-01T00:00:01Z").unwrap(), Timestamp::from_micros(1_000_000));
        let then = moment("10m").unwrap();
        let ago = Clock::system().now().as_micros() - then.as_micros();
        assert!((600_000_000..610_000_000).contains(&ago), "{ago}");
        assert!(moment("yesterday").unwrap_err().contains("must be a time"));
    }

    #[test]
    fn times_are_shown_in_columns_of_one_width() {
        assert_eq!(stamp(Timestamp::from_micros(0)), "1970-01-01 00:00:00.000");
        assert_eq!(stamp(Timestamp::from_micros(120_456)), "1970-01-01 00:00:00.120");
        assert_eq!([length(59), length(61), length(7500), length(300_000)], ["59s", "1m", "2h05m", "3d"]);
    }
}
