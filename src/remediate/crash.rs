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

/// Ends the process here when the environment's `ROLEWARDEN_CRASH` names this place, as `after-write` or `after-write:1`:
/// the first time counts as 0. Only with the cargo feature `simulator`.
#[cfg(feature = "simulator")]
pub(super) fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    static PASSED: AtomicU32 = AtomicU32::new(0);
    debug_assert!(POINTS.contains(&name), "{name}");
    let Ok(wanted) = std::env::var("ROLEWARDEN_CRASH") else { return };
    let (place, nth) = wanted.split_once(':').unwrap_or((&wanted, "0"));
    if place == name && nth.parse() == Ok(PASSED.fetch_add(1, SeqCst)) {
        std::process::abort();
    }
}

/// Nothing ends here.
#[cfg(not(feature = "simulator"))]
pub(super) fn point(_: &str) {}
