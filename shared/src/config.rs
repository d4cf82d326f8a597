//! Typed configuration from environment variables and an optional TOML file.
//!
//! A key such as `nats.url` is the environment variable `NATS_URL` or `url` in the table `[nats]` of the file that
//! `MESH_CONFIG` names; the environment wins. A secret may be given as a file: `SESSION_KEY_FILE`. Every missing
//! or wrong key is collected, so that one failed start names them all. What is read can be told, for [`reference`].

pub mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::mpsc::Sender;
use std::time::Duration;

use reference::{Absent, Asked, Kind};

/// Every key that is missing or wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<String>);

impl Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the configuration is not complete:")?;
        for problem in &self.0 {
            write!(out, "\n  - {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// A secret: never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `value` secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// Where values come from, and what was found wrong with them so far.
pub struct Source {
    environment: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    unread: BTreeSet<String>,
    problems: Vec<String>,
    told: Option<Sender<Asked>>,
}

impl Source {
    /// The process's environment, and the file that `MESH_CONFIG` names.
    pub fn from_environment() -> Self {
        Self::new(std::env::vars())
    }

    /// These variables in place of the environment, and the file that `MESH_CONFIG` among them names.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut source = Self {
            environment: variables.into_iter().collect(),
            file: BTreeMap::new(),
            unread: BTreeSet::new(),
            problems: Vec::new(),
            told: None,
        };
        if let Some(path) = source.environment.get("MESH_CONFIG").cloned() {
            source.read_file(&path);
        }
        source
    }

    /// Nothing at all, but tells what it is asked for.
    pub fn telling(told: Sender<Asked>) -> Self {
        Self { told: Some(told), ..Self::new([]) }
    }

    fn read_file(&mut self, path: &str) {
        let parsed = std::fs::read_to_string(path)
            .map_err(|error| error.to_string())
            .and_then(|text| text.parse::<toml::Table>().map_err(|error| error.to_string()));
        match parsed {
            Ok(table) => {
                flatten("", &table, &mut self.file);
                self.unread = self.file.keys().cloned().collect();
            }
            Err(error) => self.problems.push(format!("MESH_CONFIG: {path} cannot be read: {error}")),
        }
    }

    /// The value of a key that must be there; `example` is shown when it is not.
    pub fn required<T: FromStr + 'static>(&mut self, key: &str, example: &str) -> Option<T>
    where
        T::Err: Display,
    {
        self.tell(key, Kind::of::<T>(), Absent::Refused);
        match self.raw(key) {
            Some(text) => self.parse(key, &text),
            None => {
                let name = variable(key);
                self.problems.push(format!("{name} is missing, e.g. {name}={example}"));
                None
            }
        }
    }

    /// The value of a key, or `default`.
    pub fn or<T: FromStr + Display + 'static>(&mut self, key: &str, default: T) -> T
    where
        T::Err: Display,
    {
        self.tell(key, Kind::of::<T>(), Absent::Means(default.to_string()));
        self.read_or(key, default)
    }

    fn read_or<T: FromStr>(&mut self, key: &str, default: T) -> T
    where
        T::Err: Display,
    {
        match self.raw(key) {
            Some(text) => self.parse(key, &text).unwrap_or(default),
            None => default,
        }
    }

    /// The value of a key that may be absent.
    pub fn optional<T: FromStr + 'static>(&mut self, key: &str) -> Option<T>
    where
        T::Err: Display,
    {
        self.tell(key, Kind::of::<T>(), Absent::Fine);
        let text = self.raw(key)?;
        self.parse(key, &text)
    }

    /// A secret of at least `min_length` bytes, from the key or from the file that `<key>_FILE` names.
    pub fn secret(&mut self, key: &str, min_length: usize) -> Option<Secret> {
        self.tell(key, Kind::Secret, Absent::Refused);
        let known = self.problems.len();
        let secret = self.read_secret(key, min_length);
        if secret.is_none() && self.problems.len() == known {
            let name = variable(key);
            self.problems.push(format!("{name} or {name}_FILE is missing"));
        }
        secret
    }

    /// As [`secret`](Self::secret), for one that may be absent.
    pub fn optional_secret(&mut self, key: &str, min_length: usize) -> Option<Secret> {
        self.tell(key, Kind::Secret, Absent::Fine);
        self.read_secret(key, min_length)
    }

    /// A secret that nobody needs now: it may be there, and is not looked at.
    pub fn unneeded_secret(&mut self, key: &str) {
        self.tell(key, Kind::Secret, Absent::Fine);
        self.raw(key);
        self.raw(&format!("{key}.file"));
    }

    fn read_secret(&mut self, key: &str, min_length: usize) -> Option<Secret> {
        let name = variable(key);
        let text = match (self.raw(key), self.raw(&format!("{key}.file"))) {
            (Some(text), _) => text,
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => text.trim().to_owned(),
                Err(error) => {
                    self.problems.push(format!("{name}_FILE: {path} cannot be read: {error}"));
                    return None;
                }
            },
            (None, None) => return None,
        };
        if text.len() < min_length {
            self.problems.push(format!("{name} must be at least {min_length} bytes long"));
            return None;
        }
        Some(Secret(text))
    }

    /// A number of seconds, fractions allowed, or `default`.
    pub fn seconds(&mut self, key: &str, default: Duration) -> Duration {
        self.tell(key, Kind::Seconds, Absent::Means(default.as_secs_f64().to_string()));
        let seconds = self.read_or(key, default.as_secs_f64());
        Duration::try_from_secs_f64(seconds).unwrap_or_else(|error| {
            self.problems.push(format!("{}: {error}", variable(key)));
            default
        })
    }

    /// A comma-separated list; empty when absent.
    pub fn list(&mut self, key: &str) -> Vec<String> {
        self.tell(key, Kind::List, Absent::Fine);
        let text = self.raw(key).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// Notes that a value is wrong for a reason that its type does not tell.
    pub fn refuse(&mut self, key: &str, reason: &str) {
        self.problems.push(format!("{}: {reason}", variable(key)));
    }

    /// Builds the configuration with `build`, unless anything was missing, wrong or unknown.
    ///
    /// # Errors
    /// Every problem found since the source was made.
    pub fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, ConfigError> {
        for key in &self.unread {
            self.problems.push(format!("{key} in the configuration file is not a known key"));
        }
        if !self.problems.is_empty() {
            return Err(ConfigError(self.problems));
        }
        build().ok_or_else(|| ConfigError(vec!["a required key was not read".to_owned()]))
    }

    fn tell(&self, key: &str, kind: Kind, absent: Absent) {
        if let Some(told) = &self.told {
            // Whoever asked to be told and has gone away does not want to know.
            let _ = told.send(Asked { variable: variable(key), kind, absent });
        }
    }

    fn raw(&mut self, key: &str) -> Option<String> {
        self.unread.remove(key);
        let from_environment = self.environment.get(&variable(key)).filter(|text| !text.is_empty());
        from_environment.or_else(|| self.file.get(key)).cloned()
    }

    fn parse<T: FromStr>(&mut self, key: &str, text: &str) -> Option<T>
    where
        T::Err: Display,
    {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(format!("{}: {error}", variable(key)));
                None
            }
        }
    }
}

fn variable(key: &str) -> String {
    key.replace('.', "_").to_uppercase()
}

fn flatten(prefix: &str, table: &toml::Table, into: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, into),
            toml::Value::String(text) => {
                into.insert(key, text.clone());
            }
            toml::Value::Array(items) => {
                let items: Vec<_> = items.iter().map(plain).collect();
                into.insert(key, items.join(","));
            }
            other => {
                into.insert(key, plain(other));
            }
        }
    }
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Corpus;

    fn source(variables: &[(&str, &str)]) -> Source {
        Source::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let mut source = source(&[("LISTEN_PORT", "many"), ("KEY", "short")]);
        let port = source.or("listen.port", 8080_u16);
        let url: Option<String> = source.required("database.url", "sqlite://data.db");
        let key = source.secret("key", 32);
        let error = source.finish(|| Some((port, url?, key?))).unwrap_err().to_string();
        for name in ["LISTEN_PORT", "DATABASE_URL is missing", "KEY must be at least 32 bytes"] {
            assert!(error.contains(name), "{name} is not in: {error}");
        }
    }

    #[test]
    fn a_value_is_read_or_its_variable_named() {
        Corpus::new(["8080", "0.25", "nats://a:4222,nats://b:4222", "1e30", "-0.0", "true"]).check_text(
            file!(),
            |text| {
                let names = ["PORT", "LIMIT", "LIST", "KEY"];
                let mut source = Source::new(names.map(|name| (name.to_owned(), text.to_owned())));
                let port = source.or("port", 1_u16);
                let limit = source.seconds("limit", Duration::from_secs(1));
                let items = source.list("list");
                assert!(items.iter().all(|item| !item.is_empty() && !item.contains(',')), "{items:?}");
                let key = source.optional_secret("key", 8);
                let is_short = key.is_none() && !text.is_empty();
                if let Err(error) = source.finish(|| Some(())) {
                    let named = |name: &str| error.0.iter().any(|line| line.starts_with(name));
                    assert!(
                        error.0.len() <= names.len()
                            && error.0.iter().all(|line| names.iter().any(|name| line.starts_with(name))),
                        "{error}"
                    );
                    assert!(!is_short || named("KEY"), "{error}");
                } else {
                    assert!(
                        text.is_empty()
                            || (text.parse() == Ok(port) && text.parse() == Ok(limit.as_secs_f64())),
                        "{text}"
                    );
                }
            },
        );
    }

    #[test]
    fn a_missing_secret_is_named_once() {
        let mut missing = source(&[("SHORT", "1")]);
        assert!(missing.secret("key", 10).is_none() && missing.secret("short", 10).is_none());
        let error = missing.finish(|| Some(())).unwrap_err();
        assert_eq!(error.0, ["KEY or KEY_FILE is missing", "SHORT must be at least 10 bytes long"]);
    }

    #[test]
    fn the_environment_wins_over_the_file_and_unknown_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mesh.toml");
        std::fs::write(&path, "[nats]\nurl = \"nats://file\"\nsubject = 1\n[cors]\norigins = [\"a\", \"b\"]")
            .unwrap();
        let path = path.to_str().unwrap();

        let mut both = source(&[("MESH_CONFIG", path), ("NATS_URL", "nats://environment")]);
        assert_eq!(both.or("nats.url", String::new()), "nats://environment");
        assert_eq!(both.list("cors.origins"), ["a", "b"]);
        let error = both.finish(|| Some(())).unwrap_err().to_string();
        assert!(error.contains("nats.subject in the configuration file is not a known key"), "{error}");
    }

    #[test]
    fn a_secret_is_read_from_a_file_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "0123456789\n").unwrap();
        let mut source = source(&[("KEY_FILE", path.to_str().unwrap())]);
        let secret = source.secret("key", 10).unwrap();
        assert_eq!(secret.expose(), "0123456789");
        assert!(!format!("{secret:?}").contains("0123"));
        assert!(source.optional_secret("other.key", 10).is_none());
        source.finish(|| Some(())).unwrap();
    }
}
