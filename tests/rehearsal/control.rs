//! The control endpoint, over plain HTTP.

use std::time::Duration;

use rolewarden::model::AccountId;
use rolewarden::simulator::{
    CONTROL, Fault, Kind, On, Operation, Running, Server, World, generate,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::http::{Answer, send};
use crate::support::{ROLE, iam_as, one};

struct Lab {
    running: Running,
    runtime: Runtime,
}

impl Lab {
    fn new(accounts: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let running = runtime.block_on(Server::start(generate(7, accounts))).unwrap();
        Self { running, runtime }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        send(method, &format!("{}/_simulator/{path}", self.running.endpoint()), body)
    }

    fn get(&self, path: &str) -> Value {
        self.send("GET", path, "").json(200)
    }

    fn patch(&self, id: &AccountId, change: &Value) -> Value {
        self.send("PATCH", &format!("accounts/{id}"), &change.to_string()).json(200)
    }

    fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.running.change(|world| look(world))
    }

    fn one(&self, kind: Kind) -> AccountId {
        self.look(|world| one(world, kind))
    }

    /// One read of the role.
    fn read_role(&self, id: &AccountId) -> bool {
        self.runtime.block_on(async {
            let iam = iam_as(&self.running, id, "rolewarden-scan", None).await;
            iam.get_role().role_name(ROLE).send().await.is_ok()
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Entered, so that the server's tasks are ended inside their runtime.
        let _inside = self.runtime.enter();
    }
}

#[test]
fn the_root_says_what_there_is_and_everything_it_says_is_there() {
    let lab = Lab::new(5);
    for path in ["/_simulator", "/_simulator/"] {
        let answer = send("GET", &format!("{}{path}", lab.running.endpoint()), "");
        assert_eq!((answer.status, answer.body.as_str()), (200, CONTROL), "case `{path}`");
        assert!(answer.head.contains("content-type: text/plain"), "{answer:?}");
    }
    let id = lab.one(Kind::GuideCli);
    let lines = CONTROL.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let mut count = 0;
    for line in lines {
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let path = path.strip_prefix("/_simulator/").unwrap().replace("ID", id.as_str());
        let body = if method == "POST" { "[]" } else { "{}" };
        assert_eq!(lab.send(method, &path, body).status, 200, "`{line}`");
        count += 1;
    }
    assert_eq!(count, 11);
}

#[test]
fn accounts_are_listed_one_a_line_and_shown_in_full() {
    let lab = Lab::new(60);
    let text = lab.send("GET", "accounts", "").body;
    assert_eq!(text.lines().count(), 62, "two brackets and sixty accounts");
    let list = lab.get("accounts");
    let id = lab.one(Kind::Boundary);
    let listed = list.as_array().unwrap().iter().find(|item| item["id"] == id.as_str()).unwrap();
    let name = lab.look(|world| world.accounts[&id].name.clone());
    assert_eq!((&listed["kind"], &listed["state"]), (&json!("boundary"), &json!("ACTIVE")));
    assert_eq!(listed["name"], name);
    assert!(listed["path"].as_str().unwrap().ends_with(&format!("/{id}/")), "{listed}");

    let shown = lab.get(&format!("accounts/{id}"));
    let role = &shown["roles"][ROLE];
    assert_eq!(role["trust"]["Statement"][0]["Action"], "sts:AssumeRole");
    assert_eq!(role["boundary"], format!("arn:aws:iam::{id}:policy/workload-boundary"));
    assert!(shown["policies"][role["boundary"].as_str().unwrap()]["Statement"].is_array());
    let denied = lab.get(&format!("accounts/{}", lab.one(Kind::AssumeDenied)));
    assert_eq!(denied["faults"], json!([{"operation": "AssumeRole", "fault": "denied"}]));
}

#[test]
fn every_kind_can_be_made_of_an_account_and_undone() {
    let lab = Lab::new(60);
    let id = lab.one(Kind::GuideCli);
    let before = lab.look(|world| world.accounts[&id].clone());
    for kind in Kind::ALL {
        let shown = lab.patch(&id, &json!({"kind": kind}));
        assert_eq!(shown["kind"], kind.to_string());
        let (made, model) = lab.look(|world| {
            (world.accounts[&id].clone(), world.accounts[&one_or_hub(world, *kind)].clone())
        });
        assert_eq!((made.kind, made.state), (*kind, model.state), "{kind}");
        assert_eq!(made.faults, model.faults, "{kind}");
        assert_eq!(made.policies.len(), model.policies.len(), "{kind}");
        let parts = |member: &rolewarden::simulator::Member| {
            let role = member.roles.get(ROLE)?;
            Some((role.inline.clone(), role.attached.len(), role.boundary.is_some()))
        };
        assert_eq!(parts(&made), parts(&model), "{kind}");
        assert_eq!((&made.name, &made.tags), (&before.name, &before.tags), "{kind}");
    }
    lab.patch(&id, &json!({"kind": "guide-cli"}));
    let after = lab.look(|world| world.accounts[&id].clone());
    assert_eq!((after.state, after.policies.len()), (before.state, 0));
    assert_eq!(after.roles[ROLE].inline, before.roles[ROLE].inline);
}

fn one_or_hub(world: &World, kind: Kind) -> AccountId {
    world.of_kind(kind).next().unwrap().clone()
}

#[test]
fn the_parts_of_an_account_can_be_changed_one_by_one() {
    let lab = Lab::new(60);
    let id = lab.one(Kind::GuideCli);
    let own = format!("arn:aws:iam::{id}:policy/own");
    let shown = lab.patch(
        &id,
        &json!({
            "name": "renamed",
            "policies": {&own: {"Statement": []}},
            "role": {
                "path": "/team/", "trust": {"Statement": 1}, "attached": [&own], "boundary": &own,
                "inline": {"second": "{ as it is", "third": {"Statement": []}},
                "max_session": 7200, "description": "d", "tags": {"a": "1", "b": "2"},
            },
        }),
    );
    let role = &shown["roles"][ROLE];
    assert_eq!(shown["name"], "renamed");
    assert_eq!(role["trust"], json!({"Statement": 1}));
    assert_eq!(role["inline"]["second"], "{ as it is", "a document need not be JSON");
    assert_eq!(role["attached"], json!([&own]));
    assert_eq!((&role["path"], &role["boundary"]), (&json!("/team/"), &json!(&own)));
    let shown = lab.patch(
        &id,
        &json!({
            "policies": {&own: {"Statement": [2]}},
            "role": {"inline": {"second": null}, "boundary": null, "tags": {"a": null}},
        }),
    );
    let role = &shown["roles"][ROLE];
    assert_eq!(role["inline"].as_object().unwrap().len(), 2, "{role}");
    assert_eq!((&role["boundary"], &role["tags"]), (&Value::Null, &json!({"b": "2"})));
    assert_eq!(role["max_session"], 7200, "what is not named stays");
    assert_eq!(lab.look(|world| world.accounts[&id].policies[&own].version), 2);

    assert_eq!(lab.patch(&id, &json!({"role": null}))["roles"], json!({}));
    assert!(!lab.read_role(&id));
    let made = lab.patch(&id, &json!({"role": {}}));
    assert!(made["roles"][ROLE]["inline"].is_object(), "made as the guide says");
    assert!(lab.read_role(&id));
    assert_eq!(lab.patch(&id, &json!({"state": "SUSPENDED"}))["state"], "SUSPENDED");

    assert_eq!(shown["clusters"], json!([]));
    let cluster =
        json!({"region": "us-east-1", "name": "a", "status": "ACTIVE", "connected_role": null});
    assert_eq!(lab.patch(&id, &json!({"clusters": [&cluster]}))["clusters"], json!([cluster]));
    assert_eq!(lab.patch(&id, &json!({"clusters": []}))["clusters"], json!([]));
}

#[test]
fn a_change_by_hand_ends_what_reads_may_still_see_of_before() {
    let lab = Lab::new(60);
    let id = lab.one(Kind::GuideCli);
    lab.send("PATCH", "world", r#"{"lag_ms": 3600000}"#).json(200);
    lab.runtime.block_on(async {
        let iam = iam_as(&lab.running, &id, "AdministratorRole", None).await;
        iam.update_role().role_name(ROLE).max_session_duration(7200).send().await.unwrap();
    });
    lab.patch(&id, &json!({"role": null}));
    for _ in 0..20 {
        assert!(!lab.read_role(&id));
    }
}

#[test]
fn calls_are_counted_in_all_and_by_account_until_they_are_reset() {
    let lab = Lab::new(60);
    let (id, other) = (lab.one(Kind::GuideCli), lab.one(Kind::Eksctl));
    for account in [&id, &id, &other] {
        assert!(lab.read_role(account));
    }
    let all = json!({"total": 6, "operations": {"AssumeRole": 3, "GetRole": 3}});
    assert_eq!(lab.get("calls"), all);
    let own =
        json!({"account": id.as_str(), "total": 4, "operations": {"AssumeRole": 2, "GetRole": 2}});
    assert_eq!(lab.get(&format!("calls?account={id}")), own);
    assert_eq!(lab.send("DELETE", "calls", "").json(200), all, "what was counted until then");
    let none = json!({"total": 0, "operations": {}});
    assert_eq!(lab.get("calls"), none, "looking is no call");
}

#[test]
fn faults_come_and_go() {
    let lab = Lab::new(60);
    let id = lab.one(Kind::GuideCli);
    let kinds = lab.get("faults");
    assert!(lab.read_role(&id));
    let rule = json!({"operation": "GetRole", "account": id.as_str(), "fault": "throttled"});
    let rules = lab.send("POST", "faults", &rule.to_string()).json(200);
    assert!(rules.as_array().unwrap().contains(&rule), "{rules}");
    assert!(!lab.read_role(&id));
    // A list in YAML; the newest rules come first.
    let script = format!(
        "- {{operation: GetRole, calls: 5.., account: '{id}', fault: slow:1}}\n- fault: hangs\n  calls: 1000..\n"
    );
    lab.send("POST", "faults", &script).json(200);
    let first = lab.look(|world| world.accounts[&id].faults[0].clone());
    assert_eq!((first.on, first.fault), (On::Only(Operation::GetRole), Fault::Slow(1)));
    assert_eq!(lab.look(|world| world.faults.len()), 1);
    assert_eq!(lab.send("DELETE", "faults", "").json(200), kinds, "accounts stay what they are");
    assert!(lab.read_role(&id));
}

#[test]
fn settings_of_the_world_can_be_changed() {
    let lab = Lab::new(5);
    let before = lab.get("world");
    let change =
        json!({"latency_ms": 7, "lag_ms": 9, "paging": "empty-pages:2", "check_signatures": true});
    let after = lab.send("PATCH", "world", &change.to_string()).json(200);
    for (key, value) in before.as_object().unwrap() {
        assert_eq!(&after[key], change.get(key).unwrap_or(value), "{key}");
    }
    let (latency, lag, checked) =
        lab.look(|world| (world.latency, world.lag, world.check_signatures));
    let ms = Duration::from_millis;
    assert_eq!((latency, lag, checked), (ms(7), ms(9), true));
    assert_eq!(lab.get("world"), after);
}

#[test]
fn mistakes_are_told_with_what_was_expected_and_change_nothing() {
    let lab = Lab::new(60);
    let id = lab.one(Kind::GuideCli);
    let account = format!("accounts/{id}");
    let before = lab.look(World::clone);
    let cases = [
        ("GET", "nothing", "", 404, "GET /_simulator/ says what there is"),
        ("GET", "accounts/000000000000", "", 404, "no such account `000000000000`"),
        ("PATCH", "accounts/000000000000", "{}", 404, "no such account"),
        ("GET", "accounts/x", "", 404, "no such account `x`"),
        ("GET", &format!("{account}/role"), "", 404, "no such path"),
        ("POST", "accounts", "", 405, "expected GET"),
        ("DELETE", &account, "", 405, "expected GET, PATCH"),
        ("PUT", "calls", "", 405, "expected GET, DELETE"),
        ("PATCH", "faults", "", 405, "expected GET, POST, DELETE"),
        ("DELETE", "world", "", 405, "expected GET, PATCH"),
        ("HEAD2", "", "", 405, "expected GET"),
        ("PATCH", &account, "", 400, "EOF"),
        ("PATCH", &account, "[", 400, "EOF"),
        ("PATCH", &account, r#"{"kinds": "x"}"#, 400, "expected one of `kind`, `name`, `state`"),
        ("PATCH", &account, r#"{"kind": "evrybody"}"#, 400, "expected one of `guide-cli`"),
        ("PATCH", &account, r#"{"state": "closed"}"#, 400, "`SUSPENDED`"),
        ("PATCH", &account, r#"{"name": "x", "role": {"inlines": {}}}"#, 400, "`inline`"),
        ("PATCH", &account, r#"{"role": {"max_session": "1h"}}"#, 400, "u32"),
        ("GET", "calls?account=12", "", 400, "12 digits"),
        ("GET", "calls?acount=12", "", 400, "expected `?account=ID`"),
        ("POST", "faults", r#"{"fault": "throtled"}"#, 400, "`throttled`"),
        (
            "POST",
            "faults",
            r#"[{"fault": "hangs"}, {"fault": "hangs", "account": "000000000000"}]"#,
            400,
            "rule 2",
        ),
        (
            "POST",
            "faults",
            r#"{"fault": "hangs", "when": 1}"#,
            400,
            "expected one of operation, calls",
        ),
        ("PATCH", "world", r#"{"latency": "1s"}"#, 400, "`latency_ms`"),
        ("PATCH", "world", r#"{"latency_ms": 5, "paging": "sideways"}"#, 400, "`endless`"),
        ("PATCH", "world", r#"{"latency_ms": -1}"#, 400, "u64"),
    ];
    for (method, path, body, status, words) in cases {
        let answer = lab.send(method, path, body);
        let message = answer.json(status)["error"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{method} {path} {body}: {message}");
        assert_eq!(answer.head.contains("\nallow: "), status == 405, "{answer:?}");
    }
    assert_eq!(lab.look(World::clone), before);
    assert_eq!(lab.running.calls().total(), 0);
}
