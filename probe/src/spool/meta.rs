//! Who a spool belongs to: `meta.toml`, the lock against a second probe, and the mark of a clean end.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::SpoolError;
use super::disk::replace;
use super::lane::set_aside;
use super::twice;

const FORMAT: u32 = 1;

/// Content of `meta.toml`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Meta {
    format: u32,
    /// Life of the spool, see `Hello.epoch`: the time it began, ns since the epoch.
    pub(crate) epoch: u64,
    /// Random identity, 32 hex digits.
    probe_id: String,
    created_ns: u64,
}

impl Meta {
    /// A new identity.
    pub(crate) fn fresh(now_ns: u64) -> io::Result<Meta> {
        let mut id = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut id)?;
        let probe_id = id.iter().map(|b| format!("{b:02x}")).collect();
        Ok(Meta { format: FORMAT, epoch: now_ns.max(1), probe_id, created_ns: now_ns })
    }

    /// The same probe in a later life.
    pub(crate) fn renewed(&self, now_ns: u64) -> Meta {
        Meta { epoch: now_ns.max(self.epoch + 1), ..self.clone() }
    }

    /// The identity as bytes.
    pub(crate) fn id(&self) -> [u8; 16] {
        let mut out = [0; 16];
        for (i, b) in out.iter_mut().enumerate() {
            *b = self.probe_id.get(2 * i..2 * i + 2).and_then(|h| u8::from_str_radix(h, 16).ok()).unwrap_or(0);
        }
        out
    }

    pub(crate) fn save(&self, dir: &Path) -> io::Result<()> {
        replace(&dir.join("meta.toml"), &self.encode()?)
    }

    fn encode(&self) -> io::Result<Vec<u8>> {
        Ok(twice::encode(&toml::to_string(self).map_err(io::Error::other)?))
    }

    /// The file's content; `None` where there is none or it cannot be used, in which case it is moved to `bad`.
    pub(crate) fn load(dir: &Path, bad: &Path) -> io::Result<(Option<Meta>, Option<PathBuf>)> {
        let path = dir.join("meta.toml");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((None, None)),
            Err(e) => return Err(e),
        };
        let good = |m: &Meta| m.format == FORMAT && m.probe_id.len() == 32 && m.epoch > 0;
        let text = twice::decode(&bytes).or_else(|| twice::earlier(&bytes));
        let meta = text.and_then(|t| toml::from_str::<Meta>(t).ok()).filter(good);
        match meta {
            Some(meta) => {
                twice::mend(&path, &bytes, &meta.encode()?);
                Ok((Some(meta), None))
            }
            None => Ok((None, Some(set_aside(&path, bad)?))),
        }
    }
}

/// Takes the lock; it is given back when the file is closed, also by a crash.
pub(crate) fn lock(dir: &Path) -> Result<File, SpoolError> {
    let path = dir.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| SpoolError::Io { path, error })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(SpoolError::Locked(dir.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(SpoolError::Io { path: dir.join("lock"), error }),
    }
}

/// Whether a directory may become a spool: it is one, or it is empty but for the lock.
pub(crate) fn may_use(dir: &Path) -> io::Result<bool> {
    if dir.join("meta.toml").exists() || dir.join("bad").exists() {
        return Ok(true);
    }
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if name != "lock" && name != "meta.new" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes a directory that only its owner may read.
pub(crate) fn make_private(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
