//! Partitions and role ARNs.

use std::fmt;
use std::str::FromStr;

use super::AccountId;

/// An AWS partition, the second field of every ARN: `aws`, `aws-cn`, `aws-us-gov`, …
///
/// Open on purpose: a new partition must not need a new release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(String);

impl Partition {
    /// The commercial partition, which the built-in baseline is written for.
    pub const COMMERCIAL: &'static str = "aws";

    /// The text of the field.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition of any ARN, if the text has the shape of one.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let mut fields = arn.splitn(6, ':');
        let (head, partition) = (fields.next()?, fields.next()?);
        (head == "arn" && fields.count() == 4).then(|| partition.parse().ok()).flatten()
    }
}

impl Default for Partition {
    fn default() -> Self {
        Self(Self::COMMERCIAL.to_owned())
    }
}

impl FromStr for Partition {
    type Err = InvalidArn;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if s.len() <= 32 && s.split('-').all(word) && s.starts_with("aws") {
            Ok(Self(s.to_owned()))
        } else {
            Err(InvalidArn(super::printable_line(s, 64)))
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not the ARN of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role ARN: expected `arn:aws:iam::111122223333:role/name`")]
pub struct InvalidArn(pub String);

/// The ARN of an IAM role, taken apart: `arn:{partition}:iam::{account}:role{path}{name}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleArn {
    /// The partition.
    pub partition: Partition,
    /// The account the role lives in.
    pub account: AccountId,
    /// The path, beginning and ending with `/`.
    pub path: String,
    /// The name, without the path.
    pub name: String,
}

impl RoleArn {
    /// The ARN of a role in an account, from a name that may carry a path (`team/rolewarden-scan`).
    pub fn new(partition: Partition, account: AccountId, name_with_path: &str) -> Self {
        let (path, name) = Self::path_and_name(name_with_path);
        Self { partition, account, path, name }
    }

    /// Path and name of a role, from a name that may carry a path.
    pub fn path_and_name(name_with_path: &str) -> (String, String) {
        let trimmed = name_with_path.trim_start_matches('/');
        match trimmed.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name.to_owned()),
            None => ("/".to_owned(), trimmed.to_owned()),
        }
    }
}

impl FromStr for RoleArn {
    type Err = InvalidArn;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let fields: Vec<&str> = s.splitn(6, ':').collect();
            let ["arn", partition, "iam", "", account, resource] = fields.as_slice() else {
                return None;
            };
            let rest = resource.strip_prefix("role/")?;
            if rest.is_empty() || rest.ends_with('/') {
                return None;
            }
            Some(Self::new(partition.parse().ok()?, account.parse().ok()?, rest))
        };
        parse().ok_or_else(|| InvalidArn(super::printable_line(s, 256)))
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:iam::{}:role{}{}", self.partition, self.account, self.path, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_arn_survives_taking_apart_and_putting_together() {
        for arn in [
            "arn:aws:iam::111122223333:role/AmazonEKSConnectorAgentRole",
            "arn:aws-cn:iam::000000000001:role/team/sub/rolewarden-scan",
        ] {
            assert_eq!(arn.parse::<RoleArn>().unwrap().to_string(), arn);
        }
    }

    #[test]
    fn what_is_no_role_arn_is_refused() {
        for text in [
            "",
            "arn:aws:iam::111122223333:user/x",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam:us-east-1:111122223333:role/x",
            "arn:Aws:iam::111122223333:role/x",
        ] {
            assert!(text.parse::<RoleArn>().is_err(), "case `{text}`");
        }
    }

    #[test]
    fn the_partition_of_an_arn_is_its_second_field() {
        let of = |arn| Partition::of_arn(arn).map(|p| p.to_string());
        assert_eq!(
            of("arn:aws-us-gov:sts::111122223333:assumed-role/a/b").as_deref(),
            Some("aws-us-gov")
        );
        assert_eq!(of("aws-us-gov"), None);
        assert_eq!(of("arn:aws:iam"), None);
    }
}
