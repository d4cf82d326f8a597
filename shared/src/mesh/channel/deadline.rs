//! The header `grpc-timeout`.
//!
//! Source: gRPC over HTTP/2, <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use std::time::Duration;

use http::HeaderValue;

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// How long the call may take: what the request says, or `default`, which is then passed on in the request.
pub(super) fn of<B>(request: &mut http::Request<B>, default: Duration) -> Duration {
    let asked = request.headers().get(GRPC_TIMEOUT).and_then(|value| parse(value.to_str().ok()?));
    asked.unwrap_or_else(|| {
        if let Ok(value) = HeaderValue::from_str(&format!("{}m", default.as_millis().min(99_999_999))) {
            request.headers_mut().insert(GRPC_TIMEOUT, value);
        }
        default
    })
}

fn parse(text: &str) -> Option<Duration> {
    let (amount, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount = amount.parse::<u64>().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount.checked_mul(3600)?),
        "M" => Duration::from_secs(amount.checked_mul(60)?),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_its_own_deadline_and_gets_the_default_otherwise() {
        let mut own = http::Request::new(());
        own.headers_mut().insert(GRPC_TIMEOUT, HeaderValue::from_static("250m"));
        assert_eq!(of(&mut own, Duration::from_secs(5)), Duration::from_millis(250));
        let mut none = http::Request::new(());
        assert_eq!(of(&mut none, Duration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(none.headers()[GRPC_TIMEOUT], "5000m");
    }

    #[test]
    fn nonsense_is_no_deadline() {
        for text in ["", "m", "5", "5x", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("2S"), Some(Duration::from_secs(2)));
    }
}
