//! Three servers of nats-server that keep everything three times.

use std::time::{Duration, Instant};

use super::LIMIT;
use super::link::Link;
use super::nats::{Broker, Node, answers};
use super::process::{Process, free_port};
use crate::messaging::permissions::OPERATOR;
use crate::messaging::{Nats, NatsSettings};

const SIZE: usize = 3;

/// A cluster on loopback addresses. Each server reaches each other one over a [`Link`] of its own, so that one can be cut
/// off from the others while clients still reach it.
pub struct NatsCluster {
    nodes: Vec<Node>,
    /// From whom, to whom.
    links: Vec<(usize, usize, Link)>,
}

impl Broker for NatsCluster {
    fn url(&self) -> String {
        self.nodes.iter().map(Node::url).collect::<Vec<_>>().join(",")
    }
}

impl NatsCluster {
    /// Starts it, and waits until it has a leader.
    ///
    /// # Panics
    /// When it does not come together.
    pub async fn start() -> Self {
        let ports: Vec<_> = (0..SIZE).map(|_| free_port()).collect();
        let mut links = Vec::new();
        for from in 0..SIZE {
            for to in (0..SIZE).filter(|to| *to != from) {
                links.push((from, to, Link::to(ports[to]).await));
            }
        }
        let node = |number: usize| {
            let routes: Vec<_> = links
                .iter()
                .filter(|(from, ..)| *from == number)
                .map(|(.., link)| format!("\"nats-route://{}\"", link.address()))
                .collect();
            // What servers tell each other of third ones leads nowhere: every connection is a link.
            Node::new(&format!(
                "server_name: {}\ncluster {{ name: mesh, listen: \"127.0.0.1:{}\", advertise: \"127.0.0.1:1\", \
                 no_advertise: true, routes: [{}] }}\n",
                name(number),
                ports[number],
                routes.join(", "),
            ))
        };
        let nodes = (0..SIZE).map(node).collect();
        let cluster = Self { nodes, links };
        cluster.nodes.iter().for_each(Node::start);
        for node in 0..SIZE {
            answers(&cluster.settings_of(node)).await;
        }
        cluster
    }

    /// A connection that may do everything.
    ///
    /// # Panics
    /// When no server answers.
    pub async fn connect(&self) -> Nats {
        let began = Instant::now();
        loop {
            match Nats::connect(&self.settings(OPERATOR), OPERATOR).await {
                Ok(nats) => return nats,
                Err(error) => assert!(began.elapsed() < LIMIT, "the cluster does not answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How many servers there are.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The server that leads a stream now, if any does.
    pub async fn leader_of(&self, stream: &str) -> Option<usize> {
        let stream = self.connect().await.jetstream.get_stream(stream).await.ok()?;
        let leader = stream.cached_info().cluster.as_ref()?.leader.clone()?;
        (0..SIZE).find(|number| name(*number) == leader)
    }

    /// Kills a server; what it has acknowledged stays on its disk.
    pub fn kill(&self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a server again after [`NatsCluster::kill`]. It is back when it has caught up, a moment later.
    pub fn resume(&self, node: usize) {
        self.nodes[node].start();
    }

    /// Lets a server stand still until [`NatsCluster::thaw`].
    pub fn freeze(&self, node: usize) {
        self.nodes[node].with(Process::freeze);
    }

    /// Lets it go on.
    pub fn thaw(&self, node: usize) {
        self.nodes[node].with(Process::thaw);
    }

    /// Cuts a server off from the others, in both directions. Clients reach it still.
    pub fn cut_off(&self, node: usize) {
        self.links_of(node).for_each(Link::cut);
    }

    /// Ends [`NatsCluster::cut_off`].
    pub fn heal(&self, node: usize) {
        self.links_of(node).for_each(Link::mend);
    }

    fn links_of(&self, node: usize) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |(from, to, _)| *from == node || *to == node).map(|(.., link)| link)
    }

    fn settings_of(&self, node: usize) -> NatsSettings {
        NatsSettings { url: self.nodes[node].url(), ..self.settings(OPERATOR) }
    }
}

fn name(node: usize) -> String {
    format!("node-{node}")
}
