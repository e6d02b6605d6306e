//! The words of `rolewarden simulate --help`: every list is whole, and every example does what it says.

use rolewarden::model::AccountId;
use rolewarden::simulator::{CONTROL, Fault, Kind, Operation, Paging, parse_script};
use serde_json::Value;

use crate::http::send;
use crate::simulate::Simulator;
use crate::support::{Remote, iam_as};

fn help() -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_rolewarden"))
        .args(["simulate", "--help"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The indented lines after a line that begins so, up to the next line that is not.
fn section(head: &str) -> Vec<String> {
    let help = help();
    let lines = help.lines().skip_while(|line| !line.starts_with(head)).skip(1);
    let lines = lines.skip_while(|line| !line.starts_with("  "));
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with("  "));
    lines.map(|line| line.trim_start_matches("  ").to_owned()).collect()
}

#[test]
fn every_name_is_there_and_lines_fit() {
    let help = help();
    let faults = Fault::EACH.iter().map(|fault| (fault.usage(), fault.about()));
    let pages = Paging::EACH.iter().map(|paging| (paging.usage(), paging.about()));
    let kinds = Kind::EACH.iter().map(|kind| (kind.usage(), kind.about()));
    let joined = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (name, about) in faults.chain(pages).chain(kinds) {
        assert!(joined.contains(&format!("{name} {about}")), "{name}");
    }
    for operation in Operation::ALL {
        assert!(joined.contains(&format!(" {} ", operation.as_str())), "{operation:?}");
    }
    for line in CONTROL.lines() {
        assert!(help.contains(line), "{line}");
    }
    let long: Vec<&str> = help.lines().filter(|line| line.chars().count() > 100).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn the_fault_script_is_one() {
    let script = section("A fault script is").join("\n");
    let rules = parse_script(&script).unwrap_or_else(|error| panic!("{error}\n{script}"));
    assert_eq!(rules.len(), 3, "{script}");
}

/// One line of the rehearsal, whole: a quote or a backslash at its end goes on in the next.
fn whole_lines(lines: &[String]) -> Vec<String> {
    let mut whole: Vec<String> = vec![];
    let mut open = false;
    for line in lines {
        match whole.last_mut() {
            Some(last) if open => {
                let start = last.trim_end_matches('\\').to_owned();
                *last = format!("{start} {}", line.trim());
            }
            _ => whole.push(line.clone()),
        }
        let last = whole.last().unwrap();
        open =
            !last.starts_with('#') && (last.ends_with('\\') || last.matches('\'').count() % 2 == 1);
    }
    whole
}

/// `curl -s -X METHOD URL -d 'BODY'`, after the variables.
fn curl(command: &str) -> Value {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    let after = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        words.get(at + 1).cloned()
    };
    let url = words.iter().find(|word| word.starts_with("http://")).unwrap();
    let method = after("-X").unwrap_or_else(|| "GET".to_owned());
    send(&method, url, &after("-d").unwrap_or_default()).json(200)
}

/// Does what `fix.sh` says, with a session of the account's administrator.
fn repair(simulator: &Simulator, account: &AccountId, fix: &str) {
    let rest = fix.strip_prefix("aws iam update-assume-role-policy --role-name ").unwrap();
    let (role, document) = rest.split_once(" --policy-document '").unwrap();
    let remote = Remote::new(
        simulator.var("AWS_ENDPOINT_URL"),
        simulator.var("AWS_ACCESS_KEY_ID"),
        simulator.var("AWS_SECRET_ACCESS_KEY"),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let iam = iam_as(&remote, account, "AdministratorRole", None).await;
        let update = iam.update_assume_role_policy().role_name(role);
        update.policy_document(document.trim_end_matches('\'')).send().await.unwrap();
    });
}

#[test]
fn the_rehearsal_goes_as_it_says() {
    let simulator = Simulator::start(&[]);
    let control = format!("{}/_simulator", simulator.var("AWS_ENDPOINT_URL"));
    let (mut id, mut fix) = (String::new(), String::new());
    let (mut scans, mut curls) = (0, 0);
    for line in whole_lines(&section("A rehearsal")) {
        let (command, comment) = line.split_once(" #").unwrap_or((&line, ""));
        let command = command.trim().replace("$S", &control).replace("$ID", &id);
        if let Some(chosen) = command.strip_prefix("ID=$(") {
            let kind = chosen.split('"').nth(1).unwrap();
            let accounts = send("GET", &format!("{control}/accounts"), "").json(200);
            let accounts = accounts.as_array().unwrap();
            let chosen = accounts.iter().find(|account| account["kind"] == kind).unwrap();
            id = chosen["id"].as_str().unwrap().to_owned();
        } else if let Some(args) = command
            .strip_prefix("rolewarden ")
            .filter(|_| scans + curls > 0 || comment.contains("status"))
        {
            let args: Vec<&str> = args.split_whitespace().take_while(|word| *word != "|").collect();
            let output = simulator.run(&args);
            let status = comment.split("status ").nth(1).and_then(|rest| rest.get(..1));
            if let Some(status) = status {
                assert_eq!(output.status.code(), status.parse().ok(), "{line}: {output:?}");
                scans += 1;
            } else {
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                fix = report["accounts"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|account| account["findings"].as_array().into_iter().flatten())
                    .flat_map(|finding| finding["fix"].as_array().unwrap())
                    .map(|line| line.as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
                    .join("\n");
            }
        } else if command.starts_with("curl ") {
            curl(&command);
            curls += 1;
        } else if command == "sh -ex fix.sh" {
            repair(&simulator, &id.parse().unwrap(), &fix);
        }
    }
    assert_eq!((scans, curls), (5, 6), "every scan and every curl was tried");
}
