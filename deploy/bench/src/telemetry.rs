//! What it costs to count and to trace everything: a read and a write through the gateway of a mesh that serves metrics
//! and exports every trace to a collector here, beside the same without, in turn.
//!
//! The collector runs on a thread of its own, so that what it takes of the machine can be told apart: elsewhere it would
//! be another machine's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::BoxError;
use crate::conversation::Counsel;
use crate::load::{Arguments, Sample, run};
use crate::mesh::{Mesh, Store, User};

const CONNECTIONS: usize = 64;
const COUNSELS: usize = 32;
/// The part of the throughput that may be lost.
const BAR: f64 = 0.05;
const THREAD: &str = "collector";

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), BoxError> {
    let (rounds, seconds) = (arguments.number("--rounds", 7)?, arguments.number("--seconds", 4)?);
    let duration = Duration::from_secs(seconds as u64);
    let collector = Collector::start()?;
    let traced = [
        ("RUST_LOG", "info"),
        ("METRICS_ADDR", "127.0.0.1:0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
        ("OTEL_TRACES_SAMPLER", "always_on"),
    ];
    let mut arms = [Arm::start(&traced).await?, Arm::start(&traced[..1]).await?];
    let (mut told, mut load) = (0, Load::default());
    // The first round warms up and does not count.
    for round in 0..=rounds {
        // Whoever is first in one round is second in the next.
        for index in [round % 2, (round + 1) % 2] {
            let arm = &mut arms[index];
            let (began, spans, cpu) = (Instant::now(), collector.spans(), cpu_of(THREAD));
            let (read, write) = (arm.read(duration).await?, arm.write(duration).await?);
            if round > 0 {
                arm.reads.push(read);
                arm.writes.push(write);
                load.add(began.elapsed(), cpu.zip(cpu_of(THREAD)));
                told += collector.spans() - spans;
            }
        }
    }
    let [on, off] = arms;
    println!("median of {rounds} runs of {seconds} s in turn; SQLite, offline counselor");
    println!("{:<44}{:>12}{:>12}{:>12}", "", "calls/s", "p50 ms", "p99 ms");
    for (name, on, off) in [
        (format!("GET /v1/users/me, {CONNECTIONS} connections"), on.reads, off.reads),
        (format!("messages answered, {COUNSELS} counsels"), on.writes, off.writes),
    ] {
        let (on, off) = (Sample::median(on), Sample::median(off));
        println!("{name}");
        for (name, sample) in [("  without", &off), ("  with metrics and all traces", &on)] {
            println!("{name:<44}{:>12.1}{:>12.2}{:>12.2}", sample.rate, sample.p50, sample.p99);
        }
        println!("  with to without: {:.3} (the bar is {:.2})", on.rate / off.rate, 1.0 - BAR);
    }
    println!("the collector was sent {told} spans{load}");
    Ok(())
}

/// A mesh, and what was measured on it.
struct Arm {
    mesh: Mesh,
    user: User,
    counsels: Vec<Counsel>,
    reads: Vec<Sample>,
    writes: Vec<Sample>,
}

impl Arm {
    async fn start(environment: &[(&str, &str)]) -> Result<Self, BoxError> {
        let services = ["user-svc", "counseling-svc"];
        let mesh =
            Box::pin(Mesh::start_each_with(Store::Sqlite, &services, environment, environment)).await?;
        let user = mesh.guest().await?;
        let mut counsels = Vec::new();
        for _ in 0..COUNSELS {
            counsels.push(Counsel::open(&mesh, mesh.talker().await?).await?);
        }
        Ok(Self { mesh, user, counsels, reads: Vec::new(), writes: Vec::new() })
    }

    async fn read(&self, duration: Duration) -> Result<Sample, BoxError> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(self.mesh.rest(&self.user).await?);
        }
        run(connections, duration).await
    }

    async fn write(&self, duration: Duration) -> Result<Sample, BoxError> {
        let mut conversations = Vec::new();
        for (index, counsel) in self.counsels.iter().enumerate() {
            conversations.push(counsel.connect(&self.mesh, index).await?);
        }
        run(conversations, duration).await
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
        let service = TraceServiceServer::new(spans.clone());
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

#[tonic::async_trait]
impl TraceService for Spans {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.get_ref().resource_spans.iter();
        let spans =
            resources.flat_map(|resource| &resource.scope_spans).map(|scope| scope.spans.len() as u64);
        self.0.fetch_add(spans.sum(), Ordering::Relaxed);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// What part of a processor the collector took.
#[derive(Default)]
struct Load {
    elapsed: Duration,
    cpu: Option<Duration>,
}

impl Load {
    fn add(&mut self, elapsed: Duration, cpu: Option<(Duration, Duration)>) {
        self.elapsed += elapsed;
        if let Some((before, after)) = cpu {
            *self.cpu.get_or_insert_default() += after.saturating_sub(before);
        }
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(cpu) = self.cpu else { return Ok(()) };
        // Half of the time nothing is sent.
        let part = 2.0 * cpu.as_secs_f64() / self.elapsed.as_secs_f64();
        write!(out, ", and took {:.0} % of one processor for that", part * 100.0)
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
