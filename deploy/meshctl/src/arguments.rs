//! What `meshctl` is asked for.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use shared::messaging::CONSUMERS;
use shared::operations::Filter;
use shared::time::Timestamp;

use crate::times;

const ENVIRONMENT: &str = "\
Environment:
  NATS_URL       where the broker is [default: nats://127.0.0.1:4222]
  NATS_USER      who asks it
  NATS_PASSWORD  the password; NATS_PASSWORD_FILE names a file that holds it
  NO_COLOR       no colours, on a terminal too

Times are RFC 3339 (2026-01-02T03:04:05Z) or ages (90s, 10m, 2h, 3d).
Ends with 0 when it was done, 1 when it could not be done, 2 when it was asked for what cannot be.";

static VERSION: LazyLock<String> = LazyLock::new(|| shared::command::version(option_env!("MESH_COMMIT")));

/// Operates the mesh: looks at it, and repairs it. Whatever changes something is put on record first.
#[derive(Parser)]
#[command(version = VERSION.as_str(), arg_required_else_help = true, after_help = ENVIRONMENT)]
pub struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args)]
pub(crate) struct Common {
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where the broker is, instead of NATS_URL
    #[arg(long = "nats", global = true, value_name = "URL", value_parser = address)]
    pub(crate) url: Option<String>,
    /// Who does it, for the record [default: $USER@host]
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub(crate) operator: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show everything on one screen: instances, streams, consumers, outboxes, dead letters, and what is wrong
    Status {
        /// Draw it anew every so many seconds (2 if not given), with rates, until Ctrl-C
        #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
              value_parser = clap::value_parser!(u64).range(1..))]
        watch: Option<u64>,
    },
    /// List the streams
    Streams,
    /// List the consumers, pause and resume them
    Consumers {
        #[command(subcommand)]
        command: Option<Consumers>,
    },
    /// Find events, look at one, follow them
    #[command(subcommand)]
    Events(Events),
    /// Show the chain of causes and effects that an event belongs to
    Trace {
        /// The id of an event, or <STREAM>:<sequence>
        event: String,
        /// Read all that was stored within this time after each event of the chain, e.g. 10m, however much that is
        #[arg(long, value_name = "DURATION", value_parser = times::duration)]
        within: Option<Duration>,
    },
    /// List, replay and discard dead letters: events that a consumer could not apply
    #[command(subcommand)]
    Dlq(Letters),
    /// Deliver to a consumer again what it has had from some point on
    Replay {
        /// The consumer
        #[arg(value_parser = consumers())]
        consumer: String,
        /// The first event: its sequence number in the stream (12 or COUNSELS:12), or a time or age
        #[arg(long, value_name = "SEQUENCE|TIME")]
        from: String,
        /// Do it; otherwise only say what would be done
        #[arg(long)]
        yes: bool,
    },
    /// Show how many events wait in the outbox of each instance
    Outbox,
    /// Ask an instance to leave, as SIGTERM does, and wait until it has left the registry
    Drain {
        /// Its id, or the beginning of it
        instance: String,
        /// Do not wait
        #[arg(long)]
        no_wait: bool,
    },
    /// List what operators did, newest last
    Audit {
        /// Since this time or age
        #[arg(long, value_name = "TIME", value_parser = times::moment)]
        since: Option<Timestamp>,
        /// The newest so many
        #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = count)]
        limit: usize,
    },
    /// Make a development authority (once) and new certificates for the gateway and the services
    Certs {
        /// Where they are written: ca.pem, and NAME.pem and NAME-key.pem for each process
        folder: PathBuf,
    },
    /// Print the users of the broker and what each may do, for nats-server's configuration
    NatsUsers,
    /// Print what makes a shell complete the words of this command
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Subcommand)]
pub(crate) enum Consumers {
    /// List them
    List,
    /// Give a consumer no events for some time. Its service resumes it too when it starts
    Pause {
        /// The consumer
        #[arg(value_parser = consumers())]
        name: String,
        /// For how long, e.g. 10m
        #[arg(long = "for", value_name = "DURATION", value_parser = times::duration)]
        pause: Duration,
    },
    /// Give a paused consumer events again
    Resume {
        /// The consumer
        #[arg(value_parser = consumers())]
        name: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Events {
    /// Find the newest events that fit
    Find {
        #[command(flatten)]
        which: Which,
        /// Stored before this time or age
        #[arg(long, value_name = "TIME", value_parser = times::moment)]
        until: Option<Timestamp>,
        /// The newest so many
        #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = count)]
        limit: usize,
    },
    /// Show one event, with all that is in it
    Get {
        /// Its id, or <STREAM>:<sequence>
        event: String,
    },
    /// Follow events as they come, until Ctrl-C
    Tail {
        #[command(flatten)]
        which: Which,
    },
}

/// Which events.
#[derive(Args)]
pub(crate) struct Which {
    /// Of this stream, e.g. COUNSELS
    #[arg(long)]
    stream: Option<String>,
    /// With this subject, or beginning of one; * and > as in NATS, e.g. counsels.message
    #[arg(long)]
    subject: Option<String>,
    /// About the aggregate with this id
    #[arg(long, value_name = "ID")]
    aggregate: Option<String>,
    /// That concern the user with this id
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Stored at this time or age, or later
    #[arg(long, value_name = "TIME", value_parser = times::moment)]
    since: Option<Timestamp>,
}

impl Which {
    pub(crate) fn filter(self, until: Option<Timestamp>) -> Filter {
        let Self { stream, subject, aggregate, user, since } = self;
        Filter { stream, subject, aggregate, user, since, until }
    }
}

#[derive(Subcommand)]
pub(crate) enum Letters {
    /// List them, newest last
    List {
        #[command(flatten)]
        which: WhichLetters,
        /// The newest so many
        #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = count)]
        limit: usize,
    },
    /// Show one, with all that is in it
    Show {
        /// Its sequence number in the stream DLQ
        sequence: u64,
    },
    /// Deliver them again, to the consumer that failed. One that fails again becomes a new dead letter
    Replay {
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Remove them for good
    Discard {
        #[command(flatten)]
        chosen: Chosen,
        /// Why nobody needs them, for the record
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

/// Which dead letters.
#[derive(Args)]
pub(crate) struct WhichLetters {
    /// Of this consumer
    #[arg(long)]
    pub(crate) consumer: Option<String>,
    /// With this original subject, or beginning of one
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Buried at this time or age, or later
    #[arg(long, value_name = "TIME", value_parser = times::moment)]
    pub(crate) since: Option<Timestamp>,
}

impl WhichLetters {
    pub(crate) fn filter(&self) -> Filter {
        Filter { subject: self.subject.clone(), since: self.since, ..Filter::default() }
    }
}

/// Dead letters by number, which are dealt with at once, or by what they have in common, with `--yes` alone.
#[derive(Args)]
#[command(group = ArgGroup::new("chosen").required(true).multiple(true)
    .args(["sequences", "consumer", "subject", "since", "all"]))]
pub(crate) struct Chosen {
    /// Their sequence numbers in the stream DLQ
    #[arg(conflicts_with_all = ["consumer", "subject", "since", "all"])]
    pub(crate) sequences: Vec<u64>,
    #[command(flatten)]
    pub(crate) which: WhichLetters,
    /// All there are
    #[arg(long, conflicts_with_all = ["consumer", "subject", "since"])]
    pub(crate) all: bool,
    /// Do it; otherwise those that are not chosen by number are only listed
    #[arg(long)]
    pub(crate) yes: bool,
}

fn consumers() -> PossibleValuesParser {
    PossibleValuesParser::new(CONSUMERS.map(|spec| spec.name))
}

fn count(text: &str) -> Result<usize, String> {
    const MOST: usize = 10_000;
    let within = |count: &usize| (1..=MOST).contains(count);
    text.parse().ok().filter(within).ok_or_else(|| format!("must be a number from 1 to {MOST}"))
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn address(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return Err("must hold no password: give NATS_USER and NATS_PASSWORD".to_owned());
    }
    Ok(text.to_owned())
}
