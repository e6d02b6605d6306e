//! TLS and basic auth.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::http::{Answer, ask, connect, parse};
use crate::support::{Daemon, Lab, quiet, right_world};

/// One request over TLS, trusting the tests' authority.
fn ask_tls(daemon: &Daemon, headers: &str) -> std::io::Result<Answer> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(include_bytes!("tls/ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, connect(daemon.address)?);
    write!(
        stream,
        "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    )?;
    let mut answer = vec![];
    // Not every end of a connection is announced.
    let _ = stream.read_to_end(&mut answer);
    parse(&answer).ok_or_else(|| std::io::Error::other("no answer"))
}

#[test]
fn with_a_web_file_only_who_has_the_password_is_answered_and_only_over_tls() {
    let yaml = quiet().replace("token:", "config_file: web.yaml, token:");
    let lab = Lab::new(right_world().0).config(&yaml);
    lab.file("server.pem", include_bytes!("tls/server.pem"));
    lab.file("server.key", include_bytes!("tls/server.key"));
    let hash = bcrypt::hash("open sesame", 4).unwrap();
    let web = |user: &str| {
        format!(
            "tls_server_config: {{cert_file: server.pem, key_file: server.key}}\nbasic_auth_users: {{{user}: \"{hash}\"}}\n"
        )
    };
    lab.file("web.yaml", web("ada"));
    let daemon = Daemon::swept(&lab, &[]);
    assert!(ask(daemon.address, "GET", "/-/healthy", &[]).is_err(), "plain text was answered");
    let basic = "Authorization: Basic YWRhOm9wZW4gc2VzYW1l\r\n";
    let status = |headers: &str| ask_tls(&daemon, headers).unwrap().status;
    assert_eq!(status(""), 401);
    assert_eq!(status(basic), 200);
    assert_eq!(status("Authorization: Basic YWRhOm9wZW4=\r\n"), 401);
    // A reload takes other users; a file that cannot be used leaves them.
    lab.file("web.yaml", web("eve"));
    daemon.signal("HUP");
    daemon.wait_for_log("configuration reloaded", 1);
    assert_eq!(status(basic), 401);
    lab.file("web.yaml", web("ada").replace("server.key", "rolewarden.yaml"));
    daemon.signal("HUP");
    daemon.wait("the broken file", || daemon.log().contains("key_file"));
    assert_eq!(status(basic), 401);
    assert_eq!(status("Authorization: Basic ZXZlOm9wZW4gc2VzYW1l\r\n"), 200);
    assert!(!daemon.log().contains("sesame") && !daemon.log().contains(&hash));
    daemon.stop();
}
