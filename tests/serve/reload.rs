//! The configuration, read again.

use crate::support::{Daemon, Lab, TOKEN, quiet, world_of};
use rolewarden::simulator::Kind;

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing_and_one_that_can_is_in_force() {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::AdministratorAttached]);
    let mut lab = Lab::new(world).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    let successful =
        |value| daemon.expect_metric("rolewarden_config_last_reload_successful", value);
    successful(1.0);
    let exempt = format!(
        "exceptions: [{{id: EX-1, accounts: [\"{}\"], accept: {{attached_policies: [\"arn:aws:iam::aws:policy/AdministratorAccess\"]}}, reason: r, owner: o, expires: 2099-01-01}}]\n",
        ids[1]
    );
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "is empty"),
        ("broken", b"accounts: {source: organization".to_vec(), "rolewarden.yaml"),
        ("half of it", quiet().into_bytes()[..40].to_vec(), "rolewarden.yaml"),
        ("unknown key", format!("{}swep: {{}}\n", quiet()).into_bytes(), "swep"),
        ("no UTF-8", b"accounts: \xff".to_vec(), "UTF-8"),
        ("huge", vec![b'#'; 10 << 20], "larger"),
        (
            "needs a restart",
            quiet().replace("127.0.0.1:0", "127.0.0.1:1").into_bytes(),
            "web.listen",
        ),
        (
            "needs a restart too",
            format!("{}store: {{path: other.db}}\n", quiet()).into_bytes(),
            "store.path",
        ),
        (
            "a broken file of exceptions",
            format!("{}exceptions_file: broken.yaml\n", quiet()).into_bytes(),
            "broken.yaml",
        ),
    ];
    lab.file("broken.yaml", "- {id: EX-1");
    for (number, (case, text, word)) in cases.iter().enumerate() {
        lab.file("rolewarden.yaml", text);
        let answer = daemon.post("/-/reload");
        assert_eq!(answer.status, 500, "case `{case}`: {answer:?}");
        assert!(answer.text().contains(word), "case `{case}`: {}", answer.text());
        successful(0.0);
        daemon.expect_metric("rolewarden_config_reload_failures_total", (number + 1) as f64);
        assert_eq!(
            daemon.logged("configuration not reloaded: the one before stays in force").len(),
            number + 1
        );
    }
    daemon.sweep();
    daemon.expect_metric("rolewarden_accounts{state=\"drifted\"}", 1.0);
    // By the signal this time.
    lab.set_config(&format!("{}{exempt}", quiet()));
    daemon.signal("HUP");
    daemon.wait_for_log("configuration reloaded", 1);
    successful(1.0);
    // What is known was judged by other rules: a sweep follows at once.
    daemon.expect_metric("rolewarden_accounts{state=\"exempt\"}", 1.0);
    daemon.expect_metric("rolewarden_accounts{state=\"drifted\"}", 0.0);
    // The token is one of the things that change at once.
    lab.set_config(&quiet().replace(TOKEN, "another-token-0123456789"));
    assert_eq!(daemon.post("/-/reload").status, 200);
    assert_eq!(daemon.post("/-/reload").status, 401);
    assert!(!daemon.log().contains(TOKEN) && !daemon.log().contains("another-token"));
    daemon.stop();
}
