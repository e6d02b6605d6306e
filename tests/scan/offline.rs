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
fn stdin_is_a_file() {
    let (lab, world, id) = one_right();
    let text = details(&world, &id, Shape::Object).to_string();
    let run = lab.run_with_input(&["check", "-", "--format", "json"], text.as_bytes()).ends(0);
    assert_eq!(account(&run.json(), &id)["state"], "compliant", "{run}");
    lab.run_with_input(&["check", "-"], b"{}").fails(1, &["stdin", "RoleDetailList"]);
}

/// Files and stdin that hold one account twice, beside one that is good; and what is said of each that is not judged.
#[test]
fn an_account_in_two_files_is_judged_from_neither() {
    let (lab, world, id) = one_right();
    let text = details(&world, &id, Shape::Object).to_string();
    let other = text.replace(id.as_str(), "999900001111");
    lab.file("a.json", &text);
    lab.file("b.json", text.replace("ssm.amazonaws.com", "ec2.amazonaws.com"));
    lab.file("other.json", other);
    let both = format!("holds account {id}, as");
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["a.json", "b.json"],
            &["`a.json`: holds account", "`b.json` does", "`b.json`: holds account", &both],
        ),
        (&["a.json", "a.json"], &["`a.json`: is named 2 times"]),
        (&["a.json", "./a.json"], &["`a.json`: holds account", "`./a.json`: holds account"]),
        (
            &["a.json", "folder/../a.json"],
            &["`a.json`: holds account", "`folder/../a.json`: holds account"],
        ),
        (&["-", "a.json"], &["stdin: holds account", "as stdin does"]),
        (&["-", "-"], &["stdin: is named 2 times"]),
    ];
    std::fs::create_dir(lab.path("folder")).unwrap();
    for (files, words) in cases {
        let input = text.as_bytes();
        lab.run_with_input(&[&["check"], *files].concat(), input).fails(1, words);
        let args = [&["check", "--format", "json", "other.json"], *files].concat();
        let run = lab.run_with_input(&args, input).ends(4);
        let report = run.json();
        let judged: Vec<&Value> = report["accounts"].as_array().unwrap().iter().collect();
        assert_eq!((judged.len(), &judged[0]["id"]), (1, &json!("999900001111")), "{run}");
        for word in *words {
            assert!(run.stderr.contains(word), "`{word}`: {run}");
        }
    }
}

#[test]
fn a_role_that_is_not_there_is_absent() {
    let (world, ids) = world_of(&[Kind::Absent]);
    let lab = Lab::new(world.clone());
    lab.file("absent.json", details(&world, &ids[0], Shape::Object).to_string());
    let run = lab.run(&["check", "absent.json", "--format", "json"]).ends(3);
    assert!(run.stderr.contains("an export holds no role at all"), "{run}");
    let report = run.json();
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

/// A file of `tests/cases/policy`, its configuration, the status it ends with alone, words of stderr or of the account's
/// error, and the account's state where there is one.
type Case<'a> = (&'a str, Option<&'a str>, i32, &'a [&'a str], Option<&'a str>);

const CASES: &[Case<'_>] = &[
    (
        "cut-by-max-items-role-on-a-later-page.json",
        None,
        1,
        &["first page (NextToken is set)"],
        None,
    ),
    ("cut-by-max-items-role-on-a-later-page.json", Some("forbidden.yaml"), 1, &["NextToken"], None),
    ("cut-by-max-items-role-on-a-later-page.json", Some("optional.yaml"), 1, &["NextToken"], None),
    (
        "role-listed-twice-second-is-open-to-the-world.json",
        None,
        1,
        &["the role AmazonEKSConnectorAgentRole twice"],
        None,
    ),
    (
        "managed-policy-listed-twice-second-is-admin.json",
        Some("managed.yaml"),
        1,
        &["policy/x twice"],
        None,
    ),
    ("list-in-a-list-is-no-export.json", None, 1, &["is a list", "`RoleDetailList`"], None),
    ("export-utf16-by-powershell.json", None, 0, &[], Some("compliant")),
    ("export-utf8-with-byte-order-mark.json", None, 0, &[], Some("compliant")),
    (
        "export-powershell-null-lists.json",
        None,
        1,
        &["` is null: expected a list", "PowerShell", "Out-File -Encoding utf8"],
        None,
    ),
    (
        "attached-document-not-in-the-file.json",
        Some("attached-document-not-in-the-file.yaml"),
        4,
        &[
            "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
            "--filter Role LocalManagedPolicy AWSManagedPolicy",
        ],
        Some("unknown"),
    ),
];

#[test]
fn the_public_cases_of_exports_end_as_they_must() {
    let (lab, world, id) = one_right();
    lab.file("right.json", details(&world, &id, Shape::Object).to_string());
    let path = |name: &str| format!("{}/tests/cases/policy/{name}", env!("CARGO_MANIFEST_DIR"));
    for (file, config, status, words, state) in CASES {
        let mut args =
            vec!["check".to_owned(), "--format".to_owned(), "json".to_owned(), path(file)];
        args.extend(config.iter().flat_map(|config| ["--config".to_owned(), path(config)]));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let run = lab.run(&args).ends(*status);
        let case = format!("case {file} {config:?}: {run}");
        let Some(state) = state else {
            let run = run.fails(1, words).fails(1, &[file, "hint: make one file"]);
            assert_eq!(run.stderr.matches("hint: ").count(), 1, "{case}");
            continue;
        };
        let report = run.json();
        let [judged] = report["accounts"].as_array().unwrap().as_slice() else { panic!("{case}") };
        assert_eq!(judged["state"], *state, "{case}");
        let error = judged["error"].to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{case}");
        assert!(!error.contains("simplify it"), "{case}");
    }
    // Among good files the same files are named, and no more than that.
    let refused: Vec<_> =
        CASES.iter().filter(|case| case.4.is_none() && case.1.is_none()).collect();
    let mut args =
        vec!["check".to_owned(), "--format".to_owned(), "json".to_owned(), "right.json".to_owned()];
    args.extend(refused.iter().map(|case| path(case.0)));
    let run = lab.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).ends(4);
    let unread = run.json()["unread"].as_array().unwrap().clone();
    assert_eq!(unread.len(), refused.len(), "{run}");
    for ((file, .., words, _), unread) in refused.into_iter().zip(&unread) {
        assert_eq!(unread["file"], path(file).as_str(), "{run}");
        let (reason, line) = (
            unread["reason"].as_str().unwrap(),
            run.stderr.lines().find(|line| line.contains(file)),
        );
        assert!(reason.contains(words[0]) && line.unwrap().contains(reason), "{file}: {run}");
    }
}

#[test]
fn a_file_that_is_not_one_whole_account_is_refused_by_name() {
    let (lab, world, id) = one_right();
    let whole = details(&world, &id, Shape::Object);
    let text = whole.to_string();
    let with = |change: fn(&mut Value)| {
        let mut file = whole.clone();
        change(&mut file);
        file.to_string().into_bytes()
    };
    const COMMAND: &str = "get-account-authorization-details";
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("cut.json", text.as_bytes()[..text.len() - 40].to_vec(), &["cut off", COMMAND]),
        ("half.json", text.as_bytes()[..text.len() / 2].to_vec(), &["cut off", COMMAND]),
        ("prose.json", b"An error occurred (AccessDenied)".to_vec(), &["error message", COMMAND]),
        ("empty.json", vec![], &["is empty", COMMAND]),
        ("list.json", b"[]".to_vec(), &["is a list", COMMAND]),
        ("other.json", br#"{"Role":{}}"#.to_vec(), &["get-role", COMMAND, "RoleDetailList"]),
        ("roles.json", br#"{"Roles":[]}"#.to_vec(), &["list-roles", "RoleDetailList"]),
        ("binary.json", b"\x7fELF\x00\xff\xfe\x1b[31m".to_vec(), &["UTF-8"]),
        ("gzip.json", b"\x1f\x8b\x08".to_vec(), &["gzip"]),
        ("latin.json", b"{\"\xe4\": 1}".to_vec(), &["Latin-1", "0xe4"]),
        ("utf16.json", utf16(&text), &["UTF-16 without a byte order mark"]),
        ("yaml.json", b"RoleDetailList:\n- Arn: x\n".to_vec(), &["YAML"]),
        ("text.json", b"ROLEDETAILLIST\tarn:aws:iam::1:role/x\n".to_vec(), &["--output text"]),
        (
            "twice.json",
            format!("{text}\n{text}").into_bytes(),
            &["goes on after the export (line 2"],
        ),
        (
            "member.json",
            text.replacen("\"RoleId\"", "\"RoleName\":\"x\",\"RoleId\"", 1).into_bytes(),
            &["names `RoleDetailList[0].RoleName` twice"],
        ),
        ("nan.json", text.replacen("[]", "NaN", 1).into_bytes(), &["is not JSON", "line 1"]),
        (
            "two.json",
            with(|file| {
                let role = &mut file["RoleDetailList"][0];
                let name = role["RoleName"].as_str().unwrap().to_owned();
                role["Arn"] = json!(format!("arn:aws:iam::999988887777:role/{name}"));
            }),
            &["two accounts", "one account a file"],
        ),
        (
            "page.json",
            with(|file| file["IsTruncated"] = json!(true)),
            &["first page", "--no-paginate"],
        ),
        (
            "nobody.json",
            with(|file| {
                ["RoleDetailList", "UserDetailList", "Policies"]
                    .iter()
                    .for_each(|list| file[list] = json!([]))
            }),
            &["does not tell its account"],
        ),
    ];
    lab.file("right.json", &text);
    for (file, bytes, words) in &cases {
        lab.file(file, bytes);
        let run =
            lab.run(&["check", file]).fails(1, words).fails(1, &[file, "hint: make one file"]);
        assert!(!run.stderr.contains('\x1b'), "{run}");
        let run = lab.run(&["check", "right.json", file]).ends(4);
        assert!(words.iter().chain([file]).all(|word| run.stderr.contains(word)), "{run}");
        assert!(run.stdout.contains("INCOMPLETE: 1 file was not judged"), "{run}");
        assert!(
            run.stdout.contains(&format!("\n  {file}: ")) && !run.stdout.contains("OK:"),
            "{run}"
        );
    }
    std::fs::create_dir(lab.path("folder")).unwrap();
    lab.run(&["check", "folder"]).fails(1, &["folder", "directory"]);
    lab.run(&["check", "gone.json"]).fails(1, &["gone.json", "No such file"]);
}

#[test]
fn one_bad_file_keeps_no_other_from_being_judged() {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::Everyone]);
    let lab = Lab::new(world.clone());
    for (id, file) in ids.iter().zip(["right.json", "open.json"]) {
        lab.file(file, details(&world, id, Shape::Object).to_string());
    }
    lab.file("empty.json", "");
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["right.json", "empty.json"], 4, &["empty.json"]),
        (&["empty.json", "open.json"], 5, &["empty.json"]),
        (&["gone.json", "right.json", "empty.json", "open.json"], 5, &["gone.json", "empty.json"]),
        (
            &["right.json", "empty.json", "open.json", "--exclude-account", ids[1].as_str()],
            4,
            &["empty.json"],
        ),
    ];
    for (args, status, bad) in cases {
        for format in ["json", "ndjson"] {
            let run = lab.run(&[&["check", "--format", format], *args].concat()).ends(*status);
            let first = run.stdout.lines().next().unwrap();
            let report =
                if format == "json" { run.json() } else { serde_json::from_str(first).unwrap() };
            assert_eq!(report["sweep"]["complete"], false, "{run}");
            let unread: Vec<&Value> =
                report["unread"].as_array().unwrap().iter().map(|u| &u["file"]).collect();
            assert_eq!(unread, *bad, "{run}");
            assert!(bad.iter().all(|file| run.stderr.contains(&format!("`{file}`: "))), "{run}");
            assert_eq!(run.stderr.matches("hint: ").count(), 1, "{run}");
        }
    }
    lab.run(&["check", "gone.json", "empty.json"])
        .fails(1, &["2 files", "`gone.json`: ", "`empty.json`: is empty"]);
    let whole = lab.run(&["check", "right.json", "--format", "json"]).ends(0).json();
    assert!(whole.get("unread").is_none(), "left out where every file was judged: {whole}");
    // A bad file is named, too, where the run ends for another reason.
    let args = ["check", "right.json", "empty.json", "--account", "111122223333"];
    lab.run(&args).fails(1, &["`empty.json`: is empty", "no such account"]);
}

/// Members that say nothing about what is judged, whatever is in them, and members that may be left out.
const IDLE: [&str; 8] = [
    "CreateDate",
    "InstanceProfileList",
    "RoleLastUsed",
    "UserName",
    "RoleId",
    "Path",
    "DefaultVersionId",
    "VersionId",
];
const OPTIONAL: [&str; 6] = [
    "UserDetailList",
    "GroupDetailList",
    "PolicyName",
    "Tags",
    "MaxSessionDuration",
    "PermissionsBoundary",
];

/// Another shape of one value.
type Reshape = fn(&Value) -> Value;

/// Every export that differs from a good one in the shape of one value, named, with whether it may still be compliant.
fn misshapen(file: &Value) -> Vec<(String, bool, Value)> {
    fn walk(value: &Value, pointer: &str, found: &mut Vec<String>) {
        found.push(pointer.to_owned());
        match value {
            // Inside a document the policies' own parser decides.
            _ if pointer.ends_with("Document") => {}
            Value::Object(members) => {
                members
                    .iter()
                    .for_each(|(name, value)| walk(value, &format!("{pointer}/{name}"), found));
            }
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(n, value)| walk(value, &format!("{pointer}/{n}"), found));
            }
            _ => {}
        }
    }
    let (mut pointers, mut all) = (vec![], vec![]);
    walk(file, "", &mut pointers);
    for pointer in &pointers {
        let names: Vec<&str> = pointer
            .split('/')
            .filter(|name| !name.is_empty() && name.parse::<usize>().is_err())
            .collect();
        // The name of a policy stands in the list of policies too, where its ARN alone is read.
        let named_again = pointer.starts_with("/Policies/") && pointer.ends_with("/PolicyName");
        let idle = named_again || names.iter().any(|name| IDLE.contains(name));
        let shapes: [(&str, Reshape); 3] = [
            ("null", |_| Value::Null),
            ("listed", |value| json!([value])),
            ("by position", |value| match value {
                Value::Object(members) => members.values().cloned().collect(),
                other => json!({"x": other}),
            }),
        ];
        for (what, shape) in shapes {
            let mut changed = file.clone();
            let place = changed.pointer_mut(pointer).unwrap();
            *place = shape(place);
            all.push((format!("{pointer} {what}"), idle, changed));
        }
        let mut changed = file.clone();
        let (outer, name) = pointer.rsplit_once('/').unwrap_or(("", ""));
        if let Some(Value::Object(members)) =
            changed.pointer_mut(outer).filter(|_| !name.is_empty())
        {
            members.remove(name).unwrap();
            let optional = OPTIONAL.contains(&name) || IDLE.contains(&name);
            all.push((format!("{pointer} dropped"), idle || optional, changed));
        }
    }
    all
}

#[test]
fn no_export_of_another_shape_is_compliant() {
    let (world, ids) = world_of(&[Kind::TerraformManaged]);
    let (lab, id) = (Lab::new(world.clone()), &ids[0]);
    let accepted = lab.file("accepted.yaml", "checks: {inline-policy: {accept_managed: true}}\n");
    // A role that is right, where every part of an export says something of it: inline, attached, and as boundary.
    let mut whole = details(&world, id, Shape::Object);
    let role = &mut whole["RoleDetailList"][0];
    let arn = role["AttachedManagedPolicies"][0]["PolicyArn"].clone();
    role["PermissionsBoundary"] = json!({"PermissionsBoundaryArn": arn});
    let policies = whole["Policies"].as_array_mut().unwrap();
    policies.retain(|policy| policy["Arn"] == arn);
    let document = policies[0]["PolicyVersionList"][1]["Document"].clone();
    whole["RoleDetailList"][0]["RolePolicyList"] =
        json!([{"PolicyName": "same", "PolicyDocument": document}]);
    lab.file("whole.json", whole.to_string());
    let config = ["--format", "json", "--config", accepted.to_str().unwrap()];
    let run = lab.run(&[&["check", "whole.json"], config.as_slice()].concat()).ends(0);
    assert_eq!(account(&run.json(), id)["state"], "compliant", "{run}");
    let spoiled = misshapen(&whole);
    assert!(spoiled.len() > 100, "{}", spoiled.len());
    let (mut args, mut idle) = (vec!["check".to_owned()], vec![]);
    args.extend(config.iter().map(|arg| (*arg).to_owned()));
    // One run for all: every file is of another account.
    for (n, (what, may_pass, file)) in spoiled.iter().enumerate() {
        let (name, account) =
            (format!("{n}.json"), format!("{:012}", 500_000_000_000_u64 + n as u64));
        lab.file(&name, file.to_string().replace(id.as_str(), &account));
        args.push(name);
        idle.push((account, what, *may_pass));
    }
    let run = lab.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(matches!(run.status, Some(4 | 5)), "{}", run.stderr);
    let report = run.json();
    let accounts = report["accounts"].as_array().unwrap();
    let refused = report["unread"].as_array().unwrap().len();
    assert_eq!(accounts.len() + refused, spoiled.len(), "every file is judged or named");
    for entry in accounts {
        let (_, what, may_pass) =
            idle.iter().find(|(account, ..)| entry["id"] == account.as_str()).unwrap();
        assert!(*may_pass || entry["state"] != "compliant", "{what}: {entry}");
    }
}
