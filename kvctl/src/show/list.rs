// SPDX-License-Identifier: GPL-2.0

//! `kvctl show` and `kvctl stats`: what is now.

use super::counters;
use super::gather::ExportStatus;
use super::table::Table;

/// A line for each export and interface.
pub(crate) fn list(exports: &[ExportStatus]) -> String {
    let head = [
        "NAME",
        "ADDRESS",
        "INTERFACE",
        "SIZE",
        "DEVICE",
        "MODE",
        "CLIENTS",
        "STATE",
    ];
    let mut table = Table::new(&head, &[3, 6]);
    for export in exports {
        let mode = match export.settings.get("ro").map(String::as_str) {
            Some("1") => "ro",
            _ => "rw",
        };
        for port in &export.ports {
            table.row([
                export.title(),
                format!("e{}", export.address),
                port.interface.clone(),
                export.sectors.map_or_else(|| "-".into(), size),
                export.device.clone(),
                mode.to_owned(),
                export.initiators.len().to_string(),
                port.state.clone(),
            ]);
        }
    }
    table.text()
}

/// In gigabytes, cut after three places, as the client's `aoe-stat` shows it.
fn size(sectors: u64) -> String {
    // Without the large product.
    let megabytes = sectors / 15625 * 8 + sectors % 15625 * 8 / 15625;
    format!("{}.{:03}GB", megabytes / 1000, megabytes % 1000)
}

/// A line for each counter that is not zero.
pub(crate) fn statistics(exports: &[ExportStatus]) -> String {
    let mut table = Table::new(&["NAME", "PORT", "COUNTER", "VALUE", "MEANS"], &[3]);
    for export in exports {
        for port in &export.ports {
            let place = format!("{}@{}", export.address, port.interface);
            for (name, value) in port.stats.iter().filter(|(_, value)| **value != 0) {
                table.row([
                    export.title(),
                    place.clone(),
                    (*name).to_owned(),
                    value.to_string(),
                    counters::meaning(name).unwrap_or_default().to_owned(),
                ]);
            }
        }
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_aoe_stat() {
        assert_eq!(size(5_859_375), "3.000GB");
        assert_eq!(size(2), "0.000GB");
        assert_eq!(size(u64::MAX / 512), "18446744073.709GB");
    }
}
