//! The export's own shape: `GetAccountAuthorizationDetails` as the AWS CLI prints it, each thing in it once.

use std::collections::BTreeMap;

use super::document::Document;
use super::node::{At, Node};
use crate::model::{RoleArn, printable_line};

/// Longest name quoted in a message, in bytes: an ARN of IAM may have more, hostile text always has.
const QUOTED: usize = 256;

/// What a file says of an account, as far as judging needs it.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) roles: Vec<RoleDetail>,
    /// ARNs of users and groups: they tell the account too.
    pub(super) principals: Vec<String>,
    pub(super) policies: Vec<PolicyDetail>,
}

#[derive(Debug)]
pub(super) struct RoleDetail {
    pub(super) arn: RoleArn,
    pub(super) path: Option<String>,
    pub(super) id: String,
    pub(super) trust: Document,
    pub(super) inline: Vec<(String, Document)>,
    pub(super) attached: Vec<Attached>,
    /// ARN of the permissions boundary.
    pub(super) boundary: Option<String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) max_session_seconds: Option<u32>,
}

#[derive(Debug)]
pub(super) struct Attached {
    pub(super) name: Option<String>,
    pub(super) arn: String,
}

#[derive(Debug)]
pub(super) struct PolicyDetail {
    pub(super) arn: String,
    /// The document of the version in force; `None` where no version says that it is.
    pub(super) document: Option<Document>,
}

struct Version {
    id: Option<String>,
    document: Document,
    is_default: bool,
}

impl Export {
    /// # Errors
    /// What the file is in place of an export, or where it contradicts itself.
    pub(super) fn read(file: At<'_, '_>) -> Result<Self, String> {
        if let Some(other) = other_output(file.node()) {
            return Err(other);
        }
        let roles = file.required("RoleDetailList")?.each(RoleDetail::read)?;
        let users = list(&file, "UserDetailList", arn)?;
        let groups = list(&file, "GroupDetailList", arn)?;
        let policies = list(&file, "Policies", PolicyDetail::read)?;
        // A name of IAM is one account's own, without its case and whatever its path.
        once("the role", roles.iter().map(|role| role.arn.name.as_str()))?;
        once("the user", users.iter().map(|arn| name_of(arn)))?;
        once("the group", groups.iter().map(|arn| name_of(arn)))?;
        once("the policy", policies.iter().map(|policy| policy.arn.as_str()))?;
        Ok(Self { roles, principals: users.into_iter().chain(groups).collect(), policies })
    }
}

impl RoleDetail {
    fn read(role: At<'_, '_>) -> Result<Self, String> {
        let arn: RoleArn = arn(role)?
            .parse()
            .map_err(|error| role.wrong(format!("has a wrong `Arn`: {error}")))?;
        let name = role.required("RoleName")?.text()?;
        if arn.name != name {
            let name = printable_line(&name, QUOTED);
            return Err(
                role.wrong(format!("contradicts itself: `RoleName` is {name}, `Arn` is {arn}"))
            );
        }
        let inline = role.required("RolePolicyList")?.each(|policy| {
            let name = policy.required("PolicyName")?.text()?;
            Ok((name, policy.required("PolicyDocument")?.document()?))
        })?;
        let attached = role.required("AttachedManagedPolicies")?.each(|policy| {
            let name = text(&policy, "PolicyName")?;
            Ok(Attached { name, arn: policy.required("PolicyArn")?.text()? })
        })?;
        let tags = list(&role, "Tags", |tag| {
            Ok((tag.required("Key")?.text()?, tag.required("Value")?.any_text()?))
        })?;
        let boundary = role.optional("PermissionsBoundary")?;
        let boundary =
            boundary.map(|b| b.required("PermissionsBoundaryArn")?.text()).transpose()?;
        let longest = role.optional("MaxSessionDuration")?;
        let inside = |problem: String| role.wrong(problem);
        once("the inline policy", inline.iter().map(|(name, _)| name.as_str())).map_err(inside)?;
        once("the managed policy", attached.iter().map(|policy| policy.arn.as_str()))
            .map_err(inside)?;
        once("the tag", tags.iter().map(|(key, _)| key.as_str())).map_err(inside)?;
        Ok(Self {
            path: text(&role, "Path")?,
            id: text(&role, "RoleId")?.unwrap_or_default(),
            trust: role.required("AssumeRolePolicyDocument")?.document()?,
            max_session_seconds: longest.map(|seconds| seconds.number()).transpose()?,
            boundary,
            arn,
            inline,
            attached,
            tags,
        })
    }
}

impl PolicyDetail {
    fn read(policy: At<'_, '_>) -> Result<Self, String> {
        let arn = arn(policy)?;
        let default = text(&policy, "DefaultVersionId")?;
        let versions = list(&policy, "PolicyVersionList", Version::read)?;
        let shown = || printable_line(&arn, QUOTED);
        let wrong = |problem: String| Err(policy.wrong(format!("({}) {problem}", shown())));
        once("the version", versions.iter().filter_map(|version| version.id.as_deref()))
            .map_err(|problem| policy.wrong(format!("({}) {problem}", shown())))?;
        let mut defaults = versions.iter().filter(|version| version.is_default);
        let (first, second) = (defaults.next(), defaults.next());
        if second.is_some() {
            return wrong(
                "has two default versions: expected one with `IsDefaultVersion` true".to_owned(),
            );
        }
        let of_id = |id: &String| versions.iter().find(|version| version.id.as_ref() == Some(id));
        match (&default, first) {
            // Which version is in force is said twice: the two must agree.
            (Some(id), Some(version)) if version.id.as_ref() != Some(id) => {
                let (id, other) =
                    (printable_line(id, 64), version.id.as_deref().unwrap_or("without VersionId"));
                wrong(format!(
                    "contradicts itself: `DefaultVersionId` is {id}, but the version with `IsDefaultVersion` true is {}",
                    printable_line(other, 64)
                ))
            }
            (Some(id), None) if of_id(id).is_some() => {
                let id = printable_line(id, 64);
                wrong(format!(
                    "contradicts itself: `DefaultVersionId` is {id}, but that version's `IsDefaultVersion` is false"
                ))
            }
            (_, version) => {
                Ok(Self { document: version.map(|version| version.document.clone()), arn })
            }
        }
    }
}

impl Version {
    fn read(version: At<'_, '_>) -> Result<Self, String> {
        Ok(Self {
            id: text(&version, "VersionId")?,
            document: version.required("Document")?.document()?,
            is_default: version.required("IsDefaultVersion")?.flag()?,
        })
    }
}

/// A list that may be left out.
fn list<'f, T>(
    object: &At<'_, 'f>,
    name: &str,
    read: impl Fn(At<'_, 'f>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    object.optional(name)?.map_or_else(|| Ok(Vec::new()), |list| list.each(read))
}

/// A text that may be left out.
fn text(object: &At<'_, '_>, name: &str) -> Result<Option<String>, String> {
    object.optional(name)?.map(|value| value.text()).transpose()
}

fn arn(object: At<'_, '_>) -> Result<String, String> {
    object.required("Arn")?.text()
}

/// The last part of an ARN, which IAM keeps unique.
fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Refuses a name that stands twice, also in another case: which of the two counts would be a guess.
fn once<'n>(what: &str, names: impl Iterator<Item = &'n str>) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for name in names {
        let Some(first) = seen.insert(name.to_ascii_lowercase(), name) else { continue };
        let shown = printable_line(name, QUOTED);
        let also = match first == name {
            true => String::new(),
            false => format!(
                " (once as {}: IAM does not tell names apart by case)",
                printable_line(first, QUOTED)
            ),
        };
        return Err(format!("names {what} {shown} twice{also}: expected it once"));
    }
    Ok(())
}

/// Another output than an export, named; `None` where it has the export's first member, or nothing is known of it.
fn other_output(file: &Node<'_>) -> Option<String> {
    const WANTED: &str = "expected one object with `RoleDetailList`";
    let has = |node: &Node<'_>, name: &str| matches!(node, Node::Object(members) if members.iter().any(|(n, _)| n == name));
    let what = match file {
        Node::List(items) if items.iter().any(|page| has(page, "RoleDetailList")) => {
            "is a list of pages, as SDKs collect them: export with the AWS CLI, which joins the pages"
        }
        Node::List(items) if items.iter().any(|item| has(item, "RoleName")) => {
            "is a list of roles (`--query`, or part of another output)"
        }
        Node::List(_) => "is a list (`--query`, or another program's output)",
        Node::Object(_) if has(file, "RoleDetailList") => return None,
        Node::Object(_) if has(file, "Roles") => {
            "is the output of `aws iam list-roles`, which leaves out policies and boundaries"
        }
        Node::Object(_) if has(file, "Role") => {
            "is the output of `aws iam get-role`, which leaves out the role's policies"
        }
        Node::Object(_) if has(file, "RoleName") => {
            "is one role (`--query`, or part of another output)"
        }
        Node::Object(_) if has(file, "Users") => "is the output of `aws iam list-users`",
        Node::Object(_) if has(file, "Policies") && !has(file, "UserDetailList") => {
            "is the output of `aws iam list-policies`, or an export without its roles"
        }
        Node::Object(_) => return None,
        Node::Text(_) => "is a string",
        Node::Null => "is null (`--query` found nothing?)",
        Node::Bool(_) | Node::Number(_) | Node::Document(_) => "is a single value",
    };
    Some(format!("{what}; {WANTED}"))
}
