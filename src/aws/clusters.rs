//! Connected clusters of one account: asked for slowly, a few accounts at once, and kept for a while.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_eks as eks;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Aws;
use super::client::with_credentials;
use super::error::{NOT_FOUND, malformed, unstable, wrong_account};
use super::lane::Lane;
use super::paging::Pages;
use super::probe::NOBODY;
use crate::doctor::{Read, ReadFact, Subject};
use crate::model::{Account, AccountId, Cluster, ScanError, UnknownReason, printable_line};

const LIST: &str = "eks:ListClusters";
const DESCRIBE: &str = "eks:DescribeCluster";

/// Accounts whose clusters are read at once.
const ACCOUNTS_AT_ONCE: usize = 16;

/// Regions of one account at once, and clusters of one region.
const REGIONS_AT_ONCE: usize = 4;
const CLUSTERS_AT_ONCE: usize = 2;

/// A region has a few hundred clusters at most, a hundred on a page.
const PAGES: usize = 1_000;

/// What is known of the clusters, and the queue for more.
#[derive(Debug)]
pub(super) struct Clusters {
    turns: Semaphore,
    /// By region, in the order of the configured regions.
    kept: Mutex<HashMap<AccountId, Vec<Option<Kept>>>>,
}

#[derive(Debug, Clone)]
struct Kept {
    until: Instant,
    clusters: Vec<Cluster>,
}

impl Default for Clusters {
    fn default() -> Self {
        Self { turns: Semaphore::new(ACCOUNTS_AT_ONCE), kept: Mutex::default() }
    }
}

impl Clusters {
    /// What is known by region, as far as it is fresh.
    fn fresh(&self, account: &AccountId, regions: usize, now: Instant) -> Vec<Option<Kept>> {
        let mut known = self.kept().get(account).cloned().unwrap_or_default();
        known.resize(regions, None);
        known.into_iter().map(|kept| kept.filter(|kept| kept.until > now)).collect()
    }

    fn keep(&self, account: &AccountId, known: Vec<Option<Kept>>) {
        self.kept().insert(account.clone(), known);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<AccountId, Vec<Option<Kept>>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Aws {
    /// Every connected cluster in the configured regions; what was read lately is used again.
    pub(super) async fn connected_clusters(
        &self,
        account: &Account,
    ) -> Result<Vec<Cluster>, ScanError> {
        let regions = self.clients.eks();
        let mut known = self.clusters.fresh(&account.id, regions.len(), Instant::now());
        if known.iter().any(Option::is_none) {
            let _turn = self.clusters.turns.acquire().await;
            let longest = self.config.sweep.account_timeout;
            let reading = Box::pin(self.renewed(account, || self.read_regions(account, &known)));
            let read = tokio::time::timeout(longest, reading).await;
            known = read.unwrap_or_else(|_| Err(late(longest)))?;
            self.clusters.keep(&account.id, known.clone());
        }
        Ok(known.into_iter().flatten().flat_map(|kept| kept.clusters).collect())
    }

    /// Fills in the regions of which nothing fresh is known.
    async fn read_regions(
        &self,
        account: &Account,
        known: &[Option<Kept>],
    ) -> Result<Vec<Option<Kept>>, ScanError> {
        let lane = self.clients.lanes().eks();
        let regions = self.clients.eks().clone().into_iter().zip(known.to_vec());
        let read = stream::iter(regions)
            .map(async |((region, client), kept)| match kept {
                Some(kept) => Ok(Some(kept)),
                None => {
                    let place = Region { account: &account.id, region, client, lane: &lane };
                    let clusters = place.connected().await.map_err(|error| place.explain(error))?;
                    Ok(Some(Kept { until: Instant::now() + self.lifetime(), clusters }))
                }
            })
            .buffered(REGIONS_AT_ONCE)
            .try_collect();
        let credentials = self.credentials(account).await?;
        let read: Vec<Option<Kept>> = with_credentials(credentials.clone(), pin!(read)).await?;
        let mut new = read.iter().zip(known).filter(|(_, before)| before.is_none());
        if new.all(|(kept, _)| kept.as_ref().is_none_or(|kept| kept.clusters.is_empty())) {
            // A cluster names its account, and an empty list none.
            self.prove_account(&account.id, &credentials).await?;
        }
        Ok(read)
    }

    /// Asks for each call in each region by itself; the clusters are those that could be read.
    pub(super) async fn ask_clusters(
        &self,
        account: &Account,
        credentials: Credentials,
    ) -> (Vec<ReadFact>, Vec<Cluster>) {
        let _turn = self.clusters.turns.acquire().await;
        let lane = self.clients.lanes().eks();
        let asked = stream::iter(self.clients.eks().clone())
            .map(async |(region, client)| {
                Region { account: &account.id, region, client, lane: &lane }.ask().await
            })
            .buffered(REGIONS_AT_ONCE)
            .collect::<Vec<_>>();
        let (facts, clusters): (Vec<_>, Vec<_>) =
            with_credentials(credentials, pin!(asked)).await.into_iter().unzip();
        (facts.concat(), clusters.concat())
    }

    /// Not all accounts are asked again in the same sweep.
    fn lifetime(&self) -> Duration {
        self.config.baseline.cluster_refresh.mul_f64(1.0 - fastrand::f64() / 4.0)
    }
}

fn late(longest: Duration) -> ScanError {
    let seconds = longest.as_secs_f64();
    ScanError::new(
        UnknownReason::Timeout,
        format!("the account's clusters were not read within {seconds} s"),
    )
    .hint("raise sweep.account_timeout, or name fewer regions in baseline.regions")
}

/// What DescribeCluster tells of a listed cluster.
enum Told {
    Connected(Cluster),
    /// It is EKS's own: no connector works for it.
    Own,
    /// It does not exist, although it was listed.
    Gone,
    /// The answer has neither the connector's part nor that of EKS's own clusters.
    Neither,
}

impl Told {
    /// Whether it leaves open what the cluster is.
    fn is_doubtful(&self) -> bool {
        match self {
            Self::Connected(_) | Self::Own => false,
            Self::Gone | Self::Neither => true,
        }
    }
}

fn gone(name: &str) -> String {
    format!("cluster `{}` is listed twice in a row, and does not exist", printable_line(name, 128))
}

fn neither(name: &str) -> String {
    format!(
        "cluster `{}` has neither a connector's configuration nor a VPC of its own: it is not known to be connected or not",
        printable_line(name, 128)
    )
}

/// One region of one account.
struct Region<'a> {
    account: &'a AccountId,
    region: String,
    client: eks::Client,
    lane: &'a Lane,
}

impl Region<'_> {
    /// The connected clusters. A listed cluster that cannot be told to be connected or EKS's own is no proof that nothing is
    /// connected here: where there is one, the list is read again, and what it still has must be told by then.
    async fn connected(&self) -> Result<Vec<Cluster>, ScanError> {
        let mut described = self.describe_all(self.list().await?).await?;
        if described.iter().any(|(_, told)| told.is_doubtful()) {
            let listed: BTreeSet<String> = self.list().await?.into_iter().collect();
            // What came since is asked for too, and what went is not missed.
            let told = described.into_iter().filter(|(_, told)| !told.is_doubtful());
            let mut known: BTreeMap<String, Told> = told.collect();
            let rest = listed.into_iter().filter(|name| !known.contains_key(name)).collect();
            known.extend(self.describe_all(rest).await?);
            described = known.into_iter().collect();
        }
        let mut connected = vec![];
        for (name, told) in described {
            match told {
                Told::Connected(cluster) => connected.push(cluster),
                Told::Own => {}
                Told::Gone => {
                    let hint = "it is being made or deleted; scan again";
                    return Err(unstable(DESCRIBE, gone(&name)).hint(hint));
                }
                Told::Neither => return Err(malformed(DESCRIBE, neither(&name))),
            }
        }
        connected.sort();
        Ok(connected)
    }

    async fn describe_all(&self, names: Vec<String>) -> Result<Vec<(String, Told)>, ScanError> {
        stream::iter(names)
            .map(async |name| {
                let told = self.describe(&name).await?;
                Ok((name, told))
            })
            .buffer_unordered(CLUSTERS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Lists, and describes every cluster; where there is none, one that does not exist.
    async fn ask(self) -> (Vec<ReadFact>, Vec<Cluster>) {
        let listed = self.list().await;
        let mut names = listed.as_ref().cloned().unwrap_or_default();
        if names.is_empty() {
            names.push(NOBODY.to_owned());
        }
        let (mut described, mut clusters) = (Ok(()), vec![]);
        for name in names {
            match self.describe(&name).await {
                Ok(Told::Connected(cluster)) => clusters.push(cluster),
                Ok(Told::Own | Told::Gone) => {}
                Ok(Told::Neither) => described = Err(malformed(DESCRIBE, neither(&name))),
                Err(error) => described = Err(error),
            }
        }
        let subject = Subject::Clusters { region: self.region };
        let fact = |operation, answer| {
            let read = Read { operation, subject: subject.clone() };
            ReadFact { read, answer }
        };
        (vec![fact(LIST, listed.map(drop)), fact(DESCRIBE, described)], clusters)
    }

    /// Names of all clusters; EKS leaves connected ones out unless asked for `all`.
    async fn list(&self) -> Result<Vec<String>, ScanError> {
        let mut pages = Pages::new(LIST, PAGES);
        let (mut names, mut token) = (Vec::new(), None);
        loop {
            let request = self.client.list_clusters().include("all").set_next_token(token);
            let answer = self.lane.call(LIST, || request.clone().send()).await?;
            let before = names.len();
            names.extend(pages.items(answer.clusters)?);
            if names.iter().any(String::is_empty) {
                return Err(malformed(LIST, "a cluster has no name"));
            }
            token = pages.next(names.len() > before, answer.next_token)?;
            if token.is_none() {
                return Ok(names);
            }
        }
    }

    async fn describe(&self, name: &str) -> Result<Told, ScanError> {
        let send = || self.client.describe_cluster().name(name).send();
        let answer = match self.lane.call(DESCRIBE, send).await {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref() == Some(NOT_FOUND) => {
                return Ok(Told::Gone);
            }
            Err(error) => return Err(error),
        };
        let cluster =
            answer.cluster.ok_or_else(|| malformed(DESCRIBE, "the answer has no cluster"))?;
        self.believe(name, &cluster)?;
        let Some(connector) = cluster.connector_config else {
            // EKS's own cluster is always in a VPC, from its creation on; a connected one never is.
            let own = cluster.resources_vpc_config.is_some();
            return Ok(if own { Told::Own } else { Told::Neither });
        };
        Ok(Told::Connected(Cluster {
            region: self.region.clone(),
            name: name.to_owned(),
            role_arn: connector.role_arn.unwrap_or_default(),
            status: cluster.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        }))
    }

    /// It must be about what was asked for: this cluster, here.
    fn believe(&self, name: &str, cluster: &eks::types::Cluster) -> Result<(), ScanError> {
        let arn = cluster.arn.as_deref().unwrap_or_default();
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "eks", region, account, resource] = fields.as_slice() else {
            let arn = printable_line(arn, 256);
            return Err(malformed(DESCRIBE, format!("the cluster's ARN is `{arn}`")));
        };
        if *account != self.account.as_str() {
            return Err(wrong_account(DESCRIBE, self.account.as_str(), arn));
        }
        let same = cluster.name.as_deref() == Some(name)
            && *region == self.region
            && resource.strip_prefix("cluster/") == Some(name);
        match same {
            true => Ok(()),
            false => Err(malformed(DESCRIBE, "the answer is about another cluster")),
        }
    }

    /// Names the region, which the call's name does not.
    fn explain(&self, mut error: ScanError) -> ScanError {
        error.message = format!("{} (region {})", error.message, self.region);
        error
    }
}
