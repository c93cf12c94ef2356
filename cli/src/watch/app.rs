//! The state of the terminal interface and what keys do to it. Draws nothing, asks nobody.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::client::Answer;
use crate::track::{Track, number, word};

/// One flow in the list.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) proto: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) bytes: f64,
    pub(crate) packets: f64,
    /// bit/s while it lived within the window.
    pub(crate) rate: f64,
    pub(crate) sce_share: f64,
    pub(crate) ce_share: f64,
    pub(crate) lost: Option<f64>,
    pub(crate) rtt_ns: Option<f64>,
}

/// What the list can be sorted by; `s` goes round.
pub(crate) const SORTS: [&str; 6] = ["rate", "bytes", "SCE", "CE", "lost", "RTT"];

/// What fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    /// All flows, and the selected one's curves below.
    List,
    /// One flow: its path hop by hop, its feedback, its curves.
    Flow,
    /// The keys.
    Help,
}

/// The news about the selected flow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Detail {
    pub(crate) id: String,
    pub(crate) tracks: Vec<Track>,
    pub(crate) paths: Answer,
    pub(crate) verify: Answer,
}

/// What a key asks the loop to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Only draw again.
    Draw,
    /// Ask the collector now.
    Ask,
    /// Leave.
    Quit,
}

/// Everything on the screen.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) window: String,
    pub(crate) entries: Vec<Entry>,
    pub(crate) total: u64,
    pub(crate) status: String,
    pub(crate) error: Option<String>,
    pub(crate) selected: usize,
    pub(crate) sort: usize,
    pub(crate) paused: bool,
    pub(crate) filter: String,
    /// The filter while it is being typed.
    pub(crate) input: Option<String>,
    pub(crate) screen: Screen,
    pub(crate) detail: Detail,
    /// First line shown of the flow screen.
    pub(crate) scroll: u16,
}

impl App {
    /// An empty screen.
    pub(crate) fn new(window: String, filter: String) -> App {
        App {
            window,
            entries: Vec::new(),
            total: 0,
            status: "asking ...".to_owned(),
            error: None,
            selected: 0,
            sort: 0,
            paused: false,
            filter,
            input: None,
            screen: Screen::List,
            detail: Detail::default(),
            scroll: 0,
        }
    }

    /// The selected flow.
    pub(crate) fn current(&self) -> Option<&Entry> {
        self.entries.get(self.selected)
    }

    /// Takes over new rows; the selection stays with its flow.
    pub(crate) fn take(&mut self, answer: &Answer) {
        let id = self.current().map(|e| e.id.clone());
        self.total = answer.completeness.rows_total.max(answer.rows.len() as u64);
        self.entries = entries(answer);
        self.order();
        self.selected = id.and_then(|id| self.entries.iter().position(|e| e.id == id)).unwrap_or(self.selected);
        self.clamp();
    }

    fn clamp(&mut self) {
        self.selected = self.selected.min(self.entries.len().saturating_sub(1));
    }

    fn order(&mut self) {
        let key = |e: &Entry| match SORTS[self.sort] {
            "bytes" => e.bytes,
            "SCE" => e.sce_share,
            "CE" => e.ce_share,
            "lost" => e.lost.unwrap_or(-1.0),
            "RTT" => e.rtt_ns.unwrap_or(-1.0),
            _ => e.rate,
        };
        self.entries.sort_by(|a, b| key(b).total_cmp(&key(a)).then_with(|| a.id.cmp(&b.id)));
    }

    /// What a key does.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Action {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Action::Quit;
        }
        if self.input.is_some() {
            return self.type_filter(key.code);
        }
        match (self.screen, key.code) {
            (Screen::Help, _) => self.screen = Screen::List,
            (_, KeyCode::Char('q')) => return Action::Quit,
            (_, KeyCode::Char('?' | 'h')) => self.screen = Screen::Help,
            (_, KeyCode::Char('p' | ' ')) => {
                self.paused = !self.paused;
                return if self.paused { Action::Draw } else { Action::Ask };
            }
            (Screen::Flow, KeyCode::Esc | KeyCode::Left | KeyCode::Backspace) => self.screen = Screen::List,
            (Screen::Flow, KeyCode::Down | KeyCode::Char('j')) => self.scroll = self.scroll.saturating_add(1),
            (Screen::Flow, KeyCode::Up | KeyCode::Char('k')) => self.scroll = self.scroll.saturating_sub(1),
            (Screen::List, KeyCode::Enter | KeyCode::Right) if self.current().is_some() => {
                (self.screen, self.scroll) = (Screen::Flow, 0);
                return Action::Ask;
            }
            (Screen::List, KeyCode::Char('/')) => self.input = Some(self.filter.clone()),
            (Screen::List, KeyCode::Char('s')) => self.sort_by((self.sort + 1) % SORTS.len()),
            (Screen::List, KeyCode::Char('S')) => self.sort_by((self.sort + SORTS.len() - 1) % SORTS.len()),
            (Screen::List, KeyCode::Esc) if !self.filter.is_empty() => {
                self.filter.clear();
                return Action::Ask;
            }
            (Screen::List, KeyCode::Down | KeyCode::Char('j')) => return self.go(1),
            (Screen::List, KeyCode::Up | KeyCode::Char('k')) => return self.go(-1),
            (Screen::List, KeyCode::PageDown) => return self.go(10),
            (Screen::List, KeyCode::PageUp) => return self.go(-10),
            (Screen::List, KeyCode::Home | KeyCode::Char('g')) => return self.go(isize::MIN / 2),
            (Screen::List, KeyCode::End | KeyCode::Char('G')) => return self.go(isize::MAX / 2),
            _ => {}
        }
        Action::Draw
    }

    fn go(&mut self, steps: isize) -> Action {
        self.selected = self.selected.saturating_add_signed(steps);
        self.clamp();
        Action::Ask
    }

    fn sort_by(&mut self, sort: usize) {
        self.sort = sort;
        self.selected = 0;
        self.order();
    }

    fn type_filter(&mut self, code: KeyCode) -> Action {
        let Some(input) = &mut self.input else { return Action::Draw };
        match code {
            KeyCode::Char(c) => input.push(c),
            KeyCode::Backspace => drop(input.pop()),
            KeyCode::Esc => self.input = None,
            KeyCode::Enter => {
                self.filter = self.input.take().unwrap_or_default();
                self.selected = 0;
                return Action::Ask;
            }
            _ => {}
        }
        Action::Draw
    }
}

/// The flows of an answer, by the columns that are there.
fn entries(answer: &Answer) -> Vec<Entry> {
    let at = |name: &str| answer.columns.iter().position(|c| c.name == name);
    let places: Vec<Option<usize>> = COLUMNS.iter().map(|c| at(c)).collect();
    let (since, until) = (answer.completeness.since_ns as f64, answer.completeness.until_ns as f64);
    let one = |row: &sce_proto::Row| {
        let value = |name: &str| {
            let i = COLUMNS.iter().position(|c| *c == name)?;
            row.values.get(places[i]?)
        };
        let n = |name: &str| value(name).and_then(number);
        let both = |name: &str| n(&format!("up.{name}")).unwrap_or(0.0) + n(&format!("down.{name}")).unwrap_or(0.0);
        let text = |name: &str| value(name).map(word).unwrap_or_default();
        let end = |side: &str| match (text(&format!("{side}_ip")), n(&format!("{side}_port"))) {
            (ip, None | Some(0.0)) => ip,
            (ip, Some(port)) if ip.contains(':') => format!("[{ip}]:{port}"),
            (ip, Some(port)) => format!("{ip}:{port}"),
        };
        let (packets, bytes) = (both("packets"), both("ip_bytes"));
        let last = n("last_ns").map_or(until, |l| if until > 0.0 { l.min(until) } else { l });
        let life = last - n("first_ns").unwrap_or(since).max(since);
        // A minimum of two directions: each observation point sees the round trip to one side only, the longer one is the whole.
        let rtt = ["up.rtt_ns_min", "down.rtt_ns_min", "rtt_ns_min"].iter().filter_map(|c| n(c)).filter(|r| *r > 0.0);
        Entry {
            id: text("flow"),
            proto: text("proto"),
            from: end("initiator"),
            to: end("responder"),
            bytes,
            packets,
            rate: if life > 0.0 { bytes * 8e9 / life } else { 0.0 },
            sce_share: both("ect1_packets") / packets.max(1.0),
            ce_share: both("ce_packets") / packets.max(1.0),
            lost: n("lost_packets")
                .or_else(|| n("up.lost_packets").map(|up| up + n("down.lost_packets").unwrap_or(0.0))),
            rtt_ns: rtt.reduce(f64::max),
        }
    };
    answer.rows.iter().map(one).collect()
}

/// The columns of `flows` that the list uses; those that the collector does not have are shown as `-`.
pub(crate) const COLUMNS: [&str; 22] = [
    "flow",
    "proto",
    "initiator_ip",
    "initiator_port",
    "responder_ip",
    "responder_port",
    "first_ns",
    "last_ns",
    "up.packets",
    "down.packets",
    "up.ip_bytes",
    "down.ip_bytes",
    "up.ect1_packets",
    "down.ect1_packets",
    "up.ce_packets",
    "down.ce_packets",
    "lost_packets",
    "up.lost_packets",
    "down.lost_packets",
    "up.rtt_ns_min",
    "down.rtt_ns_min",
    "rtt_ns_min",
];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use sce_proto::value::Kind;
    use sce_proto::{ColumnInfo, Completeness, Row, Value};

    /// Flows with rising numbers.
    pub(crate) fn answer(flows: u64) -> Answer {
        let n = |v| Value { kind: Some(Kind::Unsigned(v)) };
        let t = |v: String| Value { kind: Some(Kind::Text(v)) };
        let columns = COLUMNS.iter().map(|c| ColumnInfo { name: (*c).to_owned(), ..ColumnInfo::default() }).collect();
        let row = |i: u64| {
            let value = |c: &&str| match *c {
                "flow" => t(format!("{i:016x}")),
                "proto" => t("tcp".to_owned()),
                "initiator_ip" => t("10.0.0.1".to_owned()),
                "responder_ip" => t("10.0.1.1".to_owned()),
                "initiator_port" => n(40_000 + i),
                "responder_port" => n(5201),
                "first_ns" => n(1_000_000_000),
                "last_ns" => n(11_000_000_000),
                "up.packets" => n(1000 * (i + 1)),
                "up.ip_bytes" => n(1_500_000 * (i + 1)),
                "up.ect1_packets" => n(10 * (flows - i)),
                "lost_packets" => n(i),
                "up.rtt_ns_min" => n(20_000_000),
                c if c.starts_with("down.") && c.ends_with("s") => n(0),
                _ => Value::default(),
            };
            Row { values: COLUMNS.iter().map(value).collect() }
        };
        let completeness =
            Completeness { rows_total: flows, since_ns: 0, until_ns: 11_000_000_000, ..Completeness::default() };
        Answer { columns, rows: (0..flows).map(row).collect(), completeness }
    }

    /// A list of three flows.
    pub(crate) fn app() -> App {
        let mut app = App::new("last 1m".to_owned(), String::new());
        app.take(&answer(3));
        app.status = "probes: client current - no records lost".to_owned();
        app
    }

    fn press(app: &mut App, keys: &str) -> Action {
        let mut last = Action::Draw;
        for c in keys.chars() {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                '\u{8}' => KeyCode::Backspace,
                c => KeyCode::Char(c),
            };
            last = app.key(KeyEvent::new(code, KeyModifiers::NONE));
        }
        last
    }

    #[test]
    fn the_list_is_sorted_and_the_selection_stays_with_its_flow() {
        let mut app = app();
        assert_eq!(app.current().unwrap().id, format!("{:016x}", 2), "the fastest first");
        assert_eq!(app.entries[0].rate, 4_500_000.0 * 8.0 / 10.0);
        press(&mut app, "jj");
        assert_eq!(app.current().unwrap().id, format!("{:016x}", 0));
        app.take(&answer(5));
        assert_eq!(app.current().unwrap().id, format!("{:016x}", 0));
        press(&mut app, "ss");
        assert_eq!((SORTS[app.sort], app.selected), ("SCE", 0));
        assert_eq!(app.current().unwrap().id, format!("{:016x}", 0), "most SCE first");
        app.take(&answer(0));
        assert_eq!(app.current(), None);
        assert_eq!(press(&mut app, "jG\n"), Action::Draw, "nothing to open");
    }

    #[test]
    fn a_filter_is_typed_taken_and_dropped() {
        let mut app = app();
        press(&mut app, "/port 5201x\u{8}");
        assert_eq!(app.input.as_deref(), Some("port 5201"));
        assert_eq!(press(&mut app, "\n"), Action::Ask);
        assert_eq!((app.filter.as_str(), &app.input), ("port 5201", &None));
        press(&mut app, "/q\u{1b}");
        assert_eq!(app.filter, "port 5201", "Esc keeps the old one");
        assert_eq!(press(&mut app, "\u{1b}"), Action::Ask);
        assert_eq!(app.filter, "");
    }

    #[test]
    fn keys_lead_to_a_flow_to_help_and_out() {
        let mut app = app();
        assert_eq!(press(&mut app, "\n"), Action::Ask);
        assert_eq!(app.screen, Screen::Flow);
        press(&mut app, "\u{1b}?");
        assert_eq!(app.screen, Screen::Help);
        press(&mut app, "x");
        assert_eq!(app.screen, Screen::List);
        assert_eq!(press(&mut app, "p"), Action::Draw);
        assert!(app.paused);
        assert_eq!(press(&mut app, "p"), Action::Ask);
        assert_eq!(press(&mut app, "q"), Action::Quit);
        assert_eq!(app.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Action::Quit);
    }
}
