//! Who may do what.
//!
//! In: connections and the certificates on them. Out: the identity behind a request, or the status that refuses it. The
//! identity is what the certificate says, never what a message says. On loopback without TLS whoever can connect may
//! deliver and ask; administration always needs a certificate.

pub mod enroll;
pub mod identity;
pub mod pki;
pub mod tls;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic::{Request, Status};

use crate::clock::now_ns;
use crate::metrics::{self, Metrics};
use crate::store::Store;
use crate::transport::Peer;
use identity::{Identity, Role};

/// Time between two looks for revoked certificates.
const LOOK: Duration = Duration::from_secs(2);

/// Serial numbers of certificates that are valid no longer.
pub type Revoked = Arc<HashSet<String>>;

/// Checks requests against roles and revocations.
#[derive(Clone)]
pub struct Guard {
    metrics: Arc<Metrics>,
    revoked: watch::Receiver<Revoked>,
}

impl Guard {
    /// A guard that knows what is revoked from `revoked`.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, revoked: watch::Receiver<Revoked>) -> Guard {
        Guard { metrics, revoked }
    }

    /// The identity behind a request, if it has the role; `None` where the connection is not encrypted and may be used so.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a certificate, `PERMISSION_DENIED` with the wrong one.
    pub fn admit<T>(&self, request: &Request<T>, role: Role) -> Result<Option<Arc<Identity>>, Status> {
        let found = self.check(request.extensions().get::<Peer>(), role);
        found.map_err(|(reason, status)| {
            let labels = [("service", role.text()), ("reason", reason)];
            self.metrics.add(metrics::DENIED, &labels, 1.0);
            status
        })
    }

    fn check(&self, peer: Option<&Peer>, role: Role) -> Result<Option<Arc<Identity>>, (&'static str, Status)> {
        let peer = peer.ok_or_else(|| ("connection", Status::internal("the connection has no address")))?;
        peer.used();
        if !peer.encrypted {
            return if role == Role::Admin {
                Err((
                    "plaintext",
                    Status::permission_denied("administration needs TLS and a certificate of role admin"),
                ))
            } else {
                Ok(None)
            };
        }
        let Some(identity) = &peer.identity else {
            return Err((
                "no_certificate",
                Status::unauthenticated(
                    "a certificate is needed: a probe gets one with `sce-probe enroll`, others with `sce-collector ca issue`",
                ),
            ));
        };
        if self.revoked.borrow().contains(&identity.serial) {
            return Err(("revoked", revoked(identity)));
        }
        if !identity.has(role) {
            return Err((
                "role",
                Status::permission_denied(format!(
                    "the certificate of `{}` is for {}, not for {}",
                    identity.name,
                    identity.roles_text(),
                    role.text()
                )),
            ));
        }
        Ok(Some(identity.clone()))
    }

    /// Counts a refusal that came after admission.
    pub fn count(&self, role: Role, reason: &str) {
        self.metrics.add(metrics::DENIED, &[("service", role.text()), ("reason", reason)], 1.0);
    }

    /// Done when an identity is not to be served any longer: its certificate was revoked or has ended.
    pub async fn expelled(&self, identity: Option<Arc<Identity>>) -> Status {
        let Some(identity) = identity else { return std::future::pending().await };
        let left = Duration::from_nanos(identity.expires_ns.saturating_sub(now_ns()));
        let mut changes = self.revoked.clone();
        // The guard that comes back must not live across an await.
        let is_revoked = async { changes.wait_for(|all| all.contains(&identity.serial)).await.is_ok() };
        tokio::select! {
            found = is_revoked => {
                if !found {
                    // The collector is stopping.
                    return std::future::pending().await;
                }
                self.count(Role::Ingest, "revoked");
                revoked(&identity)
            }
            () = tokio::time::sleep(left) => {
                self.count(Role::Ingest, "expired");
                // The probe may have renewed it meanwhile: it is to connect again with what it has now.
                Status::aborted(format!("the certificate of `{}` has ended; connect with a renewed one", identity.name))
            }
        }
    }
}

fn revoked(identity: &Identity) -> Status {
    Status::permission_denied(format!("the certificate of `{}` is revoked", identity.name))
}

/// Looks for revocations in the database, for ever. All collectors on a database see the same ones.
pub async fn watch_revocations<S: Store>(store: S, told: watch::Sender<Revoked>) {
    loop {
        match store.revoked().await {
            Ok(list) => {
                let now: HashSet<String> = list.into_iter().collect();
                told.send_if_modified(|known| {
                    let changed = **known != now;
                    if changed {
                        *known = Arc::new(now);
                    }
                    changed
                });
            }
            Err(error) => tracing::warn!(%error, "Revocations could not be read; those known stay in force"),
        }
        tokio::time::sleep(LOOK).await;
    }
}
