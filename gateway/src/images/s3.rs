//! Images in an S3-compatible store: uploads are signed here (AWS Signature Version 4, query parameters) and checked
//! there.

use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use shared::Error;
use shared::config::{Secret, Source};

use super::ImageKind;

/// How the store is reached.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// `S3_ENDPOINT`, e.g. `https://s3.ap-northeast-2.amazonaws.com`.
    pub endpoint: String,
    /// `S3_BUCKET`.
    pub bucket: String,
    /// `S3_REGION`.
    pub region: String,
    /// `S3_ACCESS_KEY`.
    pub access_key: String,
    /// `S3_SECRET_KEY`.
    pub secret_key: Secret,
    /// `S3_PUBLIC_URL`: where images are found, if not in the bucket at the endpoint.
    pub public_url: Option<String>,
}

impl S3Settings {
    /// Reads the settings, which must be there if `is_used`.
    pub(super) fn read(source: &mut Source, is_used: bool) -> Option<Self> {
        let public_url = source.optional("s3.public.url");
        let region = source.or("s3.region", "us-east-1".to_owned());
        if !is_used {
            // Read all the same: a file may hold these keys while images are in a folder.
            for key in ["s3.endpoint", "s3.bucket", "s3.access.key"] {
                let _: Option<String> = source.optional(key);
            }
            source.unneeded_secret("s3.secret.key");
            return None;
        }
        let endpoint = source.required("s3.endpoint", "https://s3.ap-northeast-2.amazonaws.com");
        let bucket = source.required("s3.bucket", "hearlers-images");
        let access_key = source.required("s3.access.key", "AKIA…");
        let secret_key = source.secret("s3.secret.key", 1);
        Some(Self {
            endpoint: endpoint?,
            bucket: bucket?,
            region,
            access_key: access_key?,
            secret_key: secret_key?,
            public_url,
        })
    }
}

/// A bucket.
pub(super) struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    public_url: Option<String>,
}

impl S3 {
    pub(super) fn new(settings: S3Settings) -> Result<Self, Error> {
        let endpoint = settings
            .endpoint
            .parse()
            .map_err(|error| Error::internal(format!("S3_ENDPOINT is no address: {error}")))?;
        let bucket = Bucket::new(endpoint, UrlStyle::Path, settings.bucket, settings.region)
            .map_err(|error| Error::internal(format!("S3_BUCKET or S3_ENDPOINT cannot be used: {error}")))?;
        let credentials = Credentials::new(settings.access_key, settings.secret_key.expose());
        let public_url = settings.public_url.map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self { bucket, credentials, public_url })
    }

    /// Where the image of this name may be put, with this media type and no other, and where it will be found.
    pub(super) fn announce(
        &self,
        name: &str,
        kind: ImageKind,
        lifetime: Duration,
    ) -> Result<(String, String), Error> {
        let mut put = self.bucket.put_object(Some(&self.credentials), name);
        put.headers_mut().insert("content-type", kind.media_type());
        let upload_url = put.sign(lifetime).to_string();
        let public_url = match &self.public_url {
            Some(base) => format!("{base}/{name}"),
            None => self.bucket.object_url(name).to_string(),
        };
        Ok((upload_url, public_url))
    }
}
