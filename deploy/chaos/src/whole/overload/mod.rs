//! `chaos overload`: ten times as many requests as the mesh can answer, by the clock: those that it accepts are to take no
//! longer than else, its memory is to stay bounded, and when it is over it is to be over.

mod load;
mod memory;
mod report;
mod requests;
mod sockets;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use load::{Phase, closed_loop, open_loop};
use memory::Memory;
pub use report::Report;
use requests::Requests;
use shared::testkit::Engine;
use sockets::{End, Ended, Sockets};

use super::mesh::Mesh;
use super::rest::Rest;
use super::times::Times;
use super::until_ready;
use crate::BoxError;

/// How many sockets find out what is sustainable, and for how long.
const CLOSED: usize = 32;
const WARM_UP: Duration = Duration::from_secs(5);
/// How long the mesh then gets to calm down under the normal load, and how long that lasts after it.
const REST: Duration = Duration::from_secs(5);
const NORMAL: Duration = Duration::from_secs(10);
/// What is normal of what is sustainable, and what is too much.
const NORMAL_SHARE: f64 = 0.5;
const OVERLOAD_SHARE: f64 = 10.0;
/// How much longer than normal the slowest of a hundred may take.
const SLOWER: u32 = 2;
/// How long recovery is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long there is too much.
    pub overload: Duration,
    /// How many sockets the load has at most.
    pub sockets: usize,
    /// Where the services keep their data.
    pub engine: Engine,
}

/// Runs it.
///
/// # Errors
/// When the mesh cannot be run.
pub async fn run(options: Options) -> Result<Report, BoxError> {
    let mesh = Box::pin(Mesh::start(options.engine, false, None, |_, process| process)).await?;
    let rest = Rest::new(mesh.gateways(), &mesh.folder().join("history.jsonl"))?;
    until_ready(&rest).await?;
    let requests = Arc::new(Requests::prepare(&rest).await?);
    let sockets = |number| Sockets::new(&mesh.gateways(), number);

    let few = sockets(CLOSED)?;
    // Once for connections, caches and pools, and once to count.
    closed_loop(&requests, &few, WARM_UP).await;
    let warm_up = closed_loop(&requests, &few, WARM_UP).await;
    let sustainable = warm_up.rate(warm_up.count(End::Accepted));
    if sustainable < 1.0 {
        return Err("the mesh answers nothing".into());
    }
    let many = sockets(options.sockets)?;
    let lasts = |limit| move |elapsed: Duration, _: &[Ended]| elapsed >= limit;
    // What is sustainable is as much as there can be, and leaves the mesh as busy as it can be.
    open_loop(&requests, &many, sustainable * NORMAL_SHARE, lasts(REST)).await;
    let normal = open_loop(&requests, &many, sustainable * NORMAL_SHARE, lasts(NORMAL)).await;

    let is_over = AtomicBool::new(false);
    let overload = async {
        let rate = sustainable * OVERLOAD_SHARE;
        let phase = open_loop(&requests, &many, rate, lasts(options.overload)).await;
        is_over.store(true, Ordering::Relaxed);
        phase
    };
    let (overload, memory) = tokio::join!(overload, memory::watch(&is_over));
    let longest = normal.times(End::Accepted).at(99) * SLOWER;
    let recovered = recovery(&requests, &sockets(options.sockets)?, sustainable, longest).await;
    Ok(Report { options, sustainable, normal, overload, memory, recovered })
}

/// How long it takes under the normal load until a second is like any other, if it ever is.
async fn recovery(
    requests: &Arc<Requests>,
    sockets: &Sockets,
    sustainable: f64,
    longest: Duration,
) -> Option<Duration> {
    let mut recovered = None;
    let is_over = |elapsed: Duration, second: &[Ended]| {
        let times: Times = second.iter().map(|ended| ended.took).collect();
        let is_answered = second.iter().all(|ended| ended.end == End::Accepted);
        if !second.is_empty() && is_answered && times.at(99) <= longest {
            recovered = Some(elapsed);
        }
        recovered.is_some() || elapsed > PATIENCE
    };
    open_loop(requests, sockets, sustainable * NORMAL_SHARE, is_over).await;
    recovered
}
