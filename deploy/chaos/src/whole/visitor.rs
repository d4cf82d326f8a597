//! A guest whose requests are repeated until they are done.

use std::time::Instant;

use http::Method;
use serde_json::{Value, json};
use shared::id::{derived_id, new_id};

use super::rest::{Answer, Call, Rest};
use super::times::Made;
use crate::BoxError;

/// See above.
pub struct Visitor<'a> {
    rest: &'a Rest,
    token: String,
    counsels: String,
}

impl<'a> Visitor<'a> {
    /// A new guest, who has chosen a counselor.
    ///
    /// # Errors
    /// When the mesh refuses, or does not answer in time.
    pub async fn sign_in(rest: &'a Rest) -> Result<Self, BoxError> {
        let ask = async |method, path: &str, token: Option<String>| {
            let call = Call { method, path: path.to_owned(), token, key: None, body: None };
            match rest.insist(&call).await {
                Answer::Done(data) => Ok(data),
                other => Err(BoxError::from(format!("{path}: {other:?}"))),
            }
        };
        let session = ask(Method::POST, "/v1/auth/initiate", None).await?;
        let token = text(&session["accessToken"])?;
        let counselors = ask(Method::GET, "/v1/counselors", Some(token.clone())).await?;
        let counsels = format!("/v1/counselors/{}/counsels", text(&counselors["counselors"][0]["id"])?);
        Ok(Self { rest, token, counsels })
    }

    /// Opens a counsel, with a key.
    pub fn open(&self) -> Call {
        self.call(Method::POST, &self.counsels, Some(new_id()), Some(json!({})))
    }

    /// Says something in a counsel, with a key.
    pub fn say(&self, counsel_id: &str) -> Call {
        let path = format!("{}/{counsel_id}/messages", self.counsels);
        self.call(Method::POST, &path, Some(new_id()), Some(json!({ "message": "요즘 잠이 안 와요" })))
    }

    /// Orders message tokens, with a key.
    pub fn order(&self) -> Call {
        let product = derived_id(&["product", "메시지 토큰 100개"]);
        let body = json!({ "productId": product, "currency": "KRW" });
        self.call(Method::POST, "/v1/payments/orders", Some(new_id()), Some(body))
    }

    /// Changes the profile, which needs no key.
    pub fn rename(&self) -> Call {
        let nickname = format!("n{}", &new_id()[28..]);
        self.call(Method::PUT, "/v1/users/me", None, Some(json!({ "nickname": nickname })))
    }

    /// Reads a path.
    pub fn read(&self, path: &str) -> Call {
        self.call(Method::GET, path, None, None)
    }

    /// Reads what was said in a counsel.
    pub fn read_messages(&self, counsel_id: &str) -> Call {
        self.read(&format!("{}/{counsel_id}/messages", self.counsels))
    }

    /// Repeats a request until it is done: how long that took, counted from `since`.
    pub async fn insist(&self, call: &Call, since: Instant) -> Made {
        let began = since.elapsed();
        let is_done = matches!(self.rest.insist(call).await, Answer::Done(_));
        Made { began, took: since.elapsed() - began, is_done, unheard: Vec::new() }
    }

    /// As [`Visitor::insist`], as a good client does it: with what it was told.
    pub async fn insist_politely(&self, call: &Call, since: Instant) -> (Made, Answer) {
        let began = since.elapsed();
        let (answer, unheard) = self.rest.insist_politely(call).await;
        let is_done = matches!(answer, Answer::Done(_));
        (Made { began, took: since.elapsed() - began, is_done, unheard }, answer)
    }

    fn call(&self, method: Method, path: &str, key: Option<String>, body: Option<Value>) -> Call {
        Call { method, path: path.to_owned(), token: Some(self.token.clone()), key, body }
    }
}

fn text(value: &Value) -> Result<String, BoxError> {
    value.as_str().map(str::to_owned).ok_or_else(|| "an answer without a text that has to be there".into())
}
