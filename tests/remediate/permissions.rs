//! Two permissions of the remediation role that moto does not ask for as AWS does: without one, the hint names it.

use std::collections::BTreeMap;

use rolewarden::aws::{RoleWriter as _, WriteError};
use rolewarden::model::{Account, UnknownReason, Write};
use rolewarden::simulator::Kind;

use crate::support::{Lab, in_virtual_time};

const ROLE: &str = "rolewarden-remediate";

#[test]
fn a_tagged_role_and_a_service_linked_one_take_permissions_of_their_own() {
    let tagged = Write::CreateRole {
        path: "/".to_owned(),
        trust_policy: include_str!("../../config/baseline/eks-connector-agent-trust-policy.json")
            .to_owned(),
        max_session_seconds: None,
        boundary: None,
        tags: BTreeMap::from([("team".to_owned(), "platform".to_owned())]),
    };
    let linked =
        Write::CreateServiceLinkedRole { service: "eks-connector.amazonaws.com".to_owned() };
    for (action, write) in [("iam:TagRole", tagged), ("iam:CreateServiceLinkedRole", linked)] {
        in_virtual_time(1, async {
            let (lab, ids) = Lab::of(&[Kind::Absent]);
            let account = Account::numbered(ids[0].clone());
            let allow = |allowed: bool| {
                lab.aws.change(|world| {
                    let role = world.access.everywhere.get_mut(ROLE).unwrap();
                    role.on.clear();
                    role.allows.retain(|one| one != action);
                    role.allows.extend(allowed.then(|| action.to_owned()));
                });
            };
            let engine = lab.engine().await;
            let send = async || {
                let ready = engine.aws.prepare_write(&account, "run", &write).await?;
                engine.aws.send_write(&ready, &account, "01JC", &write, &|| true).await
            };
            allow(false);
            let refused = send().await;
            let Err(WriteError::Refused(error)) = refused else { panic!("{action}: {refused:?}") };
            assert_eq!(error.reason, UnknownReason::AccessDenied, "{action}");
            let hint = error.hint.unwrap_or_default();
            assert!(hint.contains(&format!("`{action}`")), "{action}: {hint}");
            assert!(hint.contains("rolewarden iam remediate"), "{action}: {hint}");
            allow(true);
            send().await.unwrap_or_else(|error| panic!("{action}: {error}"));
        });
    }
}
