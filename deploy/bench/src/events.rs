//! From an outbox to the effect in another service. A consumer acknowledges an event when its effect is committed, and
//! the broker lets an operator listen: what is heard here, the broker hears at the same moment.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use sea_orm::{ConnectionTrait, Statement};
use shared::database::Database;
use shared::id::new_id;
use shared::messaging::{ConsumerSpec, KEEP_CUSTOMERS, SETTLE_RESERVATIONS};
use tokio::time::{interval, timeout};

use crate::BoxError;
use crate::compare::{Contender, Plan, compare};
use crate::facts::{Fact, Measured};
use crate::limits;
use crate::arguments::Arguments;
use crate::load::{Sample, milliseconds, quantile};
use crate::mesh::{Mesh, PROVIDER, Store};
use crate::stored::{headers, id, insert};
use crate::workloads::counsels;

/// What the workload of many events is called in a report.
pub(crate) const WORKLOAD: &str = "events that were all there at the beginning";
/// Its contenders.
pub(crate) const APPLIED: &str = "outbox to effect";
pub(crate) const ACKNOWLEDGED: &str = "published, 256 unacknowledged";

/// Between two messages when there are few.
const PAUSE: Duration = Duration::from_millis(50);
/// Counsels in which they are said.
const COUNSELS: usize = 8;
/// Milliseconds from the answer to the effect then.
const BAR: f64 = 10.0;
/// Events that may wait for their acknowledgement.
const UNACKNOWLEDGED: usize = 256;
/// How long nothing may be heard.
const PATIENCE: Duration = Duration::from_secs(30);
const FACT: &str = "users.user.created";

/// Few events, then many.
///
/// # Errors
/// When an event has no effect in time, and as [`compare`].
pub(crate) async fn measure(arguments: &Arguments) -> Result<Measured, BoxError> {
    let (plan, events) = (Plan::of(arguments), arguments.events);
    let few = Box::pin(few(plan)).await?;
    let mesh = Box::pin(Mesh::start_with(Store::Sqlite, &["user-svc", "payment-svc"], &PROVIDER)).await?;
    let (outbox, effects) = (mesh.database("user-svc").await?, mesh.database("payment-svc").await?);
    let many = &Many { mesh: &mesh, outbox, effects, events, written: AtomicUsize::new(0) };
    let stream = &limits::stream(&mesh).await?;
    let relay = move |_| -> BoxFuture<'_, _> { Box::pin(many.apply()) };
    let publish = move |_| -> BoxFuture<'_, _> { Box::pin(publish(stream, events)) };
    let contenders = [
        Contender { name: APPLIED, processes: mesh.all_processes(), run: Box::new(relay) },
        Contender { name: ACKNOWLEDGED, processes: Vec::new(), run: Box::new(publish) },
    ];
    Ok(Measured { rows: compare(WORKLOAD, &contenders, plan).await?, facts: few })
}

/// A message each twentieth of a second: how long after its answer user-svc has settled its reservation.
async fn few(plan: Plan) -> Result<Vec<Fact>, BoxError> {
    let mesh = Mesh::start(Store::Sqlite, &["user-svc", "counseling-svc"]).await?;
    let mut conversations = Vec::new();
    for (index, counsel) in counsels(&mesh, COUNSELS).await?.into_iter().enumerate() {
        conversations.push(counsel.connect(&mesh, index).await?);
    }
    let mut settled = Acknowledgements::of(&mesh, &SETTLE_RESERVATIONS).await?;
    let mut tick = interval(PAUSE);
    let mut times = Vec::new();
    let (began, duration) = (Instant::now(), plan.duration * u32::try_from(plan.rounds)?);
    while began.elapsed() < duration {
        tick.tick().await;
        conversations[times.len() % COUNSELS].turn().await?;
        // What is heard before the answer was read waits here: it took no time.
        let answered = Instant::now();
        settled.next().await?;
        times.push(milliseconds(answered));
    }
    let name = |part| format!("from an answered message to its settled reservation, {part}");
    Ok(vec![
        Fact::at_most(name("median"), quantile(&times, 0.5), "ms", BAR),
        Fact::new(name("p99"), quantile(&times, 0.99), "ms"),
    ])
}

/// Many events in the outbox of user-svc, of new users, each of which becomes a customer of payment-svc.
struct Many<'a> {
    mesh: &'a Mesh,
    outbox: Database,
    effects: Database,
    events: usize,
    /// Events of the runs before.
    written: AtomicUsize,
}

impl Many<'_> {
    async fn apply(&self) -> Result<Sample, BoxError> {
        let first = self.written.fetch_add(self.events, Ordering::Relaxed);
        let before = self.customers().await?;
        let mut applied = Acknowledgements::of(self.mesh, &KEEP_CUSTOMERS).await?;
        let (user, event) = (id(1), id(2));
        let into = "outbox (id, lane, aggregate_id, subject, event_type, data, correlation_id, occurred_at)";
        let select = format!(
            "SELECT {event}, n % 16, {user}, '{FACT}.' || {user}, 'hearlers.{FACT}.v1', \
             json_object('userId', {user}), {event}, unixepoch() * 1000000 FROM numbers"
        );
        insert(&self.outbox, into, &select, first..first + self.events).await?;
        let began = Instant::now();
        let mut times = Vec::with_capacity(self.events);
        for _ in 0..self.events {
            applied.next().await?;
            times.push(milliseconds(began));
        }
        let sample = Sample::of(&times, began.elapsed());
        let effects = self.customers().await? - before;
        if usize::try_from(effects)? == self.events {
            Ok(sample)
        } else {
            Err(format!("{effects} effects of {} events", self.events).into())
        }
    }

    async fn customers(&self) -> Result<i64, BoxError> {
        let read = self.effects.read();
        let count = "SELECT COUNT(*) AS number FROM customers";
        let row = read.query_one_raw(Statement::from_string(read.get_database_backend(), count)).await?;
        Ok(row.ok_or("a count has a row")?.try_get("", "number")?)
    }
}

/// As many events, as large, published as fast as the broker acknowledges them.
async fn publish(jetstream: &jetstream::Context, events: usize) -> Result<Sample, BoxError> {
    let began = Instant::now();
    let published = stream::iter(0..events).map(|_| async {
        let user = new_id();
        let data = format!(r#"{{"userId":"{user}"}}"#).into();
        jetstream.publish_with_headers(limits::SUBJECT, headers(FACT, &user), data).await?.await?;
        Ok::<_, BoxError>(milliseconds(began))
    });
    let times: Vec<_> = published.buffer_unordered(UNACKNOWLEDGED).try_collect().await?;
    Ok(Sample::of(&times, began.elapsed()))
}

/// What a consumer tells the broker of events that it has applied.
struct Acknowledgements(async_nats::Subscriber);

impl Acknowledgements {
    async fn of(mesh: &Mesh, consumer: &ConsumerSpec) -> Result<Self, BoxError> {
        let client = mesh.broker().await;
        let subject = format!("$JS.ACK.{}.{}.>", consumer.stream, consumer.name);
        let heard = client.subscribe(subject).await?;
        client.flush().await?;
        Ok(Self(heard))
    }

    async fn next(&mut self) -> Result<(), BoxError> {
        loop {
            let heard = timeout(PATIENCE, self.0.next()).await.map_err(|_| "nothing is acknowledged")?;
            // It may also be told that an event is being worked on, or that it was not applied. An acknowledgement may say
            // nothing at all.
            if matches!(&*heard.ok_or("the broker is gone")?.payload, b"" | b"+ACK") {
                return Ok(());
            }
        }
    }
}
