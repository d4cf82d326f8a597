//! What it costs to count and to trace: a read and a write through the gateway of meshes that serve metrics and export a
//! tenth of all traces, or all of them, to a collector here, beside one that does neither, in turn. All are started anew in
//! each round. The mesh that exports all of them is also asked for what its clients want traced and for what they do not:
//! what differs then are not the processes.
//!
//! The collector runs on a thread of its own, so that what it takes of the machine can be told apart: elsewhere it would
//! be another machine's.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::BoxError;
use crate::arguments::Arguments;
use crate::compare::processor_time;
use crate::conversation::Counsel;
use crate::http::Rest;
use crate::load::{Connection, Sample, quantile, run};
use crate::mesh::{Mesh, Store, User};

const CONNECTIONS: usize = 64;
const COUNSELS: usize = 32;
/// The part of the throughput that may be lost.
const BAR: f64 = 0.05;
const THREAD: &str = "collector";
/// The kind that exports all traces.
const ALL: usize = 3;
/// How often what clients want traced is compared with what they do not, in each round.
const PAIRS: usize = 4;
/// What clients say of a trace of theirs.
const WANTED: [(&str, &str); 2] = [
    ("of a client that wants no trace", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"),
    ("of a client that wants a trace", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
];

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), BoxError> {
    let (rounds, seconds) = (arguments.rounds, arguments.seconds);
    let duration = Duration::from_secs(seconds as u64);
    let collector = Collector::start()?;
    let log = ("RUST_LOG", "info");
    let counted = [log, ("METRICS_ADDR", "127.0.0.1:0")];
    let traced = [counted[0], counted[1], ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url)];
    // The services do as the gateway does.
    let tenth = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")];
    let tenth = [&traced[..], &tenth].concat();
    let kinds: [Kind; 4] = [
        ("without", &[log], &[log]),
        ("with metrics", &counted, &counted),
        ("with metrics and a tenth of all traces", &traced, &tenth),
        ("with metrics and all traces", &traced, &traced),
    ];
    let (mut reads, mut writes) = (kinds.map(|_| Vec::new()), kinds.map(|_| Vec::new()));
    let mut wanted = WANTED.map(|_| Vec::new());
    for round in 0..rounds {
        // Whoever is first in one round is last in another, also to be started: how fast the same program is differs from
        // one process to the next by more than what is looked for.
        let order = (0..kinds.len()).map(|place| (round + place) % kinds.len());
        let mut arms = Vec::new();
        for index in order {
            let (_, services, gateway) = kinds[index];
            arms.push((index, Arm::start(services, gateway).await?));
        }
        for (_, arm) in &arms {
            // Warms up and does not count.
            arm.read(duration).await?;
            arm.write(duration).await?;
        }
        for (index, arm) in &arms {
            reads[*index].push(arm.read(duration).await?);
            writes[*index].push(arm.write(duration).await?);
        }
        let Some((_, traced)) = arms.iter().find(|(index, _)| *index == ALL) else { continue };
        for pair in 0..PAIRS {
            for place in 0..wanted.len() {
                let index = (round + pair + place) % wanted.len();
                wanted[index].push(traced.wanted(WANTED[index].1, duration).await?);
            }
        }
    }
    println!(
        "medians of {rounds} runs of {seconds} s in turn, ratios of each round; SQLite, offline counselor; the bar is {:.2}",
        1.0 - BAR
    );
    println!(
        "elsewhere: what it would be if the collector took nothing of this machine, which was all at work; \
         cpu: what a call took of the mesh's own processes"
    );
    let names = kinds.map(|(name, ..)| name);
    tell(&format!("GET /v1/users/me, {CONNECTIONS} connections"), &names, &reads);
    tell(&format!("messages answered, {COUNSELS} counsels"), &names, &writes);
    let names = WANTED.map(|(name, _)| name);
    tell(&format!("the same processes, {PAIRS} times a round"), &names, &wanted);
    println!("the collector was sent {} spans", collector.spans());
    Ok(())
}

/// One line an arm, compared with the first.
fn tell(what: &str, names: &[&str], arms: &[Vec<Run>]) {
    println!(
        "\n{what:<42}{:>9}{:>9}{:>9}{:>8}{:>14}{:>11}{:>11}{:>9}{:>8}{:>14}",
        "calls/s",
        "p50 ms",
        "p99 ms",
        "ratio",
        "middle half",
        "collector",
        "elsewhere",
        "cpu us",
        "ratio",
        "middle half",
    );
    let Some(without) = arms.first() else { return };
    for (name, runs) in names.iter().zip(arms) {
        let median = |of: &dyn Fn(&Run) -> f64| quantile(&runs.iter().map(of).collect::<Vec<_>>(), 0.5);
        // What else a machine does comes and goes: what is compared was measured in the same round.
        let against = |of: &dyn Fn(&Run) -> f64| {
            let ratios: Vec<_> = runs.iter().zip(without).map(|(run, base)| of(run) / of(base)).collect();
            [0.25, 0.5, 0.75].map(|part| quantile(&ratios, part))
        };
        let [low, ratio, high] = against(&|run| run.sample.rate);
        let [least, cost, most] = against(&|run| run.cpu);
        println!(
            "  {name:<40}{:>9.1}{:>9.2}{:>9.2}{ratio:>8.3}{:>14}{:>9.1} %{:>11.3}{:>9.1}{cost:>8.3}{:>14}",
            median(&|run| run.sample.rate),
            median(&|run| run.sample.p50),
            median(&|run| run.sample.p99),
            format!("{low:.3}-{high:.3}"),
            median(&|run| run.collector) * 100.0,
            against(&|run| run.sample.rate / (1.0 - run.collector))[1],
            median(&|run| run.cpu),
            format!("{least:.3}-{most:.3}"),
        );
    }
}

/// What was measured once.
struct Run {
    sample: Sample,
    /// The part of this machine that the collector took meanwhile.
    collector: f64,
    /// Microseconds of processor time that a call took of the mesh.
    cpu: f64,
}

impl Run {
    async fn of(mesh: &Mesh, run: impl Future<Output = Result<Sample, BoxError>>) -> Result<Self, BoxError> {
        let processes = mesh.all_processes();
        let (began, before, used) = (Instant::now(), cpu_of(THREAD), processor_time(&processes));
        let sample = run.await?;
        let used = processor_time(&processes).saturating_sub(used);
        let machine = began.elapsed().as_secs_f64() * std::thread::available_parallelism()?.get() as f64;
        let collector = before.zip(cpu_of(THREAD)).map(|(before, after)| after.saturating_sub(before));
        let cpu = used.as_secs_f64() * 1e6 / sample.calls.max(1) as f64;
        Ok(Self { sample, collector: collector.unwrap_or_default().as_secs_f64() / machine, cpu })
    }
}

/// Variables.
type Environment<'a> = &'a [(&'a str, &'a str)];

/// What is compared: its name, what its services have in their environment, and what its gateway has.
type Kind<'a> = (&'static str, Environment<'a>, Environment<'a>);

/// A mesh to measure.
struct Arm {
    mesh: Mesh,
    user: User,
    counsels: Vec<Counsel>,
}

impl Arm {
    async fn start(services: Environment<'_>, gateway: Environment<'_>) -> Result<Self, BoxError> {
        let names = ["user-svc", "counseling-svc"];
        let mesh = Box::pin(Mesh::start_each_with(Store::Sqlite, &names, services, gateway)).await?;
        let user = mesh.guest().await?;
        let mut counsels = Vec::new();
        for _ in 0..COUNSELS {
            counsels.push(Counsel::open(&mesh, mesh.talker().await?).await?);
        }
        Ok(Self { mesh, user, counsels })
    }

    async fn read(&self, duration: Duration) -> Result<Run, BoxError> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(self.mesh.rest(&self.user).await?);
        }
        Run::of(&self.mesh, run(connections, duration)).await
    }

    /// Reads of clients that trace.
    async fn wanted(&self, traceparent: &'static str, duration: Duration) -> Result<Run, BoxError> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Tracing { rest: self.mesh.rest(&self.user).await?, traceparent });
        }
        Run::of(&self.mesh, run(connections, duration)).await
    }

    async fn write(&self, duration: Duration) -> Result<Run, BoxError> {
        let mut conversations = Vec::new();
        for (index, counsel) in self.counsels.iter().enumerate() {
            conversations.push(counsel.connect(&self.mesh, index).await?);
        }
        Run::of(&self.mesh, run(conversations, duration)).await
    }
}

/// A client that traces.
struct Tracing {
    rest: Rest,
    traceparent: &'static str,
}

impl Connection for Tracing {
    async fn call(&mut self) -> Result<(), BoxError> {
        self.rest.get_with("/v1/users/me", ("traceparent", self.traceparent)).await.map(drop)
    }
}

/// Takes spans, and counts them.
struct Collector {
    url: String,
    spans: Spans,
}

#[derive(Clone, Default)]
struct Spans(Arc<AtomicU64>);

impl Collector {
    fn start() -> Result<Self, BoxError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let (url, spans) = (format!("http://{}", listener.local_addr()?), Spans::default());
        let service = spans.clone();
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            let served = runtime.block_on(async {
                let incoming = TcpIncoming::from(TcpListener::from_std(listener)?);
                Server::builder().add_service(service).serve_with_incoming(incoming).await?;
                Ok::<_, BoxError>(())
            });
            if let Err(error) = served {
                eprintln!("the collector ended: {error}");
            }
        })?;
        Ok(Self { url, spans })
    }

    fn spans(&self) -> u64 {
        self.spans.0.load(Ordering::Relaxed)
    }
}

/// An `ExportTraceServiceRequest`, of which only as much is read as it takes to count the spans.
#[derive(Clone, PartialEq, prost::Message)]
struct Sent {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<OfResource>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OfResource {
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<OfScope>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OfScope {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    spans: Vec<Bytes>,
}

impl NamedService for Spans {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl tower::Service<http::Request<Body>> for Spans {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let spans = self.clone();
        // The answer has no field that is set.
        let mut grpc = Grpc::new(ProstCodec::<(), Sent>::default());
        async move { Ok(grpc.unary(spans, request).await) }.boxed()
    }
}

impl UnaryService<Sent> for Spans {
    type Response = ();
    type Future = std::future::Ready<Result<Response<()>, Status>>;

    fn call(&mut self, request: Request<Sent>) -> Self::Future {
        let scopes = request.get_ref().resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        self.0.fetch_add(scopes.map(|scope| scope.spans.len() as u64).sum(), Ordering::Relaxed);
        std::future::ready(Ok(Response::new(())))
    }
}

/// How long a thread of this process was on a processor, where the system tells (Linux).
fn cpu_of(name: &str) -> Option<Duration> {
    let mut tasks = std::fs::read_dir("/proc/self/task").ok()?.filter_map(Result::ok);
    let is_it = |path: &std::path::Path| {
        std::fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == name)
    };
    let task = tasks.find(|task| is_it(&task.path()))?;
    let told = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
    Some(Duration::from_nanos(told.split_whitespace().next()?.parse().ok()?))
}
