//! Between a service and the broker: a wire that can lose what the service says.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Acks of a consumer.
pub const ACKS: &str = "$JS.ACK.";
/// The first thing that an instance asks of the registry.
pub const REGISTRY: &str = "KV_mesh";

/// Passes on what a client and the broker say, but for some of what the client publishes. That is lost: to the broker it
/// is as if the client had died before.
pub struct Proxy {
    pub url: String,
    losses: Arc<Mutex<Losses>>,
}

#[derive(Default)]
struct Losses {
    /// A part of the subjects of what is lost.
    subjects: Option<&'static str>,
    number: usize,
}

impl Losses {
    /// Whether something with this subject is lost; it is counted.
    fn hits(&mut self, subject: &str) -> bool {
        let is_lost = self.subjects.is_some_and(|lost| subject.contains(lost));
        self.number += usize::from(is_lost);
        is_lost
    }
}

impl Proxy {
    /// To the broker at `url`.
    pub async fn to(url: &str) -> Self {
        let broker = url.trim_start_matches("nats://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let losses = Arc::<Mutex<Losses>>::default();
        let noted = losses.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(broker) = TcpStream::connect(&broker).await else { continue };
                let (from_client, mut to_client) = client.into_split();
                let (mut from_broker, to_broker) = broker.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_broker, &mut to_client).await });
                tokio::spawn(pass_on(from_client, to_broker, noted.clone()));
            }
        });
        Self { url, losses }
    }

    /// Loses what has such a subject from now on, or nothing any more.
    pub fn lose(&self, subjects: Option<&'static str>) {
        *self.losses.lock().unwrap() = Losses { subjects, number: 0 };
    }

    /// How much was lost since then.
    pub fn lost(&self) -> usize {
        self.losses.lock().unwrap().number
    }
}

/// One line after the other; what is published follows its line, with the length that the line tells
/// (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).
async fn pass_on(
    client: OwnedReadHalf,
    mut broker: OwnedWriteHalf,
    losses: Arc<Mutex<Losses>>,
) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    loop {
        let mut said = Vec::new();
        if client.read_until(b'\n', &mut said).await? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&said).into_owned();
        let mut words = line.split_ascii_whitespace();
        let mut is_lost = false;
        if matches!(words.next(), Some("PUB" | "HPUB")) {
            let subject = words.next().unwrap_or_default();
            is_lost = losses.lock().unwrap().hits(subject);
            let length: usize = words.last().and_then(|length| length.parse().ok()).unwrap_or_default();
            let head = said.len();
            said.resize(head + length + b"\r\n".len(), 0);
            client.read_exact(&mut said[head..]).await?;
        }
        if !is_lost {
            broker.write_all(&said).await?;
        }
    }
}
