//! What is asked: made up beforehand, so that asking costs little.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::Value;
use shared::id::new_id;

use super::super::rest::{Answer, Call, Rest};
use crate::BoxError;

/// How many people ask.
const PEOPLE: usize = 64;

/// One request of somebody.
struct Template {
    method: Method,
    path: String,
    body: Bytes,
    token: HeaderValue,
}

/// Of ten requests six read a profile, two counselors, one products, and one opens a counsel with a key.
pub struct Requests {
    templates: Vec<Template>,
}

impl Requests {
    /// Of new guests.
    ///
    /// # Errors
    /// When the mesh refuses, or does not answer in time.
    pub async fn prepare(rest: &Rest) -> Result<Self, BoxError> {
        let mut templates = Vec::new();
        let mut counsels = None;
        for _ in 0..PEOPLE {
            let session = ask(rest, Method::POST, "/v1/auth/initiate", None).await?;
            let token = session["accessToken"].as_str().ok_or("no access token")?;
            if counsels.is_none() {
                let data = ask(rest, Method::GET, "/v1/counselors", Some(token)).await?;
                let counselor = data["counselors"][0]["id"].as_str().ok_or("no counselor")?;
                counsels = Some(format!("/v1/counselors/{counselor}/counsels"));
            }
            let token = HeaderValue::try_from(format!("Bearer {token}"))?;
            let counsels = counsels.clone().unwrap_or_default();
            let me = || (Method::GET, "/v1/users/me".to_owned());
            let counselors = || (Method::GET, "/v1/counselors".to_owned());
            let products = (Method::GET, "/v1/products".to_owned());
            let (open, six) = ((Method::POST, counsels), [(); 3].map(|()| me()));
            let asked = [&six[..], &[counselors(), products], &six[..], &[counselors(), open]].concat();
            templates.extend(asked.into_iter().map(|(method, path)| {
                let body = if method == Method::POST { Bytes::from_static(b"{}") } else { Bytes::new() };
                Template { method, path, body, token: token.clone() }
            }));
        }
        Ok(Self { templates })
    }

    fn template(&self, number: usize) -> &Template {
        // A person's ten requests are not neighbours, so that nobody asks ten times at once.
        &self.templates[number.wrapping_mul(11) % self.templates.len()]
    }

    /// Whether the request with this number writes.
    pub fn writes(&self, number: usize) -> bool {
        self.template(number).method == Method::POST
    }

    /// The request with this number.
    ///
    /// # Errors
    /// Never: its parts are well-formed.
    pub fn get(&self, number: usize, host: &HeaderValue) -> Result<Request<Full<Bytes>>, http::Error> {
        let Template { method, path, body, token } = self.template(number);
        let request = Request::builder().method(method).uri(path.as_str());
        let request = request.header(HOST, host).header(AUTHORIZATION, token);
        let request = if body.is_empty() {
            request
        } else {
            let key = HeaderName::from_static("idempotency-key");
            request.header(CONTENT_TYPE, "application/json").header(key, new_id())
        };
        request.body(Full::new(body.clone()))
    }
}

async fn ask(rest: &Rest, method: Method, path: &str, token: Option<&str>) -> Result<Value, BoxError> {
    let token = token.map(str::to_owned);
    match rest.insist(&Call { method, path: path.to_owned(), token, key: None, body: None }).await {
        Answer::Done(data) => Ok(data),
        other => Err(format!("{path}: {other:?}").into()),
    }
}
