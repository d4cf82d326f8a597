//! What the payer's page says, in the payer's language.

use super::super::{Behaviour, CARDS, Status};

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    Korean,
}

/// What is said in one language.
pub struct Words {
    language: Language,
    /// As HTML names the language.
    pub lang: &'static str,
    pub title: &'static str,
    pub note: &'static str,
    pub choose: &'static str,
    pub kept: &'static str,
    pub agreed: [&'static str; 2],
    pub ended: &'static str,
    pub unknown_payment: [&'static str; 2],
    pub unknown_card: [&'static str; 2],
    pub to_shop: &'static str,
    pub to_cards: &'static str,
}

static ENGLISH: Words = Words {
    language: Language::English,
    lang: "en",
    title: "Sandbox checkout",
    note: "This is a sandbox: no money moves.",
    choose: "Choose a card",
    kept: "The card is kept, and charged again when the pass is renewed.",
    agreed: ["Thank you", "You can go back to the app."],
    ended: "This payment has ended",
    unknown_payment: ["There is no such payment", "Check the address, or order again."],
    unknown_card: ["This is none of the sandbox's cards", "Choose one of those on the list."],
    to_shop: "Back to the shop",
    to_cards: "Back to the cards",
};

static KOREAN: Words = Words {
    language: Language::Korean,
    lang: "ko",
    title: "샌드박스 결제",
    note: "샌드박스입니다. 실제 돈은 움직이지 않습니다.",
    choose: "카드를 고르세요",
    kept: "카드는 보관되며, 이용권이 갱신될 때 다시 청구됩니다.",
    agreed: ["감사합니다", "앱으로 돌아가셔도 됩니다."],
    ended: "이미 끝난 결제입니다",
    unknown_payment: ["결제를 찾을 수 없습니다", "주소를 확인하거나 다시 주문해 주세요."],
    unknown_card: ["샌드박스에 없는 카드입니다", "목록에 있는 카드를 골라 주세요."],
    to_shop: "상점으로 돌아가기",
    to_cards: "카드 목록으로 돌아가기",
};

impl Words {
    /// In the language that a browser likes best (`Accept-Language`, RFC 9110, section 12.5.4): English, if it likes
    /// neither.
    pub fn of(accept_language: &str) -> &'static Self {
        let mut best = (0.0, &ENGLISH);
        for range in accept_language.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().split('-').next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(1.0, |weight| weight.parse::<f32>().unwrap_or_default());
            let known = [&ENGLISH, &KOREAN].into_iter().find(|words| tag.eq_ignore_ascii_case(words.lang));
            if let Some(words) = known.filter(|_| weight > best.0) {
                best = (weight, words);
            }
        }
        best.1
    }

    /// An amount, as people write it.
    pub fn amount(&self, minor_units: i64, currency: &str) -> String {
        let amount = decimal(minor_units, decimals(currency));
        match (self.language, currency) {
            (Language::Korean, "KRW") => format!("{amount}원"),
            _ => format!("{amount} {currency}"),
        }
    }

    /// What the button says.
    pub fn pay(&self, amount: &str) -> String {
        match self.language {
            Language::English => format!("Pay {amount}"),
            Language::Korean => format!("{amount} 결제하기"),
        }
    }

    /// How a payment has ended.
    pub fn outcome(&self, status: Status) -> &'static str {
        match (self.language, status) {
            (Language::English, Status::Ready | Status::Authorized) => "It can still be paid.",
            (Language::English, Status::Paid) => "It has been paid.",
            (Language::English, Status::Declined) => "The card was declined.",
            (Language::English, Status::Canceled) => "It was canceled.",
            (Language::Korean, Status::Ready | Status::Authorized) => "아직 결제할 수 있습니다.",
            (Language::Korean, Status::Paid) => "결제가 완료되었습니다.",
            (Language::Korean, Status::Declined) => "카드가 거절되었습니다.",
            (Language::Korean, Status::Canceled) => "취소되었습니다.",
        }
    }

    /// What a card does.
    pub fn says(&self, behaviour: Behaviour) -> &'static str {
        let in_english = || CARDS.iter().find(|card| card.1 == behaviour).map_or("", |card| card.2);
        match (self.language, behaviour) {
            (Language::English, _) => in_english(),
            (Language::Korean, Behaviour::Pays) => "결제됩니다",
            (Language::Korean, Behaviour::Declines) => "거절됩니다",
            (Language::Korean, Behaviour::NoticesTwice) => "결제됩니다. 알림이 세 번씩 옵니다",
            (Language::Korean, Behaviour::NoticesOutOfOrder) => "결제됩니다. 알림의 순서가 뒤바뀝니다",
            (Language::Korean, Behaviour::Slow) => "잠시 뒤에 결제됩니다",
            (Language::Korean, Behaviour::AnswersLate) => "결제됩니다. 상점에는 너무 늦게 전해집니다",
            (Language::Korean, Behaviour::NoticeFirst) => "결제됩니다. 응답보다 알림이 먼저 옵니다",
            (Language::Korean, Behaviour::PaysOnce) => "결제됩니다. 이용권이 갱신될 때는 거절됩니다",
        }
    }
}

/// How many digits of an amount are minor units (ISO 4217), of the currencies that products are priced in.
fn decimals(currency: &str) -> usize {
    if matches!(currency, "KRW" | "JPY") { 0 } else { 2 }
}

fn decimal(minor_units: i64, decimals: usize) -> String {
    let digits = format!("{minor_units:0width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if decimals > 0 {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_people_write_them() {
        for (minor_units, currency, english, korean) in [
            (3900, "KRW", "3,900 KRW", "3,900원"),
            (900, "KRW", "900 KRW", "900원"),
            (1_234_567, "JPY", "1,234,567 JPY", "1,234,567 JPY"),
            (299, "USD", "2.99 USD", "2.99 USD"),
            (5, "EUR", "0.05 EUR", "0.05 EUR"),
            (123_456_789, "USD", "1,234,567.89 USD", "1,234,567.89 USD"),
        ] {
            assert_eq!(ENGLISH.amount(minor_units, currency), english);
            assert_eq!(KOREAN.amount(minor_units, currency), korean);
        }
    }

    #[test]
    fn the_language_is_the_one_that_the_browser_likes_best() {
        for (accept_language, lang) in [
            ("", "en"),
            ("ko", "ko"),
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"),
            ("en-GB,en;q=0.9,ko;q=0.8", "en"),
            ("de-DE, de;q=0.9, KO;q=0.5", "ko"),
            ("ko;q=0.2, en ; q=0.9", "en"),
            ("ko;q=0, *", "en"),
            ("fr,*;q=0.5", "en"),
            ("ko;q=x", "en"),
        ] {
            assert_eq!(Words::of(accept_language).lang, lang, "{accept_language}");
        }
    }

    #[test]
    fn every_card_says_something_in_each_language() {
        for (_, behaviour, says) in CARDS {
            assert_eq!(ENGLISH.says(behaviour), says);
            assert_ne!(KOREAN.says(behaviour), says);
        }
    }
}
