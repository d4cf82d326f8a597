//! Who looks at which page, and the frame around every page.

use askama::Template;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use super::failed::Failed;
use super::fields::Fields;
use super::language::{Language, PARAMETER};
use super::notice;
use super::texts::Texts;
use crate::envelope::ApiError;
use crate::session::Session;

/// What a handler answers.
pub type Answer = Result<Response, Failed>;

/// Who looks at which page, in which language.
pub struct View {
    pub t: &'static Texts,
    pub fields: Fields,
    language: Language,
    path: String,
    session: Option<Session>,
}

/// What every page has around it.
pub struct Shell {
    pub t: &'static Texts,
    pub style: String,
    pub script: String,
    /// Which of the sections this is, by the key that leads there.
    pub section: &'static str,
    /// The admin's id; without it there are no sections to go to.
    pub user_id: Option<String>,
    /// What happened just now.
    pub notice: Option<String>,
    /// The same page in the other language, and that language.
    pub switch: (String, &'static Texts),
    /// After how many seconds the browser asks again by itself.
    pub retry: Option<u32>,
}

impl View {
    /// For somebody who may be anybody.
    pub fn of_nobody(language: Language, uri: &Uri) -> Self {
        let fields = Fields::of(uri.query().unwrap_or_default());
        Self { t: language.texts(), fields, language, path: uri.path().to_owned(), session: None }
    }

    /// The frame of a page of this section.
    pub fn shell(&self, section: &'static str) -> Shell {
        let other = self.language.other().texts();
        let query = self.fields.with(PARAMETER, other.tag, &notice::PARAMETERS);
        Shell {
            t: self.t,
            style: assets::style(),
            script: assets::script(),
            section,
            user_id: self.session.as_ref().map(|session| session.user_id.clone()),
            notice: notice::read(&self.fields, self.t),
            switch: (format!("{}?{query}", self.path), other),
            retry: None,
        }
    }
}

impl Shell {
    /// The sections: the key that leads there, the address and the name.
    pub fn sections(&self) -> [(&'static str, &'static str, &'static str); 6] {
        let t = self.t;
        [
            ("o", "/ops", t.overview),
            ("s", "/ops/streams", t.streams),
            ("c", "/ops/consumers", t.consumers),
            ("e", "/ops/events", t.events),
            ("d", "/ops/dead-letters", t.dead_letters),
            ("r", "/ops/record", t.record),
        ]
    }
}

impl<S: Sync> FromRequestParts<S> for View {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let missing = || ApiError::internal(&"a page of the console is not behind its layers");
        let language = *parts.extensions.get::<Language>().ok_or_else(missing)?;
        let session = parts.extensions.get::<Session>().ok_or_else(missing)?.clone();
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
        Ok(Self { session: Some(session), ..Self::of_nobody(language, uri) })
    }
}

/// A page.
///
/// # Errors
/// When the template fails.
pub fn page(template: &impl Template) -> Answer {
    page_with(StatusCode::OK, template)
}

/// A page with another status.
///
/// # Errors
/// When the template fails.
pub fn page_with(status: StatusCode, template: &impl Template) -> Answer {
    let text = template.render().map_err(|error| ApiError::internal(&error))?;
    Ok((status, Html(text)).into_response())
}
