//! `check`: files instead of AWS, the same verdicts.

use rolewarden::model::AccountId;
use rolewarden::simulator::{Kind, Member, State, World, generate};
use serde_json::{Value, json};

use crate::support::{Lab, account, right_world, world_of};

/// How a document stands in a file.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Object,
    Text,
    Encoded,
}

const SHAPES: [Shape; 3] = [Shape::Object, Shape::Text, Shape::Encoded];

/// What `aws iam get-account-authorization-details` prints of an account.
fn details(world: &World, id: &AccountId, shape: Shape) -> Value {
    let member = &world.accounts[id];
    let document = |text: &str| match shape {
        Shape::Object => serde_json::from_str(text).unwrap(),
        Shape::Text => json!(text),
        Shape::Encoded => {
            json!(
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                    .to_string()
            )
        }
    };
    let name = |arn: &str| arn.rsplit('/').next().unwrap().to_owned();
    let roles = member.roles.iter().map(|(role_name, role)| {
        let inline = role.inline.iter().map(|(name, text)| json!({"PolicyName": name, "PolicyDocument": document(text)}));
        let attached = role.attached.iter().map(|arn| json!({"PolicyName": name(arn), "PolicyArn": arn}));
        let mut detail = json!({
            "Path": role.path, "RoleName": role_name, "RoleId": role.id, "Arn": role.arn("aws", id, role_name),
            "CreateDate": "2024-03-14T09:26:53+00:00", "AssumeRolePolicyDocument": document(&role.trust),
            "InstanceProfileList": [], "RoleLastUsed": {}, "RolePolicyList": inline.collect::<Vec<_>>(),
            "AttachedManagedPolicies": attached.collect::<Vec<_>>(),
            "Tags": role.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect::<Vec<_>>(),
            "MaxSessionDuration": role.max_session,
        });
        if let Some(arn) = &role.boundary {
            detail["PermissionsBoundary"] =
                json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn});
        }
        detail
    });
    let policies = world.aws_policies.iter().chain(&member.policies).map(|(arn, policy)| {
        json!({"PolicyName": name(arn), "Arn": arn, "DefaultVersionId": "v1", "PolicyVersionList": [
            {"VersionId": "v0", "IsDefaultVersion": false, "Document": {}},
            {"VersionId": "v1", "IsDefaultVersion": true, "Document": document(&policy.document)},
        ]})
    });
    json!({
        "UserDetailList": [{"UserName": "ci", "Arn": format!("arn:aws:iam::{id}:user/ci")}], "GroupDetailList": [],
        "RoleDetailList": roles.collect::<Vec<_>>(), "Policies": policies.collect::<Vec<_>>(),
    })
}

fn one_right() -> (Lab, World, AccountId) {
    let (world, id) = right_world();
    (Lab::new(world.clone()), world, id)
}

#[test]
fn the_verdicts_are_those_of_a_scan() {
    let world = generate(4, 60);
    let lab = Lab::new(world.clone());
    let scanned = lab.scan(&[]).ends(5).json();
    let open = |member: &&Member| member.state == State::Active && member.faults.is_empty();
    let ids: Vec<&AccountId> =
        world.accounts.iter().filter(|(_, member)| open(member)).map(|(id, _)| id).collect();
    let calls = lab.calls().total();
    for shape in SHAPES {
        let files: Vec<String> = ids.iter().map(|id| format!("{id}.json")).collect();
        for (id, file) in ids.iter().zip(&files) {
            lab.file(file, details(&world, id, shape).to_string());
        }
        let mut args = vec!["check", "--format", "json"];
        args.extend(files.iter().map(String::as_str));
        let checked = lab.run(&args).ends(3).json();
        assert_eq!(
            (&checked["sweep"]["mode"], &checked["sweep"]["complete"]),
            (&"check".into(), &true.into())
        );
        for id in &ids {
            let (mine, theirs) = (account(&checked, id), account(&scanned, id));
            for field in ["state", "role_arn", "checks", "findings"] {
                let kind = world.accounts[*id].kind;
                assert_eq!(mine[field], theirs[field], "{field} of {kind:?} as {shape:?}");
            }
        }
    }
    assert_eq!(lab.calls().total(), calls, "no AWS calls are made");
}

#[test]
fn the_exit_status_is_that_of_a_scan() {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::TerraformManaged, Kind::Everyone]);
    let lab = Lab::new(world.clone());
    let files = ["right.json", "low.json", "critical.json"];
    for (id, file) in ids.iter().zip(files) {
        lab.file(file, details(&world, id, Shape::Object).to_string());
    }
    let cases: &[(&[&str], i32)] = &[
        (&["right.json"], 0),
        (&["right.json", "low.json"], 3),
        (&["right.json", "low.json", "--fail-on", "medium"], 0),
        (&["right.json", "critical.json", "--exclude-account", ids[2].as_str()], 0),
        (&["right.json", "critical.json", "--account", ids[2].as_str()], 3),
    ];
    for (args, want) in cases {
        lab.run(&[&["check"], *args].concat()).ends(*want);
    }
    lab.run(&["check"]).fails(2, &["FILE"]);
    lab.run(&["check", "right.json", "--account", "111122223333"])
        .fails(1, &["no such account", "111122223333"]);
}

#[test]
fn stdin_is_a_file_and_one_account_may_come_twice() {
    let (lab, world, id) = one_right();
    let text = details(&world, &id, Shape::Object).to_string();
    lab.file("again.json", &text);
    let run = lab
        .run_with_input(&["check", "-", "again.json", "--format", "json"], text.as_bytes())
        .ends(0);
    let report = run.json();
    let entries = report["accounts"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert!(
        entries.iter().all(|entry| entry["id"] == id.as_str() && entry["state"] == "compliant"),
        "{run}"
    );
    lab.run_with_input(&["check", "-"], b"{}").fails(1, &["stdin", "RoleDetailList"]);
}

#[test]
fn a_role_that_is_not_there_is_absent() {
    let (world, ids) = world_of(&[Kind::Absent]);
    let lab = Lab::new(world.clone());
    lab.file("absent.json", details(&world, &ids[0], Shape::Object).to_string());
    let report = lab.run(&["check", "absent.json", "--format", "json"]).ends(3).json();
    assert_eq!(account(&report, &ids[0])["checks"]["role-exists"]["verdict"], "absent");
    let optional = lab.file("optional.yaml", "baseline: {presence: optional}\n");
    let args = ["check", "absent.json", "--format", "json", "--config", optional.to_str().unwrap()];
    let report = lab.run(&args).ends(0).json();
    assert_eq!(account(&report, &ids[0])["state"], "not_applicable");
}

#[test]
fn a_document_that_says_a_thing_twice_is_invalid() {
    let (lab, world, id) = one_right();
    let text = details(&world, &id, Shape::Object).to_string();
    let twice = text.replacen(r#""Effect":"Allow""#, r#""Effect":"Deny","Effect":"Allow""#, 1);
    assert_ne!(text, twice);
    lab.file("twice.json", twice);
    let run = lab.run(&["check", "twice.json", "--format", "json"]).ends(3);
    assert_eq!(account(&run.json(), &id)["checks"]["trust-policy"]["verdict"], "invalid", "{run}");
}

#[test]
fn a_file_that_is_not_one_whole_account_is_refused_by_name() {
    let (lab, world, id) = one_right();
    let whole = details(&world, &id, Shape::Object);
    let text = whole.to_string();
    let mut two = whole.clone();
    two["RoleDetailList"][0]["Arn"] =
        json!("arn:aws:iam::999988887777:role/AmazonEKSConnectorAgentRole");
    let mut first_page = whole.clone();
    first_page["IsTruncated"] = json!(true);
    let mut nobody = whole;
    nobody["RoleDetailList"] = json!([]);
    nobody["UserDetailList"] = json!([]);
    nobody["Policies"] = json!([]);
    let (two, first_page, nobody) = (two.to_string(), first_page.to_string(), nobody.to_string());
    let command = "get-account-authorization-details";
    let cases: &[(&str, &[u8], &[&str])] = &[
        ("cut.json", &text.as_bytes()[..text.len() - 40], &[command]),
        ("half.json", &text.as_bytes()[..text.len() / 2], &[command]),
        ("prose.json", b"An error occurred (AccessDenied)", &[command]),
        ("empty.json", b"", &[command]),
        ("list.json", b"[]", &[command]),
        ("other.json", br#"{"Role":{}}"#, &[command, "RoleDetailList"]),
        ("binary.json", b"\x7fELF\x00\xff\xfe\x1b[31m", &["UTF-8"]),
        ("two.json", two.as_bytes(), &["two accounts", "one account a file"]),
        ("page.json", first_page.as_bytes(), &["first page", "--no-paginate"]),
        ("nobody.json", nobody.as_bytes(), &["does not tell its account"]),
    ];
    lab.file("right.json", &text);
    for (file, bytes, words) in cases {
        lab.file(file, bytes);
        let run = lab
            .run(&["check", "right.json", file])
            .fails(1, words)
            .fails(1, &[file, "hint: make one file"]);
        assert!(!run.stderr.contains('\x1b'), "{run}");
    }
    std::fs::create_dir(lab.path("folder")).unwrap();
    lab.run(&["check", "folder"]).fails(1, &["folder", "directory"]);
    lab.run(&["check", "gone.json"]).fails(1, &["gone.json", "No such file"]);
}
