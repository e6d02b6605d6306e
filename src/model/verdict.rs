//! Verdicts and witnesses: what the policy engine decides and how it proves it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

/// The one closed set of verdicts, used by types, JSON, metrics and pages alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Allows exactly the baseline's requests, unconditionally.
    Equivalent,
    /// Some baseline request is never allowed; nothing beyond the baseline can be allowed.
    Missing,
    /// Every baseline request is allowed (perhaps conditionally), and something beyond it can be.
    Excess,
    /// Both.
    MissingAndExcess,
    /// Nothing missing, nothing in excess, but some baseline request is allowed, or denied, under a condition.
    Conditional,
    /// There is nothing to judge: no role, or no inline policy at all.
    Absent,
    /// Not one strict policy document of that kind.
    Invalid,
    /// The work budget was spent; no claim is made.
    Undecided,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 8] = [
        Self::Equivalent,
        Self::Missing,
        Self::Excess,
        Self::MissingAndExcess,
        Self::Conditional,
        Self::Absent,
        Self::Invalid,
        Self::Undecided,
    ];

    /// The verdict's name in JSON, metrics and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equivalent => "equivalent",
            Self::Missing => "missing",
            Self::Excess => "excess",
            Self::MissingAndExcess => "missing_and_excess",
            Self::Conditional => "conditional",
            Self::Absent => "absent",
            Self::Invalid => "invalid",
            Self::Undecided => "undecided",
        }
    }
}

/// The checks of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckName {
    /// The role is there, under its exact name and path.
    RoleExists,
    /// Who may assume it.
    TrustPolicy,
    /// What its inline policies allow, taken together.
    InlinePolicy,
    /// Managed policies attached beyond or short of the configured lists.
    AttachedPolicies,
    /// Whether the connector can work: inline and attached together, cut by the boundary.
    EffectivePermissions,
    /// Path, boundary, longest session, tags.
    RoleAttributes,
    /// Every connected cluster works with the role; judged with presence `when-connected` only.
    ConnectorUsage,
    /// EKS's own role for the connector is there; off by default.
    ServiceLinkedRole,
}

impl CheckName {
    /// Every check, in the order reports show them.
    pub const ALL: [Self; 8] = [
        Self::RoleExists,
        Self::TrustPolicy,
        Self::InlinePolicy,
        Self::AttachedPolicies,
        Self::EffectivePermissions,
        Self::RoleAttributes,
        Self::ConnectorUsage,
        Self::ServiceLinkedRole,
    ];

    /// The check's name in configuration, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoleExists => "role-exists",
            Self::TrustPolicy => "trust-policy",
            Self::InlinePolicy => "inline-policy",
            Self::AttachedPolicies => "attached-policies",
            Self::EffectivePermissions => "effective-permissions",
            Self::RoleAttributes => "role-attributes",
            Self::ConnectorUsage => "connector-usage",
            Self::ServiceLinkedRole => "service-linked-role",
        }
    }
}

/// Which side allows the witness's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The baseline allows it, the role never does.
    Missing,
    /// The role may allow it, the baseline does not.
    Excess,
    /// Both may allow it, the role only under a condition.
    Conditional,
}

/// Whose request it is, or on what: the dimension of a request beside its action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Trust policies: who asks. `kind` is `Service`, `AWS`, `Federated` or `CanonicalUser`.
    Principal {
        /// The principal's type.
        kind: String,
        /// The principal's value.
        value: String,
    },
    /// Identity policies: on what.
    Resource(String),
}

/// A concrete request that tells the role and the baseline apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The principal or the resource.
    pub scope: Scope,
    /// The action, as `service:Name`.
    pub action: String,
    /// Which side allows it.
    pub side: Side,
    /// True when the two differ only where a condition of the baseline does not hold.
    pub outside_baseline_condition: bool,
    /// What the request needs beside its principal or resource, where the policy allows it under a condition only.
    pub needs: Needs,
}

/// The conditions of a request: as the policy writes them, and context under which they let the request through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The `Condition` block of the Allow that lets the request through; `None` where that Allow has none.
    pub conditions: Option<Value>,
    /// The `Condition` blocks of Denies that reach the request: none of them may hold.
    pub unless: Vec<Value>,
    /// Values of condition keys, in their usual spelling, under which the request passes; keys that are not here are absent
    /// from the request, or are not understood.
    pub context: BTreeMap<String, Vec<String>>,
}

impl Serialize for Witness {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Principal<'a> {
            r#type: &'a str,
            value: &'a str,
        }
        let mut s = serializer.serialize_struct("Witness", 7)?;
        match &self.scope {
            Scope::Principal { kind, value } => {
                s.serialize_field("principal", &Principal { r#type: kind, value })?;
                s.serialize_field("action", &self.action)?;
            }
            Scope::Resource(resource) => {
                s.serialize_field("action", &self.action)?;
                s.serialize_field("resource", resource)?;
            }
        }
        s.serialize_field("side", &self.side)?;
        if self.outside_baseline_condition {
            s.serialize_field("outside_baseline_condition", &true)?;
        }
        s.serialize_field("conditions", &self.needs.conditions)?;
        if !self.needs.unless.is_empty() {
            s.serialize_field("unless", &self.needs.unless)?;
        }
        if !self.needs.context.is_empty() {
            s.serialize_field("context", &self.needs.context)?;
        }
        s.end()
    }
}

/// The shape in reports, read back by the store.
impl<'de> Deserialize<'de> for Witness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Principal {
            r#type: String,
            value: String,
        }
        #[derive(Deserialize)]
        struct Shape {
            principal: Option<Principal>,
            resource: Option<String>,
            action: String,
            side: Side,
            #[serde(default)]
            outside_baseline_condition: bool,
            #[serde(default)]
            conditions: Option<Value>,
            #[serde(default)]
            unless: Vec<Value>,
            #[serde(default)]
            context: BTreeMap<String, Vec<String>>,
        }
        let shape = Shape::deserialize(deserializer)?;
        let scope = match (shape.principal, shape.resource) {
            (Some(Principal { r#type, value }), None) => Scope::Principal { kind: r#type, value },
            (None, Some(resource)) => Scope::Resource(resource),
            _ => return Err(serde::de::Error::custom("expected a principal or a resource")),
        };
        let Shape { action, side, outside_baseline_condition, .. } = shape;
        let needs =
            Needs { conditions: shape.conditions, unless: shape.unless, context: shape.context };
        Ok(Self { scope, action, side, outside_baseline_condition, needs })
    }
}
