//! Places where tests end the process, as a power cut does.

/// Every place, in the order in which a run comes to them.
pub const POINTS: [&str; 9] = [
    "before-journal",
    "after-journal",
    "before-sent",
    "after-sent",
    "after-write",
    "before-end",
    "after-end",
    "between-steps",
    "between-accounts",
];

/// Ends the process here when the environment's `ROLEWARDEN_CRASH` names this place, as `after-write` or `after-write:1`
/// for the second time it is come to; stops it as SIGSTOP does when `ROLEWARDEN_PAUSE` does. Only with the cargo feature
/// `simulator`.
#[cfg(feature = "simulator")]
pub(super) fn point(name: &str) {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};
    static PASSED: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    debug_assert!(POINTS.contains(&name), "{name}");
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    let times = passed.entry(name.to_owned()).or_default();
    let here = format!("{name}:{times}");
    *times += 1;
    let named = |variable: &str| {
        let wanted = std::env::var(variable).unwrap_or_default();
        wanted == here || format!("{wanted}:0") == here
    };
    if named("ROLEWARDEN_CRASH") {
        std::process::abort();
    }
    if named("ROLEWARDEN_PAUSE") {
        let id = std::process::id().to_string();
        let _ = std::process::Command::new("kill").args(["-STOP", &id]).status();
    }
}

/// Nothing ends here.
#[cfg(not(feature = "simulator"))]
pub(super) fn point(_: &str) {}
