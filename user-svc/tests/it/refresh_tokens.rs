//! `AuthUserService`: refresh tokens.

use std::time::Duration;

use futures::future::join_all;
use shared::error::{REFRESH_TOKEN_EXPIRED, REFRESH_TOKEN_NOT_FOUND};
use shared::id::new_id;
use shared::proto::v1::{
    AuthUser, RotateRefreshTokenRequest, SaveRefreshTokenRequest, VerifyRefreshTokenRequest,
};
use tonic::{Code, Status};

use crate::world::{World, by, gateway, reason, refused, violated};

const DAY: Duration = Duration::from_secs(86_400);

async fn save(world: &World, user_id: &str, token: &str) -> Result<(), Status> {
    let request = SaveRefreshTokenRequest {
        user_id: user_id.to_owned(),
        refresh_token: token.to_owned(),
        expires_at: Some(world.clock.now().plus(30 * DAY).into()),
    };
    world.service.auth_users().save_refresh_token(gateway(request)).await.map(drop)
}

async fn verify(world: &World, user_id: &str, token: &str) -> Result<AuthUser, Status> {
    let request = VerifyRefreshTokenRequest { user_id: user_id.to_owned(), refresh_token: token.to_owned() };
    let response = world.service.auth_users().verify_refresh_token(gateway(request)).await?;
    Ok(response.into_inner().auth_user.unwrap())
}

async fn rotate(world: &World, user_id: &str, old: &str, new: &str) -> Result<AuthUser, Status> {
    let request = RotateRefreshTokenRequest {
        user_id: user_id.to_owned(),
        old_refresh_token: old.to_owned(),
        new_refresh_token: new.to_owned(),
        new_expires_at: Some(world.clock.now().plus(30 * DAY).into()),
    };
    let response = world.service.auth_users().rotate_refresh_token(gateway(request)).await?;
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
        not_good(verify(&world, &user_id, "first").await, REFRESH_TOKEN_NOT_FOUND);
        not_good(rotate(&world, &user_id, "first", "third").await, REFRESH_TOKEN_NOT_FOUND);
        for good in ["second", "on another device"] {
            assert!(verify(&world, &user_id, good).await.is_ok(), "{good}");
        }
        // What is refused changes nothing: the old token is still good.
        let taken = rotate(&world, &user_id, "second", "on another device").await;
        refused(taken, Code::AlreadyExists, "refresh token exists already");
        assert!(verify(&world, &user_id, "second").await.is_ok());
    }

    async fn of_many_rotations_of_a_token_one_wins(engine: Engine) {
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
            let rotated = service.auth_users().rotate_refresh_token(gateway(request)).await;
            rotated.map(|response| response.into_inner().auth_user.unwrap())
        });
        let mut winners = Vec::new();
        for (token, result) in tokens.iter().zip(join_all(rotations).await) {
            match result {
                Ok(_) => winners.push(token),
                refused => not_good(refused, REFRESH_TOKEN_NOT_FOUND),
            }
        }
        assert_eq!(winners.len(), 1);
        for token in &tokens {
            assert_eq!(verify(&world, &user_id, token).await.is_ok(), token == winners[0], "{token}");
        }
    }

    async fn bad_tokens_and_times_are_named_together(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let past = Some(world.clock.now().minus(DAY).into());
        for expires_at in [None, past] {
            let save = SaveRefreshTokenRequest {
                user_id: user_id.clone(),
                refresh_token: String::new(),
                expires_at,
            };
            let result = world.service.auth_users().save_refresh_token(gateway(save)).await;
            assert_eq!(violated(result), ["refresh_token", "expires_at"]);
        }
        let rotate = RotateRefreshTokenRequest {
            user_id: user_id.clone(),
            old_refresh_token: "same".to_owned(),
            new_refresh_token: "same".to_owned(),
            new_expires_at: None,
        };
        let result = world.service.auth_users().rotate_refresh_token(gateway(rotate)).await;
        assert_eq!(violated(result), ["new_refresh_token", "new_expires_at"]);
    }

    async fn users_do_nothing_with_refresh_tokens(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let message = "this call is the gateway's own";
        let mut auth_users = world.service.auth_users();
        let save = SaveRefreshTokenRequest { user_id: user_id.clone(), ..Default::default() };
        let result = auth_users.save_refresh_token(by(&user_id, save)).await;
        refused(result, Code::PermissionDenied, message);
        let verify = VerifyRefreshTokenRequest { user_id: user_id.clone(), ..Default::default() };
        let result = auth_users.verify_refresh_token(by(&user_id, verify)).await;
        refused(result, Code::PermissionDenied, message);
        let rotate = RotateRefreshTokenRequest { user_id: user_id.clone(), ..Default::default() };
        let result = auth_users.rotate_refresh_token(by(&user_id, rotate)).await;
        refused(result, Code::PermissionDenied, message);
    }
}
