//! `baseline`: what the role should be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::access::REGION;
use super::{POLICY_ARN, is_name, is_path};
use crate::config::combine::{List, MapOf, Nullable};
use crate::config::kinds::{OneOf, Span, Word};
use crate::config::reader::{Keys, Kind, Reading};
use crate::config::secret::read_file;
use crate::config::yaml::{Node, Value};
use crate::config::{BaselineConfig, Presence};
use crate::model::{Partition, printable_line};
use crate::policy::Kind as PolicyKind;

/// The built-in documents, byte for byte usable with the AWS CLI.
const TRUST_POLICY: &str =
    include_str!("../../../config/baseline/eks-connector-agent-trust-policy.json");
const INLINE_POLICY: &str =
    include_str!("../../../config/baseline/eks-connector-agent-policy.json");

const ROLE_NAME: Word<String> = Word {
    expects: "a role name of 1 to 64 letters, digits and `_+=,.@-`, without its path",
    pattern: "^[A-Za-z0-9_+=,.@-]{1,64}$",
    parse: |text| is_name(text, 64).then(|| text.to_owned()),
};

const PATH: Word<String> = Word {
    expects: "a path that begins and ends with `/`",
    pattern: "^/([!-~]+/)?$",
    parse: |text| is_path(text).then(|| text.to_owned()),
};

const POLICY_NAME: Word<String> = Word {
    expects: "a policy name of 1 to 128 letters, digits and `_+=,.@-`",
    pattern: "^[A-Za-z0-9_+=,.@-]{1,128}$",
    parse: |text| is_name(text, 128).then(|| text.to_owned()),
};

const PRESENCE: OneOf<Presence> = OneOf {
    words: &[
        ("required", Presence::Required),
        ("optional", Presence::Optional),
        ("when-connected", Presence::WhenConnected),
        ("forbidden", Presence::Forbidden),
    ],
    later: &[],
};

const PARTITION: Word<String> = Word {
    expects: "a partition such as aws-cn",
    pattern: "^aws[a-z0-9-]*$",
    parse: |text| text.parse::<Partition>().ok().map(|partition| partition.to_string()),
};

const SERVICE_PRINCIPAL: Word<String> = Word {
    expects: "a service principal such as ssm.amazonaws.com",
    pattern: "^[a-z0-9-]+(\\.[a-z0-9-]+)+$",
    parse: |text| {
        let label = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        (text.contains('.') && text.split('.').all(label)).then(|| text.to_owned())
    },
};

const TAG_KEY: Word<String> = Word {
    expects: "a tag key of 1 to 128 characters",
    pattern: "^.{1,128}$",
    parse: |text| (1..=128).contains(&text.chars().count()).then(|| text.to_owned()),
};

const TAG_VALUE: Word<String> = Word {
    expects: "a tag value of at most 256 characters",
    pattern: "^.{0,256}$",
    parse: |text| (text.chars().count() <= 256).then(|| text.to_owned()),
};

pub(super) fn baseline(keys: &mut Keys<'_, '_>) -> Option<BaselineConfig> {
    let role_name = keys.key(
        "role_name",
        "The role's exact name.",
        ROLE_NAME,
        json!("AmazonEKSConnectorAgentRole"),
    );
    let path = keys.key("path", "Its path.", PATH, json!("/"));
    let trust_policy = keys.key(
        "trust_policy",
        "Path of the trust policy document, relative to this file; null is the built-in one.",
        Nullable(Document(PolicyKind::Trust)),
        json!(null),
    );
    let inline_policy = keys.key(
        "inline_policy",
        "Path of the inline policy document, relative to this file; null is the built-in one.",
        Nullable(Document(PolicyKind::Identity)),
        json!(null),
    );
    let inline_policy_name = keys.key(
        "inline_policy_name",
        "Name the inline policy is put under, and read first.",
        POLICY_NAME,
        json!("AmazonEKSConnectorAgentPolicy"),
    );
    let presence =
        keys.key("presence", "Whether the role must be there.", PRESENCE, json!("required"));
    let max_session_duration = keys.key(
        "max_session_duration",
        "Longest MaxSessionDuration the role may have.",
        Span("1h", "12h"),
        json!("1h"),
    );
    let (service_principals, permissions_boundary, required_tags) = expectations(keys);
    let (regions, cluster_refresh) = clusters(keys, presence);
    Some(BaselineConfig {
        role_name: role_name?,
        path: path?,
        trust_policy: trust_policy?.unwrap_or_else(|| TRUST_POLICY.to_owned()),
        inline_policy: inline_policy?.unwrap_or_else(|| INLINE_POLICY.to_owned()),
        inline_policy_name: inline_policy_name?,
        presence: presence?,
        service_principals: service_principals?,
        max_session_duration: max_session_duration?,
        permissions_boundary: permissions_boundary?,
        required_tags: required_tags?,
        regions: regions?,
        cluster_refresh: cluster_refresh?,
    })
}

/// Where and how often connected clusters are looked for. Without the presence that needs them, nobody would look.
fn clusters(
    keys: &mut Keys<'_, '_>,
    presence: Option<Presence>,
) -> (Option<BTreeSet<String>>, Option<Duration>) {
    let doc =
        "Regions in which connected clusters are looked for, with `presence: when-connected`.";
    let regions = keys.key("regions", doc, List(REGION), json!([]));
    let doc = "How long what EKS said of an account is used again (when-connected).";
    let refresh = keys.key("cluster_refresh", doc, Span("1m", "7d"), json!("1h"));
    let needed = presence.is_none_or(|presence| presence == Presence::WhenConnected);
    match &regions {
        Some(regions) if presence.is_some() && needed && regions.is_empty() => {
            keys.problem(
                "regions",
                "is empty; `presence: when-connected` needs at least one region",
            );
        }
        Some(regions) if !needed && !regions.is_empty() => {
            keys.problem("regions", "is only read with `presence: when-connected`");
        }
        Some(_) | None => {}
    }
    (regions.map(|regions| regions.into_iter().collect()), refresh)
}

type Words = Option<BTreeMap<String, String>>;

/// What is expected only where a file says so.
fn expectations(keys: &mut Keys<'_, '_>) -> (Words, Option<Option<String>>, Words) {
    let service_principals = keys.key(
        "service_principals",
        "Service principal that replaces ssm.amazonaws.com in the baseline, by partition.",
        MapOf(PARTITION, SERVICE_PRINCIPAL),
        json!({}),
    );
    let permissions_boundary = keys.key(
        "permissions_boundary",
        "ARN of the permissions boundary it must have; ${rolewarden:account_id} is replaced. null: none required.",
        Nullable(POLICY_ARN),
        json!(null),
    );
    let required_tags =
        keys.key("required_tags", "Tags it must carry.", MapOf(TAG_KEY, TAG_VALUE), json!({}));
    (service_principals, permissions_boundary, required_tags)
}

/// The path of a policy document; reading it gives the document's text.
pub(super) struct Document(pub(super) PolicyKind);

impl Kind for Document {
    type Value = String;

    fn schema(&self) -> Json {
        json!({"type": "string", "title": "the path of a document", "minLength": 1})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<String> {
        let Value::Text(path) = &node.value else {
            reading.problem(
                node.place,
                format_args!("expected the path of a document, found {}", node.value.found()),
            );
            return None;
        };
        let text =
            read_file(path, reading).map_err(|what| reading.problem(node.place, what)).ok()?;
        let kind = match self.0 {
            PolicyKind::Trust => "trust policy",
            PolicyKind::Identity => "identity policy",
        };
        if let Err(why) = (reading.around.judge)(self.0, &text) {
            let path = printable_line(path, 256);
            reading.problem(
                node.place,
                format_args!("`{path}` is not one strict {kind}: {}", printable_line(&why, 512)),
            );
            return None;
        }
        Some(text)
    }
}
