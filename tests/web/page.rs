//! The page: what it says, that its numbers lead somewhere, and that text from accounts stays text.

use std::collections::BTreeSet;
use std::sync::Arc;

use rolewarden::config::Config;
use rolewarden::model::{AccountState, Shard};

use super::html::{Page, read};
use super::support::{Fake, Web, progress};
use super::world::{self, HOSTILE};

async fn page(web: &Web, target: &str) -> Page {
    let answer = web.get(target).await;
    assert_eq!(answer.status, 200, "{target}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    read(answer.text())
}

/// Every account page that the page links to.
fn accounts(page: &Page) -> Vec<String> {
    let links = page.values("a", "href").into_iter().filter(|link| link.starts_with("/accounts/"));
    links.map(str::to_owned).collect()
}

/// All that templates make. A new element or attribute belongs here only after a look at what can get into it.
const SHAPES: &str = "a a.aria-current a.class a.href a.rel article article.aria-labelledby article.class bdi body \
    body.data-live button button.type caption caption.class code code.class code.data-copy datalist datalist.id dd \
    details details.open div div.aria-label div.class div.data-fresh div.id div.role div.tabindex dl dl.class dt \
    footer footer.class form form.action form.aria-label form.class form.id form.method form.role g h1 h1.id h2 \
    h2.id h3 h3.id h4 head header header.class html html.lang img img.alt img.height img.src img.width input \
    input.autocomplete input.id input.list input.maxlength input.name input.placeholder input.spellcheck input.type \
    input.value label label.for li li.class link link.href link.rel link.type main main.class main.id main.tabindex \
    meta meta.charset meta.content meta.name nav nav.aria-label nav.class ol ol.class option option.selected \
    option.value p p.class p.hidden p.id p.role pre pre.class pre.data-copy pre.tabindex progress progress.id \
    progress.max progress.value rect rect.class rect.height rect.width rect.x rect.y script script.defer script.src \
    section section.aria-label section.aria-labelledby section.class section.id select select.id select.name span \
    span.aria-current span.aria-hidden span.class strong summary svg svg.aria-label svg.class \
    svg.preserveAspectRatio svg.role svg.viewBox table table.class table.role tbody tbody.role td td.class \
    td.data-label td.role th th.class th.role th.scope thead thead.role time time.data-age time.datetime time.title \
    title tr tr.role ul ul.aria-label ul.class";

fn inert(page: &Page, context: &str) {
    let known: BTreeSet<String> = SHAPES.split_whitespace().map(str::to_owned).collect();
    let strange: Vec<_> = page.shapes().difference(&known).cloned().collect();
    assert!(strange.is_empty(), "{context}: {strange:?}");
    for address in [page.values("a", "href"), page.values("form", "action")].concat() {
        let ours = address.starts_with('/') && !address.starts_with("//");
        let console =
            address.starts_with("https://console.aws.amazon.com/iam/home#/roles/details/");
        assert!(
            ours || console || address == "#sweeps" || address == "#main",
            "{context}: {address}"
        );
    }
    for address in
        [page.values("script", "src"), page.values("link", "href"), page.values("img", "src")]
            .concat()
    {
        assert!(address.starts_with("/assets/"), "{context}: {address}");
    }
    let dangerous =
        |c: char| matches!(c, '\u{0}' | '\u{1b}' | '\u{202e}' | '\u{2066}' | '\u{2028}' | '\r');
    assert!(!page.text.contains(dangerous), "{context}");
}

#[tokio::test]
async fn hostile_text_is_shown_and_does_nothing() {
    let web = Web::of(2_000);
    let mut targets: Vec<_> = (1..=20).map(|n| format!("/?page={n}")).collect();
    for text in HOSTILE {
        let text: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
        targets.push(format!("/?q={text}"));
        targets.push(format!("/?ou={text}&order=oldest"));
    }
    targets.extend((0..50).map(|n| format!("/accounts/{}", world::id(n))));
    for target in targets {
        inert(&page(&web, &target).await, &target);
    }
    let first = page(&Web::of(5), "/accounts/100000000001").await;
    assert!(first.text.contains("\"><img src=x onerror=window.hacked=1>"), "it is still shown");
}

#[tokio::test]
async fn problems_with_hostile_text_are_inert_too() {
    let web = Web::of(5);
    for text in HOSTILE {
        let text: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
        for target in [format!("/?{text}=1"), format!("/?state={text}"), format!("/{text}")] {
            let answer = web.get(&target).await;
            assert!(answer.status.is_client_error(), "{target}");
            inert(&read(answer.text()), &target);
        }
    }
}

#[tokio::test]
async fn the_answer_counts_what_is_not_known() {
    let view = world::view(10_000);
    let count = |state| world::count(&view, state);
    let good = count(AccountState::Compliant) + count(AccountState::Exempt);
    let (drifted, unknown) = (count(AccountState::Drifted), count(AccountState::Unknown));
    assert_eq!(good + drifted + unknown, 9_900);
    let text = page(&Web::new(view, Fake::default()), "/").await.text;
    let grouped = |n: usize| format!("{},{:03}", n / 1_000, n % 1_000);
    assert!(text.contains(&format!("{} of 9,900 accounts compliant or exempt", grouped(good))));
    assert!(text.contains(&format!("{unknown} not verified")));
    assert!(text.contains("last sweep ended 4 min ago"));
    assert!(text.contains("100 accounts left out on purpose"));
    assert!(text.contains(&format!("Why {unknown} accounts could not be verified")));
}

#[tokio::test]
async fn nothing_is_green_before_there_is_something_to_judge() {
    let web = Web::new(world::new_view(), Fake::default());
    let page = page(&web, "/").await;
    assert!(page.text.contains("Nothing is known yet: no sweep has ended"), "{}", page.text);
    let classes: Vec<_> = page
        .elements
        .iter()
        .flat_map(|e| &e.attributes)
        .filter(|(name, _)| name == "class")
        .collect();
    let good = |class: &str| class.split(' ').any(|word| matches!(word, "good" | "compliant"));
    assert!(classes.iter().all(|(_, class)| !good(class)), "{classes:?}");
    assert!(classes.iter().filter(|(_, class)| class == "tile not-known").count() >= 5);
}

#[tokio::test]
async fn a_zero_is_only_good_when_all_was_seen() {
    let mut view = world::view(5);
    view.ledger = Default::default();
    let web = Web::new(view, Fake::default());
    let page = page(&web, "/").await;
    assert!(
        !page.values("a", "class").contains(&"tile good"),
        "no accounts: nothing to be glad of"
    );
}

#[tokio::test]
async fn what_makes_the_numbers_doubtful_is_said_above_them() {
    let mut view = world::view(300);
    view.trouble = Some("no credentials <b>at all</b>".into());
    view.list.stale = Some("organizations:ListAccounts: Rate exceeded".into());
    view.last_complete = Some(world::ago(9_000));
    let web = Web::new(view, Fake { progress: Some(progress()), ..Fake::default() });
    let page = page(&web, "/").await;
    for want in [
        "rolewarden cannot sweep: no credentials <b>at all</b>",
        "The list of accounts is old: organizations:ListAccounts: Rate exceeded",
        "No sweep was complete for 2 h.",
        "A sweep runs: 1,234 of 10,000 accounts",
    ] {
        assert!(page.text.contains(want), "{want}");
    }
    inert(&page, "trouble");
}

#[tokio::test]
async fn pages_cover_every_account_exactly_once_worst_first() {
    let web = Web::of(10_000);
    let mut seen = vec![];
    for n in 1..=99 {
        let list = page(&web, &format!("/?page={n}")).await;
        // A cause with one account links to it, above the list.
        let found = accounts(&list);
        assert_eq!(found.len(), 100, "page {n}");
        seen.extend(found);
    }
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (9_900, 9_900));
    let first = page(&web, "/").await;
    assert!(first.text.contains("9,900 accounts in all, 1 to 100 shown, worst first"));
    assert!(first.text.contains("Page 1 of 99"));
    let beyond = page(&web, "/?page=500").await;
    assert!(beyond.text.contains("Page 99 of 99"), "the last page stands for those beyond it");
    // Critical comes before all else, compliant after.
    let rank = |id: &str| seen.iter().position(|link| link.ends_with(id)).unwrap();
    assert!(rank("100000000003") < rank("100000000011"), "critical before high");
    assert!(rank("100000000029") < rank("100000000011"), "critical when last read, before high");
    assert!(rank("100000000041") < rank("100000000023"), "drifted before unknown");
    assert!(rank("100000000023") < rank("100000000000"), "unknown before compliant");
}

#[tokio::test]
async fn every_number_leads_to_the_list_behind_it() {
    let view = world::view(10_000);
    let counts = AccountState::ALL.map(|state| (state, world::count(&view, state)));
    let web = Web::new(view, Fake::default());
    let first = page(&web, "/").await;
    let links: BTreeSet<_> = first.values("a", "href").into_iter().collect();
    for (state, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        let link = format!("/?state={}#accounts", state.as_str());
        assert!(links.contains(link.as_str()), "{link}");
        let list = page(&web, link.trim_end_matches("#accounts")).await;
        let digits = list.text.split(" accounts found").next().unwrap();
        let digits = digits.rsplit(|c: char| !c.is_ascii_digit() && c != ',').next().unwrap();
        assert_eq!(digits.replace(',', ""), count.to_string(), "{link}");
    }
    for link in links.iter().filter(|link| link.starts_with('/')) {
        let target = link.split('#').next().unwrap();
        assert_eq!(web.get(target).await.status, 200, "{link}");
    }
}

#[tokio::test]
async fn the_form_keeps_what_was_asked() {
    let web = Web::of(300);
    let target = "/?state=drifted&severity=critical&check=&ou=&q=%22%3E%3Cimg&order=oldest";
    let list = page(&web, target).await;
    assert!(list.values("input", "value").contains(&"\"><img"));
    let chosen: Vec<_> = list
        .elements
        .iter()
        .filter(|e| e.name == "option" && e.attributes.iter().any(|(name, _)| name == "selected"))
        .map(|e| e.attributes[0].1.as_str())
        .collect();
    assert_eq!(chosen, ["drifted", "critical", "oldest"]);
}

#[tokio::test]
async fn every_field_has_a_label_and_every_id_is_there_once() {
    let web = Web::new(world::view(300), Fake { progress: Some(progress()), ..Fake::default() });
    let account = format!("/accounts/{}", world::id(11));
    for target in ["/", "/?reason=stale", "/?state=drifted&page=1", &account] {
        let page = page(&web, target).await;
        let mut ids: Vec<&str> = vec![];
        for element in &page.elements {
            ids.extend(
                element.attributes.iter().filter(|(n, _)| n == "id").map(|(_, v)| v.as_str()),
            );
        }
        let distinct: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len(), "{target}: {ids:?}");
        let labels: BTreeSet<_> = page.values("label", "for").into_iter().collect();
        for field in ["input", "select", "progress"] {
            let unlabelled: Vec<_> =
                page.values(field, "id").into_iter().filter(|id| !labels.contains(id)).collect();
            assert!(unlabelled.is_empty(), "{target}: {unlabelled:?}");
        }
        for named in
            [page.values("section", "aria-labelledby"), page.values("article", "aria-labelledby")]
                .concat()
        {
            assert!(distinct.contains(named), "{target}: {named}");
        }
        let (tables, captions) = (
            page.elements.iter().filter(|e| e.name == "table").count(),
            page.elements.iter().filter(|e| e.name == "caption").count(),
        );
        assert_eq!(tables, captions, "{target}");
        assert_eq!(page.values("html", "lang"), ["en"]);
    }
}

#[tokio::test]
async fn an_account_is_told_in_full() {
    let web = Web::of(5);
    let drifted = page(&web, "/accounts/100000000001").await;
    for want in [
        "1 open finding, the oldest since 2026-11-23 08:00:00 UTC",
        "anyone in the world may assume the role",
        "lets arn:aws:iam::999999999999:root call sts:AssumeRole",
        "-         \"AWS\": \"*\"",
        "+         \"Service\": \"ssm.amazonaws.com\"",
        "aws iam update-assume-role-policy --role-name AmazonEKSConnectorAgentRole",
        "First seen 2026-11-23 08:00:00 UTC",
        "Last verified 2026-11-24 08:56:00 UTC",
        "<script>window.hacked=1</script> may assume the role",
        "external 2026-11-20",
    ] {
        assert!(drifted.text.contains(want), "{want}:\n{}", drifted.text);
    }
    let console =
        "https://console.aws.amazon.com/iam/home#/roles/details/AmazonEKSConnectorAgentRole";
    assert!(drifted.values("a", "href").contains(&console));

    let exempt = page(&web, "/accounts/100000000003").await;
    assert!(
        exempt.text.contains(
            "by exception EX-7: audit <b>until</b> March · owner team-x · until 2027-03-31"
        )
    );

    let denied = page(&web, "/accounts/100000000002").await;
    for want in [
        "could not be verified: assume_denied",
        "What to do: deploy the member role",
        "sts:AssumeRole",
        "request-of-100000000002",
        "Never verified",
    ] {
        assert!(denied.text.contains(want), "{want}");
    }
}

#[tokio::test]
async fn what_an_unknown_account_was_is_marked_as_old() {
    let web = Web::of(300);
    let throttled = page(&web, "/accounts/100000000029").await;
    assert!(throttled.text.contains("Rate exceeded after 8 attempts"));
    assert!(throttled.text.contains("What follows is old: it was found 2026-11-23 08:00:00 UTC"));
    assert!(throttled.text.contains("anyone in the world may assume the role"));
    let stale = page(&web, "/accounts/100000000037").await;
    assert!(stale.text.contains("could not be verified: stale"));
    assert!(stale.text.contains("What follows is old"));
    let skipped = page(&web, "/accounts/100000000043").await;
    assert!(skipped.text.contains("Organizations says that it is suspended"));
}

#[tokio::test]
async fn a_shard_says_which_it_is_and_where_other_accounts_are() {
    let web = Web::of(30);
    let whole = page(&web, "/").await;
    assert!(!whole.text.contains("shard"), "{}", whole.text);
    let mut view = world::view(30);
    let all = view.ledger.accounts();
    let shard = Shard::new(1, 4).unwrap();
    view.config = Arc::new(Config { shard, ..Config::clone(&view.config) });
    view.list.ids = Arc::new(all.iter().map(|account| account.id.clone()).collect());
    view.list.selected = 29;
    view.ledger.retain(|id| shard.holds(id));
    let (mine, other) = (
        all.iter().find(|account| shard.holds(&account.id)).unwrap().id.clone(),
        all.iter().find(|account| !shard.holds(&account.id)).unwrap().id.clone(),
    );
    let mut empty = view.clone();
    empty.ledger.retain(|_| false);
    let web = Web::new(view, Fake::default());
    let shown = page(&web, "/").await;
    assert!(
        shown.text.contains("shard 1 of 4: the organization has 29 accounts"),
        "{}",
        shown.text
    );
    assert_eq!(web.get(&format!("/accounts/{mine}")).await.status, 200);
    let there = format!("this account is in shard {} of 4", shard.ordinal_of(&other));
    for path in [format!("/accounts/{other}"), format!("/api/v1/accounts/{other}")] {
        let answer = web.get(&path).await;
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains(&there), "{}", answer.text());
    }
    let report = web.get("/api/v1/report").await.json();
    assert_eq!(report["sweep"]["shard"], serde_json::json!({"ordinal": 1, "total": 4}));
    let web = Web::new(empty, Fake::default());
    assert!(page(&web, "/").await.text.contains("This shard has no account"));
}
