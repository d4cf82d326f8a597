//! `SessionService`: what users do with their sessions.

use std::time::Duration;

use shared::error::REFRESH_TOKEN_NOT_FOUND;
use shared::id::new_id;
use shared::proto::v1::{
    CloseAllSessionsRequest, CloseSessionRequest, OpenSessionRequest, RotateRefreshTokenRequest,
};
use tonic::{Code, Status};

use crate::world::{World, by, gateway, reason, refused, violated};

const DAY: Duration = Duration::from_secs(86_400);

/// Opens a session whose first token is its own id.
async fn open(world: &World, user_id: &str, device: &str) -> String {
    let session_id = new_id();
    let request = OpenSessionRequest {
        user_id: user_id.to_owned(),
        session_id: session_id.clone(),
        refresh_token: session_id.clone(),
        expires_at: Some(world.clock.now().plus(30 * DAY).into()),
        device: device.to_owned(),
    };
    // A repeat changes nothing.
    for _ in 0..2 {
        world.service.sessions().open_session(gateway(request.clone())).await.unwrap();
    }
    session_id
}

async fn rotate(world: &World, user_id: &str, old: &str) -> Result<String, Status> {
    let new = new_id();
    let request = RotateRefreshTokenRequest {
        user_id: user_id.to_owned(),
        old_refresh_token: old.to_owned(),
        new_refresh_token: new.clone(),
        new_expires_at: Some(world.clock.now().plus(30 * DAY).into()),
    };
    world.service.sessions().rotate_refresh_token(gateway(request)).await?;
    Ok(new)
}

async fn close(world: &World, user_id: &str, session_id: &str) -> Result<(), Status> {
    let request = CloseSessionRequest { session_id: session_id.to_owned() };
    world.service.sessions().close_session(by(user_id, request)).await.map(drop)
}

fn names(sessions: Vec<shared::proto::v1::Session>) -> Vec<String> {
    sessions.into_iter().map(|session| session.device).collect()
}

shared::on_each_engine! {
    async fn sessions_are_listed_by_their_last_use(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, stranger) = (world.guest().await.id, world.guest().await.id);
        let phone = open(&world, &user_id, "phone").await;
        world.clock.advance(DAY);
        open(&world, &user_id, "desktop").await;
        open(&world, &stranger, "somebody else's").await;
        assert_eq!(names(world.open_sessions(&user_id).await), ["desktop", "phone"]);
        world.clock.advance(DAY);
        rotate(&world, &user_id, &phone).await.unwrap();
        let listed = world.open_sessions(&user_id).await;
        let used = |at: usize| listed[at].last_used_at.unwrap().seconds - listed[at].created_at.unwrap().seconds;
        // The clock runs on while the test does.
        assert_eq!((used(0) / 86_400, used(1)), (2, 0));
        assert_eq!(names(listed), ["phone", "desktop"]);
        world.clock.advance(29 * DAY);
        assert_eq!(names(world.open_sessions(&user_id).await), ["phone"], "the other one has expired");
    }

    async fn a_closed_session_is_worth_nothing(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, stranger) = (world.guest().await.id, world.guest().await.id);
        let (phone, desktop) = (open(&world, &user_id, "phone").await, open(&world, &user_id, "desktop").await);
        refused(close(&world, &stranger, &phone).await, Code::NotFound, "session not found");
        refused(close(&world, &user_id, &new_id()).await, Code::NotFound, "session not found");
        assert_eq!(violated(close(&world, &user_id, "a\0b").await), ["session_id"]);
        for _ in 0..2 {
            close(&world, &user_id, &phone).await.unwrap();
        }
        assert_eq!(names(world.open_sessions(&user_id).await), ["desktop"]);
        let status = rotate(&world, &user_id, &phone).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, REFRESH_TOKEN_NOT_FOUND));
        rotate(&world, &user_id, &desktop).await.unwrap();
    }

    async fn all_sessions_are_closed_at_once(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, stranger) = (world.guest().await.id, world.guest().await.id);
        let mut ids = [open(&world, &user_id, "phone").await, open(&world, &user_id, "desktop").await];
        open(&world, &stranger, "somebody else's").await;
        let close_all = async || {
            let request = by(&user_id, CloseAllSessionsRequest {});
            world.service.sessions().close_all_sessions(request).await.unwrap().into_inner().session_ids
        };
        let mut closed = close_all().await;
        closed.sort();
        ids.sort();
        assert_eq!(closed, ids);
        assert!(close_all().await.is_empty());
        assert!(world.open_sessions(&user_id).await.is_empty());
        assert_eq!(world.open_sessions(&stranger).await.len(), 1);
    }

    async fn an_id_of_a_session_is_taken_once(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, stranger) = (world.guest().await.id, world.guest().await.id);
        let session_id = open(&world, &user_id, "phone").await;
        let request = OpenSessionRequest {
            user_id: stranger,
            session_id,
            refresh_token: "another".to_owned(),
            expires_at: Some(world.clock.now().plus(DAY).into()),
            device: String::new(),
        };
        let result = world.service.sessions().open_session(gateway(request)).await;
        refused(result, Code::AlreadyExists, "session exists already");
    }
}
