//! Somebody who signs in, talks, buys, gives back, and may leave for good.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use shared::id::{derived_id, new_id};
use tokio::time::sleep;

use super::admin::admin_token;
use super::mesh::Mesh;
use super::rest::{Answer, Call, Rest};

const CARD: &str = "4242424242424242";

/// Whether something that was said is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The answer said so.
    Yes,
    /// It was refused.
    No,
    /// Nothing was heard.
    Unknown,
}

/// A message, which is like no other.
#[derive(Clone, Debug)]
pub struct Said {
    /// What was said.
    pub text: String,
    /// Whether it is there.
    pub heard: Heard,
}

/// A counsel.
#[derive(Clone, Debug)]
pub struct Talk {
    /// Its id.
    pub counsel_id: String,
    path: String,
    /// In order.
    pub said: Vec<Said>,
}

/// What one account was told.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its user.
    pub id: String,
    /// In everything personal that it said.
    pub marker: String,
    /// Its counsels.
    pub talks: Vec<Talk>,
    /// Orders that were told to be paid.
    pub paid: Vec<String>,
    /// Of orders, how much was told to be given back at least.
    pub refunded: BTreeMap<String, i64>,
    /// Whether it was deleted.
    pub deleted: Option<Heard>,
    /// What was told and cannot be true.
    pub complaints: Vec<String>,
    token: String,
}

impl Talk {
    /// One in which this was said.
    pub fn new(counsel_id: &str, said: Vec<Said>) -> Self {
        Self { counsel_id: counsel_id.to_owned(), path: String::new(), said }
    }
}

impl Account {
    /// One that has done nothing yet.
    pub fn new(id: &str, marker: &str) -> Self {
        Self {
            id: id.to_owned(),
            marker: marker.to_owned(),
            talks: Vec::new(),
            paid: Vec::new(),
            refunded: BTreeMap::new(),
            deleted: None,
            complaints: Vec::new(),
            token: String::new(),
        }
    }
}

/// See above.
pub struct Person<'a> {
    mesh: &'a Mesh,
    rest: Arc<Rest>,
    chance: StdRng,
    until: Instant,
    accounts: Vec<Account>,
}

impl<'a> Person<'a> {
    /// Somebody who acts by chance until then.
    pub fn new(mesh: &'a Mesh, rest: Arc<Rest>, chance: StdRng, until: Instant) -> Self {
        Self { mesh, rest, chance, until, accounts: Vec::new() }
    }

    /// Lives, and tells of every account.
    pub async fn live(mut self) -> Vec<Account> {
        while self.goes_on() {
            let Some(mut account) = self.sign_in().await else { continue };
            while self.goes_on() && account.deleted.is_none() {
                self.act(&mut account).await;
                let pause = Duration::from_millis(self.chance.random_range(0..60));
                sleep(pause).await;
            }
            self.accounts.push(account);
        }
        self.accounts
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    async fn act(&mut self, account: &mut Account) {
        match self.chance.random_range(0..100) {
            _ if account.talks.is_empty() => self.open(account).await,
            0..55 => self.say(account).await,
            55..60 => self.open(account).await,
            60..76 => self.read(account).await,
            76..86 => self.buy(account).await,
            86..90 => self.give_back(account).await,
            90..98 => self.rename(account).await,
            _ => self.leave(account).await,
        }
    }

    async fn sign_in(&mut self) -> Option<Account> {
        let call = Call {
            method: Method::POST,
            path: "/v1/auth/initiate".to_owned(),
            token: None,
            key: None,
            body: None,
        };
        let Answer::Done(data) = self.rest.insist(&call).await else { return None };
        let token = data["accessToken"].as_str()?.to_owned();
        let me =
            Call { method: Method::GET, path: "/v1/users/me".to_owned(), token: Some(token.clone()), ..call };
        let Answer::Done(me) = self.rest.insist(&me).await else { return None };
        let id = me["user"]["id"].as_str()?.to_owned();
        // As long as a nickname may be, and like nothing else.
        let marker = format!("mk{:08x}", self.chance.random::<u32>());
        Some(Account { token, ..Account::new(&id, &marker) })
    }

    async fn open(&mut self, account: &mut Account) {
        let counselors = self.get(account, "/v1/counselors").await;
        let Answer::Done(data) = counselors else { return };
        let Some(counselor) = data["counselors"][0]["id"].as_str() else { return };
        let path = format!("/v1/counselors/{counselor}/counsels");
        let call = self.post(account, &path, json!({}));
        if let Answer::Done(data) = self.twice_or_once(&call, account).await
            && let Some(counsel_id) = data["counsel"]["id"].as_str()
        {
            let path = format!("{path}/{counsel_id}/messages");
            account.talks.push(Talk { path, ..Talk::new(counsel_id, Vec::new()) });
        }
    }

    async fn say(&mut self, account: &mut Account) {
        let number = self.chance.random_range(0..account.talks.len());
        let text = format!("{} 요즘 잠이 안 와요 {}", account.marker, new_id());
        let path = account.talks[number].path.clone();
        let call = self.post(account, &path, json!({ "message": text }));
        let heard = match self.twice_or_once(&call, account).await {
            Answer::Done(data) if data["createdCounselMessage"]["message"] == text.as_str() => Heard::Yes,
            Answer::Done(data) => {
                account.complaints.push(format!("said {text:?}, and was told {data}"));
                Heard::Yes
            }
            Answer::Refused(403, code) if code == "NO_REMAINING_TOKENS" => Heard::No,
            // The assistant did not answer, or another turn is under way: it may be there or not.
            Answer::Refused(..) | Answer::Unknown => Heard::Unknown,
        };
        account.talks[number].said.push(Said { text, heard });
    }

    /// What was said and heard is there, in order, for whoever reads it afterwards.
    async fn read(&mut self, account: &mut Account) {
        let talk = account.talks[self.chance.random_range(0..account.talks.len())].clone();
        let Answer::Done(data) = self.get(account, &format!("{}?limit=100", talk.path)).await else { return };
        let Some(messages) = data["counselMessages"].as_array() else { return };
        if messages.len() >= 100 {
            return;
        }
        let texts: Vec<_> = messages.iter().filter_map(|message| message["message"].as_str()).collect();
        let mut from = 0;
        for said in talk.said.iter().filter(|said| said.heard == Heard::Yes) {
            match texts[from..].iter().position(|text| *text == said.text) {
                Some(place) => from += place + 1,
                None => account.complaints.push(format!("{:?} is not there, or not in order", said.text)),
            }
        }
    }

    async fn buy(&mut self, account: &mut Account) {
        let product = derived_id(&["product", "메시지 토큰 100개"]);
        let body = json!({ "productId": product, "currency": "KRW" });
        let call = self.post(account, "/v1/payments/orders", body);
        let Answer::Done(data) = self.twice_or_once(&call, account).await else { return };
        let Some(order_id) = data["order"]["id"].as_str().map(str::to_owned) else { return };
        if self.chance.random_bool(0.1) {
            return;
        }
        let Some(key) = self.mesh.sandbox.agree(&order_id, CARD) else { return };
        let path = format!("/v1/payments/orders/{order_id}/confirm");
        let confirm = Call { key: None, ..self.post(account, &path, json!({ "paymentKey": key })) };
        if let Answer::Done(data) = self.twice_or_once(&confirm, account).await
            && data["order"]["state"] == "ORDER_STATE_PAID"
        {
            account.paid.push(order_id);
            if self.chance.random_bool(0.2) {
                self.give_back(account).await;
            }
        }
    }

    /// An admin gives a payment back, or a part of it.
    async fn give_back(&mut self, account: &mut Account) {
        let Some(order_id) = account.paid.choose(&mut self.chance).cloned() else { return };
        let token = match admin_token() {
            Ok(token) => token,
            Err(error) => return account.complaints.push(format!("there is no token for an admin: {error}")),
        };
        let amount = self.chance.random_bool(0.6).then(|| self.chance.random_range(1..3000));
        let path = format!("/v1/admin/payments/orders/{order_id}/refund");
        let body = json!({ "amount": amount, "reason": "chance" });
        let call = Call { token: Some(token), ..self.post(account, &path, body) };
        match self.twice_or_once(&call, account).await {
            Answer::Done(data) => {
                let told = data["order"]["refunded"].as_i64().unwrap_or_default();
                if told < amount.unwrap_or(1) {
                    account
                        .complaints
                        .push(format!("gave {amount:?} of {order_id} back, and was told {data}"));
                }
                let known = account.refunded.entry(order_id).or_default();
                *known = told.max(*known);
            }
            // Not so much is left, or another part is on its way.
            Answer::Refused(400, _) | Answer::Unknown => {}
            refused => account.complaints.push(format!("gave {amount:?} of {order_id} back: {refused:?}")),
        }
    }

    async fn rename(&mut self, account: &mut Account) {
        let body = json!({ "nickname": account.marker });
        let call = Call { method: Method::PUT, key: None, ..self.post(account, "/v1/users/me", body) };
        if let Answer::Done(data) = self.rest.insist(&call).await
            && data["user"]["nickname"] != account.marker.as_str()
        {
            account.complaints.push(format!("renamed, and was told {data}"));
        }
    }

    async fn leave(&mut self, account: &mut Account) {
        let call = Call {
            method: Method::DELETE,
            key: None,
            body: None,
            ..self.post(account, "/v1/users/me", Value::Null)
        };
        account.deleted = Some(match self.rest.insist(&call).await {
            Answer::Done(_) => Heard::Yes,
            Answer::Refused(..) | Answer::Unknown => Heard::Unknown,
        });
    }

    /// Makes a request, now and then from two devices at once; both have to be told the same.
    async fn twice_or_once(&mut self, call: &Call, account: &mut Account) -> Answer {
        if !self.chance.random_bool(0.1) {
            return self.rest.insist_unless_busy(call).await;
        }
        let (one, other) =
            tokio::join!(self.rest.insist_unless_busy(call), self.rest.insist_unless_busy(call));
        match (&one, &other) {
            (Answer::Done(first), Answer::Done(second)) => {
                for id in
                    ["/createdCounselMessage/id", "/counsel/id", "/order/id", "/counselorResponseMessage/id"]
                {
                    if first.pointer(id) != second.pointer(id) {
                        account
                            .complaints
                            .push(format!("{} was done twice: {first} and {second}", call.path));
                    }
                }
                one
            }
            (Answer::Done(_), _) => one,
            _ => other,
        }
    }

    async fn get(&self, account: &Account, path: &str) -> Answer {
        let token = Some(account.token.clone());
        let call = Call { method: Method::GET, path: path.to_owned(), token, key: None, body: None };
        self.rest.insist(&call).await
    }

    fn post(&mut self, account: &Account, path: &str, body: Value) -> Call {
        Call {
            method: Method::POST,
            path: path.to_owned(),
            token: Some(account.token.clone()),
            key: Some(new_id()),
            body: Some(body),
        }
    }
}
