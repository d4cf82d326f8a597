//! Certificates of the gateway and the services, by an authority of our own: for development, and for whoever has no
//! better one.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use shared::mesh::{GATEWAY, SERVICES};
use tempfile::NamedTempFile;
use time::{Duration, OffsetDateTime};

/// How long the authority is good.
const AUTHORITY_DAYS: i64 = 3650;
/// How long a certificate is good. A new one is made by running this again, and taken over without a restart.
const CERTIFICATE_DAYS: i64 = 365;
/// Clocks differ.
const SKEW: Duration = Duration::hours(1);

/// Certificates could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The authority's key is not one, or signing failed.
    #[error("the certificates cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
}

/// Writes into `folder`: `ca.pem` and `ca-key.pem`, unless they are there, and for the gateway and each service
/// `NAME.pem` and `NAME-key.pem`, always new. Keys are for the owner's eyes only.
///
/// # Errors
/// When a file cannot be read or written; each file is then either the old or the new one.
pub fn write(folder: &Path) -> Result<(), CertsError> {
    fs::create_dir_all(folder).map_err(|source| CertsError::File { path: folder.to_owned(), source })?;
    let (params, key) = (authority(), authority_key(folder)?);
    let issuer = Issuer::from_params(&params, &key);
    for name in SERVICES.into_iter().chain([GATEWAY]) {
        let key = KeyPair::generate()?;
        let certificate = process(name)?.signed_by(&key, &issuer)?;
        put(&folder.join(format!("{name}-key.pem")), &key.serialize_pem())?;
        put(&folder.join(format!("{name}.pem")), &certificate.pem())?;
    }
    Ok(())
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "mesh development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    good_for(&mut params, AUTHORITY_DAYS);
    params
}

fn process(name: &str) -> Result<CertificateParams, CertsError> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let usage = if name == GATEWAY {
        ExtendedKeyUsagePurpose::ClientAuth
    } else {
        ExtendedKeyUsagePurpose::ServerAuth
    };
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    good_for(&mut params, CERTIFICATE_DAYS);
    Ok(params)
}

fn good_for(params: &mut CertificateParams, days: i64) {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - SKEW;
    params.not_after = now + Duration::days(days);
}

/// The authority's key; with its certificate it is made when either is missing.
fn authority_key(folder: &Path) -> Result<KeyPair, CertsError> {
    let (key_path, path) = (folder.join("ca-key.pem"), folder.join("ca.pem"));
    if key_path.exists() && path.exists() {
        let text = fs::read_to_string(&key_path);
        return Ok(KeyPair::from_pem(&text.map_err(|source| CertsError::File { path: key_path, source })?)?);
    }
    let key = KeyPair::generate()?;
    let certificate = authority().self_signed(&key)?;
    put(&key_path, &key.serialize_pem())?;
    put(&path, &certificate.pem())?;
    Ok(key)
}

/// In one step, so that nobody reads half a file. The scratch file is the owner's alone, and so is what it becomes.
fn put(path: &Path, text: &str) -> Result<(), CertsError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|source| CertsError::File { path: path.to_owned(), source })
}
