//! A running counseling-svc, its broker and its callers.

use std::sync::Arc;

use counseling_svc::assistant::{Assistant, OfflineAssistant};
use sea_orm::{ConnectionTrait, Statement};
use shared::auth::Caller;
use shared::database::Database;
use shared::id::new_id;
use shared::messaging::{Event, ReceivedEvent};
use shared::proto::v1::counsel_prompt_service_client::CounselPromptServiceClient;
use shared::proto::v1::counsel_service_client::CounselServiceClient;
use shared::proto::v1::counselor_service_client::CounselorServiceClient;
use shared::proto::v1::episode_service_client::EpisodeServiceClient;
use shared::proto::v1::{
    Bubble, Counsel, CounselMessage, CounselTechnique, Counselor, CreateCounselRequest,
    CreateCounselResponse, CreateMessageRequest, GetActivePromptVersionRequest, GetCounselRequest,
    ListBubblesRequest, ListCounselTechniquesRequest, ListCounselorsRequest, ListMessagesRequest,
    PromptVersion,
};
use shared::service::{Running, ServiceConfig};
use shared::testkit::{
    Engine, NatsServer, TestDatabase, caller, eventually, next_release_if_asked, service_config,
};
use shared::time::Clock;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::doomed::Doomed;
use crate::puppet::Puppet;

/// A counseling-svc that runs.
pub struct Instance {
    pub running: Running,
    pub calls: Calls,
}

impl Instance {
    pub async fn start(config: ServiceConfig, clock: Clock, assistant: Arc<dyn Assistant>) -> Self {
        let running = Box::pin(counseling_svc::start_with(config, clock, assistant)).await.unwrap();
        let calls = Calls::to(&running);
        Self { running, calls }
    }
}

/// Calls an instance. Clones share the connection.
#[derive(Clone)]
pub struct Calls(Channel);

impl Calls {
    pub fn to(running: &Running) -> Self {
        Self(Endpoint::from_shared(format!("http://{}", running.address)).unwrap().connect_lazy())
    }

    pub fn counselors(&self) -> CounselorServiceClient<Channel> {
        CounselorServiceClient::new(self.0.clone())
    }

    pub fn prompts(&self) -> CounselPromptServiceClient<Channel> {
        CounselPromptServiceClient::new(self.0.clone())
    }

    pub fn episodes(&self) -> EpisodeServiceClient<Channel> {
        EpisodeServiceClient::new(self.0.clone())
    }

    pub fn counsels(&self) -> CounselServiceClient<Channel> {
        CounselServiceClient::new(self.0.clone())
    }

    pub async fn open(
        &self,
        request: tonic::Request<CreateCounselRequest>,
    ) -> Result<CreateCounselResponse, Status> {
        Ok(self.counsels().create_counsel(request).await?.into_inner())
    }

    /// A counsel that was opened with a greeting.
    pub async fn greeted(&self, user_id: &str, counselor_id: &str) -> Counsel {
        self.open(by(user_id, opening(counselor_id))).await.unwrap().counsel.unwrap()
    }

    /// The user says something in their counsel.
    pub async fn say(&self, counsel: &Counsel, message: &str, reservation_id: &str) -> Result<Pair, Status> {
        self.say_as(Caller::User(counsel.user_id.clone()), counsel, message, reservation_id).await
    }

    pub async fn say_as(
        &self,
        who: Caller,
        counsel: &Counsel,
        message: &str,
        reservation_id: &str,
    ) -> Result<Pair, Status> {
        let request = CreateMessageRequest {
            counselor_id: counsel.counselor_id.clone(),
            counsel_id: counsel.id.clone(),
            message: message.to_owned(),
            reservation_id: reservation_id.to_owned(),
        };
        let response = self.counsels().create_message(caller(who, request)).await?.into_inner();
        Ok(Pair {
            message: response.created_counsel_message.unwrap(),
            reply: response.counselor_response_message.unwrap(),
        })
    }

    /// The user says something with a reservation of its own.
    pub async fn tell(&self, counsel: &Counsel, message: &str) -> Pair {
        self.say(counsel, message, &new_id()).await.unwrap()
    }

    /// As their user sees it now.
    pub async fn again(&self, counsel: &Counsel) -> Counsel {
        self.get(Caller::User(counsel.user_id.clone()), counsel).await.unwrap()
    }

    pub async fn get(&self, who: Caller, counsel: &Counsel) -> Result<Counsel, Status> {
        let request =
            GetCounselRequest { counselor_id: counsel.counselor_id.clone(), counsel_id: counsel.id.clone() };
        Ok(self.counsels().get_counsel(caller(who, request)).await?.into_inner().counsel.unwrap())
    }

    /// Everything said in a counsel, as their user sees it.
    pub async fn messages(&self, counsel: &Counsel) -> Vec<CounselMessage> {
        self.messages_as(Caller::User(counsel.user_id.clone()), counsel).await.unwrap()
    }

    pub async fn messages_as(&self, who: Caller, counsel: &Counsel) -> Result<Vec<CounselMessage>, Status> {
        let request = ListMessagesRequest {
            counselor_id: counsel.counselor_id.clone(),
            counsel_id: counsel.id.clone(),
            ..ListMessagesRequest::default()
        };
        Ok(self.counsels().list_messages(caller(who, request)).await?.into_inner().counsel_messages)
    }

    /// The texts of a counsel, oldest first.
    pub async fn texts(&self, counsel: &Counsel) -> Vec<String> {
        self.messages(counsel).await.into_iter().map(|message| message.message).collect()
    }
}

/// A message and the reply to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    pub message: CounselMessage,
    pub reply: CounselMessage,
}

/// A counseling-svc with its broker and its database.
pub struct World {
    pub nats: NatsServer,
    pub file: TestDatabase,
    pub clock: Clock,
    pub service: Instance,
    pub assistant: Arc<dyn Assistant>,
}

impl World {
    /// With the offline counselor.
    pub async fn new(engine: Engine) -> Self {
        Self::with(engine, Arc::new(OfflineAssistant::new().unwrap())).await
    }

    /// With a puppet in its place.
    pub async fn with_puppet(engine: Engine) -> (Self, Arc<Puppet>) {
        let puppet = Puppet::new();
        (Self::with(engine, puppet.clone()).await, puppet)
    }

    async fn with(engine: Engine, assistant: Arc<dyn Assistant>) -> Self {
        let (nats, file) = tokio::join!(Box::pin(NatsServer::start()), TestDatabase::new(engine));
        let clock = Clock::system();
        let service =
            Instance::start(service_config("counseling-svc", &nats, &file), clock.clone(), assistant.clone())
                .await;
        next_release_if_asked(service.running.database()).await;
        Self { nats, file, clock, service, assistant }
    }

    pub fn calls(&self) -> &Calls {
        &self.service.calls
    }

    pub fn config(&self) -> ServiceConfig {
        service_config("counseling-svc", &self.nats, &self.file)
    }

    /// One more instance on the same database.
    pub async fn another_instance(&self) -> Instance {
        self.another_instance_with(self.clock.clone()).await
    }

    /// One more instance on the same database, with a clock of its own.
    pub async fn another_instance_with(&self, clock: Clock) -> Instance {
        Instance::start(self.config(), clock, self.assistant.clone()).await
    }

    /// One more instance, which [`Doomed::crash`] ends in the middle of what it does.
    pub async fn doomed_instance(&self) -> Doomed {
        Doomed::start(self.config(), self.clock.clone(), self.assistant.clone()).await
    }

    /// Stops the service and starts it again.
    pub async fn restart(self) -> Self {
        let stopped = Box::pin(self.stop()).await;
        Box::pin(stopped.start()).await
    }

    /// Stops the service.
    pub async fn stop(self) -> Stopped {
        let Self { nats, file, clock, service, assistant } = self;
        service.running.stop().await;
        Stopped { nats, file, clock, assistant }
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

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let statement = Statement::from_string(self.database().backend(), sql);
        let row = self.database().read().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// Changes rows as an operator does by hand.
    pub async fn execute(&self, sql: &str) {
        self.database().write().execute_unprepared(sql).await.unwrap();
    }

    /// Every `E` about this aggregate in its stream, once the outbox is empty.
    pub async fn events<E: Event>(&self, aggregate_id: &str) -> Vec<E> {
        let subject = format!("{}.{aggregate_id}", E::SUBJECT);
        let messages = self.published().await.into_iter().filter(|event| event.subject == subject);
        messages.map(|event| event.data().unwrap()).collect()
    }

    /// Everything that was published about counsels, once the outbox is empty.
    pub async fn published(&self) -> Vec<ReceivedEvent> {
        self.stream().await.into_iter().map(|(event, _)| event).collect()
    }

    /// What an operator sees of those events, byte for byte.
    pub async fn payloads(&self) -> Vec<String> {
        self.stream().await.into_iter().map(|(_, payload)| payload).collect()
    }

    async fn stream(&self) -> Vec<(ReceivedEvent, String)> {
        let waiting = "SELECT id FROM outbox WHERE published_at IS NULL";
        let is_empty = async || self.text(waiting).await.is_none();
        eventually("the outbox is published", is_empty).await;
        let mut stream = self.nats.connect().await.jetstream.get_stream("COUNSELS").await.unwrap();
        let mut events = Vec::new();
        for sequence in 1..=stream.info().await.unwrap().state.last_sequence {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let payload = String::from_utf8(message.payload.to_vec()).unwrap();
            let subject = message.subject.as_str();
            let event = ReceivedEvent::read(subject, Some(&message.headers), message.payload).unwrap();
            events.push((event, payload));
        }
        events
    }

    pub async fn counselors(&self) -> Vec<Counselor> {
        let request = by(&new_id(), ListCounselorsRequest::default());
        self.calls().counselors().list_counselors(request).await.unwrap().into_inner().counselors
    }

    /// A counselor who speaks English by default.
    pub async fn counselor(&self) -> Counselor {
        let speaks_english = |counselor: &Counselor| counselor.description.is_ascii();
        self.counselors().await.into_iter().find(speaks_english).unwrap()
    }

    pub async fn bubbles(&self, counselor_id: &str) -> Vec<Bubble> {
        let request = ListBubblesRequest { counselor_id: counselor_id.to_owned(), page: None };
        let response = self.calls().counselors().list_bubbles(by(&new_id(), request)).await.unwrap();
        response.into_inner().bubbles
    }

    pub async fn active_version(&self) -> PromptVersion {
        let request = admin(GetActivePromptVersionRequest {});
        let response = self.calls().prompts().get_active_prompt_version(request).await.unwrap();
        response.into_inner().prompt_version.unwrap()
    }

    /// The techniques of the active version, of one tone.
    pub async fn techniques(&self, tone_id: &str) -> Vec<CounselTechnique> {
        let request = ListCounselTechniquesRequest {
            prompt_version_id: self.active_version().await.id,
            tone_id: Some(tone_id.to_owned()),
            page: None,
        };
        let response = self.calls().prompts().list_counsel_techniques(admin(request)).await.unwrap();
        response.into_inner().counsel_techniques
    }

    /// A counsel of a new user, opened with a greeting.
    pub async fn counsel(&self) -> Counsel {
        self.calls().greeted(&new_id(), &self.counselor().await.id).await
    }
}

/// A world whose service does not run.
pub struct Stopped {
    nats: NatsServer,
    file: TestDatabase,
    clock: Clock,
    assistant: Arc<dyn Assistant>,
}

impl Stopped {
    pub fn nats(&self) -> &NatsServer {
        &self.nats
    }

    /// The only instance, for a while.
    pub async fn doomed_instance(&self) -> Doomed {
        self.doomed_instance_as(|_| {}).await
    }

    /// The only instance, for a while, configured otherwise.
    pub async fn doomed_instance_as(&self, configure: impl FnOnce(&mut ServiceConfig)) -> Doomed {
        let mut config = service_config("counseling-svc", &self.nats, &self.file);
        configure(&mut config);
        Doomed::start(config, self.clock.clone(), self.assistant.clone()).await
    }

    /// Starts the service.
    pub async fn start(self) -> World {
        let Self { nats, file, clock, assistant } = self;
        let service =
            Instance::start(service_config("counseling-svc", &nats, &file), clock.clone(), assistant.clone())
                .await;
        World { nats, file, clock, service, assistant }
    }
}

/// Asks for a counsel with a new id, opened with a greeting.
pub fn opening(counselor_id: &str) -> CreateCounselRequest {
    CreateCounselRequest {
        counsel_id: new_id(),
        counselor_id: counselor_id.to_owned(),
        bubble_response: None,
        prompt_version_id: None,
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

/// The status of a refused call.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, Status>, code: Code, message: &str) -> Status {
    let status = result.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, message));
    status
}

/// The fields that a request was refused for.
#[track_caller]
pub fn violated<T: std::fmt::Debug>(result: Result<T, Status>) -> Vec<String> {
    let status = result.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let violations = status.get_details_bad_request().unwrap().field_violations;
    violations.into_iter().map(|violation| violation.field).collect()
}
