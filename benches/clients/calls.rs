//! What both clients ask for: the constants of a scan with the default configuration, and a count of the calls.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

pub(super) const ROLE: &str = "AmazonEKSConnectorAgentRole";
pub(super) const POLICY: &str = "AmazonEKSConnectorAgentPolicy";
pub(super) const SCAN_ROLE: &str = "rolewarden-scan";
pub(super) const SESSION: &str = "rolewarden";
pub(super) const SESSION_SECONDS: i32 = 3600;

/// The session policy of one account's session, as the scan has it: it is most of what is sent.
pub(super) fn session_policy(account: &str) -> String {
    let reads = r#"["iam:GetRole","iam:GetRolePolicy","iam:ListRolePolicies","iam:ListAttachedRolePolicies"]"#;
    let role = format!("arn:aws:iam::{account}:role");
    let policies = format!("arn:aws:iam::{account}:policy/*");
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{reads},"Resource":["{role}/{ROLE}","{role}/*/{ROLE}"]}},{{"Effect":"Allow","Action":["iam:GetPolicy","iam:GetPolicyVersion"],"Resource":["arn:aws:iam::aws:policy/*","{policies}"]}}]}}"#
    )
}

/// Calls made, by operation.
#[derive(Default)]
pub(super) struct Calls(Mutex<BTreeMap<&'static str, u64>>);

impl Calls {
    pub(super) fn count(&self, operation: &'static str) {
        *self.0.lock().unwrap().entry(operation).or_default() += 1;
    }

    /// The client's one line of output.
    pub(super) fn result(&self, accounts: usize) -> Value {
        json!({"accounts": accounts, "calls": *self.0.lock().unwrap()})
    }
}
