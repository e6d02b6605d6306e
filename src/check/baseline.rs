//! The baseline, compiled for an account: parsed policies and the documents as people would put them.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::kept::Same;
use crate::config::BaselineConfig;
use crate::model::{AccountId, Partition, Write};
use crate::policy::{ACCOUNT_TEMPLATE, Context, InvalidPolicy, Kind, Policy};

/// The baseline in one account.
#[derive(Debug)]
pub(super) struct Baseline {
    pub(super) trust: Policy,
    pub(super) inline: Policy,
    /// The documents with partition, account and service principal put in.
    pub(super) trust_document: Value,
    pub(super) inline_document: Value,
    /// Documents known to mean the same.
    pub(super) same_trust: Same,
    pub(super) same_inline: Same,
}

impl Baseline {
    /// Replaces the trust policy.
    pub(super) fn update_trust(&self) -> Write {
        Write::UpdateTrustPolicy { document: self.trust_document.to_string() }
    }

    /// Puts the inline policy under a name.
    pub(super) fn put_inline(&self, name: &str) -> Write {
        Write::PutInlinePolicy { name: name.to_owned(), document: self.inline_document.to_string() }
    }
}

/// Compiles baselines: once for all accounts, unless a document names the account.
#[derive(Debug)]
pub(super) struct Source {
    config: BaselineConfig,
    partition: Partition,
    shared: Option<Result<Arc<Baseline>, InvalidPolicy>>,
}

impl Source {
    pub(super) fn new(config: &BaselineConfig, partition: &Partition) -> Self {
        let mut source =
            Self { config: config.clone(), partition: partition.clone(), shared: None };
        let per_account = [&config.trust_policy, &config.inline_policy]
            .iter()
            .any(|t| t.contains(ACCOUNT_TEMPLATE));
        // Any account will do: none is named.
        if let (false, Ok(account)) = (per_account, "000000000000".parse()) {
            source.shared = Some(source.compile(&account).map(Arc::new));
        }
        source
    }

    pub(super) fn for_account(&self, account: &AccountId) -> Result<Arc<Baseline>, InvalidPolicy> {
        match &self.shared {
            Some(shared) => shared.clone(),
            None => self.compile(account).map(Arc::new),
        }
    }

    fn compile(&self, account: &AccountId) -> Result<Baseline, InvalidPolicy> {
        let context = Context { account: account.clone(), partition: self.partition.clone() };
        let service =
            self.config.service_principals.get(self.partition.as_str()).map(String::as_str);
        let localized = |text: &str| crate::policy::localized(text, &context, service);
        let parse = |kind, text| Policy::parse_baseline(kind, text, &context, service);
        Ok(Baseline {
            trust: parse(Kind::Trust, &self.config.trust_policy)?,
            inline: parse(Kind::Identity, &self.config.inline_policy)?,
            trust_document: localized(&self.config.trust_policy),
            inline_document: localized(&self.config.inline_policy),
            same_trust: Same::default(),
            same_inline: Same::default(),
        })
    }
}

/// SHA-256 over the baseline's meaning, as `sha256:…`: layout, order and Sids of the documents do not change it.
pub fn digest(config: &BaselineConfig) -> String {
    let context = |account| Context { account, partition: Partition::default() };
    let canonical = |kind, text: &str| {
        let account = "000000000000".parse::<AccountId>().ok()?;
        Policy::parse_baseline(kind, text, &context(account), None)
            .ok()
            .map(|policy| policy.canonical_text())
    };
    let mut hash = Sha256::new();
    hash.update(format!("{} {}\n", config.path, config.role_name));
    for (kind, text) in
        [(Kind::Trust, &config.trust_policy), (Kind::Identity, &config.inline_policy)]
    {
        hash.update(canonical(kind, text).unwrap_or_else(|| text.clone()));
        hash.update("\n");
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
