// SPDX-License-Identifier: GPL-2.0

//! Text in columns.

/// Rows of cells; the first row is the head.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// Which columns are numbers, and end at the same place.
    right: &'static [usize],
}

impl Table {
    pub(super) fn new(head: &[&str], right: &'static [usize]) -> Self {
        let head = head.iter().map(|word| (*word).to_owned()).collect();
        Self {
            rows: vec![head],
            right,
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines.
    pub(super) fn text(&self) -> String {
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
    }
}
