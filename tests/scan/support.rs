//! A simulated organization, a folder with a configuration, and the binary run against them.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rolewarden::model::AccountId;
use rolewarden::simulator::{Calls, Kind, Operation, Running, Server, World, generate};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The secret half of the base credentials; nothing may print it.
pub(crate) const SECRET_KEY: &str = "SimulatedSecretKeyOfTheHubUser0000000001";
/// How every session token of the simulator begins.
pub(crate) const TOKEN_PREFIX: &str = "SimulatedSessionToken";
/// Few attempts: what always fails must not take long.
pub(crate) const QUICK: &str = "sweep: {max_attempts: 2}\n";
/// Short deadlines, for what hangs; long enough for what answers, on a busy machine too.
pub(crate) const HASTY: &str =
    "sweep: {account_timeout: 5s, attempt_timeout: 1s, max_attempts: 2}\n";
/// The shortest configuration of a scan.
pub(crate) const ORGANIZATION: &str = "accounts: {source: organization}\n";

/// Longest any run may take; a deadline against hanging tests, not a measurement.
const PATIENCE: Duration = Duration::from_secs(40);

/// One simulated organization and one folder.
pub(crate) struct Lab {
    pub(crate) running: Running,
    runtime: Runtime,
    folder: TempDir,
    config: String,
    env: Vec<(String, String)>,
    /// A program was run that may write.
    may_write: AtomicBool,
}

/// How a run ended.
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    /// Serves this world; the configuration takes every account of the organization.
    pub(crate) fn new(world: World) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let running = runtime.block_on(Server::start(world)).unwrap();
        let lab = Self {
            running,
            runtime,
            folder: TempDir::new().unwrap(),
            config: format!("{ORGANIZATION}{QUICK}"),
            env: vec![],
            may_write: AtomicBool::new(false),
        };
        lab.file("rolewarden.yaml", &lab.config);
        lab
    }

    /// With this configuration instead.
    pub(crate) fn config(mut self, yaml: &str) -> Self {
        self.set_config(yaml);
        self
    }

    pub(crate) fn set_config(&mut self, yaml: &str) {
        yaml.clone_into(&mut self.config);
        self.file("rolewarden.yaml", yaml);
    }

    /// With a variable of the environment, which replaces one of the same name.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file into the folder.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Names in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The binary, in the folder, with nothing of this process's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let writing = ["apply", "rollback", "--arm"];
        if args.iter().any(|arg| writing.contains(arg)) {
            self.may_write.store(true, Relaxed);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolewarden"));
        command.args(args).current_dir(self.folder.path()).env_clear();
        for (name, value) in [
            ("AWS_ENDPOINT_URL", self.running.endpoint().as_str()),
            ("AWS_ACCESS_KEY_ID", self.running.credentials().access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("HOME", self.folder.path().to_str().unwrap()),
        ] {
            command.env(name, value);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        // An empty value stands for a variable that is not set.
        for (name, _) in self.env.iter().filter(|(_, value)| value.is_empty()) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        finish(self.command(args).spawn().unwrap())
    }

    /// Runs the binary to its end with this on its stdin.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Run {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        // A program that refuses to read is judged by how it ends.
        let _ = child.stdin.take().unwrap().write_all(input);
        finish(child)
    }

    /// `scan --format json` and more arguments.
    pub(crate) fn scan(&self, args: &[&str]) -> Run {
        let args: Vec<&str> = ["scan", "--format", "json"].iter().chain(args).copied().collect();
        self.run(&args)
    }

    pub(crate) fn calls(&self) -> Calls {
        self.running.calls()
    }

    /// Waits until the server has seen what it should.
    pub(crate) fn wait_for(&self, what: impl Fn(&Calls) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !what(&self.calls()) {
            assert!(Instant::now() < end, "the calls waited for did not come: {:?}", self.calls());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let calls = self.running.calls();
        // Entered, so that the server's tasks are ended inside their runtime.
        let _inside = self.runtime.enter();
        // Whatever a test is about: what was not told to write has not written.
        if !self.may_write.load(Relaxed) && !std::thread::panicking() {
            let written = Operation::ALL.iter().filter(|op| op.writes() && calls.of(**op) > 0);
            assert_eq!(written.collect::<Vec<_>>(), Vec::<&Operation>::new());
        }
    }
}

/// Waits for the end of a child; kills one that does not come to it.
pub(crate) fn finish(child: Child) -> Run {
    let id = child.id().to_string();
    let (sender, receiver) = std::sync::mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let output = child.wait_with_output().unwrap();
        let _ = sender.send(());
        output
    });
    if receiver.recv_timeout(PATIENCE).is_err() {
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        let run = Run::of(&waiter.join().unwrap());
        panic!("the program did not end in time; {run}");
    }
    Run::of(&waiter.join().unwrap())
}

impl Run {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
        let run = Self {
            status: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        };
        assert!(!run.stderr.contains("panicked"), "{run}");
        for secret in [SECRET_KEY, TOKEN_PREFIX] {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run}");
        }
        run
    }

    /// Requires this exit status.
    #[track_caller]
    pub(crate) fn ends(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self}");
        self
    }

    /// Requires that nothing came to stdout, and that the message has all these words.
    #[track_caller]
    pub(crate) fn fails(self, status: i32, words: &[&str]) -> Self {
        assert_eq!((self.status, self.stdout.as_str()), (Some(status), ""), "{self}");
        for word in words {
            assert!(self.stderr.contains(word), "expected `{word}` in: {self}");
        }
        self
    }

    /// The report; all of stdout is one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, stdout, stderr } = self;
        write!(f, "status {status:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// The report's entry of an account.
#[track_caller]
pub(crate) fn account<'a>(report: &'a Value, id: &AccountId) -> &'a Value {
    let mut accounts = report["accounts"].as_array().unwrap().iter();
    accounts.find(|account| account["id"] == id.as_str()).expect("the account is in the report")
}

/// The state of an account in a report.
#[track_caller]
pub(crate) fn state<'a>(report: &'a Value, id: &AccountId) -> &'a str {
    account(report, id)["state"].as_str().unwrap()
}

/// An organization of the management account, the hub, and one account of each of these kinds, whose numbers come back
/// in the same order. The first two are right.
pub(crate) fn world_of(kinds: &[Kind]) -> (World, Vec<AccountId>) {
    let mut world = generate(7, 120);
    let (hub, management) = (world.hub.clone(), world.management.clone());
    let mut picked: Vec<AccountId> = Vec::new();
    for kind in kinds {
        let free = |id: &&AccountId| **id != hub && **id != management && !picked.contains(id);
        let id = world.of_kind(*kind).find(free).expect("the organization has the kind").clone();
        picked.push(id);
    }
    world.accounts.retain(|id, _| *id == hub || *id == management || picked.contains(id));
    (world, picked)
}

/// An organization whose accounts are all right, and one of its members that is neither hub nor management.
pub(crate) fn right_world() -> (World, AccountId) {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::Eksctl, Kind::TerraformInline]);
    (world, ids[0].clone())
}
