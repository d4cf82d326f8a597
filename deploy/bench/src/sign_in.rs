//! New guests, and sessions that go on: an access token is good for a day, and a refresh token for the next one.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use shared::auth::{Caller, MESH_TOKEN};
use shared::id::new_id;
use shared::proto::v1::OpenSessionRequest;
use shared::proto::v1::session_service_client::SessionServiceClient;
use shared::time::{Clock, Timestamp};

use crate::BoxError;
use crate::compare::{Contender, Plan, Row, compare};
use crate::http::{Rest, text};
use crate::arguments::Arguments;
use crate::load::Connection;
use crate::mesh::{Mesh, SESSION_KEY, Store, mesh_token};
use crate::workloads::WRITERS;

pub(crate) const SIGN_IN: &str = "POST /v1/auth/initiate";
const REFRESH: &str = "POST /v1/auth/refresh";
/// For how long a refresh token is good, in seconds.
const LIFETIME: i64 = 3600;

/// Both, one after the other.
///
/// # Errors
/// As [`compare`].
pub(crate) async fn measure(arguments: &Arguments) -> Result<Vec<Row>, BoxError> {
    let mesh = Box::pin(Mesh::start(Store::Sqlite, &["user-svc"])).await?;
    let plan = Plan::of(arguments);
    let mut rows = compare(SIGN_IN, &[guests("gateway", &mesh)], plan).await?;
    rows.extend(compare(REFRESH, &[sessions("gateway", &mesh)], plan).await?);
    Ok(rows)
}

/// Guests who sign in.
pub(crate) fn guests<'a>(name: &'a str, mesh: &'a Mesh) -> Contender<'a> {
    Contender::new(name, mesh.all_processes(), move || async move {
        let mut guests = Vec::new();
        for _ in 0..WRITERS {
            guests.push(Guest(Rest::connect(mesh.gateway(), None).await?));
        }
        Ok(guests)
    })
}

fn sessions<'a>(name: &'a str, mesh: &'a Mesh) -> Contender<'a> {
    Contender::new(name, mesh.all_processes(), move || async move {
        let mut sessions = Vec::new();
        for _ in 0..WRITERS {
            sessions.push(Session::open(mesh).await?);
        }
        Ok(sessions)
    })
}

/// Signs guests in.
struct Guest(Rest);

impl Connection for Guest {
    async fn call(&mut self) -> Result<(), BoxError> {
        self.0.post("/v1/auth/initiate", None).await.map(drop)
    }
}

/// Exchanges its refresh token for the next one.
struct Session {
    rest: Rest,
    refresh_token: String,
}

impl Session {
    /// The session of a new user, opened as the gateway does after a sign-in with a provider.
    async fn open(mesh: &Mesh) -> Result<Self, BoxError> {
        let (user, session_id) = (mesh.guest().await?, new_id());
        let seconds = Clock::system().now().as_micros() / 1_000_000;
        let claims = json!({
            "id": user.id, "auth_channel": "AUTH_CHANNEL_UNLINKED", "authority": "AUTHORITY_USER", "typ": "refresh",
            "sid": session_id, "jti": new_id(), "iat": seconds, "exp": seconds + LIFETIME,
        });
        let key = EncodingKey::from_secret(SESSION_KEY.as_bytes());
        let refresh_token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?;
        let mut request = tonic::Request::new(OpenSessionRequest {
            user_id: user.id.clone(),
            session_id,
            refresh_token: refresh_token.clone(),
            expires_at: Some(Timestamp::from_micros((seconds + LIFETIME) * 1_000_000).into()),
            device: "bench".to_owned(),
        });
        request.metadata_mut().insert(MESH_TOKEN, mesh_token(Caller::Gateway)?.parse()?);
        SessionServiceClient::new(mesh.channel("user-svc").await?).open_session(request).await?;
        Ok(Self { rest: Rest::connect(mesh.gateway(), None).await?, refresh_token })
    }
}

impl Connection for Session {
    async fn call(&mut self) -> Result<(), BoxError> {
        let cookie = format!("refreshToken={}", self.refresh_token);
        let answer = self.rest.post_with("/v1/auth/refresh", None, ("cookie", &cookie)).await?;
        self.refresh_token = text(&answer, "/data/refreshToken")?;
        Ok(())
    }
}
