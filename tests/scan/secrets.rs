//! Secrets: keys, session tokens and external ids come out nowhere. (Keys and tokens are looked for in every run of these
//! tests: see `Run`.)

use rolewarden::simulator::{Fault, Kind, On, Operation, Rule};

use crate::support::{Lab, ORGANIZATION, QUICK, SECRET_KEY, TOKEN_PREFIX, world_of};

const EXTERNAL_ID: &str = "external-id-nobody-may-see";

fn lab(fault: Option<Fault>) -> Lab {
    let (mut world, ids) = world_of(&[Kind::GuideCli, Kind::Everyone, Kind::AssumeDenied]);
    for role in world.access.everywhere.values_mut() {
        role.external_id = Some(EXTERNAL_ID.to_owned());
    }
    if let Some(fault) = fault {
        world.accounts.get_mut(&ids[0]).unwrap().faults =
            vec![Rule::always(On::Only(Operation::AssumeRole), fault)];
    }
    let yaml = format!("{ORGANIZATION}{QUICK}access: {{external_id: \"${{env:EXTERNAL_ID}}\"}}\n");
    Lab::new(world).config(&yaml).env("EXTERNAL_ID", EXTERNAL_ID)
}

#[test]
fn no_output_holds_a_secret_at_any_log_level() {
    let lab = lab(None);
    let everything = "trace,hyper=trace,hyper_util=trace,aws_config=trace,aws_smithy_runtime=trace,aws_sigv4=trace,aws_runtime=trace,aws_sdk_sts=trace";
    for level in ["info", "debug", "trace", "rolewarden=trace", "debug,hyper=debug", everything] {
        let run = lab.scan(&["--log-level", level, "--output", "report.json"]).ends(5);
        let file = std::fs::read_to_string(lab.path("report.json")).unwrap();
        for secret in [SECRET_KEY, TOKEN_PREFIX, EXTERNAL_ID, "SimulatedSecretKey"] {
            assert!(!file.contains(secret), "{secret} in the file at {level}");
            let line = run.stderr.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} at {level}");
        }
    }
}

#[test]
fn a_broken_answer_with_credentials_in_it_is_not_shown() {
    let faults = [
        Fault::Malformed,
        Fault::CutBody(900),
        Fault::WrongAccount,
        Fault::Without("Expiration"),
        Fault::Without("AccessKeyId"),
        Fault::Without("AssumedRoleUser"),
    ];
    for fault in faults {
        let run = lab(Some(fault)).scan(&["--log-level", "debug,aws_smithy_runtime=trace"]).ends(5);
        for secret in [EXTERNAL_ID, "SimulatedSecretKey"] {
            assert!(
                !run.stdout.contains(secret) && !run.stderr.contains(secret),
                "{fault:?}: {run}"
            );
        }
    }
}

#[test]
fn a_configuration_error_does_not_quote_a_secret() {
    let lab = lab(None);
    for bad in ["x", "with space and-external-id-nobody-may-see"] {
        let yaml = format!("{ORGANIZATION}access: {{external_id: \"{bad}\"}}\n");
        lab.file("rolewarden.yaml", yaml);
        let run = lab.scan(&[]).fails(1, &["access.external_id"]);
        assert!(!run.stderr.contains("nobody-may-see"), "{run}");
    }
}
