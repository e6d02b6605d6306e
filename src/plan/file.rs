//! A plan as a file: `rolewarden.plan/v1`, JSON, with a digest of its own so that what was edited by hand is not applied.
//!
//! The digest tells accidents and edits. It proves nothing about who wrote the file: what protects an account is that every
//! account is planned again from the role as it is, right before anything is written.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Plan;
use crate::model::json_pretty;

/// Largest plan that is read: 100,000 accounts with a few steps each fit.
pub const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The member that holds the digest.
const DIGEST: &str = "digest";

/// Why a text is no plan to go by.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPlan {
    /// It is not JSON, or not a plan's.
    #[error("it is not a plan that `rolewarden plan -o` wrote")]
    Shape(#[source] serde_json::Error),
    /// It is of another kind or version.
    #[error("its schema is `{0}`, and this rolewarden reads {schema}: make the plan anew", schema = Plan::SCHEMA)]
    Schema(String),
    /// It is not as it was written.
    #[error(
        "it was changed after it was made (its digest differs): make the plan anew, and leave the file as it is"
    )]
    Edited,
}

/// The plan as JSON, ending in a line feed.
///
/// # Errors
/// Only if a value in the plan cannot be JSON, which would be a defect.
pub fn to_json(plan: &Plan) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(plan)?;
    if let Value::Object(members) = &mut value {
        members.insert(DIGEST.to_owned(), Value::String(digest(plan)?));
    }
    Ok(json_pretty(&value)? + "\n")
}

/// Reads a plan back: whole, of this version, and as it was written.
///
/// # Errors
/// Why it is none.
pub fn from_json(text: &str) -> Result<Plan, InvalidPlan> {
    let mut value: Value = serde_json::from_str(text).map_err(InvalidPlan::Shape)?;
    let schema = value.get("schema").and_then(Value::as_str).unwrap_or_default();
    if schema != Plan::SCHEMA {
        return Err(InvalidPlan::Schema(crate::model::printable_line(schema, 64)));
    }
    let said = match &mut value {
        Value::Object(members) => members.remove(DIGEST),
        _ => None,
    };
    let plan: Plan = serde_json::from_value(value).map_err(InvalidPlan::Shape)?;
    let is = digest(&plan).map_err(InvalidPlan::Shape)?;
    if said.as_ref().and_then(Value::as_str) == Some(is.as_str()) {
        Ok(plan)
    } else {
        Err(InvalidPlan::Edited)
    }
}

fn digest(plan: &Plan) -> Result<String, serde_json::Error> {
    let digest = Sha256::digest(serde_json::to_vec(plan)?);
    Ok(format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
