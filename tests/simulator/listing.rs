//! The organization's accounts and tree.

use std::collections::BTreeSet;

use rolewarden::model::AccountId;
use rolewarden::simulator::*;

use crate::support::*;

#[tokio::test]
async fn accounts_are_listed_twenty_at_a_time() {
    let (running, world) = start(60).await;
    let pages = listed(&running).await;
    assert_eq!(pages.iter().map(|page| page.accounts().len()).collect::<Vec<_>>(), [20, 20, 20]);
    assert_eq!(ids(&pages), world.ids().map(AccountId::as_str).collect::<Vec<_>>());
    for account in pages.iter().flat_map(|page| page.accounts()) {
        let member = &world.accounts[&account.id().unwrap().parse().unwrap()];
        assert_eq!(account.state().unwrap().as_str(), member.state.as_str());
        assert_eq!((account.name(), account.status()), (Some(member.name.as_str()), None));
        assert!(account.joined_timestamp().is_some() && account.paths().len() == 1);
    }
    for max in [0, 21] {
        let result = organizations(&running).list_accounts().max_results(max).send().await;
        assert_eq!(code(result), is(400, "InvalidInputException"), "case {max}");
    }
    let result = organizations(&running).list_accounts().next_token("made-up").send().await;
    assert_eq!(code(result), is(400, "InvalidInputException"));
}

#[tokio::test]
async fn the_state_is_in_the_field_asked_for() {
    let (running, _) = start(45).await;
    for (field, state, status) in [
        (StateField::State, true, false),
        (StateField::Status, false, true),
        (StateField::Both, true, true),
    ] {
        running.change(|world| world.listing.state_field = field);
        for account in listed(&running).await.iter().flat_map(|page| page.accounts()) {
            let fields = (account.state().is_some(), account.status().is_some());
            assert_eq!(fields, (state, status), "case {field:?}");
        }
    }
}

#[tokio::test]
async fn the_tree_leads_to_every_account() {
    let (running, world) = start(60).await;
    let client = organizations(&running);
    let organization = client.describe_organization().send().await.unwrap().organization.unwrap();
    assert_eq!(organization.id(), Some(world.organization_id.as_str()));
    assert_eq!(organization.master_account_id(), Some(world.management.as_str()));
    let roots = client.list_roots().send().await.unwrap().roots.unwrap();
    let mut parents: Vec<String> = roots.iter().map(|root| root.id().unwrap().to_owned()).collect();
    let mut found = BTreeSet::new();
    while let Some(parent) = parents.pop() {
        let pages = client.list_accounts_for_parent().parent_id(&parent).into_paginator().send();
        for page in pages.collect::<Result<Vec<_>, _>>().await.unwrap() {
            found.extend(page.accounts().iter().map(|account| account.id().unwrap().to_owned()));
        }
        let pages = client
            .list_organizational_units_for_parent()
            .parent_id(&parent)
            .into_paginator()
            .send();
        for page in pages.collect::<Result<Vec<_>, _>>().await.unwrap() {
            parents.extend(
                page.organizational_units().iter().map(|unit| unit.id().unwrap().to_owned()),
            );
        }
    }
    assert_eq!(found, world.ids().map(ToString::to_string).collect());
    let result = client.list_accounts_for_parent().parent_id("ou-none-00000000").send().await;
    assert_eq!(code(result), is(400, "ParentNotFoundException"));

    let tags = client.list_tags_for_resource();
    let out = tags.clone().resource_id(world.hub.as_str()).send().await.unwrap();
    assert_eq!(
        out.tags().iter().map(|tag| (tag.key(), tag.value())).collect::<Vec<_>>(),
        [("environment", "tooling")]
    );
    assert_eq!(
        code(tags.resource_id("000000000001").send().await),
        is(400, "TargetNotFoundException")
    );
}

#[tokio::test]
async fn only_the_management_account_and_delegates_may_list() {
    let (running, world) = start(2).await;
    running.change(|world| world.delegated.clear());
    let client = organizations(&running);
    assert_eq!(code(client.list_accounts().send().await), is(400, "AccessDeniedException"));
    assert_eq!(code(client.describe_organization().send().await), is(200, "ok"));
    running.change(|changed| changed.hub = world.management.clone());
    assert_eq!(code(client.list_accounts().send().await), is(200, "ok"));
}

/// Walks the accounts for so many pages, or to the end: numbers on each page, and every token.
async fn walk(running: &Running, pages: usize) -> (Vec<Vec<String>>, Vec<Option<String>>) {
    let client = organizations(running);
    let (mut numbers, mut tokens, mut token) = (vec![], vec![], None);
    for _ in 0..pages {
        let page = client.list_accounts().set_next_token(token).send().await.unwrap();
        numbers
            .push(page.accounts().iter().map(|account| account.id().unwrap().to_owned()).collect());
        token = page.next_token().map(str::to_owned);
        tokens.push(token.clone());
        if token.is_none() {
            break;
        }
    }
    (numbers, tokens)
}

#[tokio::test]
async fn each_way_of_paging_has_its_pages() {
    let (running, world) = start(45).await;
    let all: Vec<String> = world.ids().map(ToString::to_string).collect();
    // Pages that a walk of ten steps meets, and how many different tokens it is given.
    let cases: Vec<(Paging, &[usize], usize)> = vec![
        (Paging::Honest, &[20, 20, 5], 2),
        (Paging::EmptyPages(1), &[0, 20, 0, 20, 0, 5], 5),
        (Paging::LastPageEmpty, &[20, 20, 5, 0], 3),
        (Paging::Overlapping, &[20, 21, 6], 2),
        (Paging::RepeatingToken, &[20; 10], 1),
        (Paging::Cycle(1), &[20; 10], 1),
        (Paging::Cycle(2), &[20; 10], 2),
        (Paging::Cycle(3), &[20, 20, 5, 20, 20, 5, 20, 20, 5, 20], 3),
        (Paging::Cycle(5), &[20, 20, 5, 0, 0, 20, 20, 5, 0, 0], 5),
        (Paging::Endless, &[0; 10], 10),
        (Paging::EndlessItems, &[20; 10], 10),
        (Paging::StopsAfter(2), &[20, 20], 1),
        (Paging::StopsAfter(9), &[20, 20, 5], 2),
        (Paging::Empty, &[0], 0),
        (Paging::MalformedId, &[20, 20, 5], 2),
    ];
    let tried: BTreeSet<&str> = cases.iter().map(|(paging, ..)| paging.usage()).collect();
    assert_eq!(tried.len(), Paging::EACH.len());
    for (paging, sizes, different) in cases {
        running.change(|world| world.listing.paging = paging);
        let (pages, tokens) = walk(&running, 10).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "case {paging}");
        assert_eq!(
            tokens.iter().flatten().collect::<BTreeSet<_>>().len(),
            different,
            "case {paging}"
        );
        let strange: Vec<&String> = pages.iter().flatten().filter(|id| !all.contains(id)).collect();
        match paging {
            Paging::MalformedId => assert_eq!(strange, ["11112222333"]),
            _ => assert!(strange.is_empty(), "case {paging}: {strange:?}"),
        }
    }
}
