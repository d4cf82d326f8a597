//! Three servers of which one leads each stream: whoever it is and whatever befalls it, nothing is lost or doubled.

use super::*;
use crate::testkit::{NatsCluster, eventually};

/// How many facts about each user there are, and how many users.
const FACTS: usize = 40;
const USERS: [&str; 3] = ["a", "b", "c"];

impl World<NatsCluster> {
    async fn on_cluster(engine: Engine) -> Self {
        let (server, file) = tokio::join!(NatsCluster::start(), TestDatabase::new(engine));
        let nats = server.connect().await;
        let settings = TopologySettings { replicas: 3, ..TopologySettings::default() };
        eventually("the streams are there", async || reconcile(&nats, &settings, "user-svc").await.is_ok())
            .await;
        let database = file.migrated::<Migrator>().await;
        Self { server, nats, database, _file: file }
    }

    async fn another_leads(&self, than: usize) {
        let leads = async || self.server.leader_of("USERS").await.is_some_and(|leader| leader != than);
        eventually("another one leads", leads).await;
    }

    /// Commits facts and lets something befall the leader meanwhile; then everything has to be there once and in order.
    async fn survives(self, befall: impl AsyncFn(&Self, usize)) {
        let handler = NoteEffect::default();
        let (relay, consumer) = (self.run_relay(), self.run_consumer(&EFFECTS, handler));
        for user in USERS {
            self.commit(user, FACTS / 2).await;
        }
        eventually("the first effects", async || !self.effects().await.is_empty()).await;
        let leader = self.server.leader_of("USERS").await.unwrap();
        let commit = async {
            for user in USERS {
                for number in FACTS / 2..FACTS {
                    let transaction = self.database.begin().await.unwrap();
                    transaction.publish(&fact(user, number)).unwrap();
                    transaction.commit().await.unwrap();
                }
            }
        };
        tokio::join!(befall(&self, leader), commit);
        eventually("every effect", async || self.effects().await.len() == USERS.len() * FACTS).await;
        eventually("an empty outbox", async || self.backlog().await == 0).await;
        let mut effects = self.effects().await;
        effects.sort();
        effects.dedup();
        assert_eq!(effects.len(), USERS.len() * FACTS);
        let stream = async || self.nats.jetstream.get_stream("USERS").await.is_ok();
        eventually("the server that was cut off is back", stream).await;
        for (user, facts) in self.published().await {
            assert_eq!(facts, (0..FACTS).collect::<Vec<_>>(), "the facts about {user}");
        }
        for worker in [relay, consumer] {
            assert!(worker.finish(Duration::from_secs(10)).await);
        }
    }
}

crate::on_each_engine! {
    async fn a_leader_that_is_killed_is_replaced(engine: Engine) {
        let world = World::on_cluster(engine).await;
        world.survives(async |world, leader| {
            world.server.kill(leader);
            world.another_leads(leader).await;
            world.server.resume(leader);
        }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_is_replaced() {
    let world = World::on_cluster(Engine::Sqlite).await;
    world
        .survives(async |world, leader| {
            world.server.cut_off(leader);
            world.another_leads(leader).await;
            world.server.heal(leader);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_may_step_down_again_and_again() {
    let world = World::on_cluster(Engine::Sqlite).await;
    world
        .survives(async |world, _| {
            for _ in 0..3 {
                let asked =
                    world.nats.client.request("$JS.API.STREAM.LEADER.STEPDOWN.USERS", "".into()).await;
                assert!(asked.is_ok());
                world.another_leads(usize::MAX).await;
            }
        })
        .await;
}
