//! What is asked: made up beforehand, so that asking costs little.

use bytes::Bytes;
use futures::future::try_join_all;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use shared::auth::Caller;
use shared::id::new_id;
use shared::proto::v1::auth_user_service_client::AuthUserServiceClient;
use shared::proto::v1::{Authority, SetAuthorityRequest};

use super::super::rest::{Answer, Call, Rest};
use crate::BoxError;
use crate::mesh::Gateway;

/// How many people ask.
const PEOPLE: usize = 64;
/// How many counsels each of them has: nobody is to be refused for talking while an answer is under way.
const COUNSELS: usize = 8;
const SAID: &str = "요즘 회사 일 때문에 잠을 잘 못 자요.";

/// One request of somebody.
struct Template {
    method: Method,
    /// Taken in turn: the same of each counsel.
    paths: Vec<String>,
    token: HeaderValue,
}

impl Template {
    fn path(&self, round: usize) -> &str {
        &self.paths[round % self.paths.len()]
    }
}

/// Of ten requests of somebody five read a profile, three what there is to choose from, one a page of messages, and one
/// says something, with a key, and waits for the answer.
pub struct Requests {
    templates: Vec<Template>,
    said: Bytes,
}

impl Requests {
    /// Of new people whose messages have no limit. `user_svc` is an address of it.
    ///
    /// # Errors
    /// When the mesh refuses, or does not answer in time.
    pub async fn prepare(rest: &Rest, user_svc: &str) -> Result<Self, BoxError> {
        let channel =
            tonic::transport::Endpoint::from_shared(format!("http://{user_svc}"))?.connect().await?;
        let (mut users, gateway) = (AuthUserServiceClient::new(channel), Gateway::new()?);
        let mut templates = Vec::new();
        for _ in 0..PEOPLE {
            let session = ask(rest, Method::POST, "/v1/auth/initiate", None).await?;
            let token = text(&session, "/accessToken")?;
            let user_id =
                text(&ask(rest, Method::GET, "/v1/users/me", Some(token)).await?, "/user/id")?.to_owned();
            let admin = Caller::Admin(user_id.clone());
            let unlimited = SetAuthorityRequest { user_id, authority: Authority::Admin.into() };
            users.set_authority(gateway.request(admin, "user-svc", unlimited)?).await?;
            let messages = open_counsels(rest, token).await?;
            let pages = messages.iter().map(|path| format!("{path}?limit=50")).collect();
            let token = HeaderValue::try_from(format!("Bearer {token}"))?;
            let get = |path: &str| (Method::GET, vec![path.to_owned()]);
            let (me, counselors, products) = ("/v1/users/me", "/v1/counselors", "/v1/products");
            let asked = [
                get(me),
                get(counselors),
                get(me),
                (Method::GET, pages),
                get(me),
                get(products),
                get(me),
                (Method::POST, messages),
                get(me),
                get(counselors),
            ];
            let template = |(method, paths)| Template { method, paths, token: token.clone() };
            templates.extend(asked.map(template));
        }
        Ok(Self { templates, said: json!({ "message": SAID }).to_string().into() })
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
        let template = self.template(number);
        let Template { method, token, .. } = template;
        let request = Request::builder().method(method).uri(template.path(number / self.templates.len()));
        let request = request.header(HOST, host).header(AUTHORIZATION, token);
        if method == Method::GET {
            return request.body(Full::default());
        }
        let key = HeaderName::from_static("idempotency-key");
        let request = request.header(CONTENT_TYPE, "application/json").header(key, new_id());
        request.body(Full::new(self.said.clone()))
    }
}

/// Opens counsels with the first counselor, all at once: the paths of their messages.
async fn open_counsels(rest: &Rest, token: &str) -> Result<Vec<String>, BoxError> {
    let counselors = ask(rest, Method::GET, "/v1/counselors", Some(token)).await?;
    let counsels = format!("/v1/counselors/{}/counsels", text(&counselors, "/counselors/0/id")?);
    let opened = (0..COUNSELS).map(|_| ask(rest, Method::POST, &counsels, Some(token)));
    let opened = try_join_all(opened).await?;
    opened.iter().map(|opened| Ok(format!("{counsels}/{}/messages", text(opened, "/counsel/id")?))).collect()
}

fn text<'a>(answer: &'a Value, pointer: &str) -> Result<&'a str, BoxError> {
    Ok(answer.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("no {pointer} in {answer}"))?)
}

async fn ask(rest: &Rest, method: Method, path: &str, token: Option<&str>) -> Result<Value, BoxError> {
    let body = path.ends_with("/counsels").then(|| json!({}));
    let token = token.map(str::to_owned);
    match rest.insist(&Call { method, path: path.to_owned(), token, key: None, body }).await {
        Answer::Done(data) => Ok(data),
        other => Err(format!("{path}: {other:?}").into()),
    }
}
