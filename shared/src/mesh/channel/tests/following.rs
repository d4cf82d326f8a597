//! The channel follows the registry.

use async_nats::jetstream;

use super::*;
use crate::health::Health;
use crate::mesh::{Instance, Registration, RegistrySettings};
use crate::testkit::NatsServer;

async fn register(jetstream: &jetstream::Context, upstream: &Upstream) -> Registration {
    let address = upstream.address();
    let instance = Instance {
        service: SERVICE.to_owned(),
        id: address.replace(['.', ':'], "-"),
        address,
        version: "0.1.0".to_owned(),
        started_at: 0,
    };
    let settings = RegistrySettings::default();
    Registration::register(jetstream, instance, settings, Health::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_come_and_go_without_losing_a_call() {
    let server = NatsServer::start().await;
    let jetstream = jetstream::new(server.client().await);
    let slow = |_| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        answer()
    };
    let (first, second) = (Upstream::start(slow), Upstream::start(slow));
    let first_registration = register(&jetstream, &first).await;
    let directory = Directory::watch(jetstream.clone(), RegistrySettings::default());
    let channel = MeshChannel::new(SERVICE, directory, ChannelSettings::default());
    eventually("the first is known", async || channel.instances().len() == 1).await;

    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (channel, done) = (channel.clone(), done.clone());
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    // Nothing would be sent twice: each of these calls has one chance.
                    rotate(&channel).await?;
                }
                Ok::<_, Status>(())
            })
        })
        .collect();
    eventually("the first is called", async || first.calls() > 50).await;
    let _second_registration = register(&jetstream, &second).await;
    eventually("the second is called too", async || second.calls() > 50).await;

    first_registration.leave().await;
    eventually("the first is gone", async || channel.instances().len() == 1).await;
    let calls = second.calls();
    eventually("the second does all", async || second.calls() > calls + 100).await;
    first.stop();
    let calls = second.calls();
    eventually("nobody notices", async || second.calls() > calls + 100).await;
    done.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
}
