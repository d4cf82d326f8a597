//! Keys on both engines.

use std::time::Duration;

use futures::future::join_all;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use tonic::{Code, Request};
use tonic_types::StatusExt;

use super::entity::{Entity, Model};
use super::*;
use crate::Error;
use crate::auth::Caller;
use crate::database::Database;
use crate::hash::sha256_hex;
use crate::id::new_id;
use crate::proto::v1::ClaimKeyRequest;
use crate::proto::v1::idempotency_service_server::IdempotencyService;
use crate::shutdown::Shutdown;
use crate::testkit::{TestDatabase, eventually};
use crate::time::Clock;

const DAY: Duration = Duration::from_secs(86_400);

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateIdempotencyKeys)]
    }
}

/// A database, and the keys in it as two replicas know them.
struct World {
    clock: Clock,
    database: Database,
    replicas: [IdempotencyKeys; 2],
    _file: TestDatabase,
}

impl World {
    async fn new(engine: crate::testkit::Engine) -> Self {
        let (file, clock) = (TestDatabase::new(engine).await, Clock::system());
        let (database, other) = (file.migrated::<Migrator>().await, file.migrated::<Migrator>().await);
        let replicas = [&database, &other].map(|database| IdempotencyKeys::new(database, &clock, DAY));
        Self { clock, database, replicas, _file: file }
    }

    async fn claim(&self, claim: &Claim) -> Result<String, Error> {
        self.replicas[0].claim(claim).await
    }

    async fn rows(&self) -> Vec<Model> {
        Entity::find().all(self.database.read()).await.unwrap()
    }

    /// Rows as they are, of which `expires_at` is the number in the name.
    async fn insert_old(&self, number: i32) {
        let sql = format!(
            "INSERT INTO idempotency_keys (name, id, request_hash, expires_at) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number}) \
             SELECT 'old ' || i, 'id', 'hash', i FROM n"
        );
        self.database.write().execute_unprepared(&sql).await.unwrap();
    }
}

/// What a request claims for the key `k`.
fn claim(user_id: &str, request: &str) -> Claim {
    Claim {
        user_id: user_id.to_owned(),
        operation: "create_order".to_owned(),
        key_hash: sha256_hex("k"),
        request_hash: sha256_hex(request),
        id: new_id(),
    }
}

fn is_taken(result: &Result<String, Error>) -> bool {
    matches!(result, Err(Error::AlreadyExists(what)) if what.contains("Idempotency-Key"))
}

crate::on_each_engine! {
    async fn a_key_stands_for_its_first_request(engine: Engine) {
        let world = World::new(engine).await;
        let (first, repeat, other) = (claim("u", "one"), claim("u", "one"), claim("u", "two"));
        assert_eq!(world.claim(&first).await.unwrap(), first.id);
        assert_eq!(world.claim(&repeat).await.unwrap(), first.id);
        assert!(is_taken(&world.claim(&other).await));
        assert_eq!(world.claim(&first).await.unwrap(), first.id);

        let theirs = claim("v", "two");
        assert_eq!(world.claim(&theirs).await.unwrap(), theirs.id);
        let elsewhere = Claim { operation: "refund_order".to_owned(), ..claim("u", "two") };
        assert_eq!(world.claim(&elsewhere).await.unwrap(), elsewhere.id);
        let another_key = Claim { key_hash: sha256_hex("l"), ..claim("u", "two") };
        assert_eq!(world.claim(&another_key).await.unwrap(), another_key.id);

        let rows = world.rows().await;
        assert_eq!(rows.len(), 4);
        for Model { name, request_hash, .. } in &rows {
            assert!([name, request_hash].iter().all(|hash| hash.len() == 64), "{name} {request_hash}");
            assert_ne!(*name, sha256_hex("k"), "whose key it is cannot be found by its hash");
        }
    }

    async fn of_many_at_once_one_wins(engine: Engine) {
        let world = World::new(engine).await;
        for requests in [["same", "same"], ["one", "two"]] {
            let user_id = new_id();
            let claims: Vec<_> = (0..16).map(|at| claim(&user_id, requests[at % 2])).collect();
            let asked = claims.iter().enumerate().map(|(at, claim)| world.replicas[at / 2 % 2].claim(claim));
            let answers = join_all(asked).await;
            let winner = answers.iter().find_map(|answer| answer.as_ref().ok()).unwrap();
            let won = claims.iter().find(|claim| claim.id == *winner).unwrap();
            for (claim, answer) in claims.iter().zip(&answers) {
                if claim.request_hash == won.request_hash {
                    assert_eq!(answer.as_ref().unwrap(), winner);
                } else {
                    assert!(is_taken(answer), "{answer:?}");
                }
            }
        }
        assert_eq!(world.rows().await.len(), 2);
    }

    async fn an_expired_key_is_new_and_one_of_many_takes_it_over(engine: Engine) {
        let world = World::new(engine).await;
        let first = claim("u", "one");
        world.claim(&first).await.unwrap();
        world.clock.advance(DAY - Duration::from_secs(60));
        assert_eq!(world.claim(&claim("u", "one")).await.unwrap(), first.id, "a repeat does not renew it");
        assert!(is_taken(&world.claim(&claim("u", "two")).await));

        world.clock.advance(Duration::from_secs(60));
        let claims: Vec<_> = (0..8).map(|_| claim("u", "two")).collect();
        let asked = claims.iter().enumerate().map(|(at, claim)| world.replicas[at % 2].claim(claim));
        let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|id| *id == answers[0] && *id != first.id), "{answers:?}");
        assert!(is_taken(&world.claim(&first).await));
        assert_eq!(world.rows().await.len(), 1);
    }

    async fn expired_keys_are_forgotten_some_at_a_time_and_others_stay(engine: Engine) {
        let world = World::new(engine).await;
        let standing = claim("u", "one");
        world.claim(&standing).await.unwrap();
        world.insert_old(2500).await;
        let mut batches = Vec::new();
        while let number @ 1.. = world.replicas[0].forget_batch().await.unwrap() {
            batches.push(number);
        }
        assert_eq!(batches, [1000, 1000, 500]);
        let rows = world.rows().await;
        assert_eq!(rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), [standing.id]);
    }

    async fn what_is_taken_over_while_it_is_swept_stays(engine: Engine) {
        let world = World::new(engine).await;
        let (old, new) = (claim("u", "one"), claim("u", "two"));
        world.claim(&old).await.unwrap();
        world.clock.advance(DAY);
        let now = world.clock.now();
        let found = repository::expired(world.database.read(), now, 10).await.unwrap();
        assert_eq!(found.len(), 1);
        world.claim(&new).await.unwrap();
        repository::forget(world.database.write(), found, now).await.unwrap();
        assert_eq!(world.claim(&claim("u", "two")).await.unwrap(), new.id);
    }

    async fn the_worker_forgets_what_it_finds_and_ends(engine: Engine) {
        let world = World::new(engine).await;
        world.insert_old(1500).await;
        let shutdown = Shutdown::default();
        let workers = world.replicas.clone().map(|keys| tokio::spawn(sweep::run(keys, shutdown.clone())));
        eventually("all are forgotten", async || Entity::find().count(world.database.read()).await.unwrap() == 0)
            .await;
        shutdown.begin();
        for worker in workers {
            worker.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_claim_is_the_callers_and_every_field_has_its_rule() {
    let world = World::new(crate::testkit::Engine::Sqlite).await;
    let grpc = IdempotencyGrpc::new(world.replicas[0].clone());
    let ask = async |caller: Caller, message: ClaimKeyRequest| {
        let mut request = Request::new(message);
        request.extensions_mut().insert(caller);
        grpc.claim_key(request).await.map(|answer| answer.into_inner().id)
    };
    let good = || ClaimKeyRequest {
        operation: "create_order".to_owned(),
        key_hash: sha256_hex("k"),
        request_hash: sha256_hex("one"),
        id: new_id(),
    };
    let user = |id: &str| Caller::User(id.to_owned());
    let first = ask(user("u"), good()).await.unwrap();
    assert_eq!(ask(user("u"), good()).await.unwrap(), first);
    assert_ne!(ask(user("v"), good()).await.unwrap(), first);
    assert_eq!(
        ask(Caller::Admin("u".to_owned()), good()).await.unwrap(),
        first,
        "who has become an admin repeats"
    );
    let other = ClaimKeyRequest { request_hash: sha256_hex("two"), ..good() };
    assert_eq!(ask(user("u"), other).await.unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(ask(Caller::Gateway, good()).await.unwrap_err().code(), Code::PermissionDenied);

    let refused = async |message: ClaimKeyRequest| {
        let status = ask(user("u"), message).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let fields = status.get_details_bad_request().unwrap().field_violations;
        fields.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
    };
    assert_eq!(refused(ClaimKeyRequest::default()).await, ["operation", "key_hash", "request_hash", "id"]);
    for operation in ["Create", "create order", "é", &"a".repeat(65)] {
        assert_eq!(
            refused(ClaimKeyRequest { operation: operation.to_owned(), ..good() }).await,
            ["operation"]
        );
    }
    for hash in ["k", &sha256_hex("k").to_uppercase(), &sha256_hex("k")[1..], &"é".repeat(32)] {
        assert_eq!(refused(ClaimKeyRequest { key_hash: hash.to_owned(), ..good() }).await, ["key_hash"]);
        let message = ClaimKeyRequest { request_hash: hash.to_owned(), ..good() };
        assert_eq!(refused(message).await, ["request_hash"]);
    }
    assert_eq!(refused(ClaimKeyRequest { id: new_id().to_uppercase(), ..good() }).await, ["id"]);
}
