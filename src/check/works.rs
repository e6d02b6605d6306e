//! Where the connector works with a role that does not allow all of the baseline: for clusters of this account, of some
//! regions, of some names, or nowhere.
//!
//! Each answer is decided by the policy engine: the baseline is cut to the clusters in question and must be covered whole.
//! The regions and names to ask for are those the policies write, then all known regions.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Case, words};
use crate::model::{Verdict, printable_line};
use crate::policy::{Kind, Policy, Purse, covers_within, regions};

/// Regions, and cluster patterns, that are asked for at most: policy text is written by people we do not trust.
const ASKED: usize = 24;
/// Regions or clusters that a sentence names.
const NAMED: usize = 5;
/// What the connector does on the channel once the control channel is there. AWS names as their resource the channel's
/// region and account alone.
const ON_CHANNELS: [&str; 3] = [
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];
const CONTROL: &str = "ssmmessages:CreateControlChannel";

/// Whether, and where, the connector works for clusters of this account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Works {
    /// The role allows all of the baseline.
    Fully,
    /// It does, as far as conditions let it.
    Conditionally,
    /// It works, and not everywhere: `clusters in eu-west-1 of this account`.
    Only(String),
    /// It cannot.
    Nowhere,
    /// No claim is made.
    Unknown,
}

/// `policies`: each of them must allow a request (what the role carries, and its boundary); `texts`: their documents.
pub(super) fn works<'t>(
    case: &Case<'_>,
    policies: &[&Policy],
    texts: impl Iterator<Item = &'t str>,
) -> Works {
    let question = Question { case, policies, purse: RefCell::default() };
    question.answer(&Written::of(texts)).unwrap_or(Works::Unknown)
}

/// The comparison spent its budget.
#[derive(Debug)]
pub(super) struct Undecided;

struct Question<'a> {
    case: &'a Case<'a>,
    policies: &'a [&'a Policy],
    /// What all questions may cost together: an author of policies must not choose how long a scan thinks.
    purse: RefCell<Purse>,
}

/// Clusters of this account: a pattern of their region and one of their name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Clusters {
    region: String,
    name: String,
}

/// Clusters that the policies allow the connector to serve, and whether under a condition.
type Served = (Clusters, bool);

impl Clusters {
    fn all() -> Self {
        Self::in_region("*")
    }

    fn in_region(region: &str) -> Self {
        Self { region: region.to_owned(), name: "*".to_owned() }
    }
}

impl Question<'_> {
    fn answer(&self, written: &Written) -> Result<Works, Undecided> {
        if self.policies.iter().any(|policy| self.lacks_something_else(policy)) {
            return Ok(Works::Unknown);
        }
        if let Some(only) = self.allowed(&Clusters::all(), &[])? {
            return Ok(self.only(format!("clusters of account {}", self.case.account), only));
        }
        if !self.allowed_anywhere("*")? {
            return Ok(Works::Nowhere);
        }
        let (inside, outside) =
            self.split(written.regions.iter().map(|r| Clusters::in_region(r)))?;
        if let Some(works) = self.except(&outside)? {
            return Ok(works);
        }
        if let Some(works) = self.named(&inside) {
            return Ok(works);
        }
        let (inside, outside) = self.split(written.clusters.iter().cloned())?;
        if let Some(works) = self.except(&outside)? {
            return Ok(works);
        }
        if let Some(works) = self.named(&inside) {
            return Ok(works);
        }
        let known = regions(self.case.rules.partition.as_str()).iter();
        let (inside, _) = self.split(known.map(|region| Clusters::in_region(region)))?;
        match self.named(&inside) {
            Some(works) => Ok(works),
            None => self.somewhere_or_nowhere(written),
        }
    }

    /// The baseline has more than the connector's own actions, and the policy lacks some of that: what that breaks is not
    /// known here.
    fn lacks_something_else(&self, policy: &Policy) -> bool {
        let own: Vec<&str> = ON_CHANNELS.iter().copied().chain([CONTROL]).collect();
        let rest = self.parse(&json!([{"Effect": "Deny", "Action": own, "Resource": "*"}]));
        let rest = rest.and_then(|deny| Policy::union([self.case.baseline.inline.clone(), deny]));
        rest.is_none_or(|rest| self.covers(policy, &rest) == Verdict::Missing)
    }

    /// Those that the policies allow the connector to serve, with whether under a condition; and the others.
    fn split(
        &self,
        clusters: impl Iterator<Item = Clusters>,
    ) -> Result<(Vec<Served>, Vec<Clusters>), Undecided> {
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for clusters in clusters {
            match self.allowed(&clusters, &[])? {
                Some(conditional) => inside.push((clusters, conditional)),
                None => outside.push(clusters),
            }
        }
        Ok((inside, outside))
    }

    /// Whether the policies allow all that the baseline does for these clusters, less others; `Some(true)` under a condition.
    fn allowed(&self, clusters: &Clusters, less: &[Clusters]) -> Result<Option<bool>, Undecided> {
        let Some(wanted) = self.baseline_for(clusters, less) else { return Ok(None) };
        let mut conditional = false;
        for policy in self.policies {
            match self.covers(policy, &wanted) {
                Verdict::Undecided => return Err(Undecided),
                Verdict::Equivalent => {}
                Verdict::Conditional => conditional = true,
                _ => return Ok(None),
            }
        }
        Ok(Some(conditional))
    }

    /// The baseline, cut to what the connector asks for these clusters of this account, less others.
    fn baseline_for(&self, clusters: &Clusters, less: &[Clusters]) -> Option<Policy> {
        let deny = |action: Value, element: &str, resource: Value| json!({"Effect": "Deny", "Action": action, element: resource});
        let both: Vec<&str> = ON_CHANNELS.iter().copied().chain([CONTROL]).collect();
        let mut statements = vec![
            deny(json!(CONTROL), "NotResource", json!(self.cluster_arn(clusters))),
            deny(json!(ON_CHANNELS), "NotResource", json!(self.channel_arn(clusters))),
            // A wildcard crosses colons and slashes; a name of a region, an account or a cluster holds none.
            deny(json!(both), "Resource", json!(["*:*:*:*:*:*:*", "*/*/*"])),
        ];
        for clusters in less {
            statements.push(deny(json!(CONTROL), "Resource", json!(self.cluster_arn(clusters))));
            // Clusters of one region share its channel.
            statements.extend(
                (clusters.name == "*").then(|| {
                    deny(json!(ON_CHANNELS), "Resource", json!(self.channel_arn(clusters)))
                }),
            );
        }
        Policy::union([self.case.baseline.inline.clone(), self.parse(&Value::Array(statements))?])
    }

    fn cluster_arn(&self, Clusters { region, name }: &Clusters) -> String {
        let (partition, account) = (&self.case.rules.partition, self.case.account);
        format!("arn:{partition}:eks:{region}:{account}:cluster/{name}")
    }

    fn channel_arn(&self, Clusters { region, .. }: &Clusters) -> String {
        let (partition, account) = (&self.case.rules.partition, self.case.account);
        format!("arn:{partition}:ssmmessages:{region}:{account}:*")
    }

    fn covers(&self, policy: &Policy, wanted: &Policy) -> Verdict {
        covers_within(policy, wanted, &mut self.purse.borrow_mut()).verdict
    }

    fn meets(&self, policy: &Policy, wanted: &Policy) -> Result<bool, Undecided> {
        meets_within(policy, wanted, &mut self.purse.borrow_mut())
    }

    fn parse(&self, statements: &Value) -> Option<Policy> {
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        Policy::parse(Kind::Identity, &document, &self.case.context()).ok()
    }

    /// All clusters of this account but these, if that is so.
    fn except(&self, outside: &[Clusters]) -> Result<Option<Works>, Undecided> {
        if outside.is_empty() {
            return Ok(None);
        }
        let Some(conditional) = self.allowed(&Clusters::all(), outside)? else { return Ok(None) };
        let place = format!("clusters of this account except those {}", described(outside));
        Ok(Some(self.only(place, conditional)))
    }

    fn named(&self, inside: &[Served]) -> Option<Works> {
        let conditional = inside.first()?.1;
        let clusters: Vec<Clusters> = inside.iter().map(|(clusters, _)| clusters.clone()).collect();
        Some(self.only(format!("clusters {} of this account", described(&clusters)), conditional))
    }

    fn only(&self, place: String, conditional: bool) -> Works {
        Works::Only(if conditional {
            format!("{place}, and only under a condition")
        } else {
            place
        })
    }

    /// No cluster pattern of the policies is served whole, and no region: is a part of one?
    fn somewhere_or_nowhere(&self, written: &Written) -> Result<Works, Undecided> {
        let known = regions(self.case.rules.partition.as_str()).iter().copied();
        let mut parts = Vec::new();
        for region in written.regions.iter().map(String::as_str).chain(known) {
            let clusters = Clusters::in_region(region);
            if !parts.contains(&clusters) && self.allowed_anywhere(region)? {
                parts.push(clusters);
            }
        }
        Ok(match (parts.as_slice(), self.policies) {
            ([], _) => Works::Nowhere,
            (parts, [_]) => {
                Works::Only(format!("some clusters {} of this account", described(parts)))
            }
            // Each may allow another part.
            (_, _) => Works::Unknown,
        })
    }

    /// Whether each request that a cluster of this account in the region needs may be allowed, for one cluster or another.
    fn allowed_anywhere(&self, region: &str) -> Result<bool, Undecided> {
        let wanted = self.baseline_for(&Clusters::in_region(region), &[]);
        for action in ON_CHANNELS.iter().chain([&CONTROL]) {
            let only =
                self.parse(&json!([{"Effect": "Deny", "NotAction": action, "Resource": "*"}]));
            let wanted =
                wanted.clone().zip(only).and_then(|(all, only)| Policy::union([all, only]));
            let Some(wanted) = wanted else { return Err(Undecided) };
            if !self.meets(&self.case.baseline.inline, &wanted)? {
                continue;
            }
            for policy in self.policies {
                if !self.meets(policy, &wanted)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Whether the policy may allow any request of `wanted`.
pub(super) fn meets(policy: &Policy, wanted: &Policy) -> Result<bool, Undecided> {
    meets_within(policy, wanted, &mut Purse::default())
}

fn meets_within(policy: &Policy, wanted: &Policy, purse: &mut Purse) -> Result<bool, Undecided> {
    let asked = Policy::union([wanted.clone(), policy.denies().unconditional()]);
    let left = asked.clone().and_then(|asked| Policy::union([asked, policy.taken_away()]));
    let (Some(asked), Some(left)) = (asked, left) else { return Err(Undecided) };
    match covers_within(&left, &asked, purse).verdict {
        Verdict::Undecided => Err(Undecided),
        Verdict::Equivalent => Ok(false),
        _ => Ok(true),
    }
}

/// `in eu-west-1 and us-east-1`, `named prod-* in eu-west-1`.
fn described(clusters: &[Clusters]) -> String {
    let mut names: Vec<String> = clusters
        .iter()
        .take(NAMED)
        .map(|Clusters { region, name }| {
            let (region, name) = (printable_line(region, 64), printable_line(name, 64));
            match (region.as_str(), name.as_str()) {
                (_, "*") => region,
                ("*", _) => format!("named {name}"),
                _ => format!("named {name} in {region}"),
            }
        })
        .collect();
    if let more @ 1.. = clusters.len().saturating_sub(NAMED) {
        names.push(format!("{more} more"));
    }
    let of_names = names.first().is_some_and(|first| first.starts_with("named "));
    format!("{}{}", if of_names { "" } else { "in " }, words::list(&names))
}

/// The regions and clusters that policies write.
#[derive(Default)]
struct Written {
    regions: BTreeSet<String>,
    clusters: BTreeSet<Clusters>,
}

impl Written {
    fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut written = Self::default();
        for value in texts.filter_map(|text| serde_json::from_str(text).ok()) {
            written.read(&value);
        }
        written
    }

    fn read(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.arn(text),
            Value::Array(list) => list.iter().for_each(|value| self.read(value)),
            Value::Object(members) => members.values().for_each(|value| self.read(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn arn(&mut self, text: &str) {
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", _, _, region, _, resource] = *fields.as_slice() else { return };
        // A variable stands for what is not known here.
        if text.contains('$') || region.is_empty() {
            return;
        }
        let has_region = region.chars().any(|c| c != '*');
        if has_region && self.regions.len() < ASKED {
            self.regions.insert(region.to_owned());
        }
        let name = resource.strip_prefix("cluster/").filter(|name| *name != "*");
        if let (Some(name), true) = (name, self.clusters.len() < ASKED) {
            self.clusters.insert(Clusters { region: region.to_owned(), name: name.to_owned() });
        }
    }
}
