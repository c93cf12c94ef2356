//! The built-in CA: a directory with a key that signs the certificates of collectors, probes and readers.
//!
//! ```text
//! DIR/ca.crt  DIR/ca.key          the CA; the key is needed to enrol and to issue, and nowhere else
//! DIR/server.crt  DIR/server.key  the collector's own certificate, with the CA behind it
//! ```
//! In: names and times. Out: files, tokens, certificates. Keys are made by rcgen on the system's randomness (ECDSA P-256)
//! and written with mode 0600. Whoever has a CA already uses that one, and this module not at all.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SerialNumber,
};
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};
use sce_proto::token::{Token, hex};

use super::identity::{Role, san};
use crate::store::access::Issued;

const NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * NS;
/// Life of the CA's certificate.
const CA_NS: u64 = 3650 * DAY_NS;
/// Life of what it issues. Probes renew theirs long before.
pub const LEAF_NS: u64 = 90 * DAY_NS;
/// Clocks of other hosts may be behind ours by this much.
const SKEW_NS: u64 = 3600 * NS;

/// Why the CA could not do it.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Something is there already.
    #[error("{} exists; a CA is never replaced: remove it yourself, or name another directory with --pki", .0.display())]
    Exists(PathBuf),
    /// A certificate or request.
    #[error("{0}")]
    Certificate(String),
}

impl From<rcgen::Error> for PkiError {
    fn from(error: rcgen::Error) -> PkiError {
        PkiError::Certificate(format!("certificate: {error}"))
    }
}

/// A certificate and the line that is kept about it.
pub struct Leaf {
    /// PEM.
    pub pem: String,
    /// What the database keeps.
    pub issued: Issued,
}

/// A CA with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, PEM.
    pub pem: String,
    fingerprint: [u8; 32],
}

impl Authority {
    /// Makes a CA and a server certificate for these host names and addresses.
    ///
    /// # Errors
    /// [`PkiError`]; an existing CA is left as it is.
    pub fn init(dir: &Path, hosts: &[String], now_ns: u64) -> Result<Authority, PkiError> {
        let path = dir.join("ca.key");
        if path.exists() || dir.join("ca.crt").exists() {
            return Err(PkiError::Exists(dir.to_owned()));
        }
        fs::create_dir_all(dir).map_err(|error| PkiError::File { path: dir.to_owned(), error })?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("SCE CA {}", &hex(&random::<4>()?)));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let _ = stamp(&mut params, now_ns, CA_NS)?;
        let certificate = params.self_signed(&key)?;
        write(&path, &key.serialize_pem(), true)?;
        write(&dir.join("ca.crt"), &certificate.pem(), false)?;
        let authority = Authority::load(&dir.join("ca.crt"), &path)?;
        authority.server(dir, hosts, now_ns)?;
        Ok(authority)
    }

    /// Reads a CA.
    ///
    /// # Errors
    /// [`PkiError`] names the file.
    pub fn load(certificate: &Path, key: &Path) -> Result<Authority, PkiError> {
        let pem = read(certificate)?;
        let wrong = |path: &Path, e: &dyn std::fmt::Display| PkiError::Certificate(format!("{}: {e}", path.display()));
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| wrong(certificate, &e))?;
        let pair = KeyPair::from_pem(&read(key)?).map_err(|e| wrong(key, &e))?;
        let fingerprint = sha256(&der);
        let issuer = Issuer::from_ca_cert_der(&der, pair).map_err(|e| wrong(certificate, &e))?;
        Ok(Authority { issuer, pem, fingerprint })
    }

    /// Makes another server certificate.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn server(&self, dir: &Path, hosts: &[String], now_ns: u64) -> Result<(), PkiError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(hosts.to_vec())?;
        params.distinguished_name.push(DnType::CommonName, "sce-collector");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let _ = stamp(&mut params, now_ns, CA_NS)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        write(&dir.join("server.key"), &key.serialize_pem(), true)?;
        // The CA goes along: who enrols knows it by its fingerprint only.
        write(&dir.join("server.crt"), &format!("{}{}", certificate.pem(), self.pem), false)
    }

    /// A certificate for a name and a role, with a new key: certificate, key (PEM).
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn issue(&self, role: Role, name: &str, now_ns: u64, life_ns: u64) -> Result<(Leaf, String), PkiError> {
        let key = KeyPair::generate()?;
        let leaf = self.sign(&key, role, name, now_ns, life_ns)?;
        Ok((leaf, key.serialize_pem()))
    }

    /// A certificate for the key of a request; the names in the request are ignored.
    ///
    /// # Errors
    /// [`PkiError`] if it is not a request that its key has signed.
    pub fn answer(&self, request: &[u8], role: Role, name: &str, now_ns: u64) -> Result<Leaf, PkiError> {
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request))?;
        self.sign(&request.public_key, role, name, now_ns, LEAF_NS)
    }

    fn sign(
        &self,
        key: &impl PublicKeyData,
        role: Role,
        name: &str,
        now_ns: u64,
        life_ns: u64,
    ) -> Result<Leaf, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = vec![san(role, name)?];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let serial = stamp(&mut params, now_ns, life_ns)?;
        let certificate = params.signed_by(key, &self.issuer)?;
        let issued = Issued {
            serial,
            name: String::from(name),
            role: String::from(role.text()),
            issued_ns: now_ns.cast_signed(),
            expires_ns: (now_ns + life_ns).cast_signed(),
            revoked_ns: 0,
        };
        Ok(Leaf { pem: certificate.pem(), issued })
    }

    /// A token, and the hash by which the database knows it.
    ///
    /// # Errors
    /// [`PkiError`] if the system has no randomness.
    pub fn token(&self) -> Result<(Token, Vec<u8>), PkiError> {
        let secret = random::<32>()?;
        Ok((Token { fingerprint: self.fingerprint, secret }, sha256(&secret).to_vec()))
    }
}

/// Writes a certificate and its key beside the CA's: NAME.crt and NAME.key, and ca.crt.
///
/// # Errors
/// [`PkiError`] names the file; nothing is overwritten.
pub fn write_leaf(dir: &Path, stem: &str, leaf: &Leaf, key: &str, authority: &str) -> Result<[PathBuf; 3], PkiError> {
    fs::create_dir_all(dir).map_err(|error| PkiError::File { path: dir.to_owned(), error })?;
    let safe: String = stem.chars().map(|c| if c.is_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect();
    let paths = [dir.join("ca.crt"), dir.join(format!("{safe}.crt")), dir.join(format!("{safe}.key"))];
    if let Some(there) = paths[1..].iter().find(|p| p.exists()) {
        return Err(PkiError::Exists(there.clone()));
    }
    if !paths[0].exists() {
        write(&paths[0], authority, false)?;
    }
    write(&paths[1], &leaf.pem, false)?;
    write(&paths[2], key, true)?;
    Ok(paths)
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    std::array::from_fn(|i| digest.as_ref()[i])
}

fn random<const N: usize>() -> Result<[u8; N], PkiError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| PkiError::Certificate(String::from("no randomness")))?;
    Ok(bytes)
}

/// Gives a certificate its time and a random serial number, which is returned in hex.
fn stamp(params: &mut CertificateParams, now_ns: u64, life_ns: u64) -> Result<String, PkiError> {
    let at = |ns: u64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(ns / NS);
    params.not_before = at(now_ns.saturating_sub(SKEW_NS));
    params.not_after = at(now_ns + life_ns);
    let mut serial = random::<16>()?;
    // A positive number without a leading zero: its text is the same whoever writes it.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.use_authority_key_identifier_extension = true;
    Ok(hex(&serial))
}

fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|error| PkiError::File { path: path.to_owned(), error })
}

fn write(path: &Path, text: &str, secret: bool) -> Result<(), PkiError> {
    let failed = |error| PkiError::File { path: path.to_owned(), error };
    let mode = if secret { 0o600 } else { 0o644 };
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
