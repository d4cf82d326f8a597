//! The aggregate `Product`.

use std::collections::BTreeMap;

use shared::Violations;
use shared::proto::v1::ProductKind;
use shared::text::TextRule;
use shared::time::Timestamp;

const NAME: TextRule = TextRule::new(1, 100);
const DESCRIPTION: TextRule = TextRule::new(1, 1000);
/// The most tokens of a product.
const MOST_TOKENS: i32 = 1_000_000;
/// The highest price, in minor units.
const HIGHEST_PRICE: i64 = 1_000_000_000;
/// What can be paid with (ISO 4217).
pub const CURRENCIES: [&str; 4] = ["EUR", "JPY", "KRW", "USD"];

/// Something that can be bought, as it is offered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub id: String,
    pub kind: ProductKind,
    /// Counts the offers, from 1.
    pub version: i32,
    pub offer: Offer,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub retired_at: Option<Timestamp>,
}

/// What is offered, and for how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub name: String,
    pub description: String,
    pub tokens: i32,
    /// Minor units by currency; at least one.
    pub prices: BTreeMap<String, i64>,
}

/// What becomes different about an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub tokens: Option<i32>,
    pub prices: Option<BTreeMap<String, i64>>,
}

/// A product that is retired does not change.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the product is retired")]
pub struct Retired;

impl Product {
    /// The first version of a product.
    pub fn new(id: String, kind: ProductKind, offer: Offer, now: Timestamp) -> Self {
        Self { id, kind, version: 1, offer, created_at: now, updated_at: now, retired_at: None }
    }

    /// Offers something else from now on; false when nothing is different.
    ///
    /// # Errors
    /// [`Retired`].
    pub fn change(&mut self, change: OfferChange, now: Timestamp) -> Result<bool, Retired> {
        if self.retired_at.is_some() {
            return Err(Retired);
        }
        let current = self.offer.clone();
        let offer = Offer {
            name: change.name.unwrap_or(current.name),
            description: change.description.unwrap_or(current.description),
            tokens: change.tokens.unwrap_or(current.tokens),
            prices: change.prices.unwrap_or(current.prices),
        };
        if offer == self.offer {
            return Ok(false);
        }
        self.offer = offer;
        self.version += 1;
        self.updated_at = now;
        Ok(true)
    }

    /// Takes it off the shelf; false when that has happened.
    pub fn retire(&mut self, now: Timestamp) -> bool {
        let is_new = self.retired_at.is_none();
        if is_new {
            self.retired_at = Some(now);
            self.updated_at = now;
        }
        is_new
    }
}

impl OfferChange {
    /// Reads what may become of an offer; each broken rule is noted.
    pub fn read(
        name: Option<&str>,
        description: Option<&str>,
        tokens: Option<i32>,
        prices: Option<&[(String, i64)]>,
        violations: &mut Violations,
    ) -> Self {
        if let Some(tokens) = tokens {
            let rule = format!("must be 1 to {MOST_TOKENS}");
            violations.check((1..=MOST_TOKENS).contains(&tokens), "tokens", &rule);
        }
        Self {
            name: NAME.read_some("name", name, violations),
            description: DESCRIPTION.read_some("description", description, violations),
            tokens,
            prices: prices.map(|prices| read_prices(prices, violations)),
        }
    }

    /// The whole offer; nothing when a part of it is missing.
    pub fn whole(self) -> Option<Offer> {
        let Self { name, description, tokens, prices } = self;
        Some(Offer { name: name?, description: description?, tokens: tokens?, prices: prices? })
    }
}

fn read_prices(prices: &[(String, i64)], violations: &mut Violations) -> BTreeMap<String, i64> {
    violations.check(!prices.is_empty(), "prices", "must hold at least one");
    let by_currency: BTreeMap<_, _> = prices.iter().cloned().collect();
    violations.check(by_currency.len() == prices.len(), "prices", "must hold one for each currency");
    for (currency, amount) in prices {
        let is_known = CURRENCIES.contains(&currency.as_str());
        let rule = format!("currency must be one of {}", CURRENCIES.join(", "));
        violations.check(is_known, "prices", &rule);
        let rule = format!("amount must be 1 to {HIGHEST_PRICE}, in minor units");
        violations.check((1..=HIGHEST_PRICE).contains(amount), "prices", &rule);
    }
    by_currency
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn offer() -> Offer {
        Offer {
            name: "100".to_owned(),
            description: "tokens".to_owned(),
            tokens: 100,
            prices: [("KRW".to_owned(), 3900)].into(),
        }
    }

    fn product() -> Product {
        Product::new("p".to_owned(), ProductKind::TokenPack, offer(), at(1))
    }

    #[test]
    fn a_change_makes_a_version_and_the_same_again_does_not() {
        let mut product = product();
        let change = OfferChange { tokens: Some(120), ..OfferChange::default() };
        assert_eq!(product.change(change.clone(), at(2)), Ok(true));
        assert_eq!((product.version, product.offer.tokens, product.updated_at), (2, 120, at(2)));
        assert_eq!(product.change(change, at(3)), Ok(false));
        assert_eq!((product.version, product.updated_at), (2, at(2)));
        assert_eq!(product.offer, Offer { tokens: 120, ..offer() });
    }

    #[test]
    fn what_is_retired_stays_as_it_was() {
        let mut product = product();
        assert!(product.retire(at(2)));
        assert!(!product.retire(at(3)));
        assert_eq!(product.retired_at, Some(at(2)));
        let change = OfferChange { tokens: Some(120), ..OfferChange::default() };
        assert_eq!(product.change(change, at(4)), Err(Retired));
    }

    #[test]
    fn each_broken_rule_of_an_offer_is_named() {
        let prices = |prices: &[(&str, i64)]| -> Vec<_> {
            prices.iter().map(|(currency, amount)| ((*currency).to_owned(), *amount)).collect()
        };
        for (tokens, prices, field) in [
            (0, prices(&[("KRW", 1)]), "tokens"),
            (1_000_001, prices(&[("KRW", 1)]), "tokens"),
            (1, prices(&[]), "prices"),
            (1, prices(&[("KRW", 0)]), "prices"),
            (1, prices(&[("KRW", -1)]), "prices"),
            (1, prices(&[("KRW", 1_000_000_001)]), "prices"),
            (1, prices(&[("krw", 1)]), "prices"),
            (1, prices(&[("XXX", 1)]), "prices"),
            (1, prices(&[("KRW", 1), ("KRW", 2)]), "prices"),
        ] {
            let mut violations = Violations::default();
            OfferChange::read(Some("a"), Some("b"), Some(tokens), Some(&prices), &mut violations);
            let told = violations.into_result().unwrap_err().to_string();
            assert!(told.contains(field), "{tokens} {prices:?}: {told}");
        }
        let mut violations = Violations::default();
        let read = OfferChange::read(
            Some(" 100 "),
            Some("tokens"),
            Some(100),
            Some(&prices(&[("KRW", 3900)])),
            &mut violations,
        );
        assert!(violations.is_empty());
        assert_eq!(read.whole(), Some(offer()));
        assert_eq!(OfferChange::default().whole(), None);
    }
}
