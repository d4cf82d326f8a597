//! Sign-in with an account at an identity provider.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use shared::auth::Caller;
use shared::id;
use shared::proto::v1;
use tonic::Code;
use url::Url;
use utoipa::IntoParams;

use crate::App;
use crate::envelope::{ApiError, Errors};
use crate::input::Params;
use crate::measure;
use crate::session::{SessionCookies, append_cookie, guest_of};
use crate::signin::{Callback, Outcome, Provider};
use crate::upstream::promised;

/// The name in the path.
impl<S: Send + Sync> FromRequestParts<S> for Provider {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let name = Path::<String>::from_request_parts(parts, state).await.ok();
        name.and_then(|Path(name)| Self::named(&name)).ok_or_else(|| {
            ApiError::new(StatusCode::NOT_FOUND, "HTTP_NOT_FOUND", "there is no such identity provider")
        })
    }
}

/// Where to go at the end.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RedirectUrl {
    /// A page of a registered origin.
    #[serde(rename = "redirect-url")]
    #[param(example = "https://app.example/home")]
    redirect_url: String,
}

/// What the provider says.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Returned {
    /// As it was given to the provider; good once, for ten minutes, in the same browser.
    #[param(max_length = 1024)]
    state: String,
    /// Stands for the account.
    #[param(max_length = 2048)]
    code: Option<String>,
    /// Why there is no code, such as `access_denied`.
    #[param(max_length = 200)]
    error: Option<String>,
}

/// Sends the browser to an identity provider.
///
/// A guest whose access token comes along is linked to the account, and keeps its counsels. If the account belongs to
/// somebody already, it signs in as that one, and what the guest said stays with the guest.
#[utoipa::path(
    get,
    path = "/auth/login/{provider}",
    tag = "auth",
    security((), ("bearer" = []), ("accessCookie" = [])),
    params(("provider" = inline(ProviderName), Path), RedirectUrl),
    responses((status = 302, description = "to the provider"), Errors)
)]
pub async fn begin_sign_in(
    State(app): State<Arc<App>>,
    provider: Provider,
    Params(RedirectUrl { redirect_url }): Params<RedirectUrl>,
    headers: HeaderMap,
) -> Result<(StatusCode, HeaderMap), ApiError> {
    let guest = guest_of(&app, &headers);
    let begun = app.sign_in.begin(provider, &redirect_url, guest, &headers).await?;
    let mut answer = HeaderMap::new();
    append_cookie(&mut answer, begun.cookie)?;
    found(&begun.provider_url, answer)
}

/// Where the identity provider sends the browser back to. Sets the cookies of the session.
///
/// If the provider sent an error in place of a code, the page gets it as `error`, and no cookies are set.
#[utoipa::path(
    get,
    path = "/auth/callback/{provider}",
    tag = "auth",
    security(()),
    params(("provider" = inline(ProviderName), Path), Returned),
    responses((status = 302, description = "to the redirect-url with which the sign-in began"), Errors)
)]
pub async fn finish_sign_in(
    State(app): State<Arc<App>>,
    provider: Provider,
    Params(returned): Params<Returned>,
    headers: HeaderMap,
) -> Result<(StatusCode, HeaderMap), ApiError> {
    let code = match (returned.code, returned.error) {
        (Some(code), _) => Ok(code),
        (None, Some(error)) => Err(error),
        (None, None) => return Err(ApiError::missing_parameter("code")),
    };
    let back = app.sign_in.finish(provider, Callback { state: returned.state, code }, &headers).await?;
    let mut answer = HeaderMap::new();
    append_cookie(&mut answer, back.cookie)?;
    let mut url = back.redirect_url;
    match back.outcome {
        Outcome::Refused(error) => {
            url.query_pairs_mut().append_pair("error", &error);
            measure::sign_in(provider.name(), false);
        }
        Outcome::Account { id, is_admin, guest } => {
            let account =
                v1::ProviderAccount { auth_channel: provider.channel().into(), provider_user_id: id };
            let mut user = user_of(&app, account, guest).await?;
            if is_admin && user.authority() != v1::Authority::Admin {
                user = make_admin(&app, user.user_id).await?;
            }
            let (access, refresh) = app.open_session(&user, &headers).await?;
            SessionCookies::for_host(&headers).set(&mut answer, &access, Some(&refresh))?;
            measure::sign_in(provider.name(), true);
        }
    }
    found(&url, answer)
}

/// The user with this account: the one who has it, else the guest, else a new one.
async fn user_of(
    app: &App,
    account: v1::ProviderAccount,
    guest: Option<String>,
) -> Result<v1::AuthUser, ApiError> {
    if let Some(user) = owner_of(app, &account).await? {
        return Ok(user);
    }
    if let Some(guest) = guest
        && let Some(user) = connect(app, guest, &account).await?
    {
        return Ok(user);
    }
    // The same account may have signed in elsewhere in the meantime.
    if let Some(user) = owner_of(app, &account).await? {
        return Ok(user);
    }
    let user_id = id::new_id();
    let new = v1::InitializeUserRequest { user_id: user_id.clone() };
    app.upstream.users().initialize_user(app.upstream.request(Caller::Gateway, new)).await?;
    match connect(app, user_id, &account).await? {
        Some(user) => Ok(user),
        None => promised(owner_of(app, &account).await?, "auth_user"),
    }
}

async fn owner_of(app: &App, account: &v1::ProviderAccount) -> Result<Option<v1::AuthUser>, ApiError> {
    let by = Some(v1::find_auth_user_request::By::ProviderAccount(account.clone()));
    let find = app.upstream.request(Caller::Gateway, v1::FindAuthUserRequest { by });
    match app.upstream.auth_users().find_auth_user(find).await {
        Ok(found) => Ok(found.into_inner().auth_user),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

/// Links a user to an account; nothing when there is no such user any more, or one of the two is linked already.
async fn connect(
    app: &App,
    user_id: String,
    account: &v1::ProviderAccount,
) -> Result<Option<v1::AuthUser>, ApiError> {
    let connect = v1::ConnectAuthChannelRequest { user_id, provider_account: Some(account.clone()) };
    let connect = app.upstream.request(Caller::Gateway, connect);
    match app.upstream.auth_users().connect_auth_channel(connect).await {
        Ok(connected) => Ok(connected.into_inner().auth_user),
        Err(status) if matches!(status.code(), Code::NotFound | Code::AlreadyExists) => Ok(None),
        Err(status) => Err(status.into()),
    }
}

async fn make_admin(app: &App, user_id: String) -> Result<v1::AuthUser, ApiError> {
    let set = v1::SetAuthorityRequest { user_id, authority: v1::Authority::Admin.into() };
    let set = app.upstream.request(Caller::Gateway, set);
    promised(app.upstream.auth_users().set_authority(set).await?.into_inner().auth_user, "auth_user")
}

fn found(url: &Url, mut headers: HeaderMap) -> Result<(StatusCode, HeaderMap), ApiError> {
    let location = HeaderValue::try_from(url.as_str()).map_err(|error| ApiError::internal(&error))?;
    headers.insert(LOCATION, location);
    Ok((StatusCode::FOUND, headers))
}

/// The providers, for the document.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "read by the derive macro only")]
enum ProviderName {
    Kakao,
    Naver,
}
