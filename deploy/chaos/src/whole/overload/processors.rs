//! Whose processors are whose. Those who ask too much of a mesh are elsewhere and take nothing of its machines; here they
//! are beside it, and would.

use std::collections::BTreeSet;
use std::fmt;
use std::process::Command;
use std::sync::OnceLock;

use super::memory::field;
use crate::BoxError;

/// Of how many processors the load has one.
const OF_THE_LOAD: usize = 4;

/// Numbers of processors, as Linux has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processors(BTreeSet<usize>);

impl Processors {
    /// Divides those that this process began with into those of the load, and those of the mesh; none when there is only
    /// one.
    pub fn divided() -> Option<[Self; 2]> {
        // Asked once: who is confined sees no others, and there may be another run.
        static DIVIDED: OnceLock<Option<[Processors; 2]>> = OnceLock::new();
        let divide = || Self::listed(&field(std::process::id(), "Cpus_allowed_list:")?)?.split();
        DIVIDED.get_or_init(divide).clone()
    }

    /// Of a list like `0-2,5`.
    fn listed(list: &str) -> Option<Self> {
        let mut all = BTreeSet::new();
        for part in list.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            all.extend(first..=last);
        }
        Some(Self(all))
    }

    fn split(mut self) -> Option<[Self; 2]> {
        let first = (self.0.len() / OF_THE_LOAD).max(1);
        let first = *self.0.iter().nth(first)?;
        let mesh = self.0.split_off(&first);
        Some([self, Self(mesh)])
    }

    /// This process has these alone from now on, and so has what it starts.
    ///
    /// # Errors
    /// When there is no `taskset`, or it fails.
    pub fn confine(&self) -> Result<(), BoxError> {
        let mut taskset = Command::new("taskset");
        taskset.args([
            "--all-tasks",
            "--cpu-list",
            "--pid",
            &self.to_string(),
            &std::process::id().to_string(),
        ]);
        let ran = taskset.output()?;
        if !ran.status.success() {
            return Err(format!("taskset: {}", String::from_utf8_lossy(&ran.stderr)).into());
        }
        Ok(())
    }
}

impl fmt::Display for Processors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<_> = self.0.iter().map(usize::to_string).collect();
        out.write_str(&numbers.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_has_a_quarter_of_them_but_one_at_least() {
        for (list, load, mesh) in [("0-1", "0", "1"), ("2,5-6", "2", "5,6"), ("0-7", "0,1", "2,3,4,5,6,7")] {
            let split = Processors::listed(list).unwrap().split().unwrap();
            assert_eq!(split.map(|processors| processors.to_string()), [load, mesh]);
        }
        assert_eq!(Processors::listed("3").unwrap().split(), None);
        assert_eq!(Processors::listed("0-x"), None);
    }
}
