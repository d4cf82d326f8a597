//! What the deletion of a user does here.

use sea_orm::{ConnectionTrait, Statement};
use shared::database::Database;
use shared::id::new_id;
use shared::messaging::ERASE_USERS;
use shared::on_each_engine;
use shared::proto::events::v1::UserDeleted;
use shared::testkit::{Engine, Neighbour, eventually, idle};

use crate::world::World;

/// As many as go in one transaction.
const BATCH: i64 = 200;

async fn count(database: &Database, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let statement = Statement::from_string(database.backend(), sql);
    database.read().query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// Lets nobody delete this message.
async fn hold(database: &Database, engine: Engine, message_id: &str) {
    let sql = match engine {
        Engine::Sqlite => format!(
            "CREATE TRIGGER held BEFORE DELETE ON counsel_messages WHEN OLD.id = '{message_id}' \
             BEGIN SELECT RAISE(ABORT, 'not now'); END"
        ),
        Engine::Postgres => format!(
            "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF OLD.id = '{message_id}' THEN RAISE EXCEPTION 'not now'; END IF; RETURN OLD; END $$; \
             CREATE TRIGGER held BEFORE DELETE ON counsel_messages FOR EACH ROW EXECUTE FUNCTION held()"
        ),
    };
    database.write().execute_unprepared(&sql).await.unwrap();
}

async fn let_go(database: &Database, engine: Engine) {
    let sql = match engine {
        Engine::Sqlite => "DROP TRIGGER held",
        Engine::Postgres => "DROP TRIGGER held ON counsel_messages",
    };
    database.write().execute_unprepared(sql).await.unwrap();
}

on_each_engine! {
    async fn an_erasure_that_dies_half_way_is_finished_by_the_next_instance(engine: Engine) {
        let world = World::new(engine).await;
        let (counsel, others) = (world.counsel().await, world.counsel().await);
        let database = Database::connect(&world.file.settings()).await.unwrap();
        let kept = count(&database, "counsel_messages").await / 2;
        let rows = (0..2 * BATCH + 50).map(|number| {
            let (id, counsel_id, technique) = (new_id(), &counsel.id, &counsel.counsel_technique_id);
            (number, format!("('{id}', '{counsel_id}', 'said', {}, '{technique}', {number}, 0)", number % 2 == 0), id)
        });
        let rows: Vec<_> = rows.collect();
        let oldest = rows[0].2.clone();
        let values: Vec<_> = rows.into_iter().map(|(_, row, _)| row).collect();
        let insert = format!(
            "INSERT INTO counsel_messages \
             (id, counsel_id, message, is_user_message, counsel_technique_id, created_at, updated_at) VALUES {}",
            values.join(", ")
        );
        database.write().execute_unprepared(&insert).await.unwrap();
        hold(&database, engine, &oldest).await;
        let before = count(&database, "counsel_messages").await;

        let stopped = Box::pin(world.stop()).await;
        let users = Neighbour::start("user-svc", stopped.nats()).await;
        users.tell_and_wait(&UserDeleted { user_id: counsel.user_id.clone() }).await;
        // It never gives up, so that it is dying that ends it.
        let doomed = stopped.doomed_instance_as(|config| config.consumers.max_deliveries = i64::MAX).await;
        eventually("all but the last batch are gone", async || {
            count(&database, "counsel_messages").await == before - 2 * BATCH
        })
        .await;
        doomed.crash().await;
        assert_eq!(count(&database, "erased_users").await, 1, "the user is marked first");
        assert_eq!(count(&database, "counsels").await, 2, "the counsel goes last");

        let_go(&database, engine).await;
        let world = Box::pin(stopped.start()).await;
        eventually("nothing is left but what is somebody else's", async || {
            count(&database, "counsels").await == 1
        })
        .await;
        let nats = world.nats.connect().await;
        idle(&nats, &ERASE_USERS).await;
        assert_eq!(count(&database, "counsel_messages").await, kept);
        assert_eq!(count(&database, "counselor_user_relationships").await, 1);
        assert!(!world.calls().messages(&others).await.is_empty());
        let dead = nats.jetstream.get_stream("DLQ").await.unwrap();
        assert_eq!(dead.cached_info().state.messages, 0);
    }
}
