//! What is known of the context of a request: which condition keys it carries, and with which values.
//!
//! Facts come from the IAM User Guide, "AWS global condition context keys": which keys a service, a principal or an identity
//! provider sends. A key that is not here is opaque: nothing is claimed of it.

use std::collections::BTreeMap;

use super::condition::{Base, Operator, Test};
use super::glob::{Glob, Token};
use super::resources;

/// What is known of the context keys of a class of requests. Keys are folded to lower case.
#[derive(Debug, Clone, Default)]
pub struct Facts(BTreeMap<String, Fact>);

/// What is known of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// These requests never carry the key.
    Absent,
    /// They carry it with this value.
    Is(String),
    /// They carry it with some value of this form, and the caller may choose which.
    Any(Form),
}

/// The form of a key's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// Texts of a glob, and a usual one of them.
    Like(String, String),
    /// An organization's id: `o-` and 10 to 32 letters and digits.
    Organization,
    /// A path of an organization's tree, as `o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/`; of this organization, where it is known.
    OrganizationPath(Option<String>),
    /// An ARN.
    Arn(ArnForm),
}

/// ARNs of one service in one account; the region and the resource are free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArnForm {
    /// As `aws`.
    pub partition: String,
    /// As `ssm`.
    pub service: String,
    /// Whether it names a region, as IAM's do not.
    pub regional: bool,
    /// The account number.
    pub account: String,
}

impl Facts {
    /// Adds what is known of a key.
    #[must_use]
    pub fn with(mut self, key: &str, fact: Fact) -> Self {
        self.0.insert(key.to_ascii_lowercase(), fact);
        self
    }

    pub(super) fn of(&self, key: &str) -> Option<&Fact> {
        self.0.get(key)
    }

    /// The value of a policy variable, where the key of that name has one value.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        match self.0.get(&name.to_ascii_lowercase())? {
            Fact::Is(value) => Some(value),
            Fact::Absent | Fact::Any(_) => None,
        }
    }
}

/// What stands for a `*` in a value that is tried.
const ANYTHING: &str = "anything";

/// The usual spelling of a folded condition key; keys of identity providers and services as they are.
pub fn spelled(key: &str) -> &str {
    const KEYS: [&str; 21] = [
        "aws:SourceAccount",
        "aws:SourceArn",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalIsAWSService",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:PrincipalServiceName",
        "aws:PrincipalType",
        "aws:ResourceAccount",
        "aws:ResourceOrgID",
        "aws:RequestedRegion",
        "aws:SecureTransport",
        "aws:SourceIp",
        "aws:SourceVpc",
        "aws:SourceVpce",
        "aws:MultiFactorAuthPresent",
        "aws:TokenIssueTime",
        "sts:ExternalId",
    ];
    KEYS.iter().find(|known| known.eq_ignore_ascii_case(key)).copied().unwrap_or(key)
}

/// Why no value of a form can match a value of a test, or that one may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meet {
    Never(Problem),
    Maybe,
    /// The value matches every value of the form.
    Always,
    /// Nothing is claimed.
    Unknown,
}

/// What is wrong with the value of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The requests do not carry the key.
    Absent,
    /// The operator compares values of another type.
    Operator,
    /// The value has not the form of the key's values.
    Malformed,
    /// It names another partition.
    Partition,
    /// It names another service.
    Service,
    /// It names another account.
    Account,
    /// It names another organization.
    Organization,
    /// It names no region of the partition.
    Region,
    /// `*` or `?` in it are plain characters.
    Wildcard,
    /// It is another value.
    Other,
}

impl Form {
    /// Whether a value of the test can match a value of this form. `value` is resolved: no variables in it.
    pub(super) fn meets(&self, test: &Test, value: &Glob) -> Meet {
        let wild = test.operator.base.is_wild();
        match test.operator.base {
            // The fields that are known have no capitals.
            Base::StringEqualsIgnoreCase => return self.meets_folded(test, value),
            Base::StringEquals | Base::StringLike => {}
            Base::ArnLike => {
                return match self {
                    Self::Arn(form) => form.meets_fields(value),
                    Self::Organization | Self::OrganizationPath(_) => {
                        Meet::Never(Problem::Operator)
                    }
                    Self::Text | Self::Like(..) => Meet::Unknown,
                };
            }
            Base::Null => return Meet::Unknown,
            Base::Bool | Base::Numeric | Base::Date | Base::Ip | Base::Binary => {
                return match self {
                    Self::Text | Self::Like(..) => Meet::Unknown,
                    _ => Meet::Never(Problem::Operator),
                };
            }
        }
        let literal = value.as_literal();
        match (self, literal) {
            (Self::Text, _) => Meet::Maybe,
            (Self::Like(form, _), _) => meets_glob(form, value, wild),
            (Self::Organization, Some(id)) => match is_organization(&id) {
                true => Meet::Maybe,
                false => Meet::Never(Problem::Malformed),
            },
            (Self::Organization, None) => meets_glob("o-*", value, wild),
            (Self::OrganizationPath(id), Some(path)) => match path.split_once('/') {
                Some((head, _)) if !is_organization(head) => Meet::Never(Problem::Malformed),
                Some((head, _)) if id.as_deref().is_some_and(|id| id != head) => {
                    Meet::Never(Problem::Organization)
                }
                // The root comes second, and AWS ends every path with a slash.
                Some((_, rest)) if rest.starts_with("r-") && path.ends_with('/') => Meet::Maybe,
                _ => Meet::Never(Problem::Malformed),
            },
            (Self::OrganizationPath(id), None) => {
                let form = format!("{}/r-*/", id.as_deref().unwrap_or("o-*"));
                match meets_glob(&form, value, wild) {
                    Meet::Never(_) if id.is_some() => Meet::Never(Problem::Organization),
                    meet => meet,
                }
            }
            (Self::Arn(form), Some(arn)) => form.meets_fields(&Glob::literal(&arn)),
            (Self::Arn(form), None) => form.meets_whole(value),
        }
    }

    fn meets_folded(&self, test: &Test, value: &Glob) -> Meet {
        let folded = value.as_literal().unwrap_or_default().to_ascii_lowercase();
        let operator = Operator { base: Base::StringEquals, ..test.operator.clone() };
        self.meets(&Test { operator, ..test.clone() }, &Glob::literal(&folded))
    }

    /// Values that a request may well carry: a usual one, and the test's own values with their wildcards filled.
    pub(super) fn candidates(&self, values: &[Glob]) -> Vec<String> {
        let mut out = match self {
            Self::Text => vec!["example".to_owned()],
            Self::Like(_, usual) => vec![usual.clone()],
            Self::Organization => vec!["o-example0000".to_owned()],
            Self::OrganizationPath(id) => {
                let id = id.as_deref().unwrap_or("o-example0000");
                vec![format!("{id}/r-ab12/ou-ab12-11111111/")]
            }
            Self::Arn(form) => vec![form.usual(&[])],
        };
        for value in values {
            match self {
                Self::Arn(form) => {
                    out.push(form.usual(&fields(value)));
                    // `*:role/ci` crosses colons: what follows the last one is the resource.
                    let tail = value.tokens().rsplit(|token| *token == Token::Char(':')).next();
                    let tail = Glob::new(tail.unwrap_or_default().iter().copied());
                    let any = Glob::wild("*");
                    let mut fields = vec![any; 5];
                    fields.push(tail);
                    out.push(form.usual(&fields));
                }
                Self::Text | Self::Like(..) | Self::Organization | Self::OrganizationPath(_) => {}
            }
            out.push(filled(value));
        }
        match self {
            Self::Like(form, _) => {
                let form = Glob::wild(form);
                out.retain(|text| form.matches(text));
            }
            Self::Arn(form) => {
                out.retain(|text| form.meets_fields(&Glob::literal(text)) == Meet::Maybe)
            }
            Self::Organization => out.retain(|text| is_organization(text)),
            Self::Text | Self::OrganizationPath(_) => {}
        }
        out
    }
}

impl ArnForm {
    /// The six fields, each by itself: as ARN operators compare, and as a literal must be spelled.
    fn meets_fields(&self, value: &Glob) -> Meet {
        let fields = fields(value);
        let [arn, partition, service, region, account, resource] = fields.as_slice() else {
            // A lone `*` may stand for every ARN; AWS does not say.
            let lone = value.tokens() == [Token::Many];
            return if lone { Meet::Unknown } else { Meet::Never(Problem::Malformed) };
        };
        let checks = [
            (arn.matches("arn"), Problem::Malformed),
            (partition.matches(&self.partition), Problem::Partition),
            (service.matches(&self.service), Problem::Service),
            (account.matches(&self.account), account_problem(account)),
            (!resource.tokens().is_empty(), Problem::Malformed),
            (
                resource.as_literal().is_none_or(|text| text == "*" || !text.contains(['*', '?'])),
                Problem::Other,
            ),
        ];
        if let Some((_, problem)) = checks.into_iter().find(|(fits, _)| !fits) {
            return Meet::Never(problem);
        }
        self.meets_region(region)
    }

    fn meets_region(&self, region: &Glob) -> Meet {
        match (self.regional, region.as_literal()) {
            (false, _) if region.matches("") => Meet::Maybe,
            (true, Some(name)) if resources::is_region(&name, &self.partition) => Meet::Maybe,
            (false, _) | (true, Some(_)) => Meet::Never(Problem::Region),
            (true, None) => match resources::region_of(region, &self.partition) {
                Ok(Some(_)) => Meet::Maybe,
                Ok(None) => Meet::Unknown,
                Err(()) => Meet::Never(Problem::Region),
            },
        }
    }

    /// The text as a whole: `*` crosses colons.
    fn meets_whole(&self, value: &Glob) -> Meet {
        let region = if self.regional { "*" } else { "" };
        let form = format!("arn:{}:{}:{region}:{}:*", self.partition, self.service, self.account);
        match meets_glob(&form, value, true) {
            Meet::Never(_) => match self.meets_fields(value) {
                Meet::Never(problem) => Meet::Never(problem),
                Meet::Maybe | Meet::Always | Meet::Unknown => Meet::Never(Problem::Other),
            },
            meet => meet,
        }
    }

    /// An ARN of this form whose free fields follow the given ones, where those have a text.
    fn usual(&self, fields: &[Glob]) -> String {
        let first = resources::regions(&self.partition).first().copied().unwrap_or_default();
        let region = match fields.get(3) {
            _ if !self.regional => String::new(),
            Some(glob) => match resources::region_of(glob, &self.partition) {
                Ok(Some(name)) => name.to_owned(),
                Ok(None) | Err(()) => filled(glob),
            },
            None => first.to_owned(),
        };
        let usual =
            if self.regional { "managed-instance/mi-0123456789abcdef0" } else { "role/example" };
        let resource = match fields.get(5) {
            Some(glob) if glob.tokens() != [Token::Many] => filled(glob),
            _ => usual.to_owned(),
        };
        format!("arn:{}:{}:{region}:{}:{resource}", self.partition, self.service, self.account)
    }
}

fn account_problem(account: &Glob) -> Problem {
    match account.as_literal() {
        Some(text) if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit()) => {
            Problem::Malformed
        }
        _ => Problem::Account,
    }
}

fn meets_glob(form: &str, value: &Glob, wild: bool) -> Meet {
    let form = Glob::wild(form);
    match () {
        () if wild && value.covers(&form) => Meet::Always,
        () if value.may_meet(&form) => Meet::Maybe,
        () => Meet::Never(Problem::Other),
    }
}

fn is_organization(id: &str) -> bool {
    // Organizations API Reference, type OrganizationId.
    id.strip_prefix("o-").is_some_and(|rest| {
        (10..=32).contains(&rest.len())
            && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// The fields of an ARN: split at the first five colons, the rest is the sixth.
pub(super) fn fields(value: &Glob) -> Vec<Glob> {
    let pieces = value.tokens().splitn(6, |token| *token == Token::Char(':'));
    pieces.map(|piece| Glob::new(piece.iter().copied())).collect()
}

/// The glob with its wildcards filled.
fn filled(value: &Glob) -> String {
    let mut text = String::new();
    for token in value.tokens() {
        match token {
            Token::Char(c) => text.push(*c),
            Token::One => text.push('x'),
            Token::Many => text.push_str(ANYTHING),
        }
    }
    text
}
