//! Feeds: many devices follow their users' counsels (server-sent events) while messages are said and answered. A device
//! is told the messages themselves, so that a feed asks the service for each of them.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;
use shared::mesh::SERVICES;
use tokio::sync::mpsc;

use crate::BoxError;
use crate::compare::{Contender, Plan, compare, memory};
use crate::conversation::{Conversation, Counsel};
use crate::facts::{Fact, Measured};
use crate::http::text;
use crate::arguments::Arguments;
use crate::load::{Connection, Sample, run};
use crate::mesh::{Mesh, PROVIDER, Store};
use crate::workloads::{WRITERS, counsels};

/// Feeds of each user: as many as the gateway lets one have.
const FEEDS_OF_USER: usize = 8;
/// MiB that all processes may have in memory with this many feeds.
const BAR: f64 = 400.0;
/// Files that each process needs besides one for each feed.
const OTHER_FILES: usize = 500;
/// How long the last events may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures all feeds of a gateway.
///
/// # Errors
/// When one of them is not told a message, and as [`compare`].
pub(crate) async fn measure(arguments: &Arguments) -> Result<Measured, BoxError> {
    let users = arguments.feeds.div_ceil(FEEDS_OF_USER);
    let number = users * FEEDS_OF_USER;
    expect_files(number + OTHER_FILES)?;
    let mesh = Box::pin(Mesh::start_with(Store::Sqlite, &SERVICES, &PROVIDER)).await?;
    let counsels = counsels(&mesh, users).await?;
    let feeds = &Feeds::open(&mesh, counsels).await?;
    let contender = |name, pick: fn(Both) -> Sample| {
        let run = move |duration| -> BoxFuture<'_, _> {
            Box::pin(async move { Ok(pick(feeds.tell(duration).await?)) })
        };
        Contender { name, processes: mesh.all_processes(), run: Box::new(run) }
    };
    let contenders = [
        contender("events, from the message to a feed", |both| both.told),
        contender("messages answered meanwhile", |both| both.answered),
    ];
    let workload = format!("{number} feeds, {WRITERS} messages at once");
    let rows = compare(&workload, &contenders, Plan::of(arguments)).await?;
    let name = format!("all processes with {number} feeds");
    Ok(Measured { rows, facts: vec![Fact::at_most(name, memory(&mesh.all_processes()), "MiB", BAR)] })
}

/// Each feed is an open file of the gateway and of this process.
fn expect_files(needed: usize) -> Result<(), BoxError> {
    let told = String::from_utf8(Command::new("/bin/sh").args(["-c", "ulimit -n"]).output()?.stdout)?;
    match told.trim().parse::<usize>() {
        Ok(limit) if limit < needed => Err(format!(
            "{needed} open files are needed, and the limit is {limit}: raise it (ulimit -n {needed})"
        )
        .into()),
        // There may be no limit.
        _ => Ok(()),
    }
}

/// Open feeds, and when they were told what.
struct Feeds<'a> {
    mesh: &'a Mesh,
    counsels: Vec<Counsel>,
    told: tokio::sync::Mutex<mpsc::UnboundedReceiver<Told>>,
}

/// A feed was told of a message of the user.
struct Told {
    message_id: String,
    at: Instant,
}

/// What one run measured.
struct Both {
    told: Sample,
    answered: Sample,
}

impl<'a> Feeds<'a> {
    async fn open(mesh: &'a Mesh, counsels: Vec<Counsel>) -> Result<Self, BoxError> {
        let (sender, told) = mpsc::unbounded_channel();
        for counsel in &counsels {
            for _ in 0..FEEDS_OF_USER {
                let body = mesh.rest(counsel.user()).await?.follow("/v1/counsels/events").await?;
                let mut feed = Feed { body, text: Vec::new() };
                // The greeting: from here on everything is told.
                feed.next().await?;
                tokio::spawn(feed.follow(sender.clone()));
            }
        }
        Ok(Self { mesh, counsels, told: tokio::sync::Mutex::new(told) })
    }

    /// Says messages for so long, in one counsel after the other, and waits until every feed was told all of its own.
    async fn tell(&self, duration: Duration) -> Result<Both, BoxError> {
        let said = Arc::new(Mutex::new(HashMap::new()));
        let mut writers: Vec<_> =
            (0..WRITERS).map(|_| Writer { conversations: Vec::new(), next: 0, said: said.clone() }).collect();
        for (index, counsel) in self.counsels.iter().enumerate() {
            writers[index % WRITERS].conversations.push(counsel.connect(self.mesh, index).await?);
        }
        writers.retain(|writer| !writer.conversations.is_empty());
        let began = Instant::now();
        let answered = run(writers, duration).await?;
        let said = std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner));
        let expected = said.len() * FEEDS_OF_USER;
        let mut told = self.told.lock().await;
        let mut latencies = Vec::with_capacity(expected);
        let mut last = began;
        while latencies.len() < expected {
            let Ok(Some(Told { message_id, at })) = tokio::time::timeout(PATIENCE, told.recv()).await else {
                return Err(format!("feeds were told {} of {expected} messages", latencies.len()).into());
            };
            let sent = said.get(&message_id).ok_or("a feed was told of a message that nobody has said")?;
            latencies.push((at - *sent).as_secs_f64() * 1000.0);
            last = last.max(at);
        }
        Ok(Both { told: Sample::of(&latencies, last - began), answered })
    }
}

/// Says something in one counsel after the other.
struct Writer {
    conversations: Vec<Conversation>,
    next: usize,
    /// When which message was sent.
    said: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Connection for Writer {
    async fn call(&mut self) -> Result<(), BoxError> {
        let turn = self.next % self.conversations.len();
        self.next += 1;
        let sent = Instant::now();
        let answer = self.conversations[turn].say().await?;
        let id = text(&answer, "/data/createdCounselMessage/id")?;
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sent);
        Ok(())
    }
}

/// What a device reads.
struct Feed {
    body: Incoming,
    text: Vec<u8>,
}

/// The data of an event `message`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    created_counsel_message: Id,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

impl Feed {
    /// Reads until the feed ends; who waits for its messages finds out.
    async fn follow(mut self, told: mpsc::UnboundedSender<Told>) -> Result<(), BoxError> {
        loop {
            let event = self.next().await?;
            let at = Instant::now();
            if let Some(message) = message(&event)? {
                told.send(Told { message_id: message.created_counsel_message.id, at })?;
            }
        }
    }

    /// The lines of the next event.
    async fn next(&mut self) -> Result<Bytes, BoxError> {
        loop {
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                return Ok(self.text.drain(..end + 2).collect());
            }
            let frame = self.body.frame().await.ok_or("a feed has ended")??;
            self.text.extend(frame.into_data().unwrap_or_default());
        }
    }
}

/// What an event tells, if it is a message with its answer.
fn message(event: &[u8]) -> Result<Option<Message>, BoxError> {
    let event = std::str::from_utf8(event)?;
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    if field("event:") != Some("message") {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(field("data:").ok_or("an event without data")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_are_counted() {
        let told = b"event: message\ndata: {\"createdCounselMessage\":{\"id\":\"7\"}}\nid: 1-0\n\n";
        assert_eq!(message(told).unwrap().unwrap().created_counsel_message.id, "7");
        for other in [&b": welcome\nretry: 2000\nid: 0-0\n\n"[..], b"event: rapport\ndata: {}\n\n"] {
            assert!(message(other).unwrap().is_none());
        }
        assert!(message(b"event: message\ndata: {}\n\n").is_err());
    }
}
