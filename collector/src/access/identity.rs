//! What a certificate says about its holder: `URI:sce://ROLE/NAME` among its subject alternative names.
//!
//! In: a certificate that the TLS layer has verified. Out: name, roles, serial number and end. Any CA can issue such
//! certificates; several URIs give several roles to one name.

use rcgen::SanType;
use sce_proto::token::hex;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// What a certificate allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Deliver records under one's own name.
    Ingest,
    /// Ask questions.
    Read,
    /// Make tokens, revoke certificates; and ask questions.
    Admin,
}

/// All of them.
pub const ROLES: [Role; 3] = [Role::Ingest, Role::Read, Role::Admin];

impl Role {
    /// As it stands in certificates.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Role::Ingest => "ingest",
            Role::Read => "read",
            Role::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        let found = ROLES.into_iter().find(|r| r.text() == text);
        found.ok_or_else(|| format!("`{text}` is not a role; write ingest, read or admin"))
    }
}

/// The holder of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name of the probe or person.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Serial number, hex.
    pub serial: String,
    /// End of the certificate, ns since the epoch.
    pub expires_ns: u64,
}

impl Identity {
    /// Reads a certificate.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(der: &[u8]) -> Result<Identity, String> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|e| format!("not a certificate: {e}"))?;
        let names = certificate.subject_alternative_name().map_err(|e| format!("its names cannot be read: {e}"))?;
        let mut found: Option<(String, Vec<Role>)> = None;
        for general in names.iter().flat_map(|n| &n.value.general_names) {
            let GeneralName::URI(uri) = general else { continue };
            let Some((role, name)) = parse(uri) else { continue };
            match &mut found {
                None => found = Some((name, vec![role])),
                Some((known, roles)) if *known == name => roles.push(role),
                Some((known, _)) => return Err(format!("it names both `{known}` and `{name}`")),
            }
        }
        let (name, roles) =
            found.ok_or("it has no name of the form URI:sce://ROLE/NAME, where ROLE is ingest, read or admin")?;
        let expires_s = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        let expires_ns = expires_s.saturating_mul(1_000_000_000);
        Ok(Identity { name, roles, serial: hex(certificate.raw_serial()), expires_ns })
    }

    /// Whether it has a role. Who may administer may ask.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role) || role == Role::Read && self.roles.contains(&Role::Admin)
    }

    /// The roles in words.
    #[must_use]
    pub fn roles_text(&self) -> String {
        let texts: Vec<&str> = self.roles.iter().map(|r| r.text()).collect();
        texts.join(" and ")
    }
}

/// The name that a certificate carries.
///
/// # Errors
/// A name that cannot stand in a certificate.
pub fn san(role: Role, name: &str) -> Result<SanType, rcgen::Error> {
    let mut uri = format!("sce://{}/", role.text());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(SanType::URI(uri.try_into()?))
}

fn parse(uri: &str) -> Option<(Role, String)> {
    let (role, rest) = uri.strip_prefix("sce://")?.split_once('/')?;
    let role = role.parse().ok()?;
    let mut bytes = Vec::with_capacity(rest.len());
    let mut left = rest.bytes();
    while let Some(byte) = left.next() {
        if byte == b'%' {
            let (high, low) = (left.next()?, left.next()?);
            let digit = |b: u8| char::from(b).to_digit(16);
            bytes.push((digit(high)? << 4 | digit(low)?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    let name = String::from_utf8(bytes).ok()?;
    (!name.is_empty()).then_some((role, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives_the_certificate() {
        for name in ["host1", "a b/c", "Zürich #1", "100%"] {
            let Ok(SanType::URI(uri)) = san(Role::Ingest, name) else { panic!("{name}") };
            assert_eq!(parse(uri.as_str()), Some((Role::Ingest, String::from(name))));
        }
        for bad in ["sce://root/x", "sce://read/", "sce://read/%4", "https://read/x", "sce://read/%ff"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
