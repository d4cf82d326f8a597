//! Who may call what. What is not listed is refused to everybody; whose a thing is, its handler asks.

use shared::grpc::Rule;
use shared::grpc::Who::{Admin, Anybody, Gateway, User};

/// Every method of this service.
pub const RULES: &[Rule] = &[
    ("/hearlers.v1.UserService/InitializeUser", Gateway),
    ("/hearlers.v1.UserService/GetUser", Anybody),
    ("/hearlers.v1.UserService/FindUserByNickname", Admin),
    ("/hearlers.v1.UserService/UpdateUser", Anybody),
    ("/hearlers.v1.UserService/DeleteUser", Anybody),
    ("/hearlers.v1.AuthUserService/FindAuthUser", Gateway),
    ("/hearlers.v1.AuthUserService/ConnectAuthChannel", Gateway),
    ("/hearlers.v1.AuthUserService/SetAuthority", Gateway),
    ("/hearlers.v1.SessionService/OpenSession", Gateway),
    ("/hearlers.v1.SessionService/VerifyRefreshToken", Gateway),
    ("/hearlers.v1.SessionService/RotateRefreshToken", Gateway),
    ("/hearlers.v1.SessionService/ListSessions", User),
    ("/hearlers.v1.SessionService/CloseSession", User),
    ("/hearlers.v1.SessionService/CloseAllSessions", User),
    ("/hearlers.v1.MessageTokenService/GetMessageTokens", Anybody),
    ("/hearlers.v1.MessageTokenService/ReserveTokens", Anybody),
    ("/hearlers.v1.MessageTokenService/ReleaseTokens", Anybody),
    ("/hearlers.v1.UserActivityService/RecordUserActivity", Anybody),
    ("/hearlers.v1.UserActivityService/ListUserActivities", Anybody),
    ("/hearlers.v1.UserActivityService/GetUserTracking", Anybody),
    ("/hearlers.v1.UserActivityService/UpdateUserTracking", Anybody),
    ("/hearlers.v1.UserDataService/ExportUserData", User),
    ("/hearlers.v1.IdempotencyService/ClaimKey", User),
];
