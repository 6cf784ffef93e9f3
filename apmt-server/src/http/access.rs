//! Which routes ask for which scope. A route that does not say what it asks for cannot be made: the router takes routes
//! from here only.

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::around::{Around, AroundLayer, Inside, Rest};
use super::caller::identify;
use super::limits::limited;
use super::problem::Problem;
use super::rate::too_many;
use super::reads::Read;
use super::{App, Caller, openapi};
use crate::keys::Scope;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Nothing.
    Open,
    /// Any key.
    AnyKey,
    /// A key of that scope, or of one that includes it.
    Scope(Scope),
    /// The scope `read`, and each request is written into the audit log: the answer is about people.
    Audited,
}

/// Routes with their descriptions, each with what it asks of its caller.
#[derive(Default)]
pub(super) struct Routes(Vec<(Access, OpenApiRouter<App>)>);

impl Routes {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds routes that anybody may use: they must tell nothing of what is recorded.
    pub(super) fn open(self, routes: OpenApiRouter<App>) -> Self {
        self.add(Access::Open, routes)
    }

    /// Adds routes that need any key.
    pub(super) fn any_key(self, routes: OpenApiRouter<App>) -> Self {
        self.add(Access::AnyKey, routes)
    }

    /// Adds routes that need a key of that scope.
    pub(super) fn require(self, scope: Scope, routes: OpenApiRouter<App>) -> Self {
        self.add(Access::Scope(scope), routes)
    }

    /// Adds routes that read what is recorded about people: they need the scope `read`, and are audited.
    pub(super) fn audited(self, routes: OpenApiRouter<App>) -> Self {
        self.add(Access::Audited, routes)
    }

    fn add(mut self, access: Access, routes: OpenApiRouter<App>) -> Self {
        self.0.push((access, routes));
        self
    }

    /// Their descriptions, which say where a key is needed.
    pub(super) fn described(&self) -> OpenApi {
        let mut all = OpenApi::default();
        for (access, routes) in &self.0 {
            let mut described = routes.get_openapi().clone();
            if *access != Access::Open {
                openapi::ask_for_key(&mut described);
            }
            all.merge(described);
        }
        all
    }

    /// The routes, each behind what it asks of its caller, and within the limits of this server.
    pub(super) fn limited(self, app: &App) -> Router<App> {
        self.behind(app, true)
    }

    /// The routes, each behind what it asks of its caller.
    pub(super) fn unlimited(self, app: &App) -> Router<App> {
        self.behind(app, false)
    }

    fn behind(self, app: &App, limited: bool) -> Router<App> {
        self.0.into_iter().fold(Router::new(), |all, (access, routes)| {
            let gate = Gate { app: app.clone(), access, limited };
            all.merge(Router::from(routes).route_layer(AroundLayer(gate)))
        })
    }
}

/// What is before a route. It is one layer, for each costs every request.
#[derive(Clone)]
pub(super) struct Gate {
    app: App,
    access: Access,
    /// Whether the route counts among the requests that are worked on at once, and may take so long only.
    limited: bool,
}

impl Gate {
    /// Lets a request through that has any key: for what is no route.
    pub(super) fn any_key(app: App) -> AroundLayer<Self> {
        AroundLayer(Self { app, access: Access::AnyKey, limited: false })
    }

    async fn open<S: Inside>(&self, request: Request, rest: Rest<S>) -> Response {
        let answer = rest.run(request);
        if self.limited { limited(&self.app, answer).await } else { answer.await }
    }
}

impl Around for Gate {
    /// Lets a request through if its caller may, and not too often.
    async fn around<S: Inside>(self, mut request: Request, rest: Rest<S>) -> Response {
        let Self { app, access, .. } = &self;
        if *access == Access::Open {
            return self.open(request, rest).await;
        }
        let caller = match identify(app, request.method(), request.headers()) {
            Ok(caller) => caller,
            Err(problem) => return problem.into_response(),
        };
        let read = match access {
            Access::Audited => Some(Read::of(&mut request, &caller).await),
            _ => None,
        };
        let response = match admit(app, *access, &caller, &request) {
            Ok(()) => {
                let headers = request.headers_mut();
                // Nothing further in has a use for them, and what is not there cannot leak.
                headers.remove(header::AUTHORIZATION);
                headers.remove(header::COOKIE);
                request.extensions_mut().insert(caller);
                self.open(request, rest).await
            }
            Err(problem) => problem.into_response(),
        };
        if let Some(read) = read {
            read.write(response.status(), app.options.audit()).await;
        }
        response
    }
}

fn admit(app: &App, access: Access, caller: &Caller, request: &Request) -> Result<(), Problem> {
    let peer = request.extensions().get::<ConnectInfo<_>>().copied();
    app.limits.take(caller, peer).map_err(too_many)?;
    let needed = match access {
        Access::Open | Access::AnyKey => return Ok(()),
        Access::Scope(scope) => scope,
        Access::Audited => Scope::Read,
    };
    if caller.scope().includes(needed) {
        return Ok(());
    }
    let detail = format!("this needs a key of scope {needed}; this one's is {}", caller.scope());
    let challenge = HeaderValue::from_static("Bearer error=\"insufficient_scope\"");
    Err(Problem::unauthorized(StatusCode::FORBIDDEN, detail).with_header(header::WWW_AUTHENTICATE, challenge))
}
