//! Which events are asked for.

use serde_json::Value;

use crate::Error;
use crate::messaging::{DEAD_LETTERS, STREAMS, StreamSpec};
use crate::time::Timestamp;

/// Which events are asked for: all those that fit everything that is given.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The stream, e.g. `COUNSELS`. Without it all but the dead letters, which hold copies.
    pub stream: Option<String>,
    /// A subject with the wildcards of NATS, or its beginning: `counsels.message`, `*.*.created`.
    pub subject: Option<String>,
    /// The aggregate that they are about.
    pub aggregate: Option<String>,
    /// The user whom they concern: as the aggregate, or as `userId` in the data.
    pub user: Option<String>,
    /// Stored at this time or later.
    pub since: Option<Timestamp>,
    /// Stored before this time.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// The streams that may hold such events, each with the subjects to ask for.
    ///
    /// # Errors
    /// Names the field that no stream can satisfy.
    pub(super) fn streams(&self) -> Result<Vec<(&'static str, String)>, Error> {
        for (field, id) in [("aggregate", &self.aggregate), ("user", &self.user)] {
            if id.as_ref().is_some_and(|id| !is_token(id)) {
                return Err(Error::invalid(field, "must be an id, without dots, spaces and wildcards"));
            }
        }
        let tokens: Vec<_> = self.subject.iter().flat_map(|subject| subject.split('.')).collect();
        if self.subject.is_some() && !is_pattern(&tokens) {
            return Err(Error::invalid(
                "subject",
                "must be a NATS subject, such as counsels.message.created",
            ));
        }
        if let Some(name) = &self.stream
            && !STREAMS.iter().any(|stream| stream.name == name)
        {
            let names: Vec<_> = STREAMS.iter().map(|stream| stream.name).collect();
            return Err(Error::invalid("stream", format!("must be one of {}", names.join(", "))));
        }
        let chosen: Vec<_> = STREAMS
            .iter()
            .filter(|stream| self.may_be_in(stream, &tokens))
            .map(|stream| (stream.name, self.subject_in(stream, &tokens)))
            .collect();
        if chosen.is_empty() {
            return Err(Error::invalid("subject", "is of no stream of the mesh"));
        }
        Ok(chosen)
    }

    fn may_be_in(&self, stream: &StreamSpec, tokens: &[&str]) -> bool {
        let first = stream.subjects.trim_end_matches(".>");
        let named = self.stream.as_ref().map(|name| stream.name == name);
        let by_subject = tokens.first().map(|token| *token == first || matches!(*token, "*" | ">"));
        let asked_for_letters = named == Some(true) || tokens.first() == Some(&first);
        named.unwrap_or(true)
            && by_subject.unwrap_or(true)
            && (stream.name != DEAD_LETTERS || asked_for_letters)
    }

    /// The pattern for one stream: `<stream>.<aggregate>.<fact>.<aggregate id>`, after `dlq.<consumer>` for dead letters.
    fn subject_in(&self, stream: &StreamSpec, tokens: &[&str]) -> String {
        let first = stream.subjects.trim_end_matches(".>");
        let length = if stream.name == DEAD_LETTERS { 6 } else { 4 };
        let mut pattern = vec![first];
        pattern.extend(tokens.iter().skip(1));
        let open = pattern.len() == 1 || pattern.last() == Some(&">");
        if pattern.last() == Some(&">") {
            pattern.pop();
        }
        match &self.aggregate {
            Some(aggregate) => {
                pattern.resize(length - 1, "*");
                pattern.push(aggregate);
            }
            None if open || pattern.len() < length => pattern.push(">"),
            None => {}
        }
        pattern.join(".")
    }

    /// Whether what the broker cannot filter by fits.
    pub(super) fn fits(&self, aggregate: Option<&str>, data: &Value) -> bool {
        self.user.as_deref().is_none_or(|user| {
            aggregate == Some(user) || data.get("userId").and_then(Value::as_str) == Some(user)
        })
    }
}

pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && !text.contains(['.', '*', '>']) && !text.contains(char::is_whitespace)
}

fn is_pattern(tokens: &[&str]) -> bool {
    let last = tokens.len().saturating_sub(1);
    tokens.iter().enumerate().all(|(place, token)| match *token {
        "*" => true,
        ">" => place == last,
        token => is_token(token),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(filter: &Filter) -> Vec<String> {
        filter.streams().unwrap().into_iter().map(|(_, subject)| subject).collect()
    }

    fn of(subject: &str) -> Filter {
        Filter { subject: Some(subject.to_owned()), ..Filter::default() }
    }

    #[test]
    fn a_filter_becomes_subjects_of_the_broker() {
        assert_eq!(asked(&Filter::default()), ["users.>", "counsels.>", "payments.>", "operations.>"]);
        assert_eq!(asked(&of("counsels.message")), ["counsels.message.>"]);
        assert_eq!(asked(&of("counsels.message.created.*")), ["counsels.message.created.*"]);
        assert_eq!(asked(&of("counsels.>")), ["counsels.>"]);
        assert_eq!(asked(&of("dlq.user-svc-credits")), ["dlq.user-svc-credits.>"]);
        let created = Filter { aggregate: Some("a".to_owned()), ..of("*.*.created") };
        assert_eq!(asked(&created)[..2], ["users.*.created.a", "counsels.*.created.a"]);
        let letters = Filter { stream: Some("DLQ".to_owned()), ..Filter::default() };
        assert_eq!(asked(&letters), ["dlq.>"]);
        let about = Filter { aggregate: Some("a".to_owned()), ..letters };
        assert_eq!(asked(&about), ["dlq.*.*.*.*.a"]);
    }

    #[test]
    fn what_no_stream_can_hold_is_refused_by_name() {
        let refused = |filter: &Filter| filter.streams().unwrap_err().to_string();
        for subject in ["", "a..b", ">.a", "a b"] {
            assert!(refused(&of(subject)).contains("must be a NATS subject"), "{subject}");
        }
        assert!(refused(&of("orders.paid")).contains("is of no stream"));
        let stream = Filter { stream: Some("users".to_owned()), ..Filter::default() };
        assert!(refused(&stream).contains("must be one of USERS, COUNSELS"));
        let aggregate = Filter { aggregate: Some("*".to_owned()), ..Filter::default() };
        assert!(refused(&aggregate).contains("aggregate"));
    }
}
