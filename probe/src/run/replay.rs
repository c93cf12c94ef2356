//! `--read`: capture files through the live pipeline.
//!
//! A replay that was interrupted, even killed, goes on exactly where it was: the meters are deterministic, so the records
//! that the spool has already are counted and passed over. So are those that only the collector has, where the spool turns
//! out to be an old copy of itself or has lost its end. The spool of a replay without `--spool` has a fixed place, made of what
//! is replayed, so that the same command finds it again.

use std::fs::{self, File};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use sce_meter::Config;
use sce_progress::{Progress, Unit};
use sce_proto::ObservationPoint;
use siphasher::sip::SipHasher24;
use tokio::sync::mpsc::UnboundedSender;

use super::Ended;
use super::control::Control;
use crate::args::RunArgs;
use crate::exit::{Failure, code};
use crate::filter::Filter;
use crate::observer::Observer;
use crate::point::Place;
use crate::shipment::Shipper;
use crate::source::CaptureFile;
use crate::spool::{LANES, Spool, disk, twice};

/// What is replayed.
pub(super) struct Replay {
    files: Vec<Input>,
    filter: String,
    meter: Config,
    /// Tells this replay from every other one.
    identity: u64,
}

/// A file that is replayed, open: a confined probe may no longer be able to open it.
struct Input {
    path: PathBuf,
    /// `None` = standard input.
    file: Option<File>,
    point: ObservationPoint,
}

/// Frames that are read before they are metered.
const READ_AT_ONCE: usize = 64;

/// Name of the note about a replay in the middle of which this spool is ...
const OPEN: &str = "replay.toml";
/// ... and of the one about the last that was delivered.
const DONE: &str = "replayed.toml";

/// Beside the spool: which replay it is in the middle of, and where its lanes stood when that began.
#[derive(serde::Serialize, serde::Deserialize)]
struct Begun {
    identity: u64,
    positions: [u64; LANES],
}

impl Replay {
    pub(super) fn new(args: &RunArgs, place: &Place, meter: Config) -> anyhow::Result<Replay> {
        Filter::new(&args.filter)?;
        let mut h = SipHasher24::new();
        let mut write = |text: String| {
            h.write(text.as_bytes());
            h.write(&[0]);
        };
        let mut files = Vec::new();
        for path in &args.read {
            let mut file = None;
            if path == Path::new("-") {
                // Standard input cannot be read twice: every such replay is a new one.
                write(format!("{} {}", crate::clock::now_ns(), std::process::id()));
            } else {
                let unreadable = |e| Failure::new(code::INPUT, format!("{}: {e}", path.display()));
                let meta = fs::metadata(path).map_err(unreadable)?;
                let full = fs::canonicalize(path).map_err(unreadable)?;
                write(format!("{} {} {:?}", full.display(), meta.len(), meta.modified().ok()));
                file = Some(File::open(path).map_err(unreadable)?);
            }
            files.push(Input { path: path.clone(), file, point: place.file(path, &args.clock) });
        }
        write(format!("{} {} {:?} {}", env!("CARGO_PKG_VERSION"), place.probe, meter, args.filter));
        write(args.anonymise.as_ref().map_or_else(String::new, |key| key.display().to_string()));
        write(args.collector.join(" "));
        // TOML has signed integers.
        let identity = h.finish() >> 1;
        Ok(Replay { files, filter: args.filter.clone(), meter, identity })
    }

    /// Where the spool is without `--spool`.
    pub(super) fn spool_dir(&self) -> PathBuf {
        let user = rustix::process::geteuid().as_raw();
        // In a directory of their own: a confined probe can remove it at the end.
        std::env::temp_dir().join(format!("sce-probe-replay-{user}")).join(format!("{:016x}", self.identity))
    }

    /// How many records of each lane the spool has already from an interrupted run of this replay; `None` = it is a new one.
    pub(super) fn resume(&self, spool: &mut Spool, dir: &Path) -> anyhow::Result<Option<[u64; LANES]>> {
        let path = dir.join(OPEN);
        let note = |name| {
            let path = dir.join(name);
            let bytes = fs::read(&path).ok()?;
            let text = twice::decode(&bytes).or_else(|| twice::earlier(&bytes))?;
            let begun = toml::from_str::<Begun>(text).ok()?;
            twice::mend(&path, &bytes, &twice::encode(text));
            Some(begun)
        };
        let mine = |begun: &Begun| begun.identity == self.identity;
        let now = spool.positions();
        if let Some(begun) = note(OPEN).filter(mine) {
            let skip = std::array::from_fn(|lane| now[lane].saturating_sub(begun.positions[lane]));
            tracing::info!(records = skip.iter().sum::<u64>(), "Going on with an interrupted replay");
            return Ok(Some(skip));
        }
        if path.exists() && note(OPEN).is_none() {
            let text = format!(
                "{} is damaged: it tells what this spool has of a replay, and without it everything would be counted twice. \
                 To read the files anew, remove {}",
                path.display(),
                dir.display()
            );
            return Err(Failure::new(code::SPOOL, text).into());
        }
        if note(DONE).is_some_and(|begun| mine(&begun)) {
            tracing::warn!("This replay was delivered before; everything in it is counted once more now");
        }
        let text = toml::to_string(&Begun { identity: self.identity, positions: now })?;
        disk::replace(&path, &twice::encode(&text))?;
        Ok(None)
    }

    /// All is acknowledged: the next replay of the same files is a new one.
    ///
    /// One rename, so that whoever killed the probe can tell from the spool whether it had finished.
    pub(super) fn done(&self, dir: &Path, remove: bool) -> std::io::Result<()> {
        if remove { fs::remove_dir_all(dir) } else { fs::rename(dir.join(OPEN), dir.join(DONE)) }
    }

    /// Reads on a thread of its own.
    pub(super) fn start(
        &mut self,
        shipper: Shipper,
        control: Arc<Control>,
        say: UnboundedSender<Ended>,
    ) -> std::io::Result<JoinHandle<()>> {
        let (files, filter, meter) = (std::mem::take(&mut self.files), self.filter.clone(), self.meter.clone());
        std::thread::Builder::new().name("replay".to_owned()).spawn(move || {
            let mut result = Ok(());
            for input in files {
                let one = replay(input, &filter, &meter, shipper.clone(), &control);
                result = result.and(one);
            }
            // The sender ends before the word about it: whoever hears it may wait for the writer.
            drop(shipper);
            drop(control);
            let _ = say.send(result);
        })
    }
}

fn replay(input: Input, filter: &str, meter: &Config, shipper: Shipper, control: &Control) -> Ended {
    let Input { path, file, point } = input;
    let damaged = |e| Failure::new(code::INPUT, format!("{}: {e}", path.display()));
    let mut file = match file {
        Some(file) => CaptureFile::from_file(file),
        None => CaptureFile::open(&path),
    }
    .map_err(damaged)?;
    let mut progress = Progress::new(format!("reading {}", path.display()), Unit::Bytes, file.size());
    let mut filter = Filter::new(filter)?;
    let mut observer = None;
    let mut shipper = Some(shipper);
    let mut result = Ok(());
    let mut batch = Vec::with_capacity(READ_AT_ONCE);
    while !control.is_stopped() {
        let read = file.next_batch(&mut batch, READ_AT_ONCE);
        let mut frames = Vec::with_capacity(batch.len());
        for f in batch.iter().map(|held| file.held(held)) {
            if filter.passes(f.link, f.data)? {
                frames.push(f.frame());
            }
        }
        if let Some(first) = frames.first()
            && let Some(shipper) = shipper.take()
        {
            let link_type = first.link.name().map_or_else(|| first.link.0.to_string(), str::to_owned);
            let point = ObservationPoint { link_type, ..point.clone() };
            observer = Some(Observer::new(point, meter.clone(), shipper, None));
        }
        if let Some(observer) = &mut observer {
            observer.frames(&frames);
        }
        progress.at(file.position());
        match read {
            Ok(()) if batch.is_empty() => break,
            Ok(()) => {}
            Err(e) => result = Err(damaged(e).into()),
        }
    }
    // An interrupted replay ends in the middle: its open flows are metered again when it goes on.
    if let Some(observer) = observer.as_mut().filter(|_| !control.is_stopped()) {
        observer.finish();
    }
    result
}
