//! The least a client can do: sign, send, read the body.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Load;
use super::calls::{Calls, POLICY, ROLE, SCAN_ROLE, SESSION, SESSION_SECONDS, session_policy};

/// What every worker shares.
struct Shared {
    host: String,
    base: Identity,
    own_account: String,
    calls: Calls,
    accounts: Mutex<VecDeque<String>>,
}

pub(super) async fn run(load: Load) -> Value {
    let host = super::variable("AWS_ENDPOINT_URL").replace("http://", "");
    let key = super::variable("AWS_ACCESS_KEY_ID");
    let base =
        Credentials::new(key, super::variable("AWS_SECRET_ACCESS_KEY"), None, None, "environment");
    let mut shared = Shared {
        host,
        base: base.into(),
        own_account: String::new(),
        calls: Calls::default(),
        accounts: Mutex::default(),
    };
    let mut connection = connect(&shared.host).await;
    let caller = shared.sts(&mut connection, "GetCallerIdentity", "").await;
    shared.own_account = between(&caller, "<Account>", "</Account>").to_owned();
    shared.organizations(&mut connection, "DescribeOrganization", &json!({})).await;
    let accounts = shared.list_accounts(&mut connection).await;
    let count = accounts.len();
    *shared.accounts.lock().unwrap() = accounts;
    let shared = Arc::new(shared);
    let mut workers = JoinSet::new();
    for _ in 0..load.concurrency.get().min(count) {
        workers.spawn(work(Arc::clone(&shared)));
    }
    workers.join_all().await;
    shared.calls.result(count)
}

/// One account after the other, over four connections of its own.
async fn work(shared: Arc<Shared>) {
    let host = &shared.host;
    let (mut a, mut b, mut c, mut d) =
        tokio::join!(connect(host), connect(host), connect(host), connect(host));
    loop {
        let next = shared.accounts.lock().unwrap().pop_front();
        let Some(account) = next else { return };
        let session = match account == shared.own_account {
            true => shared.base.clone(),
            false => shared.assume(&mut a, &account).await,
        };
        let (_, names, _, _) = tokio::join!(
            shared.iam(&mut a, &session, "GetRole", ""),
            shared.iam(&mut b, &session, "ListRolePolicies", ""),
            shared.iam(&mut c, &session, "ListAttachedRolePolicies", ""),
            shared.policy(&mut d, &session, POLICY),
        );
        let name = between(&names, "<member>", "</member>");
        if name != POLICY {
            shared.policy(&mut d, &session, name).await;
        }
    }
}

async fn connect(host: &str) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(host).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

impl Shared {
    async fn list_accounts(&self, to: &mut SendRequest<Full<Bytes>>) -> VecDeque<String> {
        let (mut ids, mut token) = (VecDeque::new(), json!({}));
        loop {
            let page = self.organizations(to, "ListAccounts", &token).await;
            let page: Value = serde_json::from_str(&page).unwrap();
            let accounts = page.get("Accounts").and_then(Value::as_array).unwrap();
            ids.extend(accounts.iter().map(|a| a.get("Id").unwrap().as_str().unwrap().to_owned()));
            match page.get("NextToken") {
                Some(next) => token = json!({"NextToken": next}),
                None => return ids,
            }
        }
    }

    async fn assume(&self, to: &mut SendRequest<Full<Bytes>>, account: &str) -> Identity {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let arn = encoded(&format!("arn:aws:iam::{account}:role/{SCAN_ROLE}"));
        let policy = encoded(&session_policy(account));
        let params = format!(
            "&RoleArn={arn}&RoleSessionName={SESSION}&Policy={policy}&DurationSeconds={SESSION_SECONDS}"
        );
        let answer = self.sts(to, "AssumeRole", &params).await;
        Credentials::new(
            between(&answer, "<AccessKeyId>", "</AccessKeyId>"),
            between(&answer, "<SecretAccessKey>", "</SecretAccessKey>"),
            Some(between(&answer, "<SessionToken>", "</SessionToken>").to_owned()),
            None,
            "AssumeRole",
        )
        .into()
    }

    async fn sts(
        &self,
        to: &mut SendRequest<Full<Bytes>>,
        operation: &'static str,
        params: &str,
    ) -> String {
        let body = format!("Action={operation}&Version=2011-06-15{params}");
        self.send(to, &self.base, ("sts", operation), &[], body).await
    }

    async fn policy(&self, to: &mut SendRequest<Full<Bytes>>, session: &Identity, name: &str) {
        let name = format!("&PolicyName={name}");
        self.iam(to, session, "GetRolePolicy", &name).await;
    }

    async fn iam(
        &self,
        to: &mut SendRequest<Full<Bytes>>,
        session: &Identity,
        operation: &'static str,
        params: &str,
    ) -> String {
        let body = format!("Action={operation}&Version=2010-05-08&RoleName={ROLE}{params}");
        self.send(to, session, ("iam", operation), &[], body).await
    }

    async fn organizations(
        &self,
        to: &mut SendRequest<Full<Bytes>>,
        operation: &'static str,
        params: &Value,
    ) -> String {
        let target = format!("AWSOrganizationsV20161128.{operation}");
        let headers = [("x-amz-target", target.as_str())];
        let call = ("organizations", operation);
        self.send(to, &self.base, call, &headers, params.to_string()).await
    }

    /// Signs and sends a request; gives the answer's body. Only a policy of the usual name may be missing.
    async fn send(
        &self,
        to: &mut SendRequest<Full<Bytes>>,
        who: &Identity,
        (service, operation): (&str, &'static str),
        headers: &[(&str, &str)],
        body: String,
    ) -> String {
        self.calls.count(operation);
        let content_type = match service {
            "organizations" => "application/x-amz-json-1.1",
            _ => "application/x-www-form-urlencoded",
        };
        let signed = [("host", self.host.as_str()), ("content-type", content_type)];
        let signed = signed.into_iter().chain(headers.iter().copied());
        let parameters = v4::SigningParams::builder()
            .identity(who)
            .region("us-east-1")
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .unwrap();
        let mut request = hyper::Request::post("/");
        for (name, value) in signed.clone() {
            request = request.header(name, value);
        }
        let uri = format!("http://{}/", self.host);
        let signable =
            SignableRequest::new("POST", uri, signed, SignableBody::Bytes(body.as_bytes()));
        let (instructions, _) = sign(signable.unwrap(), &parameters.into()).unwrap().into_parts();
        let mut request = request.body(Full::new(Bytes::from(body))).unwrap();
        instructions.apply_to_request_http1x(&mut request);
        to.ready().await.unwrap();
        let answer = to.send_request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.into()).unwrap();
        let fine = status.is_success() || (operation == "GetRolePolicy" && status == 404);
        assert!(fine, "{operation}: {status} {text}");
        text
    }
}

/// What stands between two marks.
fn between<'a>(text: &'a str, head: &str, tail: &str) -> &'a str {
    let rest = text.split_once(head).unwrap().1;
    rest.split_once(tail).unwrap().0
}
