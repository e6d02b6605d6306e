//! The page and the API of the daemon: what is known, shown. Reads the published view and nothing else; everything that
//! does something goes through [`Control`].
//!
//! Routes are a fixed table. Text from accounts is hostile: it only ever becomes a text or an attribute's value in a
//! typed template, or a JSON string.

mod api;
mod assets;
mod background;
mod body;
mod control;
mod gate;
mod guard;
mod json;
mod limits;
mod listing;
mod ops;
mod origin;
mod page;
mod problem;
mod query;
mod renderings;
pub mod server;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

pub use control::{Control, Encoding, Progress, Refused, Site, Steer, SweepStarted};
use gate::{Gate, Growth, Passage};
pub use limits::{Limit, Refusals};
use problem::Problem;
use renderings::Renderings;

/// The state of handlers: the daemon, and the bodies they share.
#[derive(Clone)]
struct Served {
    site: Site,
    renderings: Arc<Renderings>,
}

impl FromRef<Served> for Site {
    fn from_ref(served: &Served) -> Self {
        served.site.clone()
    }
}

impl FromRef<Served> for Arc<Renderings> {
    fn from_ref(served: &Served) -> Self {
        Arc::clone(&served.renderings)
    }
}

/// One path, its methods beside `HEAD`, how its body grows, and what answers.
struct Route {
    path: &'static str,
    methods: &'static [&'static str],
    growth: Growth,
    handler: MethodRouter<Served>,
}

const fn route(
    path: &'static str,
    methods: &'static [&'static str],
    growth: Growth,
    handler: MethodRouter<Served>,
) -> Route {
    Route { path, methods, growth, handler }
}

fn table() -> Vec<Route> {
    use Growth::{Fixed, Metrics, Own, Shared};
    vec![
        route("/", &["GET"], Shared, get(page::overview)),
        route("/accounts/{id}", &["GET"], Own, get(page::account)),
        route("/changes", &["GET"], Own, get(page::changes)),
        route("/assets/{name}", &["GET"], Fixed, get(assets::asset)),
        route("/metrics", &["GET"], Metrics, get(ops::metrics)),
        route("/-/healthy", &["GET"], Fixed, get(ops::healthy)),
        route("/-/ready", &["GET"], Fixed, get(ops::ready)),
        route("/-/reload", &["POST"], Fixed, post(ops::reload)),
        route("/api/v1/report", &["GET"], Shared, get(api::report)),
        route("/api/v1/accounts", &["GET"], Shared, get(api::accounts)),
        route("/api/v1/accounts/list/confirm", &["POST"], Fixed, post(api::confirm_list)),
        route("/api/v1/accounts/{id}", &["GET"], Own, get(api::account)),
        route("/api/v1/accounts/{id}/scan", &["POST"], Fixed, post(api::scan)),
        route("/api/v1/findings", &["GET"], Shared, get(api::findings)),
        route("/api/v1/sweeps", &["GET", "POST"], Fixed, get(api::sweeps).post(api::start_sweep)),
        route("/api/v1/changes", &["GET"], Own, get(api::changes)),
        route("/api/v1/remediation", &["GET"], Fixed, get(api::remediation)),
        route("/api/v1/remediation/stop", &["POST"], Fixed, post(api::stop)),
        route("/api/v1/remediation/resume", &["POST"], Fixed, post(api::resume)),
        route("/api/v1/remediation/reset", &["POST"], Fixed, post(api::reset)),
        route("/api/v1/openapi.json", &["GET"], Fixed, get(api::openapi)),
    ]
}

/// Every path with its methods, as the router has them.
pub fn routes() -> Vec<(&'static str, &'static [&'static str])> {
    table().into_iter().map(|route| (route.path, route.methods)).collect()
}

/// Everything that is served.
pub fn router(site: Site) -> Router {
    let renderings = Arc::new(Renderings::new());
    let (answers, scrapes) =
        (Arc::new(Gate::new(gate::ANSWERS)), Arc::new(Gate::new(gate::SCRAPES)));
    let limited = |growth: Growth, handler: MethodRouter<Served>| {
        let gate = match growth {
            Growth::Fixed => return handler,
            Growth::Shared | Growth::Own => Arc::clone(&answers),
            Growth::Metrics => Arc::clone(&scrapes),
        };
        let passage = Passage { gate, renderings: Arc::clone(&renderings), growth };
        handler.route_layer(from_fn_with_state(passage, gate::pass))
    };
    let routes = table().into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, limited(route.growth, route.handler))
    });
    routes
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not have this method")
        })
        .layer(from_fn_with_state(site.clone(), guard::guard))
        .with_state(Served { site, renderings })
}
