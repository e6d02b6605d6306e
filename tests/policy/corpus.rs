//! The corpus: one directory a rule under `tests/corpus`, one readable file a case.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rolewarden::model::{Needs, Scope, Side, Verdict, Witness};
use rolewarden::policy::{Context, Kind};
use serde::Deserialize;
use serde_json::Value;

use crate::enumeration::Universe;
use crate::judge::{Pair, Read, compare_and_confirm, names, saw_all};
use crate::reference::{self, Glob, Token, Who};

/// One case, as its file spells it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The rule in a sentence, and what this case shows of it.
    #[expect(dead_code, reason = "for the reader of the file; required there")]
    why: String,
    kind: String,
    #[serde(default = "usual_account")]
    account: String,
    #[serde(default = "usual_partition")]
    partition: String,
    /// What the service principal is called in this partition, where it is not called as in the baseline.
    service: Option<String>,
    /// A document, or `"builtin"`.
    baseline: Value,
    /// Documents, each as JSON or, where the spelling itself is the point, as `{"raw": text}`.
    documents: Vec<Value>,
    verdict: Option<String>,
    /// For what is doubtful under AWS: any verdict but this.
    verdict_not: Option<String>,
    /// A request that must tell the two apart.
    witness: Option<Request>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    action: String,
    resource: Option<String>,
    principal: Option<Principal>,
    side: String,
    #[serde(default)]
    outside_baseline_condition: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Principal {
    r#type: String,
    value: String,
}

fn usual_account() -> String {
    "111122223333".to_owned()
}

fn usual_partition() -> String {
    "aws".to_owned()
}

fn text(document: &Value) -> String {
    match document.get("raw") {
        Some(raw) => raw.as_str().unwrap().to_owned(),
        None => document.to_string(),
    }
}

fn verdict(name: &str) -> Verdict {
    *Verdict::ALL
        .iter()
        .find(|v| v.as_str() == name)
        .unwrap_or_else(|| panic!("no verdict `{name}`"))
}

impl Request {
    fn witness(&self) -> Witness {
        let scope = match (&self.resource, &self.principal) {
            (Some(resource), None) => Scope::Resource(resource.clone()),
            (None, Some(Principal { r#type, value })) => {
                Scope::Principal { kind: r#type.clone(), value: value.clone() }
            }
            _ => panic!("a witness has a resource or a principal"),
        };
        let side = match self.side.as_str() {
            "missing" => Side::Missing,
            "excess" => Side::Excess,
            "conditional" => Side::Conditional,
            other => panic!("no side `{other}`"),
        };
        let outside_baseline_condition = self.outside_baseline_condition;
        let needs = Needs::default();
        Witness { scope, action: self.action.clone(), side, outside_baseline_condition, needs }
    }
}

impl Case {
    fn kind(&self) -> Kind {
        match self.kind.as_str() {
            "trust" => Kind::Trust,
            "identity" => Kind::Identity,
            other => panic!("no kind `{other}`"),
        }
    }

    fn pair(&self) -> Pair {
        let kind = self.kind();
        let baseline = match (self.baseline.as_str(), kind) {
            (Some("builtin"), Kind::Trust) => {
                include_str!("../../config/baseline/eks-connector-agent-trust-policy.json")
                    .to_owned()
            }
            (Some("builtin"), Kind::Identity) => {
                include_str!("../../config/baseline/eks-connector-agent-policy.json").to_owned()
            }
            _ => text(&self.baseline),
        };
        let context = Context {
            account: self.account.parse().unwrap(),
            partition: self.partition.parse().unwrap(),
        };
        Pair {
            kind,
            context,
            service: self.service.clone(),
            documents: self.documents.iter().map(text).collect(),
            baseline,
        }
    }

    /// What is wrong with the engine's answer, if anything is.
    fn check(&self) -> Result<(), String> {
        let pair = self.pair();
        let baseline = pair.baseline()?;
        let got = match pair.actual() {
            Err(refused) => {
                if !self.may_be(Verdict::Invalid) {
                    return Err(refused);
                }
                Verdict::Invalid
            }
            Ok(actual) => {
                let comparison = compare_and_confirm(&actual, &baseline)?;
                if matches!(comparison.verdict, Verdict::Invalid | Verdict::Undecided)
                    && comparison.note.is_none()
                {
                    return Err(format!("{:?} without a note", comparison.verdict));
                }
                if comparison.verdict != Verdict::Undecided {
                    let found = exemplars(&actual, &baseline)
                        .differences(&actual.reference, &baseline.reference);
                    saw_all(comparison.verdict, &found)?;
                }
                comparison.verdict
            }
        };
        if self.may_be(got) { Ok(()) } else { Err(format!("got {got:?}")) }
    }

    fn may_be(&self, got: Verdict) -> bool {
        match (&self.verdict, &self.verdict_not) {
            (Some(wanted), None) => got == verdict(wanted),
            (None, Some(unwanted)) => got != verdict(unwanted),
            _ => panic!("a case has a verdict, or a verdict_not"),
        }
    }

    /// The case against the reference alone: its witness, and a sample of requests.
    fn check_by_reference(&self) -> Result<(), String> {
        let Some(wanted) = self.verdict.as_deref().map(verdict).filter(|v| *v != Verdict::Invalid)
        else {
            return Ok(());
        };
        let pair = self.pair();
        let actual = reference::Policy::union(
            pair.documents
                .iter()
                .map(|text| reference::Policy::read(pair.kind, text, &pair.context)),
        );
        let baseline = reference::Policy::read_baseline(
            pair.kind,
            &pair.baseline,
            &pair.context,
            pair.service.as_deref(),
        );
        if let Some(request) = &self.witness {
            let witness = request.witness();
            if !names(wanted, witness.side) || !reference::confirms(&actual, &baseline, &witness) {
                return Err(format!("{witness:?} does not show `{}`", wanted.as_str()));
            }
        }
        let found = samples(pair.kind, &[&actual, &baseline]).differences(&actual, &baseline);
        let shown = |side| match side {
            Side::Missing => found.missing.is_some(),
            Side::Excess => found.excess.is_some(),
            Side::Conditional => found.conditional.is_some(),
        };
        for side in [Side::Missing, Side::Excess, Side::Conditional] {
            let by_hand = self.witness.as_ref().is_some_and(|w| w.witness().side == side);
            if names(wanted, side) && !shown(side) && !by_hand {
                return Err(format!("no sample shows {side:?}: give a witness"));
            }
        }
        saw_all(wanted, &found)
    }
}

fn exemplars(actual: &Read, baseline: &Read) -> Universe {
    let kind = match actual.reference.statements.first().map(|s| &s.who) {
        Some(Who::Principals(_)) => Kind::Trust,
        _ => Kind::Identity,
    };
    samples(kind, &[&actual.reference, &baseline.reference])
}

/// Requests around the patterns of some policies: each wildcard filled in a few ways.
fn samples(kind: Kind, policies: &[&reference::Policy]) -> Universe {
    let (mut actions, mut scopes) = (BTreeSet::from(["x".to_owned()]), BTreeSet::new());
    for statement in policies.iter().flat_map(|p| &p.statements).take(40) {
        statement.actions.globs.iter().take(40).for_each(|glob| fill_in(glob, &mut actions));
        match &statement.who {
            Who::Resources(globs) => {
                let mut resources = BTreeSet::from(["x".to_owned()]);
                globs.globs.iter().take(40).for_each(|glob| fill_in(glob, &mut resources));
                scopes.extend(resources.into_iter().map(Scope::Resource));
            }
            Who::Principals(list) => {
                for (kind, value) in list {
                    let value = if value == "*" { "x" } else { value };
                    scopes.insert(Scope::Principal { kind: kind.clone(), value: value.to_owned() });
                    let inside = value.replace(":root", ":role/x");
                    scopes.insert(Scope::Principal { kind: kind.clone(), value: inside });
                }
            }
        }
    }
    if kind == Kind::Trust {
        for kind in ["Service", "AWS", "Federated", "CanonicalUser"] {
            scopes.insert(Scope::Principal { kind: kind.to_owned(), value: "x".to_owned() });
        }
    }
    Universe::new(actions.into_iter().collect(), scopes.into_iter().collect())
}

fn fill_in(glob: &Glob, texts: &mut BTreeSet<String>) {
    for run in ["", "x", "a:b/c"] {
        let piece = |token: &Token| match token {
            Token::Char(c) => c.to_string(),
            Token::One => "x".to_owned(),
            Token::Run | Token::Unknown => run.to_owned(),
        };
        texts.insert(glob.iter().map(piece).collect());
    }
}

fn files() -> Vec<PathBuf> {
    let list = |path: &Path| {
        let mut entries: Vec<_> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries
    };
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let rules: Vec<_> = list(&corpus).into_iter().filter(|path| path.is_dir()).collect();
    for rule in &rules {
        assert!(rule.join("README.md").is_file(), "{} states no rule", rule.display());
    }
    let is_case = |path: &PathBuf| path.extension().is_some_and(|e| e == "json");
    rules.iter().flat_map(|rule| list(rule)).filter(is_case).collect()
}

/// Runs a check over every file, and shows everything that fails at once.
fn run(check: impl Fn(&Case) -> Result<(), String>) -> usize {
    let files = files();
    let mut wrong = vec![];
    for file in &files {
        let name = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file).display();
        let case: Case = serde_json::from_str(&fs::read_to_string(file).unwrap())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        if let Err(problem) = check(&case) {
            let wanted =
                case.verdict.or(case.verdict_not.map(|v| format!("anything but {v}"))).unwrap();
            wrong.push(format!("{name}: wanted {wanted}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), files.len(), wrong.join("\n"));
    files.len()
}

#[test]
fn every_case_of_the_corpus_is_judged_as_its_file_says() {
    let cases = run(Case::check);
    println!("{cases} corpus cases");
    assert!(cases >= 170);
}

#[test]
fn the_reference_agrees_with_every_case_of_the_corpus() {
    run(Case::check_by_reference);
}
