//! `UserService`.

use futures::future::join_all;
use shared::id::new_id;
use shared::proto::events::v1::{UserCreated, UserUpdated};
use shared::proto::v1::find_auth_user_request::By;
use shared::proto::v1::{
    AuthChannel, Authority, FindAuthUserRequest, FindUserByNicknameRequest, Gender, GetUserRequest,
    GetUserTrackingRequest, InitializeUserRequest, Mbti, UpdateUserRequest, User, UserProfile, UserTracking,
};
use shared::time::Timestamp;
use tonic::{Code, Response, Status};

use crate::world::{World, admin, by, gateway, refused, violated};

async fn get(world: &World, request: tonic::Request<GetUserRequest>) -> Result<User, Status> {
    Ok(world.service.users().get_user(request).await?.into_inner().user.unwrap())
}

fn id_of(user: &User) -> GetUserRequest {
    GetUserRequest { user_id: user.id.clone() }
}

async fn update(world: &World, request: UpdateUserRequest) -> Result<User, Status> {
    let owner = request.user_id.clone();
    let response = world.service.users().update_user(by(&owner, request)).await;
    response.map(|response| response.into_inner().user.unwrap())
}

fn rename(user: &User, nickname: &str) -> UpdateUserRequest {
    let (user_id, nickname) = (user.id.clone(), Some(nickname.to_owned()));
    UpdateUserRequest { user_id, nickname, ..UpdateUserRequest::default() }
}

shared::on_each_engine! {
    async fn a_new_guest_has_everything_from_the_beginning(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = new_id();
        let user = world.initialize(&user_id).await;
        assert_eq!(user.id, user_id);
        assert!((2..=20).contains(&user.nickname.chars().count()), "{}", user.nickname);
        assert_eq!(user.user_profile, Some(UserProfile::default()));
        assert_eq!((user.updated_at, user.deleted_at), (user.created_at, None));
        assert_eq!(get(&world, by(&user_id, id_of(&user))).await.unwrap(), user);

        let find = FindAuthUserRequest { by: Some(By::UserId(user_id.clone())) };
        let auth = world.service.auth_users().find_auth_user(gateway(find)).await.unwrap();
        let auth = auth.into_inner().auth_user.unwrap();
        assert_eq!((auth.auth_channel(), auth.authority()), (AuthChannel::Unlinked, Authority::User));

        let tokens = world.service.tokens_of(&user_id).await;
        assert_eq!((tokens.allowance, tokens.used, tokens.reserved, tokens.purchased), (Some(7), 0, 0, 0));
        assert_eq!(tokens.resets_at, None);

        let tracking = GetUserTrackingRequest { user_id: user_id.clone() };
        let tracking = world.service.activities().get_user_tracking(by(&user_id, tracking)).await.unwrap();
        let untouched = UserTracking { user_id: user_id.clone(), ..UserTracking::default() };
        assert_eq!(tracking.into_inner().user_tracking, Some(untouched));
        assert_eq!(world.events::<UserCreated>(&user_id).await, [UserCreated { user_id: user_id.clone() }]);
    }

    async fn initializing_again_finds_the_same_user(engine: Engine) {
        let world = World::new(engine).await;
        let user = world.guest().await;
        let renamed = update(&world, rename(&user, "모모")).await.unwrap();
        assert_eq!(world.initialize(&user.id).await, renamed);
        assert_eq!(world.events::<UserCreated>(&user.id).await.len(), 1);
    }

    async fn many_at_once_initialize_one_user(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = new_id();
        let users = join_all((0..8).map(|_| world.initialize(&user_id))).await;
        assert!(users.iter().all(|user| *user == users[0]), "{users:?}");
        assert_eq!(world.events::<UserCreated>(&user_id).await.len(), 1);
    }

    async fn only_the_gateway_and_admins_initialize_users(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = new_id();
        let request = InitializeUserRequest { user_id: user_id.clone() };
        let result = world.service.users().initialize_user(by(&user_id, request.clone())).await;
        refused(result, Code::PermissionDenied, "this call is the gateway's own");
        assert!(world.service.users().initialize_user(admin(request)).await.is_ok());
        let request = InitializeUserRequest { user_id: "not a UUID".to_owned() };
        assert_eq!(violated(world.service.users().initialize_user(gateway(request)).await), ["user_id"]);
    }

    async fn a_user_is_there_for_themselves_and_admins_alone(engine: Engine) {
        let world = World::new(engine).await;
        let user = world.guest().await;
        for request in [by(&user.id, id_of(&user)), admin(id_of(&user)), gateway(id_of(&user))] {
            assert_eq!(get(&world, request).await.unwrap(), user);
        }
        let somebody_else = world.guest().await;
        refused(get(&world, by(&somebody_else.id, id_of(&user))).await, Code::NotFound, "user not found");
        let change = rename(&user, "모모");
        let result = world.service.users().update_user(by(&somebody_else.id, change)).await;
        refused(result, Code::NotFound, "user not found");
        let nobody = GetUserRequest { user_id: new_id() };
        refused(get(&world, admin(nobody)).await, Code::NotFound, "user not found");
    }

    async fn an_update_changes_the_fields_that_are_present(engine: Engine) {
        let world = World::new(engine).await;
        let user = world.guest().await;
        let first = UpdateUserRequest {
            user_id: user.id.clone(),
            nickname: Some("  모모  ".to_owned()),
            gender: Some(Gender::Female.into()),
            birth_year: Some(1994),
            ..UpdateUserRequest::default()
        };
        let updated = update(&world, first.clone()).await.unwrap();
        let mut profile = UserProfile {
            gender: Some(Gender::Female.into()),
            birth_year: Some(1994),
            ..UserProfile::default()
        };
        assert_eq!((updated.nickname.as_str(), &updated.user_profile), ("모모", &Some(profile.clone())));
        assert_eq!(updated.created_at, user.created_at);
        let changed_at = |user: &User| Timestamp::from(user.updated_at.unwrap());
        assert!(changed_at(&updated) > changed_at(&user));

        // The same again changes nothing and tells nobody.
        assert_eq!(update(&world, first).await.unwrap(), updated);

        let second = UpdateUserRequest {
            user_id: user.id.clone(),
            profile_image: Some("https://cdn.example/momo.png".to_owned()),
            gender: Some(Gender::Female.into()),
            mbti: Some(Mbti::Infp.into()),
            ..UpdateUserRequest::default()
        };
        let updated = update(&world, second).await.unwrap();
        profile.profile_image = Some("https://cdn.example/momo.png".to_owned());
        profile.mbti = Some(Mbti::Infp.into());
        assert_eq!((updated.nickname.as_str(), &updated.user_profile), ("모모", &Some(profile)));
        assert_eq!(get(&world, by(&user.id, id_of(&user))).await.unwrap(), updated);

        let events = world.events::<UserUpdated>(&user.id).await;
        let changed: Vec<_> = events.into_iter().map(|event| event.changed_fields).collect();
        let [first, second] = changed.try_into().unwrap();
        assert_eq!(first, ["nickname", "gender", "birth_year"]);
        assert_eq!(second, ["profile_image", "mbti"]);
    }

    async fn a_bad_update_names_every_field_and_changes_nothing(engine: Engine) {
        let world = World::new(engine).await;
        let user = world.guest().await;
        let request = UpdateUserRequest {
            user_id: user.id.clone(),
            nickname: Some("x".to_owned()),
            profile_image: Some("javascript:alert(1)".to_owned()),
            gender: Some(Gender::Unspecified.into()),
            mbti: Some(99),
            birth_year: Some(1899),
        };
        let fields = ["nickname", "profile_image", "gender", "mbti", "birth_year"];
        assert_eq!(violated(update(&world, request).await), fields);
        let one_good_one_bad = UpdateUserRequest { mbti: Some(-1), ..rename(&user, "모모") };
        assert_eq!(violated(update(&world, one_good_one_bad).await), ["mbti"]);
        assert_eq!(get(&world, by(&user.id, id_of(&user))).await.unwrap(), user);
        assert!(world.events::<UserUpdated>(&user.id).await.is_empty());
    }

    async fn a_nickname_in_use_is_refused_whatever_its_case(engine: Engine) {
        let world = World::new(engine).await;
        let (first, second) = (world.guest().await, world.guest().await);
        update(&world, rename(&first, "Momo")).await.unwrap();
        for taken in ["Momo", "mOMO", " momo "] {
            let result = update(&world, rename(&second, taken)).await;
            refused(result, Code::AlreadyExists, "nickname exists already");
        }
        assert_eq!(get(&world, by(&second.id, id_of(&second))).await.unwrap(), second);
        // Its holder may spell it anew.
        assert_eq!(update(&world, rename(&first, "MOMO")).await.unwrap().nickname, "MOMO");
    }

    async fn of_many_who_want_a_nickname_one_gets_it(engine: Engine) {
        let world = World::new(engine).await;
        let users = join_all((0..6).map(|_| world.guest())).await;
        let results = join_all(users.iter().map(|user| update(&world, rename(user, "모모")))).await;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 5));
        for result in lost {
            refused(result, Code::AlreadyExists, "nickname exists already");
        }
    }

    async fn admins_find_users_by_nickname(engine: Engine) {
        let world = World::new(engine).await;
        let user = world.guest().await;
        let user = update(&world, rename(&user, "Momo")).await.unwrap();
        let find = |nickname: &str| FindUserByNicknameRequest { nickname: nickname.to_owned() };
        let found = world.service.users().find_user_by_nickname(admin(find("MOMO"))).await.unwrap();
        assert_eq!(found.into_inner().user, Some(user.clone()));
        let result = world.service.users().find_user_by_nickname(admin(find("somebody"))).await;
        refused(result, Code::NotFound, "user not found");
        for request in [by(&user.id, find("Momo")), gateway(find("Momo"))] {
            let result = world.service.users().find_user_by_nickname(request).await;
            refused(result, Code::PermissionDenied, "this call needs admin authority");
        }
    }

    async fn a_deleted_user_is_not_found(engine: Engine) {
        let world = World::new(engine).await;
        let user = update(&world, rename(&world.guest().await, "Momo")).await.unwrap();
        world.soft_delete(&user.id).await;
        let gone = |result: Result<(), Status>| refused(result, Code::NotFound, "user not found");
        gone(get(&world, admin(id_of(&user))).await.map(drop));
        gone(update(&world, rename(&user, "Mimi")).await.map(drop));
        let find = FindUserByNicknameRequest { nickname: "Momo".to_owned() };
        gone(world.service.users().find_user_by_nickname(admin(find)).await.map(drop));
        let initialize = InitializeUserRequest { user_id: user.id.clone() };
        gone(world.service.users().initialize_user(gateway(initialize)).await.map(drop));
        let sign_in = FindAuthUserRequest { by: Some(By::UserId(user.id.clone())) };
        gone(world.service.auth_users().find_auth_user(gateway(sign_in)).await.map(|_: Response<_>| ()));
        gone(world.service.reserve(&user.id, &new_id()).await.map(drop));
    }
}
