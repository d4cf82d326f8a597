//! Finds the events of a chain without reading all that was stored since it began.
//!
//! The broker finds subjects at once, and knows nothing of headers, which alone tell what caused what. So a chain is
//! looked for in two ways. Effects are nearly always about something that their chain has named before: the broker is
//! asked for all events about that, however late they came. Others come soon after their cause: what was stored after
//! each event of the chain is read, but no more than fits into a moment.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use futures::future::try_join_all;
use serde_json::Value;
use uuid::Uuid;

use super::events::{CLOCKS, NEAR, header, made, since};
use super::filter::is_token;
use super::scan::{Part, Scan};
use super::{Operations, StoredEvent, unavailable};
use crate::Error;
use crate::messaging::{DEAD_LETTERS, OPERATIONS, STREAMS, StreamSpec};
use crate::time::Timestamp;

/// How many messages are read after an event at least: after an outage of the broker the first ones come late.
const LEAST: usize = 512;
/// How many ids the broker is asked for at once.
const NAMES: usize = 32;

/// How much is read after each event of a chain.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    /// What was stored within this time.
    pub(super) within: Duration,
    /// But no more messages than this.
    pub(super) most: usize,
}

impl Reach {
    /// Everything within this time.
    pub(super) fn whole(within: Duration) -> Self {
        Self { within, most: usize::MAX }
    }
}

impl Default for Reach {
    /// Enough for nearly every effect, and read within a moment. What an operator replays begins it anew.
    fn default() -> Self {
        Self { within: Duration::from_secs(600), most: 8192 }
    }
}

/// What a search found.
pub(super) struct Chain {
    /// By the time at which they were stored.
    pub(super) events: Vec<StoredEvent>,
    /// How long after their causes effects were looked for, when that is less than was to be.
    pub(super) gave_up_after: Option<Duration>,
}

impl Operations {
    /// The chain with this id, which `event` is in.
    pub(super) async fn chain(
        &self,
        event: StoredEvent,
        correlation_id: &str,
        reach: Reach,
    ) -> Result<Chain, Error> {
        let made = made(correlation_id).unwrap_or(Timestamp::from_micros(0));
        let search = Search { operations: self, correlation_id, begin: made.minus(CLOCKS), reach };
        let own = [DEAD_LETTERS, OPERATIONS];
        // Few, and whenever they came.
        let rare = STREAMS.iter().filter(|spec| own.contains(&spec.name));
        let mut new = try_join_all(rare.map(|spec| search.all(spec))).await?.concat();
        new.push(event);

        let facts = STREAMS.iter().filter(|spec| !own.contains(&spec.name));
        let mut readers: Vec<_> = facts.map(|spec| Reader::new(&search, spec)).collect();
        let (mut events, mut names) = (BTreeMap::new(), HashSet::new());
        let mut moments = vec![made.minus(NEAR)];
        let mut has_looked_back = false;
        loop {
            let mut unasked = Vec::new();
            for event in new.drain(..) {
                moments.push(event.stored_at);
                unasked.extend(named_by(&event).into_iter().filter(|name| names.insert(name.clone())));
                events.insert((event.stored_at, event.stream.clone(), event.sequence), event);
            }
            moments.sort_unstable();
            let looks = readers.iter_mut().map(|reader| reader.look(&unasked, &moments));
            new = try_join_all(looks).await?.concat();
            new.retain(|event| {
                !events.contains_key(&(event.stored_at, event.stream.clone(), event.sequence))
            });
            moments.clear();
            if new.is_empty() {
                // The clock of its service differs much, or the first event is no longer there.
                let has_first = events.values().any(|event| event.id.as_deref() == Some(correlation_id));
                if has_first || std::mem::replace(&mut has_looked_back, true) {
                    break;
                }
                moments.push(search.begin);
            }
        }
        let gave_up_after = readers.iter().filter_map(Reader::gave_up_after).min();
        Ok(Chain { events: events.into_values().collect(), gave_up_after })
    }
}

/// What an event is about and what it mentions: by these ids its effects can be found.
fn named_by(event: &StoredEvent) -> Vec<String> {
    let mut names = Vec::new();
    // What operators did is about dead letters and consumers.
    if event.stream != OPERATIONS {
        names.extend(event.aggregate.clone().filter(|aggregate| is_token(aggregate)));
        mentioned(&event.data, &mut names);
    }
    names
}

fn mentioned(data: &Value, names: &mut Vec<String>) {
    match data {
        Value::String(text) if Uuid::parse_str(text).is_ok() => names.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| mentioned(value, names)),
        Value::Object(fields) => fields.values().for_each(|value| mentioned(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What is looked for.
struct Search<'a> {
    operations: &'a Operations,
    correlation_id: &'a str,
    /// Nothing of it was stored before.
    begin: Timestamp,
    reach: Reach,
}

impl Search<'_> {
    async fn scan(
        &self,
        stream: &str,
        subjects: Vec<String>,
        from: Timestamp,
    ) -> Result<Option<Scan>, Error> {
        let jetstream = &self.operations.nats.jetstream;
        Scan::of_many(jetstream, stream, subjects, since(from)?, Part::Headers).await
    }

    /// Everything of the chain in a stream.
    async fn all(&self, spec: &StreamSpec) -> Result<Vec<StoredEvent>, Error> {
        let subjects = vec![spec.subjects.to_owned()];
        let Some(mut scan) = self.scan(spec.name, subjects, self.begin).await? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        loop {
            let messages = self.next(&mut scan).await?;
            if messages.is_empty() {
                break;
            }
            found.extend(messages.iter().filter(|seen| seen.is_of_chain).map(|seen| seen.sequence));
        }
        scan.end().await;
        self.get(spec.name, found).await
    }

    async fn next(&self, scan: &mut Scan) -> Result<Vec<Seen>, Error> {
        let messages = scan.next().await?;
        let seen = messages.iter().map(|message| {
            let info = message.info().map_err(unavailable)?;
            let of_chain = header(message, "ce-correlationid").or_else(|| header(message, "ce-id"));
            let is_of_chain = of_chain == Some(self.correlation_id);
            Ok(Seen { at: info.published.into(), sequence: info.stream_sequence, is_of_chain })
        });
        seen.collect()
    }

    async fn get(&self, stream: &str, sequences: Vec<u64>) -> Result<Vec<StoredEvent>, Error> {
        let events = sequences.into_iter().map(|sequence| self.operations.event_at(stream, sequence));
        Ok(try_join_all(events).await?.into_iter().flatten().collect())
    }
}

/// What is known of a message of which only the headers were read.
struct Seen {
    at: Timestamp,
    sequence: u64,
    is_of_chain: bool,
}

/// Looks for a chain in one stream.
struct Reader<'a> {
    search: &'a Search<'a>,
    spec: &'static StreamSpec,
    windows: Vec<Window>,
    found: HashSet<u64>,
    /// For how long there are events about what the chain names, when they were too many to look at.
    named_for: Option<Duration>,
}

/// A part of a stream of which everything was read.
struct Window {
    begin: Timestamp,
    /// Excluded.
    end: Timestamp,
    /// The last moment in it after which enough was read.
    latest: Timestamp,
    gave_up: bool,
}

impl<'a> Reader<'a> {
    fn new(search: &'a Search<'a>, spec: &'static StreamSpec) -> Self {
        Self { search, spec, windows: Vec::new(), found: HashSet::new(), named_for: None }
    }

    /// What was not found before: of events about these ids, and of what was stored after these moments, in their order.
    async fn look(&mut self, names: &[String], moments: &[Timestamp]) -> Result<Vec<StoredEvent>, Error> {
        let mut found = Vec::new();
        for names in names.chunks(NAMES) {
            self.read_named(names, &mut found).await?;
        }
        let mut moments: VecDeque<_> = moments.iter().copied().collect();
        while let Some(moment) = moments.pop_front() {
            let holds = |window: &Window| (window.begin..window.end).contains(&moment);
            let window = match self.windows.iter().position(holds) {
                Some(index) if moment <= self.windows[index].latest => continue,
                Some(index) => self.windows.swap_remove(index),
                None => Window { begin: moment, end: moment, latest: moment, gave_up: false },
            };
            let window = self.read_on(window, moment, &mut moments, &mut found).await?;
            self.windows.push(window);
        }
        found.retain(|sequence| self.found.insert(*sequence));
        self.search.get(self.spec.name, found).await
    }

    /// Reads all that is about these ids.
    async fn read_named(&mut self, names: &[String], found: &mut Vec<u64>) -> Result<(), Error> {
        let (search, kind) = (self.search, self.spec.subjects.trim_end_matches(".>"));
        let subjects = names.iter().map(|name| format!("{kind}.*.*.{name}")).collect();
        let Some(mut scan) = search.scan(self.spec.name, subjects, search.begin).await? else {
            return Ok(());
        };
        let mut read = 0;
        loop {
            let messages = search.next(&mut scan).await?;
            let Some(last) = messages.last() else { break };
            found.extend(messages.iter().filter(|seen| seen.is_of_chain).map(|seen| seen.sequence));
            read += messages.len();
            if read >= search.reach.most && scan.left() > 0 {
                let so_far = between(search.begin, last.at);
                self.named_for = Some(self.named_for.map_or(so_far, |before| before.min(so_far)));
                break;
            }
        }
        scan.end().await;
        Ok(())
    }

    /// Goes on at the end of a window until enough was read after `moment`, after what is found, and after those of
    /// `moments` that it comes across.
    async fn read_on(
        &self,
        mut window: Window,
        moment: Timestamp,
        moments: &mut VecDeque<Timestamp>,
        found: &mut Vec<u64>,
    ) -> Result<Window, Error> {
        let (search, subjects) = (self.search, vec![self.spec.subjects.to_owned()]);
        window.latest = moment;
        let from = window.end;
        window.end = Timestamp::from_micros(i64::MAX);
        window.gave_up = false;
        let Some(mut scan) = search.scan(self.spec.name, subjects, from).await? else { return Ok(window) };
        let mut read = 0;
        'scan: loop {
            let messages = search.next(&mut scan).await?;
            if messages.is_empty() {
                break;
            }
            for seen in messages {
                while let Some(passed) = moments.pop_front_if(|moment| *moment <= seen.at) {
                    (window.latest, read) = (window.latest.max(passed), 0);
                }
                if seen.is_of_chain {
                    (window.latest, read) = (seen.at, 0);
                    found.push(seen.sequence);
                }
                let is_late = seen.at > window.latest.plus(search.reach.within);
                let is_much = read >= search.reach.most;
                if (is_late && read >= LEAST) || is_much {
                    (window.end, window.gave_up) = (seen.at, !is_late);
                    break 'scan;
                }
                read += 1;
            }
        }
        scan.end().await;
        Ok(window)
    }

    fn gave_up_after(&self) -> Option<Duration> {
        let gave_up = self.windows.iter().filter(|window| window.gave_up);
        gave_up.map(|window| between(window.latest, window.end)).chain(self.named_for).min()
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(to.as_micros() - from.as_micros()).unwrap_or_default())
}
