//! How long writing transactions were open, as a service's log tells.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use serde::Deserialize;

use crate::BoxError;
use crate::load::quantile;

/// The longest that a transaction of a turn should be open, in milliseconds.
pub(crate) const BAR: f64 = 20.0;

/// The transactions that a service commits from some moment on.
pub(crate) struct Transactions {
    service: &'static str,
    log: PathBuf,
    from: u64,
}

/// The line that `shared::database` writes.
#[derive(Deserialize)]
struct Committed {
    message: String,
    ms: f64,
}

impl Transactions {
    pub(crate) fn from_now(service: &'static str, log: PathBuf) -> Result<Self, BoxError> {
        let from = log.metadata()?.len();
        Ok(Self { service, log, from })
    }

    /// One line for a table: how many, and how long.
    pub(crate) fn summary(&self) -> Result<String, BoxError> {
        let times = self.read()?;
        let longest = quantile(&times, 1.0);
        Ok(format!(
            "{:<16}{:>10}{:>12.2}{:>12.2}{:>12.2}   {}",
            self.service,
            times.len(),
            quantile(&times, 0.5),
            quantile(&times, 0.99),
            longest,
            if longest < BAR { "below the bar" } else { "ABOVE the bar" },
        ))
    }

    /// Milliseconds of each.
    fn read(&self) -> Result<Vec<f64>, BoxError> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Committed>(line).ok());
        Ok(lines.filter(|line| line.message == "transaction committed").map(|line| line.ms).collect())
    }
}
