//! The way to the mesh.

use std::env;
use std::fs;

use shared::config::Source;
use shared::messaging::{Nats, NatsSettings};
use shared::operations::Operations;

use crate::CtlError;

const NAME: &str = "meshctl";

/// Connects as the environment says, to `url` if it is given. What is done is on record as done by `operator`.
///
/// # Errors
/// When the environment is not complete, or the broker does not answer or refuses.
pub(crate) async fn connect(url: Option<String>, operator: Option<String>) -> Result<Operations, CtlError> {
    let given = url.map(|url| ("NATS_URL".to_owned(), url));
    // The file of a service has keys that are of no use here.
    let variables = env::vars().filter(|(name, _)| name.starts_with("NATS_"));
    let mut source = Source::new(variables.chain(given));
    let settings = NatsSettings::read(&mut source);
    let settings = source.finish(|| Some(settings))?;
    let nats = Box::pin(Nats::connect(&settings, NAME)).await;
    let nats = nats.map_err(|cause| CtlError::Broker { url: without_login(&settings.url), cause })?;
    Ok(Operations::new(nats, operator.unwrap_or_else(whoever_asks), NAME))
}

/// An address without a user and a password that may be in it.
fn without_login(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => url.to_owned(),
    }
}

/// `user@host`, as far as the system tells.
fn whoever_asks() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| env::var(name).ok());
    let user = user.filter(|user| !user.is_empty()).unwrap_or_else(|| "somebody".to_owned());
    // Linux tells it there; elsewhere the name of the user has to do.
    match fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(host) => format!("{user}@{}", host.trim()),
        Err(_) => user,
    }
}
