//! The feeds of this process, and what they are told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::ring::{Entry, Missed, Ring};
use super::{FeedSettings, LastEventId};

/// How many facts wait for a feed that is busy; with more it is closed.
const WAITING: usize = 64;

/// Why there is no feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedRefusal {
    /// The user has as many as it may have.
    TooManyOfUser,
    /// The gateway has as many as it serves.
    TooMany,
    /// The stream could not be read yet.
    NotReady,
}

/// Where feeds and the source meet.
pub struct Hub {
    settings: FeedSettings,
    state: Mutex<State>,
    /// Whether everything is read that there was at the beginning.
    ready: watch::Sender<bool>,
}

struct State {
    ring: Ring,
    listeners: HashMap<String, Vec<Listener>>,
    open: usize,
    next_id: u64,
}

struct Listener {
    id: u64,
    /// It has seen everything up to here.
    seen: u64,
    sender: mpsc::Sender<Arc<Entry>>,
}

impl Hub {
    /// Without feeds, and not ready.
    pub fn new(settings: FeedSettings) -> Self {
        let ring = Ring::new(settings.events, 0);
        let state = State { ring, listeners: HashMap::new(), open: 0, next_id: 0 };
        Self { settings, state: Mutex::new(state), ready: watch::Sender::new(false) }
    }

    /// Waits until everything is read that there was at the beginning.
    pub async fn ready(&self) {
        // It cannot be closed while this is borrowed.
        let _ = self.ready.subscribe().wait_for(|is_ready| *is_ready).await;
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
        let last = state.ring.last();
        let (missed, is_reset, seen) = match seen {
            None => (VecDeque::new(), false, last),
            Some(LastEventId::Unknown) => (VecDeque::new(), true, last),
            Some(LastEventId::Sequence(seen)) => match state.ring.missed(user_id, seen) {
                Missed::Known(missed) => (missed, false, seen),
                Missed::Forgotten => (VecDeque::new(), true, last),
                Missed::Ahead => (VecDeque::new(), false, seen),
            },
        };
        let id = state.next_id;
        state.next_id += 1;
        state.open += 1;
        let (sender, live) = mpsc::channel(WAITING);
        let listener = Listener { id, seen, sender };
        state.listeners.entry(user_id.to_owned()).or_default().push(listener);
        let seat = Seat { hub: self.clone(), user_id: user_id.to_owned(), id };
        Ok(Feed { missed, live, is_reset, seen, seat })
    }

    /// Begins after the sequence `start`. What was known before is forgotten, and feeds are closed: their clients come
    /// back and are told to read their lists again.
    pub fn begin(&self, start: u64) {
        let mut state = self.state();
        state.ring = Ring::new(self.settings.events, start);
        state.listeners.clear();
        self.ready.send_replace(false);
    }

    /// Everything is read that there was.
    pub fn caught_up(&self) {
        self.ready.send_if_modified(|is_ready| !std::mem::replace(is_ready, true));
    }

    /// Notes that the stream was read up to `sequence`, and passes on what was read there.
    pub fn publish(&self, sequence: u64, entry: Option<Entry>) {
        let mut state = self.state();
        if !state.ring.advance(sequence) {
            return;
        }
        let Some(entry) = entry.map(Arc::new) else { return };
        state.ring.push(entry.clone());
        if let Some(listeners) = state.listeners.get_mut(&entry.user_id) {
            // One whose channel is full is let go; it ends when it has told what it has.
            listeners.retain(|listener| {
                listener.seen >= sequence || listener.sender.try_send(entry.clone()).is_ok()
            });
        }
    }

    /// The sequence that was read last.
    pub fn last(&self) -> u64 {
        self.state().ring.last()
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
    seen: u64,
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
        self.seen = entry.sequence;
        Some(entry)
    }

    /// The sequence up to which the device has seen everything that concerns it, once it has what
    /// [`Feed::next`] returned last.
    pub fn seen(&mut self) -> u64 {
        let state = self.seat.hub.state();
        // Under the lock: nothing comes in between.
        if self.missed.is_empty() && self.live.is_empty() {
            self.seen = self.seen.max(state.ring.last());
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
    use super::*;

    fn hub(settings: FeedSettings) -> Arc<Hub> {
        let hub = Hub::new(settings);
        hub.begin(0);
        Arc::new(hub)
    }

    fn publish(hub: &Hub, sequence: u64, user_id: &str) {
        let fact = Fact::MessageFailed { counsel_id: "c".to_owned(), message_id: "m".to_owned() };
        hub.publish(sequence, Some(Entry { sequence, user_id: user_id.to_owned(), fact }));
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
        assert_eq!(slow.next().await, None);
        assert_eq!(told(&mut other, 1).await, [too_many + 1]);
        // It comes back for the rest.
        drop(slow);
        let mut back = hub.subscribe("a", Some(LastEventId::Sequence(WAITING as u64))).unwrap();
        assert_eq!(told(&mut back, 1).await, [too_many]);
    }

    #[tokio::test]
    async fn who_was_told_more_elsewhere_is_not_told_it_again() {
        let hub = hub(FeedSettings::default());
        let mut ahead = hub.subscribe("a", Some(LastEventId::Sequence(2))).unwrap();
        assert!(!ahead.is_reset());
        for sequence in 1..=3 {
            publish(&hub, sequence, "a");
        }
        publish(&hub, 3, "a");
        assert_eq!(told(&mut ahead, 1).await, [3]);
        assert_eq!(ahead.seen(), 3);
        publish(&hub, 4, "b");
        assert_eq!(ahead.seen(), 4, "what concerns others need not be gone through again");
        publish(&hub, 5, "a");
        assert_eq!(ahead.seen(), 4, "it was not told yet");
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
        hub.begin(2);
        assert_eq!(feed.next().await, None);
        drop(feed);
        assert!(hub.subscribe("a", Some(LastEventId::Unknown)).unwrap().is_reset());
        assert!(hub.subscribe("a", Some(LastEventId::Sequence(1))).unwrap().is_reset());
        assert!(!hub.subscribe("a", Some(LastEventId::Sequence(2))).unwrap().is_reset());
        assert!(hub.state().listeners.is_empty());
    }
}
