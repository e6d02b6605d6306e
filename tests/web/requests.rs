//! What every request and every answer is held to.

use axum::body::Body;
use axum::http::Request;

use serde_json::json;

use super::support::{Fake, TOKEN, Web};
use super::world;

const PATHS: [&str; 11] = [
    "/",
    "/accounts/100000000001",
    "/assets/style.css",
    "/metrics",
    "/-/healthy",
    "/-/ready",
    "/api/v1/report",
    "/api/v1/accounts",
    "/api/v1/sweeps",
    "/nowhere",
    "/api/v1/nowhere",
];

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_a_browser_safe() {
    let web = Web::of(5);
    for path in PATHS {
        let answer = web.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"));
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        for absent in ["server", "access-control-allow-origin", "set-cookie"] {
            assert_eq!(answer.header(absent), "", "{path}: {absent}");
        }
        let caching = match path {
            "/assets/style.css" | "/api/v1/report" => "no-cache",
            _ => "no-store",
        };
        assert_eq!(answer.header("cache-control"), caching, "{path}");
    }
}

#[tokio::test]
async fn only_hosts_of_ours_are_served() {
    let web = Web::of(5);
    let cases = [
        ("127.0.0.1:9797", 200),
        ("localhost", 200),
        ("[::1]:9797", 200),
        ("rolewarden.example.com", 200),
        ("attacker.example", 421),
        ("127.0.0.1.attacker.example", 421),
        ("", 421),
    ];
    for (host, want) in cases {
        let answer = web.ask("GET", "/api/v1/accounts", &[("host", host)]).await;
        assert_eq!(answer.status, want, "case `{host}`");
    }
    let absolute = "http://attacker.example/api/v1/accounts";
    assert_eq!(web.get(absolute).await.status, 421, "the target overrules the header");
    let request = Request::builder().uri("/").body(Body::empty()).unwrap();
    assert_eq!(web.send(request).await.status, 400, "no host at all");
    let request = Request::builder().uri("/").header("host", "localhost");
    let request = request.header("host", "127.0.0.1").body(Body::empty()).unwrap();
    assert_eq!(web.send(request).await.status, 400, "two hosts");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_refused_with_those_it_has() {
    let web = Web::of(5);
    let cases = [
        ("POST", "/", "GET,HEAD"),
        ("DELETE", "/api/v1/accounts/100000000001", "GET,HEAD"),
        ("OPTIONS", "/api/v1/report", "GET,HEAD"),
        ("TRACE", "/metrics", "GET,HEAD"),
        ("PUT", "/api/v1/sweeps", "GET,HEAD,POST"),
        ("GET", "/-/reload", "POST"),
        ("GET", "/api/v1/accounts/100000000001/scan", "POST"),
    ];
    for (method, path, allow) in cases {
        let answer = web.ask(method, path, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow")),
            (405, allow),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let web = Web::of(5);
    for path in ["/", "/metrics", "/api/v1/report", "/api/v1/accounts", "/-/ready"] {
        let (head, get) = (web.ask("HEAD", path, &[]).await, web.get(path).await);
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn a_request_with_a_body_is_not_read() {
    let web = Web::of(5);
    for (method, path) in [("GET", "/"), ("POST", "/api/v1/sweeps"), ("POST", "/-/reload")] {
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let answer = web.send(request.body(Body::from("x")).unwrap()).await;
        assert_eq!(answer.status, 413, "{method} {path}");
    }
    assert!(web.control.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_bad_request_is_told_what_was_expected() {
    let web = Web::of(5);
    let cases = [
        ("/api/v1/accounts?state=green", "`state`: expected one of drifted, unknown,"),
        ("/api/v1/accounts?state=", "`state`: expected one of"),
        ("/api/v1/accounts?check=trust", "`check`: expected one of role-exists,"),
        ("/api/v1/accounts?severity=HIGH", "`severity`: expected one of critical,"),
        ("/api/v1/accounts?reason=denied", "`reason`: expected one of assume_denied,"),
        ("/api/v1/accounts?skipped=yes", "`skipped`: expected one of true, false"),
        ("/api/v1/accounts?limit=0", "`limit`: expected a whole number from 1 to 1000"),
        ("/api/v1/accounts?limit=1001", "`limit`: expected a whole number from 1 to 1000"),
        ("/api/v1/accounts?limit=%2B5", "`limit`: expected a whole number from 1 to 1000"),
        ("/api/v1/accounts?limit=99999999999999999999", "`limit`: expected a whole number"),
        ("/api/v1/accounts?after=x", "`after`: expected what `next` was"),
        ("/api/v1/accounts?sate=drifted", "no parameter `sate`"),
        ("/api/v1/accounts?q=a&q=b", "`q` is given twice"),
        ("/api/v1/accounts?q=%ff", "not UTF-8"),
        ("/api/v1/accounts/1", "`id`: expected an account id"),
        ("/api/v1/accounts/%ff", "`id`: expected an account id"),
        ("/api/v1/findings?account=1", "`account`: expected an account id"),
        ("/api/v1/findings?exempt=1", "`exempt`: expected one of true, false"),
        ("/api/v1/findings?after=100000000001.zz", "`after`: expected what `next` was"),
        ("/api/v1/findings?state=drifted", "no parameter `state`"),
        ("/api/v1/sweeps?after=1", "`after`: expected what `next` was"),
        ("/api/v1/report?pretty=1", "no parameter `pretty`"),
        ("/api/v1/changes?x", "no parameter `x`"),
        ("/?page=0", "`page`: expected a whole number from 1 to"),
        ("/?order=name", "`order`: expected one of worst, oldest"),
        ("/?utm_source=x", "no parameter `utm_source`"),
        ("/accounts/100000000001?x=1", "no parameter `x`"),
        ("/metrics?x=1", "no parameter `x`"),
        ("/-/ready?x=1", "no parameter `x`"),
    ];
    for (target, want) in cases {
        let answer = web.get(target).await;
        assert_eq!(answer.status, 400, "case `{target}`");
        let said = answer.text().to_owned();
        assert!(said.contains(want), "case `{target}`: {said}");
        if target.starts_with("/api/") {
            let error = &answer.json()["error"];
            assert_eq!(error["status"], 400, "case `{target}`");
            assert_eq!(error["id"].as_str().unwrap().len(), 16, "case `{target}`");
        }
    }
    let long = format!("/api/v1/accounts?q={}", "a".repeat(201));
    assert_eq!(web.get(&long).await.status, 400);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_readers_language() {
    let web = Web::of(5);
    let cases = [
        ("/nowhere", "text/html; charset=utf-8"),
        ("/accounts/999999999999", "text/html; charset=utf-8"),
        ("/accounts/x", "text/html; charset=utf-8"),
        ("/assets/../Cargo.toml", "text/html; charset=utf-8"),
        ("/assets/%2e%2e%2fCargo.toml", "text/html; charset=utf-8"),
        ("/-/nowhere", "text/plain; charset=utf-8"),
        ("/api/v1/nowhere", "application/json"),
        ("/api/v1/accounts/999999999999", "application/json"),
    ];
    for (path, kind) in cases {
        let answer = web.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, kind), "{path}");
    }
}

#[tokio::test]
async fn posts_need_the_token() {
    let posts = [
        "/-/reload",
        "/api/v1/sweeps",
        "/api/v1/accounts/100000000001/scan",
        "/api/v1/accounts/list/confirm",
    ];
    let web = Web::of(5);
    let wrong = [
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        "Bearer a-token-that-is-long-enougH",
        "Bearer a-token-that-is-long-enough-too",
        "Basic YTph",
    ];
    for path in posts {
        for given in wrong {
            let answer = web.ask("POST", path, &[("authorization", given)]).await;
            assert_eq!(answer.status, 401, "{path} with `{given}`");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{path} with `{given}`");
            assert!(!answer.text().contains(TOKEN));
        }
    }
    assert!(web.control.asked.lock().unwrap().is_empty());
    let off = Web::new(world::view(5), Fake { no_token: true, ..Fake::default() });
    for path in posts {
        assert_eq!(off.post(path).await.status, 403, "{path}");
    }
    assert!(off.control.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn with_the_token_the_daemon_is_asked() {
    let web = Web::of(5);
    let sweep = web.post("/api/v1/sweeps").await;
    assert_eq!((sweep.status.as_u16(), sweep.json()["id"].as_str().unwrap().len()), (202, 26));
    let scan = web.post("/api/v1/accounts/100000000001/scan").await;
    assert_eq!((scan.status.as_u16(), &scan.json()["account"]), (202, &"100000000001".into()));
    assert_eq!(web.post("/api/v1/accounts/100000099999/scan").await.status, 404);
    assert_eq!(web.post("/-/reload").await.status, 200);
    let confirm = web.post("/api/v1/accounts/list/confirm").await;
    assert_eq!((confirm.status.as_u16(), confirm.json()), (202, json!({"accounts": 3})));
    let asked = web.control.asked.lock().unwrap().join(", ");
    assert_eq!(asked, "sweep, scan 100000000001, scan 100000099999, reload, confirm");

    let busy = Web::new(world::view(5), Fake { busy: true, ..Fake::default() });
    assert_eq!(busy.post("/api/v1/sweeps").await.status, 409);
    assert_eq!(busy.post("/api/v1/accounts/100000000001/scan").await.status, 409);
    assert_eq!(busy.post("/api/v1/accounts/list/confirm").await.status, 409);
    let reload = busy.post("/-/reload").await;
    assert_eq!(reload.status, 500);
    assert!(reload.text().contains("sweep.evry: unknown key"), "{}", reload.text());
}

#[tokio::test]
async fn machines_get_health_and_metrics() {
    let web = Web::of(5);
    assert_eq!(web.get("/-/healthy").await.text(), "healthy\n");
    assert_eq!(web.get("/-/ready").await.text(), "ready\n");
    let waiting = Web::new(world::new_view(), Fake { not_ready: true, ..Fake::default() });
    let ready = waiting.get("/-/ready").await;
    assert_eq!((ready.status.as_u16(), ready.text()), (503, "no sweep has ended yet\n"));
    assert_eq!(waiting.get("/-/healthy").await.status, 200);

    let plain = web.get("/metrics").await;
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let packed = web.ask("GET", "/metrics", &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.starts_with(b"\x1f\x8b"));
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_the_address_that_pages_name() {
    let web = Web::of(5);
    let page = super::html::read(web.get("/").await.text());
    let addresses = [page.values("script", "src"), page.values("link", "href")].concat();
    assert_eq!(addresses.len(), 3);
    for address in addresses {
        let answer = web.get(address).await;
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert!(!answer.body.is_empty(), "{address}");
        let old = web.get(&address.replace("v=", "v=0")).await;
        assert_eq!(old.header("cache-control"), "no-cache");
    }
}
