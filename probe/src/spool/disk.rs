//! The few things the spool asks of a file system when it writes, so that tests can make each of them fail.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// A file system.
pub trait Disk: Send {
    /// Creates a file with this much space set aside, so that a full disk shows here and not in the middle of a write.
    ///
    /// # Errors
    /// As the operating system says; `StorageFull` asks the spool to give something up.
    fn create(&self, path: &Path, space: u64) -> io::Result<Box<dyn Output>>;
    /// Bytes still free for this process where the path lies.
    ///
    /// # Errors
    /// As the operating system says.
    fn free(&self, path: &Path) -> io::Result<u64>;
    /// Total bytes of the file system where the path lies.
    ///
    /// # Errors
    /// As the operating system says.
    fn total(&self, path: &Path) -> io::Result<u64>;
}

/// A segment that is being written.
pub trait Output: Send {
    /// Writes all bytes at the end.
    ///
    /// # Errors
    /// As the operating system says; some of the bytes may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written durable.
    ///
    /// # Errors
    /// As the operating system says; nothing is known then about what was written since the last success.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to this length, giving back space set aside.
    ///
    /// # Errors
    /// As the operating system says.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

/// The real one.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path, space: u64) -> io::Result<Box<dyn Output>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, space) {
            // Some file systems cannot set space aside; then a full disk shows when writing.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
            Err(e) => {
                drop(file);
                std::fs::remove_file(path)?;
                return Err(e.into());
            }
        }
        Ok(Box::new(file))
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        let s = rustix::fs::statvfs(path)?;
        Ok(s.f_bavail.saturating_mul(s.f_frsize))
    }

    fn total(&self, path: &Path) -> io::Result<u64> {
        let s = rustix::fs::statvfs(path)?;
        Ok(s.f_blocks.saturating_mul(s.f_frsize))
    }
}

impl Output for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Replaces a small file so that either the old or the new content is there after a crash.
///
/// # Errors
/// As the operating system says; the old content is still there then.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Makes names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
