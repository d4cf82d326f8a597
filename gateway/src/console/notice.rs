//! What happened, told on the page to which an action leads: a kind and numbers in the query, never a text, so that
//! nobody's link can make the console say something of its own.

use axum::response::{IntoResponse, Redirect, Response};

use super::fields::Fields;
use super::texts::{Texts, fill};

const KIND: &str = "notice";
/// The parameters of a notice.
pub const PARAMETERS: [&str; 4] = [KIND, "done", "missing", "failed"];

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Dead letters were replayed.
    Replayed(Counts),
    /// Dead letters were discarded.
    Discarded(Counts),
    /// A consumer was paused.
    Paused,
    /// A consumer was resumed.
    Resumed,
    /// A consumer gets so many events again.
    SentBack(u64),
}

/// What became of several dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub done: u64,
    pub missing: u64,
    pub failed: u64,
}

impl Notice {
    /// Leads to a page (303) on which this is told.
    pub fn on(self, path: &str) -> Response {
        let counts = |kind: &str, Counts { done, missing, failed }: Counts| {
            format!("{kind}&done={done}&missing={missing}&failed={failed}")
        };
        let query = match self {
            Self::Replayed(of) => counts("replayed", of),
            Self::Discarded(of) => counts("discarded", of),
            Self::Paused => "paused".to_owned(),
            Self::Resumed => "resumed".to_owned(),
            Self::SentBack(done) => format!("sent-back&done={done}"),
        };
        Redirect::to(&format!("{path}?{KIND}={query}")).into_response()
    }
}

/// The notice in a query, in words.
pub fn read(fields: &Fields, t: &'static Texts) -> Option<String> {
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let done = number("done");
    let mut said = match fields.get(KIND)? {
        "replayed" => vec![fill(t.letters_replayed, done)],
        "discarded" => vec![fill(t.letters_discarded, done)],
        "paused" => vec![t.consumer_paused.to_owned()],
        "resumed" => vec![t.consumer_resumed.to_owned()],
        "sent-back" => vec![fill(t.consumer_sent_back, done)],
        _ => return None,
    };
    for (text, count) in [(t.letters_missing, number("missing")), (t.letters_failed, number("failed"))] {
        if count > 0 {
            said.push(fill(text, count));
        }
    }
    Some(said.join(" "))
}
