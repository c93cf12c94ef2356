//! Certificates of the probe: which files, and what a connection needs of them.
//!
//! In: options. Out: the TLS settings of an endpoint, read again for every connection, so that a renewed certificate is used
//! from the next one on.

use std::path::{Path, PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::exit::{Failure, code};

/// The files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// CA that the collector's certificate must come from.
    pub ca: Option<PathBuf>,
    /// Own certificate.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

impl Credentials {
    /// The files that `sce-probe enroll` wrote to a directory.
    #[must_use]
    pub fn in_dir(dir: &Path) -> Credentials {
        let file = |name: &str| Some(dir.join(name));
        Credentials { ca: file("ca.crt"), cert: file("probe.crt"), key: file("probe.key") }
    }

    /// These, or where none is named those of an earlier enrolment.
    #[must_use]
    pub fn or_enrolled(self) -> Credentials {
        let none = self == Credentials::default();
        let enrolled = Credentials::in_dir(&default_dir());
        if none && enrolled.cert.as_ref().is_some_and(|p| p.exists()) { enrolled } else { self }
    }

    /// Reads the files; `None` for an address without TLS.
    ///
    /// # Errors
    /// The file that is missing, and how to get it.
    pub fn settings(&self, url: &str) -> Result<Option<ClientTlsConfig>, Failure> {
        if !url.starts_with("https:") {
            return Ok(None);
        }
        let read = |path: &Path| {
            std::fs::read(path).map_err(|e| Failure::new(code::USAGE, format!("{}: {e}", path.display())))
        };
        let ca = self.ca.as_deref().ok_or_else(|| {
            let text =
                format!("{url} needs certificates: run `sce-probe enroll`, or name them with --ca, --cert and --key");
            Failure::new(code::USAGE, text)
        })?;
        let mut settings = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            settings = settings.identity(Identity::from_pem(read(cert)?, read(key)?));
        }
        Ok(Some(settings))
    }
}

/// Where `sce-probe enroll` puts the files.
#[must_use]
pub fn default_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/etc/sce-probe");
    }
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".config"));
    config.or(home).unwrap_or_else(|| PathBuf::from(".")).join("sce-probe")
}
