//! GET /v1/users/me/export.

use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use shared::auth::Caller;
use shared::database::Database;
use shared::proto::v1::ExportUserDataRequest;
use shared::proto::v1::user_data_service_client::UserDataServiceClient;
use shared::testkit::{caller, idle};

use crate::world::{Call, World};

async fn export(world: &World, token: &str) -> Value {
    let reply = world.send(Call::get("/v1/users/me/export").by(token)).await.expect(200);
    assert_eq!(reply.headers["content-disposition"], "attachment; filename=\"export.json\"");
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert_eq!(reply.body["message"], "OK");
    reply.body["data"]["export"].clone()
}

/// The ids in a table that mean this user.
async fn ids(database: &Database, sql: &str) -> Vec<String> {
    let connection = database.read();
    let statement = Statement::from_string(connection.get_database_backend(), sql.to_owned());
    let rows = connection.query_all_raw(statement).await.unwrap();
    rows.into_iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

fn ids_in(export: &Value, section: &str, key: &str) -> Vec<String> {
    let records = export[section].as_array().unwrap_or_else(|| panic!("no {section} in {export}"));
    records.iter().map(|record| record[key].as_str().unwrap().to_owned()).collect()
}

shared::on_each_engine! {
    async fn the_caller_takes_away_everything_and_nobody_elses(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (token, other) = (world.guest().await, world.guest().await);
        let user_id = world.id_of(&token).await;
        let (messages, others) = (world.counsel(&token).await, world.counsel(&other).await);
        for text in ["what I said, \"quoted\" and 한국어", "what I said later"] {
            world.say(&token, &messages, text).await.expect(201);
        }
        world.say(&other, &others, "what somebody else said").await.expect(201);
        let activity = json!({
            "activityType": "ACTIVITY_TYPE_LOGIN",
            "devicePlatform": "DEVICE_PLATFORM_WEB",
        });
        world.send(Call::post("/v1/users/me/activities", &activity).by(&token)).await.expect(201);
        let order_id = crate::orders::declined(&world, &token).await;
        crate::orders::declined(&world, &other).await;
        let subscription_id = crate::subscriptions::subscribed(&world, &token).await;
        let nats = world.nats.connect().await;
        for consumer in shared::messaging::CONSUMERS {
            idle(&nats, consumer).await;
        }

        let held = export(&world, &token).await;
        assert_eq!(ids_in(&held, "users", "id"), [user_id.as_str()]);
        assert_eq!(held["accounts"][0]["authChannel"], "AUTH_CHANNEL_UNLINKED");
        assert_eq!(held["messageTokens"][0]["used"], 2);
        assert_eq!(held["tokenCredits"], json!([]));
        assert_eq!(held["trackings"][0]["messageCount"], 2);
        assert_eq!(held["activities"][0]["activityType"], "ACTIVITY_TYPE_LOGIN");
        assert_eq!(ids_in(&held, "orders", "id")[0], order_id);
        assert_eq!(held["orders"][0]["state"], "ORDER_STATE_FAILED");
        assert_eq!(held["orders"][1]["subscriptionId"], subscription_id);
        assert_eq!(ids_in(&held, "subscriptions", "id"), [subscription_id.as_str()]);
        assert_eq!(ids_in(&held, "passes", "subscriptionId"), [subscription_id.as_str()]);
        assert_eq!(held["customers"].as_array().unwrap().len(), 1);
        let text = held.to_string();
        assert!(text.contains("what I said, \\\"quoted\\\" and 한국어") && text.contains("what I said later"));
        assert!(!text.contains("what somebody else said"));

        // Row by row what the databases have.
        let (users, counseling) = (world.user_svc.database(), world.counseling_svc.database());
        let of = |table: &str| format!("SELECT id FROM {table} WHERE user_id = '{user_id}' ORDER BY id");
        let in_counsels = |column: &str, table: &str| {
            format!(
                "SELECT id FROM {table} WHERE {column} IN (SELECT id FROM counsels WHERE user_id = '{user_id}') \
                 ORDER BY id"
            )
        };
        for (section, key, database, sql) in [
            ("sessions", "id", users, of("sessions")),
            ("tokenReservations", "id", users, of("token_reservations")),
            ("activities", "id", users, of("user_activities")),
            ("relationships", "id", counseling, of("counselor_user_relationships")),
            ("counsels", "id", counseling, of("counsels")),
            ("counselMessages", "id", counseling, in_counsels("counsel_id", "counsel_messages")),
            ("counselContexts", "counselId", counseling, in_counsels("id", "counsel_contexts")),
            ("counselSummaries", "counselId", counseling, in_counsels("id", "counsel_summaries")),
        ] {
            assert_eq!(ids_in(&held, section, key), ids(database, &sql).await, "{section}");
        }
        // Both of them, and the counselor's first words.
        assert!(ids_in(&held, "counselMessages", "id").len() >= 4, "{held}");

        // Of who is deleted there is nothing to tell.
        world.send(Call::new(Method::DELETE, "/v1/users/me").by(&token)).await.expect(200);
        let gone = world.send(Call::get("/v1/users/me/export").by(&token)).await;
        assert_eq!((gone.status, gone.code()), (404, "E40401"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_page_is_told_whole() {
    let world = Box::pin(World::start(shared::testkit::Engine::Sqlite)).await;
    let token = world.guest().await;
    let user_id = world.id_of(&token).await;
    let rows = (0..450).map(|number| {
        format!("('a{number:04}', '{user_id}', 'ACTIVITY_TYPE_LOGIN', 'DEVICE_PLATFORM_WEB', 1)")
    });
    let sql = format!(
        "INSERT INTO user_activities (id, user_id, activity_type, device_platform, created_at) VALUES {}",
        rows.collect::<Vec<_>>().join(", ")
    );
    world.user_svc.database().write().execute_unprepared(&sql).await.unwrap();
    let told = ids_in(&export(&world, &token).await, "activities", "id");
    assert_eq!(told, (0..450).map(|number| format!("a{number:04}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_tells_nobody_elses() {
    let world = Box::pin(World::start(shared::testkit::Engine::Sqlite)).await;
    let (token, other) = (world.guest().await, world.guest().await);
    let (user_id, other) = (world.id_of(&token).await, world.id_of(&other).await);
    let mut users = UserDataServiceClient::new(world.user_svc_channel().await);
    let request = |by: Caller| caller(by, ExportUserDataRequest { user_id: user_id.clone() });
    let refused = users.export_user_data(request(Caller::User(other))).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
    let mut told = users.export_user_data(request(Caller::User(user_id.clone()))).await.unwrap().into_inner();
    assert_eq!(told.message().await.unwrap().unwrap().section, "users");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_not_taken_for_the_whole() {
    let world = Box::pin(World::start(shared::testkit::Engine::Sqlite)).await;
    let token = world.guest().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = world
        .another_gateway(|config| {
            config.static_addresses = [
                ("user-svc", world.user_svc.address),
                ("counseling-svc", world.counseling_svc.address),
                ("payment-svc", nobody),
            ]
            .map(|(service, address)| (service.to_owned(), vec![address.to_string()]))
            .into();
        })
        .await;
    let base = format!("http://{}", gateway.address);
    let reply = world.send_to(&base, Call::get("/v1/users/me/export").by(&token)).await;
    assert_eq!((reply.status, reply.code()), (503, "E50301"), "{}", reply.body);
    gateway.stop().await;
}
