//! TLS from PEM files, read again when they change: certificates are renewed while the process runs.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion, version::TLS12, version::TLS13,
};

use crate::config::file;

/// The files are looked at once in so long.
const LOOK: Duration = Duration::from_secs(10);

/// `tls_server_config` of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    cert_file: PathBuf,
    key_file: PathBuf,
    #[serde(default)]
    client_auth_type: ClientAuth,
    #[serde(default)]
    client_ca_file: Option<PathBuf>,
    #[serde(default)]
    min_version: Version,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
enum ClientAuth {
    #[default]
    NoClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
enum Version {
    #[default]
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

/// The files, and what was last read from them.
pub(super) struct Tls {
    section: TlsSection,
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    changed: Vec<Option<SystemTime>>,
    looked: Instant,
}

impl Tls {
    /// Reads the files; paths are relative to the folder.
    pub(super) fn load(section: TlsSection, folder: &Path) -> Result<Self, String> {
        let absolute = |path: PathBuf| folder.join(path);
        let section = TlsSection {
            cert_file: absolute(section.cert_file),
            key_file: absolute(section.key_file),
            client_ca_file: section.client_ca_file.map(absolute),
            ..section
        };
        let changed = changes(&section);
        let config = Arc::new(build(&section)?);
        let current = Current { config, changed, looked: Instant::now() };
        Ok(Self { section, current: Mutex::new(current) })
    }

    /// For a new connection. Files that changed are read; if they cannot be used, the ones before stay in use.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= LOOK {
            current.looked = Instant::now();
            let changed = changes(&self.section);
            if changed != current.changed {
                match build(&self.section) {
                    Ok(config) => {
                        current.config = Arc::new(config);
                        current.changed = changed;
                        tracing::info!("TLS certificate read again");
                    }
                    Err(error) => {
                        tracing::error!(
                            error,
                            "TLS certificate changed and cannot be used; the one before stays"
                        );
                    }
                }
            }
        }
        TlsAcceptor::from(Arc::clone(&current.config))
    }
}

fn changes(section: &TlsSection) -> Vec<Option<SystemTime>> {
    let files =
        [Some(&section.cert_file), Some(&section.key_file), section.client_ca_file.as_ref()];
    let deadline = file::deadline();
    let modified = |path: &PathBuf| file::modified(path, deadline).ok();
    files.into_iter().flatten().map(modified).collect()
}

fn build(section: &TlsSection) -> Result<ServerConfig, String> {
    let deadline = file::deadline();
    let versions: &[&SupportedProtocolVersion] = match section.min_version {
        Version::Tls12 => &[&TLS13, &TLS12],
        Version::Tls13 => &[&TLS13],
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| format!("min_version: {error}"))?;
    let builder = match (section.client_auth_type, &section.client_ca_file) {
        (ClientAuth::NoClientCert, None) => builder.with_no_client_auth(),
        (ClientAuth::NoClientCert, Some(_)) => {
            return Err(
                "client_ca_file: is only read with a client_auth_type that verifies".to_owned()
            );
        }
        (_, None) => return Err("client_auth_type: needs client_ca_file".to_owned()),
        (wanted, Some(path)) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client_ca_file", path, deadline)? {
                roots.add(certificate).map_err(|error| format!("client_ca_file: {error}"))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match wanted {
                ClientAuth::VerifyClientCertIfGiven => verifier.allow_unauthenticated(),
                ClientAuth::NoClientCert | ClientAuth::RequireAndVerifyClientCert => verifier,
            };
            let verifier = verifier.build().map_err(|error| format!("client_ca_file: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let fail = |error: &dyn Display| format!("key_file: {}: {error}", section.key_file.display());
    let key = file::read(&section.key_file, deadline).map_err(|error| fail(&error))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| fail(&error))?;
    let mut config = builder
        .with_single_cert(certificates("cert_file", &section.cert_file, deadline)?, key)
        .map_err(|error| format!("cert_file: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(
    key: &str,
    path: &Path,
    deadline: std::time::Instant,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let fail = |error: &dyn Display| format!("{key}: {}: {error}", path.display());
    let text = file::read(path, deadline).map_err(|error| fail(&error))?;
    let read = CertificateDer::pem_slice_iter(&text);
    let found: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| fail(&error))?;
    if found.is_empty() { Err(fail(&"no certificate in it")) } else { Ok(found) }
}
