//! What stands for the gateway where the provider sends its notices: it passes them on, some of them twice, some late and
//! so in another order, and some not at all, which the provider then sends again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::Faults;
use crate::BoxError;
use crate::workload::Calls;

/// See above.
pub struct NoticeDesk {
    /// Where notices go.
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    calls: Mutex<Option<Calls>>,
    chance: Mutex<StdRng>,
    faults: Faults,
}

impl NoticeDesk {
    /// One that takes no notices yet.
    ///
    /// # Errors
    /// When nothing can be listened on.
    pub async fn start(seed: u64, faults: Faults) -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let chance = Mutex::new(StdRng::seed_from_u64(seed));
        let inner = Arc::new(Inner { calls: Mutex::default(), chance, faults });
        let router = Router::new().route("/", post(take)).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, inner })
    }

    /// Passes notices on from now on.
    pub fn pass_on_by(&self, calls: Calls) {
        *self.inner.calls.lock().unwrap_or_else(PoisonError::into_inner) = Some(calls);
    }
}

async fn take(State(desk): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let calls = desk.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(calls) = calls else { return StatusCode::SERVICE_UNAVAILABLE };
    let (luck, pause) = {
        let mut chance = desk.chance.lock().unwrap_or_else(PoisonError::into_inner);
        (chance.random_range(0..10), Duration::from_millis(chance.random_range(50..3000)))
    };
    let is_taken = async |calls: &Calls| calls.notice(&headers, &body).await.is_ok();
    let is_taken = match luck {
        _ if desk.faults.are_over() => is_taken(&calls).await,
        0 => {
            desk.faults.count("a notice was refused");
            false
        }
        1 => {
            desk.faults.count("a notice came twice");
            let (first, second) = tokio::join!(is_taken(&calls), is_taken(&calls));
            first && second
        }
        2 => {
            desk.faults.count("a notice came late");
            sleep(pause).await;
            is_taken(&calls).await
        }
        _ => is_taken(&calls).await,
    };
    if is_taken { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
