//! JSON bodies, checked against the schema that the OpenAPI document shows for them: the two cannot differ.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use axum::Extension;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::too_large;
use crate::App;
use crate::envelope::ApiError;

static VALIDATORS: LazyLock<RwLock<HashMap<TypeId, Arc<Validator>>>> = LazyLock::new(RwLock::default);

/// The limit of routes that take other bodies than the rest.
#[derive(Clone, Copy)]
pub struct BodyLimit(usize);

/// A layer for routes whose bodies may have other sizes than `BODY_LIMIT` says.
pub fn body_of_at_most(bytes: usize) -> (Extension<BodyLimit>, DefaultBodyLimit) {
    (Extension(BodyLimit(bytes)), DefaultBodyLimit::max(bytes))
}

/// The whole body of a request.
///
/// # Errors
/// A refusal when it is too large, or breaks off.
pub async fn read_body(request: Request, app: &Arc<App>) -> Result<Bytes, ApiError> {
    let limit = request.extensions().get::<BodyLimit>().map_or(app.body_limit, |limit| limit.0);
    Bytes::from_request(request, app).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => too_large(limit),
        _ => ApiError::invalid(vec!["body: could not be read".to_owned()]),
    })
}

/// A JSON body that keeps every rule of its schema.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest<Arc<App>> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = content_type.is_some_and(|value| value.trim_start().starts_with("application/json"));
        if !is_json {
            return Err(ApiError::invalid(vec!["Content-Type: must be application/json".to_owned()]));
        }
        let bytes = read_body(request, app).await?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::invalid(vec![format!("body: is not JSON: {error}")]))?;
        let validator = validator::<T>()?;
        let violations: Vec<_> = validator.iter_errors(&value).map(|error| describe(&error)).collect();
        if !violations.is_empty() {
            return Err(ApiError::invalid(violations));
        }
        serde_json::from_value(value)
            .map(Self)
            .map_err(|error| ApiError::invalid(vec![format!("body: {error}")]))
    }
}

fn validator<T: ToSchema + 'static>() -> Result<Arc<Validator>, ApiError> {
    let id = TypeId::of::<T>();
    let known = VALIDATORS.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
    if let Some(validator) = known {
        return Ok(validator);
    }
    let validator = Arc::new(compile::<T>().map_err(|error| ApiError::internal(&error))?);
    VALIDATORS.write().unwrap_or_else(PoisonError::into_inner).insert(id, validator.clone());
    Ok(validator)
}

/// The schema of `T`, with the schemas it refers to where its references point.
fn compile<T: ToSchema>() -> Result<Validator, Box<dyn std::error::Error + Send + Sync>> {
    let mut referred = Vec::new();
    T::schemas(&mut referred);
    let mut components = Map::new();
    for (name, schema) in referred {
        components.insert(name, serde_json::to_value(schema)?);
    }
    let mut schema = serde_json::to_value(T::schema())?;
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("components".to_owned(), json!({ "schemas": components }));
    }
    Ok(jsonschema::validator_for(&schema)?)
}

/// `field: rule`. The value itself is left out: it may be long, and it may be personal.
fn describe(error: &ValidationError<'_>) -> String {
    let field = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
    let field = if field.is_empty() { "body" } else { &field };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            if field == "body" {
                format!("{property}: is required")
            } else {
                format!("{field}.{property}: is required")
            }
        }
        // An optional value is "null, or that": the rule of "that" is the one to tell.
        ValidationErrorKind::OneOfNotValid { context } => {
            let causes = context.iter().flatten();
            match causes.into_iter().find(|cause| !matches!(cause.kind(), ValidationErrorKind::Type { .. })) {
                Some(cause) => describe(cause),
                None => format!("{field}: is of the wrong type"),
            }
        }
        _ => format!("{field}: {}", error.masked_with("the value")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, ToSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Sample {
        #[schema(min_length = 2, max_length = 5)]
        name: String,
        colour: Option<Colour>,
        #[schema(minimum = 1, maximum = 2)]
        number: i32,
    }

    #[derive(Deserialize, ToSchema)]
    enum Colour {
        Red,
        Blue,
    }

    fn violations(value: &Value) -> Vec<String> {
        compile::<Sample>().unwrap().iter_errors(value).map(|error| describe(&error)).collect()
    }

    #[test]
    fn every_violated_rule_is_listed_without_the_value() {
        let listed = violations(&json!({ "name": "a secret", "colour": "Green", "number": 3 }));
        assert_eq!(listed.len(), 3, "{listed:?}");
        assert!(listed.iter().any(|line| line.starts_with("name: ") && line.contains('5')), "{listed:?}");
        assert!(listed.iter().any(|line| line.starts_with("colour: ") && line.contains("Red")), "{listed:?}");
        assert!(listed.iter().any(|line| line.starts_with("number: ") && line.contains('2')), "{listed:?}");
        assert!(!listed.concat().contains("secret"), "{listed:?}");
    }

    #[test]
    fn a_missing_field_is_named() {
        assert_eq!(violations(&json!({ "number": 1 })), ["name: is required"]);
        assert!(violations(&json!({ "name": "abc", "number": 1, "colour": null })).is_empty());
    }
}
