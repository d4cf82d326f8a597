//! A mesh for one test, and the tool.

use std::process::Stdio;
use std::time::Duration;

use insta::Settings;
use serde_json::Value;
use shared::auth::Caller;
use shared::id::new_id;
use shared::messaging::Nats;
use shared::proto::events::v1::OrderPaid;
use shared::proto::v1::InitializeUserRequest;
use shared::proto::v1::user_service_client::UserServiceClient;
use shared::service::{Running, ServiceConfig};
use shared::testkit::{Engine, NatsServer, TestDatabase, caller, eventually, service_config};
use shared::time::Clock;
use tokio::process::{Child, Command};
use tonic::transport::Endpoint;

/// Who acts in the tests.
pub const OPERATOR: &str = "night-shift";

/// A broker, a user-svc and a payment-svc. Nobody runs a counseling-svc or a gateway.
pub struct World {
    pub nats: NatsServer,
    pub broker: Nats,
    pub user_svc: Running,
    pub payment_svc: Running,
    pub databases: [TestDatabase; 2],
}

/// What a run of the tool left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub error: String,
}

impl Ran {
    /// The answer, when it was done.
    pub fn text(self) -> String {
        assert_eq!((self.code, self.error.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// The answer as JSON, when it was done.
    pub fn json(self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }
}

/// The tool with these arguments and no broker.
pub fn meshctl(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshctl"));
    command.env_clear().env("USER", "tester").args(arguments).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub async fn run(mut command: Command) -> Ran {
    let output = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), error: text(output.stderr) }
}

impl World {
    pub async fn start() -> Self {
        let nats = NatsServer::start().await;
        let broker = nats.connect().await;
        let databases = [TestDatabase::new(Engine::Sqlite).await, TestDatabase::new(Engine::Sqlite).await];
        let user_svc = user_svc::start(patient("user-svc", &nats, &databases[0]), Clock::system());
        let user_svc = Box::pin(user_svc).await.unwrap();
        let payment_svc = payment_svc::start(patient("payment-svc", &nats, &databases[1]), Clock::system());
        let payment_svc = Box::pin(payment_svc).await.unwrap();
        Self { nats, broker, user_svc, payment_svc, databases }
    }

    /// The tool, as the operator, on this mesh.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = meshctl(arguments);
        command.args(["--as", OPERATOR]).envs(self.nats.environment("operator"));
        command
    }

    /// Runs the tool.
    pub async fn ctl(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments)).await
    }

    /// Starts the tool and lets it run.
    pub fn follow(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Makes a user.
    pub async fn user(&self, user_id: &str) {
        let url = format!("http://{}", self.user_svc.address);
        let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
        let mut users = UserServiceClient::new(channel);
        let request = InitializeUserRequest { user_id: user_id.to_owned() };
        users.initialize_user(caller(Caller::Gateway, request)).await.unwrap();
    }

    /// Lets a user pay for tokens, and says which order it was.
    pub async fn paid(&self, user_id: &str) -> String {
        let order_id = new_id();
        let transaction = self.payment_svc.database().begin().await.unwrap();
        let event = OrderPaid { order_id: order_id.clone(), user_id: user_id.to_owned(), tokens: 5 };
        transaction.publish(&event).unwrap();
        transaction.commit().await.unwrap();
        order_id
    }

    /// Lets somebody pay who is no user yet. Tried in vain, the event is buried.
    pub async fn buried(&self) -> String {
        let before = self.messages("DLQ").await;
        let user_id = new_id();
        self.paid(&user_id).await;
        eventually("the event is buried", async || self.messages("DLQ").await > before).await;
        user_id
    }

    /// How many messages a stream holds.
    pub async fn messages(&self, stream: &str) -> u64 {
        self.broker.jetstream.get_stream(stream).await.unwrap().cached_info().state.messages
    }

    /// Waits until a stream holds so many messages.
    pub async fn holds(&self, stream: &str, messages: u64) {
        let what = format!("{stream} holds {messages} messages");
        eventually(&what, async || self.messages(stream).await == messages).await;
    }

    /// Waits until nothing waits for a consumer, and every one asks for more.
    pub async fn at_rest(&self) {
        eventually("the consumers are at rest", async || {
            let consumers = self.ctl(&["consumers", "--json"]).await.json();
            let consumers = consumers.as_array().unwrap();
            let rests = |consumer: &Value| {
                consumer["pending"] == 0 && consumer["ack_pending"] == 0 && consumer["waiting_pulls"] != 0
            };
            consumers.len() == 3 && consumers.iter().all(rests)
        })
        .await;
    }
}

/// A service whose consumers wait for longer than a test takes, so that there is no moment between two pulls.
fn patient(name: &str, nats: &NatsServer, database: &TestDatabase) -> ServiceConfig {
    let mut config = service_config(name, nats, database);
    config.consumers.pull_expiry = Duration::from_secs(60);
    config
}

/// Compares an answer with the one that is kept, without what is another every time.
#[macro_export]
macro_rules! assert_answer {
    ($name:expr, $answer:expr) => {{
        let answer = $answer;
        $crate::world::filters().bind(|| insta::assert_snapshot!($name, answer))
    }};
}

pub fn filters() -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    for (pattern, shown) in [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[id]"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "[time]"),
        (r"00-[0-9a-f]{32}-[0-9a-f]{16}-0\d", "[traceparent]"),
        (r"127\.0\.0\.1:\d+", "[address]"),
        (r"\b0[0-9a-f]{7}(-[0-9a-f-]*)?\b", "[id]"),
        (r"\b\d+s\b", "[age]"),
        (r"\+\d+(\.\d)? m?s\b", "[after]"),
        (r"after \d\.\d s", "after [some] s"),
        (r"paused \d+m", "paused [some]m"),
        (r"\b\d+(\.\d)? (B|KiB)\b", "[bytes]"),
        (r#""(bytes|started_at|paused_seconds|waiting_pulls)": \d+"#, r#""$1": [number]"#),
        (r"(?m)^KV_mesh .*$", "KV_mesh  [numbers]"),
        // Services may tell more of themselves.
        (r"(ready|degraded|unready) +\S+ +\S+ +\S+", "[health]  [calls]"),
        (r#""report": \{[^{}]*(\{[^{}]*\}[^{}]*)*\}"#, r#""report": [report]"#),
        (r"(?m)^.* is (not ready|degraded).*\n", ""),
        (r"\d+ problems", "[some] problems"),
        (r"(?m)svc +(-|\d+)( |$)", "svc [outbox]$2"),
        (r#""outbox": (null|\d+|\{[^{}]*\})"#, r#""outbox": [outbox]"#),
        (&format!(r"\b{}\b", env!("CARGO_PKG_VERSION").replace('.', r"\.")), "[version]"),
        // Columns are as wide as what is in them.
        (r"  +", "  "),
        (r" +\n", "\n"),
        (r"(?m)^ +(AFTER|\[after\])", "$1"),
    ] {
        settings.add_filter(pattern, shown);
    }
    settings
}
