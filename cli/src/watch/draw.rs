//! The state as a picture of characters. Pure: the same state gives the same picture.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table, TableState};

use super::app::{App, Entry, SORTS, Screen};
use super::path;
use crate::track::Track;
use crate::units::{UnitStyle, bytes, duration, grouped, percent, rate};

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws the whole screen.
pub(crate) fn draw(frame: &mut Frame<'_>, app: &App) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(3), Constraint::Length(1)]).areas(frame.area());
    frame.render_widget(header(app), head);
    match app.screen {
        Screen::List => list(frame, app, body),
        Screen::Flow => flow(frame, app, body),
        Screen::Help => frame.render_widget(help(), body),
    }
    frame.render_widget(footer(app), foot);
}

fn header(app: &App) -> Paragraph<'static> {
    let shown = app.entries.len() as u64;
    let count = if shown < app.total {
        format!("{} of {} flows", grouped(shown), grouped(app.total))
    } else {
        format!("{} flows", grouped(shown))
    };
    let mut first = vec![Span::styled("sce watch", BOLD)];
    if app.paused {
        first.extend([Span::raw("  "), Span::styled("PAUSED", REVERSED)]);
    }
    first.push(Span::raw(format!("  {count}, {}, by {}", app.window, SORTS[app.sort])));
    if !app.filter.is_empty() {
        first.push(Span::raw(format!(", where {}", app.filter)));
    }
    let second = match &app.error {
        Some(error) => Line::styled(format!("! {}", error.replace('\n', " ")), BOLD),
        None => Line::styled(app.status.clone(), DIM),
    };
    Paragraph::new(vec![Line::from(first), second])
}

fn footer(app: &App) -> Paragraph<'static> {
    let text = match (&app.input, app.screen) {
        (Some(input), _) => return Paragraph::new(format!("filter: {input}_   (Enter takes it, Esc leaves it)")),
        (None, Screen::List) => "q quit  up/down select  Enter open  s sort  / filter  p pause  ? help",
        (None, Screen::Flow) => "q quit  Esc back  up/down scroll  p pause  ? help",
        (None, Screen::Help) => "any key: back",
    };
    Paragraph::new(text).style(DIM)
}

/// A column of the list: heading, width (0: shared with the other end), text.
type Shown = (&'static str, u16, fn(&Entry) -> String);

fn list(frame: &mut Frame<'_>, app: &App, area: Rect) {
    // The curves of the selected flow need six lines; on a small terminal the list is worth more.
    let curves_height = if area.height >= 16 { 6 } else { 0 };
    let [table_area, curves_area] =
        Layout::vertical([Constraint::Min(3), Constraint::Length(curves_height)]).areas(area);
    if app.entries.is_empty() {
        let advice = "No flow in this window. Wider: --since 1h. Other flows: press Esc to drop the filter. Nothing at all: sce-cli probes";
        frame.render_widget(Paragraph::new(advice).wrap(ratatui::widgets::Wrap { trim: true }), table_area);
        return;
    }
    // Name, width and cell of each column. On a narrow terminal the addresses are worth more than protocol and round trip.
    let narrow = area.width < 100;
    let id_width: u16 = if area.width < 110 { 8 } else { 16 };
    let mut columns: Vec<Shown> = vec![
        ("FLOW", id_width, |e| e.id.clone()),
        ("PROTO", 5, |e| e.proto.clone()),
        ("INITIATOR", 0, |e| e.from.clone()),
        ("RESPONDER", 0, |e| e.to.clone()),
        ("RATE", 11, |e| rate(e.rate)),
        ("SCE", 8, |e| percent(e.sce_share)),
        ("CE", 8, |e| percent(e.ce_share)),
        ("LOST", 6, |e| e.lost.map_or("-".to_owned(), |l| grouped(l as u64))),
        ("RTT", 7, |e| e.rtt_ns.map_or("-".to_owned(), |r| duration(r as i64))),
    ];
    columns.retain(|c| !(narrow && ["PROTO", "RTT"].contains(&c.0)));
    let fixed: u16 = columns.iter().map(|c| c.1 + 1).sum::<u16>().saturating_sub(1);
    let endpoint = (area.width.saturating_sub(fixed) / 2).min(47);
    columns.iter_mut().filter(|c| c.1 == 0).for_each(|c| c.1 = endpoint);
    let widths: Vec<Constraint> = columns.iter().map(|c| Constraint::Length(c.1)).collect();
    let first_number = columns.iter().position(|c| c.0 == "RATE").unwrap_or(0);
    let cell = |i: usize, text: String| {
        let line = Line::from(text);
        Cell::from(if i >= first_number { line.right_aligned() } else { line })
    };
    let heading = Row::new(columns.iter().enumerate().map(|(i, c)| cell(i, c.0.to_owned())));
    let line = |e: &Entry| {
        Row::new(columns.iter().enumerate().map(|(i, (name, width, text))| {
            let text = text(e);
            cell(i, if *name == "FLOW" { text } else { shorten(&text, usize::from(*width)) })
        }))
    };
    // Only the rows on the screen are made: ten thousand flows cost no more than thirty.
    let height = usize::from(table_area.height.saturating_sub(1)).max(1);
    let first = app.selected.saturating_sub(height / 2).min(app.entries.len().saturating_sub(height));
    let rows = app.entries.iter().skip(first).take(height).map(line);
    let table = Table::new(rows, widths).header(heading.style(BOLD)).row_highlight_style(REVERSED).column_spacing(1);
    let mut state = TableState::default().with_selected(Some(app.selected - first));
    frame.render_stateful_widget(table, table_area, &mut state);
    if curves_height > 0
        && let Some(current) = app.current()
    {
        let mut lines = vec![Line::styled(format!("-- {} {} -> {} ", current.id, current.from, current.to), BOLD)];
        if app.detail.id == current.id {
            lines.extend(curves(&app.detail.tracks, usize::from(area.width)));
        }
        frame.render_widget(Paragraph::new(lines), curves_area);
    }
}

/// Leaves out the middle of what is too long: of an address, its beginning and its port stay.
fn shorten(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width || width < 8 {
        return text.to_owned();
    }
    let (head, tail) = (width - 7, 6);
    let (start, end): (String, String) =
        (text.chars().take(head).collect(), text.chars().skip(length - tail).collect());
    format!("{start}…{end}")
}

fn flow(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let Some(current) = app.entries.iter().find(|e| e.id == app.detail.id).or_else(|| app.current()) else { return };
    let width = usize::from(area.width);
    let mut lines =
        vec![Line::styled(format!("{} {}  {} -> {}", current.id, current.proto, current.from, current.to), BOLD)];
    lines.push(Line::raw(format!(
        "{} packets, {}, {}, SCE {}, CE {}",
        grouped(current.packets as u64),
        bytes(current.bytes, UnitStyle::Si),
        rate(current.rate),
        percent(current.sce_share),
        percent(current.ce_share)
    )));
    if app.detail.id == current.id {
        lines.push(Line::raw(""));
        lines.extend(path::lines(&app.detail.paths, width));
        lines.extend(path::verdicts(&app.detail.verify));
        lines.push(Line::raw(""));
        lines.extend(curves(&app.detail.tracks, width));
    } else {
        lines.push(Line::styled("asking ...", DIM));
    }
    frame.render_widget(
        Paragraph::new(lines).scroll((app.scroll, 0)).wrap(ratatui::widgets::Wrap { trim: false }),
        area,
    );
}

/// Throughput, SCE and CE marks, RTT and queueing delay over time, each as one line of bars with its latest value.
fn curves(tracks: &[Track], width: usize) -> Vec<Line<'static>> {
    // The busiest direction, at the point that saw most of it.
    let Some(track) = tracks.iter().max_by(|a, b| a.sum("ip_bytes").total_cmp(&b.sum("ip_bytes"))) else {
        return vec![Line::styled("no interval records in this window", DIM)];
    };
    let bars = width.saturating_sub(28).max(10);
    let ms = |v: f64| duration(v as i64);
    let rtt: Vec<Option<f64>> = track.values("rtt_ns_min").into_iter().map(|v| v.filter(|v| *v > 0.0)).collect();
    let least = rtt.iter().flatten().copied().reduce(f64::min).unwrap_or(0.0);
    let queue: Vec<Option<f64>> = rtt.iter().map(|v| v.map(|v| v - least)).collect();
    let bits: Vec<Option<f64>> = track.rate("ip_bytes").into_iter().map(|v| v.map(|v| v * 8.0)).collect();
    vec![
        curve("rate", &bits, bars, rate),
        curve("SCE", &track.share("ect1_packets", "packets"), bars, percent),
        curve("CE", &track.share("ce_packets", "packets"), bars, percent),
        curve("RTT", &rtt, bars, ms),
        curve("queue", &queue, bars, ms),
    ]
}

fn curve(name: &str, values: &[Option<f64>], bars: usize, show: impl Fn(f64) -> String) -> Line<'static> {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = &values[values.len().saturating_sub(bars)..];
    let top = shown.iter().flatten().copied().fold(0.0, f64::max);
    let level = |v: &Option<f64>| match v {
        None => ' ',
        Some(v) if top <= 0.0 || *v <= 0.0 => LEVELS[0],
        Some(v) => LEVELS[((v / top * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    let graph: String = shown.iter().map(level).collect();
    let latest = shown.iter().flatten().next_back();
    let text = latest.map_or("-".to_owned(), |v| format!("{} (max {})", show(*v), show(top)));
    Line::from(vec![Span::styled(format!("{name:6}"), DIM), Span::raw(graph), Span::raw(format!(" {text}"))])
}

fn help() -> Paragraph<'static> {
    let text = "\
Live flows of the collector, the busiest first.

  up, down, PgUp, PgDn, g, G   select a flow
  Enter                        open it: path hop by hop, feedback, curves
  Esc                          back; in the list: drop the filter
  s, S                         sort by the next or previous column
  /                            filter, in the language of `sce-cli flows`
  p or space                   pause and go on
  q                            quit

RATE   IP bytes of both directions over the flow's life within the window
SCE    share of packets seen with ECT(1);  CE  with CE
LOST   packets lost between the observation points that saw the flow
RTT    smallest round trip time;  queue  how much more than the smallest
-      in a number's place: nothing was measured";
    Paragraph::new(text)
}

#[cfg(test)]
mod tests {
    use super::super::app::Detail;
    use super::super::app::tests::{answer, app};
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn picture(app: &App, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|f| draw(f, app)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect::<Vec<_>>().join("\n")
    }

    fn compare(name: &str, text: &str) {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("watch-{name}.txt"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        assert_eq!(
            text,
            std::fs::read_to_string(&path).unwrap_or_default(),
            "{}; UPDATE=1 rewrites it",
            path.display()
        );
    }

    #[test]
    fn pictures() {
        let mut app = app();
        compare("list-80", &picture(&app, 80, 24));
        compare("list-120", &picture(&app, 120, 24));
        app.detail = Detail {
            id: app.entries[0].id.clone(),
            paths: path::tests::paths(),
            verify: path::tests::verify(),
            ..Detail::default()
        };
        app.screen = Screen::Flow;
        compare("flow-80", &picture(&app, 80, 24));
        app.screen = Screen::Help;
        compare("help-80", &picture(&app, 80, 24));
        app.screen = Screen::List;
        app.paused = true;
        app.input = Some("port 5201 and up.packets > 5".to_owned());
        app.error = Some("unknown column".to_owned());
        compare("filter-80", &picture(&app, 80, 12));
        app.take(&answer(0));
        compare("empty-80", &picture(&app, 80, 12));
    }

    #[test]
    fn no_size_of_terminal_panics() {
        let mut app = app();
        for screen in [Screen::List, Screen::Flow, Screen::Help] {
            app.screen = screen;
            for (w, h) in [(1, 1), (3, 200), (200, 3), (10, 10), (80, 24)] {
                picture(&app, w, h);
            }
        }
    }

    #[test]
    fn ten_thousand_flows_are_drawn_quickly() {
        let mut app = app();
        app.take(&answer(10_000));
        let start = std::time::Instant::now();
        for selected in (0..10_000).step_by(1000) {
            app.selected = selected;
            picture(&app, 120, 40);
        }
        // A debug build on a busy machine: a hundred milliseconds each is still smooth; making all rows would take far longer.
        assert!(start.elapsed().as_millis() < 1000, "{:?} for ten pictures", start.elapsed());
    }
}
