//! Middleware that boxes its future and copies the rest of the stack once for each request; axum's `from_fn` boxes the
//! rest as well, and copies it twice.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tower::{Layer, Service, ServiceExt as _};

/// What is done around the rest of the stack.
pub(crate) trait Around: Clone + Send + Sync + 'static {
    /// Answers the request, as a rule with what the rest answers.
    fn around<S: Inside>(self, request: Request, rest: Rest<S>) -> impl Future<Output = Response> + Send;
}

/// What is inside: a service that always has an answer.
pub(crate) trait Inside: Clone + Send + Sync + 'static {
    fn answer(self, request: Request) -> impl Future<Output = Response> + Send;
}

impl<S> Inside for S
where
    S: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    async fn answer(self, request: Request) -> Response {
        match self.oneshot(request).await {
            Ok(response) => response.into_response(),
            Err(never) => match never {},
        }
    }
}

/// The rest of the stack, for one request.
pub(crate) struct Rest<S>(Arc<S>);

impl<S: Inside> Rest<S> {
    /// Lets the rest answer.
    pub(crate) async fn run(self, request: Request) -> Response {
        S::clone(&self.0).answer(request).await
    }
}

/// Puts something around services.
#[derive(Clone, Debug)]
pub(crate) struct AroundLayer<A>(pub(crate) A);

impl<A: Clone, S> Layer<S> for AroundLayer<A> {
    type Service = Surrounded<A, S>;

    fn layer(&self, inside: S) -> Self::Service {
        Surrounded { around: self.0.clone(), inside: Arc::new(inside) }
    }
}

/// A service with something around it. The service is shared, for the router copies the whole stack for each request.
#[derive(Debug)]
pub(crate) struct Surrounded<A, S> {
    around: A,
    inside: Arc<S>,
}

impl<A: Clone, S> Clone for Surrounded<A, S> {
    fn clone(&self) -> Self {
        Self { around: self.around.clone(), inside: Arc::clone(&self.inside) }
    }
}

impl<A: Around, S: Inside> Service<Request> for Surrounded<A, S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The service inside is asked whether it is ready where it is called.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (around, rest) = (self.around.clone(), Rest(Arc::clone(&self.inside)));
        Box::pin(async move { Ok(around.around(request, rest).await) })
    }
}
