//! Who may see the console, and how whatever it answers goes out.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{OriginalUri, Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, SET_COOKIE, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::error::Error;

use super::failed::Failed;
use super::language::Language;
use super::view::{Shell, View};
use super::{Console, PATH};
use crate::App;
use crate::edge::is_from_own_page;
use crate::session::{SessionCookies, pass, refresh_token, session};

/// How long a page may take.
const LIMIT: Duration = Duration::from_secs(15);
/// After how many seconds a page that failed for a while tries again.
const RETRY: u32 = 3;
/// Nothing but what this gateway itself serves, and no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What the layers need.
#[derive(Clone)]
pub struct Gate {
    pub app: Arc<App>,
    pub console: Arc<Console>,
}

/// Lets admins pass, as long as the broker is there.
pub async fn admins_only(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let session = match session(&gate.app, request.headers()) {
        Ok(session) => session,
        Err(error) => return Failed::from(error).into_response(),
    };
    if !session.is_admin {
        return Failed::not_admin(session.user_id).into_response();
    }
    if !request.method().is_safe() && !is_from_own_page(request.headers()) {
        return Failed::of_another_page().into_response();
    }
    if !gate.console.is_connected().await {
        return Failed::from(Error::Unavailable("the broker is not connected".into())).into_response();
    }
    pass(&gate.app, session, request, next).await
}

/// Shows browsers a page where others are told an error in the envelope; keeps everything out of caches and frames.
pub async fn present(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let uri = request.extensions().get::<OriginalUri>().map(|uri| uri.0.clone());
    let uri = uri.unwrap_or_else(|| request.uri().clone());
    let is_get = request.method() == Method::GET;
    let (language, chosen) = Language::of(&uri, &headers);
    request.extensions_mut().insert(language);
    let answer = tokio::time::timeout(LIMIT, next.run(request)).await;
    let late = |_| Failed::from(Error::Unavailable("it took too long".into())).into_response();
    let mut response = answer.unwrap_or_else(late);
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html")
        && let Some(failed) = response.extensions_mut().remove::<Failed>()
    {
        let shell = View::of_nobody(language, &uri).shell("");
        let page = page_of(&gate.app, shell, &failed, &headers, is_get).render();
        if let Ok(page) = page {
            *response.body_mut() = page.into();
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, html);
            response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
        }
    }
    let answered = response.headers_mut();
    answered.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // The assets say themselves for how long they are good.
    answered.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for name in [ACCEPT, ACCEPT_LANGUAGE, COOKIE] {
        answered.append(VARY, name.into());
    }
    if chosen && let Ok(cookie) = HeaderValue::try_from(language.cookie(SessionCookies::for_host(&headers))) {
        answered.append(SET_COOKIE, cookie);
    }
    response
}

/// Says why there is no page, and what to do.
#[derive(Template)]
#[template(path = "console/failed.html")]
struct Page {
    shell: Shell,
    heading: &'static str,
    says: &'static str,
    /// Where to sign in: a provider's name, and the address.
    ways: Vec<(&'static str, String)>,
    /// Whether a new access token may help: the browser has a refresh token.
    renewable: bool,
    /// The command that makes the caller an admin, where there is one.
    command: Option<String>,
    user_id: Option<String>,
    details: Vec<String>,
}

fn page_of(app: &App, mut shell: Shell, failed: &Failed, headers: &HeaderMap, is_get: bool) -> Page {
    let t = shell.t;
    let status = failed.error.status();
    let (heading, says) = match status {
        StatusCode::UNAUTHORIZED => (t.signed_out, t.signed_out_says),
        StatusCode::FORBIDDEN if failed.user_id.is_some() => (t.not_admin, t.not_admin_says),
        StatusCode::FORBIDDEN => (t.other_page, t.other_page_says),
        StatusCode::NOT_FOUND => (t.not_found, t.not_found_says),
        StatusCode::SERVICE_UNAVAILABLE => (t.unavailable, t.unavailable_says),
        StatusCode::BAD_REQUEST => (t.bad_request, t.bad_request_says),
        StatusCode::METHOD_NOT_ALLOWED => (t.not_found, t.not_found_says),
        _ => (t.failed, t.failed_says),
    };
    if status == StatusCode::SERVICE_UNAVAILABLE && is_get {
        shell.retry = Some(RETRY);
    }
    let is_signed_out = status == StatusCode::UNAUTHORIZED || failed.user_id.is_some();
    let ways = if is_signed_out { app.sign_in.ways_to(PATH, headers) } else { Vec::new() };
    let command = failed.user_id.as_ref().filter(|_| app.sign_in.is_development());
    Page {
        heading,
        says,
        ways: ways.into_iter().map(|(provider, address)| (provider.name(), address)).collect(),
        renewable: is_signed_out && refresh_token(headers).is_some(),
        command: command.map(|id| format!("deploy/just admin {id}")),
        user_id: failed.user_id.clone(),
        details: failed.error.details().to_vec(),
        shell,
    }
}
