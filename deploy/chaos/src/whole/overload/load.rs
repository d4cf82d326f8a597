//! Load in a closed loop, which finds out what is sustainable, and in an open one, which does not care.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::requests::Requests;
use super::sockets::{End, Ended, Sockets};
use crate::whole::times::Times;

/// How often it is looked which requests are due.
const TICK: Duration = Duration::from_millis(1);

/// What became of the requests of a phase.
pub struct Phase {
    /// How long requests were sent.
    pub lasted: Duration,
    /// How many were to be sent.
    pub offered: usize,
    /// Those that had a socket.
    pub ended: Vec<Ended>,
}

impl Phase {
    /// How many ended so.
    pub fn count(&self, end: End) -> usize {
        self.ended.iter().filter(|ended| ended.end == end).count()
    }

    /// Those that had no socket: all were waiting for an answer.
    pub fn unsent(&self) -> usize {
        self.offered - self.ended.len()
    }

    /// How long those took that ended so.
    pub fn times(&self, end: End) -> Times {
        self.ended.iter().filter(|ended| ended.end == end).map(|ended| ended.took).collect()
    }

    /// How much later than they were due requests were sent: whoever loads is short of time, too.
    pub fn late(&self) -> Times {
        self.ended.iter().map(|ended| ended.late).collect()
    }

    /// A number as one of each second.
    pub fn rate(&self, number: usize) -> f64 {
        number as f64 / self.lasted.as_secs_f64()
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
                ended.push(socket.ask(requests, first + ended.len(), Instant::now()).await);
            }
            (socket, ended)
        });
    }
    let mut ended = Vec::new();
    for (socket, some) in join_all(loops).await {
        sockets.give_back(socket);
        ended.extend(some);
    }
    Phase { lasted: began.elapsed(), offered: ended.len(), ended }
}

/// Sends `rate` requests a second by the clock, whatever becomes of those before, until `is_over` says so of what has
/// ended in the last second, which it is asked after each. One that finds no free socket is not sent.
pub async fn open_loop(
    requests: &Arc<Requests>,
    sockets: &Sockets,
    rate: f64,
    mut is_over: impl FnMut(Duration, &[Ended]) -> bool,
) -> Phase {
    let began = Instant::now();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut offered, mut ended, mut seen, mut seconds) = (0, Vec::new(), 0, 0);
    loop {
        ticks.tick().await;
        let due = (began.elapsed().as_secs_f64() * rate) as usize;
        for number in offered..due {
            let Some(mut socket) = sockets.take() else { continue };
            let (requests, sockets, sender) = (requests.clone(), sockets.clone(), sender.clone());
            tokio::spawn(async move {
                let due = began + Duration::from_secs_f64(number as f64 / rate);
                let ended = socket.ask(&requests, number, due).await;
                sockets.give_back(socket);
                // Who counts is there until all senders are gone.
                let _ = sender.send(ended);
            });
        }
        offered = offered.max(due);
        while let Ok(one) = receiver.try_recv() {
            ended.push(one);
        }
        if began.elapsed().as_secs() > seconds {
            seconds = began.elapsed().as_secs();
            if is_over(began.elapsed(), &ended[seen..]) {
                break;
            }
            seen = ended.len();
        }
    }
    let lasted = began.elapsed();
    drop(sender);
    while let Some(one) = receiver.recv().await {
        ended.push(one);
    }
    Phase { lasted, offered, ended }
}
