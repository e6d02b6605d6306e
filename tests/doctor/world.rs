//! Organizations for a preflight, and what its report says.

use rolewarden::model::AccountId;
use rolewarden::simulator::{Assumable, Kind, World};
use serde_json::Value;

use crate::support::{Lab, Run, world_of};

pub(crate) const SCAN: &str = "rolewarden-scan";
pub(crate) const REMEDIATE: &str = "rolewarden-remediate";

/// An organization of the management account, the hub and so many more, all of them right.
pub(crate) fn right(accounts: usize) -> (World, Vec<AccountId>) {
    world_of(&vec![Kind::GuideCli; accounts])
}

/// Changes a role of one account, which until then has the one that is everywhere.
pub(crate) fn role(
    world: &mut World,
    id: &AccountId,
    name: &str,
    change: impl FnOnce(&mut Assumable),
) {
    let everywhere = world.access.everywhere[name].clone();
    let own = world.access.only.entry(id.clone()).or_default();
    change(own.entry(name.to_owned()).or_insert(everywhere));
}

/// As good as not there: AWS gives the same answer.
pub(crate) fn missing(role: &mut Assumable) {
    role.trusts = ["999999999999".parse().unwrap()].into();
}

/// `doctor --format json` and more arguments.
pub(crate) fn doctor(lab: &Lab, args: &[&str]) -> Run {
    let args: Vec<&str> = ["doctor", "--format", "json"].iter().chain(args).copied().collect();
    lab.run(&args)
}

/// A check of the report: its status, and what it says.
#[track_caller]
pub(crate) fn check<'a>(report: &'a Value, name: &str) -> (&'a str, &'a str, &'a str) {
    let mut checks = report["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == name);
    let check = check.unwrap_or_else(|| panic!("no check `{name}`: {:#}", report["checks"]));
    let text = |key: &str| check[key].as_str().unwrap_or_default();
    (text("status"), text("fact"), text("remedy"))
}

/// Each cause as `cause part count operation,operation`.
pub(crate) fn causes(report: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let each = report["causes"].as_array().unwrap().iter().map(|cause| {
        let mut calls: Vec<String> = cause["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| word(&call["operation"]))
            .collect();
        calls.dedup();
        let (name, part) = (word(&cause["cause"]), word(&cause["part"]));
        format!("{name} {part} {} {}", cause["count"], calls.join(",")).trim().to_owned()
    });
    each.collect()
}
