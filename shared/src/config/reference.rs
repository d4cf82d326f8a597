//! The reference of every variable, made from what the processes ask a [`Source`](super::Source) for.
//!
//! Names, kinds and defaults are those that were asked for. What a variable means stands in a table beside the code that
//! reads it; a variable without a meaning, and a meaning without a variable, are errors.

mod meanings;

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use meanings::MEANINGS;

/// A variable, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its name in the environment.
    pub variable: String,
    /// What it holds.
    pub kind: Kind,
    /// What it means when it is not there.
    pub absent: Absent,
}

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A number.
    Number,
    /// A number of seconds, fractions allowed.
    Seconds,
    /// An IP address and a port.
    Address,
    /// The path of a file or folder.
    Path,
    /// Texts with commas between them.
    List,
    /// A secret, or by `<name>_FILE` the path of a file that holds it.
    Secret,
    /// Any text.
    Text,
}

impl Kind {
    /// The kind of a value that is parsed as `T`.
    pub(super) fn of<T: 'static>() -> Self {
        let asked = TypeId::of::<T>();
        let is_any = |types: &[TypeId]| types.contains(&asked);
        match () {
            () if is_any(&[TypeId::of::<bool>()]) => Self::Switch,
            () if is_any(&[TypeId::of::<SocketAddr>()]) => Self::Address,
            () if is_any(&[TypeId::of::<PathBuf>()]) => Self::Path,
            () if is_any(&[TypeId::of::<u8>(), TypeId::of::<u16>(), TypeId::of::<u32>()]) => Self::Number,
            () if is_any(&[TypeId::of::<u64>(), TypeId::of::<usize>(), TypeId::of::<f64>()]) => Self::Number,
            () if is_any(&[TypeId::of::<i32>(), TypeId::of::<i64>()]) => Self::Number,
            () => Self::Text,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Switch => "true or false",
            Self::Number => "number",
            Self::Seconds => "seconds",
            Self::Address => "address",
            Self::Path => "path",
            Self::List => "list",
            Self::Secret => "secret",
            Self::Text => "text",
        }
    }
}

/// What it means that a variable is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The process does not start.
    Refused,
    /// As if it had this value.
    Means(String),
    /// Nothing: there is none.
    Fine,
}

impl Absent {
    fn label(&self) -> String {
        match self {
            Self::Refused => "required".to_owned(),
            Self::Means(value) if value.is_empty() => "empty".to_owned(),
            Self::Means(value) => format!("`{value}`"),
            Self::Fine => "none".to_owned(),
        }
    }
}

/// What a variable means.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    variable: &'static str,
    text: &'static str,
    default: Option<&'static str>,
}

impl Meaning {
    /// What `variable` means, in Markdown.
    pub const fn of(variable: &'static str, text: &'static str) -> Self {
        Self { variable, text, default: None }
    }

    /// The same, with words for a default that depends on the machine or on other variables.
    #[must_use]
    pub const fn otherwise(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }
}

/// The reference in Markdown: of each process, what it asked for.
///
/// # Errors
/// Names each variable without a meaning, and each meaning whose variable nobody asked for.
pub fn render(processes: &[(&str, Vec<Asked>)], meanings: &[Meaning]) -> Result<String, Vec<String>> {
    let mut readers: BTreeMap<&str, BTreeMap<&str, &Asked>> = BTreeMap::new();
    for (process, all) in processes {
        for asked in all {
            readers.entry(&asked.variable).or_default().entry(process).or_insert(asked);
        }
    }
    let explained: BTreeSet<_> = meanings.iter().map(|meaning| meaning.variable).collect();
    let unexplained = readers.keys().filter(|name| !explained.contains(*name));
    let problems = unexplained.map(|name| format!("{name} has no meaning"));
    let unread = explained.iter().filter(|name| !readers.contains_key(*name));
    let problems: Vec<_> = problems.chain(unread.map(|name| format!("nobody reads {name}"))).collect();
    if !problems.is_empty() {
        return Err(problems);
    }

    let mut sections: BTreeMap<(usize, String), String> = BTreeMap::new();
    for meaning in meanings {
        let by_process = &readers[meaning.variable];
        let section = title(processes, by_process);
        let rows = sections.entry(section).or_default();
        let (first, default) = (by_process.values().next(), default(meaning, by_process));
        let kind = first.map_or("text", |asked| asked.kind.label());
        let _ = writeln!(rows, "| `{}` | {kind} | {default} | {} |", meaning.variable, meaning.text);
    }
    let mut text = HEAD.to_owned();
    for ((_, title), rows) in sections {
        let _ = write!(
            text,
            "\n## {title}\n\n| variable | type | default | meaning |\n|---|---|---|---|\n{rows}"
        );
    }
    Ok(text)
}

/// What most read comes first.
fn title(processes: &[(&str, Vec<Asked>)], readers: &BTreeMap<&str, &Asked>) -> (usize, String) {
    let reading = processes.iter().map(|(process, _)| *process).filter(|name| readers.contains_key(name));
    let names: Vec<_> = reading.collect();
    let rank = processes.len() - names.len();
    match names[..] {
        _ if rank == 0 => (rank, "Every process".to_owned()),
        [one] => {
            let place = processes.iter().position(|(process, _)| *process == one).unwrap_or_default();
            (rank + place, one.to_owned())
        }
        [.., last] => {
            let others = names[..names.len() - 1].join(", ");
            (rank, format!("{others} and {last}"))
        }
        [] => (rank, String::new()),
    }
}

fn default(meaning: &Meaning, readers: &BTreeMap<&str, &Asked>) -> String {
    if let Some(words) = meaning.default {
        return words.to_owned();
    }
    let labels: BTreeSet<_> = readers.values().map(|asked| asked.absent.label()).collect();
    match labels.first() {
        Some(one) if labels.len() == 1 => one.clone(),
        _ => {
            let each = readers.iter().map(|(process, asked)| format!("{process} {}", asked.absent.label()));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

const HEAD: &str = "\
# Configuration

Made by `deploy/just config-reference` from the code that reads it; a test fails when the two differ.

A variable comes from the environment or from the TOML file that `MESH_CONFIG` names, where `NATS_URL` is `url` in the
table `[nats]`; the environment wins. Each secret may also be a file: `SESSION_KEY_FILE` for `SESSION_KEY`. A process that
misses something, or finds something wrong, names all of it and does not start.

`RUST_LOG` (default `info`) chooses what every process logs, in the language of
[`tracing`](https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html#directives). `meshctl`
reads the variables that begin with `NATS_`.
";

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::config::Source;

    fn asked(read: impl FnOnce(&mut Source)) -> Vec<Asked> {
        let (told, heard) = channel();
        let mut source = Source::telling(told);
        read(&mut source);
        drop(source);
        heard.into_iter().collect()
    }

    #[test]
    fn what_is_asked_for_is_told_once_with_its_kind_and_default() {
        let all = asked(|source| {
            source.or("listen.addr", SocketAddr::from(([127, 0, 0, 1], 80)));
            source.seconds("pause", Duration::from_millis(250));
            source.secret("key", 1);
            source.optional_secret("other.key", 1);
            source.list("origins");
            let _: Option<PathBuf> = source.optional("cert");
            let _: Option<String> = source.required("database.url", "sqlite://x");
        });
        let rows: Vec<_> = all
            .iter()
            .map(|asked| format!("{} {} {}", asked.variable, asked.kind.label(), asked.absent.label()))
            .collect();
        assert_eq!(
            rows,
            [
                "LISTEN_ADDR address `127.0.0.1:80`",
                "PAUSE seconds `0.25`",
                "KEY secret required",
                "OTHER_KEY secret none",
                "ORIGINS list none",
                "CERT path none",
                "DATABASE_URL text required",
            ]
        );
    }

    #[test]
    fn the_reference_groups_by_who_reads_and_tells_defaults_that_differ() {
        let listen = |port: u16| {
            asked(|source| {
                source.or("listen.port", port);
            })
        };
        let mut gateway = listen(80);
        gateway.extend(asked(|source| {
            source.or("size", 7_usize);
        }));
        let processes = [("gateway", gateway), ("svc", listen(81))];
        let meanings = [
            Meaning::of("SIZE", "how much").otherwise("as many as there are"),
            Meaning::of("LISTEN_PORT", "where"),
        ];
        let text = render(&processes, &meanings).unwrap();
        let (head, rest) = text.split_once("\n## Every process\n").unwrap();
        assert!(head.starts_with("# Configuration"));
        assert!(rest.contains("| `LISTEN_PORT` | number | gateway `80`, svc `81` | where |"), "{rest}");
        let (_, gateway) = rest.split_once("\n## gateway\n").unwrap();
        assert!(gateway.contains("| `SIZE` | number | as many as there are | how much |"), "{gateway}");
    }

    #[test]
    fn nothing_is_left_unexplained() {
        let processes = [("svc", asked(|source| drop(source.list("new"))))];
        let problems = render(&processes, &[Meaning::of("OLD", "gone")]).unwrap_err();
        assert_eq!(problems, ["NEW has no meaning", "nobody reads OLD"]);
    }
}
