//! The gRPC server of a service: trace context, the mesh token, health and reflection.

mod auth;
mod count;
mod ending;
mod incoming;
mod measure;
mod trace;
mod user_data;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use auth::AuthLayer;
pub use auth::{Rule, Who};
use count::CountLayer;
pub(crate) use ending::{Ending, grpc_code, label};
use measure::MeasureLayer;
use prost::Message;
use prost_types::FileDescriptorSet;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::RoutesBuilder;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use trace::TraceLayer;
pub use user_data::{Section, UserDataGrpc, rows};

use crate::Error;
use crate::auth::MeshVerifier;
use crate::health::Health;
use crate::proto::DESCRIPTORS;
use crate::shutdown::Shutdown;
use crate::tls::Reloading;

/// How many calls one connection may have in flight; the next one is refused, not queued.
const CALLS_PER_CONNECTION: usize = 1024;
/// How often a silent connection is asked whether its other end is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The gRPC services of one process.
pub struct GrpcServer {
    rules: &'static [Rule],
    routes: RoutesBuilder,
    names: Vec<&'static str>,
}

impl GrpcServer {
    /// A server whose methods may be called as these rules say, and not otherwise.
    pub fn new(rules: &'static [Rule]) -> Self {
        Self { rules, routes: RoutesBuilder::default(), names: Vec::new() }
    }

    /// Adds a generated service.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: tower::Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Every method has its rule, and there is no rule for anything else.
    ///
    /// # Errors
    /// When that is not so.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_rules(self.rules, &self.names)
    }

    /// Serves until shutdown begins, then finishes the calls in flight, and tells by gRPC health what `health` knows.
    /// With `tls`, connections are the gateway's alone.
    ///
    /// # Errors
    /// When the descriptors are broken or the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        tokens: MeshVerifier,
        tls: Option<Arc<Reloading<ServerConfig>>>,
        health: Health,
        shutdown: Shutdown,
    ) -> Result<(), Error> {
        let (reporter, health_service) = tonic_health::server::health_reporter();
        let _told = AbortOnDropHandle::new(tokio::spawn(tell(health.clone(), reporter, self.names)));
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(Error::internal)?;
        let mut routes = self.routes;
        routes.add_service(health_service).add_service(reflection);
        let server = Server::builder()
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .load_shed(true)
            .concurrency_limit_per_connection(CALLS_PER_CONNECTION)
            // Top to bottom: everything is counted, and a refusal is logged in the span.
            .layer(CountLayer(health))
            .layer(TraceLayer)
            .layer(MeasureLayer::new(self.rules))
            .layer(AuthLayer::new(tokens, self.rules))
            .add_routes(routes.routes());
        let begun = shutdown.clone();
        let end = async move { begun.begun().await };
        let served = match tls {
            Some(tls) => {
                let incoming = incoming::encrypted(listener, tls, shutdown);
                server.serve_with_incoming_shutdown(incoming, end).await
            }
            None => {
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                server.serve_with_incoming_shutdown(incoming, end).await
            }
        };
        served.map_err(Error::internal)
    }
}

/// Tells by gRPC health whether this process should get calls.
async fn tell(health: Health, reporter: HealthReporter, names: Vec<&'static str>) {
    let mut told = None;
    loop {
        let can_serve = health.turns(told).await;
        let status = if can_serve { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in names.iter().copied().chain([""]) {
            reporter.set_service_status(name, status).await;
        }
        told = Some(can_serve);
    }
}

fn check_rules(rules: &[Rule], services: &[&str]) -> Result<(), Error> {
    let files = FileDescriptorSet::decode(DESCRIPTORS).map_err(Error::internal)?;
    let mut methods = BTreeSet::new();
    for file in &files.file {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            if services.contains(&name.as_str()) {
                methods.extend(service.method.iter().map(|method| format!("/{name}/{}", method.name())));
            }
        }
    }
    let ruled: BTreeSet<_> = rules.iter().map(|(path, _)| (*path).to_owned()).collect();
    let different: Vec<_> = methods.symmetric_difference(&ruled).collect();
    if different.is_empty() && ruled.len() == rules.len() {
        return Ok(());
    }
    Err(Error::internal(format!("the rules of authority and the methods are not the same: {different:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "hearlers.v1.UserDataService";
    const EXPORT: Rule = ("/hearlers.v1.UserDataService/ExportUserData", Who::User);

    #[test]
    fn every_method_needs_one_rule_and_every_rule_a_method() {
        assert!(check_rules(&[EXPORT], &[USERS]).is_ok());
        for rules in [&[][..], &[EXPORT, EXPORT], &[EXPORT, ("/hearlers.v1.UserDataService/X", Who::User)]] {
            assert!(check_rules(rules, &[USERS]).is_err(), "{}", rules.len());
        }
        assert!(check_rules(&[EXPORT], &[]).is_err());
    }
}
