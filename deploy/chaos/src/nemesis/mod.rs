//! What goes wrong: processes die and stand still, clocks jump, the provider's wire and the models fail, disks are full and
//! slow, notices come twice, late, or not at all.

mod disk;
mod host;
mod model;
mod notices;
mod processes;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use disk::{Disk, has_own_mounts, with_own_mounts};
pub use host::{Host, preload};
pub use model::Models;
pub use notices::NoticeDesk;
pub use processes::disturb;
pub use wire::Wire;

/// How often what went wrong, and whether more is to.
#[derive(Clone, Default)]
pub struct Faults(Arc<Known>);

#[derive(Default)]
struct Known {
    counts: Mutex<BTreeMap<&'static str, u64>>,
    is_over: AtomicBool,
}

impl Faults {
    /// One more of this kind.
    pub fn count(&self, kind: &'static str) {
        *self.0.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    /// How many there were of each kind.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets nothing go wrong from now on.
    pub fn end(&self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }

    /// Whether nothing is to go wrong any more.
    pub fn are_over(&self) -> bool {
        self.0.is_over.load(Ordering::SeqCst)
    }
}
