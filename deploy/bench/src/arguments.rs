//! What is asked for on the command line.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::BoxError;

/// What can be measured.
const COMMANDS: [&str; 17] = [
    "all", "read", "list", "write", "mixed", "sign-in", "churn", "feeds", "events", "idle", "growth", "me", "turns",
    "long", "orders", "ledger", "telemetry",
];

/// Measures the running mesh: real processes, called over real connections.
///
/// What is compared is measured in one run, in turn. Absolute figures are those of a machine.
#[derive(Debug, Parser)]
#[command(after_long_help = MEASURED)]
pub(crate) struct Arguments {
    /// What is measured: see below
    #[arg(default_value = "read", hide_possible_values = true, value_parser = commands())]
    pub(crate) command: String,
    /// Rounds that count; what is told are medians of them
    #[arg(long, default_value_t = 5, value_parser = at_least_one)]
    pub(crate) rounds: usize,
    /// How long each run of a round takes (all but long and ledger)
    #[arg(long, default_value_t = 4, value_parser = at_least_one)]
    pub(crate) seconds: usize,
    /// Where the report is written as JSON and as a picture, in place of target/bench (all and what it measures, me)
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Feeds at once (feeds)
    #[arg(long, default_value_t = 2_000, value_parser = at_least_one)]
    pub(crate) feeds: usize,
    /// Events of each run (events)
    #[arg(long, default_value_t = 20_000, value_parser = at_least_one)]
    pub(crate) events: usize,
    /// Users, counsels and events when much is stored (growth)
    #[arg(long, default_value_t = 1_000_000, value_parser = at_least_one)]
    pub(crate) stored: usize,
    /// Messages of the long counsel (long)
    #[arg(long, default_value_t = 2_000, value_parser = at_least_one)]
    pub(crate) messages: usize,
    /// Postings of the large ledger (ledger)
    #[arg(long, default_value_t = 1_000_000, value_parser = at_least_one)]
    pub(crate) postings: usize,
    /// Not optimised: the figures say nothing about speed
    #[arg(long)]
    pub(crate) debug: bool,
}

const MEASURED: &str = "\
What can be measured:
  all        every one of these, up to growth
  read       GET /v1/users/me through the gateway, beside the same RPC called directly on user-svc, a bare axum
             route, and Fastify and Envoy in the gateway's place
  list       50 messages of a counsel through the gateway, beside the same RPC called directly
  write      messages that are answered, in 32 counsels, beside a row inserted and an event acknowledged
  mixed      nine reads and a message in turn, by 32 at once
  sign-in    new guests, and sessions that go on with the next tokens
  churn      GET /v1/users/me on a new connection each time, beside a bare axum route
  feeds      2,000 feeds that are told of messages, and what the mesh has in memory with them
  events     events from the outbox to their effect in another service, beside events that are only published
  idle       how long a mesh takes to start, and what it has in memory
  growth     read, list, write and sign-in with 1,000,000 users, counsels and events beside 1,000
  me         GET /v1/users/me on gateways that remember tokens and on those that do not
  turns      messages said and answered, in 32 counsels at once, on SQLite and on PostgreSQL
  long       a turn and a page of messages in a counsel of 2,000 messages beside one of 20
  orders     orders that are paid, by 32 buyers at once, with a provider that answers at once
  ledger     a posting and the balances with 1,000,000 postings beside 1,000
  telemetry  a read and a write with metrics, and a tenth of all traces or all of them, beside the same without";

fn commands() -> PossibleValuesParser {
    PossibleValuesParser::new(COMMANDS)
}

fn at_least_one(value: &str) -> Result<usize, BoxError> {
    let number = value.parse().ok().filter(|number| *number > 0);
    Ok(number.ok_or("give a whole number of 1 or more")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from([&["bench"], words].concat())
    }

    #[test]
    fn options_are_taken_or_refused_by_name() {
        let given = parse(&["list", "--rounds", "3", "--out", "docs"]).unwrap();
        assert_eq!((&*given.command, given.rounds, given.seconds), ("list", 3, 4));
        assert_eq!(given.out, Some(PathBuf::from("docs")));
        assert_eq!(parse(&[]).unwrap().command, "read");
        for wrong in [&["--rounds"][..], &["--rounds", "0"], &["--rounds", "many"]] {
            let refusal = parse(wrong).unwrap_err().to_string();
            assert!(refusal.contains("--rounds <ROUNDS>"), "{refusal}");
        }
        let refusal = parse(&["slow"]).unwrap_err().to_string();
        assert!(refusal.contains("invalid value 'slow'") && refusal.contains("growth"), "{refusal}");
    }

    #[test]
    fn what_can_be_measured_is_in_the_help() {
        for command in COMMANDS {
            assert!(MEASURED.contains(&format!("\n  {command} ")), "{command}");
        }
    }
}
