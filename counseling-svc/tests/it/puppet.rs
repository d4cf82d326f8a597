//! An assistant on strings: it stands for the model behind the port, which is somebody else's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use counseling_svc::assistant::{
    Analysis, Assistant, AssistantError, Draft, Excerpt, Reply, Risk, Scene, Summary, Turn, Usage,
};
use futures::future::BoxFuture;
use shared::testkit::eventually;
use tokio::sync::watch;

/// What the puppet says when a counsel is opened without a bubble.
pub const GREETING: &str = "the puppet greets";

/// Answers at once, unless it is told otherwise, and remembers what it was asked.
pub struct Puppet {
    asked: Mutex<Vec<Turn>>,
    failures: Mutex<VecDeque<AssistantError>>,
    risk: Mutex<Option<Risk>>,
    /// How many of the turns it was asked about it may answer.
    answers: watch::Sender<usize>,
}

impl Puppet {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            failures: Mutex::default(),
            risk: Mutex::default(),
            answers: watch::Sender::new(usize::MAX),
        })
    }

    /// Answers no turn from now on.
    pub fn hold(&self) {
        self.answers.send_replace(0);
    }

    /// Answers the first of the turns that it holds back, and holds back the others.
    pub fn release_first(&self) {
        self.answers.send_replace(1);
    }

    /// Answers every turn that it holds back.
    pub fn release(&self) {
        self.answers.send_replace(usize::MAX);
    }

    /// Fails once more.
    pub fn fail(&self, error: AssistantError) {
        self.failures.lock().unwrap().push_back(error);
    }

    /// Finds this risk in whatever it is told.
    pub fn find(&self, risk: Risk) {
        *self.risk.lock().unwrap() = Some(risk);
    }

    /// Every turn it was asked about, also those it did not answer.
    pub fn asked(&self) -> Vec<Turn> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until it has been asked `times` times.
    pub async fn is_asked(&self, times: usize) {
        eventually("the assistant is asked", async || self.asked.lock().unwrap().len() >= times).await;
    }

    fn failure(&self) -> Result<(), AssistantError> {
        self.failures.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }
}

/// What the puppet answers.
pub fn answer_to(message: &str) -> String {
    format!("the puppet has heard {message:?}")
}

impl Assistant for Puppet {
    fn reply<'a>(&'a self, turn: &'a Turn, draft: &'a Draft) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(turn.clone());
            asked.len()
        };
        Box::pin(async move {
            self.failure()?;
            let _ = self.answers.subscribe().wait_for(|answers| number <= *answers).await;
            let risk = *self.risk.lock().unwrap();
            draft.push(&answer_to(&turn.message));
            Ok(Reply { risk, ..Reply::plain(answer_to(&turn.message)) })
        })
    }

    fn greet<'a>(&'a self, _: &'a Scene) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        Box::pin(async {
            self.failure()?;
            Ok(Reply::plain(GREETING))
        })
    }

    fn analyze<'a>(&'a self, _: &'a Excerpt) -> BoxFuture<'a, Result<Analysis, AssistantError>> {
        Box::pin(async { Ok(Analysis::default()) })
    }

    fn summarize<'a>(&'a self, _: &'a Excerpt) -> BoxFuture<'a, Result<Summary, AssistantError>> {
        Box::pin(async { Ok(Summary { text: "in short".to_owned(), usage: Usage::default() }) })
    }
}
