//! Postings, and the accounts that they are between.

use std::fmt;

use shared::proto::v1::PaymentProvider;
use shared::time::Timestamp;

/// The unit of message tokens; every other unit is a currency (ISO 4217).
pub const TOKEN: &str = "TOKEN";

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// What a provider has of ours.
    Provider(PaymentProvider),
    Revenue,
    Refunds,
    /// Tokens that were given out.
    TokensIssued,
    /// Tokens that a customer got for payments which stand.
    TokensOfCustomer(String),
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider(provider) => {
                let name = provider.as_str_name().trim_start_matches("PAYMENT_PROVIDER_").to_lowercase();
                write!(out, "provider:{name}")
            }
            Self::Revenue => out.write_str("revenue"),
            Self::Refunds => out.write_str("refunds"),
            Self::TokensIssued => out.write_str("tokens:issued"),
            Self::TokensOfCustomer(id) => write!(out, "tokens:customer:{id}"),
        }
    }
}

/// An amount that moves from one account to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Tells what was posted: there is one posting for it, however often it is posted.
    pub id: String,
    pub order_id: String,
    pub debit: Account,
    pub credit: Account,
    pub unit: String,
    /// At least 1.
    pub amount: i64,
    pub at: Timestamp,
}
