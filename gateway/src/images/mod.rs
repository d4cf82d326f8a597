//! Images that admins upload: where they go, and who may put them there.
//!
//! An upload is announced first. The answer is an address at which one image may be put, for a while: on this gateway,
//! which keeps it in a folder, or at an S3-compatible store, which checks the signature itself.

mod folder;
mod kind;
mod s3;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use folder::{Folder, Kept, UploadError};
pub use kind::ImageKind;
use s3::S3;
pub use s3::S3Settings;
use shared::Error;
use shared::config::{Secret, Source};
use shared::id;
use shared::time::{Clock, Timestamp};

/// How long an upload may be begun after it was announced.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How images are kept.
#[derive(Clone, Debug)]
pub struct ImageSettings {
    /// `IMAGE_MAX_BYTES`: the most bytes of an image.
    pub max_bytes: usize,
    /// `IMAGE_STORE`, with what belongs to it.
    pub store: StoreSettings,
}

/// Where images are kept.
#[derive(Clone, Debug)]
pub enum StoreSettings {
    /// `IMAGE_FOLDER` on this gateway, which clients reach at `PUBLIC_URL`.
    Folder { folder: PathBuf, public_url: Option<String> },
    /// An S3-compatible store.
    S3(S3Settings),
}

impl ImageSettings {
    /// Reads the settings.
    pub fn read(source: &mut Source) -> Option<Self> {
        let max_bytes = source.or("image.max.bytes", 5 * 1024 * 1024);
        let kind = source.or("image.store", "folder".to_owned());
        let folder = PathBuf::from(source.or("image.folder", ".mesh/images".to_owned()));
        let public_url = source.optional("public.url");
        let s3 = S3Settings::read(source, kind == "s3");
        let store = match kind.as_str() {
            "folder" => StoreSettings::Folder { folder, public_url },
            "s3" => StoreSettings::S3(s3?),
            _ => {
                source.refuse("image.store", "must be folder or s3");
                return None;
            }
        };
        Some(Self { max_bytes, store })
    }
}

/// Where one image may be put.
#[derive(Debug)]
pub struct Upload {
    /// To be sent the image with PUT and its media type.
    pub upload_url: String,
    /// Where it will be found.
    pub public_url: String,
    /// When the upload must have begun.
    pub expires_at: Timestamp,
}

/// The images of the mesh.
pub struct Images {
    max_bytes: usize,
    store: Store,
    clock: Clock,
}

enum Store {
    Folder(Folder),
    S3(Box<S3>),
}

impl Images {
    /// Opens the store; a folder is created. `key` signs what the folder lets in, `address` is where this gateway
    /// listens.
    ///
    /// # Errors
    /// When the folder cannot be created, or an address of the store is none.
    pub fn open(
        settings: ImageSettings,
        key: &Secret,
        clock: Clock,
        address: SocketAddr,
    ) -> Result<Self, Error> {
        let store = match settings.store {
            StoreSettings::Folder { folder, public_url } => {
                let public_url = public_url.unwrap_or_else(|| format!("http://{address}"));
                Store::Folder(Folder::open(folder, public_url.trim_end_matches('/'), key)?)
            }
            StoreSettings::S3(settings) => Store::S3(Box::new(S3::new(settings)?)),
        };
        Ok(Self { max_bytes: settings.max_bytes, store, clock })
    }

    /// The most bytes of an image.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Announces an upload: a new name, where the image may be put and where it will be found.
    ///
    /// # Errors
    /// [`Error::Internal`] when the upload cannot be signed.
    pub fn announce(&self, kind: ImageKind) -> Result<Upload, Error> {
        let name = format!("{}.{}", id::new_id(), kind.extension());
        let expires_at = self.clock.now().plus(LIFETIME);
        let (upload_url, public_url) = match &self.store {
            Store::Folder(folder) => folder.announce(&name, expires_at)?,
            Store::S3(s3) => s3.announce(&name, kind, LIFETIME)?,
        };
        Ok(Upload { upload_url, public_url, expires_at })
    }

    /// The folder, if that is where images are.
    pub fn folder(&self) -> Option<&Folder> {
        match &self.store {
            Store::Folder(folder) => Some(folder),
            Store::S3(_) => None,
        }
    }
}
