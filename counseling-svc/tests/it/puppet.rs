//! An assistant on strings: it stands for the model behind the port, which is somebody else's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use counseling_svc::assistant::{Assistant, AssistantError, Reply, Risk, Scene, Turn};
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
    held: watch::Sender<bool>,
}

impl Puppet {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            failures: Mutex::default(),
            risk: Mutex::default(),
            held: watch::Sender::new(false),
        })
    }

    /// Answers nothing from now on.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Answers everything that it held back.
    pub fn release(&self) {
        self.held.send_replace(false);
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

    async fn answer(&self, text: String) -> Result<Reply, AssistantError> {
        if let Some(error) = self.failures.lock().unwrap().pop_front() {
            return Err(error);
        }
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| !held).await;
        let risk = *self.risk.lock().unwrap();
        Ok(Reply { text, risk })
    }
}

/// What the puppet answers.
pub fn answer_to(message: &str) -> String {
    format!("the puppet has heard {message:?}")
}

impl Assistant for Puppet {
    fn reply<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        self.asked.lock().unwrap().push(turn.clone());
        Box::pin(self.answer(answer_to(&turn.message)))
    }

    fn greet<'a>(&'a self, _: &'a Scene) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        Box::pin(async {
            let greeting = self.answer(GREETING.to_owned()).await?;
            Ok(Reply { risk: None, ..greeting })
        })
    }
}
