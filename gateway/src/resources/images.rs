//! Images: announcing an upload, putting and getting images that this gateway keeps.

use std::sync::Arc;

use axum::body::Body as ResponseBody;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use super::counselors::CounselorId;
use crate::App;
use crate::dto::rfc3339;
use crate::envelope::{Answer, ApiError, Envelope, ErrorEnvelope, Errors, Success};
use crate::images::{Folder, ImageKind, Kept, Upload, UploadError};
use crate::input::{Body, Ids, Params, read_body};
use crate::session::Session;

/// What an image is called at its end.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub enum Extension {
    #[serde(rename = "EXTENSION_JPG")]
    Jpg,
    #[serde(rename = "EXTENSION_PNG")]
    Png,
    #[serde(rename = "EXTENSION_GIF")]
    Gif,
    #[serde(rename = "EXTENSION_WEBP")]
    Webp,
}

impl From<Extension> for ImageKind {
    fn from(extension: Extension) -> Self {
        match extension {
            Extension::Jpg => Self::Jpg,
            Extension::Png => Self::Png,
            Extension::Gif => Self::Gif,
            Extension::Webp => Self::Webp,
        }
    }
}

/// Which kind of image will be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AnnounceImage {
    extension: Extension,
}

/// Where one image may be put.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PresignedUrl {
    /// To be sent the image with PUT, with its media type as `Content-Type`. It needs no session.
    #[schema(format = "uri")]
    upload_url: String,
    /// Where the image will be found.
    #[schema(format = "uri")]
    public_url: String,
    /// When the upload must have begun; RFC 3339, UTC.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// An announced upload.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PresignedUrlData {
    presigned_url: PresignedUrl,
}

/// Announces the upload of a counselor's image.
#[utoipa::path(
    post,
    path = "/counselors/{counselor-id}/image-url",
    tag = "counselors",
    params(CounselorId),
    request_body = AnnounceImage,
    responses((status = 200, body = Envelope<PresignedUrlData>), Errors)
)]
pub async fn announce_counselor_image(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(path): Ids<CounselorId>,
    Body(body): Body<AnnounceImage>,
) -> Answer<PresignedUrlData> {
    announce(&app, &session, path, body).await
}

/// Announces the upload of an image for a scene of a counselor's episodes.
#[utoipa::path(
    post,
    path = "/counselors/{counselor-id}/episodes/image-url",
    tag = "counselors",
    params(CounselorId),
    request_body = AnnounceImage,
    responses((status = 200, body = Envelope<PresignedUrlData>), Errors)
)]
pub async fn announce_episode_image(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(path): Ids<CounselorId>,
    Body(body): Body<AnnounceImage>,
) -> Answer<PresignedUrlData> {
    announce(&app, &session, path, body).await
}

async fn announce(
    app: &App,
    session: &Session,
    CounselorId { counselor_id }: CounselorId,
    AnnounceImage { extension }: AnnounceImage,
) -> Answer<PresignedUrlData> {
    let request = app.upstream.request(session.caller(), v1::GetCounselorRequest { counselor_id });
    app.upstream.counselors().get_counselor(request).await?;
    let announced = app.images.announce(extension.into()).map_err(|error| ApiError::internal(&error))?;
    let Upload { upload_url, public_url, expires_at } = announced;
    let expires_at = rfc3339(expires_at.into());
    Ok(Success::ok(PresignedUrlData { presigned_url: PresignedUrl { upload_url, public_url, expires_at } }))
}

/// The path of an image.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ImageName {
    /// `<uuid>.<extension>`.
    #[serde(rename = "image-name")]
    image_name: String,
}

/// The right to put an image.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadToken {
    /// From the announcement.
    token: String,
}

/// An image that is there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptImage {
    image_name: String,
}

/// Puts an announced image. Its address is the `uploadUrl` of the announcement.
///
/// The same image may be put again; another one is refused with 409.
#[utoipa::path(
    put,
    path = "/images/{image-name}",
    tag = "images",
    params(ImageName, UploadToken),
    request_body(content = Vec<u8>, content_type = "image/*", description = "the image"),
    responses(
        (status = 201, body = Envelope<KeptImage>),
        (status = 200, body = Envelope<KeptImage>, description = "it was there already"),
        Errors
    ),
    security(())
)]
pub async fn put_image(
    State(app): State<Arc<App>>,
    Path(ImageName { image_name }): Path<ImageName>,
    Params(UploadToken { token }): Params<UploadToken>,
    request: Request,
) -> Answer<KeptImage> {
    let folder = folder_of(&app)?;
    let kind = ImageKind::of_name(&image_name).ok_or_else(no_such_image)?;
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type != Some(kind.media_type()) {
        return Err(ApiError::invalid(vec![format!("Content-Type: must be {}", kind.media_type())]));
    }
    // Whoever may not put it is not listened to.
    let announced = folder.announced(&image_name, &token)?;
    let kept = announced.keep(read_body(request, &app).await?).await?;
    let image = KeptImage { image_name };
    Ok(match kept {
        Kept::Created => Success::created(image),
        Kept::Already => Success::ok(image),
    })
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let message = error.to_string();
        match error {
            UploadError::NotAnnounced => Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message),
            UploadError::NotAnImage => Self::invalid(vec![format!("body: {message}")]),
            UploadError::Taken => Self::new(StatusCode::CONFLICT, "E40901", message),
            UploadError::Failed(_) => Self::internal(&error),
        }
    }
}

/// An image. It never changes, so whoever has it may keep it.
#[utoipa::path(
    get,
    path = "/images/{image-name}",
    tag = "images",
    params(ImageName),
    responses(
        (status = 200, content_type = "image/*", body = Vec<u8>, description = "the image"),
        (status = 304, description = "the client has it already"),
        (status = 404, body = ErrorEnvelope, description = "there is no such image")
    ),
    security(())
)]
pub async fn get_image(
    State(app): State<Arc<App>>,
    Path(ImageName { image_name }): Path<ImageName>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let found = folder_of(&app)?.read(&image_name).await.map_err(|error| ApiError::internal(&error))?;
    let (kind, bytes) = found.ok_or_else(no_such_image)?;
    let tag = format!("\"{image_name}\"");
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(ResponseBody::from(bytes));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind.media_type()));
        response
    };
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(CACHE_CONTROL, forever);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// The folder; where images are elsewhere, there are none here.
fn folder_of(app: &App) -> Result<&Folder, ApiError> {
    app.images.folder().ok_or_else(no_such_image)
}

fn no_such_image() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "E40401", "image not found")
}
