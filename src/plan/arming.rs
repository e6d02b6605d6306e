//! What a person arms, as a short code: what would be written anywhere in this organization and, for `apply`, this plan.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Blocked;
use crate::config::Config;
use crate::model::printable_line;

/// Hexadecimal digits of a code, and of the part that stands for a plan.
const DIGITS: usize = 12;
const PLAN_DIGITS: usize = 16;

/// Between the code of a configuration and the part that stands for a plan.
const SEPARATOR: char = '.';

/// The code that arms the daemon: 12 hexadecimal digits over the organization and all that decides what would be written.
/// Another organization, baseline, attachments or actions have another code; the layout of documents changes nothing.
pub fn arming_code(config: &Config, organization: Option<&str>) -> String {
    let (baseline, checks, remediation) = (&config.baseline, &config.checks, &config.remediation);
    let document = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    let written: Value = json!({
        "organization": organization,
        "role_name": baseline.role_name,
        "path": baseline.path,
        "trust_policy": document(&baseline.trust_policy),
        "inline_policy": document(&baseline.inline_policy),
        "inline_policy_name": baseline.inline_policy_name,
        "presence": baseline.presence,
        "service_principals": baseline.service_principals,
        "permissions_boundary": baseline.permissions_boundary,
        "required_tags": baseline.required_tags,
        "disabled": checks.disabled,
        "required": checks.required_attachments,
        "allowed": checks.allowed_attachments,
        "accept_managed": checks.accept_managed,
        "actions": remediation.actions,
        "act_on": remediation.act_on,
    });
    digits(&[&written.to_string()], DIGITS)
}

/// The code that arms one thing alone, such as a plan: the daemon's code, and digits over the thing. The daemon takes it too,
/// and looks at the first part only.
pub fn bound_code(base: &str, bound: &impl Serialize) -> String {
    // Plain data is always JSON. Were it not, the code would stand for less than was read, so no code fits then.
    let Ok(bound) = serde_json::to_string(bound) else { return String::new() };
    format!("{base}{SEPARATOR}{}", digits(&[base, &bound], PLAN_DIGITS))
}

/// The daemon's part of a code.
pub fn standing_part(code: &str) -> &str {
    code.split_once(SEPARATOR).map_or(code, |(standing, _)| standing)
}

fn digits(texts: &[&str], count: usize) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    }
    let mut code: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    code.truncate(count);
    code
}

/// Whether a person armed what would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arming {
    /// The code fits.
    Armed,
    /// There is none.
    NotArmed,
    /// It is another one: this.
    Wrong(String),
}

impl Arming {
    /// Holds a code that was given against the one that fits.
    pub fn of(given: Option<&str>, fits: &str) -> Self {
        match given.filter(|given| !given.is_empty()) {
            None => Self::NotArmed,
            Some(given) if given == fits => Self::Armed,
            Some(given) => Self::Wrong(printable_line(given, 64)),
        }
    }

    /// Whether it is armed.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&self) -> Result<(), Blocked> {
        match self {
            Self::Armed => Ok(()),
            Self::NotArmed => Err(Blocked::NotArmed),
            Self::Wrong(given) => Err(Blocked::WrongCode(given.clone())),
        }
    }
}
