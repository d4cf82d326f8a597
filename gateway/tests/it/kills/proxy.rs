//! Between a service and the broker: a wire that can keep acks back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Passes on what a client and the broker say, but for the client's acks while they are kept back. Those are lost: to
/// the broker it is as if the client had died before it sent them.
pub struct Proxy {
    pub url: String,
    acks: Arc<Acks>,
}

#[derive(Default)]
struct Acks {
    are_kept_back: AtomicBool,
    lost: AtomicUsize,
}

impl Proxy {
    /// To the broker at `url`.
    pub async fn to(url: &str) -> Self {
        let broker = url.trim_start_matches("nats://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let acks = Arc::new(Acks::default());
        let kept = acks.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(broker) = TcpStream::connect(&broker).await else { continue };
                let (from_client, mut to_client) = client.into_split();
                let (mut from_broker, to_broker) = broker.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_broker, &mut to_client).await });
                tokio::spawn(pass_on(from_client, to_broker, kept.clone()));
            }
        });
        Self { url, acks }
    }

    /// Loses acks from now on, or no longer.
    pub fn keep_acks_back(&self, are_kept_back: bool) {
        self.acks.are_kept_back.store(are_kept_back, Ordering::SeqCst);
    }

    /// How many acks were lost.
    pub fn lost(&self) -> usize {
        self.acks.lost.load(Ordering::SeqCst)
    }
}

/// One line after the other; what is published follows its line, with the length that the line tells
/// (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).
async fn pass_on(client: OwnedReadHalf, mut broker: OwnedWriteHalf, acks: Arc<Acks>) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    loop {
        let mut said = Vec::new();
        if client.read_until(b'\n', &mut said).await? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&said).into_owned();
        let mut words = line.split_ascii_whitespace();
        let mut is_ack = false;
        if matches!(words.next(), Some("PUB" | "HPUB")) {
            is_ack = words.next().is_some_and(|subject| subject.starts_with("$JS.ACK."));
            let length: usize = words.last().and_then(|length| length.parse().ok()).unwrap_or_default();
            let head = said.len();
            said.resize(head + length + b"\r\n".len(), 0);
            client.read_exact(&mut said[head..]).await?;
        }
        if is_ack && acks.are_kept_back.load(Ordering::SeqCst) {
            acks.lost.fetch_add(1, Ordering::SeqCst);
        } else {
            broker.write_all(&said).await?;
        }
    }
}
