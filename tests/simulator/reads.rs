//! Reading roles and their policies.

use rolewarden::simulator::*;

use crate::support::*;

#[tokio::test]
async fn sessions_read_their_own_account_only() {
    let (running, world) = start(30).await;
    for (id, member) in
        world.accounts.iter().filter(|(_, member)| Kind::RIGHT.contains(&member.kind))
    {
        let iam = iam_in(&running, id).await;
        let role = iam.get_role().role_name(ROLE).send().await.unwrap().role.unwrap();
        assert_eq!(role.arn(), role_arn(id, ROLE));
        assert_eq!(decoded(role.assume_role_policy_document().unwrap()), *member.roles[ROLE].trust);
        let names = iam.list_role_policies().role_name(ROLE).send().await.unwrap().policy_names;
        assert_eq!(names, member.roles[ROLE].inline.keys().cloned().collect::<Vec<_>>());
        let policy =
            iam.get_role_policy().role_name(ROLE).policy_name(&names[0]).send().await.unwrap();
        assert_eq!(decoded(policy.policy_document()), *member.roles[ROLE].inline[&names[0]]);
    }
}

#[tokio::test]
async fn absent_things_are_no_such_entity() {
    let (running, world) = start(60).await;
    let iam = iam_in(&running, &one(&world, Kind::Absent)).await;
    let result = iam.get_role().role_name(ROLE).send().await;
    assert!(result.as_ref().unwrap_err().as_service_error().unwrap().is_no_such_entity_exception());
    assert_eq!(code(result), is(404, "NoSuchEntity"));
    assert_eq!(
        code(iam.list_role_policies().role_name(ROLE).send().await),
        is(404, "NoSuchEntity")
    );
    assert_eq!(
        code(iam.list_attached_role_policies().role_name(ROLE).send().await),
        is(404, "NoSuchEntity")
    );
    let iam = iam_in(&running, &one(&world, Kind::GuideCli)).await;
    let policy = iam.get_role_policy().role_name(ROLE).policy_name("none");
    assert_eq!(code(policy.send().await), is(404, "NoSuchEntity"));
    let policy = iam.get_policy().policy_arn("arn:aws:iam::aws:policy/None");
    assert_eq!(code(policy.send().await), is(404, "NoSuchEntity"));
    assert_eq!(code(iam.get_role().send().await), is(400, "ValidationError"));
}

#[tokio::test]
async fn managed_policies_and_boundaries_are_read_with_their_documents() {
    let (running, world) = start(60).await;
    for kind in [Kind::TerraformManaged, Kind::AdministratorAttached, Kind::Boundary] {
        let account = one(&world, kind);
        let iam = iam_in(&running, &account).await;
        let role = iam.get_role().role_name(ROLE).send().await.unwrap().role.unwrap();
        let attached = iam.list_attached_role_policies().role_name(ROLE).send().await.unwrap();
        let mut arns: Vec<String> = attached
            .attached_policies()
            .iter()
            .map(|p| p.policy_arn().unwrap().to_owned())
            .collect();
        arns.extend(
            role.permissions_boundary().map(|b| b.permissions_boundary_arn().unwrap().to_owned()),
        );
        assert_eq!(arns.len(), 1, "case {kind:?}");
        let policy = iam.get_policy().policy_arn(&arns[0]).send().await.unwrap().policy.unwrap();
        let version = policy.default_version_id().unwrap();
        let version =
            iam.get_policy_version().policy_arn(&arns[0]).version_id(version).send().await.unwrap();
        let document = decoded(version.policy_version().unwrap().document().unwrap());
        let stored = world
            .aws_policies
            .get(&arns[0])
            .or(world.accounts[&account].policies.get(&arns[0]))
            .unwrap();
        assert_eq!(document, *stored.document, "case {kind:?}");
    }
}

#[tokio::test]
async fn iam_lists_are_paged() {
    let (running, world) = start(2).await;
    let account = world.management.clone();
    let names: Vec<String> = (10..32).map(|n| format!("policy-{n}")).collect();
    running.change(|world| {
        world.iam_page = 7;
        let role = world.accounts.get_mut(&account).unwrap().roles.get_mut(ROLE).unwrap();
        role.inline = names.iter().map(|name| (name.clone(), "{}".into())).collect();
        role.attached =
            names.iter().map(|name| format!("arn:aws:iam::{account}:policy/team/{name}")).collect();
    });
    let iam = iam_in(&running, &account).await;
    let pages = iam.list_role_policies().role_name(ROLE).into_paginator().items().send();
    assert_eq!(pages.collect::<Result<Vec<_>, _>>().await.unwrap(), names);
    let pages = iam
        .list_attached_role_policies()
        .role_name(ROLE)
        .max_items(2)
        .into_paginator()
        .items()
        .send();
    let attached = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(attached.iter().map(|p| p.policy_name().unwrap()).collect::<Vec<_>>(), names);
    let calls = running.calls();
    assert_eq!(
        (calls.of(Operation::ListRolePolicies), calls.of(Operation::ListAttachedRolePolicies)),
        (4, 11)
    );
}

#[tokio::test]
async fn a_role_can_change_between_two_reads() {
    let (running, world) = start(2).await;
    let account = world.management.clone();
    let mut changed = world.accounts[&account].roles[ROLE].clone();
    changed.id = "AROACHANGED".to_owned();
    let iam = iam_in(&running, &account).await;
    let read = || async {
        iam.get_role().role_name(ROLE).send().await.map(|out| out.role.unwrap().role_id)
    };
    let once = |after, to| Change::Once { after, role: ROLE.to_owned(), to };
    let set =
        |change| running.change(|world| world.accounts.get_mut(&account).unwrap().change = change);

    set(once(2, Some(Box::new(changed))));
    let mut seen = vec![];
    for _ in 0..4 {
        seen.push(read().await.unwrap() == "AROACHANGED");
    }
    assert_eq!(seen, [false, false, true, true]);
    set(once(0, None));
    assert_eq!(code(read().await), is(404, "NoSuchEntity"));

    set(Change::EveryRead);
    let policy = || async {
        let call =
            iam.get_role_policy().role_name(ROLE).policy_name("AmazonEKSConnectorAgentPolicy");
        call.send().await.unwrap().policy_document
    };
    assert_ne!(policy().await, policy().await);
}
