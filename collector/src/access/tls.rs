//! TLS of the listener: files to a configuration, and again whenever a file changes.
//!
//! In: paths. Out: the newest configuration that could be read. A file that is damaged while the collector runs changes
//! nothing but a line in the log; connections that stand are not touched.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_secs(2);

/// The files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Certificate of the collector, and what stands between it and the CA.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// CAs whose certificates clients may present.
    pub client_ca: PathBuf,
    /// Certificates of those CAs that are valid no longer.
    pub crl: Option<PathBuf>,
    /// Key of `client_ca`, if this collector enrols.
    pub ca_key: Option<PathBuf>,
}

/// A file that TLS cannot do with.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct TlsError {
    path: PathBuf,
    why: String,
}

impl Files {
    /// Reads all and makes a configuration of it.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let wrong = |path: &PathBuf, why: &dyn std::fmt::Display| TlsError { path: path.clone(), why: why.to_string() };
        let certificates = |path: &PathBuf| -> Result<Vec<CertificateDer<'static>>, TlsError> {
            let all = CertificateDer::pem_file_iter(path).map_err(|e| wrong(path, &e))?;
            let all: Vec<_> = all.collect::<Result<_, _>>().map_err(|e| wrong(path, &e))?;
            if all.is_empty() { Err(wrong(path, &"there is no certificate in it")) } else { Ok(all) }
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.client_ca)? {
            roots.add(certificate).map_err(|e| wrong(&self.client_ca, &e))?;
        }
        let provider = Arc::new(ring::default_provider());
        let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        if let Some(path) = &self.crl {
            let lists = CertificateRevocationListDer::pem_file_iter(path).map_err(|e| wrong(path, &e))?;
            let lists = lists.collect::<Result<Vec<_>, _>>().map_err(|e| wrong(path, &e))?;
            // A list speaks of one CA; others may have none.
            verifier = verifier.with_crls(lists).allow_unknown_revocation_status().only_check_end_entity_revocation();
        }
        // Who enrols has no certificate yet; every other service asks for one.
        let verifier = verifier.allow_unauthenticated().build().map_err(|e| wrong(&self.client_ca, &e))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| wrong(&self.key, &e))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| wrong(&self.certificate, &e))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(&self.certificate)?, key)
            .map_err(|e| wrong(&self.certificate, &e))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }

    /// What tells that a file has changed, also when it was replaced by renaming.
    fn state(&self) -> Vec<Option<(SystemTime, u64, u64)>> {
        use std::os::unix::fs::MetadataExt as _;
        let mut all = vec![&self.certificate, &self.key, &self.client_ca];
        all.extend(&self.crl);
        let look = |path: &&PathBuf| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len(), meta.ino()))
        };
        all.iter().map(look).collect()
    }
}

/// The configuration for the next handshake.
pub struct Current {
    files: Files,
    config: RwLock<Arc<ServerConfig>>,
}

impl Current {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn load(files: Files) -> Result<Arc<Current>, TlsError> {
        let config = RwLock::new(files.load()?);
        Ok(Arc::new(Current { files, config }))
    }

    /// The newest configuration.
    #[must_use]
    pub fn get(&self) -> Arc<ServerConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the files for ever.
    pub async fn follow(self: Arc<Self>) {
        let mut known = self.files.state();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.files.state();
            if now == known {
                continue;
            }
            known = now;
            match self.files.load() {
                Ok(config) => {
                    *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
                    tracing::info!("Certificates were read again");
                }
                Err(error) => tracing::warn!(%error, "Certificates changed and cannot be used; the earlier ones stay"),
            }
        }
    }
}
