//! `remediation`: what may be put right where, and how much at once. Of every limit, 0 means none.

use serde_json::json;

use super::accounts::selector;
use crate::config::combine::{List, Nullable};
use crate::config::kinds::{Count, OneOf, Span};
use crate::config::path::SwitchPath;
use crate::config::reader::{Keys, Section};
use crate::config::{AccountSource, Accounts, Doubt, Remediation, RemediationMode};
use crate::model::Action;

const MODE: OneOf<RemediationMode> = OneOf {
    words: &[
        ("off", RemediationMode::Off),
        ("plan", RemediationMode::Plan),
        ("apply", RemediationMode::Apply),
    ],
    later: &[],
};

const ACTION: OneOf<Action> = OneOf {
    words: &[
        ("create_role", Action::CreateRole),
        ("update_trust_policy", Action::UpdateTrustPolicy),
        ("put_inline_policy", Action::PutInlinePolicy),
        ("delete_inline_policy", Action::DeleteInlinePolicy),
        ("detach_managed_policy", Action::DetachManagedPolicy),
        ("put_permissions_boundary", Action::PutPermissionsBoundary),
        ("create_service_linked_role", Action::CreateServiceLinkedRole),
    ],
    later: &[],
};

const DOUBT: OneOf<Doubt> =
    OneOf { words: &[("invalid", Doubt::Invalid), ("undecided", Doubt::Undecided)], later: &[] };

/// Percentages.
const PERCENT: Count = Count(0..=100);

pub(super) fn remediation(keys: &mut Keys<'_, '_>) -> Option<Remediation> {
    let mode = keys.key(
        "mode",
        "Whether drift is put right: off; plan: it is planned and nothing is done; apply: yes, once it is armed with the code that `rolewarden plan` prints.",
        MODE,
        json!("off"),
    );
    let actions = keys.key(
        "actions",
        "What may be done; nothing else ever is.",
        List(ACTION),
        json!(["create_role", "update_trust_policy", "put_inline_policy"]),
    );
    let act_on = keys.key(
        "act_on",
        "Verdicts that claim too little to be acted on, and are all the same: invalid, undecided.",
        List(DOUBT),
        json!([]),
    );
    let include = keys.key(
        "include",
        "Only in these accounts; empty means all that are scanned.",
        Section(selector),
        json!({}),
    );
    let exclude = keys.key("exclude", "Never in these.", Section(selector), json!({}));
    let limits = limits(keys);
    let (breaker_failures, breaker_percent) = breaker(keys);
    let kill_switch = keys.key(
        "kill_switch",
        "While a file, a folder or a link of this name exists, nothing is written; relative to this file. Its folder must exist.",
        Nullable(SwitchPath),
        json!(null),
    );
    Some(Remediation {
        mode: mode?,
        actions: actions?.into_iter().collect(),
        act_on: act_on?.into_iter().collect(),
        include: include?,
        exclude: exclude?,
        kill_switch: kill_switch?,
        breaker_failures: breaker_failures?,
        breaker_percent: breaker_percent?,
        ..limits?
    })
}

/// How much, how fast, and after how long.
fn limits(keys: &mut Keys<'_, '_>) -> Option<Remediation> {
    let max_accounts = keys.key(
        "max_accounts",
        "Accounts changed in one run, at most; 0: none. Of a shard its part: divided by their number, and at least one.",
        Count(0..=100_000),
        json!(10),
    );
    let max_percent = keys.key(
        "max_percent",
        "Percent of the selected accounts changed in one run, at most, rounded up; 0: none.",
        PERCENT,
        json!(1),
    );
    let write_interval = keys.key(
        "write_interval",
        "Time from one write to the next, at least.",
        Span("10ms", "1h"),
        json!("1s"),
    );
    let grace = keys.key(
        "grace",
        "How long a finding must have been open before it is acted on (serve).",
        Span("0s", "30d"),
        json!("15m"),
    );
    let max_unknown_percent = keys.key(
        "max_unknown_percent",
        "Nothing is done when more than this percentage of the selected accounts is unknown.",
        PERCENT,
        json!(5),
    );
    let flapping_after = keys.key(
        "flapping_after",
        "An account that was put right this often within a day is left alone until a day has passed.",
        Count(1..=100),
        json!(3),
    );
    let verify_timeout = keys.key(
        "verify_timeout",
        "How long a change may take to be seen.",
        Span("1s", "10m"),
        json!("60s"),
    );
    Some(Remediation {
        max_accounts: max_accounts?,
        max_percent: max_percent?,
        write_interval: write_interval?,
        grace: grace?,
        max_unknown_percent: max_unknown_percent?,
        flapping_after: flapping_after?,
        verify_timeout: verify_timeout?,
        ..Remediation::default()
    })
}

/// What opens the breaker: failures in a row, percent of a run.
fn breaker(keys: &mut Keys<'_, '_>) -> (Option<u32>, Option<u32>) {
    let failures = keys.key(
        "breaker_failures",
        "The breaker opens after this many failures in a row.",
        Count(1..=100),
        json!(3),
    );
    let percent = keys.key(
        "breaker_percent",
        "The breaker opens when more than this percentage of a run's accounts failed, counted from ten accounts on.",
        PERCENT,
        json!(5),
    );
    (failures, percent)
}

/// A list of accounts has no units and no tags: include by them would name nothing, and exclude would protect nothing.
pub(super) fn refuse_what_a_list_has_not(
    keys: &mut Keys<'_, '_>,
    accounts: &Accounts,
    remediation: &Remediation,
) {
    if accounts.source == AccountSource::Organization {
        return;
    }
    for (name, selector) in [("include", &remediation.include), ("exclude", &remediation.exclude)] {
        if selector.by_organization() {
            let what = "`ous` and `tags` need `source: organization`; use `ids`";
            keys.problem("remediation", format_args!("`{name}`: {what}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_takes_the_actions_of_remediation_and_none_that_only_undoes() {
        let words: Vec<_> = ACTION.words.iter().map(|(word, action)| (*word, *action)).collect();
        assert_eq!(words, Action::CONFIGURABLE.map(|action| (action.as_str(), action)));
    }
}
