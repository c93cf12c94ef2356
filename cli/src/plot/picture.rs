//! A figure as a picture: its SVG, rendered at a size for slides and pages.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::exit::Failure;

/// Pixels for each unit of the SVG: 300 dots per inch in print.
const SCALE: f32 = 3.125;

/// The SVG as PNG. The letters come from a font of this machine.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, Failure> {
    let mut options = Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_system_fonts();
    // The families that the SVG names may be missing; any one will do, but none leaves a figure without words.
    let family = |wanted: &str| {
        fonts.faces().find_map(|f| f.families.iter().find(|n| n.0.contains(wanted)).map(|n| n.0.clone()))
    };
    let any =
        ["Helvetica", "Arial", "DejaVu Sans", "Liberation Sans", "Noto Sans", ""].iter().find_map(|name| family(name));
    let Some(any) = any else {
        return Err(Failure::new(
            "no font is installed here, and a picture without words helps nobody: apt-get install fonts-dejavu-core, or --out FILE.svg",
        ));
    };
    fonts.set_sans_serif_family(any);
    let failed = |why: String| {
        Failure::new(format!("the figure cannot be rendered ({why}); --out FILE.svg writes it as vectors"))
    };
    let tree = Tree::from_str(svg, &options).map_err(|e| failed(e.to_string()))?;
    let size = tree.size();
    let (wide, high) = ((size.width() * SCALE).ceil() as u32, (size.height() * SCALE).ceil() as u32);
    let mut picture = Pixmap::new(wide, high).ok_or_else(|| failed(format!("{wide} by {high} dots are too many")))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
    picture.encode_png().map_err(|e| failed(e.to_string()))
}
