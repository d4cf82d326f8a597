//! A connection between two processes that can be disturbed.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::nats::Broker;

/// How many bytes pass at once: what a slow link takes its time for.
const PIECE: usize = 4096;

/// What becomes of what is sent over a [`Link`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// It arrives at once.
    Flows,
    /// Each piece, of 4 KiB at most, takes so long.
    Slow(Duration),
    /// Nothing arrives until this is over, and then all of it: connections stay open, as when packets are lost.
    Stalls,
    /// Connections end, and new ones do too.
    Cut,
}

/// Passes on what is sent to its address.
pub struct Link {
    address: SocketAddr,
    traffic: watch::Sender<Traffic>,
    _listener: AbortOnDropHandle<()>,
}

impl Link {
    /// A link to this port of the loopback address, on which everything flows.
    ///
    /// # Panics
    /// When nothing can be listened on.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (traffic, seen) = watch::channel(Traffic::Flows);
        let passing = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass_on(stream, port, seen.clone()));
            }
        });
        Self { address, traffic, _listener: AbortOnDropHandle::new(passing) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets this become of what is sent from now on.
    pub fn set(&self, traffic: Traffic) {
        self.traffic.send_replace(traffic);
    }

    /// Cuts it.
    pub fn cut(&self) {
        self.set(Traffic::Cut);
    }

    /// Mends it.
    pub fn mend(&self) {
        self.set(Traffic::Flows);
    }
}

/// A broker at the other end of links, one to each of its servers.
pub struct LinkedBroker {
    links: Vec<Link>,
}

impl LinkedBroker {
    /// Links to this broker.
    ///
    /// # Panics
    /// When nothing can be listened on.
    pub async fn to(broker: &impl Broker) -> Self {
        let mut links = Vec::new();
        for url in broker.url().split(',') {
            let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
            links.push(Link::to(port.expect("the URL of a broker ends with its port")).await);
        }
        Self { links }
    }

    /// Lets this become of what is sent to any of its servers.
    pub fn set(&self, traffic: Traffic) {
        self.links.iter().for_each(|link| link.set(traffic));
    }
}

impl Broker for LinkedBroker {
    fn url(&self) -> String {
        self.links.iter().map(|link| format!("nats://{}", link.address())).collect::<Vec<_>>().join(",")
    }
}

async fn pass_on(from: TcpStream, port: u16, mut traffic: watch::Receiver<Traffic>) {
    if *traffic.borrow() == Traffic::Cut {
        return;
    }
    let Ok(to) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    // What is small must not wait for more.
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    let there = pump(from_read, to_write, traffic.clone());
    let back = pump(to_read, from_write, traffic.clone());
    tokio::select! {
        _ = async { tokio::try_join!(there, back) } => {}
        // Also when the link itself is gone.
        _ = traffic.wait_for(|traffic| *traffic == Traffic::Cut) => {}
    }
}

/// One direction of a connection, until its end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut traffic: watch::Receiver<Traffic>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        let seen = traffic.wait_for(|traffic| *traffic != Traffic::Stalls).await;
        let seen = *seen.map_err(io::Error::other)?;
        if let Traffic::Slow(pause) = seen {
            sleep(pause).await;
        }
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..length]).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::time::timeout;

    use super::*;

    /// Sends back what it gets.
    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        port
    }

    #[tokio::test]
    async fn what_is_sent_flows_slowly_waits_or_is_cut_off() {
        let link = Link::to(echo().await).await;
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        let mut heard = [0; 4];
        stream.write_all(b"fast").await.unwrap();
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"fast");

        let pause = Duration::from_millis(30);
        link.set(Traffic::Slow(pause));
        let began = Instant::now();
        stream.write_all(b"slow").await.unwrap();
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"slow");
        assert!(began.elapsed() >= pause * 2, "{:?} there and back", began.elapsed());

        link.set(Traffic::Stalls);
        stream.write_all(b"late").await.unwrap();
        assert!(timeout(pause, stream.read_exact(&mut heard)).await.is_err(), "nothing arrives");
        link.mend();
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"late", "and nothing is lost");

        link.cut();
        assert_eq!(stream.read(&mut heard).await.unwrap_or(0), 0);
        let mut other = TcpStream::connect(link.address()).await.unwrap();
        assert_eq!(other.read(&mut heard).await.unwrap_or(0), 0);
    }
}
