// SPDX-License-Identifier: GPL-2.0

//! `kvctl top`: what the exports do, live, in the whole terminal.

mod lines;
mod screen;

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io;
use std::io::IsTerminal;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use ratatui::crossterm::event;
use ratatui::crossterm::event::Event;
use ratatui::crossterm::event::KeyCode;
use ratatui::crossterm::event::KeyEvent;
use ratatui::crossterm::event::KeyEventKind;
use ratatui::crossterm::event::KeyModifiers;
use ratatui::DefaultTerminal;
use signal_hook::consts::TERM_SIGNALS;

use crate::show::ExportStatus;
use lines::Line;
use lines::Point;

/// How many looks back are drawn.
const PAST: usize = 16;

/// How long a signal may have to wait at most, and a new export for its first rates.
const PATIENCE: Duration = Duration::from_millis(200);

/// What there is a line for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(crate) enum View {
    Exports,
    Interfaces,
    Clients,
}

impl View {
    const ALL: [Self; 3] = [Self::Exports, Self::Interfaces, Self::Clients];
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Order {
    /// Most requests a second
    Requests,
    /// Most kilobytes a second
    Bytes,
    /// Longest times of 99 of 100 requests
    Latency,
    /// Most requests in flight
    Busy,
    /// By name
    Name,
}

impl Order {
    /// The one that a key goes to.
    fn next(self) -> Self {
        match self {
            Self::Requests => Self::Bytes,
            Self::Bytes => Self::Latency,
            Self::Latency => Self::Busy,
            Self::Busy => Self::Name,
            Self::Name => Self::Requests,
        }
    }
}

/// All that is drawn.
struct Top {
    view: View,
    order: Order,
    /// How many lines are above the screen.
    above: usize,
    /// Nothing before the second look.
    before: Option<Vec<ExportStatus>>,
    now: Vec<ExportStatus>,
    looked: Instant,
    elapsed: Duration,
    past: HashMap<(View, String), VecDeque<Point>>,
    /// Why there is nothing new to show.
    trouble: Option<String>,
}

/// Shows what `look` sees every `interval` seconds, until a key or a signal ends it.
///
/// # Errors
///
/// A sentence: there is no terminal, or the first look fails.
pub(crate) fn run(
    look: impl Fn() -> Result<Vec<ExportStatus>, String>,
    interval: u64,
    view: View,
    order: Order,
) -> Result<(), String> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err("top needs a terminal: use kvctl show --watch or --json instead".into());
    }
    let mut top = Top::new(view, order, look()?, Instant::now());
    let ended = Arc::new(AtomicBool::new(false));
    for signal in TERM_SIGNALS {
        signal_hook::flag::register(*signal, ended.clone()).map_err(|error| error.to_string())?;
    }
    // Also puts the terminal back when this program panics.
    let mut terminal = ratatui::try_init().map_err(|error| format!("the terminal: {error}"))?;
    let result = top.live(&mut terminal, &look, Duration::from_secs(interval), &ended);
    ratatui::restore();
    result.map_err(|error| format!("the terminal: {error}"))
}

impl Top {
    fn new(view: View, order: Order, now: Vec<ExportStatus>, looked: Instant) -> Self {
        Self {
            view,
            order,
            above: 0,
            before: None,
            now,
            looked,
            elapsed: Duration::MAX,
            past: HashMap::new(),
            trouble: None,
        }
    }

    fn live(
        &mut self,
        terminal: &mut DefaultTerminal,
        look: impl Fn() -> Result<Vec<ExportStatus>, String>,
        interval: Duration,
        ended: &AtomicBool,
    ) -> io::Result<()> {
        // Who has just started it does not wait for the first figures.
        let mut next = self.looked + interval.min(Duration::from_secs(1));
        loop {
            terminal.draw(|frame| screen::draw(frame, self))?;
            loop {
                if ended.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let left = next.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    self.look(look(), Instant::now());
                    next = Instant::now() + interval;
                    break;
                }
                if !event::poll(left.min(PATIENCE))? {
                    continue;
                }
                match event::read()? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => {
                        let (_, height) = ratatui::crossterm::terminal::size()?;
                        if !self.press(key, screen::room(height)) {
                            return Ok(());
                        }
                        break;
                    }
                    Event::Resize(..) => break,
                    _ => {}
                }
            }
        }
    }

    /// Takes what was seen at this time.
    fn look(&mut self, seen: Result<Vec<ExportStatus>, String>, at: Instant) {
        match seen {
            Err(reason) => self.trouble = Some(reason),
            Ok(seen) => {
                self.trouble = None;
                self.before = Some(std::mem::replace(&mut self.now, seen));
                self.elapsed = at.duration_since(self.looked);
                self.looked = at;
                self.remember();
            }
        }
    }

    /// What is not there any more has no past.
    fn remember(&mut self) {
        let mut past = HashMap::new();
        for view in View::ALL {
            for line in self.lines_of(view) {
                let key = (view, line.name.clone());
                let mut points = self.past.remove(&key).unwrap_or_default();
                points.push_back(line.point());
                if points.len() > PAST {
                    points.pop_front();
                }
                past.insert(key, points);
            }
        }
        self.past = past;
    }

    fn lines_of(&self, view: View) -> Vec<Line> {
        let before = self.before.as_ref().unwrap_or(&self.now);
        lines::lines(before, &self.now, self.elapsed, view)
    }

    /// The lines of this view, in order.
    fn lines(&self) -> Vec<Line> {
        let mut lines = self.lines_of(self.view);
        // By name already, and those that are alike stay so.
        match self.order {
            Order::Name => {}
            Order::Requests => lines.sort_by_key(|line| std::cmp::Reverse(line.requests())),
            Order::Bytes => lines.sort_by_key(|line| std::cmp::Reverse(line.kilobytes())),
            Order::Latency => lines.sort_by_key(|line| std::cmp::Reverse(line.latency())),
            Order::Busy => lines.sort_by_key(|line| std::cmp::Reverse(line.busy)),
        }
        lines
    }

    /// What a key does, where there is room for so many lines. Whether to go on.
    fn press(&mut self, key: KeyEvent, room: usize) -> bool {
        let most = self.lines_of(self.view).len().saturating_sub(room);
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('e') => self.show(View::Exports),
            KeyCode::Char('i') => self.show(View::Interfaces),
            KeyCode::Char('c') => self.show(View::Clients),
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Up => self.above = self.above.saturating_sub(1),
            KeyCode::Down => self.above += 1,
            KeyCode::PageUp => self.above = self.above.saturating_sub(room),
            KeyCode::PageDown => self.above += room,
            KeyCode::Home => self.above = 0,
            KeyCode::End => self.above = most,
            _ => {}
        }
        self.above = self.above.min(most);
        true
    }

    fn show(&mut self, view: View) {
        (self.view, self.above) = (view, 0);
    }
}
