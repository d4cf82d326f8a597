//! What the error codes of Toss Payments mean (<https://docs.tosspayments.com/reference/error-codes>). The status of an
//! answer does not tell: 400 is a card that was declined, a mistake of ours, or something that passes.

use super::super::http::Answer;

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The payer's bank, or Toss Payments on its behalf, does not pay.
    Declined,
    /// It was not done, and will not be.
    Refused,
    /// It was done before, by us or by somebody at the dashboard.
    Done,
    /// It has failed for the moment.
    Passing,
    /// Nobody knows: it is still being worked on, we are not let in, or the code is a new one.
    Unknown,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To collect.
    Collect,
    /// To give back.
    Repay,
}

/// The same request again may go well.
const PASSING: [&str; 13] = [
    "CARD_PROCESSING_ERROR",
    "COMMON_ERROR",
    "FAILED_CARD_COMPANY_RESPONSE",
    "FAILED_DB_PROCESSING",
    "FAILED_INTERNAL_SYSTEM_PROCESSING",
    "FAILED_METHOD_HANDLING",
    "FAILED_METHOD_HANDLING_CANCEL",
    "FAILED_PARTIAL_REFUND",
    "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
    "FAILED_REFUND_PROCESS",
    "FORBIDDEN_CONSECUTIVE_REQUEST",
    "PROVIDER_ERROR",
    "UNKNOWN_PAYMENT_ERROR",
];

const DECLINED: [&str; 32] = [
    "EXCEED_MAX_AMOUNT",
    "EXCEED_MAX_AUTH_COUNT",
    "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT",
    "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
    "EXCEED_MAX_ONE_DAY_AMOUNT",
    "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
    "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
    "EXCEED_MAX_PAYMENT_AMOUNT",
    "FDS_ERROR",
    "INVALID_ACCOUNT_INFO_RE_REGISTER",
    "INVALID_CARD_EXPIRATION",
    "INVALID_CARD_IDENTITY",
    "INVALID_CARD_INSTALLMENT_PLAN",
    "INVALID_CARD_LOST_OR_STOLEN",
    "INVALID_CARD_NUMBER",
    "INVALID_CARD_PASSWORD",
    "INVALID_PASSWORD",
    "INVALID_REJECT_CARD",
    "INVALID_STOPPED_CARD",
    "NOT_ALLOWED_POINT_USE",
    "NOT_AVAILABLE_BANK",
    "NOT_AVAILABLE_PAYMENT",
    "NOT_REGISTERED_CARD_COMPANY",
    "NOT_SUPPORTED_CARD_TYPE",
    "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
    "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
    "REJECT_ACCOUNT_PAYMENT",
    "REJECT_CARD_COMPANY",
    "REJECT_CARD_PAYMENT",
    "REJECT_TOSSPAY_INVALID_ACCOUNT",
    "RESTRICTED_TRANSFER_ACCOUNT",
];

/// The payer has not agreed (any more), or we have asked for what is not to be had.
const REFUSED: [&str; 17] = [
    "BELOW_MINIMUM_AMOUNT",
    "FORBIDDEN_REQUEST",
    "INVALID_AUTHORIZE_AUTH",
    "INVALID_BILLING_AUTH",
    "INVALID_BILL_KEY_REQUEST",
    "INVALID_IDEMPOTENCY_KEY",
    "INVALID_REQUEST",
    "INVALID_UNREGISTERED_SUBMALL",
    "NOT_FOUND_BILLING",
    "NOT_FOUND_PAYMENT",
    "NOT_FOUND_PAYMENT_SESSION",
    "NOT_FOUND_TERMINAL_ID",
    "NOT_MATCHES_CUSTOMER_KEY",
    "NOT_REGISTERED_BUSINESS",
    "NOT_SUPPORTED_METHOD",
    "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT",
    "UNAPPROVED_ORDER_ID",
];

const REFUSED_REPAYMENT: [&str; 16] = [
    "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
    "EXCEED_CANCEL_LIMIT",
    "EXCEED_MAX_REFUND_DUE",
    "FORBIDDEN_BANK_REFUND_REQUEST",
    "FORBIDDEN_REQUEST",
    "INVALID_BANK",
    "INVALID_IDEMPOTENCY_KEY",
    "INVALID_REFUND_ACCOUNT_INFO",
    "INVALID_REFUND_ACCOUNT_NUMBER",
    "INVALID_REQUEST",
    "NOT_ALLOWED_PARTIAL_REFUND",
    "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
    "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
    "NOT_FOUND_PAYMENT",
    "NOT_MATCHES_REFUNDABLE_AMOUNT",
    "REFUND_REJECTED",
];

const DONE: [&str; 2] = ["ALREADY_PROCESSED_PAYMENT", "DUPLICATED_ORDER_ID"];
/// Nothing, or not so much, is left: perhaps because of us.
const REPAID: [&str; 4] =
    ["ALREADY_CANCELED_PAYMENT", "ALREADY_REFUND_PAYMENT", "NOT_CANCELABLE_AMOUNT", "NOT_CANCELABLE_PAYMENT"];

impl Verdict {
    /// What an answer that is no success means for what was asked.
    pub fn of(answer: &Answer, asked: Asked) -> Self {
        let Some(code) = answer.text("/code") else { return Self::Unknown };
        if answer.is_busy() {
            return Self::Unknown;
        }
        let (declined, refused, done): (&[&str], &[&str], &[&str]) = match asked {
            Asked::Collect => (&DECLINED, &REFUSED, &DONE),
            Asked::Repay => (&[], &REFUSED_REPAYMENT, &REPAID),
        };
        // For a refund, a bank that is closed opens again.
        let passing = PASSING.contains(&code) || (asked == Asked::Repay && code == "NOT_AVAILABLE_BANK");
        match code {
            _ if passing => Self::Passing,
            _ if declined.contains(&code) => Self::Declined,
            _ if done.contains(&code) => Self::Done,
            _ if refused.contains(&code) => Self::Refused,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use super::*;

    fn verdict(status: u16, code: &str, asked: Asked) -> Verdict {
        let status = StatusCode::from_u16(status).unwrap();
        Verdict::of(&Answer { status, body: json!({ "code": code, "message": "m" }) }, asked)
    }

    #[test]
    fn a_code_says_what_its_status_does_not() {
        use Asked::{Collect, Repay};
        use Verdict::{Declined, Done, Passing, Refused, Unknown};
        for (status, code, asked, expected) in [
            (403, "REJECT_CARD_PAYMENT", Collect, Declined),
            (400, "INVALID_STOPPED_CARD", Collect, Declined),
            (403, "NOT_AVAILABLE_BANK", Collect, Declined),
            (403, "NOT_AVAILABLE_BANK", Repay, Passing),
            (400, "PROVIDER_ERROR", Collect, Passing),
            (500, "FAILED_INTERNAL_SYSTEM_PROCESSING", Collect, Passing),
            (500, "FAILED_REFUND_PROCESS", Repay, Passing),
            (400, "ALREADY_PROCESSED_PAYMENT", Collect, Done),
            (400, "ALREADY_CANCELED_PAYMENT", Repay, Done),
            (404, "NOT_FOUND_PAYMENT_SESSION", Collect, Refused),
            (403, "EXCEED_MAX_REFUND_DUE", Repay, Refused),
            (409, "IDEMPOTENT_REQUEST_PROCESSING", Collect, Unknown),
            (429, "PROVIDER_ERROR", Collect, Unknown),
            (401, "UNAUTHORIZED_KEY", Repay, Unknown),
            (400, "INVENTED_TOMORROW", Repay, Unknown),
        ] {
            assert_eq!(verdict(status, code, asked), expected, "{code}");
        }
        let page = Answer { status: StatusCode::BAD_GATEWAY, body: json!(null) };
        assert_eq!(Verdict::of(&page, Collect), Unknown);
    }
}
