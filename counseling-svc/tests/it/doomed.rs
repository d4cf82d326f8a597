//! An instance that dies.

use std::sync::Arc;

use counseling_svc::assistant::Assistant;
use shared::service::ServiceConfig;
use shared::testkit::crash;
use shared::time::Clock;
use tokio::runtime::Runtime;

use crate::world::{Calls, Instance};

/// An instance in a runtime of its own.
pub struct Doomed {
    pub calls: Calls,
    runtime: Runtime,
    _instance: Instance,
}

impl Doomed {
    pub async fn start(config: ServiceConfig, clock: Clock, assistant: Arc<dyn Assistant>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let start = Instance::start(config, clock, assistant);
        let instance = runtime.spawn(start).await.unwrap();
        // Called from this runtime, which goes on.
        Self { runtime, calls: Calls::to(&instance.running), _instance: instance }
    }

    /// Ends whatever the instance does where it stands, as the end of its process would.
    pub async fn crash(self) {
        crash(self.runtime).await;
    }
}
