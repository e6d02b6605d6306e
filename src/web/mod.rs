//! The page and the API of the daemon: what is known, shown. Reads the published view and nothing else; everything that
//! does something goes through [`Control`].
//!
//! Routes are a fixed table. Text from accounts is hostile: it only ever becomes a text or an attribute's value in a
//! typed template, or a JSON string.

mod api;
mod assets;
mod control;
mod guard;
mod json;
mod listing;
mod ops;
mod page;
mod problem;
mod query;
pub mod server;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

pub use control::{Control, Encoding, Progress, Refused, Site, Steer, SweepStarted};
use problem::Problem;

/// One path, its methods beside `HEAD`, and what answers.
struct Route {
    path: &'static str,
    methods: &'static [&'static str],
    handler: MethodRouter<Site>,
}

const fn route(
    path: &'static str,
    methods: &'static [&'static str],
    handler: MethodRouter<Site>,
) -> Route {
    Route { path, methods, handler }
}

fn table() -> Vec<Route> {
    vec![
        route("/", &["GET"], get(page::overview)),
        route("/accounts/{id}", &["GET"], get(page::account)),
        route("/changes", &["GET"], get(page::changes)),
        route("/assets/{name}", &["GET"], get(assets::asset)),
        route("/metrics", &["GET"], get(ops::metrics)),
        route("/-/healthy", &["GET"], get(ops::healthy)),
        route("/-/ready", &["GET"], get(ops::ready)),
        route("/-/reload", &["POST"], post(ops::reload)),
        route("/api/v1/report", &["GET"], get(api::report)),
        route("/api/v1/accounts", &["GET"], get(api::accounts)),
        route("/api/v1/accounts/list/confirm", &["POST"], post(api::confirm_list)),
        route("/api/v1/accounts/{id}", &["GET"], get(api::account)),
        route("/api/v1/accounts/{id}/scan", &["POST"], post(api::scan)),
        route("/api/v1/findings", &["GET"], get(api::findings)),
        route("/api/v1/sweeps", &["GET", "POST"], get(api::sweeps).post(api::start_sweep)),
        route("/api/v1/changes", &["GET"], get(api::changes)),
        route("/api/v1/remediation", &["GET"], get(api::remediation)),
        route("/api/v1/remediation/stop", &["POST"], post(api::stop)),
        route("/api/v1/remediation/resume", &["POST"], post(api::resume)),
        route("/api/v1/remediation/reset", &["POST"], post(api::reset)),
        route("/api/v1/openapi.json", &["GET"], get(api::openapi)),
    ]
}

/// Every path with its methods, as the router has them.
pub fn routes() -> Vec<(&'static str, &'static [&'static str])> {
    table().into_iter().map(|route| (route.path, route.methods)).collect()
}

/// Everything that is served.
pub fn router(site: Site) -> Router {
    let routes = table()
        .into_iter()
        .fold(Router::new(), |router, Route { path, handler, .. }| router.route(path, handler));
    routes
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not have this method")
        })
        .layer(from_fn_with_state(site.clone(), guard::guard))
        .with_state(site)
}
