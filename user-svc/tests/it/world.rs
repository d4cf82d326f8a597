//! A running user-svc, its broker and its neighbours.

use sea_orm::{ConnectionTrait, Statement};
use shared::auth::Caller;
use shared::database::Database;
use shared::id::new_id;
use shared::messaging::dead_letter::DeadLetter;
use shared::messaging::{ConsumerSpec, Event};
use shared::proto::v1::auth_user_service_client::AuthUserServiceClient;
use shared::proto::v1::message_token_service_client::MessageTokenServiceClient;
use shared::proto::v1::session_service_client::SessionServiceClient;
use shared::proto::v1::user_activity_service_client::UserActivityServiceClient;
use shared::proto::v1::user_service_client::UserServiceClient;
use shared::proto::v1::{
    Authority, GetMessageTokensRequest, InitializeUserRequest, ListSessionsRequest, MessageTokens,
    Reservation, ReserveTokensRequest, Session, SetAuthorityRequest, User,
};
use shared::service::{Running, ServiceConfig};
use shared::testkit::{self, Engine, NatsServer, TestDatabase, caller, service_config};
use shared::time::Clock;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A user-svc that runs.
pub struct Instance {
    pub running: Running,
    channel: Channel,
}

impl Instance {
    async fn start(config: ServiceConfig, clock: Clock) -> Self {
        let running = Box::pin(user_svc::start(config, clock)).await.unwrap();
        let channel = Endpoint::from_shared(format!("http://{}", running.address)).unwrap().connect_lazy();
        Self { running, channel }
    }

    pub fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.channel.clone())
    }

    pub fn auth_users(&self) -> AuthUserServiceClient<Channel> {
        AuthUserServiceClient::new(self.channel.clone())
    }

    pub fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
    }

    pub fn message_tokens(&self) -> MessageTokenServiceClient<Channel> {
        MessageTokenServiceClient::new(self.channel.clone())
    }

    pub fn activities(&self) -> UserActivityServiceClient<Channel> {
        UserActivityServiceClient::new(self.channel.clone())
    }

    /// Reserves a token for the user, who asks for it.
    pub async fn reserve(&self, user_id: &str, reservation_id: &str) -> Result<Reservation, Status> {
        let request =
            ReserveTokensRequest { user_id: user_id.to_owned(), reservation_id: reservation_id.to_owned() };
        let response = self.message_tokens().reserve_tokens(by(user_id, request)).await?;
        Ok(response.into_inner().reservation.unwrap())
    }

    /// What the user has, as they see it.
    pub async fn tokens_of(&self, user_id: &str) -> MessageTokens {
        let request = GetMessageTokensRequest { user_id: user_id.to_owned() };
        let response = self.message_tokens().get_message_tokens(by(user_id, request)).await.unwrap();
        response.into_inner().message_tokens.unwrap()
    }
}

/// A user-svc with its broker and its database.
pub struct World {
    pub nats: NatsServer,
    pub file: TestDatabase,
    pub clock: Clock,
    pub service: Instance,
}

impl World {
    pub async fn new(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// With a configuration that `change` has changed.
    pub async fn with(engine: Engine, change: impl FnOnce(&mut ServiceConfig)) -> Self {
        let (nats, file) = tokio::join!(Box::pin(NatsServer::start()), TestDatabase::new(engine));
        let mut config = service_config("user-svc", &nats, &file);
        change(&mut config);
        let clock = Clock::system();
        let service = Instance::start(config, clock.clone()).await;
        testkit::next_release_if_asked(service.running.database()).await;
        Self { nats, file, clock, service }
    }

    /// One more instance on the same database.
    pub async fn another_instance(&self) -> Instance {
        Instance::start(service_config("user-svc", &self.nats, &self.file), self.clock.clone()).await
    }

    /// Stops the service, lets `meanwhile` happen, and starts it again.
    pub async fn restart(self, meanwhile: impl AsyncFnOnce(&NatsServer)) -> Self {
        let Self { nats, file, clock, service } = self;
        service.running.stop().await;
        meanwhile(&nats).await;
        let service = Instance::start(service_config("user-svc", &nats, &file), clock.clone()).await;
        Self { nats, file, clock, service }
    }

    /// A new guest.
    pub async fn guest(&self) -> User {
        self.initialize(&new_id()).await
    }

    pub async fn initialize(&self, user_id: &str) -> User {
        let request = InitializeUserRequest { user_id: user_id.to_owned() };
        let response = self.service.users().initialize_user(caller(Caller::Gateway, request)).await.unwrap();
        response.into_inner().user.unwrap()
    }

    /// A user's open sessions.
    pub async fn open_sessions(&self, user_id: &str) -> Vec<Session> {
        let listed = self.service.sessions().list_sessions(by(user_id, ListSessionsRequest {})).await;
        listed.unwrap().into_inner().sessions
    }

    /// Makes a user an admin, or a mere user again.
    pub async fn set_authority(&self, user_id: &str, authority: Authority) {
        let request = SetAuthorityRequest { user_id: user_id.to_owned(), authority: authority.into() };
        self.service.auth_users().set_authority(admin(request)).await.unwrap();
    }

    pub fn database(&self) -> &Database {
        self.service.running.database()
    }

    /// A text that the database answers a query with, e.g. the state of a row.
    pub async fn text(&self, sql: &str) -> Option<String> {
        let statement = Statement::from_string(self.database().backend(), sql);
        let row = self.database().read().query_one_raw(statement).await.unwrap()?;
        row.try_get_by_index(0).unwrap()
    }

    pub async fn reservation_state(&self, id: &str) -> String {
        let sql = format!("SELECT state FROM token_reservations WHERE id = '{id}'");
        self.text(&sql).await.unwrap()
    }

    /// The ids of all reservations, the oldest first.
    pub async fn reservations(&self) -> Vec<String> {
        let sql = "SELECT id FROM token_reservations ORDER BY id";
        let statement = Statement::from_string(self.database().backend(), sql);
        let rows = self.database().read().query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// As the erasure of a user leaves their row.
    pub async fn soft_delete(&self, user_id: &str) {
        let sql = format!("UPDATE users SET deleted_at = 1 WHERE id = '{user_id}'");
        self.database().write().execute_unprepared(&sql).await.unwrap();
    }

    /// Every `E` about this aggregate in its stream, once the outbox is empty.
    pub async fn events<E: Event>(&self, aggregate_id: &str) -> Vec<E> {
        testkit::everything_published(self.database()).await;
        testkit::events(&self.nats.connect().await, aggregate_id).await
    }

    /// See [`testkit::deliver_again`].
    pub async fn deliver_again(&self, stream: &str, subject: &str) {
        testkit::deliver_again(&self.nats.connect().await, stream, subject).await;
    }

    /// See [`testkit::idle`].
    pub async fn idle(&self, spec: &ConsumerSpec) {
        testkit::idle(&self.nats.connect().await, spec).await;
    }

    /// See [`testkit::tried_in_vain`].
    pub async fn tried_in_vain(&self, spec: &ConsumerSpec) {
        testkit::tried_in_vain(&self.nats.connect().await, spec).await;
    }

    /// See [`testkit::first_dead_letter`].
    pub async fn dead_letter(&self) -> DeadLetter {
        testkit::first_dead_letter(&self.nats.connect().await).await
    }
}

/// A request of this user.
pub fn by<T>(user_id: &str, message: T) -> tonic::Request<T> {
    caller(Caller::User(user_id.to_owned()), message)
}

/// A request of some admin.
pub fn admin<T>(message: T) -> tonic::Request<T> {
    caller(Caller::Admin(new_id()), message)
}

/// A request of the gateway itself.
pub fn gateway<T>(message: T) -> tonic::Request<T> {
    caller(Caller::Gateway, message)
}

/// The status of a refused call.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, Status>, code: Code, message: &str) -> Status {
    let status = result.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, message));
    status
}

/// The reason that travels with a status.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

/// The fields that a request was refused for.
#[track_caller]
pub fn violated<T: std::fmt::Debug>(result: Result<T, Status>) -> Vec<String> {
    let status = result.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let violations = status.get_details_bad_request().unwrap().field_violations;
    violations.into_iter().map(|violation| violation.field).collect()
}
