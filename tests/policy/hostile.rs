//! Documents written to be slow: as large as IAM stores them, and made for the worst of each step.

use std::time::{Duration, Instant};

use rolewarden::model::Verdict;
use rolewarden::policy::{Kind, Policy, compare};
use serde_json::{Value, json};

use crate::generate::context;
use crate::judge::{Read, confirm};
use crate::reference;

/// IAM's limit of an inline policy, in characters without white space.
const LIMIT: usize = 10_240;
/// Never reached by far: this guards against hanging, the bench measures.
const PATIENCE: Duration = Duration::from_secs(5);

fn allow(action: Value, resource: Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn deny(action: Value, resource: Value) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

fn document(statements: impl IntoIterator<Item = Value>) -> String {
    json!({"Version": "2012-10-17", "Statement": statements.into_iter().collect::<Vec<_>>()})
        .to_string()
}

/// As many of a sequence as the limit leaves room for.
fn fill<T>(item: impl Fn(usize) -> T, make: impl Fn(Vec<T>) -> String) -> String {
    let (mut fits, mut over) = (0, 4_096);
    while over - fits > 1 {
        let middle = usize::midpoint(fits, over);
        if make((0..middle).map(&item).collect()).len() <= LIMIT {
            fits = middle
        } else {
            over = middle
        }
    }
    make((0..fits).map(item).collect())
}

fn letters(mut n: usize, alphabet: &str, len: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut word = String::new();
    for _ in 0..len {
        word.push(alphabet[n % alphabet.len()]);
        n /= alphabet.len();
    }
    word
}

/// Names and texts. Each is compared with the baseline, with itself and with its neighbour, both ways.
fn documents() -> Vec<(&'static str, String)> {
    let actions = |list: Vec<String>| document([allow(json!(list), json!("*"))]);
    let resources = |list: Vec<String>| document([allow(json!("a"), json!(list))]);
    let allows = |list: Vec<Value>| document(list);
    let denies =
        |list: Vec<Value>| document(std::iter::once(allow(json!("*"), json!("*"))).chain(list));
    let contains = |n| format!("*{}*", letters(n, "ab", 7));
    vec![
        ("a thousand times *a", actions(vec!["*a".to_owned(); 1_000])),
        ("distinct suffixes", fill(|n| format!("*{}", letters(n, "abc", 6)), actions)),
        ("distinct infixes", fill(contains, actions)),
        ("infixes of resources", fill(contains, resources)),
        ("one glob of stars", resources(vec!["*a".repeat(4_900)])),
        ("one glob of question marks", resources(vec!["?".repeat(9_900)])),
        ("stars and question marks", resources(vec!["*?".repeat(4_900)])),
        ("a far letter", fill(|n| format!("*a{}", "?".repeat(n)), actions)),
        (
            "a far letter on both sides",
            fill(|n| format!("{}a*a{}", "?".repeat(n), "?".repeat(n)), resources),
        ),
        (
            "every length but one",
            fill(|n| if n == 40 { "?".repeat(90) + "*" } else { "?".repeat(n) }, resources),
        ),
        (
            "overlapping denies",
            fill(
                |n| deny(json!(contains(n)), json!(format!("*{}*", letters(n * 7, "xy", 7)))),
                denies,
            ),
        ),
        (
            "denies of prefixes",
            fill(|n| deny(json!(letters(n, "ab", 8) + "*"), json!("*")), denies),
        ),
        ("denies and allows by turns", {
            let pattern =
                |n: usize| json!(format!("{}*{}", letters(n, "ab", 5), letters(n / 32, "ab", 5)));
            fill(
                |n| {
                    if n % 2 == 0 {
                        allow(pattern(n), pattern(n * 3))
                    } else {
                        deny(pattern(n / 2), pattern(n))
                    }
                },
                denies,
            )
        }),
        (
            "a grid of allows",
            fill(
                |n| {
                    allow(
                        json!(format!("*{}*", letters(n, "ab", 6))),
                        json!(format!("*{}*", letters(n * 5, "ab", 6))),
                    )
                },
                allows,
            ),
        ),
        (
            "complements",
            fill(contains, |list| {
                document([json!({"Effect": "Allow", "NotAction": list, "NotResource": "a*b"})])
            }),
        ),
        (
            "denies of complements",
            fill(
                |n| json!({"Effect": "Deny", "NotAction": contains(n), "NotResource": contains(n + 1)}),
                denies,
            ),
        ),
        (
            "complements of both",
            fill(
                |n| json!({"Effect": "Allow", "NotAction": [contains(n), "b*"], "NotResource": [contains(n + 3)]}),
                allows,
            ),
        ),
        (
            "conditions, each another",
            fill(
                |n| json!({"Effect": "Allow", "Action": contains(n), "Resource": "*", "Condition": {"Bool": {format!("k{n}"): true}}}),
                allows,
            ),
        ),
        (
            "conditional denies",
            fill(
                |n| json!({"Effect": "Deny", "Action": contains(n), "Resource": "*", "Condition": {"Bool": {format!("k{n}"): true}}}),
                denies,
            ),
        ),
        ("variables", fill(|n| format!("*${{aws:{}}}*b", letters(n, "abc", 5)), resources)),
        (
            "many tiny statements",
            fill(|n| allow(json!(letters(n, "abcdefgh", 3)), json!("*")), allows),
        ),
        (
            "the baseline in pieces",
            fill(
                |n| {
                    allow(
                        json!("ssmmessages:CreateDataChannel"),
                        json!(format!("{}*", letters(n, "abcdefghijklmnopqrstuvwxyz:/-", 2))),
                    )
                },
                allows,
            ),
        ),
        (
            "products of lists",
            document([allow(
                json!((0..300).map(|n| format!("*{}", letters(n, "ab", 9))).collect::<Vec<_>>()),
                json!((0..300).map(|n| format!("{}*", letters(n, "ab", 9))).collect::<Vec<_>>()),
            )]),
        ),
        ("letters of many bytes", fill(|n| format!("*{}*", letters(n, "éÀÿß", 4)), resources)),
    ]
}

fn trust_documents() -> Vec<(&'static str, String)> {
    let with = |principal: Value| {
        document([json!({"Effect": "Allow", "Principal": principal, "Action": "sts:*"})])
    };
    vec![
        (
            "many services",
            fill(
                |n| format!("{}.amazonaws.com", letters(n, "abcdef", 4)),
                |list| with(json!({"Service": list})),
            ),
        ),
        (
            "many accounts",
            fill(|n| format!("{:012}", n * 7 + 1), |list| with(json!({"AWS": list}))),
        ),
        (
            "many denied roles",
            fill(
                |n| json!({"Effect": "Deny", "Principal": {"AWS": format!("arn:aws:iam::111122223333:role/{n}")}, "NotAction": format!("sts:*{n}*")}),
                |list| {
                    document(
                        std::iter::once(
                            json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*"}),
                        )
                        .chain(list),
                    )
                },
            ),
        ),
        (
            "one action of stars",
            document([
                json!({"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "*s".repeat(4_900)}),
            ]),
        ),
    ]
}

struct Tally {
    slowest: (Duration, String),
    undecided: Vec<String>,
    compared: usize,
}

fn compare_all(kind: Kind, documents: &[(&str, String)], baseline: &str, tally: &mut Tally) {
    let read = |text: &str| Read {
        engine: Policy::parse(kind, text, &context()).unwrap(),
        reference: reference::Policy::read(kind, text, &context()),
    };
    let baseline = read(baseline);
    for (nth, (name, text)) in documents.iter().enumerate() {
        assert!(text.len() <= LIMIT * 21 / 20, "`{name}` has {} characters", text.len());
        let begun = Instant::now();
        let subject = read(text);
        assert!(begun.elapsed() < PATIENCE, "`{name}` took {:.1?} to parse", begun.elapsed());
        let neighbour = read(&documents[(nth + 1) % documents.len()].1);
        // A baseline of hundreds of condition blocks has too many worlds for the reference, and no one writes one.
        let fits = |policy: &Read| {
            policy.reference.statements.iter().filter(|s| s.condition.is_some()).count() <= 6
        };
        let pairs = [
            ("the baseline", &subject, &baseline),
            ("its turn", &baseline, &subject),
            ("itself", &subject, &subject),
            ("the next", &subject, &neighbour),
            ("the next, turned", &neighbour, &subject),
        ];
        for (with, actual, baseline) in pairs {
            let timed = || {
                let begun = Instant::now();
                let comparison = compare(&actual.engine, &baseline.engine);
                (begun.elapsed(), comparison)
            };
            // A busy machine may stall one run; only the text can stall three.
            let first = timed();
            let (took, comparison) = if first.0 >= PATIENCE {
                [timed(), timed()].into_iter().min_by_key(|(took, _)| *took).unwrap()
            } else {
                first
            };
            let verdict = comparison.verdict;
            if fits(baseline) {
                confirm(&comparison, actual, baseline)
                    .unwrap_or_else(|e| panic!("`{name}` with {with}: {e}"));
            }
            assert!(took < PATIENCE, "`{name}` with {with} took {took:.1?}");
            if with == "itself" {
                let fine = [
                    Verdict::Equivalent,
                    Verdict::Conditional,
                    Verdict::Undecided,
                    Verdict::Invalid,
                ];
                assert!(fine.contains(&verdict), "`{name}` and itself are {verdict:?}");
            }
            if verdict == Verdict::Undecided {
                tally.undecided.push(format!("{name} with {with}"));
            }
            tally.slowest =
                tally.slowest.clone().max((took, format!("{name} with {with}: {verdict:?}")));
            tally.compared += 1;
        }
    }
}

#[test]
fn no_policy_text_of_10_kib_is_slow() {
    let mut tally =
        Tally { slowest: (Duration::ZERO, String::new()), undecided: vec![], compared: 0 };
    let (identity, trust) = (documents(), trust_documents());
    let baseline = include_str!("../../config/baseline/eks-connector-agent-policy.json");
    compare_all(Kind::Identity, &identity, baseline, &mut tally);
    let baseline = include_str!("../../config/baseline/eks-connector-agent-trust-policy.json");
    compare_all(Kind::Trust, &trust, baseline, &mut tally);
    println!(
        "{} comparisons of {} hostile documents",
        tally.compared,
        identity.len() + trust.len()
    );
    println!("undecided: {}", tally.undecided.join("; "));
    println!("slowest: {:.1?} {}", tally.slowest.0, tally.slowest.1);
}
