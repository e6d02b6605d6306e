//! What no client can do to the daemon.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use rolewarden::simulator::generate;

use crate::http::{ask, connect, connect_from, parse, raw, request, rest};
use crate::support::{Daemon, Lab, quiet, right_world};

fn daemon() -> (Lab, Daemon) {
    let lab = Lab::new(right_world().0).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    (lab, daemon)
}

/// Whether the other side has closed, within this time.
fn closes(stream: &mut TcpStream, within: Duration) -> bool {
    stream.set_read_timeout(Some(within)).unwrap();
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn a_thousand_silent_connections_keep_nobody_out_and_are_gone_in_time() {
    let (_lab, daemon) = daemon();
    let begun = Instant::now();
    let mut silent: Vec<TcpStream> = (0..1_000)
        .map(|number| {
            let mut stream = connect(daemon.address).unwrap();
            if number % 2 == 0 {
                let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
            }
            stream
        })
        .collect();
    let mut times: Vec<Duration> = (0..100)
        .map(|_| {
            let asked = Instant::now();
            assert_eq!(daemon.get("/-/healthy").status, 200);
            asked.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "healthy beside 1,000 silent connections: median {:?}, p99 {:?}",
        times[50], times[98]
    );
    for stream in &mut silent {
        let left = Duration::from_secs(35).saturating_sub(begun.elapsed());
        assert!(
            closes(stream, left.max(Duration::from_millis(100))),
            "still open after {:?}",
            begun.elapsed()
        );
    }
    assert_eq!(daemon.get("/").status, 200);
    daemon.stop();
}

/// Large answers under way at once of one client.
const OF_ONE: usize = 4;

#[test]
fn slow_readers_of_one_client_have_few_answers_and_leave_others_theirs() {
    let lab = Lab::new(generate(7, 400)).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    let report = daemon.get("/api/v1/report");
    // More than the buffers on both sides take, or no reader would be slow.
    assert!(report.body.len() > 500_000, "{}", report.body.len());
    let ask_slowly = |client: u8| {
        let mut stream = connect_from([127, 0, 0, client], daemon.address).unwrap();
        stream.write_all(&request(daemon.address, "GET", "/api/v1/report", &[])).unwrap();
        stream
    };
    // The status line, and nothing more.
    let status = |stream: &mut TcpStream| {
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        String::from_utf8_lossy(&head[9..]).into_owned()
    };
    let mut slow: Vec<_> = (0..12).map(|_| ask_slowly(3)).collect();
    let statuses: Vec<_> = slow.iter_mut().map(status).collect();
    let count = |status: &str| statuses.iter().filter(|found| *found == status).count();
    assert_eq!((count("200"), count("503")), (OF_ONE, 12 - OF_ONE), "{statuses:?}");
    // Everything of everyone else goes on.
    for path in ["/-/healthy", "/-/ready", "/metrics", "/", "/api/v1/report", "/api/v1/findings"] {
        assert_eq!(daemon.get(path).status, 200, "{path}");
    }
    let refused = "rolewarden_web_requests_refused_total{limit=\"answers\"}";
    daemon.expect_metric(refused, (12 - OF_ONE) as f64);
    // A refusal says when to come again; an answer comes whole once it is read, and makes room.
    for (stream, status) in slow.into_iter().zip(&statuses) {
        let mut bytes = b"HTTP/1.1 ".to_vec();
        bytes.extend_from_slice(status.as_bytes());
        let mut stream = stream;
        stream.read_to_end(&mut bytes).unwrap();
        let answer = parse(&bytes).unwrap();
        if answer.status == 200 {
            assert_eq!(answer.body, report.body);
        } else {
            assert_eq!(answer.header("retry-after"), Some("5"));
            assert_eq!(answer.json()["error"]["status"], 503);
        }
    }
    assert_eq!(rest(ask_slowly(3)).unwrap().body, report.body);
    daemon.stop();
}

/// Something of basic auth.
fn basic(user: &str, password: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {text}")
}

#[test]
fn guesses_of_one_client_keep_no_other_out_and_a_reload_forgets_no_password() {
    let yaml = quiet().replace("token:", "config_file: web.yaml, token:");
    let lab = Lab::new(right_world().0).config(&yaml);
    // Dear enough that guesses pile up.
    let hash = bcrypt::hash("open sesame", 8).unwrap();
    let users = |more: &str| format!("basic_auth_users: {{ada: \"{hash}\"{more}}}\n");
    lab.file("web.yaml", users(""));
    let daemon = Daemon::swept(&lab, &[]);
    let right = basic("ada", "open sesame");
    let of_another = || {
        let mut stream = connect_from([127, 0, 0, 2], daemon.address).unwrap();
        let headers = [("Authorization", right.as_str())];
        stream.write_all(&request(daemon.address, "GET", "/metrics", &headers)).unwrap();
        rest(stream).unwrap()
    };
    let (stop, guesses, refused) =
        (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let (daemon, stop, guesses, refused) = (&daemon, &stop, &guesses, &refused);
            scope.spawn(move || {
                let user = if thread % 2 == 0 { "ada" } else { "stranger" };
                while !stop.load(Ordering::Relaxed) {
                    let guess = guesses.fetch_add(1, Ordering::Relaxed);
                    let guess = basic(user, &format!("guess {guess}"));
                    let headers = [("Authorization", guess.as_str())];
                    let answer = ask(daemon.address, "GET", "/-/healthy", &headers).unwrap();
                    match answer.status {
                        401 => {}
                        429 => {
                            assert_eq!(answer.header("retry-after"), Some("5"));
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        other => panic!("{other}: {answer:?}"),
                    }
                }
            });
        }
        daemon.wait("guesses to be refused", || refused.load(Ordering::Relaxed) > 100);
        assert_eq!(of_another().status, 200, "beside the guesses");
        // Another user comes, Ada's hash stays: her password is not verified again.
        lab.file("web.yaml", users(&format!(", eve: \"{hash}\"")));
        daemon.signal("HUP");
        daemon.wait_for_log("configuration reloaded", 1);
        assert_eq!(of_another().status, 200, "after the reload");
        let headers = [("Authorization", right.as_str())];
        let of_the_same = ask(daemon.address, "GET", "/-/healthy", &headers).unwrap();
        assert_eq!(of_the_same.status, 200, "what was right needs no turn");
        stop.store(true, Ordering::Relaxed);
    });
    let metrics = of_another().text();
    let counted = metrics
        .lines()
        .find_map(|line| {
            line.strip_prefix("rolewarden_web_requests_refused_total{limit=\"passwords\"} ")
        })
        .and_then(|count| count.parse::<usize>().ok());
    assert!(counted > Some(0), "{counted:?}");
    daemon.stop();
}

#[test]
fn a_head_that_never_ends_is_given_up() {
    let (_lab, daemon) = daemon();
    let mut slow = connect(daemon.address).unwrap();
    slow.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    let begun = Instant::now();
    // A byte a second: each of them is something, together they are too slow.
    while begun.elapsed() < Duration::from_secs(30) {
        if slow.write_all(b"X").is_err() || closes(&mut slow, Duration::from_millis(500)) {
            break;
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    daemon.stop();
}

#[test]
fn bad_requests_are_refused_and_the_next_is_answered() {
    let (_lab, daemon) = daemon();
    let host = daemon.address.to_string();
    let get = |path: &str, more: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")
            .into_bytes()
    };
    let many = (0..1_000).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
    let post = |more: &str, body: &str| {
        format!("POST /-/reload HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n{body}")
            .into_bytes()
    };
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("no HTTP at all", b"hello\r\n\r\n".to_vec(), &[400]),
        ("HTTP/0.9", b"GET /\r\n\r\n".to_vec(), &[400]),
        ("TLS to a plain port", vec![0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3], &[400, 0]),
        ("a URL of 1 MB", get(&format!("/{}", "a".repeat(1 << 20)), ""), &[400, 414, 431]),
        ("1,000 headers", get("/", &many), &[431, 400]),
        ("a header of 1 MB", get("/", &format!("X: {}\r\n", "y".repeat(1 << 20))), &[431]),
        ("a NUL in a header", get("/", "X: a\0b\r\n"), &[400]),
        ("an unknown method", get("/", "").replace_start("BREW"), &[405]),
        ("TRACE", get("/", "").replace_start("TRACE"), &[405]),
        (
            "CONNECT",
            format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
                .into_bytes(),
            &[400, 404, 405],
        ),
        ("OPTIONS", get("/", "").replace_start("OPTIONS"), &[405]),
        ("DELETE", get("/api/v1/report", "").replace_start("DELETE"), &[405]),
        ("nothing there", get("/nothing", ""), &[404]),
        ("dots", get("/../../etc/passwd", ""), &[400, 404]),
        ("encoded dots", get("/%2e%2e/%2e%2e/etc/passwd", ""), &[400, 404]),
        ("encoded NUL", get("/accounts/%00", ""), &[400, 404]),
        ("no UTF-8", get("/accounts/%ff", ""), &[400, 404]),
        ("an account that is none", get("/accounts/1", ""), &[400, 404]),
        ("absolute form of another host", get("http://example.com/", ""), &[400, 403, 421]),
        ("another host", get("/", "").with_host("example.com"), &[403, 421]),
        ("no host", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(), &[400, 403, 421]),
        ("two lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "x"), &[400]),
        (
            "length and chunks",
            post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            &[400, 401, 413],
        ),
        ("a strange coding", post("Transfer-Encoding: x\r\n", ""), &[400, 401, 413, 501]),
        ("a negative length", post("Content-Length: -1\r\n", ""), &[400]),
        (
            "a body nobody wants",
            post(
                &format!(
                    "Content-Length: 5\r\nAuthorization: Bearer {}\r\n",
                    crate::support::TOKEN
                ),
                "hello",
            ),
            &[413],
        ),
        ("an unknown parameter", get("/api/v1/accounts?x=1", ""), &[400]),
        ("a bad parameter", get("/api/v1/accounts?limit=-1", ""), &[400]),
    ];
    for (case, bytes, want) in cases {
        let answer = raw(daemon.address, &bytes).ok().and_then(|bytes| parse(&bytes));
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        assert!(want.contains(&status), "case `{case}`: {status}, expected {want:?}: {answer:?}");
        let text = answer.map(|answer| answer.text()).unwrap_or_default();
        assert!(!text.contains("root:"), "case `{case}`: {text}");
        assert_eq!(daemon.get("/-/healthy").status, 200, "after `{case}`");
    }
    daemon.stop();
}

/// Requests with a part changed.
trait Changed {
    fn replace_start(self, method: &str) -> Vec<u8>;
    fn with_host(self, host: &str) -> Vec<u8>;
}

impl Changed for Vec<u8> {
    fn replace_start(self, method: &str) -> Vec<u8> {
        String::from_utf8(self).unwrap().replacen("GET", method, 1).into_bytes()
    }

    fn with_host(self, host: &str) -> Vec<u8> {
        let text = String::from_utf8(self).unwrap();
        let (before, rest) = text.split_once("Host: ").unwrap();
        let (_, after) = rest.split_once("\r\n").unwrap();
        format!("{before}Host: {host}\r\n{after}").into_bytes()
    }
}
