//! Every recorded answer, cut at every byte: never taken for a whole one.
//!
//! The answers are moto's, recorded by `tests/moto/record.py`. A cut comes in two manners: the connection breaks after so
//! many bytes of an announced length, or so many bytes are all that was announced (a proxy, a cache).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use rolewarden::aws::{Aws, Connect, OrganizationReader, RoleReader};
use rolewarden::config::{Config, ManagementAccount};
use rolewarden::model::{Account, AccountId, ScanError, Snapshot};

use crate::support::{config, in_virtual_time};

/// How an answer is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// The connection breaks.
    Breaks,
    /// Its length says that it is whole.
    LooksWhole,
}

/// Operation, bytes left, manner.
type Cut = (&'static str, usize, Manner);

/// Answers from files; one of them may be cut.
#[derive(Debug, Clone)]
struct Recorded {
    /// Status and body by operation; where an answer depends on the parent, also by whether that is the root.
    answers: Arc<BTreeMap<String, (u16, Bytes)>>,
    cut: Arc<Mutex<Option<Cut>>>,
}

impl Recorded {
    /// The answers to a scan of a role that is there (`status` 200) or not (404).
    fn of(status: u16) -> Self {
        let mut answers = BTreeMap::new();
        for prefer in [200, status] {
            for entry in fs::read_dir(folder()).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let mut parts = name.split('.');
                let (operation, status) = (parts.next().unwrap(), parts.next().unwrap());
                if status == prefer.to_string() {
                    let body = Bytes::from(fs::read(&path).unwrap());
                    answers.insert(operation.to_owned(), (prefer, body));
                }
            }
        }
        Self { answers: Arc::new(answers), cut: Arc::default() }
    }

    fn length(&self, operation: &str) -> usize {
        self.answers[operation].1.len()
    }

    async fn connect(&self, config: &Config) -> Result<Aws, ScanError> {
        let connector = SharedHttpConnector::new(self.clone());
        let connect = Connect {
            endpoint: Some("http://recorded".to_owned()),
            credentials: Some(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test")),
            http: Some(http_client_fn(move |_, _| connector.clone())),
            ..Connect::default()
        };
        Aws::connect_with(config, connect).await
    }
}

impl HttpConnector for Recorded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = match request.headers().get("x-amz-target") {
            Some(target) => {
                let body = request.body().bytes().unwrap();
                let body: serde_json::Value = serde_json::from_slice(body).unwrap();
                let of = body["ParentId"].as_str().map_or("", |id| match id.starts_with("r-") {
                    true => "Root",
                    false => "Unit",
                });
                format!("{}{of}", target.rsplit('.').next().unwrap())
            }
            None => {
                let form = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
                let action = form.split('&').find_map(|field| field.strip_prefix("Action="));
                action.unwrap().to_owned()
            }
        };
        let (status, mut body) = self.answers[&operation].clone();
        let signed = request.headers().get("authorization").unwrap_or_default();
        if operation == "GetCallerIdentity" && !signed.contains("AKIAEXAMPLE") {
            // The recording has the hub's answer; a session in the member account gets the same of its own.
            let text = String::from_utf8(body.to_vec()).unwrap();
            body = Bytes::from(text.replace(hub().as_str(), member().id.as_str()));
        }
        let cut = self.cut.lock().unwrap().filter(|(cut, ..)| *cut == operation);
        let announced = match cut {
            Some((_, at, Manner::LooksWhole)) => at,
            _ => body.len(),
        };
        let body = match cut {
            None => SdkBody::from(body.to_vec()),
            Some((_, at, Manner::LooksWhole)) => SdkBody::from(body[..at].to_vec()),
            Some((_, at, Manner::Breaks)) => {
                let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                let frames = [Ok(Frame::data(body.slice(..at))), Err(broken)];
                SdkBody::from_body_1_x(StreamBody::new(futures_util::stream::iter(frames)))
            }
        };
        let response = hyper::Response::builder()
            .status(status)
            .header("content-length", announced)
            .body(body)
            .unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::try_from(response).unwrap()))
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/answers")
}

/// The member account of the recording.
fn member() -> Account {
    let text = fs::read_to_string(folder().join("account.txt")).unwrap();
    let id: AccountId = text.split_whitespace().next().unwrap().parse().unwrap();
    Account { name: "payments".to_owned(), ..Account::numbered(id) }
}

/// The hub's account of the recording.
fn hub() -> AccountId {
    let text = fs::read_to_string(folder().join("account.txt")).unwrap();
    text.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Cuts each of these answers at every byte in both manners, and counts the reads that still succeeded.
async fn succeeded<T: PartialEq + std::fmt::Debug>(
    recorded: &Recorded,
    operations: &[&'static str],
    read: impl AsyncFn() -> Result<T, ScanError>,
) -> BTreeMap<&'static str, usize> {
    let truth = read().await.expect("whole answers are read");
    let mut runs = 0;
    let mut successes = BTreeMap::new();
    for &operation in operations {
        for at in 0..recorded.length(operation) {
            for manner in [Manner::Breaks, Manner::LooksWhole] {
                *recorded.cut.lock().unwrap() = Some((operation, at, manner));
                runs += 1;
                if let Ok(got) = read().await {
                    assert_eq!(got, truth, "{operation} cut at {at}: {manner:?}");
                    *successes.entry(operation).or_default() += 1;
                }
            }
        }
    }
    println!("{runs} cuts of {operations:?}; read all the same: {successes:?}");
    successes
}

const ONCE: &str = "sweep: {max_attempts: 1}";

/// Reads the role; none of these answers may be cut.
fn role_is_never_read_from(status: u16, operations: &[&'static str]) {
    let recorded = Recorded::of(status);
    let successes = in_virtual_time(0, async {
        let aws = recorded.connect(&config(ONCE)).await.unwrap();
        let account = member();
        let truth = aws.read_role(&account).await.map(|read| read.seen).unwrap();
        assert_eq!(matches!(truth, Snapshot::Present(_)), status == 200);
        succeeded(&recorded, operations, async || {
            aws.read_role(&account).await.map(|read| read.seen)
        })
        .await
    });
    assert!(successes.is_empty(), "{successes:?}");
}

#[test]
fn a_cut_role_is_never_read() {
    role_is_never_read_from(200, &["GetRole"]);
}

#[test]
fn a_cut_inline_policy_is_never_read() {
    role_is_never_read_from(200, &["GetRolePolicy"]);
}

#[test]
fn a_cut_list_is_never_read() {
    role_is_never_read_from(200, &["ListRolePolicies", "ListAttachedRolePolicies"]);
}

#[test]
fn a_cut_managed_policy_is_never_read() {
    role_is_never_read_from(200, &["GetPolicy", "GetPolicyVersion"]);
}

#[test]
fn a_cut_proof_of_absence_proves_nothing() {
    role_is_never_read_from(404, &["GetRole"]);
}

#[test]
fn cut_answers_beside_a_whole_proof_of_absence_change_nothing() {
    let recorded = Recorded::of(404);
    in_virtual_time(0, async {
        let aws = recorded.connect(&config(ONCE)).await.unwrap();
        let account = member();
        let others = ["ListRolePolicies", "ListAttachedRolePolicies", "GetRolePolicy"];
        succeeded(&recorded, &others, async || aws.read_role(&account).await.map(|read| read.seen))
            .await
    });
}

#[test]
fn a_cut_session_is_never_used() {
    let recorded = Recorded::of(200);
    let successes = in_virtual_time(0, async {
        let account = member();
        let config = config(ONCE);
        // A session that was read is kept: each cut needs an adapter without one.
        let read = async || recorded.connect(&config).await?.read_role(&account).await;
        succeeded(&recorded, &["AssumeRole", "GetCallerIdentity"], read).await
    });
    assert!(successes.is_empty(), "{successes:?}");
}

#[test]
fn a_cut_list_of_accounts_is_no_list() {
    let recorded = Recorded::of(200);
    let units = &recorded.answers["ListOrganizationalUnitsForParentRoot"].1;
    let units: serde_json::Value = serde_json::from_slice(units).unwrap();
    let unit = units["OrganizationalUnits"][0]["Id"].as_str().unwrap();
    // What makes every one of these calls needed.
    let mut config = config(ONCE);
    config.accounts.management_account = ManagementAccount::Skip;
    config.accounts.include.ous.insert(unit.to_owned());
    config.accounts.exclude.tags.insert("team".to_owned(), ["nobody".to_owned()].into());
    let successes = in_virtual_time(0, async {
        let aws = recorded.connect(&config).await.unwrap();
        let operations = [
            "DescribeOrganization",
            "ListAccounts",
            "ListRoots",
            "ListOrganizationalUnitsForParentRoot",
            "ListOrganizationalUnitsForParentUnit",
            "ListAccountsForParentRoot",
            "ListAccountsForParentUnit",
            "ListTagsForResource",
        ];
        let read = async || aws.read_organization().await.map(|found| found.accounts);
        succeeded(&recorded, &operations, read).await
    });
    assert!(successes.is_empty(), "{successes:?}");
}
