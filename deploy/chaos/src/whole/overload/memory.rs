//! How much memory the processes of the mesh have, as Linux tells in /proc.

use std::fs;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::stolen::Stolen;

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(250);
/// What the processes are called, and how much each may have, in MiB: as in deploy/kubernetes/base, and the broker as much as
/// the gateway.
const LIMITS: [(&str, f64); 5] = [
    ("gateway", 512.0),
    ("user-svc", 256.0),
    ("counseling-svc", 256.0),
    ("payment-svc", 256.0),
    (BROKER, 512.0),
];
/// The broker's name there.
pub const BROKER: &str = "nats-server";

/// The resident memory of a process over time.
pub struct Memory {
    /// What it is called.
    pub name: &'static str,
    /// How much it may have, in MiB.
    pub limit: f64,
    id: u32,
    /// In KiB, in order.
    samples: Vec<(Duration, u64)>,
}

impl Memory {
    /// The most it ever had, in MiB.
    pub fn peak(&self) -> f64 {
        mebibytes(self.samples.iter().map(|(_, resident)| *resident).max().unwrap_or_default())
    }

    /// What it usually had in these times, in MiB: the median, because a spike is no trend.
    pub fn usual(&self, times: &Range<Duration>) -> f64 {
        let samples = self.samples.iter().filter(|(at, _)| times.contains(at));
        let mut sorted: Vec<_> = samples.map(|(_, resident)| *resident).collect();
        sorted.sort_unstable();
        mebibytes(sorted.get(sorted.len() / 2).copied().unwrap_or_default())
    }

    /// How much more it had in the last quarter of these times than in the one before, in MiB.
    pub fn growth(&self, times: &Range<Duration>) -> f64 {
        let quarter = (times.end - times.start) / 4;
        let before = self.usual(&(times.end - quarter * 2..times.end - quarter));
        self.usual(&(times.end - quarter..times.end)) - before
    }
}

fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

/// Looks at all processes of the mesh that this one has started, and at the machine, until `is_over`; the clock is at zero
/// at `began`.
pub async fn watch(began: Instant, is_over: &AtomicBool) -> (Vec<Memory>, Stolen) {
    let (mut memories, mut stolen) = (processes(), Stolen::default());
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        stolen.look(began.elapsed());
        for memory in &mut memories {
            memory.samples.extend(resident(memory.id).map(|resident| (began.elapsed(), resident)));
        }
    }
    (memories, stolen)
}

/// A process of the mesh is the child of its watchdog, and that is ours.
fn processes() -> Vec<Memory> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ours = ids.filter_map(|id| {
        let called = field(id, "Name:")?;
        let order = LIMITS.iter().position(|(name, _)| called == *name)?;
        let watchdog = field(id, "PPid:")?.parse().ok()?;
        let ours = field(watchdog, "PPid:")?.parse::<u32>().ok()? == std::process::id();
        let (name, limit) = LIMITS[order];
        ours.then(|| (order, Memory { name, limit, id, samples: Vec::new() }))
    });
    let mut memories: Vec<_> = ours.collect();
    memories.sort_by_key(|(order, memory)| (*order, memory.id));
    memories.into_iter().map(|(_, memory)| memory).collect()
}

/// In KiB.
fn resident(id: u32) -> Option<u64> {
    field(id, "VmRSS:")?.parse().ok()
}

/// The first word behind this name in the status of a process.
pub(super) fn field(id: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One sample a second, in MiB.
    fn memory(samples: &[u64]) -> Memory {
        let samples = samples.iter().enumerate();
        let samples =
            samples.map(|(second, mebi)| (Duration::from_secs(second as u64), mebi * 1024)).collect();
        Memory { name: "gateway", limit: 512.0, id: 1, samples }
    }

    #[test]
    fn growth_is_that_of_the_last_half() {
        let times = Duration::ZERO..Duration::from_secs(200);
        let grew_early = memory(&[vec![1; 100], vec![9; 100]].concat());
        assert_eq!((grew_early.peak(), grew_early.growth(&times)), (9.0, 0.0));
        assert_eq!(grew_early.usual(&(Duration::ZERO..Duration::from_secs(50))), 1.0);
        let grows = memory(&(0..200).collect::<Vec<_>>());
        assert_eq!(grows.growth(&times), 50.0);
        let mut spiked = vec![1; 200];
        spiked[190] = 100;
        assert_eq!((memory(&spiked).peak(), memory(&spiked).growth(&times)), (100.0, 0.0));
        assert_eq!((memory(&[]).peak(), memory(&[]).growth(&times)), (0.0, 0.0));
    }
}
