//! The instances of a service, as one channel sees them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::HeaderMap;
use tokio::time::Instant;
use tonic::Code;

use super::body::Guard;
use super::connection::Connection;
use super::deadline::CallDeadline;
use super::error::CallError;
use super::health::Health;
use super::measure::Instances;
use super::trace::Attempt;
use super::{ChannelSettings, InstanceHealth, Request, locked};
use crate::grpc::grpc_code;
use crate::mesh::Instance;

/// All instances that calls may go to.
pub(super) struct Members {
    service: Arc<str>,
    settings: ChannelSettings,
    current: Mutex<Arc<[Arc<Member>]>>,
    measure: Instances,
}

struct Member {
    service: Arc<str>,
    instance: Instance,
    connection: Connection,
    in_flight: AtomicUsize,
    health: Mutex<Health>,
    measure: Instances,
}

/// The instances that a call was given to, across its attempts; an extension of its requests.
#[derive(Clone, Default)]
pub(super) struct Tried(Arc<Mutex<Vec<Arc<Member>>>>);

impl Tried {
    fn has(&self, member: &Arc<Member>) -> bool {
        locked(&self.0).iter().any(|tried| Arc::ptr_eq(tried, member))
    }

    fn is_empty(&self) -> bool {
        locked(&self.0).is_empty()
    }

    fn add(&self, member: Arc<Member>) {
        locked(&self.0).push(member);
    }
}

impl Members {
    pub(super) fn new(service: Arc<str>, settings: ChannelSettings) -> Self {
        Self { measure: Instances::of(&service), service, settings, current: Mutex::default() }
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    /// Takes over the directory's picture. Who stays keeps its connection and its record; calls to those that left
    /// go on until they are finished.
    pub(super) fn update(&self, instances: &[Instance]) {
        let mut current = locked(&self.current);
        let known = |instance: &Instance| {
            let mut members = current.iter();
            let same = |member: &&Arc<Member>| {
                member.instance.id == instance.id && member.instance.address == instance.address
            };
            members.find(same).cloned().or_else(|| self.member(instance))
        };
        let members: Arc<[_]> = instances.iter().filter_map(known).collect();
        for member in current.iter().filter(|member| !members.iter().any(|stays| Arc::ptr_eq(stays, member)))
        {
            let Instance { service, id, address, .. } = &member.instance;
            tracing::info!(service, id, address, "an instance left");
        }
        self.measure.are(members.len());
        *current = members;
    }

    fn member(&self, instance: &Instance) -> Option<Arc<Member>> {
        let Instance { id, address, .. } = instance;
        match Connection::new(&self.service, address, &self.settings) {
            Ok(connection) => {
                tracing::info!(service = &*self.service, id, address, "an instance joined");
                Some(Arc::new(Member {
                    service: self.service.clone(),
                    instance: instance.clone(),
                    connection,
                    in_flight: AtomicUsize::new(0),
                    health: Mutex::new(Health::new(&self.settings)),
                    measure: self.measure.clone(),
                }))
            }
            Err(error) => {
                tracing::warn!(service = &*self.service, id, address, %error, "an instance has no good address");
                None
            }
        }
    }

    pub(super) fn snapshot(&self) -> Vec<InstanceHealth> {
        let health = |member: &Arc<Member>| InstanceHealth {
            id: member.instance.id.clone(),
            address: member.instance.address.clone(),
            in_flight: member.in_flight.load(Ordering::Relaxed),
            ejected: !member.is_serving(),
        };
        locked(&self.current).iter().map(health).collect()
    }

    /// Begins a call to the instance that suits it best.
    pub(super) fn begin(&self, request: &mut Request) -> Result<InFlight, CallError> {
        let call = request.extensions();
        let tried = call.get::<Tried>().cloned().unwrap_or_default();
        let members = locked(&self.current).clone();
        let Some(member) = choose(&members, &tried).cloned() else {
            return Err(CallError::NoInstance { service: self.service.clone() });
        };
        tried.add(member.clone());
        member.in_flight.fetch_add(1, Ordering::Relaxed);
        let deadline = call.get().copied();
        let attempt = Attempt::begin(request, &member.instance.address);
        Ok(InFlight { member, deadline, outcome: Outcome::Unknown, attempt })
    }
}

/// An instance whose probe is due; or else, with the first group that is not empty, the less busy of two random ones.
fn choose<'a>(members: &'a [Arc<Member>], tried: &Tried) -> Option<&'a Arc<Member>> {
    // A retry is no probe: it ought to succeed.
    if tried.is_empty() {
        let now = Instant::now();
        if let Some(member) = members.iter().find(|member| locked(&member.health).claim_probe(now)) {
            return Some(member);
        }
    }
    let serving = |member: &Arc<Member>| member.is_serving();
    let untried = |member: &Arc<Member>| !tried.has(member);
    less_busy(members, |member| serving(member) && untried(member))
        .or_else(|| less_busy(members, serving))
        // All are ejected. Perhaps it is not their fault, and nothing is better than trying.
        .or_else(|| less_busy(members, untried))
        .or_else(|| less_busy(members, |_| true))
}

/// Power of two choices: nearly as even as always taking the least busy, but many callers do not all take the same.
fn less_busy(members: &[Arc<Member>], group: impl Fn(&Arc<Member>) -> bool) -> Option<&Arc<Member>> {
    let group: Vec<_> = members.iter().filter(|member| group(member)).collect();
    if group.len() < 2 {
        return group.first().copied();
    }
    let one = rand::random_range(0..group.len());
    let other = (one + rand::random_range(1..group.len())) % group.len();
    let busy = |index: usize| group[index].in_flight.load(Ordering::Relaxed);
    Some(if busy(other) < busy(one) { group[other] } else { group[one] })
}

impl Member {
    fn is_serving(&self) -> bool {
        locked(&self.health).is_serving()
    }

    fn settle(&self, outcome: Outcome) {
        let Instance { service, id, address, .. } = &self.instance;
        let mut health = locked(&self.health);
        let did_serve = health.is_serving();
        match outcome {
            Outcome::Answered if health.succeeded() => {
                tracing::info!(service, id, address, "an ejected instance is back");
            }
            Outcome::Answered => {}
            Outcome::Failed => {
                if let Some(pause) = health.failed(Instant::now()) {
                    self.measure.one_is_ejected();
                    tracing::warn!(service, id, address, ?pause, "an instance is ejected");
                }
            }
            Outcome::Unknown => health.abandoned(Instant::now()),
        }
        self.measure.changed(did_serve, health.is_serving());
    }
}

impl Drop for Member {
    /// One that has left is not left out.
    fn drop(&mut self) {
        self.measure.changed(self.is_serving(), true);
    }
}

/// A call that an instance was given. It counts as in flight until this is dropped.
pub(super) struct InFlight {
    member: Arc<Member>,
    deadline: Option<CallDeadline>,
    outcome: Outcome,
    attempt: Attempt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Unknown,
    Answered,
    Failed,
}

impl InFlight {
    pub(super) fn connection(&self) -> &Connection {
        &self.member.connection
    }

    pub(super) fn service(&self) -> Arc<str> {
        self.member.service.clone()
    }

    pub(super) fn address(&self) -> &str {
        &self.member.instance.address
    }

    pub(super) fn answered(&mut self) {
        self.outcome = Outcome::Answered;
    }

    pub(super) fn failed(&mut self) {
        self.outcome = Outcome::Failed;
    }

    /// The instance, or what is in between, says how the call ended.
    pub(super) fn told(&mut self, code: Code) {
        self.attempt.ended(code);
    }
}

impl Guard for InFlight {
    fn ended(&mut self, trailers: &HeaderMap) {
        grpc_code(trailers).into_iter().for_each(|code| self.told(code));
    }

    fn broken(&mut self) {
        self.failed();
        self.told(Code::Unavailable);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.member.in_flight.fetch_sub(1, Ordering::Relaxed);
        // A call is dropped when its caller went away, which says nothing, or when its time ran out.
        let late = || self.deadline.is_some_and(CallDeadline::is_past);
        let outcome = match self.outcome {
            Outcome::Unknown if late() => Outcome::Failed,
            outcome => outcome,
        };
        self.told(if late() { Code::DeadlineExceeded } else { Code::Cancelled });
        self.member.settle(outcome);
    }
}
