//! Loads the path program, attaches it at every point, and reaches its maps.
//!
//! Maps and links are pinned in a bpffs of the lab's own, so they outlive this process and end with the lab.
//! Where the kernel lacks TCX links (before 6.6) the programs hang on clsact qdiscs, which end with their interfaces.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use aya::maps::{Array, HashMap, Map, MapData, RingBuf};
use aya::programs::links::FdLink;
use aya::programs::{ProgramError, SchedClassifier, TcAttachType, tc};
use aya::{Ebpf, EbpfLoader};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::layout::{self, COUNTERS, FlowCounts, FlowKey, FlowWords, KeyBytes, PointWords};
use crate::marks::{Marks, threshold};
use crate::system;
use crate::topology::{Esce, Point, Role, Spec};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/path.bpf.o"));

const NAT_SOURCE: u64 = 1;
const NAT_DESTINATION: u64 = 2;

/// Why the program cannot be used here, if so.
pub(crate) fn unavailable() -> Option<&'static str> {
    OBJECT.is_empty().then_some(
        "built without the path program: install clang and linux-libc-dev, and build again (cargo build -p sce-lab)",
    )
}

/// The maps of a running lab.
#[derive(Debug)]
pub(crate) struct Kernel {
    dir: PathBuf,
}

impl Kernel {
    /// The maps pinned under the lab's state directory.
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { dir: state_dir.join("bpf") }
    }

    /// Loads and attaches one program per point of `nodes`.
    pub(crate) fn install(&self, spec: &Spec, nodes: &[&str]) -> Result<()> {
        if let Some(reason) = unavailable() {
            bail!(reason);
        }
        std::fs::create_dir_all(&self.dir).with_context(|| format!("cannot make {}", self.dir.display()))?;
        mount(Some("bpf"), &self.dir, Some("bpf"), MsFlags::empty(), None::<&str>)
            .with_context(|| format!("cannot mount a bpffs at {}", self.dir.display()))?;
        let points: Vec<Point> = spec.points().into_iter().filter(|p| nodes.contains(&p.port.node)).collect();
        let ids: Vec<u32> = points.iter().map(|point| point.id.into()).collect();
        let mut loader = EbpfLoader::new();
        // No kernel structure is read, so no relocation is needed and kernels without BTF will do.
        loader.btf(None).default_map_pin_directory(&self.dir);
        for (point, id) in points.iter().zip(&ids) {
            let mut object =
                loader.override_global("POINT", id, true).load(OBJECT).context("cannot load the path program")?;
            if *point == points[0] {
                self.configure(spec)?;
            }
            self.attach(spec, point, &mut object)?;
        }
        Ok(())
    }

    fn attach(&self, spec: &Spec, point: &Point, object: &mut Ebpf) -> Result<()> {
        let program = object.program_mut("path").context("the object has no program named path")?;
        let program: &mut SchedClassifier = program.try_into()?;
        program.load().map_err(|e| refused(&e))?;
        let iface = point.port.iface;
        let namespace = spec.namespace(point.port.node);
        let hook = if point.ingress { TcAttachType::Ingress } else { TcAttachType::Egress };
        let link = system::within(&namespace, || {
            // Needed before 6.6 only, and harmless where the other direction has added it.
            let _ = tc::qdisc_add_clsact(iface);
            let id = program.attach(iface, hook)?;
            Ok(program.take_link(id)?)
        })
        .with_context(|| format!("cannot attach to {iface} in {namespace}"))?;
        if <&FdLink>::try_from(&link).is_ok() {
            FdLink::try_from(link)?.pin(self.dir.join(format!("link{}", point.id)))?;
        } else {
            // A clsact filter stays with its interface; dropping the handle would detach it.
            std::mem::forget(link);
        }
        Ok(())
    }

    /// Writes the settings of every point, while the lab runs too.
    pub(crate) fn configure(&self, spec: &Spec) -> Result<()> {
        let mut settings: Array<_, PointWords> = Array::try_from(self.map("POINTS", Map::Array)?)?;
        for point in spec.points() {
            settings.set(point.id.into(), point_words(spec, &point), 0)?;
        }
        let mut nat: Array<_, [u8; layout::NAT_LEN]> = Array::try_from(self.map("NAT", Map::Array)?)?;
        let inside = spec.client_port();
        nat.set(0, layout::nat_bytes((inside.v4(), inside.v6()), spec.outside(), crate::topology::NAT_PORT_XOR), 0)?;
        Ok(())
    }

    /// Every flow at every point: the point's number, the flow, its counts.
    pub(crate) fn flows(&self) -> Result<Vec<(u8, FlowKey, FlowCounts)>> {
        let flows: HashMap<_, KeyBytes, FlowWords> = HashMap::try_from(self.map("FLOWS", Map::HashMap)?)?;
        let mut all = Vec::new();
        for entry in flows.iter() {
            let (key, words) = entry.context("cannot read the flow map")?;
            let (point, key) = FlowKey::from_bytes(&key);
            all.push((point, key, FlowCounts::from_words(&words)));
        }
        Ok(all)
    }

    /// Forgets all counts, for the next experiment in the same lab.
    pub(crate) fn reset(&self) -> Result<()> {
        let mut flows: HashMap<_, KeyBytes, FlowWords> = HashMap::try_from(self.map("FLOWS", Map::HashMap)?)?;
        let keys: Vec<KeyBytes> = flows.keys().collect::<Result<_, _>>()?;
        for key in &keys {
            flows.remove(key)?;
        }
        let mut counts: Array<_, u64> = Array::try_from(self.map("COUNTS", Map::Array)?)?;
        (0..COUNTERS.len()).try_for_each(|i| counts.set(i as u32, 0, 0))?;
        Ok(())
    }

    /// The lab-wide counters, named by [`COUNTERS`].
    pub(crate) fn counters(&self) -> Result<[u64; COUNTERS.len()]> {
        let counts: Array<_, u64> = Array::try_from(self.map("COUNTS", Map::Array)?)?;
        let mut values = [0; COUNTERS.len()];
        for (i, value) in values.iter_mut().enumerate() {
            *value = counts.get(&(i as u32), 0)?;
        }
        Ok(values)
    }

    /// The log of decisions.
    pub(crate) fn log(&self) -> Result<RingBuf<MapData>> {
        Ok(RingBuf::try_from(self.map("LOG", Map::RingBuf)?)?)
    }

    fn map(&self, name: &str, kind: fn(MapData) -> Map) -> Result<Map> {
        let path = self.dir.join(name);
        let data = MapData::from_pin(&path)
            .with_context(|| format!("cannot open {}: is the lab up, with its path program?", path.display()))?;
        Ok(kind(data))
    }

    /// Lets go of everything pinned. Works on a half-built lab, and twice.
    pub(crate) fn remove(&self) {
        // Not mounted is what it should be afterwards.
        let _ = umount2(&self.dir, MntFlags::MNT_DETACH);
    }
}

/// The verifier's last words; all of them would fill the screen.
fn refused(error: &ProgramError) -> anyhow::Error {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(8)..].join("\n");
    anyhow::anyhow!("the kernel refuses the path program: {}\n{last}", lines.first().unwrap_or(&""))
}

fn point_words(spec: &Spec, point: &Point) -> PointWords {
    let marks = match point.role {
        Role::Router(router) if spec.marks[router].applies(point.up) => spec.marks[router],
        _ => Marks::default(),
    };
    let server = point.port.node == "server";
    let east_of_r1 = point.port.node == "r1" && point.port.iface == "east" && spec.nat;
    [
        spec.seed,
        threshold(marks.drop),
        threshold(marks.ce),
        threshold(marks.sce),
        threshold(marks.bleach),
        threshold(marks.ae),
        marks.protos,
        marks.payload_only.into(),
        (spec.log && matches!(point.role, Role::Router(_))).into(),
        (server && point.ingress && spec.esce != Esce::Off).into(),
        if server && !point.ingress { spec.esce as u64 } else { 0 },
        match (east_of_r1, point.ingress) {
            (true, false) => NAT_SOURCE,
            (true, true) => NAT_DESTINATION,
            (false, _) => 0,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::test_spec;

    #[test]
    fn only_the_right_points_act() {
        let mut spec = test_spec(2);
        spec.marks[1] = "drop=1,dir=down".parse().unwrap();
        spec.esce = Esce::Half;
        spec.log = true;
        let words: Vec<(Point, PointWords)> = spec.points().iter().map(|p| (*p, point_words(&spec, p))).collect();
        let with = |word: usize| -> Vec<String> {
            let name = |p: &Point| format!("{}.{}.{}", p.port.node, p.port.iface, if p.ingress { "in" } else { "out" });
            words.iter().filter(|(_, w)| w[word] != 0).map(|(p, _)| name(p)).collect()
        };
        assert_eq!(with(1), ["r2.west.out"]);
        assert_eq!(with(8), ["r1.east.out", "r2.east.out", "r2.west.out", "r1.west.out"]);
        assert_eq!(with(9), ["server.eth0.in"]);
        assert_eq!(with(10), ["server.eth0.out"]);
        assert_eq!(with(11), ["r1.east.out", "r1.east.in"]);
    }
}
