//! What a mesh has stored after a while, put there at once: rows by SQL, and events by a broker that does not wait for the
//! disk meanwhile.

use async_nats::HeaderMap;
use futures::future::try_join_all;
use sea_orm::ConnectionTrait;
use shared::database::Database;
use shared::id::new_id;
use shared::messaging::{TopologySettings, reconcile};
use shared::testkit::NatsServer;

use crate::BoxError;
use crate::mesh::Mesh;

/// Rows in one statement: whoever else writes does not wait for long.
const ROWS: usize = 20_000;
/// Events that are published before their acknowledgements are awaited.
const EVENTS: usize = 5000;
/// Rows were stored from then on, a thousandth of a second apart: microseconds since 1970.
const BEGAN: i64 = 1_767_225_600_000_000;

/// The SQL of the id of the row `n` of a kind: it grows with `n`, as those do that a service makes.
pub(crate) fn id(kind: u16) -> String {
    format!("printf('018f%04x-%04x-7{kind:03x}-8000-%012x', n >> 16, n & 65535, n)")
}

/// Inserts what `select` says of each `n` of a range.
pub(crate) async fn insert(
    database: &Database,
    into: &str,
    select: &str,
    numbers: std::ops::Range<usize>,
) -> Result<(), BoxError> {
    for begin in numbers.clone().step_by(ROWS) {
        let last = (begin + ROWS).min(numbers.end) - 1;
        let statement = format!(
            "WITH RECURSIVE numbers(n) AS (SELECT {begin} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) \
             INSERT INTO {into} {select}"
        );
        database.write().execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Users and counsels, `number` of each, with the messages of a turn and what was published and applied of them. The
/// counsels are like the one that is there already.
pub(crate) async fn users_and_counsels(mesh: &Mesh, number: usize) -> Result<(), BoxError> {
    let at = format!("{BEGAN} + n * 1000");
    let [user, session, reservation, relationship, counsel, said, reply, event] =
        [1, 2, 3, 4, 5, 6, 7, 8].map(id);
    let published = |fact: &str| {
        (
            "outbox (id, lane, aggregate_id, subject, event_type, data, correlation_id, occurred_at, published_at)",
            format!(
                "SELECT {event}, n % 16, {user}, '{fact}.' || {user}, 'hearlers.{fact}.v1', \
                 json_object('userId', {user}), {event}, {at}, {at} FROM numbers"
            ),
        )
    };
    let of_users = [
        (
            "users (id, nickname, nickname_key, created_at, updated_at)",
            format!("SELECT {user}, 'stored' || n, 'stored' || n, {at}, {at} FROM numbers"),
        ),
        (
            "auth_users (user_id, auth_channel, authority, created_at, updated_at)",
            format!("SELECT {user}, 'AUTH_CHANNEL_UNLINKED', 'AUTHORITY_USER', {at}, {at} FROM numbers"),
        ),
        ("message_tokens (user_id, used, purchased)", format!("SELECT {user}, 0, 0 FROM numbers")),
        (
            "token_reservations (id, user_id, state, source, expires_at)",
            format!(
                "SELECT {reservation}, {user}, 'RESERVATION_STATE_SETTLED', 'UNLIMITED', {at} FROM numbers"
            ),
        ),
        (
            "user_trackings (user_id, onboarding_completed, counsel_count, message_count, last_active_at)",
            format!("SELECT {user}, 1, 1, 1, {at} FROM numbers"),
        ),
        (
            "sessions (id, user_id, device, created_at, last_used_at, expires_at)",
            format!("SELECT {session}, {user}, 'a device', {at}, {at}, {at} FROM numbers"),
        ),
        (
            "refresh_tokens (hash, user_id, expires_at, session_id)",
            format!("SELECT lower(hex(randomblob(32))), {user}, {at}, {session} FROM numbers"),
        ),
        (
            "inbox (consumer, event_id, applied_at)",
            format!("SELECT 'user-svc-reservations', {event}, {at} FROM numbers"),
        ),
        published("users.user.updated"),
    ];
    let of_counsels = [
        (
            "counselor_user_relationships \
             (id, created_at, updated_at, counselor_id, user_id, rapport, growth_day, growth_of_day)",
            format!(
                "SELECT {relationship}, {at}, {at}, counselor_id, {user}, rapport, growth_day, growth_of_day \
                 FROM numbers, (SELECT * FROM counselor_user_relationships ORDER BY id DESC LIMIT 1)"
            ),
        ),
        (
            "counsels (id, created_at, updated_at, counselor_id, user_id, prompt_version_id, counsel_technique_id, \
             technique_message_count, counselor_user_relationship_id, last_message, last_chatted_at)",
            format!(
                "SELECT {counsel}, {at}, {at}, counselor_id, {user}, prompt_version_id, counsel_technique_id, 1, \
                 {relationship}, 'good', {at} FROM numbers, (SELECT * FROM counsels ORDER BY id DESC LIMIT 1)"
            ),
        ),
        (
            "counsel_messages (id, created_at, updated_at, counsel_id, message, is_user_message, \
             counsel_technique_id, reservation_id)",
            format!(
                "SELECT {said}, {at}, {at}, {counsel}, 'How are you?', 1, counsel_technique_id, {reservation} \
                 FROM numbers, (SELECT counsel_technique_id FROM counsels ORDER BY id DESC LIMIT 1)"
            ),
        ),
        (
            "counsel_messages (id, created_at, updated_at, counsel_id, message, is_user_message, \
             counsel_technique_id, reply_to_message_id)",
            format!(
                "SELECT {reply}, {at}, {at} + 1, {counsel}, 'good', 0, counsel_technique_id, {said} \
                 FROM numbers, (SELECT counsel_technique_id FROM counsels ORDER BY id DESC LIMIT 1)"
            ),
        ),
        (
            "inbox (consumer, event_id, applied_at)",
            format!("SELECT 'counseling-svc-understanding', {event}, {at} FROM numbers"),
        ),
        published("counsels.message.created"),
    ];
    for (service, tables) in [("user-svc", &of_users[..]), ("counseling-svc", &of_counsels)] {
        let database = mesh.database(service).await?;
        for (into, select) in tables {
            insert(&database, into, select, 0..number).await?;
        }
        database.close().await;
    }
    Ok(())
}

/// A broker that holds `number` events, half of them about users and half of them about counsels. Nobody consumes them:
/// a consumer that had to begin with them would be measured in place of the mesh.
pub(crate) async fn broker_with(number: usize) -> Result<NatsServer, BoxError> {
    let server = NatsServer::start().await;
    server.hurry().await;
    let nats = server.connect().await;
    let facts = [("user-svc", "users.user.updated"), ("counseling-svc", "counsels.message.reacted")];
    for (service, fact) in facts {
        reconcile(&nats, &TopologySettings::default(), service).await?;
        let mut left = number / facts.len();
        while left > 0 {
            let batch = left.min(EVENTS);
            let sent = try_join_all((0..batch).map(|_| {
                let aggregate = new_id();
                let data = format!(r#"{{"userId":"{aggregate}"}}"#).into();
                let subject = format!("{fact}.{aggregate}");
                nats.jetstream.publish_with_headers(subject, headers(fact, &aggregate), data)
            }));
            try_join_all(sent.await?.into_iter().map(|ack| ack.into_future())).await?;
            left -= batch;
        }
    }
    server.restart().await;
    Ok(server)
}

/// The headers of an event as services publish it.
pub(crate) fn headers(fact: &str, aggregate: &str) -> HeaderMap {
    let id = new_id();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("Nats-Msg-Id", &*id),
        ("ce-specversion", "1.0"),
        ("ce-id", &id),
        ("ce-type", &format!("hearlers.{fact}.v1")),
        ("ce-source", "/user-svc"),
        ("ce-subject", aggregate),
        ("ce-time", "2026-01-02T03:04:05.678901Z"),
        ("ce-correlationid", &id),
        ("content-type", "application/json"),
    ] {
        headers.insert(name, value);
    }
    headers
}
