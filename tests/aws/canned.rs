//! A server that answers every call from a function, and a configuration that reaches it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use rolewarden::aws::{Aws, Connect};
use rolewarden::config::*;
use rolewarden::model::{Account, ScanError, Snapshot, UnknownReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The account the base credentials live in.
pub(crate) const HUB: &str = "111111111111";
/// A member account.
pub(crate) const MEMBER: &str = "222222222222";
/// The role that is read.
pub(crate) const ROLE: &str = "AmazonEKSConnectorAgentRole";

/// One call as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// As `GetRole`.
    pub(crate) operation: String,
    /// Form fields of IAM and STS.
    pub(crate) fields: HashMap<String, String>,
    /// The JSON body of Organizations.
    pub(crate) json: serde_json::Value,
    /// The access key that signed it; `ASIA{account}` for sessions handed out by [`assumed`].
    pub(crate) key: String,
}

impl Call {
    /// A form field, empty when absent.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The account whose session signed it, or the hub.
    pub(crate) fn account(&self) -> &str {
        self.key.strip_prefix("ASIA").and_then(|rest| rest.get(..12)).unwrap_or(HUB)
    }
}

/// What to answer: status and body. Status 0 closes the connection without an answer.
pub(crate) type Answer = (u16, String);

/// The running server.
pub(crate) struct Canned {
    pub(crate) endpoint: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Canned {
    /// Starts it on a free port of loopback.
    pub(crate) async fn start(answer: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(vec![]));
        let (answer, recorded) = (Arc::new(answer), Arc::clone(&calls));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, recorded) = (Arc::clone(&answer), Arc::clone(&recorded));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Some(call) = receive(&mut stream).await {
                        recorded.lock().unwrap().push(call.clone());
                        if !send(&mut stream, answer(&call)).await {
                            return;
                        }
                    }
                });
            }
        });
        Self { endpoint, calls }
    }

    /// Every call so far; the identity check at start is left out.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| call.operation != "GetCallerIdentity")
            .cloned()
            .collect()
    }

    /// How often it was asked whose credentials are.
    pub(crate) fn identities(&self) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.operation == "GetCallerIdentity").count()
    }

    /// How often each operation was called.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.calls() {
            *counts.entry(call.operation).or_default() += 1;
        }
        counts
    }

    /// The adapter, connected.
    pub(crate) async fn connect(&self, config: &Config) -> Result<Aws, ScanError> {
        let credentials = Credentials::new("AKIAHUB", "secret", None, None, "test");
        Aws::connect_with(
            config,
            Connect {
                endpoint: Some(self.endpoint.clone()),
                credentials: Some(credentials),
                ..Connect::default()
            },
        )
        .await
    }
}

async fn receive(stream: &mut BufReader<TcpStream>) -> Option<Call> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let line =
            head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").map_or(0, |n| n.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).unwrap();
    let key = header("authorization").unwrap_or_default();
    let key = key
        .split("Credential=")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default()
        .to_owned();
    Some(match header("x-amz-target") {
        Some(target) => Call {
            operation: target.rsplit('.').next().unwrap().to_owned(),
            fields: HashMap::new(),
            json: serde_json::from_str(&body).unwrap(),
            key,
        },
        None => {
            let decode = |text: &str| {
                percent_encoding::percent_decode_str(&text.replace('+', " "))
                    .decode_utf8()
                    .unwrap()
                    .into_owned()
            };
            let fields: HashMap<_, _> = body
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(k, v)| (decode(k), decode(v)))
                .collect();
            Call { operation: fields["Action"].clone(), fields, json: serde_json::Value::Null, key }
        }
    })
}

/// In one write: two would wait for each other's acknowledgement.
async fn send(stream: &mut BufReader<TcpStream>, (status, body): Answer) -> bool {
    let head = format!(
        "HTTP/1.1 {status} X\r\nx-amzn-requestid: req-1\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    status != 0 && stream.write_all(format!("{head}{body}").as_bytes()).await.is_ok()
}

/// A success of IAM or STS.
pub(crate) fn xml(operation: &str, result: &str) -> Answer {
    (
        200,
        format!(
            "<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
        ),
    )
}

/// An error of IAM or STS.
pub(crate) fn fault(status: u16, code: &str, message: &str) -> Answer {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (status, format!("<ErrorResponse>{error}<RequestId>req-1</RequestId></ErrorResponse>"))
}

/// A success of Organizations.
pub(crate) fn json(value: serde_json::Value) -> Answer {
    (200, value.to_string())
}

/// An error of Organizations.
pub(crate) fn json_fault(code: &str) -> Answer {
    (400, serde_json::json!({"__type": code, "message": "no"}).to_string())
}

/// Whose the credentials are: the hub's user, or a session in a member account.
pub(crate) fn caller_identity(account: &str) -> Answer {
    let arn = match account {
        HUB => format!("arn:aws:iam::{HUB}:user/hub"),
        _ => format!("arn:aws:sts::{account}:assumed-role/rolewarden-scan/rolewarden"),
    };
    let body = format!("<Arn>{arn}</Arn><UserId>AIDA</UserId><Account>{account}</Account>");
    xml("GetCallerIdentity", &body)
}

/// The session AssumeRole gives for the role asked for.
pub(crate) fn assumed(call: &Call, ends: &str) -> Answer {
    let arn = call.field("RoleArn");
    let account = arn.split(':').nth(4).unwrap();
    let name = arn.rsplit('/').next().unwrap();
    xml(
        "AssumeRole",
        &format!(
            "<AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/{name}/rolewarden</Arn></AssumedRoleUser>\
             <Credentials><AccessKeyId>ASIA{account}{name}</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey>\
             <SessionToken>token</SessionToken><Expiration>{ends}</Expiration></Credentials>"
        ),
    )
}

/// The role as GetRole shows it.
pub(crate) fn role(account: &str, more: &str) -> Answer {
    xml(
        "GetRole",
        &format!(
            "<Role><Path>/</Path><RoleName>{ROLE}</RoleName><RoleId>AROAX</RoleId><Arn>arn:aws:iam::{account}:role/{ROLE}</Arn>\
             <CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>%7B%22trust%22%3A1%7D</AssumeRolePolicyDocument>\
             <MaxSessionDuration>3600</MaxSessionDuration>{more}</Role>"
        ),
    )
}

/// An inline policy as GetRolePolicy shows it.
pub(crate) fn inline(name: &str) -> Answer {
    let body = format!(
        "<RoleName>{ROLE}</RoleName><PolicyName>{name}</PolicyName><PolicyDocument>%7B%22{name}%22%3A1%7D</PolicyDocument>"
    );
    xml("GetRolePolicy", &body)
}

/// A list of names.
pub(crate) fn names(names: &[&str], rest: &str) -> Answer {
    let members: String = names.iter().map(|name| format!("<member>{name}</member>")).collect();
    xml("ListRolePolicies", &format!("<PolicyNames>{members}</PolicyNames>{rest}"))
}

/// A list of attached policies.
pub(crate) fn attached(arns: &[&str], rest: &str) -> Answer {
    let member = |arn: &&str| {
        let name = arn.rsplit('/').next().unwrap();
        format!("<member><PolicyName>{name}</PolicyName><PolicyArn>{arn}</PolicyArn></member>")
    };
    let members: String = arns.iter().map(member).collect();
    xml(
        "ListAttachedRolePolicies",
        &format!("<AttachedPolicies>{members}</AttachedPolicies>{rest}"),
    )
}

/// An account with the role and its one inline policy, nothing attached.
pub(crate) fn compliant(call: &Call) -> Answer {
    match call.operation.as_str() {
        "GetCallerIdentity" => caller_identity(call.account()),
        "AssumeRole" => assumed(call, "2099-01-01T00:00:00Z"),
        "GetRole" => role(call.account(), ""),
        "ListRolePolicies" => names(&["expected"], "<IsTruncated>false</IsTruncated>"),
        "ListAttachedRolePolicies" => attached(&[], "<IsTruncated>false</IsTruncated>"),
        "GetRolePolicy" if call.field("PolicyName") == "expected" => inline("expected"),
        "GetRolePolicy" => fault(404, "NoSuchEntity", "no such policy"),
        other => fault(400, "InvalidAction", other),
    }
}

/// An account by number.
pub(crate) fn account(id: &str) -> Account {
    Account::numbered(id.parse().unwrap())
}

/// The reason of a failed read; a success fails the test.
pub(crate) fn reason(case: &str, result: Result<Snapshot, ScanError>) -> UnknownReason {
    match result {
        Ok(snapshot) => panic!("case `{case}`: expected an error, got {snapshot:?}"),
        Err(error) => error.reason,
    }
}

/// A configuration with two quick attempts.
pub(crate) fn config() -> Config {
    let mut config = Config::default_for_check().unwrap();
    config.access.region = Some("eu-west-1".to_owned());
    config.baseline.inline_policy_name = "expected".to_owned();
    config.baseline.max_session_duration = Duration::from_secs(86_400);
    config.sweep.concurrency = 4;
    config.sweep.account_timeout = Duration::from_secs(20);
    config.sweep.attempt_timeout = Duration::from_secs(5);
    config.sweep.max_attempts = 2;
    config
}
