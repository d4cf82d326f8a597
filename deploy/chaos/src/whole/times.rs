//! How long requests took.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::rest::Unheard;

/// A request with all its repeats.
pub struct Made {
    /// Since the start.
    pub began: Duration,
    /// From the first attempt to the answer.
    pub took: Duration,
    /// Whether it was done in the end.
    pub is_done: bool,
    /// What came before the answer.
    pub unheard: Vec<Unheard>,
}

impl Made {
    /// Whether it was under way at some time of these, since the start.
    pub fn overlaps(&self, times: &Range<Duration>) -> bool {
        self.began < times.end && self.began + self.took > times.start
    }
}

/// Of many requests how long each took, in order.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Of these requests.
    pub fn of<'a>(made: impl IntoIterator<Item = &'a Made>) -> Self {
        made.into_iter().map(|made| made.took).collect()
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What this part of them (in percent) does not exceed; zero when there are none.
    pub fn at(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get(last * percent / 100).copied().unwrap_or_default()
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, most, last] = [50, 99, 100].map(|percent| self.at(percent).as_secs_f64());
        write!(out, "median {median:.3} s, p99 {most:.3} s, longest {last:.3} s")
    }
}
