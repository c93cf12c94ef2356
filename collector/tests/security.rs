//! Who is let in, as what, and until when: every refusal with its status and its counter.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Running, Stream, batch, flow, hello, open_on, serve_as};
use rcgen::{CertificateParams, CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams};
use sce_collector::access::identity::Role;
use sce_collector::access::pki::{Authority, LEAF_NS};
use sce_collector::access::tls::Files;
use sce_collector::clock::now_ns;
use sce_collector::server::Settings;
use sce_collector::store::Store as _;
use sce_collector::store::access::{Access as _, Revoke};
use sce_collector::store::sqlite::SqliteStore;
use sce_proto::admin_client::AdminClient;
use sce_proto::enroll_client::EnrollClient;
use sce_proto::ingest_client::IngestClient;
use sce_proto::query_client::QueryClient;
use sce_proto::token::Token;
use sce_proto::{DescribeRequest, EnrollRequest, NewTokenRequest, ObservationPoint, RenewRequest, RevokeRequest};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A collector with a CA.
struct Site {
    dir: tempfile::TempDir,
    authority: Authority,
    collector: Running,
}

/// Certificate and key, PEM.
type Pair = (String, String);

fn hosts() -> Vec<String> {
    ["localhost", "127.0.0.1"].map(String::from).to_vec()
}

fn files(dir: &Path) -> Files {
    let file = |name: &str| dir.join(name);
    Files {
        certificate: file("server.crt"),
        key: file("server.key"),
        client_ca: file("ca.crt"),
        crl: None,
        ca_key: Some(file("ca.key")),
    }
}

impl Site {
    async fn start() -> Site {
        Site::start_with(|_, _| None).await
    }

    /// With the revocation list that `crl` writes.
    async fn start_with(crl: impl FnOnce(&Path, &Authority) -> Option<PathBuf>) -> Site {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::init(dir.path(), &hosts(), now_ns()).unwrap();
        let crl = crl(dir.path(), &authority);
        let store = SqliteStore::open(&dir.path().join("s.db")).await.unwrap();
        let tls = Some(Files { crl, ..files(dir.path()) });
        let collector = serve_as(store, Settings { tls, ..Settings::default() }).await;
        Site { dir, authority, collector }
    }

    fn issue(&self, role: Role, name: &str) -> Pair {
        let (leaf, key) = self.authority.issue(role, name, now_ns(), LEAF_NS).unwrap();
        (leaf.pem, key)
    }

    /// A certificate that the database knows, so that it can be revoked by name.
    async fn issue_known(&self, role: Role, name: &str) -> Pair {
        let (leaf, key) = self.authority.issue(role, name, now_ns(), LEAF_NS).unwrap();
        self.collector.store.add_certificate(&leaf.issued).await.unwrap();
        (leaf.pem, key)
    }

    async fn channel(&self, pair: Option<&Pair>) -> Result<Channel, tonic::transport::Error> {
        channel(&self.collector, &self.authority.pem, pair).await
    }

    async fn stream(&self, pair: &Pair, name: &str) -> Result<Stream, Status> {
        let channel = self.channel(Some(pair)).await.map_err(|e| Status::unavailable(e.to_string()))?;
        open_on(IngestClient::new(channel), hello(name, 1, 9)).await
    }

    /// Waits until a counter is there with a value above nothing.
    async fn counted(&self, series: &str) {
        let begun = std::time::Instant::now();
        loop {
            let text = self.collector.metrics().await;
            if text.lines().any(|l| l.starts_with(series) && !l.ends_with(" 0")) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{series} is not in\n{text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn channel(collector: &Running, ca: &str, pair: Option<&Pair>) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
    if let Some((cert, key)) = pair {
        tls = tls.identity(Identity::from_pem(cert, key));
    }
    let url = format!("https://127.0.0.1:{}", collector.address.port());
    Endpoint::from_shared(url).unwrap().connect_timeout(PATIENCE).tls_config(tls).unwrap().connect().await
}

#[tokio::test]
async fn a_probe_delivers_under_the_name_of_its_certificate_and_no_other() {
    let site = Site::start().await;
    let pair = site.issue(Role::Ingest, "host1");
    let mut stream = site.stream(&pair, "host1").await.unwrap();
    stream.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    stream.acked(1).await;
    let ledger = site.collector.store.ledger().await.unwrap();
    assert_eq!(ledger[0].probe, "host1");

    let status = site.stream(&pair, "host2").await.err().unwrap();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    assert!(status.message().contains("certificate is of `host1`"), "{status}");
    site.counted("sce_access_denied_total{service=\"ingest\",reason=\"claimed_name\"}").await;

    // Neither may a record within the stream say so.
    let point = ObservationPoint { op: 7, probe: String::from("host2"), ..ObservationPoint::default() };
    stream.batch(batch(2, &[point])).await;
    assert_eq!(stream.answer().await.unwrap_err().code(), Code::PermissionDenied);
    let ledger = site.collector.store.ledger().await.unwrap();
    assert!(ledger.iter().all(|l| l.probe == "host1" && l.committed_seq == 1), "{ledger:?}");
    site.collector.stop().await;
}

#[tokio::test]
async fn each_role_opens_its_service_and_no_other() {
    let site = Site::start().await;
    let (probe, reader, admin) =
        (site.issue(Role::Ingest, "p"), site.issue(Role::Read, "r"), site.issue(Role::Admin, "a"));
    let read = async |pair: Option<&Pair>| {
        let mut client = QueryClient::new(site.channel(pair).await.unwrap());
        client.describe(DescribeRequest::default()).await.map(|_| ()).map_err(|s| s.code())
    };
    let administer = async |pair: Option<&Pair>| {
        let mut client = AdminClient::new(site.channel(pair).await.unwrap());
        let request = NewTokenRequest { name: String::from("x"), ..NewTokenRequest::default() };
        client.new_token(request).await.map(|_| ()).map_err(|s| s.code())
    };
    let write = async |pair: &Pair, name: &str| site.stream(pair, name).await.map(|_| ()).map_err(|s| s.code());

    assert_eq!(read(Some(&reader)).await, Ok(()));
    assert_eq!(read(Some(&admin)).await, Ok(()));
    assert_eq!(read(Some(&probe)).await, Err(Code::PermissionDenied));
    assert_eq!(read(None).await, Err(Code::Unauthenticated));
    assert_eq!(write(&probe, "p").await, Ok(()));
    assert_eq!(write(&reader, "r").await, Err(Code::PermissionDenied), "a reader that writes");
    assert_eq!(write(&admin, "a").await, Err(Code::PermissionDenied));
    assert_eq!(administer(Some(&admin)).await, Ok(()));
    assert_eq!(administer(Some(&reader)).await, Err(Code::PermissionDenied));
    assert_eq!(administer(None).await, Err(Code::Unauthenticated));
    site.counted("sce_access_denied_total{service=\"ingest\",reason=\"role\"} 2").await;
    site.counted("sce_access_denied_total{service=\"read\",reason=\"no_certificate\"} 1").await;
    site.collector.stop().await;
}

#[tokio::test]
async fn foreign_expired_and_listed_certificates_end_in_the_handshake() {
    let mut listed = None;
    let site = Site::start_with(|dir, authority| {
        let (leaf, key) = authority.issue(Role::Ingest, "listed", now_ns(), LEAF_NS).unwrap();
        let key_of_ca = KeyPair::from_pem(&std::fs::read_to_string(dir.join("ca.key")).unwrap()).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&authority.pem, key_of_ca).unwrap();
        let serial: Vec<u8> =
            (0..32).step_by(2).map(|i| u8::from_str_radix(&leaf.issued.serial[i..i + 2], 16).unwrap()).collect();
        let revoked = RevokedCertParams {
            serial_number: rcgen::SerialNumber::from(serial),
            revocation_time: rcgen::date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2024, 1, 1),
            next_update: rcgen::date_time_ymd(2124, 1, 1),
            crl_number: rcgen::SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        std::fs::write(dir.join("crl.pem"), list.signed_by(&issuer).unwrap().pem().unwrap()).unwrap();
        listed = Some((leaf.pem, key));
        Some(dir.join("crl.pem"))
    })
    .await;
    let other = tempfile::tempdir().unwrap();
    let other = Authority::init(other.path(), &hosts(), now_ns()).unwrap();
    let (foreign, foreign_key) = other.issue(Role::Ingest, "host1", now_ns(), LEAF_NS).unwrap();
    let long_ago = now_ns() - 2 * LEAF_NS;
    let (expired, expired_key) = site.authority.issue(Role::Ingest, "host1", long_ago, LEAF_NS).unwrap();

    let good = site.issue(Role::Ingest, "host1");
    let mut honest = site.stream(&good, "host1").await.unwrap();
    let refused = async |pair: &Pair, name: &str, reason: &str| {
        let status = site.stream(pair, name).await.err().expect("it must not be let in");
        assert!(!matches!(status.code(), Code::Ok), "{status}");
        site.counted(&format!("sce_connections_refused_total{{reason=\"{reason}\"}} 1")).await;
    };
    refused(&(foreign.pem, foreign_key), "host1", "certificate_foreign").await;
    refused(&(expired.pem, expired_key), "host1", "certificate_expired").await;
    refused(&listed.unwrap(), "listed", "certificate_revoked").await;
    // A certificate of the right CA that says nothing we know.
    let key = KeyPair::generate().unwrap();
    let key_of_ca = std::fs::read_to_string(site.dir.path().join("ca.key")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&site.authority.pem, KeyPair::from_pem(&key_of_ca).unwrap()).unwrap();
    let bare = CertificateParams::new(hosts()).unwrap().signed_by(&key, &issuer).unwrap();
    refused(&(bare.pem(), key.serialize_pem()), "host1", "certificate_unusable").await;

    honest.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    honest.acked(1).await;
    site.collector.stop().await;
}

#[tokio::test]
async fn revocation_ends_a_stream_that_is_open() {
    let site = Site::start().await;
    let (host, other) = (site.issue_known(Role::Ingest, "host1").await, site.issue(Role::Ingest, "other"));
    let admin = site.issue(Role::Admin, "admin");
    let mut stream = site.stream(&host, "host1").await.unwrap();
    stream.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    stream.acked(1).await;
    let mut untouched = site.stream(&other, "other").await.unwrap();
    let mut client = AdminClient::new(site.channel(Some(&admin)).await.unwrap());
    let request = RevokeRequest { name: String::from("host1"), ..RevokeRequest::default() };
    assert_eq!(client.revoke(request).await.unwrap().into_inner().revoked, 1);
    let ended = tokio::time::timeout(PATIENCE, stream.answer()).await.expect("it ends within seconds");
    assert_eq!(ended.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(site.stream(&host, "host1").await.err().unwrap().code(), Code::PermissionDenied);
    site.counted("sce_access_denied_total{service=\"ingest\",reason=\"revoked\"}").await;
    untouched.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    untouched.acked(1).await;
    let unknown = Revoke::Name(String::from("nobody"));
    assert_eq!(site.collector.store.revoke(&unknown, 1).await.unwrap(), 0);
    site.collector.stop().await;
}

#[tokio::test]
async fn certificates_are_read_again_without_a_restart() {
    let site = Site::start().await;
    let pair = site.issue(Role::Ingest, "host1");
    let mut standing = site.stream(&pair, "host1").await.unwrap();
    // A new CA, as when the old one's key was lost.
    let fresh = tempfile::tempdir().unwrap();
    let authority = Authority::init(fresh.path(), &hosts(), now_ns()).unwrap();
    let (leaf, key) = authority.issue(Role::Ingest, "host2", now_ns(), LEAF_NS).unwrap();
    let renewed = (leaf.pem, key);
    assert!(channel(&site.collector, &authority.pem, Some(&renewed)).await.is_err(), "the old one is in force");
    // Half of the files: nothing that could be used, so nothing changes.
    std::fs::copy(fresh.path().join("server.key"), site.dir.path().join("server.key")).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(site.channel(Some(&pair)).await.is_ok(), "files that do not fit each other change nothing");
    for name in ["ca.crt", "server.crt"] {
        std::fs::copy(fresh.path().join(name), site.dir.path().join(name)).unwrap();
    }
    let begun = std::time::Instant::now();
    let stream = loop {
        if let Ok(channel) = channel(&site.collector, &authority.pem, Some(&renewed)).await
            && let Ok(stream) = open_on(IngestClient::new(channel), hello("host2", 1, 9)).await
        {
            break stream;
        }
        assert!(begun.elapsed() < PATIENCE, "the new certificates are not used");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    drop(stream);
    standing.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    standing.acked(1).await;
    site.collector.stop().await;
}

#[tokio::test]
async fn a_token_gives_one_certificate_for_the_name_it_was_made_for() {
    let site = Site::start().await;
    let admin = site.issue(Role::Admin, "admin");
    let mut client = AdminClient::new(site.channel(Some(&admin)).await.unwrap());
    let new = NewTokenRequest { name: String::from("host1"), ..NewTokenRequest::default() };
    let token: Token = client.new_token(new).await.unwrap().into_inner().token.parse().unwrap();
    let key = KeyPair::generate().unwrap();
    // What the request says about names is of no interest.
    let request = CertificateParams::new(vec![String::from("root")]).unwrap().serialize_request(&key).unwrap();
    let request = request.der().to_vec();
    let mut enroll = EnrollClient::new(site.channel(None).await.unwrap());
    let wrong = EnrollRequest { secret: vec![1; 32], request: request.clone() };
    assert_eq!(enroll.enroll(wrong).await.unwrap_err().code(), Code::PermissionDenied);
    let right = EnrollRequest { secret: token.secret.to_vec(), request: request.clone() };
    let reply = enroll.enroll(right.clone()).await.unwrap().into_inner();
    assert_eq!((reply.name.as_str(), reply.role.as_str()), ("host1", "ingest"));
    assert_eq!(enroll.enroll(right).await.unwrap_err().code(), Code::PermissionDenied, "it was used");
    site.counted("sce_enrolments_total{outcome=\"refused\"} 2").await;

    let pair = (reply.certificate, key.serialize_pem());
    site.stream(&pair, "host1").await.unwrap();
    let mut renew = EnrollClient::new(site.channel(Some(&pair)).await.unwrap());
    let renewed = renew.renew(RenewRequest { request: request.clone() }).await.unwrap().into_inner();
    assert_eq!(renewed.name, "host1");
    site.stream(&(renewed.certificate, key.serialize_pem()), "host1").await.unwrap();
    let status = enroll.renew(RenewRequest { request }).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "without a certificate there is nothing to renew");
    site.collector.stop().await;
}
