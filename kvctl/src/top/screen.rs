// SPDX-License-Identifier: GPL-2.0

//! How it looks.

use std::collections::VecDeque;
use std::env;

use ratatui::layout::Constraint;
use ratatui::layout::Layout;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::style::Style;
use ratatui::style::Stylize;
use ratatui::text::Line as Text;
use ratatui::text::Span;
use ratatui::widgets::Cell;
use ratatui::widgets::Row;
use ratatui::widgets::Table;
use ratatui::Frame;

use super::lines::Line;
use super::lines::Point;
use super::Order;
use super::Top;
use super::View;
use super::PAST;
use crate::show::latency::Kind;
use crate::show::Rates;

/// Lines that are not of the table: two above, its head, and the one below.
const FRAME: u16 = 4;

/// The least width of what there is to say besides.
const ABOUT: u16 = 24;

/// For how many lines of the table there is room on a screen of this height.
pub(super) fn room(height: u16) -> usize {
    height.saturating_sub(FRAME).into()
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, top: &Top) {
    let rows = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ];
    let [summary, trouble, table, keys] = Layout::vertical(rows).areas(frame.area());
    let lines = top.lines();
    frame.render_widget(summary_of(top).bold(), summary);
    if let Some(reason) = &top.trouble {
        frame.render_widget(Text::from(reason.as_str()).fg(Color::Red), trouble);
    }
    let room = usize::from(table.height.saturating_sub(1));
    frame.render_widget(table_of(top, &lines, table), table);
    let shown = top.above + room.min(lines.len().saturating_sub(top.above));
    let text = format!(
        "e exports  i interfaces  c clients  s sort  q quit   {} to {} of {}",
        lines.len().min(top.above + 1),
        shown,
        lines.len()
    );
    frame.render_widget(Text::from(text).dim(), keys);
}

fn summary_of(top: &Top) -> Text<'static> {
    let all = top.lines_of(View::Interfaces);
    let exports = top.now.len();
    let is_up = |export: &&crate::show::ExportStatus| export.ports.iter().all(|it| it.is_up());
    let up = top.now.iter().filter(is_up).count();
    let requests: u64 = all.iter().map(Line::requests).sum();
    let rates = || all.iter().filter_map(|line| line.rates.as_ref());
    let read: u64 = rates().map(|rates| rates.read_kilobytes).sum();
    let written: u64 = rates().map(|rates| rates.written_kilobytes).sum();
    let text = format!(
        "{exports} exports, {up} up   {requests} requests/s   read {read} KB/s, written {written} KB/s"
    );
    Text::from(text)
}

/// A column between the name and what there is to say besides.
struct Column {
    title: &'static str,
    width: u16,
    /// What the lines go by when it is marked.
    order: Option<Order>,
    /// In a narrow terminal the columns of the highest numbers are left out.
    worth: u8,
    text: fn(&Line, &VecDeque<Point>) -> String,
}

/// What there is to say of a line's rates.
fn of_rates(line: &Line, text: fn(&Rates) -> String) -> String {
    line.rates.as_ref().map(text).unwrap_or_default()
}

/// All of them, from left to right.
fn columns() -> Vec<Column> {
    let column = |title, width, order, worth, text| Column {
        title,
        width,
        order,
        worth,
        text,
    };
    let past = u16::try_from(PAST).unwrap_or(u16::MAX);
    vec![
        column("READ/s", 7, Some(Order::Requests), 1, |line, _| {
            of_rates(line, |rates| rates.reads.to_string())
        }),
        column("KB/s", 8, Some(Order::Bytes), 3, |line, _| {
            of_rates(line, |rates| rates.read_kilobytes.to_string())
        }),
        column("WRITE/s", 7, Some(Order::Requests), 2, |line, _| {
            of_rates(line, |rates| rates.writes.to_string())
        }),
        column("KB/s", 8, Some(Order::Bytes), 4, |line, _| {
            of_rates(line, |rates| rates.written_kilobytes.to_string())
        }),
        column("READ us", 13, Some(Order::Latency), 6, |line, _| {
            of_rates(line, |rates| rates.times(Kind::Read))
        }),
        column("WRITE us", 13, Some(Order::Latency), 7, |line, _| {
            of_rates(line, |rates| rates.times(Kind::Write))
        }),
        column("BUSY", 5, Some(Order::Busy), 0, |line, _| {
            line.busy.to_string()
        }),
        column("DROPS/s", 12, None, 8, |line, _| {
            of_rates(line, Rates::causes)
        }),
        column("REQUESTS", past, None, 5, |_, past| {
            spark(past.iter().map(|point| point.requests))
        }),
        column("LATENCY", past, None, 9, |_, past| {
            spark(past.iter().map(|point| point.latency))
        }),
    ]
}

/// The columns of this view for which there is room beside the name, and what is left.
fn fitting(view: View, name: u16, width: u16) -> Vec<Column> {
    let mut columns = columns();
    if view == View::Clients {
        // What clients do is not counted.
        columns.retain(|it| ["BUSY", "REQUESTS"].contains(&it.title));
        for column in columns.iter_mut().filter(|it| it.title == "REQUESTS") {
            column.title = "UNDER WAY";
        }
    }
    let taken = |columns: &[Column]| -> u16 { columns.iter().map(|it| it.width + 1).sum() };
    while taken(&columns) + name + 1 + ABOUT > width {
        let Some(last) = columns.iter().map(|it| it.worth).max() else {
            break;
        };
        columns.retain(|it| it.worth != last);
    }
    columns
}

fn table_of(top: &Top, lines: &[Line], area: Rect) -> Table<'static> {
    let marked = |text: &'static str, is_marked: bool| match is_marked {
        true => Span::from(text).underlined(),
        false => Span::from(text),
    };
    let first = match top.view {
        View::Exports => "EXPORT",
        View::Interfaces => "INTERFACE",
        View::Clients => "CLIENT",
    };
    let longest = lines.iter().map(|line| line.name.chars().count()).max();
    let name = u16::try_from(longest.unwrap_or(0).clamp(9, 32)).unwrap_or(32);
    let columns = fitting(top.view, name, area.width);
    let mut head = vec![Cell::from(marked(first, top.order == Order::Name))];
    let mut widths = vec![Constraint::Length(name)];
    for column in &columns {
        let text = marked(column.title, column.order == Some(top.order));
        head.push(Cell::from(Text::from(text).right_aligned()));
        widths.push(Constraint::Length(column.width));
    }
    head.push(Cell::default());
    widths.push(Constraint::Min(ABOUT));
    let room = usize::from(area.height.saturating_sub(1));
    let shown = lines.iter().skip(top.above).take(room);
    let empty = VecDeque::new();
    let rows = shown.map(|line| {
        let past = top.past.get(&(top.view, line.name.clone()));
        row(line, &columns, past.unwrap_or(&empty))
    });
    let rows: Vec<Row<'static>> = rows.collect();
    Table::new(rows, widths).header(Row::new(head).bold())
}

fn row(line: &Line, columns: &[Column], past: &VecDeque<Point>) -> Row<'static> {
    let mut cells = vec![Cell::from(line.name.clone())];
    for column in columns {
        let text = Text::from((column.text)(line, past));
        cells.push(Cell::from(text.right_aligned()));
    }
    let style = match line.is_bad {
        true => Style::new().fg(Color::Red),
        false => Style::new(),
    };
    cells.push(Cell::from(line.about.clone()).style(style));
    Row::new(cells)
}

/// A bar for each value, as high as the highest at most.
fn spark(values: impl Iterator<Item = u64> + Clone) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const PLAIN: [char; 8] = ['_', '.', '-', '=', '+', 'o', 'O', '#'];
    let bars = match can_draw() {
        true => BARS,
        false => PLAIN,
    };
    let most = values.clone().max().unwrap_or(0);
    let bar = |value: u64| match most {
        0 => bars[0],
        most => bars[usize::try_from(u128::from(value) * 7 / u128::from(most)).unwrap_or(0)],
    };
    values.map(bar).collect()
}

/// Whether the terminal is told to be one of Unicode.
fn can_draw() -> bool {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
