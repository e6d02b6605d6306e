mod parser;
mod world;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parser::{Scrape, promtool};
use world::{World, at, finding, judged, unknown};

use super::catalogue::{GROUPS, Kind, Values};
use super::*;
use crate::aws::CallOutcome;
use crate::ledger::{Outcome, Resolution, Trigger, View};
use crate::model::{
    AccountResult, AccountState, CheckName, Finding, ScanError, Severity, SkipReason,
    UnknownReason, is_dangerous,
};
use crate::store::Health;

fn scrape(telemetry: &Telemetry, world: &World, now: i64) -> Scrape {
    Scrape::parse(&telemetry.scrape(&world.view(), at(now)).plain)
}

/// Everything that can happen, once.
fn eventful() -> (Telemetry, World) {
    let telemetry = Telemetry::new().unwrap();
    let mut world = World::default();
    world.list(&[1, 2, 3, 4]);
    world.skip(4, SkipReason::Suspended);
    telemetry.config_loaded(at(0));
    telemetry.org_refreshed(4);
    telemetry.sweep_started(at(0), Trigger::Start, 3, 64);
    for (id, result) in [
        (1, judged(1, vec![])),
        (2, judged(1, vec![finding("a", Severity::Critical), finding("b", Severity::Low)])),
        (3, unknown(UnknownReason::AssumeDenied)),
    ] {
        telemetry.scan_started();
        let events = world.absorb(id, result);
        telemetry.scan_ended(&world.report(id), Duration::from_millis(700));
        telemetry.findings_changed(&events);
    }
    world.ended(Outcome::Complete, 0, 9);
    telemetry.sweep_ended(&world.sweeps[0]);
    telemetry.sweep_overrun();
    let resolved = world.absorb(2, judged(3600, vec![finding("b", Severity::Low)]));
    telemetry.findings_changed(&resolved);
    let error = ScanError::new(UnknownReason::Throttled, "no");
    telemetry.org_refresh_failed(&error);
    telemetry.sweep_failed(&error);
    telemetry.config_reloaded(at(20));
    telemetry.config_reload_failed("no");
    telemetry.store_health(Health {
        saves: 2,
        failures: 1,
        saved_at: Some(at(9)),
        ..Health::default()
    });
    world.except("EX-1", &[2], at(0));
    (telemetry, world)
}

#[test]
fn what_is_declared_is_rendered_and_what_is_rendered_is_declared() {
    let (telemetry, world) = eventful();
    let scrape = scrape(&telemetry, &world, 4000);
    let declared: BTreeSet<_> = GROUPS
        .iter()
        .flat_map(|group| group.metrics)
        .map(|metric| {
            let kind = match metric.kind {
                Kind::Gauge => "gauge",
                Kind::Counter => "counter",
                Kind::Histogram(_) => "histogram",
            };
            (metric.name, kind, metric.help)
        })
        .collect();
    let rendered: BTreeSet<_> = scrape
        .families
        .iter()
        .map(|(name, (kind, help))| (name.as_str(), kind.as_str(), help.as_str()))
        .collect();
    assert_eq!(rendered, declared);
    for (name, labels) in scrape.series.keys() {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let known = |name: &str| GROUPS.iter().flat_map(|g| g.metrics).find(|m| m.name == name);
        let metric = known(name).or_else(|| base.and_then(known)).unwrap();
        let names: BTreeSet<_> = labels.keys().map(String::as_str).filter(|l| *l != "le").collect();
        assert_eq!(names, metric.label_names().into_iter().collect(), "{name}");
        for label in metric.labels {
            if let Values::Closed(values) = label.values {
                let value = labels[label.name].as_str();
                assert!(values().contains(&value), "{name}: {} is `{value}`", label.name);
            }
        }
    }
}

#[test]
fn the_reference_page_in_the_repository_is_what_the_command_prints() {
    let page = include_str!("../../../docs/metrics.md");
    assert_eq!(page, reference(), "`rolewarden metrics > docs/metrics.md` brings them together");
}

#[test]
fn the_output_is_as_promtool_wants_it() {
    let (telemetry, world) = eventful();
    promtool(&telemetry.scrape(&world.view(), at(4000)).plain);
}

#[test]
fn closed_sets_are_there_from_the_start_with_zero() {
    let telemetry = Telemetry::new().unwrap();
    let scrape = scrape(&telemetry, &World::default(), 0);
    for metric in GROUPS.iter().flat_map(|group| group.metrics) {
        let suffix = if matches!(metric.kind, Kind::Histogram(_)) { "_count" } else { "" };
        for values in metric.combinations() {
            let labels = metric.label_names().into_iter().zip(values);
            let labels = labels.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            let series = (format!("{}{suffix}", metric.name), labels);
            assert!(scrape.series.contains_key(&series), "{series:?}");
        }
    }
    let service = ("aws_service", "iam");
    let call = [service, ("operation", "GetRole"), ("outcome", "throttled")];
    assert_eq!(scrape.get("aws_requests_total", &call), Some(0.0));
    assert_eq!(scrape.get("accounts", &[("state", "drifted")]), Some(0.0));
}

/// A series, and its value.
type Case = (&'static str, &'static [(&'static str, &'static str)], f64);

#[test]
fn each_event_counts() {
    let (telemetry, world) = eventful();
    let s = scrape(&telemetry, &world, 4000);
    let cases: [Case; 23] = [
        ("sweeps_total", &[("outcome", "complete")], 1.0),
        ("sweeps_total", &[("outcome", "failed")], 1.0),
        ("sweep_overruns_total", &[], 1.0),
        ("sweep_in_progress", &[], 0.0),
        ("scan_queue_accounts", &[], 0.0),
        ("scan_workers", &[], 64.0),
        ("scan_workers_busy", &[], 0.0),
        ("scans_total", &[("outcome", "success")], 2.0),
        ("scans_total", &[("outcome", "assume_denied")], 1.0),
        ("findings_opened_total", &[("check", "trust-policy"), ("severity", "critical")], 1.0),
        (
            "findings_resolved_total",
            &[("check", "trust-policy"), ("severity", "critical"), ("resolution", "external")],
            1.0,
        ),
        ("finding_open_seconds_sum", &[("severity", "critical")], 3599.0),
        ("org_refreshes_total", &[], 2.0),
        ("org_refresh_failures_total", &[], 1.0),
        ("config_last_reload_successful", &[], 0.0),
        ("config_reloads_total", &[], 2.0),
        ("config_reload_failures_total", &[], 1.0),
        ("state_saves_total", &[], 3.0),
        ("state_save_failures_total", &[], 1.0),
        ("last_sweep_outcome", &[("outcome", "failed")], 1.0),
        ("last_sweep_outcome", &[("outcome", "complete")], 0.0),
        ("last_sweep_accounts", &[("outcome", "failed")], 1.0),
        ("last_sweep_duration_seconds", &[], 9.0),
    ];
    for (name, labels, want) in cases {
        assert_eq!(s.get(name, labels), Some(want), "{name} {labels:?}");
    }
}

#[test]
fn a_sweep_that_runs_is_seen() {
    let telemetry = Telemetry::new().unwrap();
    let world = World::default();
    telemetry.sweep_started(at(7), Trigger::Schedule, 3, 2);
    telemetry.scan_started();
    telemetry.traffic().of("iam:GetRole").sent(true).ended(CallOutcome::Success);
    let s = scrape(&telemetry, &world, 8);
    let got: Vec<_> = ["sweep_in_progress", "scan_queue_accounts", "scan_workers_busy"]
        .map(|name| s.get(name, &[]).unwrap())
        .into();
    assert_eq!(got, [1.0, 2.0, 1.0]);
    let began = s.get("last_sweep_start_timestamp_seconds", &[]).unwrap();
    assert_eq!(began, at(7).as_second() as f64);
    assert_eq!(s.get("last_sweep_end_timestamp_seconds", &[]), Some(0.0), "never");
    let sent = [("aws_service", "iam"), ("operation", "GetRole"), ("outcome", "success")];
    assert_eq!(s.get("aws_requests_total", &sent), Some(1.0));
    let of_sweep = [("aws_service", "iam"), ("outcome", "success")];
    assert_eq!(s.get("last_sweep_aws_requests", &of_sweep), None, "no sweep ended yet");
}

#[test]
fn the_states_sum_up_to_the_selected_accounts_and_age_at_the_scrape() {
    let (telemetry, mut world) = eventful();
    world.stale_after = Duration::from_secs(100);
    for (now, compliant, stale) in [(100, 1.0, 1), (102, 0.0, 2), (3650, 0.0, 1), (3701, 0.0, 2)] {
        let s = scrape(&telemetry, &world, now);
        assert_eq!(s.get("accounts", &[("state", "compliant")]), Some(compliant), "{now}");
        assert_eq!(s.sum("accounts"), 3.0);
        assert_eq!(s.all("account_state").len(), 3);
        let states = s.all("account_state");
        let is_stale = |labels: &&(&std::collections::BTreeMap<String, String>, f64)| {
            labels.0["state"] == "unknown" && labels.0["reason"] == "stale"
        };
        assert_eq!(states.iter().filter(is_stale).count(), stale, "{now}");
        for state in AccountState::ALL {
            let listed = states.iter().filter(|(l, _)| l["state"] == state.as_str()).count();
            let counted = s.get("accounts", &[("state", state.as_str())]);
            assert_eq!(counted, Some(listed as f64), "{now} {state:?}");
        }
        assert_eq!(s.get("accounts_out_of_scope", &[("reason", "suspended")]), Some(1.0));
        assert_eq!(s.sum("findings"), 1.0, "a finding stays, whatever the state");
        assert_eq!(s.all("finding_first_seen_timestamp_seconds").len(), 1);
    }
}

#[test]
fn a_shard_says_which_it_is_and_what_the_organization_has() {
    let (telemetry, mut world) = eventful();
    let names = ["shard_ordinal", "total_shards", "organization_accounts"];
    let read = |scrape: &Scrape| names.map(|name| scrape.get(name, &[]).unwrap());
    assert_eq!(read(&scrape(&telemetry, &world, 1)), [0.0, 1.0, 3.0], "it has all of it");
    world.config.shard = crate::model::Shard::new(2, 4).unwrap();
    assert_eq!(read(&scrape(&telemetry, &world, 2)), [2.0, 4.0, 3.0], "not listed yet");
    let mut view = View::clone(&world.view());
    view.list.selected = 12;
    let listed = Scrape::parse(&telemetry.scrape(&Arc::new(view), at(3)).plain);
    assert_eq!((read(&listed), listed.sum("accounts")), ([2.0, 4.0, 12.0], 3.0));
}

#[test]
fn findings_alike_are_one_series_with_the_oldest_age() {
    let mut world = World::default();
    world.list(&[1]);
    world.absorb(1, judged(10, vec![finding("a", Severity::High)]));
    let mut excused = finding("d", Severity::High);
    excused.exception = Some("EX-1".into());
    let later = vec![
        finding("a", Severity::High),
        finding("b", Severity::High),
        finding("c", Severity::Low),
        excused,
    ];
    world.absorb(1, judged(20, later));
    let s = scrape(&Telemetry::new().unwrap(), &world, 30);
    let first = |severity| {
        let labels =
            [("account_id", "000000000001"), ("check", "trust-policy"), ("severity", severity)];
        s.get("finding_first_seen_timestamp_seconds", &labels)
    };
    assert_eq!(first("high"), Some(at(10).as_second() as f64));
    let why = "drift that changes is as old as the drift of its check";
    assert_eq!(first("low"), Some(at(10).as_second() as f64), "{why}");
    let high = [("check", "trust-policy"), ("severity", "high")];
    assert_eq!((s.get("findings", &high), s.get("findings_exempt", &high)), (Some(2.0), Some(1.0)));
}

#[test]
fn hostile_names_arrive_as_text() {
    let names = [
        "a\"} 1\nrolewarden_accounts{state=\"compliant\"} 9999\n",
        "back\\slash\\n",
        "\u{202e}evil\u{2028}\u{0}\u{1b}[31m\u{9b}",
        "<script>alert(1)</script>",
        &"ä".repeat(5000),
        &"\u{e007f}".repeat(500),
        "# HELP x y",
        "",
    ];
    let mut world = World::default();
    world.list(&(1..=names.len() as u64).collect::<Vec<_>>());
    for (id, name) in (1..).zip(names) {
        world.rename(id, name, &format!("/{name}/{name}"));
    }
    world.except(names[0], &[1], at(0));
    let s = scrape(&Telemetry::new().unwrap(), &world, 0);
    let info = s.all("account_info");
    assert_eq!(info.len(), names.len());
    for ((labels, _), name) in info.iter().zip(names) {
        for label in ["account_name", "ou"] {
            let value = &labels[label];
            assert!(value.len() <= 256, "`{value}` has {} bytes", value.len());
            assert!(!value.contains(is_dangerous), "`{value}`");
        }
        if name.len() < 200 && !name.contains(is_dangerous) {
            assert_eq!(labels["account_name"], name);
        }
    }
    assert_eq!(s.sum("accounts"), names.len() as f64);
    promtool(&Telemetry::new().unwrap().scrape(&world.view(), at(0)).plain);
}

#[test]
fn series_are_capped_and_what_is_left_out_is_said() {
    let mut world = World::default();
    world.list(&(1..=10).collect::<Vec<_>>());
    for id in 1..=10 {
        let severity = if id == 10 { Severity::Critical } else { Severity::Low };
        world.absorb(id, judged(1, vec![finding("a", severity)]));
    }
    world.except("EX-1", &(1..=10).collect::<Vec<_>>(), at(0));
    let cases =
        [(20, 20, (10, 0.0), (10, 0.0)), (4, 3, (4, 6.0), (3, 7.0)), (0, 0, (0, 0.0), (0, 10.0))];
    for (accounts, findings, shown, seen) in cases {
        world.caps(accounts, findings);
        let s = scrape(&Telemetry::new().unwrap(), &world, 2);
        let dropped = |name| s.get(name, &[]).unwrap();
        for name in ["account_info", "account_state", "account_last_success_timestamp_seconds"] {
            assert_eq!((s.all(name).len(), dropped("account_series_dropped")), shown, "{name}");
        }
        let first = s.all("finding_first_seen_timestamp_seconds");
        assert_eq!((first.len(), dropped("finding_series_dropped")), seen);
        assert!(
            findings == 0 || first.iter().any(|(l, _)| l["severity"] == "critical"),
            "worst first"
        );
        let expiry = s.all("exception_expiry_timestamp_seconds").len();
        assert_eq!((expiry, dropped("exception_series_dropped")), seen);
        assert_eq!((s.sum("accounts"), s.sum("findings")), (10.0, 10.0), "counts are whole");
    }
}

#[test]
fn exceptions_are_exported_with_the_end_of_their_last_day() {
    let mut world = World::default();
    world.list(&[1, 2]);
    world.except("EX-1", &[1, 7], at(0));
    let telemetry = Telemetry::new().unwrap();
    let s = scrape(&telemetry, &world, 0);
    let all = s.all("exception_expiry_timestamp_seconds");
    assert_eq!(all.len(), 1, "only accounts that are there");
    let end = all[0].1;
    assert_eq!(
        (all[0].0["exception_id"].as_str(), all[0].0["account_id"].as_str()),
        ("EX-1", "000000000001")
    );
    let now = at(0).as_second() as f64;
    assert!(end > now && end <= now + 86_400.0 && end % 86_400.0 == 0.0, "{end}");
    for (days, state) in [(-30, "active"), (-3, "expiring"), (0, "expiring"), (1, "expired")] {
        let s = scrape(&telemetry, &world, days * 86_400);
        assert_eq!(s.get("exceptions", &[("state", state)]), Some(1.0), "day {days}");
        assert_eq!(s.sum("exceptions"), 1.0);
    }
}

#[test]
fn scrapes_of_one_second_and_one_view_share_a_rendering() {
    let (telemetry, world) = eventful();
    let view = world.view();
    let first = telemetry.scrape(&view, at(1));
    assert!(Arc::ptr_eq(&first, &telemetry.scrape(&view, at(1))));
    assert!(!Arc::ptr_eq(&first, &telemetry.scrape(&view, at(2))), "another second");
    let second = telemetry.scrape(&view, at(2));
    assert!(!Arc::ptr_eq(&second, &telemetry.scrape(&world.view(), at(2))), "another view");
    let together: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| telemetry.scrape(&view, at(3)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(together.iter().all(|one| Arc::ptr_eq(one, &together[0])), "one rendering for all");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(first.gzip.as_slice()).read_to_end(&mut plain).unwrap();
    assert_eq!(plain, first.plain, "gzip is the same text");
}

#[test]
fn ten_thousand_accounts_make_a_body_of_a_few_megabytes() {
    let mut world = World::default();
    world.list(&(1..=10_000).collect::<Vec<_>>());
    for id in 1..=10_000 {
        world.rename(
            id,
            &format!("workload-{id}"),
            &format!("/root/prod/team-{}/workload-{id}", id % 97),
        );
        let findings = if id % 20 == 0 { vec![finding("a", Severity::High)] } else { vec![] };
        world.absorb(id, judged(1, findings));
    }
    let telemetry = Telemetry::new().unwrap();
    let view = world.view();
    let begun = Instant::now();
    let rendered = telemetry.scrape(&view, at(2));
    let took = begun.elapsed();
    let (plain, gzip) = (rendered.plain.len(), rendered.gzip.len());
    println!("10,000 accounts, 500 findings: {plain} bytes, gzip {gzip}, {took:?}");
    assert!(plain <= 4_000_000 && gzip <= 500_000, "{plain} {gzip}");
    assert_eq!(Scrape::parse(&rendered.plain).sum("accounts"), 10_000.0);
}

#[test]
fn an_exemption_ends_at_the_scrape_after_its_last_day() {
    let mut world = World::default();
    world.list(&[1]);
    let noon = 43_200;
    world.except("EX-1", &[1], at(noon));
    let mut result = judged(
        noon,
        vec![Finding { exception: Some("EX-1".into()), ..finding("a", Severity::High) }],
    );
    if let AccountResult::Judged { state, .. } = &mut result {
        *state = AccountState::Exempt;
    }
    world.absorb(1, result);
    let telemetry = Telemetry::new().unwrap();
    let last = jiff::tz::TimeZone::UTC.to_datetime(at(noon)).date().tomorrow().unwrap();
    let end =
        jiff::tz::TimeZone::UTC.to_timestamp(last.into()).unwrap().as_second() - at(0).as_second();
    for (now, exempt, drifted) in [(end - 1, 1.0, 0.0), (end, 0.0, 1.0)] {
        let s = scrape(&telemetry, &world, now);
        assert_eq!(s.get("accounts", &[("state", "exempt")]), Some(exempt), "{now}");
        assert_eq!(s.get("accounts", &[("state", "drifted")]), Some(drifted), "{now}");
        assert_eq!(s.sum("findings_exempt"), exempt, "{now}");
        assert_eq!(s.sum("findings"), drifted, "{now}");
        let view = world.view();
        assert_eq!(view.open_findings(at(now)).high as f64, drifted, "{now}");
        assert_eq!(view.states(at(now)).drifted as f64, drifted, "{now}");
    }
}

#[test]
fn a_scan_writes_its_states_and_a_scan_that_could_not_run_writes_none() {
    let (_, mut world) = eventful();
    world.ended(Outcome::Complete, 100, 130);
    let report = world.whole_report();
    let shot =
        |outcome| OneShot { outcome, traffic: Default::default(), last_complete: Some(at(-5)) };
    let state = |outcome| {
        let listed = Listed { accounts: world.ledger.accounts(), selected: 12 };
        shot(outcome).state(&world.config, listed, &report)
    };
    let whole = Scrape::parse(&state(Outcome::Complete));
    promtool(&state(Outcome::Complete));
    let declared: BTreeSet<_> =
        GROUPS.iter().flat_map(|g| g.metrics).filter(|m| m.scan).map(|m| m.name).collect();
    let written: BTreeSet<_> = whole.families.keys().map(String::as_str).collect();
    let without = ["rolewarden_last_sweep_aws_requests"];
    assert_eq!(written, declared.into_iter().filter(|name| !without.contains(name)).collect());
    assert!(whole.families.values().all(|(kind, _)| kind == "gauge"), "nothing goes on counting");
    assert_eq!(whole.sum("accounts"), 3.0);
    assert_eq!(whole.sum("findings"), 1.0);
    assert_eq!(whole.get("organization_accounts", &[]), Some(12.0), "other shards have the rest");
    let complete = |scrape: &Scrape| scrape.get("last_complete_sweep_timestamp_seconds", &[]);
    assert_eq!(complete(&whole), Some(at(130).as_second() as f64));
    let cancelled = state(Outcome::Cancelled);
    assert_eq!(complete(&Scrape::parse(&cancelled)), Some(at(-5).as_second() as f64));
    assert_eq!(last_complete(&String::from_utf8(cancelled).unwrap()), Some(at(-5)));

    let failed = shot(Outcome::Failed).nothing();
    promtool(&failed);
    let failed = Scrape::parse(&failed);
    let families: Vec<_> = failed.families.keys().map(String::as_str).collect();
    let want = ["build_info", "last_complete_sweep_timestamp_seconds", "last_sweep_outcome"];
    assert_eq!(families, want.map(|name| format!("rolewarden_{name}")));
    assert_eq!(failed.get("last_sweep_outcome", &[("outcome", "failed")]), Some(1.0));
    assert_eq!(complete(&failed), Some(at(-5).as_second() as f64), "the file before said so");
    for (text, want) in [
        ("", None),
        ("rolewarden_last_complete_sweep_timestamp_seconds 0\n", None),
        ("rolewarden_last_complete_sweep_timestamp_seconds x\n", None),
        ("# TYPE rolewarden_last_complete_sweep_timestamp_seconds gauge\n", None),
        ("rolewarden_last_complete_sweep_timestamp_seconds 1800000000\n", Some(at(0))),
    ] {
        assert_eq!(last_complete(text), want, "case `{text}`");
    }
}

#[test]
fn labels_of_closed_sets_have_plain_names() {
    let names = GROUPS.iter().flat_map(|group| group.metrics).map(|metric| metric.name);
    assert_eq!(names.clone().collect::<BTreeSet<_>>().len(), names.count(), "each once");
    for metric in GROUPS.iter().flat_map(|group| group.metrics) {
        let counts = metric.name.ends_with("_total");
        assert_eq!(
            counts,
            metric.kind == Kind::Counter,
            "{}: only counters end in _total",
            metric.name
        );
        assert!(metric.help.ends_with('.'), "{}", metric.name);
        for value in metric.combinations().concat() {
            let legal = |b: u8| b.is_ascii_lowercase() || b == b'_' || b == b'-';
            assert!(value.bytes().all(legal), "{}: `{value}`", metric.name);
        }
    }
    assert_eq!(Resolution::ALL.len() * CheckName::ALL.len() * Severity::ALL.len(), {
        catalogue::FINDINGS_RESOLVED.combinations().len()
    });
}
