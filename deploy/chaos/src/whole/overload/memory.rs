//! How much memory the processes of the mesh have, as Linux tells in /proc.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(250);
/// What the processes are called.
const NAMES: [&str; 5] = ["gateway", "user-svc", "counseling-svc", "payment-svc", "nats-server"];

/// The resident memory of a process over time.
pub struct Memory {
    /// What it is called.
    pub name: &'static str,
    id: u32,
    /// In KiB, in order.
    samples: Vec<u64>,
}

impl Memory {
    /// The most it had, in MiB.
    pub fn peak(&self) -> f64 {
        mebibytes(self.samples.iter().copied().max().unwrap_or_default())
    }

    /// How much more the last quarter had than the one before, in MiB: medians, because a spike is no trend.
    pub fn growth(&self) -> f64 {
        let quarter = self.samples.len() / 4;
        let last = &self.samples[self.samples.len() - quarter..];
        let before = &self.samples[self.samples.len() - 2 * quarter..self.samples.len() - quarter];
        mebibytes(median(last)) - mebibytes(median(before))
    }
}

fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Looks at all processes of the mesh that this one has started, until `is_over`.
pub async fn watch(is_over: &AtomicBool) -> Vec<Memory> {
    let mut memories = processes();
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        for memory in &mut memories {
            memory.samples.extend(resident(memory.id));
        }
    }
    memories
}

/// A process of the mesh is the child of its watchdog, and that is ours.
fn processes() -> Vec<Memory> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ours = ids.filter_map(|id| {
        let name = NAMES.into_iter().find(|name| field(id, "Name:").as_deref() == Some(*name))?;
        let watchdog = field(id, "PPid:")?.parse().ok()?;
        let ours = field(watchdog, "PPid:")?.parse::<u32>().ok()? == std::process::id();
        ours.then(|| Memory { name, id, samples: Vec::new() })
    });
    let mut memories: Vec<_> = ours.collect();
    memories.sort_by_key(|memory| (NAMES.iter().position(|name| *name == memory.name), memory.id));
    memories
}

/// In KiB.
fn resident(id: u32) -> Option<u64> {
    field(id, "VmRSS:")?.parse().ok()
}

/// The first word behind this name in the status of a process.
fn field(id: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(samples: Vec<u64>) -> Memory {
        Memory { name: "gateway", id: 1, samples }
    }

    #[test]
    fn growth_is_that_of_the_last_half() {
        let grew_early = memory([vec![1024; 100], vec![9 * 1024; 100]].concat());
        assert_eq!((grew_early.peak(), grew_early.growth()), (9.0, 0.0));
        let grows = memory((0..200).map(|second| second * 1024).collect());
        assert_eq!(grows.growth(), 50.0);
        let mut spiked = vec![1024; 200];
        spiked[190] = 100 * 1024;
        assert_eq!((memory(spiked.clone()).peak(), memory(spiked).growth()), (100.0, 0.0));
        assert_eq!((memory(Vec::new()).peak(), memory(Vec::new()).growth()), (0.0, 0.0));
    }
}
