//! What people say, and the key, are in no error and no log line.

use std::io;
use std::sync::{Arc, Mutex};

use counseling_svc::assistant::{Assistant, Draft};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::understanding::excerpt;
use super::{Act, KEY, Provider, assistant, owned, turn};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

const SAID: &str = "my secret is the violet umbrella";

#[tokio::test]
async fn nothing_that_was_said_and_no_key_is_in_an_error_or_in_the_log() {
    let log = Log::default();
    // For the whole process: what one thread listens to, another one may have switched off before.
    let filter = EnvFilter::new("off,counseling_svc::assistant=trace,hyper_util=debug,rustls=debug");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).with_ansi(false).init();

    let echo = || owned(&["you said: violet umbrella", KEY]);
    for act in [
        Act::Say(echo()),
        Act::fail(400, "invalid_prompt"),
        Act::fail(401, KEY),
        Act::fail(429, SAID),
        Act::fail(500, "server_error"),
        Act::Break(echo()),
        Act::End(echo(), "length"),
        Act::Raw("data: violet umbrella\n\n"),
        Act::Raw("data: {\"error\":{\"message\":\"violet umbrella\",\"code\":\"violet umbrella\"}}\n\n"),
    ] {
        let provider = Provider::start([act]).await;
        let assistant = assistant(&provider);
        let errors = [
            assistant.reply(&turn(SAID), &Draft::default()).await.err(),
            assistant.analyze(&excerpt(SAID)).await.err(),
            assistant.summarize(&excerpt(SAID)).await.err(),
        ];
        for error in errors.into_iter().flatten() {
            let told = format!("{error} {error:?}");
            assert!(!told.contains("violet") && !told.contains("sk-a-key"), "{told}");
        }
        assert!(!format!("{assistant:?}").contains("sk-a-key"));
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a model was called") && logged.contains("500 server_error"), "{logged}");
    assert!(!logged.contains("violet") && !logged.contains("sk-a-key"), "{logged}");
}
