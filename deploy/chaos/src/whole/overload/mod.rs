//! `chaos overload`: ten times as many requests as the mesh can answer, by the clock: those that it accepts are to take no
//! longer than else, its memory is to stay bounded, and when it is over it is to be over.

mod load;
mod memory;
mod processors;
mod report;
mod requests;
mod sockets;
mod stolen;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use load::{Phase, Step, closed_loop, open_loop};
use memory::Memory;
use processors::Processors;
pub use report::Report;
use requests::Requests;
use shared::testkit::{Engine, Killable};
use sockets::{End, Sockets};
use stolen::Stolen;

use super::mesh::{Around, Mesh};
use super::rest::Rest;
use super::until_ready;
use crate::BoxError;

/// For how many calls a slow service has room at least when nothing else is said; other runs do without.
const FEWEST_CALLS: &str = "8";
/// How many sockets find out what is sustainable.
const CLOSED: usize = 16;
/// What is normal of what is sustainable, and what is too much.
const NORMAL: f64 = 0.5;
const OVERLOAD: f64 = 10.0;
/// How much longer than normal the slowest of a hundred may take.
const SLOWER: u32 = 2;
/// For how long the mesh may be slow when there is no longer too much.
const RECOVERY: Duration = Duration::from_secs(5);
/// How long somebody who asks one thing after the other looks whether all is well in the end.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Of the two that have processors of their own, see [`Processors::divided`].
const LOAD: usize = 0;
const MESH: usize = 1;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many requests a second are taken to be sustainable; otherwise that is found out.
    pub rate: Option<u32>,
    /// How long there is too much.
    pub overload: Duration,
    /// How long it is looked what is sustainable, what is normal, and, for five seconds more, what is so again.
    pub calm: Duration,
    /// How many sockets the load has at most.
    pub sockets: usize,
    /// How long work may wait in a gateway while nothing is refused.
    pub queue_limit: Duration,
    /// Where the services keep their data.
    pub engine: Engine,
    /// Whether load and mesh have processors of their own where there are two or more, or all of them together.
    pub is_apart: bool,
}

/// Runs it.
///
/// # Errors
/// When the mesh cannot be run.
pub async fn run(options: Options) -> Result<Report, BoxError> {
    let Options { rate, overload, calm, sockets, queue_limit, engine, is_apart } = options;
    let apart = if is_apart { Processors::divided() } else { None };
    let queue_limit = queue_limit.as_secs_f64().to_string();
    let limits = [("QUEUE_LIMIT", queue_limit.as_str()), ("UPSTREAM_CONCURRENCY_MIN", FEWEST_CALLS)];
    // What is started has what whoever started it has.
    let confine_to = |whose: usize| apart.as_ref().map_or(Ok(()), |apart| apart[whose].confine());
    confine_to(MESH)?;
    let unlimited = |_: &str, _: usize, process: Killable| process;
    let mut mesh = Box::pin(Mesh::start(engine, false, Around::default(), unlimited)).await?;
    confine_to(LOAD)?;
    let rest = Rest::new(mesh.gateways(), &mesh.folder().join("history.jsonl"))?;
    until_ready(&rest).await?;
    let user_svc = mesh.of("user-svc").next().ok_or("no user-svc")?;
    let requests = Arc::new(Requests::prepare(&rest, user_svc.address()).await?);
    let gateways = mesh.gateways();

    // Nothing is refused meanwhile: a gateway that looks for too much finds some by chance, too, and this would be less.
    let few = Sockets::new(&gateways, CLOSED)?;
    // Once for connections, caches and pools, and once to count.
    closed_loop(&requests, &few, calm).await;
    let closed = closed_loop(&requests, &few, calm).await;
    let found = closed.rate(closed.count(|end| end == End::Accepted));
    if found < 1.0 {
        return Err("the mesh answers nothing".into());
    }
    let sustainable = rate.map_or(found, f64::from);
    confine_to(MESH)?;
    limit_gateways(&mut mesh, &limits);
    confine_to(LOAD)?;
    until_ready(&rest).await?;
    let normal = |lasts| Step { rate: sustainable * NORMAL, lasts };
    // What is sustainable is as much as there can be, and leaves the mesh as busy as it can be: it calms down first.
    let rates = [
        normal(calm),
        normal(calm),
        Step { rate: sustainable * OVERLOAD, lasts: overload },
        normal(calm + RECOVERY),
    ];
    let (began, is_over) = (Instant::now(), AtomicBool::new(false));
    let many = Sockets::new(&gateways, sockets)?;
    let load = async {
        let phases = open_loop(&requests, &many, began, &rates).await;
        is_over.store(true, Ordering::Relaxed);
        phases
    };
    let (phases, (memory, stolen)) = tokio::join!(load, memory::watch(began, &is_over));
    let [_, normal, overload, recovery] = <[Phase; 4]>::try_from(phases).map_err(|_| "a phase is missing")?;
    let afterwards = closed_loop(&requests, &Sockets::new(&gateways, 1)?, AFTERWARDS).await;
    Ok(Report { options, apart, closed, sustainable, normal, overload, recovery, afterwards, memory, stolen })
}

/// Starts the gateways anew, with these variables.
fn limit_gateways(mesh: &mut Mesh, limits: &[(&str, &str)]) {
    let all = std::mem::take(&mut mesh.processes).into_iter();
    let limited = all.map(|(name, process)| {
        if name != "gateway" {
            return (name, process);
        }
        process.kill();
        let process = process.with(limits);
        process.start();
        (name, process)
    });
    mesh.processes = limited.collect();
}
