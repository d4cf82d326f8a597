//! Every route, in one list. The OpenAPI document comes from the same annotations.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::App;
use crate::edge::limit_sign_in;
use crate::envelope::{ApiError, ErrorEnvelope};
use crate::input::body_of_at_most;
use crate::resources::{
    account, auth, bubbles, counselors, counsels, episodes, export, feed, images, messages, notices, orders,
    probes, products, relationships, sessions, sign_in, subscriptions, tones, users,
};
use crate::session::{admins_only, signed_in_only};
use crate::{examples, web_chat};

/// The router, without the layers of [`crate::stack`].
pub fn router(app: Arc<App>) -> axum::Router {
    let (router, document) = routes_of(&app).split_for_parts();
    let document = examples::fill(document);
    let router = match &app.sign_in.development {
        Some(identity) => router.merge(identity.router()),
        None => router,
    };
    let router = if app.sign_in.is_development() { router.merge(web_chat::router()) } else { router };
    let router = match &app.console {
        Some(console) => router.merge(console.router(app.clone())),
        None => router,
    };
    router
        .merge(SwaggerUi::new("/swagger-ui").url("/v3/api-docs", document))
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "HTTP_NOT_FOUND", "there is no such route"))
        .method_not_allowed_fallback(async || {
            let message = "this route does not take this method";
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "HTTP_METHOD_NOT_ALLOWED", message)
        })
        .with_state(app)
}

fn routes_of(app: &Arc<App>) -> OpenApiRouter<Arc<App>> {
    let signed_in = from_fn_with_state(app.clone(), signed_in_only);
    let admins = from_fn_with_state(app.clone(), admins_only);
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(probes::livez))
        .routes(routes!(probes::readyz))
        .routes(routes!(auth::get_keys))
        .nest("/v1", sign_in().route_layer(from_fn_with_state(app.rates.clone(), limit_sign_in)))
        .nest("/v1", pictures().layer(body_of_at_most(app.images.max_bytes())))
        .nest("/v1", OpenApiRouter::new().routes(routes!(notices::receive_notice)))
        .nest("/v1", own().merge(catalog()).route_layer(signed_in))
        .nest("/v1/admin", named_for_admins(managed().merge(catalog())).route_layer(admins))
}

/// For everybody.
fn sign_in() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(auth::initiate))
        .routes(routes!(auth::refresh))
        .routes(routes!(sign_in::begin_sign_in))
        .routes(routes!(sign_in::finish_sign_in))
}

/// For everybody, too: whoever has an image's address may see it, and putting one takes a token of its own.
fn pictures() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(images::put_image, images::get_image))
}

/// What belongs to the caller.
fn own() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(sessions::list_sessions))
        .routes(routes!(sessions::close_session))
        .routes(routes!(sessions::logout))
        .routes(routes!(sessions::logout_all))
        .routes(routes!(users::get_me, users::update_me, users::delete_me))
        .routes(routes!(export::export_me))
        .routes(routes!(account::get_tokens))
        .routes(routes!(account::get_tracking, account::update_tracking))
        .routes(routes!(account::create_activity))
        .routes(routes!(counsels::own::create_counsel, counsels::own::list_counsels))
        .routes(routes!(counsels::get_counsel))
        .routes(routes!(feed::follow_counsels))
        .routes(routes!(messages::own::create_message, messages::own::list_messages))
        .routes(routes!(messages::own::react_to_message))
        .routes(routes!(relationships::list_relationships))
        .routes(routes!(orders::create_order, orders::list_orders))
        .routes(routes!(orders::get_order))
        .routes(routes!(orders::confirm_order))
        .routes(routes!(orders::cancel_order))
        .routes(routes!(subscriptions::list_subscriptions))
        .routes(routes!(subscriptions::get_subscription))
        .routes(routes!(subscriptions::cancel_subscription))
        .routes(routes!(subscriptions::resume_subscription))
}

/// What everybody who is signed in can read: under /v1 and again under /v1/admin.
fn catalog() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(counselors::list_counselors))
        .routes(routes!(counselors::get_counselor))
        .routes(routes!(tones::list_tones))
        .routes(routes!(tones::get_tone))
        .routes(routes!(bubbles::list_bubbles))
        .routes(routes!(bubbles::get_random_bubble))
        .routes(routes!(bubbles::get_bubble))
        .routes(routes!(products::list_products))
        .routes(routes!(products::get_product))
        .routes(routes!(episodes::list_episodes))
        .routes(routes!(episodes::get_episode))
}

/// For admins.
fn managed() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(users::get_user))
        .routes(routes!(counselors::create_counselor))
        .routes(routes!(counselors::update_counselor))
        .routes(routes!(images::announce_counselor_image))
        .routes(routes!(products::create_product))
        .routes(routes!(products::update_product))
        .routes(routes!(products::retire_product))
        .routes(routes!(orders::search_orders))
        .routes(routes!(orders::get_order))
        .routes(routes!(orders::refund_order))
        .routes(routes!(subscriptions::search_subscriptions))
        .routes(routes!(subscriptions::get_subscription))
        .routes(routes!(subscriptions::cancel_subscription))
        .routes(routes!(tones::create_tone))
        .routes(routes!(tones::update_tone))
        .routes(routes!(bubbles::create_bubble))
        .routes(routes!(bubbles::update_bubble, bubbles::delete_bubble))
        .merge(stories().layer(body_of_at_most(episodes::LARGEST_BODY)))
        .routes(routes!(images::announce_episode_image))
        .routes(routes!(counsels::admin::create_counsel, counsels::admin::list_counsels))
        .routes(routes!(counsels::get_counsel))
        .routes(routes!(messages::admin::create_message, messages::admin::list_messages))
        .routes(routes!(messages::admin::react_to_message))
        .merge(prompts())
}

/// What counselors speak from. A literal segment is a better match than an id.
fn prompts() -> OpenApiRouter<Arc<App>> {
    use crate::resources::prompts::{
        activate_histories, counsel_techniques, persona_prompts, temporary_version, tone_prompts,
        transition_rules, versions,
    };
    OpenApiRouter::new()
        .routes(routes!(versions::list_prompt_versions))
        .routes(routes!(
            versions::get_prompt_version,
            versions::update_prompt_version,
            versions::delete_prompt_version
        ))
        .routes(routes!(versions::get_active_prompt_version))
        .routes(routes!(versions::activate_prompt_version))
        .routes(routes!(
            temporary_version::get_temporary_prompt_version,
            temporary_version::save_temporary_prompt_version
        ))
        .routes(routes!(temporary_version::clone_to_temporary_prompt_version))
        .routes(routes!(activate_histories::list_prompt_activate_histories))
        .routes(routes!(persona_prompts::list_persona_prompts))
        .routes(routes!(persona_prompts::get_persona_prompt))
        .routes(routes!(persona_prompts::upsert_persona_prompt))
        .routes(routes!(tone_prompts::list_tone_prompts))
        .routes(routes!(tone_prompts::get_tone_prompt))
        .routes(routes!(tone_prompts::upsert_tone_prompt))
        .routes(routes!(counsel_techniques::list_counsel_techniques))
        .routes(routes!(counsel_techniques::get_counsel_technique))
        .routes(routes!(counsel_techniques::create_counsel_technique))
        .routes(routes!(counsel_techniques::update_counsel_technique))
        .routes(routes!(transition_rules::list_transition_rules, transition_rules::create_transition_rule))
        .routes(routes!(
            transition_rules::get_transition_rule,
            transition_rules::update_transition_rule,
            transition_rules::delete_transition_rule
        ))
}

/// For admins, too; their bodies may be longer than others.
fn stories() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(episodes::create_episode)).routes(routes!(episodes::update_episode))
}

/// Operation ids are unique in a document, so those of the second copy get a prefix.
fn named_for_admins(mut router: OpenApiRouter<Arc<App>>) -> OpenApiRouter<Arc<App>> {
    for item in router.get_openapi_mut().paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.operation_id = operation.operation_id.take().map(|id| format!("admin_{id}"));
        }
    }
    router
}

/// The head of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Hearlers API", description = "Talk with AI counselors. Every answer comes in an envelope."),
    tags(
        (name = "auth", description = "sign-in and tokens"),
        (name = "users", description = "profiles"),
        (name = "counselors", description = "counselors, their tones and their bubbles"),
        (name = "images", description = "pictures of counselors and their episodes"),
        (name = "counsels", description = "conversations"),
        (name = "payments", description = "what can be bought, and what was"),
        (name = "prompts", description = "what counselors speak from; for admins"),
        (name = "probes", description = "for orchestrators"),
    ),
    // Referred to by every route's errors, which the routes themselves do not register.
    components(schemas(ErrorEnvelope)),
    modifiers(&SecuritySchemes),
    security(("bearer" = []), ("accessCookie" = []))
)]
struct Document;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let cookie = |name: &str| SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(name)));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("accessCookie", cookie("accessToken"));
        components.add_security_scheme("refreshCookie", cookie("refreshToken"));
    }
}
