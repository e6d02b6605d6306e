//! What comes before the accounts, when it fails: told one by one, and what depends on it is skipped.

use std::os::unix::fs::PermissionsExt as _;

use rolewarden::simulator::{Fault, On, Operation, Rule};
use serde_json::{Value, json};

use crate::support::{Lab, ORGANIZATION, Run, SECRET_KEY};
use crate::world::{check, doctor, right};

fn lab() -> Lab {
    Lab::new(right(1).0)
}

/// The report of a run that failed: it comes before the error, which names the checks.
#[track_caller]
fn failed(run: Run, checks: &[&str]) -> Value {
    let run = run.ends(1);
    let report = run.json();
    let failed = |check: &&Value| check["status"] == "failed";
    let all = report["checks"].as_array().unwrap().iter();
    let names: Vec<&str> =
        all.filter(failed).map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, checks, "{run}");
    assert!(run.stderr.contains(&format!("failed: {}", checks.join(", "))), "{run}");
    assert_eq!((&report["outcome"], &report["causes"]), (&json!("failed"), &json!([])));
    report
}

#[test]
fn without_credentials_nothing_else_is_asked() {
    let lab = lab().env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
    let report = failed(doctor(&lab, &[]), &["credentials"]);
    assert!(check(&report, "credentials").2.contains("AWS_PROFILE"));
    for after in ["identity", "clock", "accounts"] {
        let (status, fact, _) = check(&report, after);
        assert_eq!(status, "skipped", "{after}");
        assert!(fact.starts_with("not asked: "), "{after}: {fact}");
    }
    assert_eq!(lab.calls().total(), 0);
}

#[test]
fn credentials_that_aws_refuses_are_told_from_none() {
    let unknown = lab().env("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN000000000");
    let report = failed(doctor(&unknown, &[]), &["identity"]);
    let (_, fact, remedy) = check(&report, "identity");
    assert!(
        fact.contains("InvalidClientTokenId") && remedy.contains("access.region"),
        "{fact} {remedy}"
    );
    let (mut world, _) = right(1);
    world.faults = vec![Rule::always(On::Only(Operation::GetCallerIdentity), Fault::ExpiredToken)];
    let report = failed(doctor(&Lab::new(world), &[]), &["identity"]);
    assert!(check(&report, "identity").2.contains("renew"));
    let (mut world, _) = right(1);
    world.check_signatures = true;
    let wrong =
        Lab::new(world).env("AWS_SECRET_ACCESS_KEY", "AnotherSecretKeyThatDoesNotBelongHere001");
    let report = failed(doctor(&wrong, &[]), &["identity"]);
    assert!(check(&report, "identity").2.contains("does not belong to the access key id"));
    assert_eq!(check(&report, "clock").0, "ok");
}

#[test]
fn a_clock_that_is_off_is_measured_and_is_the_cause_of_what_fails() {
    let with = |ahead: i64, check_signatures: bool| {
        let (mut world, _) = right(1);
        (world.clock_ahead, world.check_signatures) = (ahead, check_signatures);
        Lab::new(world)
    };
    for (ahead, words) in [(150, " s behind AWS's"), (-150, " s ahead of AWS's")] {
        let report = doctor(&with(ahead, true), &[]).ends(0).json();
        let (status, fact, remedy) = check(&report, "clock");
        assert_eq!(status, "warning", "{fact}");
        assert!(fact.contains(words) && remedy.contains("NTP"), "{fact} {remedy}");
        let seconds = report["base"]["clock_ahead_seconds"].as_i64().unwrap();
        assert!((seconds - ahead).abs() <= 3, "{seconds}");
    }
    // Not all services are that strict: the accounts are asked all the same.
    let report = failed(doctor(&with(400, true), &[]), &["clock"]);
    assert_eq!(report["summary"]["ok"], 3);
    // Here every signature is refused, whatever is signed.
    let (mut world, _) = right(1);
    world.faults =
        vec![Rule::always(On::Only(Operation::GetCallerIdentity), Fault::ClockSkew(7200))];
    let report = failed(doctor(&Lab::new(world), &[]), &["identity", "clock"]);
    let (_, fact, remedy) = check(&report, "identity");
    assert!(fact.contains("clock") && fact.contains("makes every call fail"), "{fact}");
    assert!(remedy.contains("NTP"), "{remedy}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_a_check_like_any_other() {
    let lab = lab().config("accounts: {source: nowhere}\nswep: {}\n");
    let report = failed(doctor(&lab, &[]), &["configuration"]);
    let (_, fact, _) = check(&report, "configuration");
    assert!(fact.contains("nowhere") && fact.contains("swep"), "every mistake: {fact}");
    assert_eq!(check(&report, "credentials").0, "skipped");
}

#[test]
fn an_endpoint_that_is_down_is_told_with_its_name() {
    // A port that was free a moment ago.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lab = lab().env("AWS_ENDPOINT_URL_STS", &format!("http://{closed}"));
    let report = failed(doctor(&lab, &[]), &["identity"]);
    assert!(check(&report, "identity").1.contains("no connection"));
    let (status, fact, remedy) = check(&report, "endpoints");
    assert_eq!(status, "warning");
    assert!(fact.contains(&format!("AWS_ENDPOINT_URL_STS is http://{closed}")), "{fact}");
    assert!(remedy.contains("AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS"), "{remedy}");
}

#[test]
fn roles_on_the_way_are_asked_for_first() {
    let arn = |role: &str| format!("arn:aws:iam::{}:role/{role}", right(1).0.hub);
    let organization = format!(
        "accounts: {{source: organization, organization_role_arn: \"{}\"}}\n",
        arn("nobody")
    );
    let report = failed(doctor(&lab().config(&organization), &[]), &["organization_role_arn"]);
    assert_eq!(check(&report, "accounts").0, "skipped");
    let via = format!("{ORGANIZATION}access: {{via: [\"{}\"]}}\n", arn("nobody"));
    let report = failed(doctor(&lab().config(&via), &[]), &["via"]);
    assert!(check(&report, "via").2.contains(&arn("nobody")));
    // Only the account of the base credentials can be asked without it.
    assert_eq!((&report["summary"]["ok"], &report["summary"]["not_asked"]), (&json!(1), &json!(2)));
    let good = format!(
        "accounts: {{source: organization, organization_role_arn: \"{0}\"}}\naccess: {{via: [\"{0}\"]}}\n",
        arn("AdministratorRole")
    );
    let report = doctor(&lab().config(&good), &[]).ends(0).json();
    assert_eq!((check(&report, "via").0, check(&report, "organization_role_arn").0), ("ok", "ok"));
}

#[test]
fn a_list_of_accounts_needs_no_organization() {
    let (world, ids) = right(1);
    let list = format!("accounts: {{source: list, list: [{{id: \"{}\"}}]}}\n", ids[0]);
    let lab = Lab::new(world).config(&list);
    let report = doctor(&lab, &[]).ends(0).json();
    assert_eq!(report["summary"]["ok"], 1);
    assert!(check(&report, "accounts").1.contains("no Organizations call"));
    assert_eq!(lab.calls().of(Operation::ListAccounts), 0);
}

#[test]
fn no_organization_and_accounts_that_are_not_there_are_told() {
    let (mut world, _) = right(1);
    world.faults = vec![Rule::always(On::Organizations, Fault::NotInUse)];
    let calls = ["organizations:DescribeOrganization", "organizations:ListAccounts"];
    let report = failed(doctor(&Lab::new(world), &[]), &calls);
    assert!(check(&report, calls[1]).2.contains("source: list"));
    let report = failed(doctor(&lab(), &["--account", "000000000001"]), &["accounts"]);
    assert!(check(&report, "accounts").1.contains("no such account: 000000000001"));
    let nobody = "accounts: {source: organization, include: {tags: {environment: nowhere}}}\n";
    let report = failed(doctor(&lab().config(nobody), &[]), &["accounts"]);
    assert!(check(&report, "accounts").1.contains("no account is selected"));
}

#[test]
fn where_the_credentials_came_from_is_told_and_what_they_stand_in_the_way_of() {
    let plain = lab();
    let report = doctor(&plain, &[]).ends(0).json();
    let (status, fact, _) = check(&report, "credentials");
    assert!(status == "ok" && fact.contains("environment, decided by AWS_ACCESS_KEY_ID"), "{fact}");
    assert!(check(&report, "identity").1.contains(":user/rolewarden in account "));
    assert_eq!(report["base"]["provider"], "environment");
    // The same key, from a profile.
    let key = plain.running.credentials().access_key_id().to_owned();
    let profile =
        format!("[audit]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET_KEY}\n");
    let from_profile = lab().env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
    let file = from_profile.file("credentials", profile);
    let from_profile = from_profile
        .env("AWS_PROFILE", "audit")
        .env("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    let report = doctor(&from_profile, &[]).ends(0).json();
    let (status, fact, _) = check(&report, "credentials");
    assert!(status == "ok" && fact.contains("profile audit, decided by AWS_PROFILE"), "{fact}");
    assert_eq!(report["base"]["provider"], "profile");
    let pod = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let stray = lab().env(pod, "http://169.254.170.23/v1/credentials");
    let report = doctor(&stray, &[]).ends(0).json();
    let (status, fact, remedy) = check(&report, "credentials");
    assert_eq!(status, "warning");
    assert!(fact.contains("AWS_ACCESS_KEY_ID is used before EKS Pod Identity"), "{fact}");
    assert!(remedy.contains("take AWS_ACCESS_KEY_ID out of the environment"), "{remedy}");
}

#[test]
fn the_region_is_told_with_what_decides_it() {
    let cases = [
        (lab(), "no variable names one"),
        (lab().env("AWS_DEFAULT_REGION", "eu-west-1"), "eu-west-1 (AWS_DEFAULT_REGION)"),
        (lab().env("AWS_REGION", "eu-west-3"), "eu-west-3 (AWS_REGION)"),
        (
            lab().config(&format!("{ORGANIZATION}access: {{region: eu-north-1}}\n")),
            "eu-north-1 (access.region)",
        ),
    ];
    for (lab, words) in cases {
        let report = doctor(&lab, &[]).ends(0).json();
        let (status, fact, _) = check(&report, "region");
        assert!(status == "ok" && fact.contains(words), "{fact}");
    }
}

#[test]
fn the_report_goes_to_a_file_that_only_its_owner_reads() {
    let lab = lab();
    let run = doctor(&lab, &["--output", "report.json"]).ends(0);
    assert_eq!(run.stdout, "");
    let report: Value =
        serde_json::from_slice(&std::fs::read(lab.path("report.json")).unwrap()).unwrap();
    assert_eq!(report["outcome"], "ok");
    let mode = std::fs::metadata(lab.path("report.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    lab.run(&["doctor", "--output", "nowhere/report.json"]).fails(1, &["nowhere/report.json"]);
    lab.run(&["doctor", "--format", "csv"]).fails(2, &["csv", "text, json"]);
}
