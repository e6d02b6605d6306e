//! Counting, waiting, refusing nonsense, ending.

use std::time::{Duration, Instant};

use rolewarden::simulator::*;

use crate::support::*;

#[tokio::test]
async fn calls_are_counted_where_they_act() {
    let (running, world) = start(10).await;
    let account = one(&world, Kind::GuideCli);
    let iam = iam_in(&running, &account).await;
    for _ in 0..3 {
        iam.get_role().role_name(ROLE).send().await.unwrap();
    }
    assert_eq!(code(iam.get_role().role_name("none").send().await), is(404, "NoSuchEntity"));
    listed(&running).await;
    let calls = running.calls();
    assert_eq!(calls.of_in(Operation::AssumeRole, &account), 1);
    assert_eq!(calls.of_in(Operation::AssumeRole, &world.hub), 0);
    assert_eq!((calls.of_in(Operation::GetRole, &account), calls.iam_in(&account)), (4, 4));
    assert_eq!(
        (calls.of(Operation::GetRole), calls.of_in(Operation::ListAccounts, &world.hub)),
        (4, 1)
    );
    assert_eq!(calls.total(), 6);
    running.reset_calls();
    assert_eq!(running.calls(), Calls::default());
}

#[tokio::test]
async fn every_answer_takes_the_latency_and_they_overlap() {
    let (running, _) = start(2).await;
    running.change(|world| world.latency = Duration::from_millis(300));
    let client = sts(&running);
    let begun = Instant::now();
    let calls = (0..8).map(|_| client.get_caller_identity().send());
    assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_millis(2300), "answered one after another: {took:?}");
}

#[tokio::test]
async fn unknown_operations_are_invalid_actions() {
    let (running, _) = start(2).await;
    let iam = iam(&running, running.credentials());
    assert_eq!(code(iam.list_users().send().await), is(400, "InvalidAction"));
    assert_eq!(code(sts(&running).get_session_token().send().await), is(400, "InvalidAction"));
    let result = organizations(&running).list_create_account_status().send().await;
    assert_eq!(code(result), is(400, "UnknownOperationException"));
    assert_eq!(running.calls().total(), 0);
}

#[tokio::test]
async fn nonsense_is_refused_and_the_server_lives_on() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (running, _) = start(2).await;
    let address = running.endpoint().replace("http://", "");
    let large = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n{}",
        "x".repeat(600_000)
    );
    let cases: [(&[u8], &[u8]); 5] = [
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"HTTP/1.1 400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n\xff\xfe%&", b"HTTP/1.1 400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: \xff\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"HTTP/1.1 400"),
        (large.as_bytes(), b"HTTP/1.1 413"),
    ];
    for (request, want) in cases {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = vec![0; want.len()];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), String::from_utf8_lossy(want));
    }
    assert!(sts(&running).get_caller_identity().send().await.is_ok());
}

#[tokio::test]
async fn stopping_and_dropping_end_the_server() {
    let (running, _) = start(2).await;
    let (client, address) = (sts(&running), running.endpoint().replace("http://", ""));
    assert!(client.get_caller_identity().send().await.is_ok());
    running.change(|world| {
        world.faults = vec![Rule::always(On::Only(Operation::ListRoots), Fault::Hangs)]
    });
    let hung = tokio::spawn(organizations(&running).list_roots().send());
    while running.calls().of(Operation::ListRoots) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    running.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(hung.await.unwrap().is_err());
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    assert!(client.get_caller_identity().send().await.is_err());

    let (running, _) = start(2).await;
    let client = sts(&running);
    assert!(client.get_caller_identity().send().await.is_ok());
    drop(running);
    tokio::task::yield_now().await;
    assert!(client.get_caller_identity().send().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn jitter_is_drawn_for_each_call_whatever_the_others_do() {
    use aws_smithy_runtime_api::client::http::HttpConnector;
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    let mut world = generate(7, 10);
    (world.latency, world.jitter) = (Duration::from_millis(100), Duration::from_millis(50));
    let took = async |direct: &Direct, role: &str| {
        let authorization =
            "AWS4-HMAC-SHA256 Credential=AKIASIMULATEDHUB0001/20261124/us-east-1/x/aws4_request";
        let body =
            format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=ab");
        let mut request = HttpRequest::new(body.into());
        request.headers_mut().insert("authorization", authorization);
        let begun = tokio::time::Instant::now();
        direct.call(request).await.unwrap();
        begun.elapsed()
    };
    let roles: Vec<String> = world.ids().map(|id| role_arn(id, "rolewarden-scan")).collect();
    let (forwards, backwards) = (Direct::new(world.clone()), Direct::new(world));
    let mut first = vec![];
    for role in &roles {
        first.push(took(&forwards, role).await);
    }
    let mut second = vec![];
    for role in roles.iter().rev() {
        second.push(took(&backwards, role).await);
    }
    second.reverse();
    assert_eq!(first, second);
    let different: std::collections::BTreeSet<_> = first.iter().collect();
    assert!(different.len() > 8, "{first:?}");
}
