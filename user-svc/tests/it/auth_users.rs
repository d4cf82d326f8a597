//! `AuthUserService`: channels and authority.

use futures::future::join_all;
use shared::id::new_id;
use shared::proto::events::v1::AuthChannelConnected;
use shared::proto::v1::find_auth_user_request::By;
use shared::proto::v1::{
    AuthChannel, AuthUser, Authority, ConnectAuthChannelRequest, FindAuthUserRequest, ProviderAccount,
    SetAuthorityRequest,
};
use tonic::{Code, Status};

use crate::world::{World, admin, by, gateway, refused, violated};

fn account(channel: AuthChannel, provider_user_id: &str) -> ProviderAccount {
    let provider_user_id = provider_user_id.to_owned();
    ProviderAccount { auth_channel: channel.into(), provider_user_id }
}

async fn connect(world: &World, user_id: &str, account: ProviderAccount) -> Result<AuthUser, Status> {
    let request = ConnectAuthChannelRequest { user_id: user_id.to_owned(), provider_account: Some(account) };
    let response = world.service.auth_users().connect_auth_channel(gateway(request)).await?;
    Ok(response.into_inner().auth_user.unwrap())
}

async fn find(world: &World, by: By) -> Result<AuthUser, Status> {
    let request = FindAuthUserRequest { by: Some(by) };
    let response = world.service.auth_users().find_auth_user(gateway(request)).await?;
    Ok(response.into_inner().auth_user.unwrap())
}

shared::on_each_engine! {
    async fn a_connected_channel_makes_a_guest_a_linked_user(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let kakao = account(AuthChannel::Kakao, "1234");
        let linked = connect(&world, &user_id, kakao.clone()).await.unwrap();
        assert_eq!((&linked.user_id, linked.auth_channel()), (&user_id, AuthChannel::Kakao));
        assert_eq!(linked.authority(), Authority::User);
        assert_eq!(find(&world, By::UserId(user_id.clone())).await.unwrap(), linked);
        assert_eq!(find(&world, By::ProviderAccount(kakao.clone())).await.unwrap(), linked);
        assert_eq!(world.service.tokens_of(&user_id).await.allowance, Some(1000));

        // Once more, as after a lost answer.
        assert_eq!(connect(&world, &user_id, kakao).await.unwrap(), linked);
        let auth_channel = "AUTH_CHANNEL_KAKAO".to_owned();
        let told = AuthChannelConnected { user_id: user_id.clone(), auth_channel };
        assert_eq!(world.events::<AuthChannelConnected>(&user_id).await, [told]);
    }

    async fn an_account_belongs_to_one_user_and_a_user_has_one_account(engine: Engine) {
        let world = World::new(engine).await;
        let (first, second) = (world.guest().await.id, world.guest().await.id);
        connect(&world, &first, account(AuthChannel::Kakao, "1234")).await.unwrap();
        let taken = connect(&world, &second, account(AuthChannel::Kakao, "1234")).await;
        refused(taken, Code::AlreadyExists, "provider account exists already");
        let other = connect(&world, &first, account(AuthChannel::Kakao, "5678")).await;
        refused(other, Code::AlreadyExists, "auth channel exists already");
        // The same id at another provider is another account.
        connect(&world, &second, account(AuthChannel::Naver, "1234")).await.unwrap();
        let nobody = connect(&world, &new_id(), account(AuthChannel::Naver, "9")).await;
        refused(nobody, Code::NotFound, "user not found");
    }

    async fn of_many_who_connect_an_account_one_succeeds(engine: Engine) {
        let world = World::new(engine).await;
        let users = join_all((0..6).map(|_| world.guest())).await;
        let kakao = account(AuthChannel::Kakao, "1234");
        let results = join_all(users.iter().map(|user| connect(&world, &user.id, kakao.clone()))).await;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 5));
        for result in lost {
            refused(result, Code::AlreadyExists, "provider account exists already");
        }
        let winner = won.into_iter().next().unwrap().unwrap();
        assert_eq!(find(&world, By::ProviderAccount(kakao)).await.unwrap(), winner);
    }

    async fn only_an_identity_providers_account_can_be_connected(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let fields = ["provider_account.auth_channel", "provider_account.provider_user_id"];
        for channel in [AuthChannel::Unlinked, AuthChannel::Unspecified] {
            assert_eq!(violated(connect(&world, &user_id, account(channel, "")).await), fields);
        }
        let request = ConnectAuthChannelRequest { user_id: user_id.clone(), provider_account: None };
        let result = world.service.auth_users().connect_auth_channel(gateway(request)).await;
        assert_eq!(violated(result), ["provider_account"]);
        let by_nothing = FindAuthUserRequest { by: None };
        assert_eq!(violated(world.service.auth_users().find_auth_user(gateway(by_nothing)).await), ["by"]);
        let unknown = find(&world, By::ProviderAccount(account(AuthChannel::Naver, "x"))).await;
        refused(unknown, Code::NotFound, "user not found");
    }

    async fn users_neither_find_nor_connect(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let find = FindAuthUserRequest { by: Some(By::UserId(user_id.clone())) };
        let result = world.service.auth_users().find_auth_user(by(&user_id, find.clone())).await;
        refused(result, Code::PermissionDenied, "this call is the gateway's own");
        assert!(world.service.auth_users().find_auth_user(admin(find)).await.is_ok());
        let provider_account = Some(account(AuthChannel::Kakao, "1234"));
        let connect = ConnectAuthChannelRequest { user_id: user_id.clone(), provider_account };
        let result = world.service.auth_users().connect_auth_channel(by(&user_id, connect)).await;
        refused(result, Code::PermissionDenied, "this call is the gateway's own");
    }

    async fn the_gateway_and_admins_set_authority(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        let request = |authority: Authority| SetAuthorityRequest {
            user_id: user_id.clone(),
            authority: authority.into(),
        };
        let result = world.service.auth_users().set_authority(by(&user_id, request(Authority::Admin))).await;
        refused(result, Code::PermissionDenied, "this call is the gateway's own");
        for request in [admin(request(Authority::Admin)), gateway(request(Authority::Admin))] {
            let result = world.service.auth_users().set_authority(request).await;
            assert_eq!(result.unwrap().into_inner().auth_user.unwrap().authority(), Authority::Admin);
        }
        assert_eq!(world.service.tokens_of(&user_id).await.allowance, None);
        let result = world.service.auth_users().set_authority(admin(request(Authority::Unspecified))).await;
        assert_eq!(violated(result), ["authority"]);
        world.set_authority(&user_id, Authority::User).await;
        assert_eq!(world.service.tokens_of(&user_id).await.allowance, Some(7));
    }
}
