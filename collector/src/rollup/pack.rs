//! Buckets as they are stored: merged records in the order of their flow keys, packed like a batch on the wire.
//!
//! In: flow records of a bucket. Out: a few [`Pack`]s, and from those the records again. Reading a packed record costs a
//! tenth of reading a row of some three hundred columns. No I/O here.

use prost::Message as _;
use sce_proto::{Batch, FlowInterval, Record, ValueRef, columns};

use super::Level;
use super::sums::Sums;
use crate::rows::{self, Data, Rows};
use crate::store::StoreError;

/// Records of a pack: few where one flow is looked for in many buckets, more where all are added up.
const SMALL: usize = 128;
const LARGE: usize = 512;

/// A part of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Smallest flow key inside.
    pub key_low: u64,
    /// Largest flow key inside.
    pub key_high: u64,
    /// Records inside.
    pub records: usize,
    /// Whether they are the records as they were stored.
    pub plain: bool,
    /// The encoded batch.
    pub payload: Vec<u8>,
}

/// A bucket that is being summed.
pub struct Packer {
    level: Level,
    bucket_ns: u64,
    sums: Sums,
}

impl Packer {
    /// An empty bucket.
    #[must_use]
    pub fn new(level: Level, bucket_ns: u64) -> Packer {
        let all: Vec<usize> = (0..FlowInterval::FIELDS.len()).collect();
        Packer { level, bucket_ns, sums: Sums::new(&all) }
    }

    /// Adds a record of the bucket.
    pub fn add(&mut self, record: &FlowInterval) {
        self.sums.add(record);
    }

    /// The bucket's packs, and of each flow instance its key and the end of its last packet.
    #[must_use]
    pub fn finish(self) -> (Vec<Pack>, Vec<Instance>) {
        let (level, bucket_ns) = (self.level, self.bucket_ns);
        let mut sums = Vec::new();
        for ((_, _), sum) in self.sums.finish() {
            for (total, records) in sum.totals.into_iter().zip(sum.records) {
                let Some(mut total) = total else { continue };
                let plain = records == 1 && total.interval_ns == level.width_ns();
                (total.start_ns, total.interval_ns) = (bucket_ns, level.width_ns());
                sums.push((*total, plain));
            }
        }
        sums.sort_by_key(|(r, _)| (r.flow_key, r.flow, r.op, r.direction));
        let mut instances: Vec<Instance> = sums
            .iter()
            .map(|(r, _)| Instance { flow: r.flow, flow_key: r.flow_key, last_ns: r.last_ns.max(bucket_ns) })
            .collect();
        instances.sort_by_key(|i| (i.flow, std::cmp::Reverse(i.last_ns)));
        instances.dedup_by_key(|i| i.flow);
        let size = if level == Level::Tens { SMALL } else { LARGE };
        (sums.chunks(size).map(pack).collect(), instances)
    }
}

/// A flow instance of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// Its identifier.
    pub flow: u64,
    /// Its key.
    pub flow_key: u64,
    /// Its last packet in the bucket, ns since the epoch.
    pub last_ns: u64,
}

fn pack(sums: &[(FlowInterval, bool)]) -> Pack {
    let records: Vec<FlowInterval> = sums.iter().map(|s| s.0.clone()).collect();
    let keys = || records.iter().map(|r| r.flow_key);
    Pack {
        key_low: keys().min().unwrap_or(0),
        key_high: keys().max().unwrap_or(0),
        records: records.len(),
        plain: sums.iter().all(|s| s.1),
        payload: columns::pack(vec![columns::table(&records)]).encode_to_vec(),
    }
}

/// The records of a pack.
///
/// # Errors
/// [`StoreError::Unavailable`] if the stored bytes are damaged.
pub fn unpack(payload: &[u8], mut each: impl FnMut(FlowInterval)) -> Result<(), StoreError> {
    for rows in tables(payload, &[])? {
        for row in 0..rows.len {
            let mut record = FlowInterval::default();
            fill(&mut record, &rows, row);
            each(record);
        }
    }
    Ok(())
}

/// Shows the records of a pack one by one, with some fields only (empty = all); `keys`: only those with one of these flow
/// keys, which are in rising order and among the fields.
///
/// # Errors
/// As [`unpack`].
pub fn look(
    payload: &[u8],
    fields: &[usize],
    keys: Option<&[u64]>,
    mut each: impl FnMut(&FlowInterval),
) -> Result<(), StoreError> {
    for rows in tables(payload, fields)? {
        let flow_keys = rows.ints("flow_key");
        let wanted = |row: usize| {
            let key = flow_keys.map_or(0, |k| k[row].cast_unsigned());
            keys.is_none_or(|keys| keys.binary_search(&key).is_ok())
        };
        // All rows have the same columns: one record serves them all.
        let mut record = FlowInterval::default();
        for row in (0..rows.len).filter(|row| wanted(*row)) {
            fill(&mut record, &rows, row);
            each(&record);
        }
    }
    Ok(())
}

fn tables(payload: &[u8], fields: &[usize]) -> Result<impl Iterator<Item = Rows>, StoreError> {
    let damaged = |why: String| {
        StoreError::Unavailable(format!("a roll-up is damaged ({why}); restore the database from its last backup"))
    };
    let batch = Batch::decode(payload).map_err(|e| damaged(e.to_string()))?;
    let decoded =
        if fields.is_empty() { rows::decode(&batch) } else { rows::decode_some::<FlowInterval>(&batch, fields) };
    let tables = decoded.map_err(|e| damaged(e.to_string()))?.tables;
    Ok(tables.into_iter().filter(|t| t.schema.table == FlowInterval::TABLE))
}

/// Gives a record what the columns have in a row.
fn fill(record: &mut FlowInterval, rows: &Rows, row: usize) {
    for column in &rows.columns {
        let value = match &column.data {
            Data::Ints(v) => ValueRef::U64(v[row].cast_unsigned()),
            Data::Texts(v, index) => ValueRef::Str(&v[index[row] as usize]),
            Data::Blobs(v, index) => ValueRef::Bytes(&v[index[row] as usize]),
        };
        record.set(column.field, value);
    }
}
