//! Random exceptions and roles: nothing is covered that was not accepted, as the reference sees it.

use std::path::Path;

use fastrand::Rng;
use rolewarden::check::Rules;
use rolewarden::config::Config;
use rolewarden::model::{
    Account, AccountState, Finding, Partition, Role, RoleArn, Scope, Snapshot, Verdict,
};
use rolewarden::policy::Kind;

use crate::enumeration::strings;
use crate::generate::{ACCOUNT, Document, Features, context, one_in, one_of};
use crate::reference::{Policy, Request, World};

const RUNS: usize = 1_500;

/// One account: what is configured for it, and its role.
struct Subject {
    kind: Kind,
    baseline: Document,
    accepted: Vec<Document>,
    role: Vec<Document>,
}

impl Subject {
    fn random(rng: &mut Rng) -> Self {
        let features = Features {
            kind: one_of(rng, &[Kind::Identity, Kind::Trust]),
            conditions: !one_in(rng, 3),
            variables: false,
            tokens: 2,
            statements: 2,
        };
        let baseline = features.document(rng);
        let accepted: Vec<Document> =
            (0..rng.usize(1..=2)).map(|_| features.document(rng)).collect();
        // The role began as the baseline with some of what is accepted.
        let mut begun = baseline.clone();
        for document in accepted.iter().filter(|_| !one_in(rng, 3)).collect::<Vec<_>>() {
            begun.statements.extend(document.statements.clone());
        }
        let mut role = features.relative(rng, &begun);
        if features.kind == Kind::Trust {
            // A role has one trust policy.
            let statements =
                role.drain(1..).flat_map(|document| document.statements).collect::<Vec<_>>();
            role[0].statements.extend(statements);
        }
        Self { kind: features.kind, baseline, accepted, role }
    }

    /// What is said of the account; `None` where the configuration is refused or nothing is decided.
    fn judged(&self, rng: &mut Rng) -> Option<(AccountState, Vec<Finding>)> {
        let (key, check) = match self.kind {
            Kind::Trust => ("trust_policy", "trust-policy"),
            Kind::Identity => ("inline_policy", "inline-policy"),
        };
        let others = [
            "role-exists",
            "trust-policy",
            "inline-policy",
            "attached-policies",
            "effective-permissions",
            "role-attributes",
        ];
        let off: Vec<String> = others
            .iter()
            .filter(|other| **other != check)
            .map(|other| format!("{other}: {{enabled: false}}"))
            .collect();
        let exceptions: Vec<String> = (0..self.accepted.len())
            .map(|n| format!("{{id: EX-{n}, accounts: ['{ACCOUNT}'], accept: {{{key}: accepted-{n}.json}}, reason: r, owner: o, expires: 2999-01-01}}"))
            .collect();
        let yaml = format!(
            "accounts: {{source: organization}}\nbaseline: {{{key}: baseline.json}}\nchecks: {{{}}}\nexceptions: [{}]",
            off.join(", "),
            exceptions.join(", ")
        );
        let (baseline, accepted) = (self.baseline.text(rng), texts(rng, &self.accepted));
        let read = |path: &Path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            Ok(match name.strip_prefix("accepted-") {
                Some(n) => accepted[n.parse::<usize>().unwrap()].clone(),
                None => baseline.clone(),
            })
        };
        let config = Config::from_text(&yaml, "c.yaml", Path::new("/"), &|_| None, &read).ok()?;
        let account = Account::numbered(ACCOUNT.parse().unwrap());
        let rules = Rules::new(&config, Partition::default(), None, "2026-11-24".parse().unwrap());
        let judgement = rules.judge(&account, &self.snapshot(rng), None).ok()?;
        Some((judgement.state, judgement.findings))
    }

    fn snapshot(&self, rng: &mut Rng) -> Snapshot {
        let documents = texts(rng, &self.role);
        let name = "AmazonEKSConnectorAgentRole";
        let mut role = Role {
            arn: RoleArn::new(Partition::default(), ACCOUNT.parse().unwrap(), name),
            id: "AROAEXAMPLE".to_owned(),
            trust_policy: String::new(),
            inline: Default::default(),
            attached: Default::default(),
            boundary: None,
            max_session_seconds: Some(3_600),
            tags: Default::default(),
            made_by: None,
        };
        match self.kind {
            Kind::Trust => role.trust_policy = documents[0].clone(),
            Kind::Identity => {
                role.inline = documents
                    .into_iter()
                    .enumerate()
                    .map(|(n, text)| (n.to_string(), text))
                    .collect();
            }
        }
        Snapshot::Present(Box::new(role))
    }

    fn read(&self, rng: &mut Rng, documents: &[Document]) -> Policy {
        let read = |text: &String| Policy::read(self.kind, text, &context());
        Policy::union(texts(rng, documents).iter().map(read))
    }
}

fn texts(rng: &mut Rng, documents: &[Document]) -> Vec<String> {
    documents.iter().map(|document| document.text(rng)).collect()
}

/// Requests of both sorts, those that documents name and some that none does.
fn requests(kind: Kind) -> Vec<Request> {
    let actions = strings(&['a', 'b', 'c'], 2);
    let scopes: Vec<Scope> = match kind {
        Kind::Identity => strings(&['a', 'A', 'c'], 2).into_iter().map(Scope::Resource).collect(),
        Kind::Trust => [
            ("AWS", "arn:aws:iam::111122223333:root"),
            ("AWS", "arn:aws:iam::111122223333:role/a"),
            ("AWS", "arn:aws:iam::111122223333:role/*"),
            ("AWS", "arn:aws:iam::111122223333:role/b"),
            ("AWS", "arn:aws:sts::111122223333:assumed-role/a/s"),
            ("AWS", "arn:aws-cn:iam::111122223333:root"),
            ("AWS", "arn:aws:iam::444455556666:role/a"),
            ("AWS", "arn:aws:iam::777788889999:root"),
            ("AWS", "AROAEXAMPLE"),
            ("Service", "ssm.amazonaws.com"),
            ("Service", "ec2.amazonaws.com"),
            ("Service", "x"),
            ("Federated", "arn:aws:iam::111122223333:saml-provider/a"),
            ("Federated", "x"),
            ("CanonicalUser", "x"),
        ]
        .map(|(kind, value)| Scope::Principal { kind: kind.to_owned(), value: value.to_owned() })
        .into(),
    };
    let with = |action: &String| {
        let action = action.clone();
        scopes.clone().into_iter().map(move |scope| Request { action: action.clone(), scope })
    };
    actions.iter().flat_map(with).collect()
}

/// A request that the role allows in some world, and neither the baseline (its own conditions held) nor what is accepted.
fn not_accepted(subject: &Subject, rng: &mut Rng) -> Option<(Request, World)> {
    let role = subject.read(rng, &subject.role);
    let baseline = subject.read(rng, std::slice::from_ref(&subject.baseline));
    let accepted = subject.read(rng, &subject.accepted);
    let both = Policy::union([baseline.clone(), accepted]);
    let held = baseline.worlds().remove(0);
    let all = Policy::union([role.clone(), both.clone()]).worlds();
    // More worlds than there are seconds: such policies are not compared either.
    if all.len() > 256 {
        return None;
    }
    let requests = requests(subject.kind);
    all.into_iter().find_map(|world| {
        let beyond = |request: &&Request| {
            role.may(&world, request) && !baseline.may(&held, request) && !both.may(&world, request)
        };
        requests.iter().find(beyond).map(|request| (request.clone(), world.clone()))
    })
}

#[test]
fn nothing_is_covered_that_was_not_accepted() {
    let seed = std::env::var("ROLEWARDEN_SEED").map_or(14, |seed| seed.parse().unwrap());
    let mut rng = Rng::with_seed(seed);
    let (mut exempt, mut drifted) = (0, 0);
    for nth in 0..RUNS {
        let subject = Subject::random(&mut rng);
        let Some((state, findings)) = subject.judged(&mut rng) else { continue };
        let excess = |f: &Finding| matches!(f.verdict, Verdict::Excess | Verdict::MissingAndExcess);
        let covered = findings.iter().any(|f| f.exception.is_some() && excess(f));
        match state {
            AccountState::Exempt => exempt += 1,
            _ => drifted += 1,
        }
        if !covered {
            continue;
        }
        if let Some((request, world)) = not_accepted(&subject, &mut rng) {
            panic!(
                "seed {seed}, run {nth}: {request:?} in {world:?}\nbaseline {}\naccepted {:?}\nrole {:?}\n{findings:?}",
                subject.baseline.text(&mut rng),
                texts(&mut rng, &subject.accepted),
                texts(&mut rng, &subject.role),
            );
        }
    }
    println!("seed {seed}: {exempt} exempt, {drifted} drifted or compliant, of {RUNS}");
    assert!(exempt > RUNS / 20 && drifted > RUNS / 20, "{exempt} exempt, {drifted} not");
}
