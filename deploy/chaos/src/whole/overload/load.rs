//! Load in a closed loop, which finds out what is sustainable, and in an open one, which does not care.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::requests::Requests;
use super::sockets::{End, Ended, Sockets};
use crate::whole::times::Times;

/// How often it is looked which requests are due.
const TICK: Duration = Duration::from_millis(1);
/// How long who is refused waits before the next request in a closed loop: refusals would be all that is measured.
const PATIENCE: Duration = Duration::from_millis(100);

/// So many requests a second, for so long.
#[derive(Clone, Copy)]
pub struct Step {
    pub rate: f64,
    pub lasts: Duration,
}

/// What became of the requests of a step.
pub struct Phase {
    /// How long requests were due.
    pub lasted: Duration,
    /// All that were due.
    pub ended: Vec<Ended>,
}

impl Phase {
    /// How many ended in one of these ways.
    pub fn count(&self, is_one: impl Fn(End) -> bool) -> usize {
        self.ended.iter().filter(|ended| is_one(ended.end)).count()
    }

    /// How long those took that ended so.
    pub fn times(&self, end: End) -> Times {
        self.ended.iter().filter(|ended| ended.end == end).map(|ended| ended.took).collect()
    }

    /// The same without what the load came late by.
    pub fn times_since_sent(&self, end: End) -> Times {
        let ended = self.ended.iter().filter(|ended| ended.end == end);
        ended.map(|ended| ended.took.saturating_sub(ended.late)).collect()
    }

    /// Those that write, or that do not.
    pub fn that_write(&self, writes: bool) -> Self {
        let ended = self.ended.iter().filter(|ended| ended.writes == writes).copied();
        Self { lasted: self.lasted, ended: ended.collect() }
    }

    /// What was due no sooner than that.
    pub fn since(&self, due: Duration) -> Self {
        let ended = self.ended.iter().filter(|ended| ended.due >= due).copied();
        Self { lasted: self.lasted.saturating_sub(due), ended: ended.collect() }
    }

    /// A number as one of each second.
    pub fn rate(&self, number: usize) -> f64 {
        number as f64 / self.lasted.as_secs_f64()
    }

    /// Its whole seconds, each with the requests that were due in it.
    pub fn seconds(&self) -> impl Iterator<Item = Self> {
        (0..self.lasted.as_secs()).map(|second| {
            let ended = self.ended.iter().filter(|ended| ended.due.as_secs() == second);
            Self { lasted: Duration::from_secs(1), ended: ended.copied().collect() }
        })
    }
}

/// Each of `sockets` sends its next request when it has the answer to the last one.
pub async fn closed_loop(requests: &Requests, sockets: &Sockets, duration: Duration) -> Phase {
    let began = Instant::now();
    let mut loops = Vec::new();
    while let Some(mut socket) = sockets.take() {
        let first = loops.len() * 1_000;
        loops.push(async move {
            let mut ended = Vec::new();
            while began.elapsed() < duration {
                let number = first + ended.len();
                let one = socket.ask(requests, number, began, began.elapsed()).await;
                ended.push(one);
                if one.end == End::Shed {
                    sleep(PATIENCE).await;
                }
            }
            (socket, ended)
        });
    }
    let mut ended = Vec::new();
    for (socket, some) in join_all(loops).await {
        sockets.give_back(socket);
        ended.extend(some);
    }
    Phase { lasted: began.elapsed(), ended }
}

/// Sends the requests of one step after the other by the clock, which is at zero at `began`, whatever becomes of those
/// before; then waits until all have ended. One that finds no free socket is not sent.
pub async fn open_loop(
    requests: &Arc<Requests>,
    sockets: &Sockets,
    began: Instant,
    steps: &[Step],
) -> Vec<Phase> {
    let mut phases: Vec<_> =
        steps.iter().map(|step| Phase { lasted: step.lasts, ended: Vec::new() }).collect();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut step_began, mut before) = (began, 0);
    for (index, Step { rate, lasts }) in steps.iter().copied().enumerate() {
        let all = (lasts.as_secs_f64() * rate) as usize;
        let mut offered = 0;
        while offered < all {
            ticks.tick().await;
            let passed = Instant::now().saturating_duration_since(step_began);
            // The first one is due at once.
            let until = all.min((passed.as_secs_f64() * rate) as usize + 1);
            for number in offered..until {
                let due = Duration::from_secs_f64(number as f64 / rate);
                let Some(mut socket) = sockets.take() else {
                    phases[index].ended.push(Ended::unsent(due, requests.writes(before + number)));
                    continue;
                };
                let (requests, sockets, sender) = (requests.clone(), sockets.clone(), sender.clone());
                tokio::spawn(async move {
                    let ended = socket.ask(&requests, before + number, step_began, due).await;
                    sockets.give_back(socket);
                    // Who counts is there until all senders are gone.
                    let _ = sender.send((index, ended));
                });
            }
            offered = until;
        }
        step_began += lasts;
        before += all;
    }
    drop(sender);
    while let Some((index, ended)) = receiver.recv().await {
        phases[index].ended.push(ended);
    }
    phases
}
