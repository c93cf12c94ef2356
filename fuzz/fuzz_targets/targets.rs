//! What each target does with its bytes: shared by the fuzzer and by the test that replays the corpus.
#![allow(dead_code, unreachable_pub, reason = "each binary uses one of them")]

/// The default settings with small buffers, which are quickly made.
fn config() -> sce_meter::Config {
    let mut config = sce_meter::Config::default();
    (config.marks.max_marks, config.marks.max_cuts) = (64, 16);
    config
}

/// One frame of any link type: decoding must not panic, and every frame is counted once.
pub fn frame(data: &[u8]) {
    let Some((link, data)) = data.split_first() else { return };
    let links = [1, 0, 9, 12, 50, 51, 101, 104, 108, 113, 228, 229, 276, 105];
    let link = sce_meter::LinkType(links[usize::from(*link) % links.len()]);
    let mut meter = sce_meter::Meter::new(config());
    meter.observe(&sce_meter::Frame {
        time_ns: 1_700_000_000_000_000_000,
        link,
        wire_len: data.len() as u32,
        data,
        vlan: None,
        gso: None,
        outgoing: None,
    });
    let mut out = sce_meter::Records::default();
    meter.finish(&mut out);
    let p = &out.probe[0];
    assert_eq!(p.captured_packets, 1);
    assert_eq!(p.ip_packets + p.non_ip_packets + p.undecodable_packets, 1);
}

/// A sequence of frames: `gap` (2 bytes, ms), `length` (2 bytes), bytes of a raw IP packet. The flow table is small, so
/// that eviction is met; the books must balance, and batches must count like single frames.
pub fn meter(mut data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    data = rest;
    let mut config = config();
    config.interval_ns = u64::from(*first & 7) * 100_000_000;
    config.limits.max_flows = 8;
    let (mut now_ns, mut frames) = (1_700_000_000_000_000_000, Vec::new());
    while let Some((head, rest)) = data.split_first_chunk::<4>() {
        now_ns += u64::from(u16::from_le_bytes([head[0], head[1]])) * 1_000_000;
        let length = usize::from(u16::from_le_bytes([head[2], head[3]])).min(rest.len());
        let (packet, rest) = rest.split_at(length);
        frames.push(sce_meter::Frame {
            time_ns: now_ns,
            link: sce_meter::LinkType::RAW,
            wire_len: length as u32,
            data: packet,
            vlan: None,
            gso: None,
            outgoing: None,
        });
        data = rest;
    }
    let mut meter = sce_meter::Meter::new(config.clone());
    let mut together = sce_meter::Records::default();
    meter.observe_all(&frames, &mut together);
    meter.finish(&mut together);

    let mut meter = sce_meter::Meter::new(config);
    let mut out = sce_meter::Records::default();
    for frame in &frames {
        if frame.time_ns >= meter.deadline() {
            meter.advance(frame.time_ns, &mut out);
        }
        meter.observe(frame);
    }
    meter.finish(&mut out);
    assert_eq!((&together.flows, &together.probe, &together.marks), (&out.flows, &out.probe, &out.marks));
    let frames = frames.len() as u64;
    let sum = |f: fn(&sce_proto::ProbeInterval) -> u64| out.probe.iter().map(f).sum::<u64>();
    assert_eq!(sum(|p| p.captured_packets), frames);
    assert_eq!(sum(|p| p.ip_packets + p.non_ip_packets + p.undecodable_packets), frames);
    assert_eq!(sum(|p| p.ip_packets), sum(|p| p.recorded_frames + p.other_frames));
    assert_eq!(out.flows.iter().map(|f| f.frames).sum::<u64>(), sum(|p| p.recorded_frames));
}

/// The payload of a batch, with a correct checksum.
pub fn batch(data: &[u8]) {
    let Some((size, payload)) = data.split_first_chunk::<2>() else { return };
    let batch = sce_proto::Batch {
        crc32c: crc32c::crc32c(payload),
        raw_bytes: u32::from(u16::from_le_bytes(*size)),
        payload: payload.to_vec().into(),
        ..Default::default()
    };
    let Ok(set) = sce_proto::columns::unpack(&batch) else { return };
    for table in &set.tables {
        let _ = sce_proto::columns::records::<sce_proto::FlowInterval>(table);
        let _ = sce_proto::columns::records::<sce_proto::StreamInterval>(table);
        let _ = sce_proto::columns::records::<sce_proto::PathMarks>(table);
    }
}

/// The blobs of path marks, and sketches.
pub fn marks(data: &[u8]) {
    let start_ns = 1_700_000_000_000_000_000;
    let _ = sce_proto::marks::Cuts::decode(data, start_ns);
    let _ = sce_proto::marks::Trail::decode(data, start_ns);
    assert!(sce_proto::sketch::decode(data).count() <= data.len());
    let (a, b) = data.split_at(data.len() / 2);
    let _ = sce_proto::sketch::merge(a, b);
    let _ = sce_proto::sketch::quantile(data, 0.5);
}
