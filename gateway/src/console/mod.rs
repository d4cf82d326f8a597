//! The console: pages for operators at `/ops`, for admins alone.
//!
//! The pages are made on the server, by compiled templates, and are plain HTML: links and forms do everything. One small
//! script reads a page again every two seconds and puts what has changed in its place, and knows a few keys. There is no
//! framework, so there is nothing to build and nothing of others to keep up with, and the strictest content security
//! policy holds: not even an inline style.

mod access;
mod assets;
mod chart;
mod consumer;
mod consumers;
mod dead_letters;
mod event;
mod events;
mod failed;
mod fields;
mod flow;
mod format;
mod language;
mod letters;
mod notice;
mod overview;
mod record;
mod sampler;
mod streams;
mod texts;
mod view;

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State as Connection;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};
use shared::error::Error;
use shared::messaging::{Nats, NatsSettings};
use shared::operations::Operations;
use shared::shutdown::Shutdown;

use self::access::Gate;
use self::failed::Failed;
use self::sampler::Sampler;
use crate::App;
use crate::session::Session;

/// Where it is.
pub const PATH: &str = "/ops";
/// How often, and how far apart, it is looked whether the first connection is there.
const MOMENTS: u32 = 50;
const MOMENT: Duration = Duration::from_millis(20);

/// The console.
pub struct Console {
    nats: Nats,
    operations: Operations,
    sampler: Sampler,
}

impl Console {
    /// On a connection of its own, which comes about when the broker is there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker's address is none.
    pub async fn open(settings: &NatsSettings, shutdown: &Shutdown) -> Result<Arc<Self>, Error> {
        let nats = Box::pin(Nats::connect_in_background(settings, "console")).await?;
        let operations = Operations::new(nats.clone(), "console", "console");
        let sampler = Sampler::start(operations.clone(), shutdown);
        Ok(Arc::new(Self { nats, operations, sampler }))
    }

    /// Its routes, all of them behind the same gate.
    pub fn router<S: Clone + Send + Sync + 'static>(self: &Arc<Self>, app: Arc<App>) -> Router<S> {
        let gate = Gate { app, console: self.clone() };
        let pages = Router::new()
            .route("/", get(overview::show))
            .route("/streams", get(streams::show))
            .route("/consumers", get(consumers::show))
            .route("/consumers/{consumer}", get(consumer::show))
            .route("/consumers/{consumer}/pause", post(consumer::pause))
            .route("/consumers/{consumer}/resume", post(consumer::resume))
            .route("/consumers/{consumer}/replay", get(consumer::confirm_replay).post(consumer::replay))
            .route("/events", get(events::show))
            .route("/event", get(event::show))
            .route("/dead-letters", get(dead_letters::show).post(letters::act))
            .route("/dead-letters/confirm", get(letters::confirm))
            .route("/dead-letters/{sequence}", get(letters::show))
            .route("/record", get(record::show))
            .fallback(async || Failed::from(Error::NotFound("page")))
            .method_not_allowed_fallback(async || Failed::method_not_allowed())
            .with_state(self.clone())
            .layer(from_fn_with_state(gate.clone(), access::admins_only));
        let pages = pages.merge(assets::router()).layer(from_fn_with_state(gate, access::present));
        let with_slash = get(async || Redirect::permanent(PATH));
        Router::new().nest(PATH, pages).route(&format!("{PATH}/"), with_slash)
    }

    /// Whether the broker is there. The first connection is waited for, a moment.
    async fn is_connected(&self) -> bool {
        let state = || self.nats.client.connection_state();
        for _ in 0..MOMENTS {
            if state() != Connection::Pending {
                break;
            }
            tokio::time::sleep(MOMENT).await;
        }
        state() == Connection::Connected
    }

    /// In the hands of this admin, whose id goes on record with what is done.
    fn by(&self, session: &Session) -> Operations {
        self.operations.by(&session.user_id)
    }
}
