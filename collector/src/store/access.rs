//! Tokens and certificates in the database: who may connect, the same at every collector that shares it.
//!
//! In: the use cases of [`Access`]. Out: rows of `enrolment_token` and `certificate`. Secrets come in as hashes only.

use super::StoreError;
use super::postgres::{self, PostgresStore};
use super::sqlite::{self, SqliteStore};

/// A token for enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// SHA-256 of its secret.
    pub hash: Vec<u8>,
    /// Name that the certificate will carry.
    pub name: String,
    /// Role that the certificate will carry.
    pub role: String,
    /// End of its use, ns since the epoch.
    pub expires_ns: i64,
}

/// An issued certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Serial number, hex.
    pub serial: String,
    /// Name in it.
    pub name: String,
    /// Role in it.
    pub role: String,
    /// Beginning, ns since the epoch.
    pub issued_ns: i64,
    /// End, ns since the epoch.
    pub expires_ns: i64,
    /// When it was revoked, ns since the epoch; 0 = it was not.
    pub revoked_ns: i64,
}

/// Which certificates to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoke {
    /// All of a name.
    Name(String),
    /// One, by its serial number in hex.
    Serial(String),
}

const ADD_TOKEN: &str = "INSERT INTO enrolment_token (hash, name, role, expires_ns) VALUES ($1, $2, $3, $4)";
/// One statement: of two that try at the same time, at any collectors, one gets the row.
const USE_TOKEN: &str = "UPDATE enrolment_token SET used_ns = $2 WHERE hash = $1 AND used_ns = 0 AND expires_ns > $2 \
     RETURNING name, role";
const ADD_CERTIFICATE: &str = "INSERT INTO certificate (serial, name, role, issued_ns, expires_ns, revoked_ns) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (serial) DO NOTHING";
const REVOKE_NAME: &str = "UPDATE certificate SET revoked_ns = $2 WHERE name = $1 AND revoked_ns = 0";
const REVOKE_SERIAL: &str = "INSERT INTO certificate (serial, name, role, issued_ns, expires_ns, revoked_ns) \
     VALUES ($1, '', '', 0, 0, $2) ON CONFLICT (serial) DO UPDATE SET revoked_ns = excluded.revoked_ns \
     WHERE certificate.revoked_ns = 0";
const REVOKED: &str = "SELECT serial FROM certificate WHERE revoked_ns <> 0";
const CERTIFICATES: &str =
    "SELECT serial, name, role, issued_ns, expires_ns, revoked_ns FROM certificate ORDER BY name, issued_ns, serial";

/// What services ask about access.
pub trait Access: Send + Sync {
    /// Remembers a token.
    fn add_token(&self, token: &NewToken) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Spends a token: name and role, or nothing if there is none, it was used, or it is too old.
    fn use_token(
        &self,
        hash: &[u8],
        now_ns: i64,
    ) -> impl Future<Output = Result<Option<(String, String)>, StoreError>> + Send;

    /// Remembers a certificate.
    fn add_certificate(&self, issued: &Issued) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Revokes certificates and says how many. A serial number that is not known is remembered.
    fn revoke(&self, which: &Revoke, now_ns: i64) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Serial numbers of all revoked certificates.
    fn revoked(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// All certificates.
    fn certificates(&self) -> impl Future<Output = Result<Vec<Issued>, StoreError>> + Send;
}

type Line = (String, String, String, i64, i64, i64);

fn issued((serial, name, role, issued_ns, expires_ns, revoked_ns): Line) -> Issued {
    Issued { serial, name, role, issued_ns, expires_ns, revoked_ns }
}

/// The two databases differ only in how a connection is had.
macro_rules! access {
    ($store:ty, $sort_out:path, |$this:ident| $write:expr) => {
        impl Access for $store {
            async fn add_token(&self, t: &NewToken) -> Result<(), StoreError> {
                let $this = self;
                let add = sqlx::query(ADD_TOKEN).bind(&t.hash).bind(&t.name).bind(&t.role).bind(t.expires_ns);
                add.execute($write).await.map(|_| ()).map_err(|e| $sort_out(&e))
            }

            async fn use_token(&self, hash: &[u8], now_ns: i64) -> Result<Option<(String, String)>, StoreError> {
                let $this = self;
                let spend = sqlx::query_as(USE_TOKEN).bind(hash).bind(now_ns);
                spend.fetch_optional($write).await.map_err(|e| $sort_out(&e))
            }

            async fn add_certificate(&self, c: &Issued) -> Result<(), StoreError> {
                let $this = self;
                let add = sqlx::query(ADD_CERTIFICATE).bind(&c.serial).bind(&c.name).bind(&c.role);
                let add = add.bind(c.issued_ns).bind(c.expires_ns).bind(c.revoked_ns);
                add.execute($write).await.map(|_| ()).map_err(|e| $sort_out(&e))
            }

            async fn revoke(&self, which: &Revoke, now_ns: i64) -> Result<u64, StoreError> {
                let $this = self;
                let (statement, value) = match which {
                    Revoke::Name(name) => (REVOKE_NAME, name),
                    Revoke::Serial(serial) => (REVOKE_SERIAL, serial),
                };
                let done = sqlx::query(statement).bind(value).bind(now_ns).execute($write).await;
                done.map(|d| d.rows_affected()).map_err(|e| $sort_out(&e))
            }

            async fn revoked(&self) -> Result<Vec<String>, StoreError> {
                sqlx::query_scalar(REVOKED).fetch_all(&self.readers).await.map_err(|e| $sort_out(&e))
            }

            async fn certificates(&self) -> Result<Vec<Issued>, StoreError> {
                let all: Result<Vec<Line>, _> = sqlx::query_as(CERTIFICATES).fetch_all(&self.readers).await;
                all.map(|all| all.into_iter().map(issued).collect()).map_err(|e| $sort_out(&e))
            }
        }
    };
}

access!(SqliteStore, sqlite::sort_out, |this| &mut this.writing().await?.conn);
access!(PostgresStore, postgres::sort_out, |this| &this.writers);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store as _;

    #[tokio::test]
    async fn a_token_works_once_and_not_too_late() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("a.db")).await.unwrap();
        let token = |hash: u8| NewToken {
            hash: vec![hash; 32],
            name: String::from("host1"),
            role: String::from("ingest"),
            expires_ns: 100,
        };
        store.add_token(&token(1)).await.unwrap();
        store.add_token(&token(2)).await.unwrap();
        let found = Some((String::from("host1"), String::from("ingest")));
        assert_eq!(store.use_token(&[1; 32], 50).await.unwrap(), found);
        assert_eq!(store.use_token(&[1; 32], 51).await.unwrap(), None, "it was used");
        assert_eq!(store.use_token(&[2; 32], 100).await.unwrap(), None, "it is too old");
        assert_eq!(store.use_token(&[3; 32], 1).await.unwrap(), None, "there is no such token");
        store.close().await;
    }

    #[tokio::test]
    async fn certificates_are_revoked_by_name_and_by_number() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("a.db")).await.unwrap();
        let one = |serial: &str, name: &str| Issued {
            serial: String::from(serial),
            name: String::from(name),
            role: String::from("ingest"),
            issued_ns: 1,
            expires_ns: 9,
            revoked_ns: 0,
        };
        for c in [one("aa", "a"), one("ab", "a"), one("ba", "b")] {
            store.add_certificate(&c).await.unwrap();
        }
        assert_eq!(store.revoke(&Revoke::Name(String::from("a")), 5).await.unwrap(), 2);
        assert_eq!(store.revoke(&Revoke::Serial(String::from("aa")), 6).await.unwrap(), 0, "it is revoked already");
        assert_eq!(store.revoke(&Revoke::Serial(String::from("ff")), 6).await.unwrap(), 1, "not known, remembered");
        let mut revoked = store.revoked().await.unwrap();
        revoked.sort();
        assert_eq!(revoked, ["aa", "ab", "ff"]);
        store.close().await;
    }
}
