//! Resources that can exist: the ARN an action usually works on, and an ARN pattern with its wildcards filled in.

use super::Context;
use super::glob::{Glob, Token};

/// Regions where EKS runs, by partition; those people know best come first. Source: AWS General Reference, EKS endpoints.
const REGIONS: [(&str, &[&str]); 6] = [
    (
        "aws",
        &[
            "us-east-1",
            "eu-west-1",
            "us-west-2",
            "us-east-2",
            "us-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-west-2",
            "eu-west-3",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-7",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-east-1",
            "ap-east-2",
            "ca-central-1",
            "ca-west-1",
            "sa-east-1",
            "mx-central-1",
            "af-south-1",
            "me-south-1",
            "me-central-1",
            "il-central-1",
        ],
    ),
    ("aws-cn", &["cn-north-1", "cn-northwest-1"]),
    ("aws-us-gov", &["us-gov-west-1", "us-gov-east-1"]),
    ("aws-eusc", &["eusc-de-east-1"]),
    ("aws-iso", &["us-iso-east-1", "us-iso-west-1"]),
    ("aws-iso-b", &["us-isob-east-1", "us-isob-west-1"]),
];

/// Regions of a partition; a partition this list lacks gets those of `aws`.
pub fn regions(partition: &str) -> &'static [&'static str] {
    let known = |name: &str| REGIONS.iter().find(|(known, _)| *known == name);
    known(partition).or(REGIONS.first()).map_or(&[], |(_, regions)| regions)
}

/// Whether a partition has a region of this name. Regions come and go: one that no list has is taken for one of the partition
/// whose names it resembles.
pub(super) fn is_region(name: &str, partition: &str) -> bool {
    let own = regions(partition);
    if own.contains(&name) {
        return true;
    }
    let elsewhere = REGIONS.iter().any(|(_, regions)| regions.contains(&name));
    let mut labels = name.split('-');
    let area = labels.next().unwrap_or_default();
    let side = labels.next().unwrap_or_default();
    let number = labels.next().unwrap_or_default();
    let has_form = labels.next().is_none()
        && !side.is_empty()
        && side.bytes().all(|b| b.is_ascii_lowercase())
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit());
    let alike = |known: &&str| known.split('-').next() == Some(area);
    has_form
        && !elsewhere
        && !["gov", "iso", "isob", "isoe", "isof"].contains(&side)
        && own.iter().any(alike)
}

/// The first region of the partition that a glob matches; `Err` where it matches those of other partitions alone.
pub(super) fn region_of(glob: &Glob, partition: &str) -> Result<Option<&'static str>, ()> {
    let own = regions(partition).iter().find(|name| glob.matches(name)).copied();
    let elsewhere = || REGIONS.iter().any(|(_, names)| names.iter().any(|name| glob.matches(name)));
    match own {
        Some(name) => Ok(Some(name)),
        None if elsewhere() => Err(()),
        None => Ok(None),
    }
}

/// Where a resource is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    region: &'a str,
    account: &'a str,
}

/// Places that tell policies apart: here, another region, another account.
pub(super) fn places(context: &Context) -> [Place<'_>; 3] {
    let own = context.account.as_str();
    let mut regions = regions(context.partition.as_str()).iter().copied();
    let here = regions.next().unwrap_or_default();
    [
        Place { region: here, account: own },
        Place { region: regions.next().unwrap_or(here), account: own },
        Place { region: here, account: another(own) },
    ]
}

/// Every region of the partition, in this account and in another one.
fn every_place(context: &Context) -> impl Iterator<Item = Place<'_>> {
    let own = context.account.as_str();
    let regions = regions(context.partition.as_str()).iter();
    [own, another(own)]
        .into_iter()
        .flat_map(move |account| regions.clone().map(move |region| Place { region, account }))
}

/// AWS's own example accounts; one that is not the account in question.
fn another(own: &str) -> &'static str {
    if own == "444455556666" { "777788889999" } else { "444455556666" }
}

/// The ARN of a cluster.
pub(super) fn cluster(partition: &str, Place { region, account }: Place<'_>) -> String {
    format!("arn:{partition}:eks:{region}:{account}:cluster/example")
}

/// What AWS names in a denial of an action on a channel.
pub(super) fn channel(partition: &str, Place { region, account }: Place<'_>) -> String {
    format!("arn:{partition}:ssmmessages:{region}:{account}:*")
}

/// What an action usually works on.
pub(super) fn usual(partition: &str, action: &str, place: Place<'_>) -> String {
    let Place { region, account } = place;
    let (service, name) = action.split_once(':').unwrap_or((action, ""));
    let service = if is_service(service) { service } else { "ssm" };
    let rest = resource(service, name);
    match service {
        "ssmmessages" if name == "createcontrolchannel" => cluster(partition, place),
        "s3" => format!("arn:{partition}:s3:::{rest}"),
        "iam" | "sts" => format!("arn:{partition}:iam::{account}:{rest}"),
        "organizations" | "route53" | "cloudfront" => {
            format!("arn:{partition}:{service}::{account}:{rest}")
        }
        _ => format!("arn:{partition}:{service}:{region}:{account}:{rest}"),
    }
}

fn is_service(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The last field of the ARN. `name`: the action's, folded in case; empty where it is not known.
fn resource(service: &str, name: &str) -> &'static str {
    let about = |word: &str| name.contains(word);
    match service {
        // What AWS names in a denial: the channel itself has no ARN in policies.
        "ssmmessages" => "*",
        "eks" => "cluster/example",
        "s3" if about("bucket") => "example-bucket",
        "s3" => "example-bucket/example",
        "iam" if about("role") => "role/example",
        "iam" if about("polic") => "policy/example",
        "sts" if about("assumerole") => "role/example",
        "iam" | "sts" => "user/example",
        "ec2" => "instance/i-0123456789abcdef0",
        "ssm" if about("parameter") => "parameter/example",
        "ssm" => "managed-instance/mi-0123456789abcdef0",
        "logs" => "log-group:example:log-stream:example",
        "kms" => "key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "dynamodb" => "table/example",
        "secretsmanager" => "secret:example-AbCdEf",
        "lambda" => "function:example",
        "ecr" => "repository/example",
        "rds" => "db:example",
        _ => "example",
    }
}

/// An ARN pattern with every wildcard filled in: a field that is one as a whole by what usually stands there, part of a field
/// by a word. `None` where the pattern is no ARN.
pub(super) fn filled(glob: &Glob, action: &str, place: Place<'_>) -> Option<String> {
    let text = written(glob);
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let [head, partition, service, rest @ ..] = fields.as_slice() else { return None };
    if *head != "arn" || partition.contains(WILD) || service.contains(WILD) {
        return None;
    }
    let usual = usual(partition, action, place);
    // The usual resource of another service than the pattern's is none of it.
    let usual = if usual.split(':').nth(2) == Some(service) {
        usual
    } else {
        self::usual(partition, &format!("{service}:"), place)
    };
    let mut usual_fields = usual.splitn(6, ':').skip(3);
    let mut out = vec![(*head).to_owned(), (*partition).to_owned(), (*service).to_owned()];
    for (index, field) in rest.iter().enumerate() {
        let usual = usual_fields.next().unwrap_or_default();
        out.push(match *field {
            field if field.chars().all(WILD_CHAR) && !field.is_empty() => usual.to_owned(),
            field if index == 0 && field.contains(WILD) => region_like(field, partition),
            field => plain(field, usual),
        });
    }
    // A wildcard that ends an ARN early crosses the colons that are not there.
    out.extend(usual_fields.map(str::to_owned));
    Some(out.join(":"))
}

const MANY: char = '\u{0}';
const ONE: char = '\u{1}';
const WILD: [char; 2] = [MANY, ONE];
const WILD_CHAR: fn(char) -> bool = |c| WILD.contains(&c);

/// The pattern as text, its wildcards as characters no ARN holds.
fn written(glob: &Glob) -> String {
    let tokens = glob.tokens().iter();
    tokens
        .map(|token| match token {
            Token::Char(c) => *c,
            Token::Many => MANY,
            Token::One => ONE,
        })
        .collect()
}

/// `prefix*` with the rest of what usually stands there, where it begins so; else with a word.
fn plain(field: &str, usual: &str) -> String {
    let fixed = field.trim_end_matches(WILD);
    if fixed.len() < field.len() && !fixed.contains(WILD) && usual.starts_with(fixed) {
        return usual.to_owned();
    }
    let mut out = String::new();
    let mut chars = field.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // `?*` is one word.
            ONE if chars.peek() == Some(&MANY) => {}
            ONE => out.push('x'),
            MANY => out.push_str("example"),
            c => out.push(c),
        }
    }
    out
}

/// The first region that begins as the pattern does.
fn region_like(field: &str, partition: &str) -> String {
    let fixed: String = field.chars().take_while(|c| !WILD_CHAR(*c)).collect();
    let known = regions(partition).iter().find(|region| region.starts_with(&fixed));
    known.map_or_else(|| plain(field, ""), |region| (*region).to_owned())
}

/// ARNs like one that a search found with empty fields, those fields filled in every way that can be; and the usual
/// resources of the action everywhere.
pub(super) fn nicer(action: &str, scope: &str, context: &Context) -> Vec<String> {
    let partition = context.partition.as_str();
    let fields: Vec<&str> = scope.splitn(6, ':').collect();
    let like = |place: Place<'_>| {
        let [head @ "arn", partition, service, region, account, rest] = *fields.as_slice() else {
            return None;
        };
        let or = |field: &str, usual: &str| {
            if field.is_empty() { usual.to_owned() } else { field.to_owned() }
        };
        let (region, account) = (or(region, place.region), or(account, place.account));
        let rest = if rest.is_empty() || rest.ends_with(['/', ':']) {
            format!("{rest}example")
        } else {
            rest.to_owned()
        };
        Some([head, partition, service, &region, &account, &rest].join(":"))
    };
    let all = every_place(context);
    all.flat_map(|place| like(place).into_iter().chain([usual(partition, action, place)])).collect()
}

#[cfg(test)]
mod tests {
    use super::super::statement::{Pattern, PatternRules};
    use super::*;

    fn context() -> Context {
        Context { account: "111122223333".parse().unwrap(), partition: "aws".parse().unwrap() }
    }

    #[test]
    fn an_action_gets_a_resource_of_its_own_service() {
        let context = context();
        let [here, ..] = places(&context);
        let cases = [
            (
                "logs:putlogevents",
                "arn:aws:logs:us-east-1:111122223333:log-group:example:log-stream:example",
            ),
            (
                "kms:decrypt",
                "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            ),
            ("dynamodb:getitem", "arn:aws:dynamodb:us-east-1:111122223333:table/example"),
            ("glue:gettable", "arn:aws:glue:us-east-1:111122223333:example"),
            ("s3:listbucket", "arn:aws:s3:::example-bucket"),
            ("s3:getobject", "arn:aws:s3:::example-bucket/example"),
            ("iam:passrole", "arn:aws:iam::111122223333:role/example"),
            ("ssmmessages:opendatachannel", "arn:aws:ssmmessages:us-east-1:111122223333:*"),
            (
                "ssmmessages:createcontrolchannel",
                "arn:aws:eks:us-east-1:111122223333:cluster/example",
            ),
        ];
        for (action, want) in cases {
            assert_eq!(usual("aws", action, here), want, "case {action}");
        }
    }

    #[test]
    fn patterns_are_filled_to_arns_that_can_exist() {
        let context = context();
        let [here, there, stranger] = places(&context);
        let cases = [
            (
                "arn:aws:eks:*:*:cluster/*",
                here,
                "arn:aws:eks:us-east-1:111122223333:cluster/example",
            ),
            (
                "arn:aws:eks:*:*:cluster/*",
                there,
                "arn:aws:eks:eu-west-1:111122223333:cluster/example",
            ),
            (
                "arn:aws:eks:*:*:cluster/*",
                stranger,
                "arn:aws:eks:us-east-1:444455556666:cluster/example",
            ),
            (
                "arn:aws:eks:eu-west-1:*:*",
                here,
                "arn:aws:eks:eu-west-1:111122223333:cluster/example",
            ),
            (
                "arn:aws:eks:eu-c*:*:cluster/a-?*",
                here,
                "arn:aws:eks:eu-central-1:111122223333:cluster/a-example",
            ),
            ("arn:aws:eks:*", here, "arn:aws:eks:us-east-1:111122223333:cluster/example"),
            ("arn:aws:s3:::logs/*", here, "arn:aws:s3:::logs/example"),
        ];
        for (pattern, place, want) in cases {
            let rules = PatternRules { fold: false, variables: false };
            let glob = Pattern::parse(pattern, rules).glob;
            let got = filled(&glob, "ssmmessages:createcontrolchannel", place);
            assert_eq!(got.as_deref(), Some(want), "case {pattern}");
        }
    }

    #[test]
    fn every_partition_has_its_own_regions() {
        for (partition, want) in
            [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1"), ("aws-new", "us-east-1")]
        {
            assert_eq!(regions(partition).first(), Some(&want), "case {partition}");
        }
    }
}
