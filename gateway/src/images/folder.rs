//! Images in a folder of this gateway.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use shared::Error;
use shared::config::Secret;
use shared::time::Timestamp;

use super::ImageKind;

/// What tells an upload token from the other tokens that the same key signs.
const AUDIENCE: &str = "image-upload";

/// Images in a folder. Clones share everything.
#[derive(Clone)]
pub struct Folder {
    place: Arc<Path>,
    public_url: Arc<str>,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// An image that may be put.
pub struct AnnouncedImage {
    place: Arc<Path>,
    name: String,
    kind: ImageKind,
}

/// What an upload token (JWT, RFC 7519) says.
#[derive(Serialize, Deserialize)]
struct Claims {
    /// The name of the image that may be put.
    sub: String,
    aud: String,
    exp: i64,
}

/// Why an image was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The token is not for this name, or too old.
    #[error("the upload was not announced, or too long ago")]
    NotAnnounced,
    /// What was sent is no image of the announced kind.
    #[error("must be an image of the announced kind")]
    NotAnImage,
    /// Another image has this name already.
    #[error("another image was put there already")]
    Taken,
    /// The folder did not take it.
    #[error("the image could not be kept: {0}")]
    Failed(#[from] std::io::Error),
}

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The image is there now.
    Created,
    /// The same image was there already.
    Already,
}

impl Folder {
    /// Opens a folder, and creates it if need be.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn open(place: PathBuf, public_url: &str, key: &Secret) -> Result<Self, Error> {
        std::fs::create_dir_all(&place)
            .map_err(|error| Error::internal(format!("{} cannot be created: {error}", place.display())))?;
        let key = key.expose().as_bytes();
        Ok(Self {
            place: place.into(),
            public_url: public_url.into(),
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
        })
    }

    /// Where the image of this name may be put, and where it will be found.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key cannot sign.
    pub fn announce(&self, name: &str, until: Timestamp) -> Result<(String, String), Error> {
        let claims =
            Claims { sub: name.to_owned(), aud: AUDIENCE.to_owned(), exp: until.as_micros() / 1_000_000 };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(Error::internal)?;
        let public_url = format!("{}/v1/images/{name}", self.public_url);
        Ok((format!("{public_url}?token={token}"), public_url))
    }

    /// The image that `token` gives the right to put.
    ///
    /// # Errors
    /// [`UploadError::NotAnnounced`].
    pub fn announced(&self, name: &str, token: &str) -> Result<AnnouncedImage, UploadError> {
        let kind = ImageKind::of_name(name).ok_or(UploadError::NotAnnounced)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.leeway = 0;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation);
        if claims.map_err(|_| UploadError::NotAnnounced)?.claims.sub != name {
            return Err(UploadError::NotAnnounced);
        }
        Ok(AnnouncedImage { place: self.place.clone(), name: name.to_owned(), kind })
    }

    /// An image by its name.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn read(&self, name: &str) -> Result<Option<(ImageKind, Bytes)>, std::io::Error> {
        let Some(kind) = ImageKind::of_name(name) else { return Ok(None) };
        match tokio::fs::read(self.place.join(name)).await {
            Ok(bytes) => Ok(Some((kind, bytes.into()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AnnouncedImage {
    /// Keeps the image. A name is given to one image only; the same image again changes nothing.
    ///
    /// # Errors
    /// [`UploadError`].
    pub async fn keep(self, bytes: Bytes) -> Result<Kept, UploadError> {
        if !self.kind.begins(&bytes) {
            return Err(UploadError::NotAnImage);
        }
        let target = self.place.join(&self.name);
        let written = tokio::task::spawn_blocking(move || write(&self.place, &target, &bytes));
        written.await.map_err(std::io::Error::other)?
    }
}

/// Writes a whole image or none: under another name first, and on the disk before it gets its own.
fn write(place: &Path, target: &Path, bytes: &[u8]) -> Result<Kept, UploadError> {
    let mut file = tempfile::NamedTempFile::new_in(place)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(target) {
        Ok(_) => Ok(Kept::Created),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            if std::fs::read(target)? == bytes {
                Ok(Kept::Already)
            } else {
                Err(UploadError::Taken)
            }
        }
        Err(error) => Err(error.error.into()),
    }
}
