//! Processes that die (SIGKILL) and stand still (SIGSTOP).

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use shared::testkit::Killable;
use tokio::time::sleep;

use super::Faults;
use crate::mesh::Mesh;

/// Who is disturbed.
enum Victim<'a> {
    Service(&'static str, &'static str, &'a Killable),
    Broker,
}

/// One fault after the other, at most so far apart, until faults are over; then everything runs.
pub async fn disturb(mesh: &Mesh, mut chance: StdRng, apart: Duration, faults: &Faults) {
    while !faults.are_over() {
        sleep(apart.mul_f64(chance.random_range(0.1..1.0))).await;
        let victim = match chance.random_range(0..10) {
            number @ 0..=5 => Victim::Service(
                "payment-svc was killed",
                "payment-svc stood still",
                &mesh.payment_svc[number % 2],
            ),
            6..=8 => Victim::Service("user-svc was killed", "user-svc stood still", &mesh.user_svc),
            _ => Victim::Broker,
        };
        if chance.random_bool(0.6) {
            kill(mesh, &victim, Duration::from_millis(chance.random_range(0..800)), faults).await;
        } else {
            freeze(mesh, &victim, Duration::from_millis(chance.random_range(100..2500)), faults).await;
        }
    }
}

/// Kills, and starts again after a while.
async fn kill(mesh: &Mesh, victim: &Victim<'_>, pause: Duration, faults: &Faults) {
    match victim {
        Victim::Service(what, _, process) => {
            process.kill();
            faults.count(what);
            sleep(pause).await;
            process.start();
        }
        Victim::Broker => {
            mesh.nats.kill();
            faults.count("nats-server was killed");
            sleep(pause).await;
            Box::pin(mesh.nats.resume()).await;
        }
    }
}

/// Lets the victim stand still for a while: to others it looks dead, and then it goes on with what it believes.
async fn freeze(mesh: &Mesh, victim: &Victim<'_>, pause: Duration, faults: &Faults) {
    match victim {
        Victim::Service(_, what, process) => {
            process.freeze();
            faults.count(what);
            sleep(pause).await;
            process.thaw();
        }
        Victim::Broker => {
            mesh.nats.freeze();
            faults.count("nats-server stood still");
            sleep(pause).await;
            mesh.nats.thaw();
        }
    }
}
