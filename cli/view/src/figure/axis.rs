//! A figure as data: panels above each other with a common x axis, curves in them. Knows no file format.

/// What the numbers of an axis are, which decides its ticks and its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Seconds.
    Seconds,
    /// Nanoseconds, shown as the unit that fits.
    Nanoseconds,
    /// bit/s, likewise.
    BitRate,
    /// Bytes, likewise.
    Bytes,
    /// Share of 1, shown as per cent.
    Share,
    /// Anything else.
    Plain,
    /// Places with names, from zero on.
    Names(&'static [&'static str]),
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Straight lines between measured points; a gap where nothing was measured.
    Line,
    /// A staircase, for distributions.
    Stairs,
    /// Dots only.
    Dots,
    /// The area between the points and [`Curve::upper`].
    Band,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Name in the legend.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
    /// x and y; no y = not measured.
    pub points: Vec<(f64, Option<f64>)>,
    /// Upper edge of a band, a value for each point.
    pub upper: Vec<Option<f64>>,
}

/// A rectangle of a heat map or a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// From and to.
    pub x: (f64, f64),
    /// From and to.
    pub y: (f64, f64),
    /// How many it counts; `None` = not measured.
    pub count: Option<u64>,
    /// How dark it is, 0 to 1.
    pub shade: f64,
    /// Text in it.
    pub text: String,
}

/// Curves or tiles with a common y axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Words above it, where the legend does not say enough.
    pub title: String,
    /// What the y axis shows, without unit.
    pub label: String,
    /// What its numbers are.
    pub quantity: Quantity,
    /// The curves.
    pub curves: Vec<Curve>,
    /// The tiles, below the curves.
    pub tiles: Vec<Tile>,
    /// Top of the y axis where it is fixed.
    pub top: Option<f64>,
}

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Title.
    pub title: String,
    /// Where the numbers come from.
    pub caption: String,
    /// What the x axis shows, without unit.
    pub x_label: String,
    /// What its numbers are.
    pub x_quantity: Quantity,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

impl Curve {
    /// A curve.
    pub fn new(name: impl Into<String>, mark: Mark, points: Vec<(f64, Option<f64>)>) -> Curve {
        Curve { name: name.into(), mark, points, upper: Vec::new() }
    }

    /// Every y there is.
    fn ys(&self) -> impl Iterator<Item = f64> + '_ {
        self.points.iter().map(|p| p.1).chain(self.upper.iter().copied()).flatten()
    }

    /// Whether anything was measured.
    pub fn says_something(&self) -> bool {
        self.points.iter().any(|p| p.1.is_some())
    }
}

impl Panel {
    /// A panel of curves.
    pub fn new(label: impl Into<String>, quantity: Quantity, curves: Vec<Curve>) -> Panel {
        Panel { title: String::new(), label: label.into(), quantity, curves, tiles: Vec::new(), top: None }
    }

    /// Whether there is anything to draw.
    pub fn says_something(&self) -> bool {
        !self.tiles.is_empty() || self.curves.iter().any(Curve::says_something)
    }

    /// Largest y, at least a little above zero.
    pub fn highest(&self) -> f64 {
        let all = self.curves.iter().flat_map(Curve::ys).chain(self.tiles.iter().map(|t| t.y.1));
        self.top.unwrap_or_else(|| all.fold(0.0, f64::max))
    }

    /// Smallest y below zero, else zero: bars and shares start at zero, so that heights can be compared.
    pub fn lowest(&self) -> f64 {
        self.curves.iter().flat_map(Curve::ys).fold(0.0, f64::min)
    }
}

impl Figure {
    /// Smallest and largest x of all panels.
    pub fn x_range(&self) -> (f64, f64) {
        let curves = || self.panels.iter().flat_map(|p| &p.curves).flat_map(|c| &c.points).map(|p| p.0);
        let xs = || curves().chain(self.panels.iter().flat_map(|p| &p.tiles).flat_map(|t| [t.x.0, t.x.1]));
        let (low, high) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
        match (low.is_finite(), high > low) {
            (true, true) => (low, high),
            (true, false) if low > 0.0 => (low * 0.5, low * 1.5),
            (true, false) => (low, low + 1.0),
            _ => (0.0, 1.0),
        }
    }

    /// The numbers as CSV: panel, curve, x, y, in base units; of tiles the edges and the count.
    pub fn data(&self) -> String {
        if self.panels.iter().any(|p| !p.tiles.is_empty()) {
            return self.tile_data();
        }
        let mut out = "panel,curve,x,y\n".to_owned();
        for panel in &self.panels {
            let mut line = |name: &str, x: f64, y: Option<f64>| {
                let y = y.map(|y| y.to_string()).unwrap_or_default();
                out.push_str(&format!("{},{},{x},{y}\n", quote(&panel.label), quote(name)));
            };
            for curve in &panel.curves {
                let (lower, upper) = (format!("{}: lower", curve.name), format!("{}: upper", curve.name));
                let name = if curve.mark == Mark::Band { &lower } else { &curve.name };
                curve.points.iter().for_each(|(x, y)| line(name, *x, *y));
                curve.points.iter().zip(&curve.upper).for_each(|((x, _), y)| line(&upper, *x, *y));
            }
        }
        out
    }

    fn tile_data(&self) -> String {
        let edges = |name: &str, quantity| match quantity {
            Quantity::Names(_) => quote(name),
            _ => format!("{},{}", quote(&format!("{name} from")), quote(&format!("{name} to"))),
        };
        let place = |(from, to): (f64, f64), quantity| match quantity {
            Quantity::Names(names) => quote(names.get(from as usize).unwrap_or(&"")),
            _ => format!("{from},{to}"),
        };
        let y = self.panels.first().map(|p| (p.label.as_str(), p.quantity)).unwrap_or(("y", Quantity::Plain));
        let mut out = format!("panel,{},{},count\n", edges(&self.x_label, self.x_quantity), edges(y.0, y.1));
        for panel in &self.panels {
            for t in &panel.tiles {
                let (x, y) = (place(t.x, self.x_quantity), place(t.y, panel.quantity));
                let count = t.count.map(|n| n.to_string()).unwrap_or_default();
                out.push_str(&format!("{},{x},{y},{count}\n", quote(&panel.title)));
            }
        }
        out
    }
}

/// A field of CSV.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// An axis: how to go from values to shown numbers, where the ticks are, and the unit for its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// First and last value.
    pub range: (f64, f64),
    /// Values and their texts.
    pub ticks: Vec<(f64, String)>,
    /// Unit of the texts; empty where there is none.
    pub unit: &'static str,
}

/// An axis over a range with about `count` ticks at round numbers. `extend`: the range grows to the next tick.
pub fn axis(low: f64, high: f64, quantity: Quantity, count: usize, extend: bool) -> Axis {
    if let Quantity::Names(names) = quantity {
        let ticks = names.iter().enumerate().map(|(i, name)| (i as f64 + 0.5, (*name).to_owned())).collect();
        return Axis { range: (0.0, names.len() as f64), ticks, unit: "" };
    }
    let high = if high > low { high } else { low + 1.0 };
    let (divisor, unit) = scale(low.abs().max(high.abs()), quantity);
    let (a, b) = (low / divisor, high / divisor);
    let rough = (b - a) / count.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|m| m * power).find(|s| *s >= rough * 0.999).unwrap_or(power);
    let (first, last) = if extend {
        ((a / step).floor(), (b / step - 1e-9).ceil())
    } else {
        ((a / step - 1e-9).ceil(), (b / step + 1e-9).floor())
    };
    let digits = (0..6)
        .find(|d| (step * 10f64.powi(*d)).fract().abs() < 1e-6 || (step * 10f64.powi(*d)).fract() > 1.0 - 1e-6)
        .unwrap_or(6) as usize;
    let mut ticks = Vec::new();
    let mut n = first;
    while n <= last {
        ticks.push((n * step * divisor, format!("{:.digits$}", n * step + 0.0)));
        n += 1.0;
    }
    let range = if extend { (first * step * divisor, last * step * divisor) } else { (low, high) };
    Axis { range, ticks, unit }
}

/// Divisor and unit for numbers up to `top`.
fn scale(top: f64, quantity: Quantity) -> (f64, &'static str) {
    let pick = |steps: &[(f64, &'static str)]| {
        steps.iter().rev().find(|s| top >= s.0).or(steps.first()).copied().unwrap_or((1.0, ""))
    };
    match quantity {
        Quantity::Seconds => (1.0, "s"),
        Quantity::Nanoseconds => pick(&[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")]),
        Quantity::BitRate => pick(&[(1.0, "bit/s"), (1e3, "kbit/s"), (1e6, "Mbit/s"), (1e9, "Gbit/s")]),
        Quantity::Bytes => pick(&[(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")]),
        Quantity::Share => (0.01, "%"),
        Quantity::Plain | Quantity::Names(_) => (1.0, ""),
    }
}

/// Text of an axis: what and in which unit.
pub fn axis_label(label: &str, axis: &Axis) -> String {
    if axis.unit.is_empty() { label.to_owned() } else { format!("{label} ({})", axis.unit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        let a = axis(0.0, 9_300_000.0, Quantity::BitRate, 5, true);
        assert_eq!(a.unit, "Mbit/s");
        assert_eq!(a.ticks.iter().map(|t| t.1.as_str()).collect::<Vec<_>>(), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(a.range, (0.0, 10_000_000.0));
        let a = axis(0.0, 0.031, Quantity::Share, 4, true);
        assert_eq!(a.ticks.last().map(|t| t.1.as_str()), Some("4"));
        let a = axis(3.2, 17.9, Quantity::Seconds, 6, false);
        assert_eq!(a.ticks.first().map(|t| t.1.as_str()), Some("5.0"));
        assert!(a.ticks.iter().all(|t| (3.2..=17.9).contains(&t.0)));
        for high in [1e-9, 1.0, 123.0, 1e15] {
            let n = axis(0.0, high, Quantity::Plain, 5, true).ticks.len();
            assert!((2..=8).contains(&n), "{high}: {n} ticks");
        }
    }

    #[test]
    fn data_is_csv_with_empty_fields_for_what_was_not_measured() {
        let curve = Curve::new("a \"b\"", Mark::Line, vec![(0.0, Some(1.5)), (1.0, None)]);
        let panel = Panel::new("RTT", Quantity::Nanoseconds, vec![curve]);
        let figure = Figure {
            title: String::new(),
            caption: String::new(),
            x_label: "time".into(),
            x_quantity: Quantity::Seconds,
            panels: vec![panel],
        };
        assert_eq!(figure.data(), "panel,curve,x,y\n\"RTT\",\"a \"\"b\"\"\",0,1.5\n\"RTT\",\"a \"\"b\"\"\",1,\n");
        assert_eq!(figure.x_range(), (0.0, 1.0));
    }
}
