//! What an answer may be beside its content, in process: encodings, sizes, document types, dates.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_runtime_api::shared::IntoShared;
use aws_smithy_types::body::SdkBody;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use rolewarden::aws::{Aws, Connect, OrganizationReader, RoleReader};
use rolewarden::model::{ScanError, Snapshot, UnknownReason as R};

use crate::canned::*;

type Answers = dyn Fn() -> HttpResponse + Send + Sync;
type Respond = dyn Fn(&HttpRequest, &str) -> Option<HttpResponse> + Send + Sync;

/// Answers as a compliant account does, unless the function answers. It gets the request and the operation.
#[derive(Clone)]
struct InProcess(Arc<Respond>);

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call = parse(&request);
        let response = (self.0)(&request, &call.operation).unwrap_or_else(|| {
            let (status, body) = match call.operation.as_str() {
                "DescribeOrganization" => json(serde_json::json!({"Organization": {"Id": "o-1"}})),
                _ => compliant(&call),
            };
            HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
        });
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The call in a request.
fn parse(request: &HttpRequest) -> Call {
    let body = std::str::from_utf8(request.body().bytes().unwrap()).unwrap();
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned()
    };
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    let fields: std::collections::HashMap<_, _> =
        pairs.map(|(name, value)| (decode(name), decode(value))).collect();
    let target = request.headers().get("x-amz-target").and_then(|target| target.split('.').nth(1));
    let authorization = request.headers().get("authorization").unwrap_or_default();
    let key = authorization.split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
    Call {
        operation: target.map_or_else(|| fields["Action"].clone(), str::to_owned),
        json: serde_json::from_str(body).unwrap_or_default(),
        fields,
        key: key.unwrap_or_default().to_owned(),
    }
}

/// The adapter, reaching these answers.
async fn connect(
    attempts: u32,
    respond: impl Fn(&HttpRequest, &str) -> Option<HttpResponse> + Send + Sync + 'static,
) -> Aws {
    let mut config = config();
    config.sweep.max_attempts = attempts;
    let connect = Connect {
        endpoint: Some("http://in-process".to_owned()),
        credentials: Some(Credentials::new("AKIAHUB", "secret", None, None, "test")),
        http: Some(InProcess(Arc::new(respond)).into_shared()),
        ..Connect::default()
    };
    Aws::connect_with(&config, connect).await.unwrap()
}

/// Reads the member's role where GetRole answers like this.
async fn read(
    get_role: impl Fn() -> HttpResponse + Send + Sync + 'static,
) -> Result<Snapshot, ScanError> {
    let aws = connect(1, move |_, operation| (operation == "GetRole").then(&get_role)).await;
    aws.read_role(&account(MEMBER)).await.map(|read| read.seen)
}

fn response(body: impl Into<SdkBody>, headers: &[(&'static str, &'static str)]) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::try_from(200).unwrap(), body.into());
    for (name, value) in headers {
        response.headers_mut().insert(*name, *value);
    }
    response
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_asked_for_in_this_form_is_refused() {
    let good = || role(MEMBER, "").1;
    let cases: [(&str, Box<Answers>, Option<&str>); 9] = [
        ("plain", Box::new(move || response(good(), &[])), None),
        ("identity", Box::new(move || response(good(), &[("content-encoding", "identity")])), None),
        (
            "declared",
            Box::new(move || response(format!("<?xml version=\"1.0\"?>\n{}", good()), &[])),
            None,
        ),
        (
            "gzip",
            Box::new(move || response(good(), &[("content-encoding", "gzip")])),
            Some("`gzip`"),
        ),
        (
            "strange",
            Box::new(move || response(good(), &[("content-encoding", "br, x")])),
            Some("`br, x`"),
        ),
        (
            "document type",
            Box::new(move || response(format!("<!DOCTYPE r []>{}", good()), &[])),
            Some("not one whole GetRole document"),
        ),
        (
            "entities",
            Box::new(move || {
                let text = good().replace("AROAX", "&a;");
                response(
                    format!("<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a \"AROAX\">]>{text}"),
                    &[],
                )
            }),
            Some(""),
        ),
        (
            "long, as it says",
            Box::new(move || response(good(), &[("content-length", "1048577")])),
            Some("more than 1048576 bytes"),
        ),
        (
            "long in truth",
            Box::new(move || response(good() + &" ".repeat(1 << 20), &[])),
            Some("length limit exceeded"),
        ),
    ];
    for (case, get_role, want) in cases {
        let got = read(get_role).await;
        match want {
            None => assert!(got.is_ok(), "case `{case}`: {got:?}"),
            Some(words) => {
                let error = got.expect_err(case);
                assert_eq!(error.reason, R::MalformedResponse, "case `{case}`: {error:?}");
                assert!(error.message.contains(words), "case `{case}`: {error:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_without_end_is_read_to_its_limit_and_no_further() {
    const CHUNK: usize = 64 << 10;
    let endless = |sent: &Arc<AtomicUsize>| {
        let sent = Arc::clone(sent);
        let chunks = std::iter::repeat_with(move || {
            sent.fetch_add(CHUNK, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[b' '; CHUNK])))
        });
        response(SdkBody::from_body_1_x(StreamBody::new(stream::iter(chunks))), &[])
    };
    for (operation, limit) in
        [("GetRole", 1 << 20), ("AssumeRole", 1 << 20), ("ListAccounts", 4 << 20)]
    {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let answer =
            move |_: &HttpRequest, asked: &str| (asked == operation).then(|| endless(&counted));
        let aws = connect(1, answer).await;
        let error = match operation {
            "ListAccounts" => aws.read_organization().await.unwrap_err(),
            _ => aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap_err(),
        };
        assert_eq!(error.reason, R::MalformedResponse, "case `{operation}`: {error:?}");
        let sent = sent.load(Ordering::SeqCst);
        assert!(
            (limit..=limit + 2 * CHUNK).contains(&sent),
            "case `{operation}`: {sent} bytes read"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_signature_is_made_again_by_the_clock_of_aws() {
    let dates = Arc::new(Mutex::new(vec![]));
    let seen = Arc::clone(&dates);
    let aws = connect(4, move |request, operation| {
        let header = |name| request.headers().get(name).map(str::to_owned);
        assert_eq!(header("accept-encoding"), None, "nothing compressed is asked for");
        if operation != "GetRole" {
            return None;
        }
        let mut dates = seen.lock().unwrap();
        dates.push(header("x-amz-date").unwrap());
        if dates.len() > 1 {
            return None;
        }
        let (status, body) = fault(403, "SignatureDoesNotMatch", "Signature expired");
        let mut refused =
            HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        refused.headers_mut().insert("date", "Tue, 02 Jan 2080 03:04:05 GMT");
        Some(refused)
    })
    .await;
    let read = aws.read_role(&account(MEMBER)).await;
    assert!(read.is_ok(), "{read:?}");
    let dates = dates.lock().unwrap();
    assert_eq!(dates.len(), 2);
    assert!(dates[0].starts_with("20") && !dates[0].starts_with("2080"), "{dates:?}");
    assert!(dates[1].starts_with("20800102T03040"), "{dates:?}");
}
