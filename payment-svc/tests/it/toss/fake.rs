//! What Toss Payments does, by its public documentation.

use std::collections::HashMap;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use payment_svc::TossConfig;
use serde_json::{Value, json};
use shared::config::Secret;
use shared::id::new_id;

use crate::vendor::{Answer, Asked, Fake, Vendor};

/// `test_sk:`, as Basic has it.
const BASIC: &str = "Basic dGVzdF9zazo=";

/// What a payer pays with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Means {
    #[default]
    Card,
    /// A card that is declined.
    EmptyCard,
    /// An account that is opened for the payer to pay into.
    Account,
}

/// See above.
#[derive(Default)]
pub struct TossPayments {
    payments: Vec<Payment>,
    /// By the key that the payer's browser has: what it is good for, once.
    registered: HashMap<String, (String, Means)>,
    /// By billing key: whose it is, and what it charges.
    cards: HashMap<String, (String, Means)>,
}

struct Payment {
    key: String,
    order_id: String,
    currency: String,
    total: f64,
    means: Means,
    status: &'static str,
    approved: bool,
    cancels: Vec<(f64, String)>,
}

pub fn config(fake: &Fake<TossPayments>) -> TossConfig {
    TossConfig { http: fake.http(), secret_key: Secret::new("test_sk"), client_key: "test_ck".to_owned() }
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    (status, json!({ "code": code, "message": message }))
}

impl TossPayments {
    /// The payer agrees to pay, in their browser: the payment's key.
    pub fn agree(&mut self, order_id: &str, (total, currency): (f64, &str), means: Means) -> String {
        self.begin(order_id, (total, currency), means, "IN_PROGRESS")
    }

    fn begin(&mut self, order_id: &str, price: (f64, &str), means: Means, status: &'static str) -> String {
        let key = format!("tviva{}", new_id().replace('-', ""));
        self.payments.push(Payment {
            key: key.clone(),
            order_id: order_id.to_owned(),
            currency: price.1.to_owned(),
            total: price.0,
            means,
            status,
            approved: false,
            cancels: Vec::new(),
        });
        key
    }

    /// A payer registers a card: what their browser brings back.
    pub fn register(&mut self, customer_key: &str, means: Means) -> String {
        let auth_key = new_id();
        self.registered.insert(auth_key.clone(), (customer_key.to_owned(), means));
        auth_key
    }

    /// The card behind every billing key becomes another one.
    pub fn replace_cards(&mut self, with: Means) {
        self.cards.values_mut().for_each(|(_, means)| *means = with);
    }

    pub fn cards(&self) -> usize {
        self.cards.len()
    }

    /// Time passes, or the payer pays into an account.
    pub fn become_(&mut self, order_id: &str, status: &'static str) {
        let payment = self.payments.iter_mut().rfind(|payment| payment.order_id == order_id).unwrap();
        payment.approved |= status == "DONE";
        payment.status = status;
    }

    /// Somebody gives money back at the dashboard.
    pub fn give_back(&mut self, order_id: &str, amount: f64) {
        let at = self.payments.iter().rposition(|payment| payment.order_id == order_id).unwrap();
        let (status, body) = self.cancel(at, &json!({ "cancelReason": "by hand", "cancelAmount": amount }));
        assert_eq!(status, 200, "{body}");
    }

    /// What was collected and not given back, whatever the currency.
    pub fn held(&self) -> f64 {
        let approved = self.payments.iter().filter(|payment| payment.approved);
        approved.map(Payment::balance).sum()
    }

    pub fn status(&self, order_id: &str) -> &str {
        self.payments.iter().rfind(|payment| payment.order_id == order_id).unwrap().status
    }

    fn at(&self, is_it: impl Fn(&Payment) -> bool) -> Result<usize, Answer> {
        let at = self.payments.iter().rposition(is_it);
        at.ok_or_else(|| error(404, "NOT_FOUND_PAYMENT", "존재하지 않는 결제 정보 입니다."))
    }

    fn tell(&self, at: Result<usize, Answer>) -> Answer {
        match at {
            Ok(at) => (200, self.payments[at].tell()),
            Err(answer) => answer,
        }
    }

    fn confirm(&mut self, body: &Value) -> Answer {
        let at = match self.at(|payment| body["paymentKey"] == payment.key.as_str()) {
            Ok(at) => at,
            Err(answer) => return answer,
        };
        let payment = &self.payments[at];
        match payment.status {
            "IN_PROGRESS" => {}
            "EXPIRED" => return error(404, "NOT_FOUND_PAYMENT_SESSION", "결제 시간이 만료되었습니다."),
            _ => return error(400, "ALREADY_PROCESSED_PAYMENT", "이미 처리된 결제 입니다."),
        }
        if body["orderId"] != payment.order_id.as_str() || body["amount"].as_f64() != Some(payment.total) {
            return error(400, "INVALID_REQUEST", "잘못된 요청입니다.");
        }
        self.collect(at)
    }

    fn collect(&mut self, at: usize) -> Answer {
        let payment = &mut self.payments[at];
        match payment.means {
            Means::EmptyCard => {
                payment.status = "ABORTED";
                error(403, "REJECT_CARD_PAYMENT", "한도초과 혹은 잔액부족으로 결제에 실패했습니다.")
            }
            Means::Card => {
                (payment.status, payment.approved) = ("DONE", true);
                (200, payment.tell())
            }
            Means::Account => {
                payment.status = "WAITING_FOR_DEPOSIT";
                (200, payment.tell())
            }
        }
    }

    fn cancel(&mut self, at: usize, body: &Value) -> Answer {
        let payment = &mut self.payments[at];
        let reason = body["cancelReason"].as_str().unwrap_or_default();
        if !(1..=200).contains(&reason.chars().count()) {
            return error(400, "INVALID_REQUEST", "잘못된 요청입니다.");
        }
        if payment.status == "WAITING_FOR_DEPOSIT" {
            payment.status = "CANCELED";
            return (200, payment.tell());
        }
        if payment.status == "CANCELED" {
            return error(400, "ALREADY_CANCELED_PAYMENT", "이미 취소된 결제 입니다.");
        }
        if !payment.approved {
            return error(403, "NOT_CANCELABLE_PAYMENT", "취소 할 수 없는 결제 입니다.");
        }
        let amount = body["cancelAmount"].as_f64().unwrap_or(payment.balance());
        if amount > payment.balance() {
            return error(403, "NOT_CANCELABLE_AMOUNT", "취소 할 수 없는 금액 입니다.");
        }
        payment.cancels.push((amount, reason.to_owned()));
        payment.status = if payment.balance() == 0.0 { "CANCELED" } else { "PARTIAL_CANCELED" };
        (200, payment.tell())
    }

    fn issue(&mut self, body: &Value) -> Answer {
        let auth_key = body["authKey"].as_str().unwrap_or_default();
        let Some((customer, means)) = self.registered.remove(auth_key) else {
            return error(400, "INVALID_REQUEST", "잘못된 요청입니다.");
        };
        if body["customerKey"] != customer.as_str() {
            return error(400, "NOT_MATCHES_CUSTOMER_KEY", "고객키가 일치하지 않습니다.");
        }
        // Its form is Base64's.
        let billing_key = format!("bill_{}+/=", new_id());
        self.cards.insert(billing_key.clone(), (customer.clone(), means));
        (
            200,
            json!({ "mId": "tosspayments", "customerKey": customer, "method": "카드", "billingKey": billing_key }),
        )
    }

    fn charge(&mut self, billing_key: &str, body: &Value) -> Answer {
        let Some((customer, means)) = self.cards.get(billing_key).cloned() else {
            return error(400, "INVALID_BILL_KEY_REQUEST", "빌링키가 유효하지 않습니다.");
        };
        if body["customerKey"] != customer.as_str() {
            return error(403, "NOT_MATCHES_CUSTOMER_KEY", "고객키가 일치하지 않습니다.");
        }
        let order_id = body["orderId"].as_str().unwrap_or_default();
        if self.payments.iter().any(|payment| payment.order_id == order_id && payment.approved) {
            return error(400, "DUPLICATED_ORDER_ID", "이미 승인 및 취소가 진행된 중복된 주문번호 입니다.");
        }
        assert!(body["orderName"].as_str().unwrap().chars().count() <= 100);
        self.begin(order_id, (body["amount"].as_f64().unwrap(), "KRW"), means, "IN_PROGRESS");
        self.collect(self.payments.len() - 1)
    }
}

impl Payment {
    fn balance(&self) -> f64 {
        self.total - self.cancels.iter().map(|(amount, _)| amount).sum::<f64>()
    }

    fn tell(&self) -> Value {
        let cancels: Vec<_> = self.cancels.iter().map(|(amount, reason)| {
            json!({ "cancelAmount": number(*amount), "cancelReason": reason, "cancelStatus": "DONE" })
        }).collect();
        let failure = (self.status == "ABORTED").then(|| {
            json!({ "code": "REJECT_CARD_PAYMENT", "message": "한도초과 혹은 잔액부족으로 결제에 실패했습니다." })
        });
        json!({
            "mId": "tosspayments", "version": "2022-11-16", "paymentKey": self.key, "orderId": self.order_id,
            "orderName": "name", "currency": self.currency, "method": "카드", "status": self.status,
            "totalAmount": number(self.total), "balanceAmount": number(self.balance()),
            "approvedAt": self.approved.then_some("2026-05-01T10:01:30+09:00"),
            "cancels": (!cancels.is_empty()).then_some(cancels), "failure": failure, "secret": null,
        })
    }
}

fn number(amount: f64) -> Value {
    if amount.fract() == 0.0 { json!(amount as i64) } else { json!((amount * 100.0).round() / 100.0) }
}

impl Vendor for TossPayments {
    fn refuse(&self, asked: &Asked, headers: &HeaderMap) -> Option<Answer> {
        let shown = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if shown(AUTHORIZATION) != BASIC {
            return Some(error(
                401,
                "UNAUTHORIZED_KEY",
                "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.",
            ));
        }
        let is_post = asked.method == axum::http::Method::POST;
        // Only the first is required there; that we send a key with each is our own rule.
        if is_post && (shown(CONTENT_TYPE) != "application/json" || asked.key.is_none()) {
            return Some(error(400, "INVALID_REQUEST", "잘못된 요청입니다."));
        }
        let is_long = asked.key.as_ref().is_some_and(|key| key.len() > 300);
        is_long.then(|| error(400, "INVALID_IDEMPOTENCY_KEY", "멱등키는 300자 이하여야 합니다."))
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        let path: Vec<_> = asked.path.trim_start_matches('/').split('/').map(decoded).collect();
        let path: Vec<_> = path.iter().map(String::as_str).collect();
        match (asked.method.as_str(), &path[..]) {
            ("GET", ["v1", "payments", "orders", id]) => {
                self.tell(self.at(|payment| payment.order_id == *id))
            }
            ("GET", ["v1", "payments", key]) => self.tell(self.at(|payment| payment.key == *key)),
            ("POST", ["v1", "payments", "confirm"]) => self.confirm(&asked.json),
            ("POST", ["v1", "payments", key, "cancel"]) => match self.at(|payment| payment.key == *key) {
                Ok(at) => self.cancel(at, &asked.json),
                Err(answer) => answer,
            },
            ("POST", ["v1", "billing", "authorizations", "issue"]) => self.issue(&asked.json),
            ("POST", ["v1", "billing", key]) => self.charge(key, &asked.json),
            _ => error(404, "NOT_FOUND", "존재하지 않는 정보 입니다."),
        }
    }

    /// A key is known together with the address.
    fn scope(asked: &Asked) -> String {
        format!("{} {}", asked.method, asked.path)
    }

    /// The documentation does not say what happens; this is the worst.
    fn other_request() -> Answer {
        error(400, "INVALID_IDEMPOTENCY_KEY", "the key was used for something else")
    }

    fn busy() -> Answer {
        error(409, "IDEMPOTENT_REQUEST_PROCESSING", "이전 멱등 요청이 처리중입니다.")
    }

    fn broken() -> Answer {
        error(500, "FAILED_INTERNAL_SYSTEM_PROCESSING", "내부 시스템 처리 작업이 실패했습니다.")
    }
}

fn decoded(segment: &str) -> String {
    url::form_urlencoded::parse(segment.as_bytes())
        .next()
        .map(|(text, _)| text.into_owned())
        .unwrap_or_default()
}
