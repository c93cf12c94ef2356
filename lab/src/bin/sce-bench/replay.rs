//! Sends the frames of a capture on an interface: what was cut off is filled with zeros, so that lengths are the original ones.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

/// Frames that are sent between two looks at the clock.
const BURST: u64 = 32;

/// Sends all frames of `file` on `interface`, at most `rate` per second (0: as fast as it goes). Prints how many.
pub(crate) fn replay(file: &Path, interface: &str, rate: u64) -> anyhow::Result<()> {
    let mut source = pcap::Capture::from_file(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut sink = pcap::Capture::from_device(interface)
        .and_then(pcap::Capture::open)
        .with_context(|| format!("cannot send on {interface}: it must exist and be up, and this needs CAP_NET_RAW"))?;
    let (start, mut sent) = (Instant::now(), 0u64);
    let mut frame = Vec::new();
    while let Ok(packet) = source.next_packet() {
        frame.clear();
        frame.extend_from_slice(packet.data);
        frame.resize(packet.header.len as usize, 0);
        while let Err(e) = sink.sendpacket(frame.as_slice()) {
            // The device's queue is full: let it drain.
            anyhow::ensure!(e.to_string().contains("buffer space"), "cannot send frame {sent}: {e}");
            std::thread::sleep(Duration::from_micros(100));
        }
        sent += 1;
        if rate > 0 && sent.is_multiple_of(BURST) {
            let due = Duration::from_secs_f64(sent as f64 / rate as f64);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
    }
    println!("{sent}");
    Ok(())
}
