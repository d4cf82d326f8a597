//! Reading server-sent events, as the HTML standard says.

use reqwest::Response;
use serde_json::{Value, json};
use shared::testkit::LIMIT;

use crate::openapi::Document;

/// An event with data.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: Option<String>,
    pub name: String,
    pub data: Value,
}

/// The events of an answer, each checked against the document.
pub struct Events {
    response: Response,
    buffer: Vec<u8>,
    schema: Value,
    /// What a client would send as `Last-Event-ID`.
    pub last_id: Option<String>,
    /// Comments so far.
    pub comments: usize,
}

impl Events {
    pub fn of(response: Response, document: &Document, method: &str, path: &str) -> Self {
        let content_type = response.headers()["content-type"].to_str().unwrap();
        assert_eq!((response.status().as_u16(), content_type), (200, "text/event-stream"));
        let schema = document.events(method, path);
        Self { response, buffer: Vec::new(), schema, last_id: None, comments: 0 }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The next event; nothing at the end.
    pub async fn next(&mut self) -> Option<Event> {
        let event = tokio::time::timeout(LIMIT, self.read_on()).await;
        event.expect("neither an event nor an end in time")
    }

    async fn read_on(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                match self.read(std::str::from_utf8(&block).unwrap()) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            match self.response.chunk().await.unwrap() {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => {
                    assert!(self.buffer.is_empty(), "the answer ends within an event");
                    return None;
                }
            }
        }
    }

    /// The next event, of this kind.
    pub async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await.unwrap_or_else(|| panic!("the end in place of {name}"));
        assert_eq!(event.name, name, "{event:?}");
        event
    }

    /// Reads until there was a comment.
    pub async fn comment(&mut self) {
        let before = self.comments;
        while self.comments == before {
            let chunk = tokio::time::timeout(LIMIT, self.response.chunk()).await;
            let chunk = chunk.expect("no comment in time").unwrap().expect("an end in place of a comment");
            self.buffer.extend_from_slice(&chunk);
            while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                assert!(
                    self.read(std::str::from_utf8(&block).unwrap()).is_none(),
                    "an event in place of a comment"
                );
            }
        }
    }

    fn read(&mut self, block: &str) -> Option<Event> {
        let (mut id, mut name, mut data) = (None, "message".to_owned(), Vec::new());
        for line in block.lines().filter(|line| !line.is_empty()) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "" => self.comments += 1,
                "id" => id = Some(value),
                "event" => name = value,
                "data" => data.push(value),
                "retry" => assert!(value.parse::<u64>().is_ok()),
                other => panic!("no field of an event: {other}"),
            }
        }
        if id.is_some() {
            self.last_id.clone_from(&id);
        }
        if data.is_empty() {
            return None;
        }
        let data: Value = serde_json::from_str(&data.join("\n")).unwrap();
        let told = json!({ "event": name, "data": data });
        let validator = jsonschema::validator_for(&self.schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(&told).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "an event is not as documented: {errors:?}\n{told}");
        Some(Event { id, name, data })
    }
}
