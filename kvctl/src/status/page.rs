// SPDX-License-Identifier: GPL-2.0

//! `kvctl status`: one screen, with what is wrong at its top.

use super::findings::Level;
use super::Status;
use crate::show::counters;
use crate::show::latency::Histogram;
use crate::show::latency::Kind;
use crate::show::table::Table;
use crate::show::ExportStatus;

/// As many lines has each part, where no exports are named.
const MAX_ROWS: usize = 20;

impl Status {
    /// The text. Of each part all is told if `all` is asked for, else as much as one can read.
    pub(crate) fn page(&self, all: bool) -> String {
        let most = if all { usize::MAX } else { MAX_ROWS };
        let bad = self.findings.iter().filter(|it| it.level != Level::Ok);
        let head = match bad.count() {
            0 => format!("{}: {}\n", self.level(), self.counted()),
            1 => format!("{}: {}, 1 thing is wrong\n", self.level(), self.counted()),
            many => format!(
                "{}: {}, {many} things are wrong\n",
                self.level(),
                self.counted()
            ),
        };
        let parts = [
            self.wrong(),
            self.clients(),
            self.counters(),
            self.running(),
        ];
        let parts = parts.into_iter().filter(|table| !table.is_empty());
        parts.fold(head, |text, table| format!("{text}\n{}", table.first(most)))
    }

    fn wrong(&self) -> Table {
        let mut table = Table::new(&["", "WHERE", "WHAT IS WRONG", "WHAT TO DO"], &[]);
        for finding in &self.findings {
            table.row([
                finding.level.to_string(),
                finding.place.clone(),
                finding.what.clone(),
                finding.advice.to_owned(),
            ]);
        }
        table
    }

    fn running(&self) -> Table {
        let head = [
            "NAME",
            "ADDRESS",
            "INTERFACE",
            "DEVICE",
            "READ us",
            "WRITE us",
            "STATE",
            "CONFIGURED",
        ];
        let mut table = Table::new(&head, &[4, 5]);
        // What serves as it should is what one looks at last.
        let mut ports: Vec<_> = self
            .exports
            .iter()
            .flat_map(|export| export.ports.iter().map(move |port| (export, port)))
            .collect();
        ports.sort_by_key(|(_, port)| port.is_up());
        for (export, port) in ports {
            table.row([
                export.title(),
                format!("e{}", export.address),
                port.interface.clone(),
                export.device.clone(),
                times(&port.latency, Kind::Read),
                times(&port.latency, Kind::Write),
                port.state.clone(),
                self.configured(export).to_owned(),
            ]);
        }
        table
    }

    /// Whether the configuration has an export.
    fn configured(&self, export: &ExportStatus) -> &'static str {
        let verdict = export.name.as_ref().and_then(|it| self.verdicts.get(it));
        match verdict {
            None => "no: made by hand",
            Some(verdict) if !verdict.configured => "not any more",
            Some(verdict) if !verdict.is_applied() => "differs",
            Some(_) => "yes",
        }
    }

    fn clients(&self) -> Table {
        let mut table = Table::new(&["NAME", "CLIENT", "UNDER WAY", "HEARD", "WRITES"], &[2]);
        for export in &self.exports {
            let mut clients: Vec<_> = export.initiators.iter().collect();
            clients.sort_by_key(|client| (client.heard, &client.mac));
            for client in clients {
                table.row([
                    export.label(),
                    client.mac.clone(),
                    client.busy.to_string(),
                    format!("{} s ago", client.heard),
                    String::from(match export.writers.contains(&client.mac) {
                        true => "yes",
                        false => "no",
                    }),
                ]);
            }
        }
        table
    }

    /// The counters that are no good sign, and what they mean.
    fn counters(&self) -> Table {
        let mut table = Table::new(&["NAME", "INTERFACE", "COUNTER", "VALUE", "MEANS"], &[3]);
        for export in &self.exports {
            for port in &export.ports {
                for (name, value) in port.stats.iter().filter(|(_, value)| **value != 0) {
                    let Some(means) = counters::meaning(name) else {
                        continue;
                    };
                    table.row([
                        export.label(),
                        port.interface.clone(),
                        (*name).to_owned(),
                        value.to_string(),
                        means.to_owned(),
                    ]);
                }
            }
            if export.duplicates != 0 {
                table.row([
                    export.label(),
                    String::new(),
                    "duplicates".to_owned(),
                    export.duplicates.to_string(),
                    "another target has answered for the address".to_owned(),
                ]);
            }
        }
        table
    }
}

/// The times within which half of the requests, and 99 of 100, were answered.
fn times(latency: &Histogram, kind: Kind) -> String {
    match (latency.within(kind, 50), latency.within(kind, 99)) {
        (Some(half), Some(most)) => format!("{half}/{most}"),
        _ => "-".into(),
    }
}
