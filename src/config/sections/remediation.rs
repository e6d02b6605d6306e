//! `remediation`: which actions may be taken, where, and how many at once. A limit of 0 allows none.

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

const DOUBT: OneOf<Doubt> = OneOf {
    words: &[
        ("deny", Doubt::Deny),
        ("conditional", Doubt::Conditional),
        ("invalid", Doubt::Invalid),
        ("undecided", Doubt::Undecided),
    ],
    later: &[],
};

/// Percentages.
const PERCENT: Count = Count(0..=100);

pub(super) fn remediation(keys: &mut Keys<'_, '_>) -> Option<Remediation> {
    let mode = keys.key(
        "mode",
        "How far remediation goes. off: not at all; plan: it plans and writes nothing; apply: it writes, once armed with the code that `rolewarden plan` prints.",
        MODE,
        json!("off"),
    );
    let actions = keys.key(
        "actions",
        "Actions that rolewarden may take. It takes no other.",
        List(ACTION),
        json!(["update_trust_policy", "put_inline_policy"]),
    );
    let act_on = keys.key(
        "act_on",
        "Change these too, which are left to people by default. deny, conditional: documents that hold an explicit Deny or a condition that the baseline lacks (a document that holds both needs both words), conditional also policies narrowed to where the connector works; invalid, undecided: documents that are not well-formed, comparisons that were not decided.",
        List(DOUBT),
        json!([]),
    );
    let include = keys.key(
        "include",
        "Accounts that may be changed; empty means all scanned accounts.",
        Section(selector),
        json!({}),
    );
    let exclude =
        keys.key("exclude", "Accounts that are never changed.", Section(selector), json!({}));
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
        "Most accounts changed in one run; 0: none. Divided among shards, at least one each.",
        Count(0..=100_000),
        json!(10),
    );
    let max_percent = keys.key(
        "max_percent",
        "Most accounts changed in one run, as a percentage of the selected ones, rounded up; 0: none.",
        PERCENT,
        json!(1),
    );
    let write_interval = keys.key(
        "write_interval",
        "Shortest time from one write to the next.",
        Span("10ms", "1h"),
        json!("1s"),
    );
    let grace = keys.key(
        "grace",
        "Time a finding must have been open before it is remediated (serve).",
        Span("0s", "30d"),
        json!("15m"),
    );
    let max_unknown_percent = keys.key(
        "max_unknown_percent",
        "Nothing is written while more than this percentage of the selected accounts is unknown.",
        PERCENT,
        json!(5),
    );
    let flapping_after = keys.key(
        "flapping_after",
        "Remediations of one account within 24 h after which it is skipped until 24 h have passed since the last.",
        Count(1..=100),
        json!(3),
    );
    let verify_timeout = keys.key(
        "verify_timeout",
        "Time a change may take to show in reads.",
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
        "Failures in a row that open the breaker.",
        Count(1..=100),
        json!(3),
    );
    let percent = keys.key(
        "breaker_percent",
        "Failed accounts of a run that open the breaker, as a percentage; counted from ten accounts on.",
        PERCENT,
        json!(5),
    );
    (failures, percent)
}

/// Refuses selectors by unit or tag for a list of accounts: include would name nothing, and exclude would protect nothing.
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
