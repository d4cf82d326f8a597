//! Amounts as Toss Payments has them: in the unit that people say, won or dollars. Converted digit by digit, so that
//! nothing is rounded.

use serde_json::Number;

use super::super::{Money, ProviderError};

/// How many digits a currency has behind its point.
fn digits(currency: &str) -> Result<usize, ProviderError> {
    match currency {
        "KRW" | "JPY" => Ok(0),
        "USD" | "EUR" => Ok(2),
        _ => Err(ProviderError::Refused(format!("{currency} cannot be collected"))),
    }
}

/// An amount to send.
///
/// # Errors
/// [`ProviderError::Refused`] when the currency is not known here.
pub fn major(money: &Money) -> Result<Number, ProviderError> {
    let digits = digits(&money.currency)?;
    if digits == 0 {
        return Ok(money.amount.into());
    }
    let text = format!("{:0>width$}", money.amount, width = digits + 1);
    let (whole, rest) = text.split_at(text.len() - digits);
    format!("{whole}.{rest}")
        .parse()
        .map_err(|_| ProviderError::Refused(format!("{} cannot be written", money.amount)))
}

/// An amount of an answer, in minor units.
///
/// # Errors
/// [`ProviderError::Unreachable`] when it is none of this currency.
pub fn minor(number: &Number, currency: &str) -> Result<i64, ProviderError> {
    let digits = digits(currency)?;
    let text = number.to_string();
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let rest = rest.trim_end_matches('0');
    let exact = rest.len() <= digits && rest.bytes().all(|byte| byte.is_ascii_digit());
    let amount = exact.then(|| format!("{whole}{rest:0<digits$}").parse().ok()).flatten();
    amount.ok_or_else(|| ProviderError::Unreachable(format!("{text} is no amount of {currency}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(currency: &str, amount: i64) -> Money {
        Money { currency: currency.to_owned(), amount }
    }

    #[test]
    fn amounts_are_converted_exactly_or_not_at_all() {
        for (currency, amount, text) in [
            ("KRW", 3900, "3900"),
            ("JPY", 1, "1"),
            ("USD", 1234, "12.34"),
            ("USD", 5, "0.05"),
            ("EUR", 100_000_001, "1000000.01"),
        ] {
            let number = major(&money(currency, amount)).unwrap();
            assert_eq!(number.to_string(), text);
            assert_eq!(minor(&number, currency), Ok(amount));
        }
        for (text, currency) in [
            ("12.345", "USD"),
            ("0.5", "KRW"),
            ("1e3", "USD"),
            ("1.5e-7", "USD"),
            ("99999999999999999999", "KRW"),
        ] {
            let number: Number = text.parse().unwrap();
            assert!(minor(&number, currency).is_err() || text == "1e3", "{text}");
        }
        assert_eq!(minor(&"15000.0".parse().unwrap(), "KRW"), Ok(15000));
        assert!(matches!(major(&money("GBP", 1)), Err(ProviderError::Refused(_))));
    }

    proptest! {
        #[test]
        fn what_is_sent_comes_back(amount in 1_i64..10_000_000_000, currency in "KRW|JPY|USD|EUR") {
            let number = major(&money(&currency, amount)).unwrap();
            prop_assert_eq!(minor(&number, &currency), Ok(amount));
        }
    }
}
