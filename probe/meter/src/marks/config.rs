//! Settings of path marks. Data only.

/// Which packets are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MarksMode {
    /// None: no path marks at all.
    Off,
    /// The first packets of each direction, a hash-selected share, and sequence cuts of TCP and SCTP.
    #[default]
    Sampled,
    /// Every packet: for experiments and replays of capture files.
    Full,
}

/// Settings of path marks. Points that are to be compared need the same key and stride; shares may differ.
#[derive(Debug, Clone)]
pub struct MarksConfig {
    /// Which packets are listed.
    pub mode: MarksMode,
    /// Key of the digests: one per deployment.
    pub key: [u8; 16],
    /// Share of packets that is listed in sampled mode, of 65536.
    pub threshold: u32,
    /// Packets at the beginning of each direction that are listed in sampled mode.
    pub head: u32,
    /// log2 of the distance of sequence cuts, bytes; for SCTP in TSNs of 2048 bytes.
    pub log2_stride: u8,
    /// Marks that all flows together can have in an interval. A mark takes 48 bytes, so the default is about 6 MiB.
    pub max_marks: usize,
    /// Sequence cuts that all flows together can have in an interval, 120 bytes each.
    pub max_cuts: usize,
    /// Runs of run-length maps that all flows together can have in an interval, 24 bytes each.
    pub max_runs: usize,
}

impl Default for MarksConfig {
    fn default() -> Self {
        MarksConfig {
            mode: MarksMode::Sampled,
            key: *b"sce path marks 1",
            threshold: 128,
            head: 16,
            log2_stride: 17,
            max_marks: 1 << 17,
            max_cuts: 1 << 14,
            max_runs: 1 << 16,
        }
    }
}
