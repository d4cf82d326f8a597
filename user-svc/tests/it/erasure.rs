//! Deleting users.

use std::time::Duration;

use shared::id::new_id;
use shared::proto::events::v1::UserDeleted;
use shared::proto::v1::find_auth_user_request::By;
use shared::proto::v1::{
    ActivityType, AuthChannel, ConnectAuthChannelRequest, DeleteUserRequest, DevicePlatform,
    FindAuthUserRequest, GetUserRequest, InitializeUserRequest, OpenSessionRequest, ProviderAccount,
    RecordUserActivityRequest, UpdateUserRequest,
};
use tonic::{Code, Status};

use crate::world::{World, by, gateway, refused};

async fn delete(world: &World, caller: &str, user_id: &str) -> Result<Vec<String>, Status> {
    let request = DeleteUserRequest { user_id: user_id.to_owned() };
    Ok(world.service.users().delete_user(by(caller, request)).await?.into_inner().session_ids)
}

fn account() -> ProviderAccount {
    ProviderAccount { auth_channel: AuthChannel::Kakao.into(), provider_user_id: "kakao-4711".to_owned() }
}

async fn connect(world: &World, user_id: &str) {
    let request =
        ConnectAuthChannelRequest { user_id: user_id.to_owned(), provider_account: Some(account()) };
    world.service.auth_users().connect_auth_channel(gateway(request)).await.unwrap();
}

/// A user about whom everything is known: the id of their session.
async fn known(world: &World, user_id: &str) -> String {
    connect(world, user_id).await;
    let update = UpdateUserRequest {
        user_id: user_id.to_owned(),
        nickname: Some("unmistakable".to_owned()),
        birth_year: Some(1990),
        ..UpdateUserRequest::default()
    };
    world.service.users().update_user(by(user_id, update)).await.unwrap();
    let activity = RecordUserActivityRequest {
        id: new_id(),
        user_id: user_id.to_owned(),
        activity_type: ActivityType::Login.into(),
        device_platform: DevicePlatform::Web.into(),
    };
    world.service.activities().record_user_activity(by(user_id, activity)).await.unwrap();
    let session_id = new_id();
    let session = OpenSessionRequest {
        user_id: user_id.to_owned(),
        session_id: session_id.clone(),
        refresh_token: new_id(),
        expires_at: Some(world.clock.now().plus(Duration::from_secs(86_400)).into()),
        device: "a phone".to_owned(),
    };
    world.service.sessions().open_session(gateway(session)).await.unwrap();
    session_id
}

shared::on_each_engine! {
    async fn nothing_is_left_of_a_deleted_user(engine: Engine) {
        let world = World::new(engine).await;
        let (user_id, other) = (world.guest().await.id, world.guest().await.id);
        let session_id = known(&world, &user_id).await;
        refused(delete(&world, &other, &user_id).await, Code::NotFound, "user not found");
        refused(delete(&world, &other, &new_id()).await, Code::NotFound, "user not found");
        assert_eq!(delete(&world, &user_id, &user_id).await.unwrap(), [session_id]);
        // A repeat changes nothing, and tells nobody again.
        assert!(delete(&world, &user_id, &user_id).await.unwrap().is_empty());
        let told: Vec<UserDeleted> = world.events(&user_id).await;
        assert_eq!(told, [UserDeleted { user_id: user_id.clone() }]);

        for (table, column) in [("users", "id"), ("auth_users", "user_id")] {
            let personal = match table {
                "users" => "nickname || COALESCE(CAST(birth_year AS TEXT), '')",
                _ => "auth_channel || COALESCE(provider_user_id, '')",
            };
            let left = world.text(&format!("SELECT {personal} FROM {table} WHERE {column} = '{user_id}'")).await;
            let left = left.unwrap();
            assert!(!left.contains("unmistakable") && !left.contains("1990"), "{left}");
            assert!(!left.contains("4711") && !left.contains("KAKAO"), "{left}");
        }
        for table in ["sessions", "refresh_tokens", "user_activities", "user_trackings"] {
            let left = world.text(&format!("SELECT MIN(user_id) FROM {table} WHERE user_id = '{user_id}'")).await;
            assert_eq!(left, None, "{table}");
        }
    }

    async fn a_deleted_user_is_nobody_and_the_account_begins_anew(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = world.guest().await.id;
        known(&world, &user_id).await;
        delete(&world, &user_id, &user_id).await.unwrap();
        let get = GetUserRequest { user_id: user_id.clone() };
        refused(world.service.users().get_user(by(&user_id, get)).await, Code::NotFound, "user not found");
        let again = InitializeUserRequest { user_id: user_id.clone() };
        let again = world.service.users().initialize_user(gateway(again)).await;
        refused(again, Code::NotFound, "user not found");
        let find = FindAuthUserRequest { by: Some(By::ProviderAccount(account())) };
        let found = world.service.auth_users().find_auth_user(gateway(find)).await;
        refused(found, Code::NotFound, "user not found");
        let newcomer = world.guest().await.id;
        connect(&world, &newcomer).await;
        let update = UpdateUserRequest {
            user_id: newcomer.clone(),
            nickname: Some("unmistakable".to_owned()),
            ..UpdateUserRequest::default()
        };
        world.service.users().update_user(by(&newcomer, update)).await.unwrap();
    }
}
