//! An assistant on strings: it stands for the model behind the port, which is somebody else's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use counseling_svc::assistant::{
    Analysis, Assistant, AssistantError, Draft, Excerpt, Reply, Risk, Scene, Summary, Turn, Usage,
};
use counseling_svc::contexts::domain::Context;
use futures::future::BoxFuture;
use shared::testkit::eventually;
use tokio::sync::watch;

/// What every answer begins with; it is said before an answer is held back.
pub const BEGINNING: &str = "the puppet has heard ";
/// What the puppet says when a counsel is opened without a bubble.
pub const GREETING: &str = "the puppet greets";

/// Answers at once, unless it is told otherwise, and remembers what it was asked.
pub struct Puppet {
    asked: Mutex<Vec<Turn>>,
    failures: Mutex<VecDeque<AssistantError>>,
    risk: Mutex<Option<Risk>>,
    /// How many of the turns it was asked about it may answer.
    answers: watch::Sender<usize>,
    looks: Mutex<Vec<Excerpt>>,
    insights: Mutex<VecDeque<Result<Context, AssistantError>>>,
    /// How many of the counsels it was to understand it may tell of.
    understood: watch::Sender<usize>,
    shortened: Mutex<Vec<Excerpt>>,
}

impl Puppet {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            failures: Mutex::default(),
            risk: Mutex::default(),
            answers: watch::Sender::new(usize::MAX),
            looks: Mutex::default(),
            insights: Mutex::default(),
            understood: watch::Sender::new(usize::MAX),
            shortened: Mutex::default(),
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

    /// Understands the next counsel so; what it is not told of it understands as nothing.
    pub fn understand(&self, insight: Result<Context, AssistantError>) {
        self.insights.lock().unwrap().push_back(insight);
    }

    /// Tells nothing of what it understands from now on.
    pub fn hold_understanding(&self) {
        self.understood.send_replace(0);
    }

    /// Tells of everything that it holds back.
    pub fn release_understanding(&self) {
        self.understood.send_replace(usize::MAX);
    }

    /// Everything it was to understand.
    pub fn looks(&self) -> Vec<Excerpt> {
        self.looks.lock().unwrap().clone()
    }

    /// Waits until it was to understand so many times.
    pub async fn looked(&self, times: usize) {
        eventually("a counsel is looked at", async || self.looks.lock().unwrap().len() >= times).await;
    }

    /// Everything it was to put in short.
    pub fn shortened(&self) -> Vec<Excerpt> {
        self.shortened.lock().unwrap().clone()
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
    format!("{BEGINNING}{message:?}")
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
            let text = answer_to(&turn.message);
            let (begin, end) = text.split_at(BEGINNING.len());
            draft.push(begin);
            let _ = self.answers.subscribe().wait_for(|answers| number <= *answers).await;
            draft.push(end);
            let risk = *self.risk.lock().unwrap();
            let usage = Usage { input_tokens: 11, output_tokens: 7 };
            Ok(Reply { risk, usage, ..Reply::plain(text) })
        })
    }

    fn greet<'a>(&'a self, _: &'a Scene) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        Box::pin(async {
            self.failure()?;
            Ok(Reply::plain(GREETING))
        })
    }

    fn analyze<'a>(&'a self, excerpt: &'a Excerpt) -> BoxFuture<'a, Result<Analysis, AssistantError>> {
        let number = {
            let mut looks = self.looks.lock().unwrap();
            looks.push(excerpt.clone());
            looks.len()
        };
        Box::pin(async move {
            let _ = self.understood.subscribe().wait_for(|understood| number <= *understood).await;
            let context = self.insights.lock().unwrap().pop_front().unwrap_or(Ok(Context::default()))?;
            Ok(Analysis { context, usage: Usage::default() })
        })
    }

    fn summarize<'a>(&'a self, excerpt: &'a Excerpt) -> BoxFuture<'a, Result<Summary, AssistantError>> {
        let mut shortened = self.shortened.lock().unwrap();
        shortened.push(excerpt.clone());
        let text = format!("summary {}", shortened.len());
        Box::pin(async { Ok(Summary { text, usage: Usage::default() }) })
    }
}
