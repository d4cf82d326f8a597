//! What the DTOs of all resources have in common.

use serde::Serialize;
use shared::time::Timestamp;
use utoipa::ToSchema;

use crate::envelope::ApiError;
use crate::upstream::promised;

/// An enum as clients spell it, `PREFIX_VALUE`, and its translation from and to the protocol's.
macro_rules! api_enum {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:tt,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $name {
            $(#[serde(rename = $text)] $variant,)*
        }

        impl From<$name> for i32 {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => shared::proto::v1::$name::$variant.into(),)*
                }
            }
        }

        impl $name {
            /// Reads the protocol's number; nothing for UNSPECIFIED and for what a newer service may send.
            pub fn of(number: i32) -> Option<Self> {
                match shared::proto::v1::$name::try_from(number).ok()? {
                    $(shared::proto::v1::$name::$variant => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use api_enum;

/// When something was made, changed and deleted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    created_at: String,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    updated_at: String,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    deleted_at: Option<String>,
}

impl Times {
    /// Translates the three times.
    ///
    /// # Errors
    /// When a service left a time out that it promises.
    pub fn new(
        created_at: Option<prost_types::Timestamp>,
        updated_at: Option<prost_types::Timestamp>,
        deleted_at: Option<prost_types::Timestamp>,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            created_at: rfc3339(promised(created_at, "created_at")?),
            updated_at: rfc3339(promised(updated_at, "updated_at")?),
            deleted_at: deleted_at.map(rfc3339),
        })
    }
}

/// RFC 3339, UTC.
pub fn rfc3339(at: prost_types::Timestamp) -> String {
    Timestamp::from(at).to_rfc3339()
}

/// Where the next page of a list begins; absent on the last page.
pub fn next_cursor(cursor: String) -> Option<String> {
    (!cursor.is_empty()).then_some(cursor)
}

/// Translates every item of a list.
///
/// # Errors
/// When one of them cannot be translated.
pub fn all<P, D: TryFrom<P, Error = ApiError>>(items: Vec<P>) -> Result<Vec<D>, ApiError> {
    items.into_iter().map(D::try_from).collect()
}

/// Whether something was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IsSuccess {
    is_success: bool,
}

impl IsSuccess {
    /// It was; what cannot be done is answered with an error.
    pub fn yes() -> Self {
        Self { is_success: true }
    }
}
