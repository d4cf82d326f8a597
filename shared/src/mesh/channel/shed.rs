//! Refuses what is too much, at once: a queue would only let everybody wait past their deadlines.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::ready;
use http::{HeaderMap, Uri};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::body::{Guard, guarded};
use super::deadline::CallDeadline;
use super::error::CallError;
use super::methods::Methods;
use super::retry::Repeated;
use super::room::Room;
use super::{Answer, ChannelSettings, Request, Response, locked};
use crate::metrics::names;

/// Lets as many calls to a service be in flight as it has room for, and never more than the limit.
pub(super) struct ShedLayer {
    service: Arc<str>,
    methods: Methods,
    fewest: usize,
    limit: usize,
    deadline: Duration,
}

impl ShedLayer {
    pub(super) fn new(service: Arc<str>, methods: Methods, settings: &ChannelSettings) -> Self {
        let limit = settings.concurrency.min(Semaphore::MAX_PERMITS);
        Self { service, methods, fewest: settings.min_concurrency, limit, deadline: settings.deadline }
    }
}

impl<S> Layer<S> for ShedLayer {
    type Service = Shed<S>;

    fn layer(&self, inner: S) -> Shed<S> {
        let gauge = metrics::gauge!(names::UPSTREAM_ROOM, "service" => self.service.clone());
        let room = Room::new(self.fewest, self.limit, gauge, Instant::now());
        Shed {
            inner,
            service: self.service.clone(),
            methods: self.methods.clone(),
            limit: self.limit,
            deadline: self.deadline,
            permits: Arc::new(Semaphore::new(self.limit)),
            room: Arc::new(Mutex::new(room)),
        }
    }
}

#[derive(Clone)]
pub(super) struct Shed<S> {
    inner: S,
    service: Arc<str>,
    methods: Methods,
    limit: usize,
    deadline: Duration,
    permits: Arc<Semaphore>,
    room: Arc<Mutex<Room>>,
}

impl<S> Shed<S> {
    fn admit(&self, request: &Request) -> Result<Permit, CallError> {
        let overloaded = |limit| CallError::Overloaded { service: self.service.clone(), limit };
        let permit = self.permits.clone().try_acquire_owned().map_err(|_| overloaded(self.limit))?;
        let deadline = request.extensions().get::<CallDeadline>();
        // Who asks for more time than others waits for somebody else, such as a model, and not for the service.
        let is_patient = deadline.is_some_and(|deadline| !deadline.is_past_after(self.deadline));
        let place = if is_patient { self.enter_patiently() } else { self.enter(request) };
        Ok(Permit { _permit: permit, place: place.map_err(overloaded)? })
    }

    fn enter(&self, request: &Request) -> Result<Place, usize> {
        locked(&self.room).enter()?;
        let uri = request.uri();
        // What changes something may wait for others, too: for a provider of payments, say.
        let method = self.methods.only_reads(uri.path()).then(|| uri.clone());
        Ok(Place {
            room: self.room.clone(),
            began: Instant::now(),
            method,
            is_patient: false,
            is_answered: false,
        })
    }

    fn enter_patiently(&self) -> Result<Place, usize> {
        let mut room = locked(&self.room);
        // In the order in which they enter.
        let began = Instant::now();
        room.enter_patiently(began)?;
        drop(room);
        Ok(Place { room: self.room.clone(), began, method: None, is_patient: true, is_answered: false })
    }
}

impl<S> Service<Request> for Shed<S>
where
    S: Service<Request, Response = Response, Error = CallError, Future = Answer>,
{
    type Response = Response;
    type Error = CallError;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answer {
        match self.admit(&request) {
            Ok(permit) => self
                .inner
                .call(request)
                .map(|result| {
                    result.map(|response| {
                        let permit = permit.judging(&response);
                        guarded(response, permit)
                    })
                })
                .boxed(),
            Err(overloaded) => ready(Err(overloaded)).boxed(),
        }
    }
}

/// What a call that is in flight holds.
struct Permit {
    _permit: OwnedSemaphorePermit,
    place: Place,
}

impl Permit {
    /// A call that was sent again tells that an instance is gone, and not how busy the others are.
    fn judging(mut self, response: &Response) -> Self {
        if response.extensions().get::<Repeated>().is_some() {
            self.place.method = None;
        }
        self
    }
}

impl Guard for Permit {
    fn ended(&mut self, _trailers: &HeaderMap) {
        self.place.is_answered = true;
    }
}

/// A place in the room of a service.
struct Place {
    room: Arc<Mutex<Room>>,
    began: Instant,
    /// The method that was called, if it tells how busy the service is.
    method: Option<Uri>,
    is_patient: bool,
    is_answered: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut room = locked(&self.room);
        if self.is_patient {
            return room.leave_patiently(self.began);
        }
        room.leave();
        if let Some(method) = self.method.as_ref().filter(|_| self.is_answered) {
            room.answered(method.path(), now.saturating_duration_since(self.began), now);
        }
    }
}
