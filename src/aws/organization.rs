//! Which accounts there are: every page or an error, then the filters.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_organizations as organizations;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::error::malformed;
use super::filter::{Decision, ancestors_of_path, decide, decide_by_id, skip_by_state};
use super::lane::Lane;
use super::paging::Pages;
use super::tree::{self, Tree};
use super::wanted::{Wanted, unusable};
use super::{Aws, Organization};
use crate::config::{AccountSource, Accounts, Candidate, ManagementAccount};
use crate::model::{Account, AccountId, ScanError, SkipReason, UnknownReason, printable_line};

pub(super) const DESCRIBE: &str = "organizations:DescribeOrganization";
pub(super) const LIST: &str = "organizations:ListAccounts";
pub(super) const LIST_TAGS: &str = "organizations:ListTagsForResource";

/// Organizations has some ten thousand accounts at most, 20 on a page; a page may be empty before the list ends.
const PAGES: usize = 5_000;
const ACCOUNTS: usize = 50_000;

/// An account has 50 tags at most.
const TAG_PAGES: usize = 100;

/// Organizations throttles early and dislikes concurrency.
const TAGS_AT_ONCE: usize = 2;

/// An account as listed. Its e-mail address is never kept.
#[derive(PartialEq)]
struct Listed {
    name: String,
    skip: Option<SkipReason>,
    /// Root and units above it, where the API gave `Paths`.
    ancestors: Option<Vec<String>>,
    /// It is there twice, and not the same.
    contradicted: bool,
}

type Listing = BTreeMap<AccountId, Listed>;

/// Organizations, and the way to it.
pub(super) struct Directory {
    pub(super) client: organizations::Client,
    pub(super) lane: Lane,
}

/// What DescribeOrganization tells.
#[derive(Default)]
struct About {
    id: Option<String>,
    management: Option<AccountId>,
}

/// Reads the list the configuration asks for and applies its filters.
pub(super) async fn read(aws: &Aws) -> Result<Organization, ScanError> {
    let wanted = Wanted::of(&aws.config);
    match &wanted.accounts.source {
        AccountSource::List(list) => from_list(wanted, list),
        AccountSource::Organization => {
            let client = aws.clients.organizations(aws.organization_session().await?);
            let lane = aws.clients.lanes().organizations();
            from_organization(&Directory { client, lane }, wanted).await
        }
    }
}

/// The configured list; no Organizations call is made.
fn from_list(wanted: Wanted<'_>, list: &[(AccountId, String)]) -> Result<Organization, ScanError> {
    let Accounts { include, exclude, management_account, .. } = wanted.accounts;
    if include.by_organization() || exclude.by_organization() {
        return Err(unusable("`ous` and `tags` select accounts of an organization, but `accounts.source` is `list`")
            .hint("name account ids in `accounts.include` and `accounts.exclude`, or set `accounts.source: organization`"));
    }
    wanted.check_ids(&list.iter().map(|(id, _)| id).collect())?;
    if *management_account == ManagementAccount::Skip {
        tracing::warn!(
            "`accounts.management_account: skip` has no effect: the accounts come from a list"
        );
    }
    let accounts: BTreeMap<&AccountId, &String> =
        list.iter().map(|(id, name)| (id, name)).collect();
    let accounts = accounts.into_iter().map(|(id, name)| {
        let skip = skip_of(decide(include, exclude, Candidate { id, units: &[], tags: None }));
        Account { name: name.clone(), skip, ..Account::numbered(id.clone()) }
    });
    Ok(Organization { id: None, accounts: accounts.collect() })
}

async fn from_organization(
    directory: &Directory,
    wanted: Wanted<'_>,
) -> Result<Organization, ScanError> {
    let Accounts { include, exclude, management_account, .. } = wanted.accounts;
    let about = describe(directory, wanted.accounts).await?;
    let listed = list_accounts(directory).await?;
    check_length(wanted.accounts, listed.len())?;
    wanted.check_ids(&listed.keys().collect())?;
    let tree = match wanted.by_units() {
        false => None,
        true => Some(walk(directory, wanted, &listed).await?),
    };
    let mut accounts = Vec::with_capacity(listed.len());
    let mut undecided = BTreeSet::new();
    for (id, listed) in listed {
        let units = ancestors(tree.as_ref(), &id, &listed)?;
        let candidate = Candidate { id: &id, units: &units, tags: None };
        let is_management = about.management.as_ref() == Some(&id);
        let skip = match listed.skip {
            // Neither its state nor its place is known: only its number can leave it out.
            _ if listed.contradicted => skip_of(decide_by_id(include, exclude, &id)),
            Some(skip) => Some(skip),
            None if *management_account == ManagementAccount::Skip && is_management => {
                Some(SkipReason::Management)
            }
            None => {
                let decision = decide(include, exclude, candidate);
                let by_tags = decision == Decision::NeedsTags
                    || (decision == Decision::In && wanted.needs_tags(candidate));
                if by_tags {
                    undecided.insert(id.clone());
                }
                skip_of(decision)
            }
        };
        let path = path(tree.as_ref(), &units, &listed.name);
        let Listed { name, contradicted, .. } = listed;
        let contradicted = contradicted && skip.is_none();
        accounts.push(Account { id, name, path, units, tags: BTreeMap::new(), skip, contradicted });
    }
    let mut tags = read_tags(directory, undecided).await?;
    for account in &mut accounts {
        if let Some(tags) = tags.remove(&account.id) {
            let candidate = Candidate { id: &account.id, units: &account.units, tags: Some(&tags) };
            account.skip = skip_of(decide(include, exclude, candidate));
            account.tags = tags;
        }
    }
    Ok(Organization { id: about.id, accounts })
}

/// An account that only tags can decide on is not out yet.
fn skip_of(decision: Decision) -> Option<SkipReason> {
    (decision == Decision::Out).then_some(SkipReason::Excluded)
}

/// The organization's id and management account. Being refused matters only where the management account must be known.
async fn describe(directory: &Directory, wanted: &Accounts) -> Result<About, ScanError> {
    let Directory { client, lane } = directory;
    let error = match lane.call(DESCRIBE, || client.describe_organization().send()).await {
        Ok(answer) => {
            let found = answer
                .organization()
                .ok_or_else(|| malformed(DESCRIBE, "the answer has no organization"))?;
            let management = found.master_account_id().map(str::parse).transpose();
            let management = management.map_err(|error| malformed(DESCRIBE, format!("{error}")))?;
            if management.is_none() && wanted.management_account == ManagementAccount::Skip {
                return Err(malformed(DESCRIBE, "the answer does not name the management account"));
            }
            check_id(wanted, found.id())?;
            return Ok(About { id: found.id().map(str::to_owned), management });
        }
        Err(error) => error,
    };
    let refused = matches!(error.reason, UnknownReason::AccessDenied | UnknownReason::ScpDenied);
    match (refused, wanted.management_account) {
        (true, ManagementAccount::Include) => {
            tracing::warn!(error = error.message, "organization not described: its id and management account stay unknown");
            Ok(About::default())
        }
        (true, ManagementAccount::Skip) => {
            Err(error.hint(format!("allow `{DESCRIBE}`: `accounts.management_account: skip` needs to know which account that is")))
        }
        (false, _) => Err(error),
    }
}

/// A configured id that is not Organizations' own: these credentials, or this file, are of another organization.
fn check_id(wanted: &Accounts, told: Option<&str>) -> Result<(), ScanError> {
    match (wanted.organization_id.as_deref(), told) {
        (Some(expected), Some(told)) if expected != told => Err(unusable(format!(
            "the organization is {}, and `accounts.organization_id` expects {expected}",
            printable_line(told, 64)
        ))
        .during(DESCRIBE)
        .hint("use credentials of the organization that the configuration is for, or correct `accounts.organization_id`")),
        _ => Ok(()),
    }
}

/// Every account of every page.
async fn list_accounts(directory: &Directory) -> Result<Listing, ScanError> {
    let mut pages = Pages::new(LIST, PAGES);
    let (mut listed, mut token) = (Listing::new(), None);
    loop {
        let request = directory.client.list_accounts().set_next_token(token);
        let answer = directory.lane.call(LIST, || request.clone().send()).await?;
        let before = listed.len();
        for account in pages.items(answer.accounts)? {
            let id: AccountId = account
                .id()
                .unwrap_or_default()
                .parse()
                .map_err(|error| malformed(LIST, format!("{error}")))?;
            let skip = skip_by_state(
                account.state().map(|s| s.as_str()),
                account.status().map(|s| s.as_str()),
            );
            let ancestors = account.paths().first().and_then(|path| ancestors_of_path(path));
            let name = account.name.unwrap_or_default();
            take(&mut listed, id, Listed { name, skip, ancestors, contradicted: false });
        }
        if listed.len() > ACCOUNTS {
            return Err(malformed(LIST, format!("there are more than {ACCOUNTS} accounts")));
        }
        token = pages.next(listed.len() > before, answer.next_token)?;
        if token.is_none() {
            break;
        }
    }
    for (id, _) in listed.iter().filter(|(_, account)| account.contradicted) {
        tracing::warn!(account = %id, "the list has this account twice, and not the same: it is unknown");
    }
    if listed.is_empty() {
        return Err(malformed(LIST, "the organization has no accounts at all").hint(
            "run in the management account or a delegated administrator account, or name a role there in `accounts.organization_role_arn`",
        ));
    }
    Ok(listed)
}

/// Pages that overlap name an account twice, and the same. Where they differ, the account changed while it was listed, or the
/// list is not AWS's: neither can be believed.
fn take(listing: &mut Listing, id: AccountId, account: Listed) {
    match listing.entry(id) {
        Entry::Vacant(place) => drop(place.insert(account)),
        Entry::Occupied(mut known) if *known.get() != account => {
            known.get_mut().contradicted = true
        }
        Entry::Occupied(_) => {}
    }
}

/// A list with fewer accounts than there must be ended early, whatever AWS says.
fn check_length(wanted: &Accounts, listed: usize) -> Result<(), ScanError> {
    match wanted.at_least {
        Some(least) if listed < least => Err(unusable(format!(
            "the list has {listed} {}, and `accounts.at_least` expects at least {least}: it is not believed",
            if listed == 1 { "account" } else { "accounts" },
        ))
        .during(LIST)
        .hint("scan again, in case the list ended early; if accounts did leave, lower `accounts.at_least`")),
        Some(_) | None => Ok(()),
    }
}

/// The units, and what is directly in them unless every account came with its own path.
async fn walk(
    directory: &Directory,
    wanted: Wanted<'_>,
    listed: &Listing,
) -> Result<Tree, ScanError> {
    let with_accounts = listed.values().any(|account| account.ancestors.is_none());
    let tree = tree::walk(directory, with_accounts).await?;
    wanted.check_units(&tree)?;
    Ok(tree)
}

/// Root and units above an account. Where units decide, not knowing them is an error.
fn ancestors(
    tree: Option<&Tree>,
    id: &AccountId,
    listed: &Listed,
) -> Result<Vec<String>, ScanError> {
    match (tree, &listed.ancestors) {
        (_, Some(ancestors)) => Ok(ancestors.clone()),
        (None, None) => Ok(vec![]),
        (Some(tree), None) => match tree.ancestors(id) {
            Some(ancestors) => Ok(ancestors),
            None if listed.skip.is_some() || listed.contradicted => Ok(vec![]),
            None => Err(ScanError::new(
                UnknownReason::Unstable,
                format!("account {id} was listed, but is in no organizational unit"),
            )
            .hint("it moved while the organization was read; scan again")),
        },
    }
}

/// The account's place: names where the tree was walked, ids where only `Paths` told, `/` where neither did.
fn path(tree: Option<&Tree>, ancestors: &[String], name: &str) -> String {
    if ancestors.is_empty() {
        return "/".to_owned();
    }
    let units =
        ancestors.iter().skip(1).map(|id| tree.and_then(|tree| tree.name(id)).unwrap_or(id));
    units.chain([name]).map(|part| format!("/{part}")).collect()
}

/// Tags of the accounts that need theirs: for what selects accounts, or for exceptions.
async fn read_tags(
    directory: &Directory,
    ids: BTreeSet<AccountId>,
) -> Result<BTreeMap<AccountId, BTreeMap<String, String>>, ScanError> {
    stream::iter(ids)
        .map(async |id| {
            let tags = tags_of(directory, &id).await?;
            Ok((id, tags))
        })
        .buffer_unordered(TAGS_AT_ONCE)
        .try_collect()
        .await
}

async fn tags_of(
    directory: &Directory,
    id: &AccountId,
) -> Result<BTreeMap<String, String>, ScanError> {
    let mut pages = Pages::new(LIST_TAGS, TAG_PAGES);
    let (mut tags, mut token) = (BTreeMap::new(), None);
    loop {
        let request = directory
            .client
            .list_tags_for_resource()
            .resource_id(id.as_str())
            .set_next_token(token);
        let answer = directory.lane.call(LIST_TAGS, || request.clone().send()).await?;
        let before = tags.len();
        let page = pages.items(answer.tags)?;
        tags.extend(page.into_iter().map(|tag| (tag.key, tag.value)));
        token = pages.next(tags.len() > before, answer.next_token)?;
        if token.is_none() {
            return Ok(tags);
        }
    }
}
