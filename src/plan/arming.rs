//! What a person arms: what would be written anywhere, as a short code.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::Config;

/// Hexadecimal digits of a code.
const DIGITS: usize = 12;

/// The code that arms rolewarden for a configuration: 12 hexadecimal digits over all that decides what would be written.
/// Whoever changes the baseline, the attachments or the actions has to arm anew; layout of the documents changes nothing.
pub fn arming_code(config: &Config) -> String {
    let (baseline, checks, remediation) = (&config.baseline, &config.checks, &config.remediation);
    let document = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    let written: Value = json!({
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
    short(Sha256::digest(written.to_string()))
}

/// A code for one thing only: [`arming_code`], bound to what would be written. Where either differs, the code does.
pub fn bound_code(base: &str, bound: &impl Serialize) -> String {
    // Plain data is always JSON. Were it not, the code would stand for less than was read, so no code fits then.
    let Ok(bound) = serde_json::to_vec(bound) else { return String::new() };
    short(Sha256::new().chain_update(base).chain_update(bound).finalize())
}

fn short(digest: impl AsRef<[u8]>) -> String {
    let mut code: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    code.truncate(DIGITS);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_code_differs_where_the_base_or_what_it_is_bound_to_does() {
        let code = |base: &str, bound: &[&str]| bound_code(base, &bound);
        let plain = code("09cdc61c1d44", &["a", "b"]);
        assert_eq!(plain.len(), DIGITS);
        assert!(plain.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(plain, code("09cdc61c1d44", &["a", "b"]));
        for (case, other) in [
            ("another base", code("09cdc61c1d45", &["a", "b"])),
            ("another order", code("09cdc61c1d44", &["b", "a"])),
            ("less", code("09cdc61c1d44", &["a"])),
            ("nothing", code("09cdc61c1d44", &[])),
        ] {
            assert_ne!(plain, other, "case `{case}`");
        }
    }
}
