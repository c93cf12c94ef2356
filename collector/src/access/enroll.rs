//! Enrolment and administration: tokens in, certificates out.
//!
//! In: a token and a certificate request; or the requests of an administrator. Out: certificates for the name that the token
//! was made for. A token is spent before its certificate is made: whatever fails afterwards, it never works twice.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sce_proto::{
    CertificateInfo, CertificatesReply, CertificatesRequest, EnrollReply, EnrollRequest, NewTokenReply,
    NewTokenRequest, RenewRequest, RevokeReply, RevokeRequest, admin_server, enroll_server,
};
use tonic::{Request, Response, Status};

use super::Guard;
use super::identity::Role;
use super::pki::{Authority, Leaf, PkiError, sha256};
use crate::clock::now_ns;
use crate::metrics::{self, Metrics};
use crate::store::access::{NewToken, Revoke};
use crate::store::{Store, StoreError};
use crate::transport::Peer;

/// Largest certificate request, bytes.
const REQUEST_BYTES: usize = 8 << 10;
/// Longest name, bytes.
pub const NAME_BYTES: usize = 128;
/// Tokens that an address may try in a minute: guessing 256 bits needs more.
const TRIES: (u32, Duration) = (30, Duration::from_secs(60));
/// Addresses that are remembered.
const ADDRESSES: usize = 10_000;
/// Default time in which a token can be used, s.
const TOKEN_S: u64 = 3600;

/// Makes a token and remembers its hash.
///
/// # Errors
/// [`PkiError`] or [`StoreError`].
pub async fn new_token<S: Store>(
    store: &S,
    authority: &Authority,
    role: Role,
    name: &str,
    ttl: Duration,
) -> anyhow::Result<String> {
    let (token, hash) = authority.token()?;
    let ttl_ns = u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX);
    let expires_ns = i64::try_from(now_ns().saturating_add(ttl_ns)).unwrap_or(i64::MAX);
    let new = NewToken { hash, name: String::from(name), role: String::from(role.text()), expires_ns };
    store.add_token(&new).await?;
    Ok(token.to_string())
}

/// Whether a certificate can carry a name.
///
/// # Errors
/// What a name looks like.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
        return Err(format!("a name has 1 to {NAME_BYTES} bytes, none of them control"));
    }
    Ok(())
}

/// Both services.
pub struct Access<S> {
    shared: Arc<Shared<S>>,
}

impl<S> Clone for Access<S> {
    fn clone(&self) -> Access<S> {
        Access { shared: self.shared.clone() }
    }
}

struct Shared<S> {
    store: S,
    guard: Guard,
    metrics: Arc<Metrics>,
    authority: Option<Authority>,
    tries: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl<S: Store> Access<S> {
    /// Services over a store; without an authority nothing can be issued.
    #[must_use]
    pub fn new(store: S, guard: Guard, metrics: Arc<Metrics>, authority: Option<Authority>) -> Access<S> {
        Access { shared: Arc::new(Shared { store, guard, metrics, authority, tries: Mutex::default() }) }
    }

    fn authority(&self) -> Result<&Authority, Status> {
        let none = "this collector has no CA key; ask one that has, or the CA that you use";
        self.shared.authority.as_ref().ok_or_else(|| Status::failed_precondition(none))
    }

    fn outcome(&self, outcome: &str) {
        self.shared.metrics.add(metrics::ENROLLED, &[("outcome", outcome)], 1.0);
    }

    /// Counts a try of an address; false if there were too many.
    fn may_try(&self, address: IpAddr) -> bool {
        let mut tries = self.shared.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        tries.retain(|_, (_, since)| now.duration_since(*since) < TRIES.1);
        if tries.len() >= ADDRESSES {
            return false;
        }
        let (count, _) = tries.entry(address).or_insert((0, now));
        *count += 1;
        *count <= TRIES.0
    }

    async fn reply(&self, leaf: Leaf) -> Result<Response<EnrollReply>, Status> {
        let issued = &leaf.issued;
        self.shared.store.add_certificate(issued).await.map_err(|e| unavailable(&e))?;
        tracing::info!(name = issued.name, role = issued.role, serial = issued.serial, "Certificate issued");
        Ok(Response::new(EnrollReply {
            certificate: leaf.pem,
            authority: self.authority()?.pem.clone(),
            name: issued.name.clone(),
            role: issued.role.clone(),
            expires_ns: issued.expires_ns.cast_unsigned(),
        }))
    }
}

fn unavailable(error: &StoreError) -> Status {
    tracing::warn!(%error, "The database could not be asked about access");
    Status::unavailable("the database does not answer; try again later")
}

fn unusable(error: &PkiError) -> Status {
    Status::invalid_argument(error.to_string())
}

fn small(request: &[u8]) -> Result<(), Status> {
    if request.len() > REQUEST_BYTES {
        Err(Status::invalid_argument("the certificate request is too large"))
    } else {
        Ok(())
    }
}

#[tonic::async_trait]
impl<S: Store> enroll_server::Enroll for Access<S> {
    async fn enroll(&self, request: Request<EnrollRequest>) -> Result<Response<EnrollReply>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        let Some(peer) = peer.filter(|p| p.encrypted) else {
            return Err(Status::failed_precondition("enrolment needs TLS: start the collector with --pki"));
        };
        if !self.may_try(peer.address.ip()) {
            self.outcome("too_many");
            return Err(Status::resource_exhausted("too many tokens were tried from this address; wait a minute"));
        }
        let request = request.into_inner();
        small(&request.request)?;
        let authority = self.authority()?;
        let now = now_ns();
        let spent = self.shared.store.use_token(&sha256(&request.secret), now.cast_signed()).await;
        let Some((name, role)) = spent.map_err(|e| unavailable(&e))? else {
            self.outcome("refused");
            return Err(Status::permission_denied(
                "the token was used before, is too old, or was never made; make another with `sce-collector token new`",
            ));
        };
        let role: Role = role.parse().map_err(Status::internal)?;
        let leaf = authority.answer(&request.request, role, &name, now).map_err(|e| unusable(&e))?;
        self.outcome("enrolled");
        self.reply(leaf).await
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<EnrollReply>, Status> {
        let peer = request.extensions().get::<Peer>();
        let role =
            peer.and_then(|p| p.identity.as_ref()).and_then(|i| i.roles.first().copied()).unwrap_or(Role::Ingest);
        let Some(identity) = self.shared.guard.admit(&request, role)? else {
            return Err(Status::failed_precondition("renewal needs TLS"));
        };
        let request = request.into_inner();
        small(&request.request)?;
        let leaf = self.authority()?.answer(&request.request, role, &identity.name, now_ns());
        let leaf = leaf.map_err(|e| unusable(&e))?;
        self.outcome("renewed");
        self.reply(leaf).await
    }
}

#[tonic::async_trait]
impl<S: Store> admin_server::Admin for Access<S> {
    async fn new_token(&self, request: Request<NewTokenRequest>) -> Result<Response<NewTokenReply>, Status> {
        let _ = self.shared.guard.admit(&request, Role::Admin)?;
        let request = request.into_inner();
        check_name(&request.name).map_err(Status::invalid_argument)?;
        let role = if request.role.is_empty() { "ingest" } else { &request.role };
        let role: Role = role.parse().map_err(Status::invalid_argument)?;
        let ttl = Duration::from_secs(if request.ttl_s == 0 { TOKEN_S } else { request.ttl_s });
        let token = new_token(&self.shared.store, self.authority()?, role, &request.name, ttl).await;
        let token = token.map_err(|error| {
            tracing::warn!(%error, "A token could not be made");
            Status::unavailable("the token could not be made; see the collector's log")
        })?;
        Ok(Response::new(NewTokenReply { token }))
    }

    async fn revoke(&self, request: Request<RevokeRequest>) -> Result<Response<RevokeReply>, Status> {
        let _ = self.shared.guard.admit(&request, Role::Admin)?;
        let request = request.into_inner();
        let which = match (request.name.is_empty(), request.serial.is_empty()) {
            (false, true) => Revoke::Name(request.name),
            (true, false) => Revoke::Serial(request.serial.to_ascii_lowercase()),
            _ => return Err(Status::invalid_argument("give a name or a serial number")),
        };
        let revoked = self.shared.store.revoke(&which, now_ns().cast_signed()).await.map_err(|e| unavailable(&e))?;
        Ok(Response::new(RevokeReply { revoked }))
    }

    async fn certificates(&self, request: Request<CertificatesRequest>) -> Result<Response<CertificatesReply>, Status> {
        let _ = self.shared.guard.admit(&request, Role::Admin)?;
        let all = self.shared.store.certificates().await.map_err(|e| unavailable(&e))?;
        let certificates = all.into_iter().map(|c| CertificateInfo {
            serial: c.serial,
            name: c.name,
            role: c.role,
            issued_ns: c.issued_ns.cast_unsigned(),
            expires_ns: c.expires_ns.cast_unsigned(),
            revoked_ns: c.revoked_ns.cast_unsigned(),
        });
        Ok(Response::new(CertificatesReply { certificates: certificates.collect() }))
    }
}
