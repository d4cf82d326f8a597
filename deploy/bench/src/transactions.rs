//! How long writing transactions were open, as a service's log tells.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use serde::Deserialize;

use crate::BoxError;
use crate::load::quantile;

/// The longest that a transaction of a turn should be open, in milliseconds.
pub(crate) const BAR: f64 = 20.0;

/// What a service has to log: the transactions, and the spans that tell what each was for.
pub(crate) const LOGGED: &str =
    "shared::database=debug,shared::grpc::trace=info,shared::messaging::consumer=info";

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
    #[serde(default)]
    span: Span,
}

/// What it was for: a call, an event, or neither.
#[derive(Default, Deserialize)]
struct Span {
    rpc: Option<String>,
    consumer: Option<String>,
}

impl Transactions {
    pub(crate) fn from_now(service: &'static str, log: PathBuf) -> Result<Self, BoxError> {
        let from = log.metadata()?.len();
        Ok(Self { service, log, from })
    }

    /// Prints a line for each purpose: how many, and how long.
    pub(crate) fn print(&self) -> Result<(), BoxError> {
        for (purpose, times) in self.read()? {
            let longest = quantile(&times, 1.0);
            println!(
                "{:<48}{:>10}{:>10.2}{:>10.2}{longest:>12.2}   {}",
                format!("{}: {purpose}", self.service),
                times.len(),
                quantile(&times, 0.5),
                quantile(&times, 0.99),
                if longest < BAR { "below the bar" } else { "ABOVE the bar" },
            );
        }
        Ok(())
    }

    /// Milliseconds of each, by what they were for.
    fn read(&self) -> Result<BTreeMap<String, Vec<f64>>, BoxError> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let mut times: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in text.lines().filter_map(|line| serde_json::from_str::<Committed>(line).ok()) {
            if line.message == "transaction committed" {
                let rpc = line.span.rpc.and_then(|path| path.rsplit('/').next().map(str::to_owned));
                let purpose = rpc.or(line.span.consumer).unwrap_or_else(|| "by itself".to_owned());
                times.entry(purpose).or_default().push(line.ms);
            }
        }
        Ok(times)
    }
}
