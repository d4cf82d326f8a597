//! The feeds of this process, and what they are told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::FeedSettings;
use super::position::{FactStream, LastEventId, Position};
use super::ring::{Entry, Missed, Ring};
use crate::measure;

/// How many facts wait for a feed that is busy; with more it is closed.
const WAITING: usize = 64;

/// Why there is no feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedRefusal {
    /// The user has as many as it may have.
    TooManyOfUser,
    /// The gateway has as many as it serves.
    TooMany,
    /// A stream could not be read yet.
    NotReady,
}

/// Where feeds and the sources meet.
pub struct Hub {
    settings: FeedSettings,
    state: Mutex<State>,
    /// Of which streams everything is read that there was at the beginning.
    ready: watch::Sender<[bool; FactStream::ALL.len()]>,
}

struct State {
    rings: [Ring; FactStream::ALL.len()],
    listeners: HashMap<String, Vec<Listener>>,
    open: usize,
    next_id: u64,
}

struct Listener {
    id: u64,
    /// It has seen everything up to here.
    seen: Position,
    sender: mpsc::Sender<Arc<Entry>>,
}

impl State {
    fn ring(&mut self, stream: FactStream) -> &mut Ring {
        &mut self.rings[stream as usize]
    }

    /// How far the streams were read.
    fn position(&self) -> Position {
        let mut position = Position::default();
        for stream in FactStream::ALL {
            position.advance(stream, self.rings[stream as usize].last());
        }
        position
    }

    /// What somebody has missed who was told everything up to `last`, and where that is; nothing when nobody here
    /// knows.
    fn missed(&self, user_id: &str, last: LastEventId) -> Option<(VecDeque<Arc<Entry>>, Position)> {
        let (mut missed, mut seen) = (VecDeque::new(), Position::default());
        if last == LastEventId::Unknown {
            return None;
        }
        for stream in FactStream::ALL {
            let ring = &self.rings[stream as usize];
            // Who was never told of a stream is told all that is known: too much does no harm.
            let sequence = last.of(stream).unwrap_or(ring.forgotten());
            match ring.missed(user_id, sequence) {
                Missed::Known(known) => missed.extend(known),
                Missed::Forgotten => return None,
                Missed::Ahead => {}
            }
            seen.advance(stream, sequence);
        }
        Some((missed, seen))
    }
}

impl Hub {
    /// Without feeds, and not ready.
    pub fn new(settings: FeedSettings) -> Self {
        let rings = FactStream::ALL.map(|_| Ring::new(settings.events, 0));
        let state = State { rings, listeners: HashMap::new(), open: 0, next_id: 0 };
        Self { settings, state: Mutex::new(state), ready: watch::Sender::default() }
    }

    /// Waits until everything is read that there was at the beginning.
    pub async fn ready(&self) {
        // It cannot be closed while this is borrowed.
        let _ = self.ready.subscribe().wait_for(|ready| !ready.contains(&false)).await;
    }

    /// Opens a feed of a user whose client has seen everything up to `seen`, or begins now.
    ///
    /// # Errors
    /// When there are too many.
    pub fn subscribe(
        self: &Arc<Self>,
        user_id: &str,
        seen: Option<LastEventId>,
    ) -> Result<Feed, FeedRefusal> {
        let mut state = self.state();
        if state.open >= self.settings.connections {
            return Err(FeedRefusal::TooMany);
        }
        let of_user = state.listeners.get(user_id).map_or(0, Vec::len);
        if of_user >= self.settings.connections_per_user {
            return Err(FeedRefusal::TooManyOfUser);
        }
        let resumed = seen.map(|last| state.missed(user_id, last));
        let is_reset = resumed == Some(None);
        let (missed, seen) = resumed.flatten().unwrap_or_else(|| (VecDeque::new(), state.position()));
        let id = state.next_id;
        state.next_id += 1;
        state.open += 1;
        measure::feed_opened();
        let (sender, live) = mpsc::channel(WAITING);
        let listener = Listener { id, seen, sender };
        state.listeners.entry(user_id.to_owned()).or_default().push(listener);
        let seat = Seat { hub: self.clone(), user_id: user_id.to_owned(), id };
        Ok(Feed { missed, live, is_reset, seen, seat })
    }

    /// Begins a stream after the sequence `start`. What was known of it before is forgotten, and feeds are closed: their
    /// clients come back and are told to read their lists again.
    pub fn begin(&self, stream: FactStream, start: u64) {
        let mut state = self.state();
        *state.ring(stream) = Ring::new(self.settings.events, start);
        state.listeners.clear();
        self.ready.send_modify(|ready| ready[stream as usize] = false);
    }

    /// Everything of a stream is read that there was.
    pub fn caught_up(&self, stream: FactStream) {
        self.ready.send_if_modified(|ready| !std::mem::replace(&mut ready[stream as usize], true));
    }

    /// Notes that a stream was read up to `sequence`, and passes on what was read there.
    pub fn publish(&self, stream: FactStream, sequence: u64, entry: Option<Entry>) {
        let mut state = self.state();
        if !state.ring(stream).advance(sequence) {
            return;
        }
        let Some(entry) = entry.map(Arc::new) else { return };
        state.ring(stream).push(entry.clone());
        if let Some(listeners) = state.listeners.get_mut(&entry.user_id) {
            // One whose channel is full is let go; it ends when it has told what it has.
            listeners.retain(|listener| {
                listener.seen.of(stream) >= sequence || listener.sender.try_send(entry.clone()).is_ok()
            });
        }
    }

    /// The sequence of a stream that was read last.
    pub fn last(&self, stream: FactStream) -> u64 {
        self.state().ring(stream).last()
    }

    /// Nothing that holds the lock can leave the state half-changed, so a panic there changes nothing.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one device of a user is told.
pub struct Feed {
    missed: VecDeque<Arc<Entry>>,
    live: mpsc::Receiver<Arc<Entry>>,
    is_reset: bool,
    seen: Position,
    seat: Seat,
}

impl Feed {
    /// Whether it is unknown what the device has missed.
    pub fn is_reset(&self) -> bool {
        self.is_reset
    }

    /// What comes next; nothing when the feed was closed.
    pub async fn next(&mut self) -> Option<Arc<Entry>> {
        let entry = match self.missed.pop_front() {
            Some(entry) => entry,
            None => self.live.recv().await?,
        };
        self.seen.advance(entry.stream, entry.sequence);
        Some(entry)
    }

    /// Up to where the device has seen everything that concerns it, once it has what [`Feed::next`] returned last.
    pub fn seen(&mut self) -> Position {
        let state = self.seat.hub.state();
        // Under the lock: nothing comes in between. What a closed feed has not got is not waiting for it either.
        if self.missed.is_empty() && self.live.is_empty() && !self.live.is_closed() {
            self.seen.advance_to(state.position());
        }
        self.seen
    }
}

/// The place that a feed takes among the others, until it is dropped.
struct Seat {
    hub: Arc<Hub>,
    user_id: String,
    id: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        state.open -= 1;
        measure::feed_closed();
        if let Some(listeners) = state.listeners.get_mut(&self.user_id) {
            listeners.retain(|listener| listener.id != self.id);
            if listeners.is_empty() {
                state.listeners.remove(&self.user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring::Fact;
    use super::FactStream::{Counsels, Users};
    use super::*;

    fn hub(settings: FeedSettings) -> Arc<Hub> {
        let hub = Hub::new(settings);
        for stream in FactStream::ALL {
            hub.begin(stream, 0);
        }
        Arc::new(hub)
    }

    fn publish_in(hub: &Hub, stream: FactStream, sequence: u64, user_id: &str) {
        let entry = Entry { stream, sequence, user_id: user_id.to_owned(), fact: Fact::TokensChanged };
        hub.publish(stream, sequence, Some(entry));
    }

    fn publish(hub: &Hub, sequence: u64, user_id: &str) {
        publish_in(hub, Counsels, sequence, user_id);
    }

    /// A client comes back with the id of an event.
    fn back(hub: &Arc<Hub>, user_id: &str, id: &str) -> Feed {
        hub.subscribe(user_id, Some(LastEventId::read(id))).unwrap()
    }

    async fn told(feed: &mut Feed, count: usize) -> Vec<u64> {
        let mut sequences = Vec::new();
        for _ in 0..count {
            sequences.push(feed.next().await.unwrap().sequence);
        }
        sequences
    }

    #[tokio::test]
    async fn a_feed_that_does_not_keep_pace_is_closed_after_what_it_has() {
        let hub = hub(FeedSettings::default());
        let (mut slow, mut other) = (hub.subscribe("a", None).unwrap(), hub.subscribe("b", None).unwrap());
        let too_many = WAITING as u64 + 1;
        for sequence in 1..=too_many {
            publish(&hub, sequence, "a");
        }
        publish(&hub, too_many + 1, "b");
        assert_eq!(told(&mut slow, WAITING).await, (1..=WAITING as u64).collect::<Vec<_>>());
        let seen = slow.seen().to_string();
        assert_eq!(seen, format!("{WAITING}-0"), "what it has not got it has not seen");
        assert_eq!(slow.next().await, None);
        assert_eq!(told(&mut other, 1).await, [too_many + 1]);
        // It comes back for the rest.
        drop(slow);
        assert_eq!(told(&mut back(&hub, "a", &seen), 1).await, [too_many]);
    }

    #[tokio::test]
    async fn who_was_told_more_elsewhere_is_not_told_it_again() {
        let hub = hub(FeedSettings::default());
        let mut ahead = back(&hub, "a", "2-0");
        assert!(!ahead.is_reset());
        for sequence in 1..=3 {
            publish(&hub, sequence, "a");
        }
        publish(&hub, 3, "a");
        assert_eq!(told(&mut ahead, 1).await, [3]);
        assert_eq!(ahead.seen().to_string(), "3-0");
        publish(&hub, 4, "b");
        publish_in(&hub, Users, 1, "b");
        assert_eq!(ahead.seen().to_string(), "4-1", "what concerns others need not be gone through again");
        publish(&hub, 5, "a");
        assert_eq!(ahead.seen().to_string(), "4-1", "it was not told yet");
    }

    #[tokio::test]
    async fn who_comes_back_misses_nothing_of_either_stream() {
        let hub = hub(FeedSettings::default());
        let mut feed = hub.subscribe("a", None).unwrap();
        for (stream, sequence, user_id) in
            [(Users, 1, "a"), (Counsels, 1, "a"), (Counsels, 2, "b"), (Users, 2, "a"), (Counsels, 3, "a")]
        {
            publish_in(&hub, stream, sequence, user_id);
        }
        // Wherever it breaks off, what it is told before and after is everything, each once.
        for broken_off in 0..=4 {
            let mut feed = back(&hub, "a", "0-0");
            let mut all = Vec::new();
            for _ in 0..broken_off {
                let entry = feed.next().await.unwrap();
                all.push((entry.stream, entry.sequence));
            }
            let id = if broken_off == 0 { "0-0".to_owned() } else { feed.seen().to_string() };
            let mut feed = back(&hub, "a", &id);
            for _ in broken_off..4 {
                let entry = feed.next().await.unwrap();
                all.push((entry.stream, entry.sequence));
            }
            assert_eq!(feed.seen().to_string(), "3-2");
            assert_eq!(all, [(Counsels, 1), (Counsels, 3), (Users, 1), (Users, 2)], "{broken_off}");
        }
        assert_eq!(told(&mut feed, 4).await, [1, 1, 2, 3], "who stays is told in the order in which it came");
    }

    #[tokio::test]
    async fn an_id_of_before_is_told_all_that_is_known_of_the_other_stream() {
        let hub = hub(FeedSettings { events: 2, ..FeedSettings::default() });
        publish(&hub, 1, "a");
        for sequence in 1..=3 {
            publish_in(&hub, Users, sequence, "a");
        }
        let mut feed = back(&hub, "a", "1");
        assert!(!feed.is_reset(), "it was never told that it would hear of them");
        assert_eq!(feed.seen().to_string(), "1-1");
        assert_eq!(told(&mut feed, 2).await, [2, 3]);
        assert_eq!(feed.seen().to_string(), "1-3");
        assert!(back(&hub, "a", "1-0").is_reset(), "one stream is enough to have missed too much");
    }

    #[test]
    fn seats_are_limited_and_come_free() {
        let hub = hub(FeedSettings { connections: 3, connections_per_user: 2, ..FeedSettings::default() });
        let open = |user_id| hub.subscribe(user_id, None);
        let (first, _second) = (open("a").unwrap(), open("a").unwrap());
        assert_eq!(open("a").err(), Some(FeedRefusal::TooManyOfUser));
        let _third = open("b").unwrap();
        assert_eq!(open("c").err(), Some(FeedRefusal::TooMany));
        drop(first);
        open("c").unwrap();
        open("a").unwrap();
    }

    #[tokio::test]
    async fn a_new_beginning_closes_feeds() {
        let hub = hub(FeedSettings::default());
        publish(&hub, 7, "a");
        let mut feed = hub.subscribe("a", None).unwrap();
        hub.begin(Counsels, 2);
        assert_eq!(feed.seen().to_string(), "7-0", "it knows nothing of the new stream");
        assert_eq!(feed.next().await, None);
        drop(feed);
        assert!(hub.subscribe("a", Some(LastEventId::Unknown)).unwrap().is_reset());
        assert!(back(&hub, "a", "1-0").is_reset());
        assert!(!back(&hub, "a", "2-0").is_reset());
        assert!(hub.state().listeners.is_empty());
    }

    #[tokio::test]
    async fn it_is_ready_when_every_stream_is() {
        let hub = hub(FeedSettings::default());
        for (stream, is_ready) in [(Users, false), (Counsels, true)] {
            hub.caught_up(stream);
            let ready = futures::FutureExt::now_or_never(hub.ready());
            assert_eq!(ready.is_some(), is_ready, "{stream:?}");
        }
    }
}
