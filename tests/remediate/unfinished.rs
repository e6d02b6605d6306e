//! A change of which it is not known what became of it holds its account back, however long ago it began.

use jiff::SignedDuration;
use rolewarden::model::{Change, Phase};
use rolewarden::remediate::Journal;
use rolewarden::simulator::Kind;

use crate::support::{Lab, clock, in_virtual_time};

#[test]
fn an_account_with_an_unfinished_change_of_any_age_is_not_written_to() {
    for hours in [1, 71, 73, 24 * 365] {
        in_virtual_time(1, async {
            let (lab, ids) = Lab::of(&[Kind::Everyone]);
            lab.cycle().await;
            let done = lab.journal.all().pop().unwrap();
            lab.change_role(&ids[0], |role| {
                role.trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#.into();
            });
            let writes = lab.writes();
            let open = Change {
                id: "01OPEN".to_owned(),
                at: clock() - SignedDuration::from_hours(hours),
                phase: Phase::Sent,
                ended_at: None,
                outcome: None,
                ..done
            };
            lab.journal.record(&[open]).unwrap();
            let report = lab.cycle().await;
            assert_eq!(lab.writes(), writes, "{hours} h: {report:?}");
            let note = report.accounts[0].note.clone().unwrap_or_default();
            assert!(note.contains("is still open"), "{hours} h: {report:?}");
        });
    }
}
