//! DELETE /v1/users/me.

use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use shared::database::Database;
use shared::messaging::ERASE_USERS;
use shared::testkit::{deliver_again, eventually, idle};

use crate::world::{Call, World};

/// How many rows of a table mean this user.
async fn left(database: &Database, sql: &str) -> i64 {
    let connection = database.read();
    let statement = Statement::from_string(connection.get_database_backend(), sql.to_owned());
    connection.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

shared::on_each_engine! {
    async fn who_deletes_the_account_is_forgotten_everywhere(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (token, other) = (world.guest().await, world.guest().await);
        let user_id = world.id_of(&token).await;
        let (messages, others) = (world.counsel(&token).await, world.counsel(&other).await);
        for text in ["forget that I said this", "and this as well"] {
            world.say(&token, &messages, text).await.expect(201);
        }
        world.say(&other, &others, "this one stays for good").await.expect(201);
        idle(&world.nats.connect().await, &shared::messaging::UNDERSTAND_COUNSELS).await;

        let delete = || Call::new(Method::DELETE, "/v1/users/me").by(&token);
        let reply = world.send(delete()).await.expect(200);
        assert_eq!(reply.body["data"], json!({ "isSuccess": true }));
        assert_eq!(reply.headers.get_all("set-cookie").iter().count(), 4, "the cookies are gone");
        world.send(delete()).await.expect(200);

        let database = world.counseling_svc.database();
        let counsel = messages.split('/').nth(5).unwrap();
        let tables = [
            format!("SELECT COUNT(*) FROM counsels WHERE user_id = '{user_id}'"),
            format!("SELECT COUNT(*) FROM counselor_user_relationships WHERE user_id = '{user_id}'"),
            format!("SELECT COUNT(*) FROM counsel_messages WHERE counsel_id = '{counsel}'"),
            format!("SELECT COUNT(*) FROM counsel_contexts WHERE id = '{counsel}'"),
            format!("SELECT COUNT(*) FROM counsel_summaries WHERE id = '{counsel}'"),
        ];
        for sql in &tables {
            eventually(sql, async || left(database, sql).await == 0).await;
        }
        // The news may come twice.
        let subject = format!("users.user.deleted.{user_id}");
        deliver_again(&world.nats.connect().await, "USERS", &subject).await;
        idle(&world.nats.connect().await, &ERASE_USERS).await;

        // The access token is good by its signature for a while, and good for nothing.
        let me = world.send(Call::get("/v1/users/me").by(&token)).await;
        assert_eq!((me.status, me.code()), (404, "E40401"));
        let say = world.say(&token, &messages, "is anybody there?").await;
        assert_eq!((say.status, say.code()), (404, "E40401"));
        let open = format!("/v1/counselors/{}/counsels", messages.split('/').nth(3).unwrap());
        let open = world.send(Call::post(open, &json!({})).by(&token)).await;
        assert_eq!((open.status, open.code()), (404, "E40401"), "{}", open.body);
        for sql in &tables {
            assert_eq!(left(database, sql).await, 0, "{sql}");
        }
        let kept = world.send(Call::get(&others).by(&other)).await.expect(200);
        assert!(kept.body.to_string().contains("this one stays for good"));
    }

    async fn a_counsel_that_is_opened_meanwhile_does_not_stay(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let user_id = world.id_of(&token).await;
        let counsels = format!("/v1/counselors/{}/counsels", world.counselor(&token).await);
        let body = json!({});
        let delete = async { world.send(Call::new(Method::DELETE, "/v1/users/me").by(&token)).await.expect(200) };
        let open = (0..12).map(|_| world.send(Call::post(&counsels, &body).by(&token)));
        let (_, opened) = tokio::join!(delete, futures::future::join_all(open));
        for reply in opened {
            assert!(matches!(reply.status, 201 | 404), "{}", reply.body);
        }
        let database = world.counseling_svc.database();
        let erased = format!("SELECT COUNT(*) FROM erased_users WHERE user_id = '{user_id}'");
        eventually("the user is erased", async || left(database, &erased).await == 1).await;
        idle(&world.nats.connect().await, &ERASE_USERS).await;
        for table in ["counsels", "counselor_user_relationships"] {
            let rows = left(database, &format!("SELECT COUNT(*) FROM {table} WHERE user_id = '{user_id}'")).await;
            assert_eq!(rows, 0, "{table}");
        }
        let late = world.send(Call::post(&counsels, &body).by(&token)).await;
        assert_eq!((late.status, late.code()), (404, "E40401"));
    }
}
