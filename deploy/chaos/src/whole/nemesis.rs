//! What goes wrong: one fault after the other, each of which ends.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use shared::messaging::{Nats, STREAMS};
use shared::testkit::{NatsCluster, Traffic};
use tokio::time::sleep;

use super::mesh::{Brokers, Mesh, SERVICES};
use crate::nemesis::Faults;

/// How far a clock jumps at most, in milliseconds, and how far it is from the right time before: no two differ by more than
/// [`SKEW`](shared::time::SKEW).
const MOST_AHEAD: i64 = 20_000;
const MOST_USUALLY_AHEAD: i64 = 4_000;
/// What processes are called.
const NAMES: [&str; 4] = ["gateway", SERVICES[0], SERVICES[1], SERVICES[2]];

/// Disturbs the mesh until faults are over; then everything runs. Most of the time it is the `victim` that dies, if
/// there is one.
pub async fn disturb(
    mesh: &Mesh,
    mut chance: StdRng,
    apart: Duration,
    victim: Option<&'static str>,
    faults: &Faults,
) {
    for host in &mesh.hosts {
        faults.count("a machine had a clock that was wrong");
        host.set_usually_ahead(chance.random_range(-MOST_USUALLY_AHEAD..MOST_USUALLY_AHEAD));
    }
    while !faults.are_over() {
        sleep(apart.mul_f64(chance.random_range(0.2..1.0))).await;
        if let Some(victim) = victim.filter(|_| chance.random_bool(0.8)) {
            kill_one(mesh, victim, &mut chance, faults).await;
            continue;
        }
        match chance.random_range(0..22) {
            0..5 => kill_one(mesh, NAMES[chance.random_range(0..NAMES.len())], &mut chance, faults).await,
            5..8 => freeze_one(mesh, &mut chance, faults).await,
            8 => restart_all(mesh, &mut chance, faults).await,
            9..13 => disturb_lines(mesh, &mut chance, faults).await,
            13..15 if !mesh.disks.is_empty() => fill_one(mesh, &mut chance, faults).await,
            18..22 if !mesh.hosts.is_empty() => disturb_host(mesh, &mut chance, faults).await,
            _ => match &mesh.brokers {
                Brokers::One(server) => {
                    let pause = Duration::from_millis(chance.random_range(100..2500));
                    if chance.random_bool(0.5) {
                        faults.count("nats-server was killed");
                        server.kill();
                        sleep(pause).await;
                        Box::pin(server.resume()).await;
                    } else {
                        faults.count("nats-server stood still");
                        server.freeze();
                        sleep(pause).await;
                        server.thaw();
                    }
                }
                Brokers::Three(cluster) => disturb_cluster(mesh, cluster, &mut chance, faults).await,
            },
        }
    }
}

/// Ends what runs another build, one process after the other, and starts the one of this workspace in its place.
pub async fn upgrade(mesh: &Mesh, apart: Duration, faults: &Faults) {
    for (_, process) in mesh.processes.iter().filter(|(_, process)| process.is_older()) {
        sleep(apart).await;
        faults.count("an instance of the other build was upgraded");
        process.upgrade();
    }
}

/// What is counted as, of a process that was killed and of one that stood still.
fn counted(name: &str) -> (&'static str, &'static str) {
    match name {
        "gateway" => ("gateway was killed", "gateway stood still"),
        "user-svc" => ("user-svc was killed", "user-svc stood still"),
        "counseling-svc" => ("counseling-svc was killed", "counseling-svc stood still"),
        _ => ("payment-svc was killed", "payment-svc stood still"),
    }
}

async fn kill_one(mesh: &Mesh, name: &'static str, chance: &mut StdRng, faults: &Faults) {
    let Some(process) = mesh.of(name).choose(chance) else { return };
    faults.count(counted(name).0);
    process.kill();
    sleep(Duration::from_millis(chance.random_range(0..1000))).await;
    process.start();
}

async fn freeze_one(mesh: &Mesh, chance: &mut StdRng, faults: &Faults) {
    let (name, process) = &mesh.processes[chance.random_range(0..mesh.processes.len())];
    faults.count(counted(name).1);
    process.freeze();
    sleep(Duration::from_millis(chance.random_range(100..3000))).await;
    process.thaw();
}

/// One instance after the other, as a careless upgrade does.
async fn restart_all(mesh: &Mesh, chance: &mut StdRng, faults: &Faults) {
    faults.count("all instances of a service were restarted, one after the other");
    for process in mesh.of(SERVICES[chance.random_range(0..SERVICES.len())]) {
        process.kill();
        process.start();
        sleep(Duration::from_millis(chance.random_range(300..1500))).await;
    }
}

/// A network in trouble: for one process, or for all of them.
async fn disturb_lines(mesh: &Mesh, chance: &mut StdRng, faults: &Faults) {
    let is_database = chance.random_bool(0.5);
    let pause = Duration::from_millis(chance.random_range(1..40));
    let (traffic, [of_broker, of_database]) = match chance.random_range(0..3) {
        0 => (Traffic::Slow(pause), ["the way to nats-server was slow", "the way to PostgreSQL was slow"]),
        1 => (Traffic::Stalls, ["nothing came through to nats-server", "nothing came through to PostgreSQL"]),
        _ => (Traffic::Cut, ["connections to nats-server were cut", "connections to PostgreSQL were cut"]),
    };
    let all = &mesh.lines[..];
    let of_one = chance.random_range(0..all.len());
    let lines = if chance.random_bool(0.3) { all } else { &all[of_one..=of_one] };
    let mut was_database = false;
    for line in lines {
        was_database |= line.set(is_database, traffic);
    }
    faults.count(if was_database { of_database } else { of_broker });
    sleep(Duration::from_millis(chance.random_range(100..3000))).await;
    mesh.mend();
}

/// A disk that is full for a while. nats-server gives JetStream up then: it is restarted, as an operator does.
async fn fill_one(mesh: &Mesh, chance: &mut StdRng, faults: &Faults) {
    let Some((name, disk)) = mesh.disks.iter().choose(chance) else { return };
    faults.count(match *name {
        "user-svc" => "the disk of user-svc was full",
        "counseling-svc" => "the disk of counseling-svc was full",
        "payment-svc" => "the disk of payment-svc was full",
        _ => "the disk of nats-server was full",
    });
    tokio::task::block_in_place(|| disk.fill());
    sleep(Duration::from_millis(chance.random_range(300..3000))).await;
    disk.free();
    if let (Brokers::One(server), "nats-server") = (&mesh.brokers, *name) {
        server.kill();
        Box::pin(server.resume()).await;
    }
}

/// A clock that jumps, and later back, or a disk on which everything takes longer to be written through.
async fn disturb_host(mesh: &Mesh, chance: &mut StdRng, faults: &Faults) {
    let Some(host) = mesh.hosts.iter().choose(chance) else { return };
    if !host.has_disk() || chance.random_bool(0.5) {
        let (ahead, counted) = match chance.random_bool(0.5) {
            true => (chance.random_range(100..MOST_AHEAD), "a clock jumped ahead"),
            false => (-chance.random_range(100..MOST_AHEAD), "a clock jumped back"),
        };
        faults.count(counted);
        host.set_ahead(ahead);
    } else {
        faults.count("a disk was slow");
        host.set_slower(Duration::from_millis(chance.random_range(20..400)));
    }
    sleep(Duration::from_millis(chance.random_range(300..4000))).await;
    host.set_ahead(0);
    host.set_slower(Duration::ZERO);
}

async fn disturb_cluster(mesh: &Mesh, cluster: &NatsCluster, chance: &mut StdRng, faults: &Faults) {
    let stream = STREAMS[chance.random_range(0..STREAMS.len())].name;
    // Most of the time the one that matters.
    let any = chance.random_range(0..cluster.size());
    let node = if chance.random_bool(0.7) { cluster.leader_of(stream).await.unwrap_or(any) } else { any };
    let pause = Duration::from_millis(chance.random_range(500..4000));
    match chance.random_range(0..4) {
        0 => {
            faults.count("a server of the cluster was killed");
            cluster.kill(node);
            sleep(pause).await;
            cluster.resume(node);
        }
        1 => {
            faults.count("a server of the cluster stood still");
            cluster.freeze(node);
            sleep(pause).await;
            cluster.thaw(node);
        }
        2 => {
            faults.count("a server of the cluster was cut off");
            cluster.cut_off(node);
            sleep(pause).await;
            cluster.heal(node);
        }
        _ => {
            faults.count("a leader was told to step down");
            if let Ok(nats) = Nats::connect(&mesh.operator(), "chaos").await {
                let subject = format!("$JS.API.STREAM.LEADER.STEPDOWN.{stream}");
                // It may be the one that has no leader just now.
                let _ = nats.client.request(subject, "".into()).await;
            }
        }
    }
}
