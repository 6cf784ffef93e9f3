//! Requests by method, route and status.
//!
//! What a request counts in is found without a lock and without making a label: each route has a slot for each method
//! and each status, which is filled when it is first needed.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::seconds;

/// The methods that have a label of their own.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
/// The label of the others, whose names are up to the client.
const OTHER_METHOD: &str = "other";

/// The statuses that this service answers with. Others, of handlers to come, take the long way to their counter.
const STATUSES: [u16; 19] =
    [101, 200, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 429, 500, 501, 502, 503, 504];

/// Where what has no route is counted.
const NO_ROUTE: &str = "none";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: Arc<str>,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: Arc<str>,
}

#[derive(Debug)]
pub(crate) struct Requests {
    routes: HashMap<String, Arc<Route>>,
    none: Arc<Route>,
    families: Arc<Families>,
}

#[derive(Debug)]
struct Families {
    answered: Family<Answered, Counter>,
    seconds: Family<Asked, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

/// What one route is counted in.
#[derive(Debug)]
struct Route {
    name: Arc<str>,
    methods: [OnceLock<Operation>; METHODS.len() + 1],
}

#[derive(Debug)]
struct Operation {
    seconds: Histogram,
    statuses: [OnceLock<Counter>; STATUSES.len()],
    canceled: OnceLock<Counter>,
}

impl Requests {
    pub(super) fn new(registry: &mut Registry, routes: impl IntoIterator<Item = String>) -> Self {
        let families = Arc::new(Families {
            answered: Family::default(),
            seconds: Family::new_with_constructor(seconds as fn() -> Histogram),
            in_flight: Gauge::default(),
        });
        registry.register("http_requests", "Requests", families.answered.clone());
        let help = "From a request's head to its answer's";
        registry.register("http_request_duration_seconds", help, families.seconds.clone());
        let help = "Requests that are not answered yet";
        registry.register("http_requests_in_flight", help, families.in_flight.clone());
        let route = |name: &str| Arc::new(Route { name: name.into(), methods: Default::default() });
        let routes = routes.into_iter().map(|name| (name.clone(), route(&name))).collect();
        Self { routes, none: route(NO_ROUTE), families }
    }

    /// Starts to time a request for the route of that template, if there is one.
    pub(crate) fn start(&self, method: &Method, template: Option<&str>) -> Timed {
        let route = template.and_then(|template| self.routes.get(template)).unwrap_or(&self.none);
        self.families.in_flight.inc();
        Timed {
            families: Arc::clone(&self.families),
            route: Arc::clone(route),
            method: METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len()),
            started: Instant::now(),
            status: None,
        }
    }
}

/// A request under way. It is counted when this is dropped: as canceled, where it was never answered.
#[derive(Debug)]
pub(crate) struct Timed {
    families: Arc<Families>,
    route: Arc<Route>,
    method: usize,
    started: Instant,
    status: Option<StatusCode>,
}

impl Timed {
    /// The route's template, or `none`.
    pub(crate) fn route(&self) -> &str {
        &self.route.name
    }

    /// The request has been answered. Says how long that took.
    pub(crate) fn answered(mut self, status: StatusCode) -> Duration {
        self.status = Some(status);
        self.started.elapsed()
    }

    fn counter(&self, status: String) -> Counter {
        let (method, route) = (self.method_name(), Arc::clone(&self.route.name));
        self.families.answered.get_or_create_owned(&Answered { method, route, status })
    }

    fn method_name(&self) -> &'static str {
        METHODS.get(self.method).copied().unwrap_or(OTHER_METHOD)
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.families.in_flight.dec();
        let Some(operation) = self.route.methods.get(self.method) else { return };
        let operation = operation.get_or_init(|| {
            let (method, route) = (self.method_name(), Arc::clone(&self.route.name));
            Operation {
                seconds: self.families.seconds.get_or_create_owned(&Asked { method, route }),
                statuses: Default::default(),
                canceled: OnceLock::new(),
            }
        });
        let Some(status) = self.status.map(|status| status.as_u16()) else {
            operation.canceled.get_or_init(|| self.counter("canceled".to_owned())).inc();
            return;
        };
        operation.seconds.observe(self.started.elapsed().as_secs_f64());
        let slot =
            STATUSES.iter().position(|known| *known == status).and_then(|slot| operation.statuses.get(slot));
        match slot {
            Some(slot) => slot.get_or_init(|| self.counter(status.to_string())).inc(),
            None => self.counter(status.to_string()).inc(),
        };
    }
}
