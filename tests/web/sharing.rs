//! Answers that grow with the organization: rendered once for many readers, few under way at once, and never old.

use std::io::Read;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::http::StatusCode;
use flate2::read::GzDecoder;
use futures_util::future::join_all;
use jiff::Timestamp;
use rolewarden::model::AccountState;

use super::support::{Fake, TOKEN, Web, read, request};
use super::world;

/// Every path whose body grows.
const LARGE: [&str; 8] = [
    "/",
    "/accounts/100000000001",
    "/changes",
    "/api/v1/report",
    "/api/v1/accounts",
    "/api/v1/accounts/100000000001",
    "/api/v1/findings",
    "/api/v1/changes",
];

/// Large answers under way at once.
const MOST: usize = 16;

#[tokio::test]
async fn many_readers_of_one_view_share_one_rendering() {
    let web = Web::of(300);
    let rendered = || web.control.looked.load(Ordering::Relaxed);
    let gzip = [("accept-encoding", "gzip")];
    // What is asked for, by so many at once; how often pages were rendered by then.
    type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c str)], usize);
    let cases: [Case<'_>; 6] = [
        ("a page", "/", &[], 1),
        ("the same page again", "/", &[], 1),
        ("packed", "/", &gzip, 1),
        ("another page", "/?state=drifted", &[], 2),
        ("the first once more", "/", &[], 2),
        ("another page, packed", "/?q=a&order=oldest", &gzip, 3),
    ];
    for (case, target, headers, want) in cases {
        let answers = join_all((0..40).map(|_| web.ask("GET", target, headers))).await;
        assert_eq!(rendered(), want, "case `{case}`");
        let first = &answers[0];
        assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "case `{case}`");
        assert!(answers.iter().all(|answer| answer.body == first.body), "case `{case}`");
    }
}

#[tokio::test]
async fn a_packed_answer_says_the_same_as_a_plain_one() {
    let web = Web::of(300);
    for target in ["/", "/api/v1/report", "/api/v1/accounts?limit=1000", "/api/v1/findings"] {
        let plain = web.get(target).await;
        let packed = web.ask("GET", target, &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(
            (plain.header("content-encoding"), packed.header("content-encoding")),
            ("", "gzip")
        );
        for answer in [&plain, &packed] {
            assert_eq!(answer.header("vary"), "accept-encoding", "{target}");
            assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{target}");
        }
        assert_eq!(packed.header("content-type"), plain.header("content-type"), "{target}");
        assert!(packed.body.len() < plain.body.len(), "{target}");
        let mut unpacked = vec![];
        GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body, "{target}");
    }
    let (plain, packed) = (web.get("/api/v1/report").await, [("accept-encoding", "gzip")]);
    let tag = web.ask("GET", "/api/v1/report", &packed).await.header("etag").to_owned();
    assert_ne!(tag, plain.header("etag"), "other bytes have another tag");
    let known = [packed[0], ("if-none-match", tag.as_str())];
    assert_eq!(web.ask("GET", "/api/v1/report", &known).await.status, 304);
}

#[tokio::test(start_paused = true)]
async fn an_answer_keeps_its_place_until_its_body_is_read_and_the_next_is_refused_in_time() {
    for target in LARGE {
        let web = Web::of(5);
        let begun = tokio::time::Instant::now();
        let mut slow = join_all((0..MOST).map(|_| web.begin(request("GET", target, &[])))).await;
        assert!(slow.iter().all(|answer| answer.status() == StatusCode::OK), "{target}");
        for other in LARGE {
            let refused = web.get(other).await;
            assert_eq!(refused.status, 503, "{target}, then {other}");
            assert_eq!(refused.header("retry-after"), "5", "{target}, then {other}");
            assert!(refused.header("content-security-policy").starts_with("default-src"));
            assert!(refused.text().contains("too many large answers"), "{}", refused.text());
            if other.starts_with("/api/") {
                assert_eq!(refused.json()["error"]["status"], 503, "{other}");
            }
        }
        assert_eq!(begun.elapsed().as_secs(), 2 * LARGE.len() as u64, "{target}: a bounded wait");
        // Nothing else waits: health, scrapes, small answers, orders.
        for (method, path, want) in [
            ("GET", "/-/healthy", 200),
            ("GET", "/-/ready", 200),
            ("GET", "/metrics", 200),
            ("GET", "/api/v1/sweeps", 200),
            ("GET", "/api/v1/remediation", 200),
            ("GET", "/assets/style.css", 200),
            ("POST", "/api/v1/sweeps", 202),
            ("POST", "/api/v1/remediation/stop", 200),
        ] {
            let token = format!("Bearer {TOKEN}");
            let answer = web.ask(method, path, &[("authorization", &token)]).await;
            assert_eq!(answer.status, want, "{target}, then {method} {path}");
        }
        // A body that is read, and one that is given up, make room.
        read(slow.pop().unwrap()).await;
        drop(slow.pop());
        for _ in 0..3 {
            assert_eq!(web.get(target).await.status, 200, "{target}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn scrapes_have_places_of_their_own() {
    let web = Web::of(5);
    let slow = join_all((0..8).map(|_| web.begin(request("GET", "/metrics", &[])))).await;
    assert!(slow.iter().all(|answer| answer.status() == StatusCode::OK));
    let refused = web.get("/metrics").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    assert_eq!(web.get("/api/v1/report").await.status, 200);
    drop(slow);
    assert_eq!(web.get("/metrics").await.status, 200);
}

/// Seconds after the world's now, for the one test that moves it.
static LATER: AtomicI64 = AtomicI64::new(0);

fn later() -> Timestamp {
    world::ago(-LATER.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_rendering_is_never_older_than_what_is_known() {
    let web = Web::with_clock(world::view(300), Fake::default(), later);
    let lists = ["/api/v1/report", "/api/v1/accounts?limit=1000", "/api/v1/accounts?state=unknown"];
    // By the second: judged 240 s before now, stale after 1,800 s.
    let moments = [0, 1, 1_559, 1_560, 1_561, 1_562, 100_000, 0];
    for seconds in moments {
        LATER.store(seconds, Ordering::Relaxed);
        let fresh = Web::with_clock(world::view(300), Fake::default(), later);
        for target in lists {
            let (kept, new) = (web.get(target).await, fresh.get(target).await);
            assert_eq!(kept.json(), new.json(), "{target} after {seconds} s");
        }
        for target in ["/", "/?state=unknown"] {
            let (kept, new) = (web.get(target).await, fresh.get(target).await);
            assert_eq!(kept.text(), new.text(), "{target} after {seconds} s");
        }
    }
    // What is published is served at once, the clock standing still.
    let view = world::view(5);
    let drifted = world::count(&view, AccountState::Drifted);
    web.publish(view);
    let report = web.get("/api/v1/report").await.json();
    assert_eq!(report["accounts"].as_array().unwrap().len(), 5);
    assert_eq!(report["summary"]["states"]["drifted"], drifted);
    assert!(web.get("/").await.text().contains("5 accounts"));
}
