//! Files that are one whole account, and files that are not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;
const AWS_POLICY: &str = "arn:aws:iam::aws:policy/x";
const OWN_POLICY: &str = "arn:aws:iam::111122223333:policy/own";

fn file(document: &str) -> String {
    format!(
        r#"{{"RoleDetailList":[{{"Arn":"arn:aws:iam::111122223333:role/r","RoleName":"r","RoleId":"AROA",
        "AssumeRolePolicyDocument":{document},"RolePolicyList":[],"AttachedManagedPolicies":[]}}],"Policies":[]}}"#
    )
}

/// An export in which everything that is read is there.
fn whole() -> Value {
    let document: Value = serde_json::from_str(TRUST).unwrap();
    json!({
        "UserDetailList": [{"UserName": "u", "Arn": "arn:aws:iam::111122223333:user/u"}],
        "GroupDetailList": [{"GroupName": "g", "Arn": "arn:aws:iam::111122223333:group/g"}],
        "RoleDetailList": [{
            "Path": "/", "RoleName": "r", "RoleId": "AROA", "Arn": "arn:aws:iam::111122223333:role/r",
            "AssumeRolePolicyDocument": document,
            "RolePolicyList": [{"PolicyName": "i", "PolicyDocument": document}],
            "AttachedManagedPolicies": [
                {"PolicyName": "own", "PolicyArn": OWN_POLICY},
                {"PolicyName": "elsewhere", "PolicyArn": "arn:aws:iam::aws:policy/elsewhere"},
            ],
            "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": AWS_POLICY},
            "Tags": [{"Key": "k", "Value": ""}],
        }],
        "Policies": [own("v2"), {"Arn": AWS_POLICY, "PolicyVersionList": [
            {"VersionId": "v1", "IsDefaultVersion": true, "Document": document}]}],
        "IsTruncated": false,
    })
}

/// A policy with this default version.
fn own(default: &str) -> Value {
    let version = |id: &str| json!({"VersionId": id, "IsDefaultVersion": id == default, "Document": {"Id": id}});
    json!({"Arn": OWN_POLICY, "DefaultVersionId": default, "PolicyVersionList": [version("v1"), version("v2")]})
}

fn read_json(file: &Value) -> Result<Details, String> {
    read(file.to_string().as_bytes(), "r", &[])
}

fn role_of(details: Details) -> Role {
    match details.snapshot {
        Snapshot::Present(role) => *role,
        Snapshot::Absent => panic!("the role is in the file"),
    }
}

#[test]
fn a_whole_export_is_read() {
    let role = role_of(read_json(&whole()).unwrap());
    assert_eq!((role.arn.name.as_str(), role.id.as_str()), ("r", "AROA"));
    assert_eq!(role.attached[OWN_POLICY].document.as_deref(), Some(r#"{"Id":"v2"}"#));
    assert_eq!(role.attached["arn:aws:iam::aws:policy/elsewhere"].document, None);
    assert_eq!(role.boundary.unwrap().1.document.as_deref(), Some(TRUST));
    assert_eq!(role.tags["k"], "");
}

#[test]
fn a_document_may_be_an_object_a_text_or_percent_encoded() {
    let trust = |text: &str| role_of(read(file(text).as_bytes(), "r", &[]).unwrap()).trust_policy;
    for (document, want) in [
        (r#"{"a": 1, "a": 2}"#, r#"{"a": 1, "a": 2}"#),
        (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
        (r#""%7B%22a%22%3A%201%7D""#, r#"{"a": 1}"#),
    ] {
        assert_eq!(trust(document), want, "case {document}");
    }
}

#[test]
fn a_document_that_is_none_is_refused_by_path() {
    let cases = [
        ("null", "is null"),
        ("[]", "is a list"),
        ("[{}]", "is a list"),
        ("1", "is a number"),
        ("-1", "is a number"),
        ("true", "is a boolean"),
        (r#""""#, "is empty"),
        (r#"" \n""#, "is empty"),
        (r#""null""#, "is null"),
        (r#""%7B%2""#, "trust policy: the policy document has a `%`"),
        (r#""\ud800""#, "is not a string"),
        (r#""@{Version=2012-10-17; Statement=System.Object[]}""#, "ConvertTo-Json"),
        (r#""System.Collections.Hashtable""#, "ConvertTo-Json"),
        (r#""{'Version': '2012-10-17'}""#, "Python"),
    ];
    for (document, want) in cases {
        let error = read(file(document).as_bytes(), "r", &[]).unwrap_err();
        assert!(error.contains(want), "case {document}: {error}");
        let named = error.starts_with("`RoleDetailList[0].AssumeRolePolicyDocument` ")
            || error.starts_with("role r: trust policy: ");
        assert!(named, "case {document}: {error}");
    }
}

/// An export with one thing changed, and a part of what must be said of it.
type Spoiled = (&'static str, fn(&mut Value), &'static str);

const SPOILED: &[Spoiled] = &[
    (
        "no roles",
        |f| drop(f.as_object_mut().unwrap().remove("RoleDetailList")),
        "has no `RoleDetailList`",
    ),
    ("list-roles", |f| *f = json!({"Roles": []}), "`aws iam list-roles`"),
    ("get-role", |f| *f = json!({"Role": {}}), "`aws iam get-role`"),
    ("list-users", |f| *f = json!({"Users": []}), "`aws iam list-users`"),
    ("list-policies", |f| *f = json!({"Policies": []}), "`aws iam list-policies`"),
    ("one role", |f| *f = f["RoleDetailList"][0].clone(), "is one role"),
    ("roles alone", |f| *f = f["RoleDetailList"].clone(), "is a list of roles"),
    ("pages", |f| *f = json!([f.clone()]), "is a list of pages"),
    ("a list in a list", |f| *f = json!([[f["RoleDetailList"][0].clone()]]), "is a list"),
    ("a string", |f| *f = json!(f.to_string()), "is a string"),
    ("null", |f| *f = Value::Null, "is not JSON: it begins with `null`"),
    (
        "lower case",
        |f| *f = json!({"roleDetailList": []}),
        "has `roleDetailList`: expected `RoleDetailList`",
    ),
    (
        "boundary in lower case",
        |f| rename(&mut f["RoleDetailList"][0], "PermissionsBoundary", "permissionsBoundary"),
        "expected `PermissionsBoundary`",
    ),
    ("a token", |f| f["NextToken"] = json!("eyJ"), "first page (NextToken is set)"),
    ("a marker", |f| f["Marker"] = json!("AAA"), "first page (Marker is set)"),
    ("truncated", |f| f["IsTruncated"] = json!(true), "holds only the first page"),
    (
        "null roles",
        |f| f["RoleDetailList"] = Value::Null,
        "`RoleDetailList` is null: expected a list",
    ),
    ("null users", |f| f["UserDetailList"] = Value::Null, "`UserDetailList` is null"),
    ("null policies", |f| f["Policies"] = Value::Null, "`Policies` is null"),
    (
        "null inline",
        |f| f["RoleDetailList"][0]["RolePolicyList"] = Value::Null,
        "`RoleDetailList[0].RolePolicyList` is null: expected a list. The AWS CLI",
    ),
    (
        "null tags",
        |f| f["RoleDetailList"][0]["Tags"] = Value::Null,
        "`RoleDetailList[0].Tags` is null",
    ),
    (
        "null boundary",
        |f| f["RoleDetailList"][0]["PermissionsBoundary"] = Value::Null,
        "PermissionsBoundary` is null: expected an object",
    ),
    (
        "empty boundary",
        |f| f["RoleDetailList"][0]["PermissionsBoundary"] = json!({}),
        "has no `PermissionsBoundaryArn`",
    ),
    (
        "a role as a list",
        |f| f["RoleDetailList"][0] = json!(["arn", "r"]),
        "`RoleDetailList[0]` is a list: expected an object",
    ),
    (
        "roles as an object",
        |f| f["RoleDetailList"] = f["RoleDetailList"][0].clone(),
        "`RoleDetailList` is an object: expected a list",
    ),
    (
        "inline as a list",
        |f| f["RoleDetailList"][0]["RolePolicyList"][0] = json!(["i", {}]),
        "`RoleDetailList[0].RolePolicyList[0]` is a list",
    ),
    (
        "attached as text",
        |f| f["RoleDetailList"][0]["AttachedManagedPolicies"][0] = json!(OWN_POLICY),
        "`RoleDetailList[0].AttachedManagedPolicies[0]` is a string",
    ),
    (
        "a version as a list",
        |f| f["Policies"][0]["PolicyVersionList"][1] = json!([{}, true]),
        "`Policies[0].PolicyVersionList[1]` is a list",
    ),
    ("a user as text", |f| f["UserDetailList"][0] = json!("u"), "`UserDetailList[0]` is a string"),
    (
        "a tag as a list",
        |f| f["RoleDetailList"][0]["Tags"][0] = json!(["k", "v"]),
        "`RoleDetailList[0].Tags[0]` is a list",
    ),
    (
        "default as text",
        |f| f["Policies"][0]["PolicyVersionList"][1]["IsDefaultVersion"] = json!("true"),
        "IsDefaultVersion` is a string: expected true or false",
    ),
    ("the role twice", |f| twice(&mut f["RoleDetailList"], |_| {}), "names the role r twice"),
    (
        "the role twice, in other case",
        |f| {
            twice(&mut f["RoleDetailList"], |role| {
                role["RoleName"] = json!("R");
                role["Arn"] = json!("arn:aws:iam::111122223333:role/R");
            })
        },
        "names the role R twice",
    ),
    (
        "the role twice, at another path",
        |f| {
            twice(&mut f["RoleDetailList"], |role| {
                role["Arn"] = json!("arn:aws:iam::111122223333:role/team/r");
            })
        },
        "names the role r twice",
    ),
    ("a user twice", |f| twice(&mut f["UserDetailList"], |_| {}), "names the user u twice"),
    ("a group twice", |f| twice(&mut f["GroupDetailList"], |_| {}), "names the group g twice"),
    (
        "a policy twice",
        |f| twice(&mut f["Policies"], |_| {}),
        "names the policy arn:aws:iam::111122223333:policy/own twice",
    ),
    (
        "a policy twice, in other case",
        |f| {
            twice(&mut f["Policies"], |policy| {
                policy["Arn"] = json!("arn:aws:iam::111122223333:policy/OWN")
            })
        },
        "policy/OWN twice",
    ),
    (
        "attached twice",
        |f| twice(&mut f["RoleDetailList"][0]["AttachedManagedPolicies"], |_| {}),
        "`RoleDetailList[0]` names the managed policy",
    ),
    (
        "inline twice",
        |f| twice(&mut f["RoleDetailList"][0]["RolePolicyList"], |_| {}),
        "names the inline policy i twice",
    ),
    (
        "inline twice, in other case",
        |f| {
            twice(&mut f["RoleDetailList"][0]["RolePolicyList"], |policy| {
                policy["PolicyName"] = json!("I")
            })
        },
        "names the inline policy I twice",
    ),
    (
        "a tag twice",
        |f| twice(&mut f["RoleDetailList"][0]["Tags"], |tag| tag["Value"] = json!("2")),
        "names the tag k twice",
    ),
    (
        "a version twice",
        |f| {
            twice(&mut f["Policies"][0]["PolicyVersionList"], |v| {
                v["IsDefaultVersion"] = json!(false)
            })
        },
        "names the version v1 twice",
    ),
    (
        "two defaults",
        |f| f["Policies"][0]["PolicyVersionList"][0]["IsDefaultVersion"] = json!(true),
        "`Policies[0]` (arn:aws:iam::111122223333:policy/own) has two default versions",
    ),
    (
        "no default",
        |f| f["Policies"][1]["PolicyVersionList"][0]["IsDefaultVersion"] = json!(false),
        "role r: the managed policy arn:aws:iam::aws:policy/x has no default version",
    ),
    (
        "no versions",
        |f| f["Policies"][1]["PolicyVersionList"] = json!([]),
        "has no default version",
    ),
    (
        "a default that is false",
        |f| f["Policies"][0]["PolicyVersionList"][1]["IsDefaultVersion"] = json!(false),
        "`DefaultVersionId` is v2, but that version's `IsDefaultVersion` is false",
    ),
    (
        "another default",
        |f| f["Policies"][0]["DefaultVersionId"] = json!("v1"),
        "`DefaultVersionId` is v1, but the version with `IsDefaultVersion` true is v2",
    ),
    (
        "a version that does not say",
        |f| {
            drop(
                f["Policies"][0]["PolicyVersionList"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("IsDefaultVersion"),
            )
        },
        "`Policies[0].PolicyVersionList[0]` has no `IsDefaultVersion`",
    ),
    (
        "a version without document",
        |f| f["Policies"][0]["PolicyVersionList"][1]["Document"] = Value::Null,
        "`Policies[0].PolicyVersionList[1].Document` is null",
    ),
    (
        "another name",
        |f| f["RoleDetailList"][0]["RoleName"] = json!("s"),
        "`RoleName` is s, `Arn` is arn:aws:iam::111122223333:role/r",
    ),
    ("another path", |f| f["RoleDetailList"][0]["Path"] = json!("/team/"), "`Path` is /team/"),
    (
        "no ARN",
        |f| f["RoleDetailList"][0]["Arn"] = json!("role/r"),
        "has a wrong `Arn`: `role/r` is not a role ARN",
    ),
    (
        "two accounts",
        |f| f["Policies"][0]["Arn"] = json!("arn:aws:iam::999988887777:policy/p"),
        "holds ARNs of two accounts",
    ),
    (
        "two partitions",
        |f| f["UserDetailList"][0]["Arn"] = json!("arn:aws-cn:iam::111122223333:user/u"),
        "holds ARNs of two partitions",
    ),
    ("no account", |f| *f = json!({"RoleDetailList": []}), "does not tell its account"),
];

fn twice(list: &mut Value, change: impl FnOnce(&mut Value)) {
    let list = list.as_array_mut().unwrap();
    let mut again = list[0].clone();
    change(&mut again);
    list.push(again);
}

fn rename(object: &mut Value, from: &str, to: &str) {
    let value = object.as_object_mut().unwrap().remove(from).unwrap();
    object[to] = value;
}

#[test]
fn what_is_not_one_whole_account_is_refused() {
    for (case, spoil, want) in SPOILED {
        let mut file = whole();
        spoil(&mut file);
        let error = read_json(&file).expect_err(case);
        assert!(error.contains(want), "case `{case}`: {error}");
    }
}

#[test]
fn a_policy_that_no_role_needs_may_lack_its_default_version() {
    let mut file = whole();
    file["Policies"]
        .as_array_mut()
        .unwrap()
        .push(json!({"Arn": "arn:aws:iam::aws:policy/idle", "PolicyVersionList": []}));
    assert!(read_json(&file).is_ok());
}

#[test]
fn a_role_that_is_not_in_the_file_is_absent() {
    let details = read(file("{}").as_bytes(), "another", &["R", "other"]).unwrap();
    assert_eq!((details.snapshot, details.account.as_str()), (Snapshot::Absent, "111122223333"));
    assert!(
        matches!(details.others["R"], Snapshot::Present(_)),
        "IAM does not tell names apart by case"
    );
    assert_eq!(details.others["other"], Snapshot::Absent);
}

/// Where a value stands: names and indices.
type Path = Vec<Result<String, usize>>;

/// Members that hold no part of what is judged: an export without them, or with anything in them, says the same.
const IDLE: [&str; 8] = [
    "UserName",
    "GroupName",
    "RoleId",
    "Path",
    "DefaultVersionId",
    "VersionId",
    "PermissionsBoundaryType",
    "IsTruncated",
];

/// Every value but those inside documents, which are for the policies' own parser.
fn places(value: &Value, at: &Path, found: &mut Vec<Path>) {
    found.push(at.clone());
    let inside = matches!(at.last(), Some(Ok(name)) if name.ends_with("Document"));
    match value {
        _ if inside => {}
        Value::Object(members) => {
            for (name, value) in members {
                places(value, &[at.as_slice(), &[Ok(name.clone())]].concat(), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                places(value, &[at.as_slice(), &[Err(index)]].concat(), found);
            }
        }
        _ => {}
    }
}

fn at<'v>(file: &'v mut Value, path: &[Result<String, usize>]) -> &'v mut Value {
    path.iter().fold(file, |value, step| match step {
        Ok(name) => &mut value[name],
        Err(index) => &mut value[*index],
    })
}

proptest! {
    /// A change of shape anywhere either ends in a refusal, or leaves every word of the role as it was.
    #[test]
    fn a_change_of_shape_is_refused_or_says_the_same(pick in any::<prop::sample::Index>(), how in 0..5_u8) {
        let mut file = whole();
        let mut found = vec![];
        places(&file, &vec![], &mut found);
        let path = pick.get(&found);
        let place = at(&mut file, path);
        match how {
            0 => *place = Value::Null,
            1 => *place = json!([place.clone()]),
            2 => *place = match place.clone() {
                // Positions in place of names: what serde's derived readers take.
                Value::Object(members) => members.into_iter().map(|(_, value)| value).collect(),
                other => json!({"x": other}),
            },
            3 => *place = json!(7),
            _ => match path.split_last() {
                Some((Ok(name), outer)) => drop(at(&mut file, outer).as_object_mut().unwrap().remove(name)),
                // An element that is gone leaves a list of the same shape: another account, not a spoiled export.
                Some((Err(_), _)) | None => return Ok(()),
            },
        }
        let dropped = how == 4;
        let name = path.iter().rev().find_map(|step| step.as_ref().ok()).map_or("", String::as_str);
        match read_json(&file) {
            Err(error) => prop_assert!(!error.is_empty()),
            Ok(details) => {
                let (role, original) = (role_of(details), role_of(read_json(&whole()).unwrap()));
                let same = role == original;
                // A document that is gone makes its account unknown: also no word that was not said before.
                let fewer = role.documents().is_subset(&original.documents());
                let optional = ["UserDetailList", "GroupDetailList", "Policies", "PolicyName", "Tags", "PermissionsBoundary"];
                let allowed = IDLE.contains(&name) || dropped && optional.contains(&name);
                prop_assert!(allowed && (same || fewer), "{path:?} changed by {how}: {role:?}");
            }
        }
    }

    /// A file that breaks off anywhere is refused, whatever its encoding.
    #[test]
    fn a_file_cut_at_any_byte_is_refused(cut in any::<prop::sample::Index>(), utf16 in any::<bool>()) {
        let text = whole().to_string();
        let bytes: Vec<u8> = match utf16 {
            true => [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
            false => text.into_bytes(),
        };
        let cut = cut.index(bytes.len());
        prop_assert!(read(&bytes[..cut], "r", &[]).is_err(), "cut at {cut}");
    }

    /// Whatever the bytes: an answer, no panic; and nothing of it steers a terminal.
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let mut file = whole().to_string().into_bytes();
        let from = at.index(file.len());
        file.splice(from..from, bytes.iter().copied());
        for bytes in [bytes, file] {
            if let Err(error) = read(&bytes, "r", &[]) {
                prop_assert!(!error.chars().any(crate::model::is_dangerous), "{error:?}");
            }
        }
    }
}

impl Role {
    /// What is said by documents.
    fn documents(&self) -> std::collections::BTreeSet<&str> {
        let managed = self.attached.values().chain(self.boundary.iter().map(|(_, policy)| policy));
        let managed = managed.filter_map(|policy| policy.document.as_deref());
        let inline = self.inline.values().map(String::as_str);
        inline.chain(managed).chain([self.trust_policy.as_str()]).collect()
    }
}
