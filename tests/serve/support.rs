//! A daemon run in a lab of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Answer, ask};

#[path = "../scan/support.rs"]
#[allow(dead_code, reason = "what the scan's tests need")]
mod lab;
pub(crate) use lab::{HASTY, Lab, right_world, world_of};

/// The bearer token of the tests' daemons.
pub(crate) const TOKEN: &str = "token-of-the-tests-0123456789";

/// A deadline against hanging tests, not a measurement.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Sweeps only at the start and when asked.
pub(crate) fn config(more: &str) -> String {
    format!(
        "accounts: {{source: organization}}\nweb: {{listen: \"127.0.0.1:0\", token: {TOKEN}}}\nlog: {{format: json}}\n{more}"
    )
}

/// [`config`] whose sweeps are a day apart and hasty.
pub(crate) fn quiet() -> String {
    config("sweep: {every: 1d, jitter: 0s, max_attempts: 2}\n")
}

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    /// Starts it in the lab's folder and waits until it listens.
    pub(crate) fn start(lab: &Lab, args: &[&str]) -> Self {
        let args: Vec<&str> = std::iter::once("serve").chain(args.iter().copied()).collect();
        let mut command = lab.command(&args);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let log = Arc::new(Mutex::new(vec![]));
        let (sender, receiver) = std::sync::mpsc::channel();
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Ok(Value::Object(event)) = serde_json::from_str(&line)
                    && event.get("message").is_some_and(|message| message == "listening")
                {
                    let address = event["address"].as_str().unwrap().parse::<SocketAddr>();
                    let _ = sender.send(address.unwrap());
                }
                lines.lock().unwrap().push(line);
            }
        });
        let Ok(address) = receiver.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("the daemon did not listen: {:?}", log.lock().unwrap());
        };
        Self { child, address, log }
    }

    /// Starts it and waits until its first sweep has ended.
    pub(crate) fn swept(lab: &Lab, args: &[&str]) -> Self {
        let daemon = Self::start(lab, args);
        daemon.wait_for_log("sweep ended", 1);
        daemon
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        ask(self.address, "GET", path, &[]).unwrap()
    }

    pub(crate) fn post(&self, path: &str) -> Answer {
        let authorization = format!("Bearer {TOKEN}");
        ask(self.address, "POST", path, &[("Authorization", &authorization)]).unwrap()
    }

    /// The whole report.
    pub(crate) fn report(&self) -> Value {
        self.get("/api/v1/report").json()
    }

    /// Asks for a sweep and waits until it has ended.
    pub(crate) fn sweep(&self) {
        let before = self.logged("sweep ended").len();
        // The one before has ended when it is saved, too.
        self.wait("a sweep to be taken on", || match self.post("/api/v1/sweeps").status {
            202 => true,
            409 => false,
            other => panic!("{other}: {}", self.log()),
        });
        self.wait_for_log("sweep ended", before + 1);
    }

    /// The value of a metric's line, given with its labels.
    pub(crate) fn metric(&self, line: &str) -> Option<f64> {
        self.get("/metrics")
            .text()
            .lines()
            .find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')?.parse().ok())
    }

    /// Waits until a metric has this value: it is rendered at most once a second.
    #[track_caller]
    pub(crate) fn expect_metric(&self, line: &str, value: f64) {
        self.wait(&format!("{line} {value}"), || self.metric(line) == Some(value));
    }

    /// Every event with this message.
    pub(crate) fn logged(&self, message: &str) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        let events = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["message"] == message).collect()
    }

    /// All that was logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    #[track_caller]
    pub(crate) fn wait_for_log(&self, message: &str, times: usize) {
        self.wait(message, || self.logged(message).len() >= times);
    }

    #[track_caller]
    pub(crate) fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < end, "waited in vain for {what}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal, as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end; gives the exit status and how long it took.
    pub(crate) fn end(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), begun.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the daemon did not end:\n{}", self.log());
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.end().0, Some(0), "{}", self.log());
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
