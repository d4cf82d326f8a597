//! A reply as a stream: what is said as it comes, and then both messages as they are kept.

use std::pin::Pin;

use futures::Stream;
use futures::stream;
use shared::Error;
use shared::proto::v1::StreamMessageResponse;
use shared::proto::v1::stream_message_response::Part;
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::{oneshot, watch};
use tonic::Status;

use super::commands::{Pair, Speaking, Spoken};

/// What `StreamMessage` answers with.
pub type ReplyStream = Pin<Box<dyn Stream<Item = Result<StreamMessageResponse, Status>> + Send>>;

/// What has been passed on of a draft.
struct Progress {
    draft: watch::Receiver<String>,
    told: oneshot::Receiver<Result<Pair, Error>>,
    /// What the follower has.
    sent: String,
    has_ended: bool,
}

/// Tells what becomes of a message.
pub fn of(spoken: Spoken) -> ReplyStream {
    let Speaking { draft, told } = match spoken {
        Spoken::Speaking(speaking) => speaking,
        Spoken::Answered(pair) => return Box::pin(stream::iter([Ok(whole(*pair))])),
    };
    let progress = Progress { draft, told, sent: String::new(), has_ended: false };
    Box::pin(stream::unfold(progress, |mut progress| async move {
        let part = progress.next().await?;
        Some((part, progress))
    }))
}

impl Progress {
    async fn next(&mut self) -> Option<Result<StreamMessageResponse, Status>> {
        if self.has_ended {
            return None;
        }
        loop {
            tokio::select! {
                biased;
                changed = self.draft.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    if let Some(part) = self.news() {
                        return Some(Ok(StreamMessageResponse { part: Some(part) }));
                    }
                }
                pair = &mut self.told => return Some(self.end(pair)),
            }
        }
        // The draft is dropped before the result is told; what it held last was passed on.
        let pair = (&mut self.told).await;
        Some(self.end(pair))
    }

    /// What the draft has that the follower has not.
    fn news(&mut self) -> Option<Part> {
        let text = self.draft.borrow_and_update().clone();
        match text.strip_prefix(&self.sent) {
            Some("") => None,
            Some(delta) => {
                let delta = delta.to_owned();
                self.sent = text;
                Some(Part::Delta(delta))
            }
            None => {
                self.sent.clear();
                // What is there of the new beginning comes with the next look.
                self.draft.mark_changed();
                Some(Part::Restart(true))
            }
        }
    }

    fn end(&mut self, pair: Result<Result<Pair, Error>, RecvError>) -> Result<StreamMessageResponse, Status> {
        self.has_ended = true;
        Ok(whole(pair.map_err(Error::internal)??))
    }
}

fn whole(pair: Pair) -> StreamMessageResponse {
    StreamMessageResponse { part: Some(Part::Messages(pair.into())) }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::assistant::Draft;

    #[tokio::test]
    async fn a_follower_hears_every_word_and_when_the_reply_begins_again() {
        let draft = Draft::default();
        let (tell, told) = oneshot::channel();
        let mut parts = of(Spoken::Speaking(Speaking { draft: draft.follow(), told }));
        let mut next = async || parts.next().await.map(|part| part.map(|part| part.part));
        for (word, so_far) in [("I ", "I "), ("hear ", "hear ")] {
            draft.push(word);
            assert_eq!(next().await.unwrap().unwrap(), Some(Part::Delta(so_far.to_owned())));
        }
        // What came while nobody looked comes at once.
        draft.push("you");
        draft.push(".");
        assert_eq!(next().await.unwrap().unwrap(), Some(Part::Delta("you.".to_owned())));
        draft.clear();
        draft.push("Again: ");
        assert_eq!(next().await.unwrap().unwrap(), Some(Part::Restart(true)));
        assert_eq!(next().await.unwrap().unwrap(), Some(Part::Delta("Again: ".to_owned())));
        draft.push("hello");
        drop(draft);
        assert_eq!(next().await.unwrap().unwrap(), Some(Part::Delta("hello".to_owned())));
        drop(tell.send(Err(Error::NotFound("counsel"))));
        assert_eq!(next().await.unwrap().unwrap_err().code(), tonic::Code::NotFound);
        assert!(next().await.is_none());
    }
}
