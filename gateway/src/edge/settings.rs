//! The configuration of the edge.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use shared::config::Source;

use super::server::TlsFiles;

/// How many requests may come: so many at once, and then so many a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a minute.
    pub per_minute: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// None when either is 0: no limit.
    pub fn new(per_minute: u32, burst: u32) -> Option<Self> {
        Some(Self { per_minute: NonZeroU32::new(per_minute)?, burst: NonZeroU32::new(burst)? })
    }
}

/// The edge.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// `RATE_ADDRESS`, `RATE_ADDRESS_BURST`: of one address.
    pub address_rate: Option<Rate>,
    /// `RATE_USER`, `RATE_USER_BURST`: of one user, from whatever address.
    pub user_rate: Option<Rate>,
    /// `RATE_AUTH`, `RATE_AUTH_BURST`: of one address, for sign-in and new tokens.
    pub auth_rate: Option<Rate>,
    /// `TRUSTED_PROXIES`: networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `HEADER_TIMEOUT` (seconds): how long the head of a request, and a TLS handshake, may take.
    pub header_timeout: Duration,
    /// `CONNECTIONS`: how many there may be at once; further ones wait in the system's queue.
    pub connections: usize,
    /// `QUEUE_LIMIT` (seconds): how long work may wait for its turn while nothing is refused; zero: for ever.
    pub queue_limit: Duration,
    /// `TLS_CERT`, `TLS_KEY`: files in PEM; with them the gateway speaks TLS.
    pub tls: Option<TlsFiles>,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self {
            address_rate: Rate::new(3000, 200),
            user_rate: Rate::new(1200, 100),
            auth_rate: Rate::new(30, 30),
            trusted_proxies: Vec::new(),
            header_timeout: Duration::from_secs(30),
            connections: 10_000,
            queue_limit: Duration::from_millis(10),
            tls: None,
        }
    }
}

impl EdgeSettings {
    /// Without limits of rates, and however much there is to do: in development everybody has the same address, load tests
    /// are welcome, and compilers need the processor.
    pub fn without_rates() -> Self {
        let queue_limit = Duration::ZERO;
        Self { address_rate: None, user_rate: None, auth_rate: None, queue_limit, ..Self::default() }
    }

    /// Reads the settings.
    pub fn read(source: &mut Source, development: bool) -> Self {
        let defaults = if development { Self::without_rates() } else { Self::default() };
        let mut rate = |key: &str, default: Option<Rate>| {
            let (per_minute, burst) =
                default.map_or((0, 0), |rate| (rate.per_minute.get(), rate.burst.get()));
            let per_minute = source.or(key, per_minute);
            let burst = source.or(&format!("{key}.burst"), if burst == 0 { per_minute } else { burst });
            Rate::new(per_minute, burst)
        };
        let address_rate = rate("rate.address", defaults.address_rate);
        let user_rate = rate("rate.user", defaults.user_rate);
        let auth_rate = rate("rate.auth", defaults.auth_rate);
        let mut trusted_proxies = Vec::new();
        for network in source.list("trusted.proxies") {
            match network.parse::<IpNet>().or_else(|_| network.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => trusted_proxies.push(network),
                Err(_) => source.refuse("trusted.proxies", "must list networks such as 10.0.0.0/8"),
            }
        }
        let header_timeout = source.seconds("header.timeout", defaults.header_timeout);
        let connections = source.or("connections", defaults.connections);
        let queue_limit = source.seconds("queue.limit", defaults.queue_limit);
        let (cert, key) = (source.optional::<PathBuf>("tls.cert"), source.optional("tls.key"));
        let tls = match (cert, key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            _ => {
                source.refuse("tls", "give TLS_CERT and TLS_KEY, or neither");
                None
            }
        };
        Self {
            address_rate,
            user_rate,
            auth_rate,
            trusted_proxies,
            header_timeout,
            connections,
            queue_limit,
            tls,
        }
    }
}
