//! The brakes hold wherever a command is started and whatever the store is called: a stop, an open breaker and the kill switch
//! belong to the organization, not to a path.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use rolewarden::model::{AccountId, Breaker, Guard, Stopped};
use rolewarden::simulator::Kind;
use rolewarden::store::Store;

use crate::lab::{Run, finish};
use crate::program::{CONFIG, Lab, plan};
use crate::support::{world_of, writes};

fn drifted(more: &str) -> (Lab, Vec<AccountId>, String) {
    let (world, ids) = world_of(&[Kind::Everyone, Kind::MissingAction]);
    let lab = Lab::new(world).config(&format!("{CONFIG}{more}"));
    let code = plan(&lab);
    (lab, ids, code)
}

fn apply(lab: &Lab, code: &str, more: &[&str]) -> Run {
    let args = ["apply", "plan.json", "--format", "json", "--arm", code];
    lab.run(&[&args, more].concat())
}

/// The same from a folder of its own, with the configuration named by its path.
fn apply_elsewhere(lab: &Lab, code: &str, more: &[&str]) -> (Run, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (plan, config) = (lab.path("plan.json"), lab.path("rolewarden.yaml"));
    let mut command: Command = lab.command(&["apply", "--format", "json", "--arm", code]);
    command.arg(plan).arg("--config").arg(config).args(more).current_dir(folder.path());
    let run = finish(command.spawn().unwrap());
    let left = fs::read_dir(folder.path()).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    (run, left)
}

/// Makes a store, as a daemon would have left it.
fn store(path: &Path, guard: &Guard) {
    Store::open(path).unwrap().set_guard(guard).unwrap();
}

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn stopped() -> Guard {
    let by = "POST /api/v1/remediation/stop".to_owned();
    Guard { stopped: Some(Stopped { at: noon(), by }), ..Guard::default() }
}

fn broken() -> Guard {
    let breaker = Breaker::Open { since: noon(), why: "changes failed 3 times in a row".into() };
    Guard { breaker, failures_in_a_row: 3, ..Guard::default() }
}

#[test]
fn a_stop_and_an_open_breaker_are_seen_from_every_folder() {
    for (guard, said) in [(stopped(), "remediation was stopped"), (broken(), "the breaker is open")]
    {
        let (lab, _, code) = drifted("");
        store(&lab.path("rolewarden.db"), &guard);
        apply(&lab, &code, &[]).fails(1, &["nothing was written", said]);
        apply(&lab, &code, &["--new-store"]).fails(1, &["nothing was written", said]);
        let (run, left) = apply_elsewhere(&lab, &code, &[]);
        run.fails(1, &["nothing was written", said]);
        assert_eq!(left, [""; 0], "no store is made where it was started");
        assert_eq!(writes(&lab.calls()), 0, "{said}");
        assert_eq!(Store::open(&lab.path("rolewarden.db")).unwrap().guard().unwrap(), guard);
    }
}

#[test]
fn the_flag_names_the_store_that_a_daemon_was_given_by_it() {
    let (lab, ids, code) = drifted("");
    let shard = lab.path("shard-0.db");
    store(&shard, &stopped());
    let with = ["--store", "shard-0.db"];
    apply(&lab, &code, &with).fails(1, &["remediation was stopped"]);
    // From elsewhere the same words name another file, which is not made.
    let (run, left) = apply_elsewhere(&lab, &code, &with);
    run.fails(1, &["shard-0.db` (named by --store)", "there is no store at"]);
    assert_eq!(left, [""; 0]);
    assert_eq!(writes(&lab.calls()), 0);
    let run = apply(&lab, &code, &["--store", "shard-0.db", "--resume"]).ends(0).json();
    let id = run["run"].as_str().unwrap();
    assert_eq!(writes(&lab.calls()), ids.len() as u64);
    lab.run(&["rollback", id, "--yes"]).fails(1, &["there is no store at", "rolewarden.db"]);
    let back = lab.run(&["rollback", id, "--yes", "--store", "shard-0.db"]).ends(0);
    assert!(back.stdout.contains("rolled back in 2 accounts"), "{back}");
    assert!(!lab.path("rolewarden.db").exists());
}

#[test]
fn no_store_is_made_unless_that_is_asked_for_and_the_error_says_what_named_it() {
    let cases: [(&str, &[&str], &str, &str); 4] = [
        ("the default", &[], "", "rolewarden.db` (the default of store.path)"),
        (
            "the key",
            &[],
            "store: {path: kept.db}\n",
            "kept.db` (store.path at rolewarden.yaml:12:15)",
        ),
        ("the flag", &["--store", "flag.db"], "", "flag.db` (named by --store)"),
        (
            "the flag before the key",
            &["--store", "flag.db"],
            "store: {path: kept.db}\n",
            "flag.db` (named by --store)",
        ),
    ];
    for (case, flags, yaml, named) in cases {
        let (lab, _, code) = drifted(yaml);
        let want = ["there is no store at", named, "--store", "--new-store"];
        for args in [&["apply", "plan.json", "--arm", &code][..], &["rollback", "01JD", "--yes"]] {
            lab.run(&[args, flags].concat()).fails(1, &want);
        }
        let databases = lab.names().into_iter().filter(|name| name.contains(".db"));
        assert_eq!(databases.collect::<Vec<_>>(), [""; 0], "case `{case}`");
        assert_eq!(writes(&lab.calls()), 0, "case `{case}`");
        let run = apply(&lab, &code, &[flags, &["--new-store"]].concat()).ends(0);
        assert!(run.stderr.contains("a new store was made: it remembers no stop"), "{run}");
        // The next one finds it, and says nothing of the kind.
        let run = apply(&lab, &code, flags).ends(0);
        assert!(!run.stderr.contains("a new store was made"), "{run}");
    }
}

#[test]
fn a_store_in_use_is_refused_under_every_name() {
    let (lab, _, code) = drifted("");
    let held = Store::open(&lab.path("real.db")).unwrap();
    symlink("real.db", lab.path("link.db")).unwrap();
    symlink(lab.path(""), lab.path("folder")).unwrap();
    for name in ["real.db", "link.db", "folder/real.db", "./folder/link.db"] {
        apply(&lab, &code, &["--store", name]).fails(1, &["real.db` is in use by another"]);
    }
    drop(held);
    fs::hard_link(lab.path("real.db"), lab.path("other.db")).unwrap();
    for name in ["real.db", "other.db", "link.db"] {
        for more in [&["--store", name][..], &["--store", name, "--new-store"]] {
            apply(&lab, &code, more).fails(1, &["has 2 hard links", "named by --store"]);
        }
    }
    assert_eq!(writes(&lab.calls()), 0);
}

#[test]
fn a_store_that_others_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (lab, _, code) = drifted("");
    let path = lab.path("rolewarden.db");
    store(&path, &Guard::default());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    apply(&lab, &code, &[]).fails(1, &["other users may write", "0666", "chmod 600"]);
    lab.run(&["rollback", "01JD", "--yes"]).fails(1, &["other users may write", "chmod 600"]);
    lab.run(&["history"]).fails(1, &["other users may write", "chmod 600"]);
    assert_eq!(writes(&lab.calls()), 0);
}

/// Whatever has the switch's name stops every write; and so does anything that hides whether something has.
#[test]
fn every_kind_of_kill_switch_is_seen() {
    type Make = fn(&Path) -> std::io::Result<()>;
    let (mut lab, _, code) = drifted("");
    store(&lab.path("rolewarden.db"), &Guard::default());
    let dir = lab.path("switch");
    fs::create_dir(&dir).unwrap();
    let stop = dir.join("stop");
    let made: [(&str, Make); 8] = [
        ("a file", |path| fs::write(path, "")),
        ("a folder", |path| fs::create_dir(path)),
        ("a link to a file", |path| symlink("/etc/passwd", path)),
        ("a link to nothing", |path| symlink("/nonexistent/x", path)),
        ("a link to itself", |path| symlink(path, path)),
        ("a link to a device", |path| symlink("/dev/null", path)),
        ("a pipe", |path| {
            let made = Command::new("mkfifo").arg(path).status()?;
            made.success().then_some(()).ok_or_else(|| ErrorKind::Other.into())
        }),
        ("a socket", |path| std::os::unix::net::UnixListener::bind(path).map(drop)),
    ];
    let yaml = |switch: &str| {
        CONFIG.replace("mode: apply", &format!("mode: apply\n  kill_switch: {switch}"))
    };
    // Absolute, and relative to the file from wherever it is started.
    for value in [stop.to_str().unwrap(), "switch/stop", "./switch/../switch/stop"] {
        lab.set_config(&yaml(value));
        for (case, make) in made {
            make(&stop).unwrap();
            let want = ["the kill switch `", "exists: delete it to go on"];
            apply(&lab, &code, &[]).fails(1, &want);
            apply_elsewhere(&lab, &code, &[]).0.fails(1, &want);
            lab.run(&["rollback", "01JD", "--yes"]).ends(1);
            assert_eq!(writes(&lab.calls()), 0, "case `{case}`");
            if stop.symlink_metadata().unwrap().is_dir() {
                fs::remove_dir(&stop).unwrap();
            } else {
                fs::remove_file(&stop).unwrap();
            }
        }
    }
    // Not there, and its folder is.
    apply(&lab, &code, &[]).ends(0);
}
