//! What one answer of the simulator costs, without a network: it must never be what limits a measured client.
//!
//! `cargo bench --features simulator --bench simulator`

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, reason = "a benchmark")]

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use divan::{Bencher, black_box};
use http_body_util::BodyExt;
use rolewarden::simulator::{Direct, generate};
use tokio::runtime::{Builder, Runtime};

const ACCOUNTS: usize = 20_000;
const ROLE: &str = "AmazonEKSConnectorAgentRole";

fn main() {
    divan::main();
}

struct Bench {
    runtime: Runtime,
    direct: Direct,
    role_arn: String,
}

impl Bench {
    fn new() -> Self {
        let world = generate(7, ACCOUNTS);
        let role_arn = format!("arn:aws:iam::{}:role/rolewarden-scan", world.management);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, direct: Direct::new(world), role_arn }
    }

    fn ask(&self, headers: &[(&'static str, String)], body: &str) -> String {
        let mut request = HttpRequest::new(body.into());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.clone());
        }
        self.runtime.block_on(async {
            let body = self.direct.call(request).await.unwrap().into_body();
            String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap()
        })
    }

    fn assume(&self) -> String {
        let body = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleArn={}&RoleSessionName=bench&DurationSeconds=900",
            self.role_arn
        );
        self.ask(&[signed("AKIASIMULATEDHUB0001")], &body)
    }

    /// Headers of a session in the management account.
    fn session(&self) -> Vec<(&'static str, String)> {
        let answer = self.assume();
        let field = |name: &str| {
            let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        vec![signed(&field("AccessKeyId")), ("x-amz-security-token", field("SessionToken"))]
    }

    fn page(&self, token: &str) -> String {
        let target = "AWSOrganizationsV20161128.ListAccounts".to_owned();
        self.ask(&[signed("AKIASIMULATEDHUB0001"), ("x-amz-target", target)], token)
    }
}

fn signed(key: &str) -> (&'static str, String) {
    let scope = "20261124/us-east-1/x/aws4_request";
    let fields = format!("Credential={key}/{scope}, SignedHeaders=host, Signature=0");
    ("authorization", format!("AWS4-HMAC-SHA256 {fields}"))
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn generate_20_000(bencher: Bencher<'_, '_>) {
    bencher.bench(|| generate(black_box(7), ACCOUNTS));
}

#[divan::bench]
fn assume_role(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    bencher.bench(|| bench.assume());
}

#[divan::bench(args = ["GetRole", "ListRolePolicies", "ListAttachedRolePolicies", "GetRolePolicy"])]
fn read(bencher: Bencher<'_, '_>, operation: &str) {
    let bench = Bench::new();
    let headers = bench.session();
    let body = format!(
        "Action={operation}&Version=2010-05-08&RoleName={ROLE}&PolicyName=AmazonEKSConnectorAgentPolicy"
    );
    bencher.bench(|| bench.ask(&headers, &body));
}

#[divan::bench(args = ["first", "last"])]
fn page_of_20_000(bencher: Bencher<'_, '_>, which: &str) {
    let bench = Bench::new();
    let mut token = "{}".to_owned();
    if which == "last" {
        while let Some((_, rest)) = bench.page(&token).split_once("\"NextToken\":\"") {
            token = format!("{{\"NextToken\":\"{}\"}}", rest.split('"').next().unwrap());
        }
    }
    bencher.bench(|| bench.page(&token));
}
