//! `watch`: the terminal interface. Keys, clock and answers of the collector meet here; state and picture are pure.

mod app;
mod draw;
mod path;

use std::io::IsTerminal;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEventKind};
use sce_proto::{Completeness, SelectRequest};
use tokio::sync::mpsc;

use crate::args::WatchArgs;
use crate::client::{Answer, Client};
use crate::exit::Failure;
use crate::footer::Footer;
use crate::render::cell::Style;
use crate::time::{self, TimeStyle, Window};
use crate::units::UnitStyle;
use app::{Action, App, COLUMNS, Detail};

/// Flows on the screen at most: what a person can look through, and what a second suffices to fetch.
const MOST_FLOWS: u64 = 10_000;

/// What an answer brings.
struct News {
    flows: Answer,
    detail: Option<Detail>,
    status: String,
}

/// Runs the interface until the user leaves.
pub(crate) async fn run(client: &Client, args: &WatchArgs) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "watch needs a terminal; without one use `sce-cli flows --follow` or `sce-cli top --follow`",
        ));
    }
    let every = Duration::from_nanos(time::nanoseconds(&args.every)?);
    let since = args.window.times.since.as_deref().unwrap_or("1m");
    // A wrong window is told before the screen is taken over.
    time::window(Some(since), args.window.times.until.as_deref(), &jiff::Zoned::now())?;
    let known = client.clone().describe("flows").await?.map(|v| v.columns).unwrap_or_default();
    let columns = COLUMNS.iter().filter(|c| known.iter().any(|k| k.name == **c)).map(|c| (*c).to_owned()).collect();
    let asker = Asker { client: client.clone(), args: args.clone(), columns };
    let window = if args.window.times.until.is_some() { format!("from {since}") } else { format!("last {since}") };
    let mut app = App::new(window, args.filter.join(" "));

    let mut terminal = ratatui::try_init().map_err(|e| Failure::new(format!("cannot take over the terminal: {e}")))?;
    let outcome = turn(&mut terminal, &mut app, &asker, every).await;
    ratatui::restore();
    outcome
}

async fn turn(
    terminal: &mut ratatui::DefaultTerminal,
    app: &mut App,
    asker: &Asker,
    every: Duration,
) -> Result<(), Failure> {
    let mut keys = keys();
    let (tell, mut told) = mpsc::channel::<Result<News, Failure>>(4);
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // One question at a time: a slow collector must not be asked faster than it answers.
    let mut asking = false;
    let mut again = false;
    loop {
        terminal.draw(|f| draw::draw(f, app))?;
        tokio::select! {
            key = keys.recv() => match key {
                None => return Ok(()),
                Some(Event::Key(key)) if key.kind == KeyEventKind::Press => match app.key(key) {
                    Action::Quit => return Ok(()),
                    Action::Ask => again = true,
                    Action::Draw => {}
                },
                Some(_) => {}
            },
            _ = tick.tick() => again |= !app.paused,
            Some(news) = told.recv() => {
                asking = false;
                match news {
                    Ok(news) => {
                        (app.status, app.error) = (news.status, None);
                        if !app.paused {
                            app.take(&news.flows);
                        }
                        app.detail = news.detail.unwrap_or_default();
                    }
                    Err(failure) => app.error = Some(failure.text),
                }
            }
        }
        if again && !asking {
            (asking, again) = (true, false);
            let (asker, tell) = (asker.clone(), tell.clone());
            let (filter, selected) = (app.filter.clone(), app.current().map(|e| e.id.clone()));
            tokio::spawn(async move {
                // The screen may be gone by now.
                drop(tell.send(asker.ask(&filter, selected).await).await);
            });
        }
    }
}

/// Events of the terminal, read on a thread of their own because reading blocks.
fn keys() -> mpsc::UnboundedReceiver<Event> {
    let (send, receive) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if send.send(event).is_err() {
                return;
            }
        }
    });
    receive
}

#[derive(Clone)]
struct Asker {
    client: Client,
    args: WatchArgs,
    columns: Vec<String>,
}

impl Asker {
    /// Asks for the flows, and for everything about the selected one.
    async fn ask(mut self, filter: &str, selected: Option<String>) -> Result<News, Failure> {
        let now = jiff::Zoned::now();
        let since = self.args.window.times.since.as_deref().unwrap_or("1m");
        let Window { since_ns, until_ns } = time::window(Some(since), self.args.window.times.until.as_deref(), &now)?;
        let view = |view: &str, flow: &str| SelectRequest {
            view: view.to_owned(),
            since_ns,
            until_ns,
            run: self.args.window.run.clone().unwrap_or_default(),
            flow: flow.to_owned(),
            ..SelectRequest::default()
        };
        let all = SelectRequest {
            filter: filter.to_owned(),
            columns: self.columns.clone(),
            limit: MOST_FLOWS,
            ..view("flows", "")
        };
        let flows = self.client.all(all).await?;
        let first = || flows.rows.first().and_then(|r| r.values.first()).map(crate::track::word);
        let detail = match selected.or_else(first) {
            Some(id) => {
                let series = self.client.all(view("series", &id)).await?;
                let paths = self.client.all(view("paths", &id)).await?;
                let verify = self.client.all(view("verify", &id)).await?;
                Some(Detail { tracks: crate::track::tracks(&series), id, paths, verify })
            }
            None => None,
        };
        let status = status(&flows.completeness, flows.rows.len() as u64, since_ns, now);
        Ok(News { flows, detail, status })
    }
}

/// Freshness and losses in one line.
fn status(completeness: &Completeness, shown: u64, since_ns: u64, now: jiff::Zoned) -> String {
    let style = Style { units: UnitStyle::Si, time: Some(TimeStyle::Local), now };
    let footer = Footer { noun: "flows", shown, hidden: &[], completeness, since_ns, style: &style };
    footer.state()
}
