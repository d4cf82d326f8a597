//! What Stripe does, by its public documentation.

use std::collections::HashMap;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use payment_svc::StripeConfig;
use serde_json::{Value, json};
use shared::config::Secret;

use crate::vendor::{Answer, Asked, Fake, Vendor};

pub const WEBHOOK_SECRET: &str = "whsec_test";

/// What a payer pays with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    Card,
    EmptyCard,
    /// A card whose bank wants to see the payer.
    SecureCard,
    /// An account that is debited within days.
    Debit,
}

/// See above.
#[derive(Default)]
pub struct StripeApi {
    intents: Vec<Intent>,
    refunds: Vec<(String, String, i64, Value)>,
    customers: usize,
    /// What an id stands for.
    methods: HashMap<String, Means>,
    /// Whether the search has caught up.
    pub is_searchable: bool,
}

struct Intent {
    id: String,
    form: HashMap<String, String>,
    method: Option<String>,
    status: &'static str,
    error: Option<&'static str>,
    is_debited: bool,
}

pub fn config(fake: &Fake<StripeApi>) -> StripeConfig {
    StripeConfig {
        http: fake.http(),
        secret_key: Secret::new("sk_test"),
        publishable_key: "pk_test".to_owned(),
        webhook_secret: Secret::new(WEBHOOK_SECRET),
    }
}

fn error(status: u16, kind: &str, code: &str, message: &str) -> Answer {
    (status, json!({ "error": { "type": kind, "code": code, "message": message } }))
}

fn missing(what: &str) -> Answer {
    error(404, "invalid_request_error", "resource_missing", &format!("No such {what}"))
}

impl Intent {
    fn amount(&self) -> i64 {
        self.form["amount"].parse().unwrap()
    }

    fn order_id(&self) -> &str {
        self.form.get("metadata[order_id]").map_or("", String::as_str)
    }
}

impl StripeApi {
    /// The payer confirms in their browser, by Stripe's library.
    pub fn confirm(&mut self, id: &str, means: Means) {
        let method = self.method(means);
        let at = self.at(id).unwrap();
        self.intents[at].method = Some(method);
        self.attempt(at);
    }

    /// The payer chooses a card, and leaves it to the server to confirm.
    pub fn choose(&mut self, id: &str, means: Means) {
        let method = self.method(means);
        let at = self.at(id).unwrap();
        (self.intents[at].method, self.intents[at].status) = (Some(method), "requires_confirmation");
    }

    pub fn become_(&mut self, id: &str, status: &'static str) {
        let at = self.at(id).unwrap();
        self.intents[at].status = status;
    }

    /// The card behind every id becomes another one.
    pub fn replace_cards(&mut self, with: Means) {
        self.methods.values_mut().for_each(|means| *means = with);
    }

    /// Somebody gives money back at the dashboard.
    pub fn give_back(&mut self, intent: &str, amount: i64) {
        self.refunds.push((format!("re_{}", self.refunds.len()), intent.to_owned(), amount, json!({})));
    }

    /// A refund that a bank sends back.
    pub fn fail_refunds(&mut self) {
        self.refunds.iter_mut().for_each(|(_, _, amount, metadata)| {
            *amount = 0;
            metadata["failed"] = "yes".into();
        });
    }

    /// The intents of an order.
    pub fn intents_of(&self, order_id: &str) -> Vec<String> {
        let of_order = self.intents.iter().filter(|intent| intent.order_id() == order_id);
        of_order.map(|intent| intent.id.clone()).collect()
    }

    pub fn status(&self, id: &str) -> &str {
        self.intents[self.at(id).unwrap()].status
    }

    /// What was collected and not given back.
    pub fn held(&self) -> i64 {
        let paid = self.intents.iter().filter(|intent| intent.status == "succeeded");
        paid.map(|intent| intent.amount() - self.given_back(&intent.id)).sum()
    }

    fn method(&mut self, means: Means) -> String {
        let id = format!("pm_{}", self.methods.len());
        self.methods.insert(id.clone(), means);
        id
    }

    fn at(&self, id: &str) -> Option<usize> {
        self.intents.iter().position(|intent| intent.id == id)
    }

    fn given_back(&self, intent: &str) -> i64 {
        self.refunds.iter().filter(|refund| refund.1 == intent).map(|refund| refund.2).sum()
    }

    /// Tries to collect.
    fn attempt(&mut self, at: usize) {
        let intent = &mut self.intents[at];
        let means = intent.method.as_ref().map(|method| self.methods[method]);
        let off_session = intent.form.contains_key("off_session");
        (intent.status, intent.error) = match means {
            Some(Means::Card) => ("succeeded", None),
            Some(Means::Debit) => ("processing", None),
            Some(Means::SecureCard) if off_session => {
                ("requires_payment_method", Some("authentication_required"))
            }
            Some(Means::SecureCard) => ("requires_action", None),
            Some(Means::EmptyCard) | None => ("requires_payment_method", Some("card_declined")),
        };
        intent.is_debited = means == Some(Means::Debit);
    }

    fn tell(&self, at: usize, form: &HashMap<String, String>) -> Value {
        let intent = &self.intents[at];
        let is_paid = intent.status == "succeeded";
        let charge = is_paid.then(|| match form.get("expand[]").map(String::as_str) {
            Some("latest_charge") => {
                json!({ "id": "ch_1", "object": "charge", "amount_refunded": self.given_back(&intent.id) })
            }
            _ => json!("ch_1"),
        });
        let metadata: serde_json::Map<_, _> = intent
            .form
            .iter()
            .filter_map(|(name, value)| {
                let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
                Some((name.to_owned(), json!(value)))
            })
            .collect();
        let failure = intent.error.map(|code| {
            json!({ "type": "card_error", "code": code, "message": message(code), "decline_code": "generic_decline" })
        });
        json!({
            "id": intent.id, "object": "payment_intent", "amount": intent.amount(), "currency": intent.form["currency"],
            "amount_received": if is_paid { intent.amount() } else { 0 },
            "client_secret": format!("{}_secret_x", intent.id), "status": intent.status, "metadata": metadata,
            "last_payment_error": failure, "latest_charge": charge, "customer": intent.form.get("customer"),
            "payment_method": intent.method, "setup_future_usage": intent.form.get("setup_future_usage"),
        })
    }

    fn create(&mut self, form: &HashMap<String, String>) -> Answer {
        let amount = form.get("amount").and_then(|amount| amount.parse::<i64>().ok()).unwrap_or_default();
        let currency = form.get("currency").map_or("", String::as_str);
        if amount < 1 || currency != currency.to_lowercase() {
            return error(400, "invalid_request_error", "parameter_invalid_integer", "Invalid integer");
        }
        let confirm = form.get("confirm").map(String::as_str) == Some("true");
        if !confirm && form.get("automatic_payment_methods[enabled]").map(String::as_str) != Some("true") {
            return error(400, "invalid_request_error", "parameter_missing", "automatic_payment_methods");
        }
        let method = form.get("payment_method").cloned();
        if method.as_ref().is_some_and(|method| !self.methods.contains_key(method)) {
            return missing("PaymentMethod");
        }
        self.intents.push(Intent {
            id: format!("pi_{}", self.intents.len() + 1),
            form: form.clone(),
            method,
            status: "requires_payment_method",
            error: None,
            is_debited: false,
        });
        let at = self.intents.len() - 1;
        if confirm {
            self.attempt(at);
        }
        self.outcome(at, form)
    }

    /// An intent, or why it was declined.
    fn outcome(&self, at: usize, form: &HashMap<String, String>) -> Answer {
        let told = self.tell(at, form);
        match self.intents[at].error {
            Some(code) => {
                let (_, mut body) = error(402, "card_error", code, message(code));
                body["error"]["payment_intent"] = told;
                (402, body)
            }
            None => (200, told),
        }
    }

    fn change(&mut self, id: &str, verb: &str, form: &HashMap<String, String>) -> Answer {
        let Some(at) = self.at(id) else { return missing("payment_intent") };
        let status = self.intents[at].status;
        match (verb, status) {
            ("cancel", status) if !matches!(status, "succeeded" | "canceled" | "processing") => {
                self.intents[at].status = "canceled";
                (200, self.tell(at, form))
            }
            ("confirm", "requires_confirmation") => {
                self.attempt(at);
                self.outcome(at, form)
            }
            ("capture", "requires_capture") => {
                self.intents[at].status = "succeeded";
                (200, self.tell(at, form))
            }
            _ => error(
                400,
                "invalid_request_error",
                "payment_intent_unexpected_state",
                &format!("This PaymentIntent has a status of {status}."),
            ),
        }
    }

    fn refund(&mut self, form: &HashMap<String, String>) -> Answer {
        let intent = form["payment_intent"].clone();
        let Some(at) = self.at(&intent) else { return missing("payment_intent") };
        let amount: i64 = form["amount"].parse().unwrap();
        let left = self.intents[at].amount() - self.given_back(&intent);
        if left == 0 {
            return error(
                400,
                "invalid_request_error",
                "charge_already_refunded",
                "Charge has already been refunded.",
            );
        }
        if amount > left || self.intents[at].status != "succeeded" {
            return error(
                400,
                "invalid_request_error",
                "amount_too_large",
                "Refund amount is greater than what is left",
            );
        }
        assert_eq!(form["reason"], "requested_by_customer");
        let metadata =
            json!({ "refund_id": form["metadata[refund_id]"], "order_id": form["metadata[order_id]"] });
        let id = format!("re_{}", self.refunds.len());
        self.refunds.push((id, intent, amount, metadata));
        (200, told_refund(&self.refunds[self.refunds.len() - 1]))
    }

    fn list(&self, query: &HashMap<String, String>, is_it: impl Fn(&Intent) -> bool) -> Answer {
        // The newest first.
        let found = (0..self.intents.len()).rev().filter(|at| is_it(&self.intents[*at]));
        let data: Vec<_> = found.map(|at| self.tell(at, query)).collect();
        (200, json!({ "object": "list", "has_more": false, "data": data }))
    }
}

fn message(code: &str) -> &'static str {
    match code {
        "authentication_required" => "Your card was declined. This transaction requires authentication.",
        _ => "Your card was declined.",
    }
}

fn told_refund((id, intent, amount, metadata): &(String, String, i64, Value)) -> Value {
    let status = if metadata.get("failed").is_some() { "failed" } else { "succeeded" };
    json!({ "id": id, "object": "refund", "payment_intent": intent, "amount": amount, "status": status, "metadata": metadata })
}

impl Vendor for StripeApi {
    fn refuse(&self, asked: &Asked, headers: &HeaderMap) -> Option<Answer> {
        let shown = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if shown(AUTHORIZATION.as_str()) != "Bearer sk_test" {
            let message = "Invalid API Key provided";
            return Some((401, json!({ "error": { "type": "invalid_request_error", "message": message } })));
        }
        assert_eq!(shown("stripe-version"), "2025-09-30.clover");
        if asked.method == axum::http::Method::POST {
            assert_eq!(shown(CONTENT_TYPE.as_str()), "application/x-www-form-urlencoded");
        }
        None
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        let path: Vec<_> = asked.path.trim_start_matches('/').split('/').collect();
        match (asked.method.as_str(), &path[..]) {
            ("POST", ["v1", "customers"]) => {
                self.customers += 1;
                (200, json!({ "id": format!("cus_{}", self.customers), "object": "customer" }))
            }
            ("POST", ["v1", "payment_intents"]) => self.create(&asked.form),
            ("POST", ["v1", "payment_intents", id, verb]) => self.change(id, verb, &asked.form),
            ("POST", ["v1", "refunds"]) => self.refund(&asked.form),
            ("GET", ["v1", "payment_intents", "search"]) => {
                let wanted = &asked.query["query"];
                let is_searchable = self.is_searchable;
                self.list(&asked.query, |intent| {
                    is_searchable && *wanted == format!("metadata['order_id']:'{}'", intent.order_id())
                })
            }
            ("GET", ["v1", "payment_intents", id]) => match self.at(id) {
                Some(at) => (200, self.tell(at, &asked.query)),
                None => missing("payment_intent"),
            },
            ("GET", ["v1", "payment_intents"]) => {
                self.list(&asked.query, |intent| intent.form.get("customer") == asked.query.get("customer"))
            }
            ("GET", ["v1", "refunds"]) => {
                let of = self.refunds.iter().filter(|refund| refund.1 == asked.query["payment_intent"]);
                (200, json!({ "object": "list", "data": of.map(told_refund).collect::<Vec<_>>() }))
            }
            _ => missing("route"),
        }
    }

    /// A key is known in the whole account.
    fn scope(_: &Asked) -> String {
        String::new()
    }

    fn other_request() -> Answer {
        let message = "Keys for idempotent requests can only be used with the same parameters.";
        (400, json!({ "error": { "type": "idempotency_error", "message": message } }))
    }

    fn busy() -> Answer {
        error(409, "idempotency_error", "idempotency_key_in_use", "There is another request under way.")
    }

    fn broken() -> Answer {
        (500, json!({ "error": { "type": "api_error", "message": "An unknown error occurred" } }))
    }
}
