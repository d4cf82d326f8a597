//! What the sandbox tells the merchant, until it is taken.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde_json::json;
use shared::Error;
use shared::config::Secret;
use shared::https::{self, HttpsClient};
use shared::id::new_id;
use shared::shutdown::Shutdown;
use shared::time::Clock;

use super::{Behaviour, Record, SIGNATURE, SandboxSettings, Status};
use crate::providers::signature::sign;

/// How often a notice is sent that is not taken; the pause before the next doubles.
const ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long the merchant may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Sends notices.
#[derive(Clone)]
pub struct Notifier {
    client: HttpsClient<Full<Bytes>>,
    url: Option<String>,
    secret: Secret,
    shutdown: Shutdown,
}

impl Notifier {
    /// To the address of the settings, until shutdown begins.
    ///
    /// # Errors
    /// When there can be no client for that address.
    pub fn new(settings: &SandboxSettings, shutdown: Shutdown) -> Result<Self, Error> {
        let url = settings.notice_url.clone();
        let is_encrypted = url.as_ref().is_some_and(|url| url.starts_with("https"));
        let client = https::client(is_encrypted).map_err(Error::internal)?;
        Ok(Self { client, url, secret: settings.notice_secret.clone(), shutdown })
    }

    /// Tells what became of a payment, in the background, in the manner of its card.
    pub fn tell(&self, kind: &'static str, record: &Record) {
        let early = record.behaviour == Behaviour::NoticesOutOfOrder && record.status == Status::Authorized;
        if early {
            // Told after what follows it.
            return;
        }
        let mut kinds = vec![kind];
        match record.behaviour {
            Behaviour::NoticesTwice => kinds = vec![kind; 3],
            Behaviour::NoticesOutOfOrder => kinds.push("payment.authorized"),
            _ => {}
        }
        let notices: Vec<_> = kinds.into_iter().map(|kind| body(kind, record)).collect();
        let notifier = self.clone();
        let shutdown = self.shutdown.clone();
        self.shutdown.spawn(async move {
            for notice in notices {
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = notifier.deliver(notice) => {}
                }
            }
        });
    }

    /// Tells it now, and waits until the merchant has taken it.
    pub async fn tell_now(&self, kind: &'static str, record: &Record) {
        self.deliver(body(kind, record)).await;
    }

    async fn deliver(&self, notice: Bytes) {
        let mut pause = FIRST_PAUSE;
        for _ in 0..ATTEMPTS {
            if self.send(notice.clone()).await {
                return;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        tracing::warn!("a notice of the sandbox was not taken");
    }

    /// Whether it was taken.
    async fn send(&self, notice: Bytes) -> bool {
        let Some(url) = &self.url else { return true };
        let signature = sign(&self.secret, &notice, Clock::system().now());
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, signature)
            .body(Full::new(notice));
        let Ok(request) = request else { return false };
        let answer = tokio::time::timeout(LIMIT, self.client.request(request)).await;
        matches!(answer, Ok(Ok(answer)) if answer.status().is_success())
    }
}

fn body(kind: &str, record: &Record) -> Bytes {
    json!({ "id": format!("evt_{}", new_id()), "type": kind, "orderId": record.order_id }).to_string().into()
}
