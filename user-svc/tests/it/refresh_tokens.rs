//! `SessionService`: refresh tokens.

use std::time::Duration;

use futures::future::join_all;
use shared::error::{REFRESH_TOKEN_EXPIRED, REFRESH_TOKEN_NOT_FOUND, REFRESH_TOKEN_REUSED};
use shared::id::new_id;
use shared::proto::v1::{AuthUser, OpenSessionRequest, RotateRefreshTokenRequest, VerifyRefreshTokenRequest};
use tonic::{Code, Status};

use crate::world::{World, by, gateway, reason, refused, violated};

const DAY: Duration = Duration::from_secs(86_400);

fn session_of(token: &str) -> String {
    let hash = shared::hash::sha256_hex(token);
    format!("{}-{}-7{}-8{}-{}", &hash[..8], &hash[8..12], &hash[12..15], &hash[15..18], &hash[18..30])
}

async fn save(world: &World, user_id: &str, token: &str) -> Result<(), Status> {
    let request = OpenSessionRequest {
        user_id: user_id.to_owned(),
        refresh_token: token.to_owned(),
        expires_at: Some(world.clock.now().plus(30 * DAY).into()),
        // Each token its session, and the same one for the same token.
        session_id: session_of(token),
        device: "a test".to_owned(),
    };
    world.service.sessions().open_session(gateway(request)).await.map(drop)
}

async fn verify(world: &World, user_id: &str, token: &str) -> Result<AuthUser, Status> {
    let request = VerifyRefreshTokenRequest { user_id: user_id.to_owned(), refresh_token: token.to_owned() };
    let response = world.service.sessions().verify_refresh_token(gateway(request)).await?;
    Ok(response.into_inner().auth_user.unwrap())
}

async fn rotate(world: &World, user_id: &str, old: &str, new: &str) -> Result<AuthUser, Status> {
    let request = RotateRefreshTokenRequest {
        user_id: user_id.to_owned(),
        old_refresh_token: old.to_owned(),
        new_refresh_token: new.to_owned(),
        new_expires_at: Some(world.clock.now().plus(30 * DAY).into()),
    };
    let response = world.service.sessions().rotate_refresh_token(gateway(request)).await?;
    Ok(response.into_inner().auth_user.unwrap())
}

#[track_caller]
fn not_good(result: Result<AuthUser, Status>, expected: &str) {
    let status = result.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, expected));
}

shared::on_each_engine! {
    async fn a_saved_token_is_good_for_its_user_alone_and_kept_as_a_hash(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, somebody_else) = (world.guest().await.id, world.guest().await.id);
        save(&world, &user_id, "abc").await.unwrap();
        save(&world, &user_id, "abc").await.unwrap();
        assert_eq!(verify(&world, &user_id, "abc").await.unwrap().user_id, user_id);
        not_good(verify(&world, &somebody_else, "abc").await, REFRESH_TOKEN_NOT_FOUND);
        not_good(verify(&world, &user_id, "abd").await, REFRESH_TOKEN_NOT_FOUND);
        let kept = world.text("SELECT hash FROM refresh_tokens").await;
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(kept.as_deref(), Some(hash));
        let taken = save(&world, &somebody_else, "abc").await;
        refused(taken, Code::AlreadyExists, "refresh token exists already");
        refused(save(&world, &new_id(), "xyz").await, Code::NotFound, "user not found");
    }

    async fn an_expired_token_is_refused_as_expired_and_in_the_end_forgotten(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        save(&world, &user_id, "old").await.unwrap();
        world.clock.advance(30 * DAY);
        not_good(verify(&world, &user_id, "old").await, REFRESH_TOKEN_EXPIRED);
        not_good(rotate(&world, &user_id, "old", "new").await, REFRESH_TOKEN_EXPIRED);
        not_good(verify(&world, &user_id, "new").await, REFRESH_TOKEN_NOT_FOUND);
        world.clock.advance(31 * DAY);
        save(&world, &user_id, "another").await.unwrap();
        not_good(verify(&world, &user_id, "old").await, REFRESH_TOKEN_NOT_FOUND);
    }

    async fn a_rotated_token_is_replaced(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        save(&world, &user_id, "first").await.unwrap();
        save(&world, &user_id, "on another device").await.unwrap();
        assert_eq!(rotate(&world, &user_id, "first", "second").await.unwrap().user_id, user_id);
        for good in ["second", "on another device"] {
            assert!(verify(&world, &user_id, good).await.is_ok(), "{good}");
        }
        // What is refused changes nothing: the old token is still good.
        let taken = rotate(&world, &user_id, "second", "on another device").await;
        refused(taken, Code::AlreadyExists, "refresh token exists already");
        assert!(verify(&world, &user_id, "second").await.is_ok());
    }

    async fn an_answer_that_was_lost_is_asked_for_again(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        save(&world, &user_id, "first").await.unwrap();
        rotate(&world, &user_id, "first", "lost").await.unwrap();
        world.clock.advance(Duration::from_secs(39));
        rotate(&world, &user_id, "first", "found").await.unwrap();
        rotate(&world, &user_id, "found", "next").await.unwrap();
        assert_eq!(world.open_sessions(&user_id).await.len(), 1, "it is one session all the time");
    }

    async fn a_token_that_comes_back_late_closes_its_session_and_no_other(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        save(&world, &user_id, "first").await.unwrap();
        save(&world, &user_id, "on another device").await.unwrap();
        rotate(&world, &user_id, "first", "second").await.unwrap();
        rotate(&world, &user_id, "second", "third").await.unwrap();
        world.clock.advance(Duration::from_secs(41));
        not_good(rotate(&world, &user_id, "first", "stolen").await, REFRESH_TOKEN_REUSED);
        for gone in ["first", "second", "third", "stolen"] {
            not_good(verify(&world, &user_id, gone).await, REFRESH_TOKEN_NOT_FOUND);
            not_good(rotate(&world, &user_id, gone, "more").await, REFRESH_TOKEN_NOT_FOUND);
        }
        rotate(&world, &user_id, "on another device", "and its next").await.unwrap();
    }

    async fn of_many_rotations_at_once_none_closes_the_session(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let user_id = world.guest().await.id;
        save(&world, &user_id, "old").await.unwrap();
        let tokens: Vec<_> = (0..8).map(|number| format!("new {number}")).collect();
        let rotations = tokens.iter().enumerate().map(async |(number, new)| {
            let service = if number % 2 == 0 { &world.service } else { &another };
            let request = RotateRefreshTokenRequest {
                user_id: user_id.clone(),
                old_refresh_token: "old".to_owned(),
                new_refresh_token: new.clone(),
                new_expires_at: Some(world.clock.now().plus(30 * DAY).into()),
            };
            service.sessions().rotate_refresh_token(gateway(request)).await
        });
        for rotated in join_all(rotations).await {
            rotated.unwrap();
        }
        for token in &tokens {
            verify(&world, &user_id, token).await.unwrap();
        }
        assert_eq!(world.open_sessions(&user_id).await.len(), 1);
    }

    async fn bad_tokens_and_times_are_named_together(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let past = Some(world.clock.now().minus(DAY).into());
        for expires_at in [None, past] {
            let save = OpenSessionRequest {
                user_id: user_id.clone(),
                session_id: new_id(),
                refresh_token: String::new(),
                expires_at,
                device: String::new(),
            };
            let result = world.service.sessions().open_session(gateway(save)).await;
            assert_eq!(violated(result), ["refresh_token", "expires_at"]);
        }
        let rotate = RotateRefreshTokenRequest {
            user_id: user_id.clone(),
            old_refresh_token: "same".to_owned(),
            new_refresh_token: "same".to_owned(),
            new_expires_at: None,
        };
        let result = world.service.sessions().rotate_refresh_token(gateway(rotate)).await;
        assert_eq!(violated(result), ["new_refresh_token", "new_expires_at"]);
    }

    async fn users_do_nothing_with_refresh_tokens(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let message = "this call is the gateway's own";
        let mut sessions = world.service.sessions();
        let save = OpenSessionRequest { user_id: user_id.clone(), ..Default::default() };
        let result = sessions.open_session(by(&user_id, save)).await;
        refused(result, Code::PermissionDenied, message);
        let verify = VerifyRefreshTokenRequest { user_id: user_id.clone(), ..Default::default() };
        let result = sessions.verify_refresh_token(by(&user_id, verify)).await;
        refused(result, Code::PermissionDenied, message);
        let rotate = RotateRefreshTokenRequest { user_id: user_id.clone(), ..Default::default() };
        let result = sessions.rotate_refresh_token(by(&user_id, rotate)).await;
        refused(result, Code::PermissionDenied, message);
    }
}
