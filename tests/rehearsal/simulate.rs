//! `rolewarden simulate` as a process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::send;

/// A simulator in its own process, and a folder beside it.
pub(crate) struct Simulator {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    /// The exports, as a shell would have them.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) folder: TempDir,
}

/// The binary, with nothing of this process's environment.
fn binary(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolewarden"));
    command.args(args).current_dir(folder).env_clear();
    command.env("HOME", folder).env("AWS_EC2_METADATA_DISABLED", "true");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Simulator {
    pub(crate) fn start(args: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let args = [&["simulate", "--listen", "127.0.0.1:0"], args].concat();
        let mut child = binary(folder.path(), &args).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut env = vec![];
        while env.len() < 6 {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "it ended early");
            let (name, value) =
                line.trim_end().strip_prefix("export ").unwrap().split_once('=').unwrap();
            env.push((name.to_owned(), value.to_owned()));
        }
        let simulator = Self { child, _stdout: stdout, env, folder };
        simulator.file("rolewarden.yaml", "accounts: {source: organization}\n");
        simulator
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn var(&self, name: &str) -> &str {
        &self.env.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// Runs the binary with the exports.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let exports = self.env.iter().map(|(name, value)| (name, value));
        binary(self.folder.path(), args).envs(exports).output().unwrap()
    }

    pub(crate) fn report(&self) -> Value {
        let output = self.run(&["scan", "--format", "json"]);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    fn control(&self, path: &str) -> Value {
        let url = format!("{}/_simulator/{path}", self.var("AWS_ENDPOINT_URL"));
        send("GET", &url, "").json(200)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `simulate` with these arguments, which it must refuse.
fn refused(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let args = [&["simulate", "--listen", "127.0.0.1:0"], args].concat();
    let output = binary(folder, &args).output().unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn it_says_on_stdout_what_a_shell_needs_and_on_stderr_where_to_look() {
    let mut simulator = Simulator::start(&["--accounts", "5"]);
    let names: Vec<&str> = simulator.env.iter().map(|(name, _)| name.as_str()).collect();
    let wanted = [
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "SIMULATOR_PID",
    ];
    assert_eq!(names, wanted);
    assert_eq!(simulator.control("accounts").as_array().unwrap().len(), 5);
    let status = Command::new("kill").args(["-TERM", &simulator.child.id().to_string()]).status();
    assert!(status.unwrap().success());
    assert_eq!(simulator.child.wait().unwrap().code(), Some(0), "stopping it is no failure");
    let mut words = String::new();
    simulator.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    for word in
        ["5 accounts", &format!("{}/_simulator/", simulator.var("AWS_ENDPOINT_URL")), "--help"]
    {
        assert!(words.contains(word), "`{word}` in {words}");
    }
}

#[test]
fn a_shell_can_take_the_exports_and_go_on() {
    let folder = TempDir::new().unwrap();
    let script = r#"eval "$("$0" simulate --listen 127.0.0.1:0 --accounts 2 2>/dev/null &)"
        echo "$AWS_ENDPOINT_URL"; kill "$SIMULATOR_PID""#;
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_rolewarden")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("http://127.0.0.1:"), "{text}");
}

#[test]
fn flags_shape_the_organization() {
    let args = ["--accounts", "40", "--right", "100", "--jitter", "5ms", "--check-signatures"];
    let simulator = Simulator::start(&args);
    let world = simulator.control("world");
    assert_eq!((&world["jitter_ms"], &world["check_signatures"]), (&5.into(), &true.into()));
    assert_eq!(simulator.report()["summary"]["states"]["compliant"], 40);

    let simulator = Simulator::start(&["--accounts", "2", "--latency", "30ms", "--lag", "1m30s"]);
    let world = simulator.control("world");
    assert_eq!((&world["latency_ms"], &world["lag_ms"]), (&30.into(), &90_000.into()));
    let began = Instant::now();
    let report = simulator.report();
    assert_eq!(report["summary"]["states"]["compliant"], 2, "{report}");
    assert!(began.elapsed() > Duration::from_millis(100), "{:?}", began.elapsed());

    let simulator =
        Simulator::start(&["--accounts", "2", "--latency", "3", "--external-id", "secret"]);
    assert_eq!(simulator.control("world")["latency_ms"], 3, "a plain number is milliseconds");
    assert_eq!(simulator.report()["summary"]["states"]["unknown"], 1, "the hub needs no role");
    simulator.file(
        "rolewarden.yaml",
        "accounts: {source: organization}\naccess: {external_id: secret}\n",
    );
    assert_eq!(simulator.report()["summary"]["states"]["unknown"], 0);
}

#[test]
fn a_fault_script_is_played() {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("faults.yaml");
    std::fs::write(
        &script,
        "# a bad day\n- {operation: GetRole, fault: 'error:403:AccessDenied'}\n",
    )
    .unwrap();
    let simulator = Simulator::start(&["--accounts", "3", "--faults", script.to_str().unwrap()]);
    let report = simulator.report();
    assert_eq!(report["summary"]["states"]["unknown"], 3, "{report}");
    assert_eq!(report["accounts"][0]["error"]["reason"], "access_denied", "{report}");
}

#[test]
fn mistakes_in_a_fault_script_are_named_with_file_and_place() {
    let folder = TempDir::new().unwrap();
    let cases = [
        ("- fault: throtled\n", "line 1, column 10", "`throttled`"),
        ("- fault: hangs\n- fault: hangs\n  call: 1\n", "line 3", "call"),
        ("- fault: hangs\n- operation: GetRoles\n  fault: hangs\n", "line 2", "`GetRole`"),
        ("- {fault: hangs, account: '000000000000'}\n", "rule 1", "000000000000"),
        ("fault: hangs\n", "line 1", "sequence"),
        ("- [\n", "line 1", "unclosed"),
    ];
    for (text, place, word) in cases {
        std::fs::write(folder.path().join("f.yaml"), text).unwrap();
        let (status, words) = refused(folder.path(), &["--faults", "f.yaml"]);
        assert_eq!(status, Some(1), "case `{text}`: {words}");
        for wanted in ["f.yaml", place, word] {
            assert!(words.contains(wanted), "case `{text}`: no `{wanted}` in {words}");
        }
    }
    std::fs::write(folder.path().join("f.yaml"), b"- fault: \xff\n").unwrap();
    for (file, word) in [("f.yaml", "UTF-8"), ("gone.yaml", "gone.yaml")] {
        let (status, words) = refused(folder.path(), &["--faults", file]);
        assert!(status == Some(1) && words.contains(word), "case `{file}`: {words}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let listener = std::net::TcpListener::bind(&taken);
    let cases = [
        (["--listen", "0.0.0.0:0"], 1, "not a loopback address"),
        (["--listen", "[::]:0"], 1, "not a loopback address"),
        (["--listen", &taken], 1, "cannot listen on"),
        (["--latency", "20 parsecs"], 2, "expected a duration such as 20ms"),
        (["--accounts", "1"], 2, "--accounts"),
        (["--accounts", "20001"], 2, "--accounts"),
    ];
    for (args, want, word) in cases {
        let output = binary(folder.path(), &["simulate", args[0], args[1]]).output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(want), "{args:?}: {words}");
        assert!(words.contains(word), "{args:?}: {words}");
    }
    drop(listener);
}
