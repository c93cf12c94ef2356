//! `sce-probe enroll`, and renewal: a token to a certificate, a certificate to its successor.
//!
//! In: a collector's address and a token. Out: files. The key is made here and never leaves the host. The token names the
//! CA by its fingerprint: a collector with another one hears nothing from us, least of all the token.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueHint};
use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use sce_proto::enroll_client::EnrollClient;
use sce_proto::token::Token;
use sce_proto::{EnrollReply, EnrollRequest, RenewRequest};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Uri};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::clock;
use crate::deliver::reason;
use crate::exit::{Failure, code};
use crate::tls::{Credentials, default_dir};

/// Longest wait for each step with the collector.
const WAIT: Duration = Duration::from_secs(10);
/// Time between two looks at the end of the certificate.
const LOOK: Duration = Duration::from_secs(3600);
const DEFAULT_PORT: u16 = 4517;

/// Options of `enroll`.
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// Collector to enrol at: https://HOST:PORT
    #[arg(long, value_name = "URL", env = "SCE_COLLECTOR")]
    pub collector: String,
    /// Token that `sce-collector token new` printed; `-` reads it from standard input, which hides it from other users
    #[arg(long, value_name = "TOKEN", env = "SCE_TOKEN", hide_env_values = true)]
    pub token: String,
    /// Directory for ca.crt, probe.crt, probe.key and probe.toml [default: /etc/sce-probe for root, else ~/.config/sce-probe]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// Replace what an earlier enrolment left there
    #[arg(long)]
    pub replace: bool,
}

/// Enrols and writes the files.
///
/// # Errors
/// Whatever keeps it from that, and what to do about it.
pub fn run(args: &EnrollArgs, out: &mut impl io::Write) -> anyhow::Result<u8> {
    let usage = |text: String| Failure::new(code::USAGE, text);
    let mut text = args.token.clone();
    if text == "-" {
        text.clear();
        io::stdin().take(4096).read_to_string(&mut text).context("standard input")?;
    }
    let token: Token = text.parse().map_err(|e: sce_proto::token::NotAToken| usage(e.to_string()))?;
    let (host, port) = address(&args.collector)?;
    let url = format!("https://{host}:{port}");
    let dir = args.dir.clone().unwrap_or_else(default_dir);
    let files = Credentials::in_dir(&dir);
    if let Some(path) = files.key.iter().find(|p| p.exists() && !args.replace) {
        return Err(
            usage(format!("{} exists: this host is enrolled; add --replace to enrol again", path.display())).into()
        );
    }
    // The token works once: whatever else can fail should fail before it is spent.
    fs::create_dir_all(&dir).with_context(|| format!("the directory {} cannot be made", dir.display()))?;
    let dir = fs::canonicalize(&dir)?;
    let key = KeyPair::generate()?;
    replace(&dir.join("probe.key.new"), &key.serialize_pem(), 0o600)?;

    let authority = fetch_authority(&host, port, token.fingerprint)?;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem(&authority)));
    let request = CertificateParams::default().serialize_request(&key)?.der().to_vec();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reply = runtime.block_on(async {
        let mut client = EnrollClient::new(connect(&url, tls).await?);
        let asked = client.enroll(EnrollRequest { secret: token.secret.to_vec(), request });
        answer(&url, tokio::time::timeout(WAIT, asked).await)
    })?;
    fs::rename(dir.join("probe.key.new"), dir.join("probe.key")).context("probe.key")?;
    replace(&dir.join("ca.crt"), &reply.authority, 0o644)?;
    replace(&dir.join("probe.crt"), &reply.certificate, 0o644)?;
    let config = dir.join("probe.toml");
    if args.replace || !config.exists() {
        replace(&config, &configuration(&url, &reply.name, &dir)?, 0o644)?;
    }
    writeln!(out, "enrolled as {} (role {}); files are in {}", reply.name, reply.role, dir.display())?;
    writeln!(out, "next: sce-probe run --config {} -i INTERFACE", config.display())?;
    Ok(code::OK)
}

/// What `run` needs to know, as its configuration file says it.
fn configuration(url: &str, name: &str, dir: &Path) -> anyhow::Result<String> {
    let file = |name: &str| dir.join(name).display().to_string();
    let mut table = toml::Table::new();
    for (key, value) in [
        ("collector", url.to_owned()),
        ("name", name.to_owned()),
        ("ca", file("ca.crt")),
        ("cert", file("probe.crt")),
        ("key", file("probe.key")),
    ] {
        table.insert(key.to_owned(), toml::Value::String(value));
    }
    Ok(toml::to_string(&table)?)
}

fn address(url: &str) -> Result<(String, u16), Failure> {
    let wrong = || {
        Failure::new(
            code::USAGE,
            format!("`{url}` is not an address to enrol at: write https://HOST:PORT (TLS is needed)"),
        )
    };
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    if uri.scheme_str() != Some("https") {
        return Err(wrong());
    }
    let host = uri.host().ok_or_else(wrong)?;
    Ok((host.to_owned(), uri.port_u16().unwrap_or(DEFAULT_PORT)))
}

/// Asks the collector for its certificates and takes the one that the fingerprint names. Nothing is sent to it but a
/// greeting; whether it holds the key of its own certificate is checked when it is connected to in earnest.
fn fetch_authority(host: &str, port: u16, fingerprint: [u8; 32]) -> anyhow::Result<CertificateDer<'static>> {
    let pin =
        Arc::new(Pin { fingerprint, provider: rustls::crypto::ring::default_provider(), found: Mutex::default() });
    let mut config = ClientConfig::builder_with_provider(Arc::new(pin.provider.clone()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(pin.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let unreachable = |e: &dyn std::fmt::Display| {
        Failure::new(code::FAILURE, format!("no collector with TLS at {host}:{port} ({e}); is it started with --pki?"))
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(bare.to_owned()).map_err(|e| unreachable(&e))?;
    let mut tls = ClientConnection::new(Arc::new(config), name)?;
    let mut all = (bare, port).to_socket_addrs().map_err(|e| unreachable(&e))?;
    let first = all.next().ok_or_else(|| unreachable(&"the name has no address"))?;
    let mut tcp = TcpStream::connect_timeout(&first, WAIT).map_err(|e| unreachable(&e))?;
    tcp.set_read_timeout(Some(WAIT))?;
    tcp.set_write_timeout(Some(WAIT))?;
    let mut result = Ok((0, 0));
    while tls.is_handshaking() && result.is_ok() {
        result = tls.complete_io(&mut tcp);
    }
    let found = pin.found.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (found, result) {
        (Some(found), _) => Ok(found),
        (None, Err(e)) if e.get_ref().is_some_and(|e| e.is::<rustls::Error>()) => Err(Failure::new(
            code::FAILURE,
            format!("{host}:{port} is not the collector that the token was made for ({e}); nothing was sent to it"),
        )
        .into()),
        (None, result) => {
            Err(unreachable(&result.err().map_or_else(|| "no certificate".to_owned(), |e| e.to_string())).into())
        }
    }
}

/// Accepts a chain in which a certificate of the pinned fingerprint stands.
#[derive(Debug)]
struct Pin {
    fingerprint: [u8; 32],
    provider: CryptoProvider,
    found: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pinned = |c: &&CertificateDer<'_>| {
            ring::digest::digest(&ring::digest::SHA256, c).as_ref() == self.fingerprint.as_slice()
        };
        let found = intermediates.iter().chain([end_entity]).find(pinned);
        let found = found.ok_or_else(|| rustls::Error::General("its CA is another".to_owned()))?;
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in der.chunks(48) {
        for three in line.chunks(3) {
            let bits = three.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - three.len()));
            for i in 0..4 {
                let digit = ALPHABET[(bits >> (18 - 6 * i) & 63) as usize];
                text.push(if i <= three.len() { char::from(digit) } else { '=' });
            }
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

async fn connect(url: &str, tls: ClientTlsConfig) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(url.to_owned())?.connect_timeout(WAIT).tls_config(tls)?;
    let failed = |why: String| Failure::new(code::FAILURE, format!("{url}: {why}"));
    Ok(endpoint.connect().await.map_err(|e| failed(reason(&e)))?)
}

type Asked = Result<Result<tonic::Response<EnrollReply>, tonic::Status>, tokio::time::error::Elapsed>;

fn answer(url: &str, asked: Asked) -> anyhow::Result<EnrollReply> {
    let failed = |why: &str| Failure::new(code::FAILURE, format!("the collector at {url}: {why}"));
    match asked {
        Ok(Ok(reply)) => Ok(reply.into_inner()),
        Ok(Err(status)) => Err(failed(status.message()).into()),
        Err(_) => Err(failed("no answer in time").into()),
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".tmp");
    let write = || -> io::Result<()> {
        match fs::remove_file(&new) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Renews the certificate in time, for ever. A failure is tried again an hour later: there are weeks for it.
pub async fn keep_renewed(credentials: Credentials, collectors: Vec<String>) {
    let Credentials { cert: Some(cert), key: Some(key), .. } = &credentials else {
        return std::future::pending().await;
    };
    loop {
        match due(cert) {
            Ok(true) => {
                for url in collectors.iter().filter(|u| u.starts_with("https:")) {
                    match renew(&credentials, url, cert, key).await {
                        Ok(()) => {
                            tracing::info!("The probe's certificate was renewed");
                            break;
                        }
                        Err(error) => tracing::warn!("The certificate could not be renewed: {error:#}"),
                    }
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!("The certificate cannot be read: {error:#}"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether two thirds of a certificate's life have passed.
fn due(cert: &Path) -> anyhow::Result<bool> {
    let der = CertificateDer::from_pem_file(cert)?;
    let (_, parsed) = X509Certificate::from_der(&der)?;
    let (from, to) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
    let now = i64::try_from(clock::now_ns() / 1_000_000_000).unwrap_or(i64::MAX);
    Ok(now - from > (to - from) / 3 * 2)
}

/// The key stays: only one file changes, and it changes at once.
async fn renew(credentials: &Credentials, url: &str, cert: &Path, key: &Path) -> anyhow::Result<()> {
    let pair = KeyPair::from_pem(&fs::read_to_string(key)?)?;
    let request = CertificateParams::default().serialize_request(&pair)?.der().to_vec();
    let tls = credentials.settings(url)?.context("renewal needs an https address")?;
    let mut client = EnrollClient::new(connect(url, tls).await?);
    let reply = answer(url, tokio::time::timeout(WAIT, client.renew(RenewRequest { request })).await)?;
    replace(cert, &reply.certificate, 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_is_what_others_read() {
        for length in [1, 2, 3, 47, 48, 49, 500] {
            let der: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
            assert_eq!(CertificateDer::from_pem_slice(pem(&der).as_bytes()).unwrap().as_ref(), der);
        }
    }

    #[test]
    fn addresses_to_enrol_at_need_tls() {
        assert_eq!(address("https://h:1").unwrap(), ("h".to_owned(), 1));
        assert_eq!(address("https://h").unwrap(), ("h".to_owned(), DEFAULT_PORT));
        assert!(address("http://h:1").is_err());
        assert!(address("h:1").is_err());
    }
}
