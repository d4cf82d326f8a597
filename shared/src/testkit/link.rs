//! A connection between two processes that can be cut.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Passes on what is sent to its address, until it is cut: then connections end, and new ones do too, until it is mended.
pub struct Link {
    address: SocketAddr,
    is_cut: watch::Sender<bool>,
    _listener: AbortOnDropHandle<()>,
}

impl Link {
    /// A link to this port of the loopback address.
    ///
    /// # Panics
    /// When nothing can be listened on.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (is_cut, seen) = watch::channel(false);
        let passing = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass_on(stream, port, seen.clone()));
            }
        });
        Self { address, is_cut, _listener: AbortOnDropHandle::new(passing) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts it.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Mends it.
    pub fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn pass_on(mut from: TcpStream, port: u16, mut is_cut: watch::Receiver<bool>) {
    if *is_cut.borrow() {
        return;
    }
    let Ok(mut to) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    // What is small must not wait for more.
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    tokio::select! {
        _ = copy_bidirectional(&mut from, &mut to) => {}
        // Also when the link itself is gone.
        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
    }
}
