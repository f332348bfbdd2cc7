// SPDX-License-Identifier: GPL-2.0

//! Text in columns.

/// Rows of cells; the first row is the head.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Which columns are numbers, and end at the same place.
    right: &'static [usize],
}

impl Table {
    pub(crate) fn new(head: &[&str], right: &'static [usize]) -> Self {
        let head = head.iter().map(|word| (*word).to_owned()).collect();
        Self {
            rows: vec![head],
            right,
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether there is nothing but the head.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// So many of the lines behind the head, and how many more there are.
    pub(crate) fn first(mut self, most: usize) -> String {
        let more = self.rows.len().saturating_sub(most.saturating_add(1));
        self.rows.truncate(most.saturating_add(1));
        match more {
            0 => self.text(),
            more => format!("{}... and {more} more\n", self.text()),
        }
    }

    /// The lines.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let cell = if self.right.contains(&column) {
                    format!("{cell:>width$}  ")
                } else {
                    format!("{cell:<width$}  ")
                };
                line.push_str(&cell);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["A", "NUMBER", "C"], &[1]);
        table.row(["long", "7", "x"].map(str::to_owned));
        assert_eq!(table.text(), "A     NUMBER  C\nlong       7  x\n");
        assert!(!table.is_empty() && Table::new(&["A"], &[]).is_empty());
        for letter in ["y", "z"] {
            table.row(["long", "8", letter].map(str::to_owned));
        }
        let first = "A     NUMBER  C\nlong       7  x\n... and 2 more\n";
        assert_eq!(table.first(1), first);
    }
}
