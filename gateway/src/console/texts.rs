//! Every text of the console, in one table a language.

mod en;
mod ko;

use std::fmt::Display;

pub use en::EN;
pub use ko::KO;

/// Declares the table, so that a language cannot lack a text.
macro_rules! texts {
    ($($name:ident),+ $(,)?) => {
        /// The texts of one language. `{}` stands for a value, in the order in which the values are given.
        pub struct Texts {
            $(pub $name: &'static str),+
        }

        #[cfg(test)]
        impl Texts {
            /// Every text, with its name.
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name)),+]
            }
        }
    };
}

texts! {
    tag, language, console, sections, skip, search, search_hint, find, stop, stopped, live_again, lost,
    help, keys, close, signed_in_as, utc, overview, streams, consumers, events, dead_letters, record,
    stream, consumer, event, dead_letter, service, instance, instances, all_well, attention,
    service_missing, one_dead_letter, dead_letters_count, instance_degraded, instance_unready,
    instance_silent, is_paused, is_unread, outbox_late, outbox, flow, flow_caption, instances_caption,
    health, address, version, started, calls, failed_calls, in_flight, rate, ready, degraded, unready,
    silent, missing, streams_caption, subjects, depth, size, last_event, depth_of, rate_of, lag_of, chart,
    seconds, minutes, hours, days, ago, consumers_caption, state, lag, unacknowledged, redelivered, pulls,
    paused_for, reading, unread, pause_heading, pause_says, pause_minutes, pause, resume, minutes_wrong,
    send_back_heading, send_back_says, send_back_from, send_back, send_back_confirm, first_event,
    events_again, from_wrong, from_empty, consumer_paused, consumer_resumed, consumer_sent_back, confirm,
    cancel, subject, aggregate, user, since, until, limit, filter, all_but_dead_letters, events_caption,
    time, source, data, show, no_events, gave_up, time_wrong, subject_wrong, stream_wrong, id_wrong,
    limit_wrong, stored, trace, trace_gave_up, no_trace, headers, headers_caption, name, value, dead_letters_says,
    dead_letters_caption, no_dead_letters, newest_only, all, consumer_wrong, choose, reason, deliveries,
    action, replay, discard, replay_chosen, discard_chosen, origin, buried, replay_confirm, replay_says,
    discard_confirm, discard_says, discard_reason, reason_wrong, chosen_caption, chosen_gone,
    letters_replayed, letters_discarded, letters_missing, letters_failed, record_says, record_caption,
    no_record, operator, about, details, tool, did_replay_letter, did_discard_letter, did_replay_consumer,
    did_pause, did_resume, did_drain, signed_out, signed_out_says, sign_in_with, renew, not_admin,
    not_admin_says, your_id, admin_command, admin_then, other_page, other_page_says, not_found,
    not_found_says, unavailable, unavailable_says, bad_request, bad_request_says, failed, failed_says,
    to_overview,
}

/// Puts a value in the place of the first `{}`.
pub fn fill(text: &str, value: impl Display) -> String {
    text.replacen("{}", &value.to_string(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_are_complete() {
        let (english, korean) = (EN.all(), KO.all());
        assert_eq!(english.len(), korean.len());
        for ((name, english), (_, korean)) in english.into_iter().zip(korean) {
            assert!(!english.trim().is_empty() && !korean.trim().is_empty(), "{name} is empty");
            let values = |text: &str| text.matches("{}").count();
            assert_eq!(values(english), values(korean), "{name} takes other values");
            let is_korean = |text: &str| text.chars().any(|char| ('가'..='힣').contains(&char));
            assert!(!is_korean(english), "{name} is not English: {english}");
            assert!(is_korean(korean) || name == "tag", "{name} is not Korean: {korean}");
        }
    }
}
