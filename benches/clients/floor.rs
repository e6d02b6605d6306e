//! The SDK's floor: the same calls through the AWS SDK, from one client a service, in a plain loop.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_sdk_iam as iam;
use aws_sdk_organizations as organizations;
use aws_sdk_sts as sts;
use aws_smithy_http_client::pool;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::shared::IntoShared;
use serde_json::Value;
use tokio::task::JoinSet;

use super::Load;
use super::calls::{Calls, POLICY, ROLE, SCAN_ROLE, SESSION, SESSION_SECONDS, session_policy};

/// What every worker shares.
struct Shared {
    iam: iam::Client,
    sts: sts::Client,
    own_account: String,
    calls: Calls,
    accounts: Mutex<VecDeque<String>>,
}

pub(super) async fn run(load: Load) -> Value {
    let pool = pool::ConnectionPool::builder()
        .max_connections_per_host(load.concurrency.get() * 4)
        .build_http()
        .unwrap();
    let http: SharedHttpClient = pool::Client::new(&pool).unwrap().into_shared();
    let sdk = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).load().await;
    let calls = Calls::default();
    let sts = sts::Client::new(&sdk);
    calls.count("GetCallerIdentity");
    let caller = sts.get_caller_identity().send().await.unwrap();
    let accounts = list_accounts(&organizations::Client::new(&sdk), &calls).await;
    let count = accounts.len();
    let shared = Arc::new(Shared {
        iam: iam::Client::new(&sdk),
        sts,
        own_account: caller.account.unwrap(),
        calls,
        accounts: Mutex::new(accounts),
    });
    let mut workers = JoinSet::new();
    for _ in 0..load.concurrency.get().min(count) {
        workers.spawn(work(Arc::clone(&shared)));
    }
    workers.join_all().await;
    shared.calls.result(count)
}

async fn list_accounts(client: &organizations::Client, calls: &Calls) -> VecDeque<String> {
    calls.count("DescribeOrganization");
    client.describe_organization().send().await.unwrap();
    let (mut ids, mut token) = (VecDeque::new(), None);
    loop {
        calls.count("ListAccounts");
        let page = client.list_accounts().set_next_token(token).send().await.unwrap();
        ids.extend(page.accounts.unwrap().into_iter().map(|account| account.id.unwrap()));
        token = page.next_token;
        if token.is_none() {
            return ids;
        }
    }
}

/// One account after the other.
async fn work(shared: Arc<Shared>) {
    loop {
        let next = shared.accounts.lock().unwrap().pop_front();
        let Some(account) = next else { return };
        let mut session = iam::config::Config::builder();
        if account != shared.own_account {
            session = session.credentials_provider(shared.assume(&account).await);
        }
        shared.read(&session).await;
    }
}

impl Shared {
    async fn assume(&self, account: &str) -> Credentials {
        self.calls.count("AssumeRole");
        let answer = self
            .sts
            .assume_role()
            .role_arn(format!("arn:aws:iam::{account}:role/{SCAN_ROLE}"))
            .role_session_name(SESSION)
            .duration_seconds(SESSION_SECONDS)
            .policy(session_policy(account))
            .send()
            .await
            .unwrap();
        let given = answer.credentials.unwrap();
        let (key, secret) = (given.access_key_id, given.secret_access_key);
        Credentials::new(key, secret, Some(given.session_token), None, "AssumeRole")
    }

    async fn read(&self, session: &iam::config::Builder) {
        for operation in ["GetRole", "ListRolePolicies", "ListAttachedRolePolicies"] {
            self.calls.count(operation);
        }
        let (iam, with) = (&self.iam, || session.clone());
        let role = iam.get_role().role_name(ROLE).customize().config_override(with());
        let names = iam.list_role_policies().role_name(ROLE).customize().config_override(with());
        let attached =
            iam.list_attached_role_policies().role_name(ROLE).customize().config_override(with());
        let (role, names, attached, _) =
            tokio::join!(role.send(), names.send(), attached.send(), self.policy(session, POLICY),);
        assert!(role.is_ok() && attached.is_ok());
        for name in names.unwrap().policy_names.iter().filter(|name| *name != POLICY) {
            assert!(self.policy(session, name).await, "{name} is listed");
        }
    }

    /// Whether there is a policy of this name.
    async fn policy(&self, session: &iam::config::Builder, name: &str) -> bool {
        self.calls.count("GetRolePolicy");
        let call = self.iam.get_role_policy().role_name(ROLE).policy_name(name);
        call.customize().config_override(session.clone()).send().await.is_ok()
    }
}
