//! The services behind the gateway.

use std::time::Duration;

use shared::auth::Caller;
use shared::mesh::MeshChannel;
use shared::proto::v1::auth_user_service_client::AuthUserServiceClient;
use shared::proto::v1::counsel_prompt_service_client::CounselPromptServiceClient;
use shared::proto::v1::counsel_service_client::CounselServiceClient;
use shared::proto::v1::counselor_service_client::CounselorServiceClient;
use shared::proto::v1::episode_service_client::EpisodeServiceClient;
use shared::proto::v1::idempotency_service_client::IdempotencyServiceClient;
use shared::proto::v1::message_token_service_client::MessageTokenServiceClient;
use shared::proto::v1::order_service_client::OrderServiceClient;
use shared::proto::v1::product_service_client::ProductServiceClient;
use shared::proto::v1::session_service_client::SessionServiceClient;
use shared::proto::v1::subscription_service_client::SubscriptionServiceClient;
use shared::proto::v1::user_activity_service_client::UserActivityServiceClient;
use shared::proto::v1::user_data_service_client::UserDataServiceClient;
use shared::proto::v1::user_service_client::UserServiceClient;

use crate::envelope::ApiError;

/// Channels to the services, which sign what is said for a caller.
pub struct Upstream {
    user_svc: MeshChannel,
    counseling_svc: MeshChannel,
    payment_svc: MeshChannel,
}

impl Upstream {
    /// With a channel to each service.
    pub fn new(user_svc: MeshChannel, counseling_svc: MeshChannel, payment_svc: MeshChannel) -> Self {
        Self { user_svc, counseling_svc, payment_svc }
    }

    /// What each service holds of a user.
    pub fn user_data(&self) -> [UserDataServiceClient<MeshChannel>; 3] {
        [&self.user_svc, &self.counseling_svc, &self.payment_svc]
            .map(|channel| UserDataServiceClient::new(channel.clone()))
    }

    /// The keys of what user-svc makes.
    pub fn user_keys(&self) -> IdempotencyServiceClient<MeshChannel> {
        IdempotencyServiceClient::new(self.user_svc.clone())
    }

    /// The keys of what counseling-svc makes.
    pub fn counseling_keys(&self) -> IdempotencyServiceClient<MeshChannel> {
        IdempotencyServiceClient::new(self.counseling_svc.clone())
    }

    /// The keys of what payment-svc makes.
    pub fn payment_keys(&self) -> IdempotencyServiceClient<MeshChannel> {
        IdempotencyServiceClient::new(self.payment_svc.clone())
    }

    /// Profiles.
    pub fn users(&self) -> UserServiceClient<MeshChannel> {
        UserServiceClient::new(self.user_svc.clone())
    }

    /// Sessions and their refresh tokens.
    pub fn sessions(&self) -> SessionServiceClient<MeshChannel> {
        SessionServiceClient::new(self.user_svc.clone())
    }

    /// Sign-in.
    pub fn auth_users(&self) -> AuthUserServiceClient<MeshChannel> {
        AuthUserServiceClient::new(self.user_svc.clone())
    }

    /// Message tokens.
    pub fn message_tokens(&self) -> MessageTokenServiceClient<MeshChannel> {
        MessageTokenServiceClient::new(self.user_svc.clone())
    }

    /// Activities, and how far users have come.
    pub fn user_activities(&self) -> UserActivityServiceClient<MeshChannel> {
        UserActivityServiceClient::new(self.user_svc.clone())
    }

    /// Counselors, tones and bubbles.
    pub fn counselors(&self) -> CounselorServiceClient<MeshChannel> {
        CounselorServiceClient::new(self.counseling_svc.clone())
    }

    /// Episodes of counselors.
    pub fn episodes(&self) -> EpisodeServiceClient<MeshChannel> {
        EpisodeServiceClient::new(self.counseling_svc.clone())
    }

    /// Counsels and their messages.
    pub fn counsels(&self) -> CounselServiceClient<MeshChannel> {
        CounselServiceClient::new(self.counseling_svc.clone())
    }

    /// What can be bought.
    pub fn products(&self) -> ProductServiceClient<MeshChannel> {
        ProductServiceClient::new(self.payment_svc.clone())
    }

    /// What was bought.
    pub fn orders(&self) -> OrderServiceClient<MeshChannel> {
        OrderServiceClient::new(self.payment_svc.clone())
    }

    /// What is paid month by month.
    pub fn subscriptions(&self) -> SubscriptionServiceClient<MeshChannel> {
        SubscriptionServiceClient::new(self.payment_svc.clone())
    }

    /// Prompts.
    pub fn prompts(&self) -> CounselPromptServiceClient<MeshChannel> {
        CounselPromptServiceClient::new(self.counseling_svc.clone())
    }

    /// A request on behalf of `caller`.
    pub fn request<T>(&self, caller: Caller, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.extensions_mut().insert(caller);
        request
    }

    /// As [`Upstream::request`], with a deadline of its own.
    pub fn request_within<T>(&self, limit: Duration, caller: Caller, message: T) -> tonic::Request<T> {
        let mut request = self.request(caller, message);
        request.set_timeout(limit);
        request
    }
}

/// A part of an answer that the protocol promises.
///
/// # Errors
/// When the service left it out.
pub fn promised<T>(part: Option<T>, name: &'static str) -> Result<T, ApiError> {
    part.ok_or_else(|| ApiError::internal(&format!("a service answered without its {name}")))
}
