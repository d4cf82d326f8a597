//! Numbers and times as pages show them.

use std::time::Duration;

use shared::time::{Clock, Timestamp};

use super::texts::{Texts, fill};

/// With its thousands apart.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A rate each second; a dash while it is not known.
pub fn rate(per_second: Option<f64>) -> String {
    match per_second {
        None => "–".to_owned(),
        Some(0.0) => "0/s".to_owned(),
        Some(rate) if rate < 10.0 => format!("{rate:.1}/s"),
        Some(rate) => format!("{rate:.0}/s"),
    }
}

/// In the largest unit of which there is one.
pub fn bytes(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut number = bytes as f64;
    while number >= 1000.0 && unit + 1 < units.len() {
        number /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{number:.1} {}", units[unit]) }
}

/// A length of time, in its largest unit.
pub fn duration(t: &Texts, length: Duration) -> String {
    let seconds = length.as_secs();
    let (text, count) = match seconds {
        0..120 => (t.seconds, seconds),
        120..7200 => (t.minutes, seconds / 60),
        7200..172_800 => (t.hours, seconds / 3600),
        _ => (t.days, seconds / 86_400),
    };
    fill(text, count)
}

/// How long ago something was.
pub fn age(t: &Texts, at: Timestamp) -> String {
    let passed = Clock::system().now().as_micros() - at.as_micros();
    let passed = Duration::from_micros(u64::try_from(passed).unwrap_or_default());
    fill(t.ago, duration(t, passed))
}

/// To the second, UTC: `2026-01-02 03:04:05`.
pub fn time(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    text.get(..19).unwrap_or_default().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::super::texts::EN;
    use super::*;

    #[test]
    fn numbers_are_short_and_say_their_unit() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 999, 1500, 2_000_000].map(bytes), ["0 B", "999 B", "1.5 kB", "2.0 MB"]);
        assert_eq!([None, Some(0.0), Some(1.26), Some(1234.5)].map(rate), ["–", "0/s", "1.3/s", "1234/s"]);
        let lengths = [5, 119, 600, 7200, 200_000].map(|seconds| duration(&EN, Duration::from_secs(seconds)));
        assert_eq!(lengths, ["5 s", "119 s", "10 min", "2 h", "2 d"]);
        assert_eq!(time(Timestamp::from_micros(1_767_323_045_678_000)), "2026-01-02 03:04:05");
    }
}
