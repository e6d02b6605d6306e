//! Which accounts there are.

use std::collections::{BTreeMap, BTreeSet};

use rolewarden::aws::{Organization, OrganizationReader};
use rolewarden::config::{AccountSource, Config, Covers, Exception, ManagementAccount, Selector};
use rolewarden::model::{ScanError, SkipReason as S, UnknownReason as R};
use serde_json::{Value, json};

use crate::canned::*;

const A: &str = "222222222222";
const B: &str = "333333333333";
const C: &str = "444444444444";

fn listed(id: &str, state: &str) -> Value {
    json!({"Id": id, "Name": format!("name-{id}"), "Email": "secret@example.com", "State": state})
}

/// Root r-1 holds the hub; unit ou-1 holds A, ou-2 below it B; ou-3 holds C.
fn tree(call: &Call) -> Answer {
    let parent = call.json["ParentId"].as_str().unwrap_or_default();
    match (call.operation.as_str(), parent) {
        ("DescribeOrganization", _) => {
            json(json!({"Organization": {"Id": "o-1", "MasterAccountId": HUB}}))
        }
        ("ListAccounts", _) => {
            json(json!({"Accounts": ([HUB, C, A, B].map(|id| listed(id, "ACTIVE")))}))
        }
        ("ListRoots", _) => json(json!({"Roots": [{"Id": "r-1", "Name": "Root"}]})),
        ("ListOrganizationalUnitsForParent", "r-1") => match call.json["NextToken"].as_str() {
            None => json(json!({"OrganizationalUnits": [], "NextToken": "x"})),
            Some(_) => json(
                json!({"OrganizationalUnits": [{"Id": "ou-1", "Name": "prod"}, {"Id": "ou-3", "Name": "dev"}]}),
            ),
        },
        ("ListOrganizationalUnitsForParent", "ou-1") => {
            json(json!({"OrganizationalUnits": [{"Id": "ou-2", "Name": "deep"}]}))
        }
        ("ListOrganizationalUnitsForParent", _) => json(json!({"OrganizationalUnits": []})),
        ("ListAccountsForParent", "r-1") => json(json!({"Accounts": [listed(HUB, "ACTIVE")]})),
        ("ListAccountsForParent", "ou-1") => json(json!({"Accounts": [listed(A, "ACTIVE")]})),
        ("ListAccountsForParent", "ou-2") => json(json!({"Accounts": [listed(B, "ACTIVE")]})),
        ("ListAccountsForParent", "ou-3") => json(json!({"Accounts": [listed(C, "ACTIVE")]})),
        ("ListTagsForResource", _) => {
            let env = if call.json["ResourceId"] == A { "prod" } else { "dev" };
            json(json!({"Tags": [{"Key": "env", "Value": env}]}))
        }
        _ => compliant(call),
    }
}

async fn read(
    config: &Config,
    answer: impl Fn(&Call) -> Answer + Send + Sync + 'static,
) -> (Result<Organization, ScanError>, Canned) {
    let server = Canned::start(answer).await;
    let aws = server.connect(config).await.unwrap();
    (aws.read_organization().await, server)
}

fn skips(organization: &Organization) -> Vec<(&str, Option<S>)> {
    organization.accounts.iter().map(|a| (a.id.as_str(), a.skip)).collect()
}

fn selector(ids: &[&str], ous: &[&str], tag: Option<&str>) -> Selector {
    Selector {
        ids: ids.iter().map(|id| id.parse().unwrap()).collect(),
        ous: ous.iter().map(|&ou| ou.to_owned()).collect(),
        tags: tag
            .map(|value| ("env".to_owned(), BTreeSet::from([value.to_owned()])))
            .into_iter()
            .collect(),
    }
}

#[tokio::test]
async fn without_filters_two_calls_list_everything_in_order() {
    let (organization, server) = read(&config(), tree).await;
    let organization = organization.unwrap();
    assert_eq!(organization.id.as_deref(), Some("o-1"));
    assert_eq!(skips(&organization), [(HUB, None), (A, None), (B, None), (C, None)]);
    assert_eq!(
        (organization.accounts[1].name.as_str(), organization.accounts[1].path.as_str()),
        ("name-222222222222", "/")
    );
    assert!(!format!("{organization:?}").contains("example.com"), "e-mail addresses are not kept");
    assert_eq!(
        server.counts(),
        BTreeMap::from([("DescribeOrganization".to_owned(), 1), ("ListAccounts".to_owned(), 1)])
    );
}

#[tokio::test]
async fn units_and_tags_are_read_only_where_a_filter_needs_them() {
    let out = Some(S::Excluded);
    let none = Selector::default;
    let cases = [
        (
            "a unit and all below it",
            selector(&[], &["ou-1"], None),
            none(),
            [out, None, None, out],
            (4, 0),
        ),
        ("the root", selector(&[], &["r-1"], None), none(), [None, None, None, None], (4, 0)),
        (
            "all but a deep unit",
            none(),
            selector(&[], &["ou-2"], None),
            [None, None, out, None],
            (4, 0),
        ),
        ("by tag", selector(&[], &[], Some("prod")), none(), [out, None, out, out], (0, 4)),
        (
            "all but a tag",
            none(),
            selector(&[HUB], &[], Some("prod")),
            [out, out, None, None],
            (0, 3),
        ),
        (
            "ids",
            selector(&[A, B], &[], None),
            selector(&[B], &[], None),
            [out, None, out, out],
            (0, 0),
        ),
    ];
    for (case, include, exclude, want, (walked, tagged)) in cases {
        let mut config = config();
        (config.accounts.include, config.accounts.exclude) = (include, exclude);
        let (organization, server) = read(&config, tree).await;
        let organization = organization.unwrap();
        assert_eq!(
            organization.accounts.iter().map(|a| a.skip).collect::<Vec<_>>(),
            want,
            "case `{case}`"
        );
        let count = |operation: &str| server.counts().get(operation).copied().unwrap_or(0);
        assert_eq!(
            (count("ListAccountsForParent"), count("ListTagsForResource")),
            (walked, tagged),
            "case `{case}`"
        );
        let path = if walked > 0 { "/prod/deep/name-333333333333" } else { "/" };
        assert_eq!(organization.accounts[2].path, path, "case `{case}`");
    }
}

#[tokio::test]
async fn paths_that_come_with_the_accounts_save_the_walk_through_the_units() {
    let with_paths = |call: &Call| match call.operation.as_str() {
        "ListAccounts" => json(json!({"Accounts": [
            {"Id": A, "Name": "a", "State": "ACTIVE", "Paths": [format!("o-1/r-1/ou-1/{A}/")]},
            {"Id": B, "Name": "b", "State": "ACTIVE", "Paths": [format!("o-1/r-1/ou-1/ou-2/{B}/")]},
        ]})),
        _ => tree(call),
    };
    let (organization, _) = read(&config(), with_paths).await;
    assert_eq!(organization.unwrap().accounts[1].path, "/ou-1/ou-2/b");
    let mut config = config();
    config.accounts.include = selector(&[], &["ou-2"], None);
    let (organization, server) = read(&config, with_paths).await;
    let organization = organization.unwrap();
    assert_eq!(skips(&organization), [(A, Some(S::Excluded)), (B, None)]);
    assert_eq!(organization.accounts[1].path, "/prod/deep/b");
    assert_eq!(server.counts().get("ListAccountsForParent"), None);
}

#[tokio::test]
async fn state_counts_before_status_a_new_word_leaves_nobody_out_and_doubles_count_once() {
    let (organization, _) = read(&config(), |call| match call.operation.as_str() {
        "ListAccounts" => match call.json["NextToken"].as_str() {
            None => json(json!({"Accounts": [
                {"Id": A, "State": "CLOSED", "Status": "ACTIVE"},
                {"Id": B, "Status": "SUSPENDED"},
            ], "NextToken": "1"})),
            Some("1") => json(json!({"Accounts": [], "NextToken": "2"})),
            Some("2") => json(json!({"Accounts": [{"Id": B, "Status": "SUSPENDED"}, {"Id": C, "State": "MELTED"}], "NextToken": "3"})),
            _ => json(json!({"Accounts": [], "NextToken": null})),
        },
        _ => tree(call),
    })
    .await;
    assert_eq!(
        skips(&organization.unwrap()),
        [(A, Some(S::Closed)), (B, Some(S::Suspended)), (C, None)]
    );
}

#[tokio::test]
async fn an_account_that_is_listed_twice_and_not_the_same_is_contradicted_unless_its_number_leaves_it_out()
 {
    let cases = [
        ("the same", json!({}), false),
        ("another state", json!({"State": "SUSPENDED"}), true),
        ("closed", json!({"State": "CLOSED", "Status": "SUSPENDED", "Name": "x"}), true),
        ("another name", json!({"Name": "another"}), true),
        ("another place", json!({"Paths": ["o-1/r-1/ou-1-9/333333333333/"]}), true),
        ("both are open", json!({"Status": "ACTIVE"}), false),
    ];
    for (case, changed, want) in cases {
        let mut twin =
            json!({"Id": C, "Name": "c", "State": "ACTIVE", "Paths": ["o-1/r-1/333333333333/"]});
        let first = twin.clone();
        twin.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        for pair in [[first.clone(), twin.clone()], [twin.clone(), first.clone()]] {
            let answer = move |call: &Call| match call.operation.as_str() {
                "ListAccounts" => match call.json["NextToken"].as_str() {
                    None => json(
                        json!({"Accounts": [{"Id": A, "State": "ACTIVE"}, pair[0]], "NextToken": "1"}),
                    ),
                    _ => json(json!({"Accounts": [pair[1]]})),
                },
                _ => tree(call),
            };
            let (organization, _) = read(&config(), answer.clone()).await;
            let organization = organization.unwrap();
            let told: Vec<_> = organization
                .accounts
                .iter()
                .map(|account| (account.id.as_str(), account.skip, account.contradicted))
                .collect();
            assert_eq!(told, [(A, None, false), (C, None, want)], "case `{case}`");
            let mut excluded = config();
            excluded.accounts.exclude.ids = [C.parse().unwrap()].into();
            let (organization, _) = read(&excluded, answer).await;
            let last = organization.unwrap().accounts.pop().unwrap();
            assert_eq!((last.skip, last.contradicted), (Some(S::Excluded), false), "case `{case}`");
        }
    }
}

#[tokio::test]
async fn a_list_with_fewer_accounts_than_there_must_be_is_not_believed() {
    for (least, want) in [(None, true), (Some(1), true), (Some(2), true), (Some(3), false)] {
        let mut config = config();
        config.accounts.at_least = least;
        // One of the two is closed, and one is excluded: both were listed.
        config.accounts.exclude.ids = [A.parse().unwrap()].into();
        let (organization, _) = read(&config, |call| match call.operation.as_str() {
            "ListAccounts" => json(json!({"Accounts": [
                {"Id": A, "State": "ACTIVE"},
                {"Id": B, "State": "CLOSED"},
            ]})),
            _ => tree(call),
        })
        .await;
        assert_eq!(organization.is_ok(), want, "case {least:?}");
        if let Err(error) = organization {
            let said = format!("{error}; {}", error.hint.as_deref().unwrap_or_default());
            for part in ["2 accounts", "accounts.at_least", "at least 3", "lower"] {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_whole_is_an_error() {
    let page =
        |accounts: Value, token: &str| json(json!({"Accounts": accounts, "NextToken": token}));
    type Case = (&'static str, Box<dyn Fn(&Call) -> Answer + Send + Sync>, R, usize);
    let cases: Vec<Case> = vec![
        (
            "repeats a token",
            Box::new(move |_| page(json!([listed(A, "ACTIVE")]), "t")),
            R::MalformedResponse,
            2,
        ),
        (
            "a circle of three",
            Box::new(move |call| {
                let next = match call.json["NextToken"].as_str() {
                    None | Some("c") => "a",
                    Some("a") => "b",
                    Some(_) => "c",
                };
                page(json!([]), next)
            }),
            R::MalformedResponse,
            4,
        ),
        ("empty", Box::new(|_| json(json!({"Accounts": []}))), R::MalformedResponse, 1),
        (
            "bad id",
            Box::new(|_| json(json!({"Accounts": [listed("12", "ACTIVE")]}))),
            R::MalformedResponse,
            1,
        ),
        ("no JSON", Box::new(|_| (200, "<html>".to_owned())), R::MalformedResponse, 2),
        ("denied", Box::new(|_| json_fault("AccessDeniedException")), R::AccessDenied, 1),
        ("throttled", Box::new(|_| json_fault("TooManyRequestsException")), R::Throttled, 2),
    ];
    for (case, answer, want, calls) in cases {
        let (organization, server) = read(&config(), move |call| {
            if call.operation == "ListAccounts" { answer(call) } else { tree(call) }
        })
        .await;
        let error = organization.expect_err(case);
        assert_eq!(error.reason, want, "case `{case}`: {error:?}");
        assert!(error.hint.is_some(), "case `{case}` says what to do: {error:?}");
        assert_eq!(server.counts()["ListAccounts"], calls, "case `{case}`");
    }
}

#[tokio::test]
async fn a_list_without_end_is_cut_off_and_a_long_one_is_not() {
    type Page = fn(u64) -> std::ops::Range<u64>;
    // What is on each page, how many pages there are; calls, and accounts if the list is believed.
    let cases: [(&str, Page, u64, usize, Option<usize>); 6] = [
        ("nothing, for ever", |_| 0..0, u64::MAX, 900, None),
        ("the same for ever", |_| 0..20, u64::MAX, 901, None),
        ("more and more", |page| page * 1_000..(page + 1) * 1_000, u64::MAX, 51, None),
        (
            "50 empty pages before each",
            |page| page / 51 * 20..page / 51 * 20 + 20,
            510,
            510,
            Some(200),
        ),
        ("each page with the one before", |page| page * 20..page * 20 + 40, 100, 100, Some(2_020)),
        ("20,000 accounts", |page| page * 20..page * 20 + 20, 1_000, 1_000, Some(20_000)),
    ];
    for (case, items, pages, calls, want) in cases {
        let (organization, server) = read(&config(), move |call| match call.operation.as_str() {
            "ListAccounts" => {
                let token = call.json["NextToken"].as_str();
                let page = token.map_or(0, |token| token.parse::<u64>().unwrap());
                let more = (page + 1 < pages).then(|| (page + 1).to_string());
                let accounts: Vec<_> =
                    items(page).map(|n| listed(&format!("{n:012}"), "ACTIVE")).collect();
                json(json!({"Accounts": accounts, "NextToken": more}))
            }
            _ => tree(call),
        })
        .await;
        let reason = organization.as_ref().err().map(|error| error.reason);
        assert_eq!(reason, want.is_none().then_some(R::MalformedResponse), "case `{case}`");
        assert_eq!(organization.ok().map(|o| o.accounts.len()), want, "case `{case}`");
        assert_eq!(server.counts()["ListAccounts"], calls, "case `{case}`");
    }
}

#[tokio::test]
async fn the_management_account_is_skipped_only_when_it_is_known() {
    let denied = |call: &Call| match call.operation.as_str() {
        "DescribeOrganization" => json_fault("AccessDeniedException"),
        _ => tree(call),
    };
    let mut skip = config();
    skip.accounts.management_account = ManagementAccount::Skip;
    let (organization, _) = read(&skip, tree).await;
    assert_eq!(skips(&organization.unwrap())[0], (HUB, Some(S::Management)));
    let error = read(&skip, denied).await.0.unwrap_err();
    assert!(error.hint.as_deref().unwrap_or_default().contains("management_account"), "{error:?}");
    let organization = read(&config(), denied).await.0.unwrap();
    assert_eq!((organization.id.as_deref(), organization.accounts.len()), (None, 4));
    let none = |call: &Call| match call.operation.as_str() {
        "DescribeOrganization" => json_fault("AWSOrganizationsNotInUseException"),
        _ => tree(call),
    };
    let error = read(&config(), none).await.0.unwrap_err();
    assert!(error.hint.as_deref().unwrap_or_default().contains("source: list"), "{error:?}");
}

#[tokio::test]
async fn a_filter_that_names_what_is_not_there_is_an_error() {
    let cases = [
        (
            "included id",
            selector(&["999999999999"], &[], None),
            Selector::default(),
            "999999999999",
        ),
        ("included unit", selector(&[], &["ou-9"], None), Selector::default(), "ou-9"),
        ("excluded unit", Selector::default(), selector(&[], &["ou-1", "ou-8"], None), "ou-8"),
    ];
    for (case, include, exclude, named) in cases {
        let mut config = config();
        (config.accounts.include, config.accounts.exclude) = (include, exclude);
        let error = read(&config, tree).await.0.expect_err(case);
        assert!(error.message.contains(named) && error.hint.is_some(), "case `{case}`: {error:?}");
        assert!(!error.message.contains("ou-1,"), "case `{case}`: {error:?}");
    }
    let mut config = config();
    config.accounts.exclude = selector(&["999999999999"], &[], None);
    assert_eq!(
        read(&config, tree).await.0.unwrap().accounts.len(),
        4,
        "excluding what is not there only warns"
    );
}

fn exception(id: &str, accounts: Selector) -> Exception {
    Exception {
        id: id.to_owned(),
        accounts,
        covers: Covers::Findings(["0123456789abcdef".to_owned()].into()),
        reason: "r".to_owned(),
        owner: "o".to_owned(),
        expires: "2027-01-31".parse().unwrap(),
    }
}

#[tokio::test]
async fn units_and_tags_are_read_where_an_exception_names_them() {
    type Known = &'static [(&'static str, &'static [&'static str], Option<&'static str>)];
    let unread: Known = &[(HUB, &[], None), (A, &[], None), (B, &[], None), (C, &[], None)];
    // What is excused; tree walks and tag reads; units and tag of each account.
    let cases: Vec<(&str, Selector, usize, usize, Known)> = vec![
        ("ids", selector(&[A], &[], None), 0, 0, unread),
        (
            "units",
            selector(&[], &["ou-1"], None),
            1,
            0,
            &[
                (HUB, &["r-1"], None),
                (A, &["r-1", "ou-1"], None),
                (B, &["r-1", "ou-1", "ou-2"], None),
                (C, &["r-1", "ou-3"], None),
            ],
        ),
        (
            "tags, of accounts that nothing else covers",
            selector(&[C], &[], Some("prod")),
            0,
            3,
            &[
                (HUB, &[], Some("dev")),
                (A, &[], Some("prod")),
                (B, &[], Some("dev")),
                (C, &[], None),
            ],
        ),
        ("what is not there", selector(&["999999999999"], &[], None), 0, 0, unread),
        (
            "a unit that is not there",
            selector(&[], &["ou-9"], None),
            1,
            0,
            &[
                (HUB, &["r-1"], None),
                (A, &["r-1", "ou-1"], None),
                (B, &["r-1", "ou-1", "ou-2"], None),
                (C, &["r-1", "ou-3"], None),
            ],
        ),
    ];
    for (case, accounts, walks, tags, want) in cases {
        let mut config = config();
        config.exceptions = vec![exception("EX-1", accounts)];
        let (organization, server) = read(&config, tree).await;
        let organization = organization.expect(case);
        let units: Vec<Vec<&str>> = organization
            .accounts
            .iter()
            .map(|a| a.units.iter().map(String::as_str).collect())
            .collect();
        let got: Vec<_> = organization
            .accounts
            .iter()
            .zip(&units)
            .map(|(a, units)| {
                (a.id.as_str(), units.as_slice(), a.tags.get("env").map(String::as_str))
            })
            .collect();
        assert_eq!(got, want, "case `{case}`");
        let counts = server.counts();
        let count = |operation| counts.get(operation).copied().unwrap_or_default();
        assert_eq!(
            (count("ListRoots"), count("ListTagsForResource")),
            (walks, tags),
            "case `{case}`"
        );
    }
}

#[tokio::test]
async fn tags_of_accounts_that_are_left_out_are_not_read_for_an_exception() {
    let mut config = config();
    config.accounts.include = selector(&[A], &[], None);
    config.exceptions = vec![exception("EX-1", selector(&[], &[], Some("prod")))];
    let (organization, server) = read(&config, tree).await;
    assert_eq!(organization.unwrap().accounts[1].tags["env"], "prod");
    assert_eq!(server.counts()["ListTagsForResource"], 1);
}

#[tokio::test]
async fn a_configured_list_makes_no_organizations_calls() {
    let mut config = config();
    let list =
        [(B, "b"), (A, "a"), (C, "c")].map(|(id, name)| (id.parse().unwrap(), name.to_owned()));
    config.accounts.source = AccountSource::List(list.to_vec());
    config.accounts.exclude = selector(&[C], &[], None);
    let (organization, server) = read(&config, tree).await;
    assert_eq!(skips(&organization.unwrap()), [(A, None), (B, None), (C, Some(S::Excluded))]);
    assert_eq!(server.calls().len(), 0);
    config.accounts.include = selector(&[], &["ou-1"], None);
    let error = read(&config, tree).await.0.unwrap_err();
    assert!(error.message.contains("accounts.source"), "{error:?}");
}

#[tokio::test]
async fn a_role_in_an_administrator_account_is_assumed_first() {
    let mut config = config();
    config.accounts.organization_role_arn =
        Some("arn:aws:iam::555555555555:role/lister".parse().unwrap());
    let (organization, server) = read(&config, tree).await;
    assert!(organization.is_ok());
    let calls = server.calls();
    assert_eq!(
        (calls[0].operation.as_str(), calls[0].field("RoleArn")),
        ("AssumeRole", "arn:aws:iam::555555555555:role/lister")
    );
    assert!(calls[0].field("Policy").contains("organizations:ListAccounts"));
    assert!(calls[1..].iter().all(|call| call.key == "ASIA555555555555lister"));
}
