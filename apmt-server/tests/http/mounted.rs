//! The router within a service of somebody else's.

use apmt_client::Client;
use apmt_server::{RouterOptions, router};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::get;
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

async fn ask(service: &Router, request: Request<Body>) -> (u16, String, String) {
    let response: Response<Body> = TowerToHyperService::new(service.clone()).call(request).await.unwrap();
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, content_type.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}

fn to(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn under_a_path_beside_other_routes() {
    let apmt = router(Client::open("memory:").unwrap(), RouterOptions::new());
    let service = Router::new().route("/", get(|| async { "ours" })).nest("/apmt", apmt);
    assert_eq!(ask(&service, to("/")).await.2, "ours");
    let event =
        Request::post("/apmt/event").body(Body::from(r#"{"type":"OVERRIDE","actor":"anne"}"#)).unwrap();
    assert_eq!(ask(&service, event).await.0, 200);
    let (status, _, dossier) = ask(&service, to("/apmt/dossier/anne")).await;
    assert!(status == 200 && dossier.contains(r#""overrides":1"#), "{dossier}");
    let (_, _, metrics) = ask(&service, to("/apmt/metrics")).await;
    let counted = r#"apmt_http_requests_total{method="GET",route="/dossier/{actor}",status="200"} 1"#;
    assert!(metrics.contains(counted), "a route is counted as it is called here: {metrics}");
    let (status, content_type, _) = ask(&service, to("/apmt/nothing")).await;
    assert_eq!((status, content_type.as_str()), (404, "application/problem+json"));
    let (status, content_type, _) = ask(&service, to("/apmt/event")).await;
    assert_eq!((status, content_type.as_str()), (405, "application/problem+json"));
}

#[tokio::test]
async fn as_the_fallback_of_other_routes() {
    let apmt = router(Client::open("memory:").unwrap(), RouterOptions::new());
    let service = Router::new().route("/", get(|| async { "ours" })).fallback_service(apmt);
    assert_eq!(ask(&service, to("/")).await.2, "ours");
    assert_eq!(ask(&service, to("/healthz")).await.0, 200);
    assert_eq!(ask(&service, to("/nothing")).await.1, "application/problem+json");
}
