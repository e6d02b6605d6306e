//! F3: endpoints that cannot be reached. The accounts are unknown, and a dead endpoint costs few attempts.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::{HASTY, Lab, ORGANIZATION, Run, right_world};

/// Attempts of one call to an endpoint that is not there.
const ATTEMPTS: usize = 3;
/// Calls of one account that go out together.
const CALLS: usize = 4;

/// A listener that closes every connection as soon as a request comes, and counts the requests.
struct Closing {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl Closing {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || {
                    let read = stream.unwrap().read(&mut [0; 16]);
                    if read.is_ok_and(|bytes| bytes > 0) {
                        counted.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        Self { url, requests }
    }
}

/// A listener whose queue is full, so that a new connection is neither accepted nor refused. It lives as long as this.
struct Full {
    listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Full {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = vec![];
        loop {
            match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                Ok(stream) => waiting.push(stream),
                Err(error) if error.kind() == ErrorKind::TimedOut => break,
                Err(error) => panic!("{error}"),
            }
        }
        Self { listener, _waiting: waiting }
    }

    fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }
}

/// Scans one account while this service is somewhere else.
fn scan_with(service: &str, url: &str) -> (Run, Value) {
    let (world, account) = right_world();
    let lab = Lab::new(world)
        .config(&format!("{ORGANIZATION}{HASTY}"))
        .env(&format!("AWS_ENDPOINT_URL_{service}"), url);
    let run = lab.scan(&["--account", account.as_str(), "--log-level", "error"]);
    let report = serde_json::from_str(&run.stdout).unwrap_or(Value::Null);
    (run, report)
}

#[test]
fn an_account_whose_iam_cannot_be_reached_is_unknown() {
    let (plain, _) = right_world();
    let plain = Lab::new(plain);
    let full = Full::start();
    let tls = plain.running.endpoint().replace("http:", "https:");
    let cases = [
        ("refused", "http://127.0.0.1:1".to_owned(), "network"),
        ("no such name", "http://iam.rolewarden.invalid".to_owned(), "network"),
        ("no TLS there", tls, "network"),
        ("neither accepted nor refused", full.url(), "timeout"),
    ];
    for (case, url, reason) in cases {
        let (run, report) = scan_with("IAM", &url);
        assert_eq!(run.status, Some(4), "{case}: {run}");
        let accounts = report["accounts"].as_array().unwrap();
        let told: Vec<_> =
            accounts.iter().filter(|account| account["state"] == "unknown").collect();
        assert_eq!(told.len(), 1, "{case}: {run}");
        assert_eq!(told[0]["error"]["reason"], reason, "{case}: {run}");
        assert!(told[0]["error"]["hint"].is_string(), "{case}: {run}");
    }
}

#[test]
fn a_dead_endpoint_costs_few_attempts() {
    let closing = Closing::start();
    let (run, report) = scan_with("IAM", &closing.url);
    assert_eq!(run.status, Some(4), "{run}");
    assert_eq!(report["summary"]["states"]["unknown"], 1, "{run}");
    let requests = closing.requests.load(Ordering::SeqCst);
    assert!((1..=ATTEMPTS * CALLS).contains(&requests), "{requests} requests: {run}");
}

#[test]
fn without_sts_or_organizations_there_is_no_scan() {
    for service in ["STS", "ORGANIZATIONS"] {
        let closing = Closing::start();
        let (run, _) = scan_with(service, &closing.url);
        let requests = closing.requests.load(Ordering::SeqCst);
        run.fails(1, &["no connection", "hint:"]);
        assert!((1..=ATTEMPTS).contains(&requests), "{service}: {requests} requests");
    }
}
