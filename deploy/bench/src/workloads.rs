//! What clients do besides reading who they are: pages, messages, both at once, and connections that are made anew for
//! every call.

use shared::auth::{Caller, MESH_TOKEN};
use shared::proto::v1::counsel_service_client::CounselServiceClient;
use shared::proto::v1::{ListMessagesRequest, PageRequest};
use tonic::transport::Channel;

use crate::BoxError;
use crate::compare::{Contender, Plan, Row, compare};
use crate::conversation::{Conversation, Counsel};
use crate::http::Rest;
use crate::limits::{self, Insert, Publish};
use crate::arguments::Arguments;
use crate::load::Connection;
use crate::mesh::{Mesh, Store, User, mesh_token};
use crate::peers::Peer;

pub(crate) const LIST: &str = "GET 50 messages of a counsel";
pub(crate) const WRITE: &str = "a message that is answered";
const MIXED: &str = "90 % reads, 10 % messages";
const CHURN: &str = "GET /v1/users/me on a new connection";

const READERS: usize = 64;
pub(crate) const WRITERS: usize = 32;
/// Turns in the counsel that is read, of two messages each.
const TURNS: usize = 100;

async fn conversing() -> Result<Mesh, BoxError> {
    Box::pin(Mesh::start(Store::Sqlite, &["user-svc", "counseling-svc"])).await
}

/// A page of messages, through the gateway and by the RPC.
///
/// # Errors
/// As [`compare`].
pub(crate) async fn list(arguments: &Arguments) -> Result<Vec<Row>, BoxError> {
    let mesh = conversing().await?;
    let counsel = filled(&mesh).await?;
    let (mesh, counsel) = (&mesh, &counsel);
    let direct = mesh.processes(&["counseling-svc"]);
    let direct = Contender::new("ListMessages called directly", direct, move || async move {
        let mut calls = Vec::new();
        for _ in 0..READERS {
            calls.push(PageRpc::to(mesh, counsel).await?);
        }
        Ok(calls)
    });
    compare(LIST, &[pages("gateway", mesh, counsel), direct], Plan::of(arguments)).await
}

/// A counsel to read in.
pub(crate) async fn filled(mesh: &Mesh) -> Result<Counsel, BoxError> {
    let counsel = Counsel::open(mesh, mesh.talker().await?).await?;
    let mut conversation = counsel.connect(mesh, 0).await?;
    for _ in 0..TURNS {
        conversation.turn().await?;
    }
    Ok(counsel)
}

/// Reads of a page of `counsel`.
pub(crate) fn pages<'a>(name: &'a str, mesh: &'a Mesh, counsel: &'a Counsel) -> Contender<'a> {
    Contender::new(name, mesh.all_processes(), move || async move {
        let mut pages = Vec::new();
        for _ in 0..READERS {
            pages.push(Page(counsel.connect(mesh, 0).await?));
        }
        Ok(pages)
    })
}

/// Messages with their answers, beside what one row and one event of that size cost by themselves.
///
/// # Errors
/// As [`compare`].
pub(crate) async fn write(arguments: &Arguments) -> Result<Vec<Row>, BoxError> {
    let mesh = conversing().await?;
    let counsels = counsels(&mesh, WRITERS).await?;
    let (database, stream) = (&limits::rows(&mesh).await?, &limits::stream(&mesh).await?);
    let insert = Contender::new("one row inserted", Vec::new(), move || async move {
        Ok((0..WRITERS).map(|_| Insert(database.clone())).collect())
    });
    let publish = Contender::new("one event acknowledged", Vec::new(), move || async move {
        Ok((0..WRITERS).map(|_| Publish(stream.clone())).collect())
    });
    let contenders = [conversations("gateway", &mesh, &counsels), insert, publish];
    compare(WRITE, &contenders, Plan::of(arguments)).await
}

/// Counsels of users whose messages have no limit.
pub(crate) async fn counsels(mesh: &Mesh, number: usize) -> Result<Vec<Counsel>, BoxError> {
    let mut counsels = Vec::new();
    for _ in 0..number {
        counsels.push(Counsel::open(mesh, mesh.talker().await?).await?);
    }
    Ok(counsels)
}

/// Turns in all of `counsels` at once.
pub(crate) fn conversations<'a>(name: &'a str, mesh: &'a Mesh, counsels: &'a [Counsel]) -> Contender<'a> {
    Contender::new(name, mesh.all_processes(), move || async move {
        let mut conversations = Vec::new();
        for (index, counsel) in counsels.iter().enumerate() {
            // Not all say the same at the same time.
            conversations.push(counsel.connect(mesh, index).await?);
        }
        Ok(conversations)
    })
}

/// What a day looks like.
///
/// # Errors
/// As [`compare`].
pub(crate) async fn mixed(arguments: &Arguments) -> Result<Vec<Row>, BoxError> {
    let mesh = conversing().await?;
    let counsels = counsels(&mesh, WRITERS).await?;
    let (mesh, counsels) = (&mesh, &counsels);
    let gateway = Contender::new("gateway", mesh.all_processes(), move || async move {
        let mut mixed = Vec::new();
        for (index, counsel) in counsels.iter().enumerate() {
            let (conversation, rest) =
                (counsel.connect(mesh, index).await?, mesh.rest(counsel.user()).await?);
            // Not all write at the same time.
            mixed.push(Mixed { conversation, rest, calls: index });
        }
        Ok(mixed)
    });
    compare(MIXED, &[gateway], Plan::of(arguments)).await
}

/// A connection for each call, beside a bare route.
///
/// # Errors
/// As [`compare`].
pub(crate) async fn churn(arguments: &Arguments) -> Result<Vec<Row>, BoxError> {
    let mesh = Box::pin(Mesh::start(Store::Sqlite, &["user-svc"])).await?;
    let guest = mesh.guest().await?;
    let bytes = Peer::bytes(&mesh, &guest).await?;
    let contenders = [
        anew("gateway", mesh.gateway(), &guest, mesh.all_processes()),
        anew(bytes.name, &bytes.address, &guest, bytes.processes()),
    ];
    compare(CHURN, &contenders, Plan::of(arguments)).await
}

fn anew<'a>(name: &'a str, address: &str, user: &User, processes: Vec<u32>) -> Contender<'a> {
    let one = Anew { address: address.to_owned(), token: user.token.clone() };
    Contender::new(name, processes, move || std::future::ready(Ok(vec![one.clone(); WRITERS])))
}

/// Reads pages of messages.
struct Page(Conversation);

impl Connection for Page {
    async fn call(&mut self) -> Result<(), BoxError> {
        self.0.page().await
    }
}

/// `ListMessages` called directly.
struct PageRpc {
    client: CounselServiceClient<Channel>,
    token: String,
    request: ListMessagesRequest,
}

impl PageRpc {
    async fn to(mesh: &Mesh, counsel: &Counsel) -> Result<Self, BoxError> {
        let (counselor_id, counsel_id) = counsel.ids()?;
        let page = Some(PageRequest { limit: Some(50), ..PageRequest::default() });
        Ok(Self {
            client: CounselServiceClient::new(mesh.channel("counseling-svc").await?),
            token: mesh_token(Caller::User(counsel.user().id.clone()))?,
            request: ListMessagesRequest { counselor_id, counsel_id, page, newest_first: false },
        })
    }
}

impl Connection for PageRpc {
    async fn call(&mut self) -> Result<(), BoxError> {
        let mut request = tonic::Request::new(self.request.clone());
        request.metadata_mut().insert(MESH_TOKEN, self.token.parse()?);
        let page = self.client.list_messages(request).await?.into_inner().counsel_messages;
        if page.len() == 50 { Ok(()) } else { Err(format!("{} messages in place of 50", page.len()).into()) }
    }
}

/// Nine reads, of users and of pages in turn, then a message.
struct Mixed {
    conversation: Conversation,
    rest: Rest,
    calls: usize,
}

impl Connection for Mixed {
    async fn call(&mut self) -> Result<(), BoxError> {
        self.calls += 1;
        // In twenty calls each is as often, whichever of them the messages take the place of.
        match (self.calls % 10, (self.calls / 10 + self.calls) % 2) {
            (0, _) => self.conversation.turn().await,
            (_, 0) => self.conversation.page().await,
            _ => self.rest.call().await,
        }
    }
}

/// Connects, reads who it is, and goes.
#[derive(Clone)]
struct Anew {
    address: String,
    token: String,
}

impl Connection for Anew {
    async fn call(&mut self) -> Result<(), BoxError> {
        Rest::connect(&self.address, Some(&self.token)).await?.call().await
    }
}
