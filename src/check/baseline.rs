//! The baseline, compiled for an account: parsed policies and the documents as people would put them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::kept::Same;
use crate::config::{Acceptance, BaselineConfig, Principal};
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

    /// The baseline in an account, with what exceptions accept of its documents beside it.
    pub(super) fn accepting(
        &self,
        baseline: &Baseline,
        account: &AccountId,
        acceptances: &[&Acceptance],
    ) -> Result<Baseline, InvalidPolicy> {
        let context = Context { account: account.clone(), partition: self.partition.clone() };
        let service = self.service();
        let beside = |kind, own: &Policy, shown: &Value, texts: Vec<String>| {
            let parse = |text: &String| Policy::parse_baseline(kind, text, &context, service);
            let documents = texts.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
            let localized = |text: &String| crate::policy::localized(text, &context, service);
            let shown = together(shown, texts.iter().map(localized));
            Ok::<_, InvalidPolicy>((own.clone().accepting(documents), shown))
        };
        let trust = acceptances.iter().flat_map(|acceptance| trust_texts(acceptance)).collect();
        let inline = acceptances.iter().filter_map(|a| a.inline_policy.clone()).collect();
        let (trust, trust_document) =
            beside(Kind::Trust, &baseline.trust, &baseline.trust_document, trust)?;
        let (inline, inline_document) =
            beside(Kind::Identity, &baseline.inline, &baseline.inline_document, inline)?;
        let (same_trust, same_inline) = (Same::default(), Same::default());
        Ok(Baseline { trust, inline, trust_document, inline_document, same_trust, same_inline })
    }

    fn service(&self) -> Option<&str> {
        self.config.service_principals.get(self.partition.as_str()).map(String::as_str)
    }

    fn compile(&self, account: &AccountId) -> Result<Baseline, InvalidPolicy> {
        let context = Context { account: account.clone(), partition: self.partition.clone() };
        let service = self.service();
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

/// What an acceptance adds to the trust policy, as documents.
fn trust_texts(acceptance: &Acceptance) -> Vec<String> {
    let mut by_kind: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for Principal { kind, value, action } in &acceptance.principals {
        by_kind.entry((action, kind)).or_default().push(value);
    }
    let statements: Vec<Value> = by_kind
        .into_iter()
        .map(|((action, kind), values)| {
            json!({"Effect": "Allow", "Principal": {kind: values}, "Action": action})
        })
        .collect();
    let named = (!statements.is_empty())
        .then(|| json!({"Version": "2012-10-17", "Statement": statements}).to_string());
    named.into_iter().chain(acceptance.trust_policy.clone()).collect()
}

/// Several documents as one, to be shown. A Sid may stand only once, so those of the accepted ones go.
fn together(baseline: &Value, accepted: impl Iterator<Item = Value>) -> Value {
    let statements = |document: &Value| match document.get("Statement") {
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let mut all = statements(baseline);
    for mut statement in accepted.flat_map(|document| statements(&document)) {
        if let Value::Object(members) = &mut statement {
            members.remove("Sid");
        }
        all.push(statement);
    }
    let mut whole = baseline.clone();
    if let Value::Object(members) = &mut whole {
        members.insert("Statement".to_owned(), Value::Array(all));
    }
    whole
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
