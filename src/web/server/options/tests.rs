use super::*;

/// Of `secret`, at bcrypt's lowest cost.
fn hash() -> String {
    bcrypt::hash("secret", 4).unwrap()
}

fn access(text: &str) -> Result<Access, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yaml");
    std::fs::write(&path, text).unwrap();
    Access::load(Some(&path)).map_err(|error| error.to_string())
}

fn request(method: Method, authorization: Option<&str>) -> Request<()> {
    let mut request = Request::builder().method(method).uri("/");
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    request.body(()).unwrap()
}

fn basic(text: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

#[tokio::test]
async fn only_who_has_the_password_may_ask() {
    let access = access(&format!("basic_auth_users: {{ada: \"{}\"}}", hash())).unwrap();
    let (right, wrong) = (basic("ada:secret"), basic("ada:secrets"));
    let (stranger, no_colon) = (basic("eve:secret"), basic("ada"));
    let cases = [
        ("nobody", Method::GET, None, false),
        ("right", Method::GET, Some(right.as_str()), true),
        ("right, remembered", Method::GET, Some(right.as_str()), true),
        ("wrong password", Method::GET, Some(wrong.as_str()), false),
        ("wrong user", Method::GET, Some(stranger.as_str()), false),
        ("no colon", Method::GET, Some(no_colon.as_str()), false),
        ("no base64", Method::GET, Some("Basic !!!"), false),
        ("a token opens nothing that is read", Method::GET, Some("Bearer 0123456789abcdef"), false),
        ("a token is the router's to judge", Method::POST, Some("Bearer 0123456789abcdef"), true),
        ("nobody may not even post", Method::POST, None, false),
    ];
    for (case, method, authorization, want) in cases {
        let admitted = access.admit(&request(method, authorization)).await;
        assert_eq!(admitted.is_ok(), want, "case `{case}`");
        if let Err(refusal) = admitted {
            assert_eq!(refusal.status(), StatusCode::UNAUTHORIZED, "case `{case}`");
            assert!(refusal.headers().contains_key(WWW_AUTHENTICATE), "case `{case}`");
        }
    }
}

#[test]
fn what_is_wrong_with_the_file_is_said_and_no_secret_is_shown() {
    let tls = |more: &str| format!("tls_server_config: {{cert_file: c, key_file: k, {more}}}");
    let cases = [
        (
            "basic_auth_users: {ada: plainpassword}".to_owned(),
            "basic_auth_users.ada: expected a bcrypt hash",
        ),
        (
            format!("basic_auth_users: {{ada: \"{}\"}}", hash().replace("$04$", "$03$")),
            "basic_auth_users.ada: expected a bcrypt hash",
        ),
        ("basic_auth_user: {}".to_owned(), "basic_auth_user"),
        ("http_server_config: {http2: true}".to_owned(), "http2"),
        ("tls_server_config: {cert_file: no.pem, key_file: no.key}".to_owned(), "no.key"),
        (
            tls("client_auth_type: RequireAndVerifyClientCert"),
            "client_auth_type: needs client_ca_file",
        ),
        (tls("client_auth_type: RequestClientCert"), "RequestClientCert"),
        (tls("cipher_suites: []"), "cipher_suites"),
        ("[".to_owned(), "web.yaml"),
    ];
    for (text, want) in cases {
        let error = access(&text).err().unwrap_or_default();
        assert!(error.contains(want), "case `{text}`: {error}");
        assert!(!error.contains("plainpassword"), "case `{text}`: {error}");
    }
    assert!(!access("").unwrap().is_encrypted());
}
