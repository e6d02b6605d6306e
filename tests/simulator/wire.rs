//! Faults byte by byte: over a socket and in process they are the same.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use futures_util::future::join_all;
use http_body_util::BodyExt;
use rolewarden::simulator::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIASIMULATEDHUB0001/20261124/us-east-1/x/aws4_request, SignedHeaders=host, Signature=0";
/// How long is waited for an answer that does not come; one that comes may take its time.
const SILENCE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes read of an answer that trickles.
const DRIPS: usize = 2;
/// Kept of a body; of more than that only the number counts.
const KEPT: usize = 1 << 20;

/// A request whose answer is always the same.
#[derive(Clone, Copy)]
struct Ask {
    body: &'static str,
    target: Option<&'static str>,
}

const STS: Ask = Ask { body: "Action=GetCallerIdentity&Version=2011-06-15", target: None };
const ORGANIZATIONS: Ask =
    Ask { body: "{}", target: Some("AWSOrganizationsV20161128.ListAccounts") };

/// What came back.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Bytes of the body, kept or not.
    length: usize,
    end: End,
}

#[derive(Debug, Default, PartialEq)]
enum End {
    /// As announced.
    #[default]
    Whole,
    /// Before it was announced.
    Broken,
    /// Not yet.
    Waiting,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Takes a part of the body; false when that is enough of it.
    fn take(&mut self, bytes: &[u8], fault: Fault) -> bool {
        let room = KEPT.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len();
        fault != Fault::Trickles || self.length < DRIPS
    }
}

fn patience(fault: Fault) -> Duration {
    match fault {
        Fault::Hangs | Fault::AnswerHangs | Fault::Slow(60_000) => SILENCE,
        _ => PATIENCE,
    }
}

fn world(fault: Fault) -> World {
    let mut world = generate(7, 3);
    world.script([Rule::always(On::Any, fault)]).unwrap();
    world
}

async fn in_process(fault: Fault, ask: Ask) -> Seen {
    let direct = Direct::new(world(fault));
    let mut request = HttpRequest::new(SdkBody::from(ask.body));
    request.headers_mut().insert("authorization", SIGNED);
    if let Some(target) = ask.target {
        request.headers_mut().insert("x-amz-target", target);
    }
    let mut seen = Seen::default();
    let reading = async {
        let Ok(response) = direct.call(request).await else { return End::Broken };
        seen.status = response.status().as_u16();
        let headers =
            response.headers().iter().filter(|(name, _)| *name != "date" || fault_dates(fault));
        seen.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return End::Broken };
            if !seen.take(&frame.into_data().unwrap(), fault) {
                return End::Waiting;
            }
        }
        End::Whole
    };
    let end = tokio::time::timeout(patience(fault), reading).await.unwrap_or(End::Waiting);
    Seen { end, ..seen }
}

/// Whether the date is the fault's, and not the server's.
fn fault_dates(fault: Fault) -> bool {
    matches!(fault, Fault::ClockSkew(_))
}

async fn over_http(fault: Fault, ask: Ask) -> Seen {
    let running = Server::start(world(fault)).await.unwrap();
    let address = running.endpoint().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let target = ask.target.map(|target| format!("X-Amz-Target: {target}\r\n")).unwrap_or_default();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: {SIGNED}\r\n{target}Content-Length: {}\r\n\r\n{}",
        ask.body.len(),
        ask.body
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Seen::default();
    let mut head = vec![];
    let mut read = 0;
    let reading = async {
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return true,
            }
        }
        let mut part = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = stream.read(&mut part).await {
            read += n;
            if !seen.take(&part[..n], fault) {
                return false;
            }
        }
        true
    };
    let ended = tokio::time::timeout(patience(fault), reading).await.unwrap_or(false);
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    seen.status = lines.next().map_or(0, |line| line.split(' ').nth(1).unwrap().parse().unwrap());
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        seen.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let told = seen.header("content-length").map(|length| length.parse::<usize>().unwrap());
    seen.end = match told {
        _ if !ended => End::Waiting,
        Some(told) if told == read => End::Whole,
        // The end of a chunked body is a chunk of nothing.
        None if seen.header("transfer-encoding").is_some() => End::Whole,
        _ => End::Broken,
    };
    seen
}

/// Headers that HTTP adds by itself.
const OF_HTTP: [&str; 4] = ["connection", "content-length", "transfer-encoding", "date"];

#[tokio::test]
async fn every_fault_is_the_same_over_http_and_in_process() {
    let faults = Fault::examples();
    let both =
        |fault| {
            join_all([STS, ORGANIZATIONS].map(|ask| async move {
                tokio::join!(in_process(fault, ask), over_http(fault, ask))
            }))
        };
    for (fault, pairs) in faults.iter().zip(join_all(faults.iter().map(|fault| both(*fault))).await)
    {
        for (mut direct, mut http) in pairs {
            if fault_dates(*fault) {
                assert_eq!(http.header("date"), direct.header("date"), "case {fault}");
            }
            direct.headers.retain(|(name, _)| !OF_HTTP.contains(&name.as_str()));
            http.headers.retain(|(name, _)| !OF_HTTP.contains(&name.as_str()));
            if *fault == Fault::HugeStream {
                // Chunked: framing is between the bytes.
                assert!(http.length > direct.length, "case {fault}");
                (http.body, http.length) = (direct.body.clone(), direct.length);
            }
            assert!(
                direct == http,
                "case {fault}: {} {:?} and {} {:?}",
                direct.length,
                direct.end,
                http.length,
                http.end
            );
        }
    }
}

#[tokio::test]
async fn broken_transport_is_broken_where_it_should_be() {
    let right = in_process(Fault::Slow(0), STS).await;
    assert_eq!((right.status, right.length), (200, right.text().len()));
    let cases: Vec<(Fault, u16, usize, End)> = vec![
        (Fault::Hangs, 0, 0, End::Waiting),
        (Fault::AnswerHangs, 0, 0, End::Waiting),
        (Fault::Reset, 0, 0, End::Broken),
        (Fault::AnswerLost, 0, 0, End::Broken),
        (Fault::Slow(60_000), 0, 0, End::Waiting),
        (Fault::Trickles, 200, DRIPS, End::Waiting),
        (Fault::CutBody(0), 200, 0, End::Broken),
        (Fault::CutBody(40), 200, 40, End::Broken),
        (Fault::CutBody(1 << 20), 200, right.length, End::Whole),
        (Fault::Short(40), 200, 40, End::Whole),
        (Fault::EmptyBody, 200, 0, End::Whole),
        (Fault::HugeBody, 200, 100 << 20, End::Whole),
        (Fault::GzipBomb, 200, 101_634, End::Whole),
        (Fault::BrokenGzip, 200, right.length, End::Whole),
        (Fault::Status(502), 502, 76, End::Whole),
    ];
    let seen = join_all(cases.iter().map(|(fault, ..)| over_http(*fault, STS))).await;
    for ((fault, status, length, end), seen) in cases.into_iter().zip(seen) {
        assert_eq!((seen.status, seen.length, &seen.end), (status, length, &end), "case {fault}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_answer_is_in_its_text_and_headers() {
    let right = in_process(Fault::Slow(0), STS).await;
    let text = right.text().to_owned();
    let faults = Fault::examples();
    let all = join_all(faults.iter().map(|fault| over_http(*fault, STS))).await;
    for (fault, seen) in faults.into_iter().zip(all) {
        let (encoding, retry) = (seen.header("content-encoding"), seen.header("retry-after"));
        let want = match fault {
            Fault::BrokenGzip | Fault::GzipBomb => Some("gzip"),
            Fault::UnknownEncoding => Some("x-unknown"),
            _ => None,
        };
        assert_eq!(encoding, want, "case {fault}");
        match fault {
            Fault::RetryAfter(seconds) => assert_eq!(retry, Some(seconds.to_string().as_str())),
            _ => assert_eq!(retry, None, "case {fault}"),
        }
        match fault {
            Fault::Error(status, code) => {
                assert_eq!(seen.status, status, "case {fault}");
                assert!(seen.text().contains(&format!("<Code>{code}</Code>")), "case {fault}");
            }
            Fault::Status(status) => {
                assert_eq!((seen.status, seen.header("content-type")), (status, Some("text/html")));
            }
            Fault::Doctype => {
                assert!(seen.text().ends_with(&text) && seen.text().starts_with("<!DOCTYPE "))
            }
            Fault::EntityBomb => assert!(seen.text().contains("<Bomb>&e9;</Bomb>")),
            Fault::InvalidUtf8 => assert!(std::str::from_utf8(&seen.body).is_err()),
            Fault::Utf16 => assert_eq!(seen.length, 2 + 2 * text.len()),
            Fault::Nested(depth) => assert_eq!(seen.text().matches("<n>").count(), depth),
            // These are about lists, and about elements that this answer has not.
            Fault::TruncatedWithoutMarker
            | Fault::RepeatingMarker
            | Fault::EndlessMarkers
            | Fault::Empty(_) => {
                assert_eq!(seen.text(), text, "case {fault}");
            }
            // These are about how the answer comes, not what it is.
            Fault::Slow(_) | Fault::BrokenGzip | Fault::UnknownEncoding => {
                assert_eq!(seen.text(), text, "case {fault}");
            }
            Fault::HugeBody | Fault::HugeStream => {
                assert!(seen.length >= 100 << 20, "case {fault}")
            }
            _ => assert!(seen.body != right.body, "case {fault}: the answer is right"),
        }
    }
}
