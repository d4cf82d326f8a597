//! Handlers that need time before their transaction.

use tokio::sync::Semaphore;

use super::*;
use crate::testkit::{crash, eventually};

/// Reads the facts of these tests, several at once.
static SLOW_EFFECTS: ConsumerSpec = ConsumerSpec {
    owner: "test",
    name: "test-slow-effects",
    stream: "USERS",
    facts: &["users.user.updated"],
    concurrency: 3,
};

/// Prepares as long as no permit is given, then notes the effect.
#[derive(Clone)]
struct Slow {
    begun: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
    effect: NoteEffect,
}

impl Slow {
    fn new() -> Self {
        Self { begun: Arc::default(), permits: Arc::new(Semaphore::new(0)), effect: NoteEffect::default() }
    }

    fn has_begun(&self, times: usize) -> bool {
        self.begun.load(Ordering::SeqCst) >= times
    }
}

impl PreparingHandler for Slow {
    type Prepared = String;

    async fn prepare(&self, event: &ReceivedEvent) -> Result<String, HandlerError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.unwrap().forget();
        Ok(event.id.clone())
    }

    async fn handle(
        &self,
        event: &ReceivedEvent,
        prepared: String,
        transaction: &Transaction,
    ) -> Result<(), HandlerError> {
        assert_eq!(prepared, event.id);
        Handler::handle(&self.effect, event, transaction).await
    }
}

fn run(world: &World, slow: &Slow) -> Shutdown {
    // Shorter than anything that is prepared in these tests.
    let topology = TopologySettings { ack_wait: Duration::from_millis(300), ..TopologySettings::default() };
    world.run_consumer_of(&SLOW_EFFECTS, slow.clone(), topology)
}

crate::on_each_engine! {
    async fn as_many_events_are_prepared_at_once_as_the_table_says(engine: Engine) {
        let world = World::new(engine).await;
        let slow = Slow::new();
        let consumer = run(&world, &slow);
        world.commit("a", 5).await;
        world.relay().drain().await.unwrap();
        eventually("three are begun", async || slow.has_begun(3)).await;
        // The broker waits for longer than its ack wait, and gives them to nobody else.
        let other = Slow::new();
        let replica = run(&world, &other);
        eventually("the other two are begun elsewhere", async || other.has_begun(2)).await;
        for handler in [&slow, &other] {
            handler.permits.add_permits(10);
        }
        eventually("all effects", async || world.effects().await.len() == 5).await;
        assert_eq!(slow.begun.load(Ordering::SeqCst) + other.begun.load(Ordering::SeqCst), 5);
        for consumer in [consumer, replica] {
            assert!(consumer.finish(Duration::from_secs(5)).await);
        }
    }

    async fn what_was_prepared_when_its_process_died_is_prepared_again(engine: Engine) {
        let world = World::new(engine).await;
        let doomed = Slow::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let nats = world.server.connect().await;
        let died = {
            let _entered = runtime.enter();
            let doomed_world = World { nats, server: world.server, database: world.database.clone(), _file: world._file };
            let consumer = run(&doomed_world, &doomed);
            (doomed_world, consumer)
        };
        let (world, _consumer) = died;
        world.commit("a", 1).await;
        world.relay().drain().await.unwrap();
        eventually("it is begun", async || doomed.has_begun(1)).await;
        crash(runtime).await;
        let healthy = Slow::new();
        healthy.permits.add_permits(1);
        let world = World { nats: world.server.connect().await, ..world };
        let consumer = run(&world, &healthy);
        eventually("the effect", async || world.effects().await.len() == 1).await;
        assert_eq!(healthy.begun.load(Ordering::SeqCst), 1);
        assert!(consumer.finish(Duration::from_secs(5)).await);
    }
}
