//! Generated organizations: every account is judged as its kind must be, at the promised price.

use rolewarden::simulator::{Kind, Operation, generate};

use crate::support::{Lab, account, state};

/// What the report must say of an account: its state, and the worst severity, the reason, or why it is skipped.
fn wanted(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::GuideCli | Kind::GuideCloudFormation | Kind::Eksctl | Kind::TerraformInline => {
            ("compliant", "")
        }
        Kind::TerraformManaged | Kind::LongSession => ("drifted", "low"),
        Kind::ForeignAccount | Kind::Everyone | Kind::AdministratorAttached => {
            ("drifted", "critical")
        }
        Kind::Absent
        | Kind::ExtraService
        | Kind::ExtraStatement
        | Kind::WildcardAction
        | Kind::MissingAction
        | Kind::NarrowedResource
        | Kind::DenyStatement
        | Kind::ExtraInline
        | Kind::Boundary
        | Kind::OtherSourceAccount
        | Kind::Doubtful => ("drifted", "high"),
        Kind::OwnSourceAccount | Kind::OtherPath => ("drifted", "medium"),
        // The session may read the role under its right name only.
        Kind::OtherCase => ("unknown", "access_denied"),
        Kind::AssumeDenied => ("unknown", "assume_denied"),
        Kind::AssumeScpDenied => ("unknown", "scp_denied"),
        Kind::ReadDenied => ("unknown", "access_denied"),
        Kind::Throttled => ("unknown", "throttled"),
        Kind::Suspended => ("skipped", "suspended"),
        Kind::Closed => ("skipped", "closed"),
    }
}

const CONFIG: &str = "accounts: {source: organization}\nsweep: {max_attempts: 2}\n";

#[test]
fn every_account_is_judged_as_its_kind_must_be_and_costs_what_it_should() {
    for seed in [1, 2, 3] {
        let world = generate(seed, 72);
        let lab = Lab::new(world.clone()).config(CONFIG);
        let run = lab.scan(&[]).ends(5);
        let report = run.json();
        let calls = lab.calls();
        assert_eq!(report["accounts"].as_array().unwrap().len(), world.accounts.len());
        for (id, member) in &world.accounts {
            let entry = account(&report, id);
            let got = match state(&report, id) {
                "unknown" => (entry["state"].as_str(), entry["error"]["reason"].as_str()),
                "skipped" => (entry["state"].as_str(), entry["skip_reason"].as_str()),
                _ => (
                    entry["state"].as_str(),
                    entry["findings"][0]["severity"].as_str().or(Some("")),
                ),
            };
            let (state, more) = wanted(member.kind);
            assert_eq!(got, (Some(state), Some(more)), "seed {seed}, {:?}: {entry}", member.kind);

            let assumed = calls.of_in(Operation::AssumeRole, id);
            let reads = calls.iam_in(id);
            match state {
                // Where another tool chose the policy's name, the guess costs a second round trip, and so a second reading.
                "compliant" => {
                    let named_otherwise =
                        matches!(member.kind, Kind::Eksctl | Kind::GuideCloudFormation);
                    assert_eq!(
                        reads,
                        4 + 5 * u64::from(named_otherwise),
                        "seed {seed}, {:?}",
                        member.kind
                    );
                    assert_eq!(
                        assumed,
                        u64::from(*id != world.hub),
                        "seed {seed}, {:?}",
                        member.kind
                    );
                }
                // Four reads, the documents of what is attached, all of it once more to confirm.
                "drifted" => {
                    let managed = member
                        .roles
                        .values()
                        .map(|role| role.attached.len() + usize::from(role.boundary.is_some()));
                    let inline =
                        member.roles.values().map(|role| role.inline.len().saturating_sub(1));
                    let once = 4 + 2 * managed.sum::<usize>() + inline.sum::<usize>();
                    assert!(
                        reads <= 2 * once as u64,
                        "seed {seed}, {:?}: {reads} reads",
                        member.kind
                    );
                    assert_eq!(assumed, 1, "seed {seed}, {:?}", member.kind);
                }
                "skipped" => assert_eq!((reads, assumed), (0, 0), "seed {seed}, {:?}", member.kind),
                _ => {}
            }
        }
        let writes = Operation::ALL.iter().filter(|operation| operation.writes());
        assert_eq!(writes.map(|write| calls.of(*write)).sum::<u64>(), 0, "a sweep only reads");
        assert_eq!(calls.of(Operation::ListAccounts), 4);
    }
}
