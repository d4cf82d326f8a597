//! Who a request comes from, proxies apart.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::server::Peer;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// What stands for the client when it is counted: of IPv6 the network, for one client has all addresses of it.
    pub fn counted(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
            address @ IpAddr::V4(_) => address,
        }
    }
}

/// Proxies that tell the truth about who came to them.
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    /// The last address in the chain that no trusted proxy has. What is left of it is anybody's claim.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let peer = peer.to_canonical();
        let mut client = peer;
        let lines = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
        let claims = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        for claim in claims {
            if !self.trusts(client) {
                break;
            }
            // A proxy that writes what is no address leaves us with its own.
            let Ok(address) = claim.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
        }
        ClientAddress(client)
    }

    /// Tells whatever comes after this who a request comes from: a [`ClientAddress`] among its extensions.
    pub fn tell(&self, request: &mut Request) {
        if let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() {
            let client = self.client(peer.ip(), request.headers());
            request.extensions_mut().insert(client);
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use shared::testkit::Corpus;

    use super::*;

    fn client(trusted: &[&str], peer: &str, lines: &[&'static str]) -> String {
        let networks = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let headers = lines.iter().map(|line| (X_FORWARDED_FOR, HeaderValue::from_static(line)));
        let client = TrustedProxies(networks).client(peer.parse().unwrap(), &headers.collect());
        client.0.to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (trusted, peer, lines, expected) in [
            (&[][..], "1.1.1.1", &["9.9.9.9"][..], "1.1.1.1"),
            (&["10.0.0.0/8"], "1.1.1.1", &["9.9.9.9"], "1.1.1.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &[], "10.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["9.9.9.9"], "9.9.9.9"),
            // A client that writes the header itself does not become somebody else.
            (&["10.0.0.0/8"], "10.0.0.1", &["8.8.8.8, 9.9.9.9"], "9.9.9.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["8.8.8.8", "9.9.9.9"], "9.9.9.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["8.8.8.8, 9.9.9.9, 10.0.0.2"], "9.9.9.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["10.0.0.0/8"], "10.0.0.1", &["9.9.9.9, nonsense"], "10.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["9.9.9.9, "], "10.0.0.1"),
            (&["10.0.0.0/8"], "::ffff:10.0.0.1", &["9.9.9.9"], "9.9.9.9"),
            (&["fd00::/8"], "fd00::1", &["2001:db8::1"], "2001:db8::1"),
        ] {
            assert_eq!(client(trusted, peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_client_is_an_address_of_the_chain() {
        let networks: [IpNet; 2] = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let proxies = TrustedProxies(networks.into());
        let lines = [
            "9.9.9.9, 10.0.0.2",
            "2001:db8::1, fd00::2,10.0.0.3",
            "::ffff:9.9.9.9",
            "unknown, _hidden, 10.0.0.1:80",
        ];
        Corpus::new(lines).check(file!(), |line| {
            let Ok(value) = HeaderValue::from_bytes(line) else { return };
            let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, value)]);
            let line = String::from_utf8_lossy(line);
            for peer in ["10.0.0.1", "1.1.1.1"] {
                let peer: IpAddr = peer.parse().unwrap();
                let ClientAddress(client) = proxies.client(peer, &headers);
                let claimed = |claim: &str| {
                    claim.trim().parse::<IpAddr>().is_ok_and(|claim| claim.to_canonical() == client)
                };
                assert!(
                    client == peer || (proxies.trusts(peer) && line.split(',').any(claimed)),
                    "{line}: {client}"
                );
            }
        });
    }

    #[test]
    fn one_ipv6_network_is_one_client() {
        let counted = |address: &str| ClientAddress(address.parse().unwrap()).counted();
        assert_eq!(counted("2001:db8:1:2:3::4"), counted("2001:db8:1:2:5::6"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("::ffff:1.2.3.4"), counted("1.2.3.4"));
    }
}
