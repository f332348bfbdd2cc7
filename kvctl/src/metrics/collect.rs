// SPDX-License-Identifier: GPL-2.0

//! What there is to tell, as metrics.

use kvblade_wire::state::Word;

use super::text::seconds;
use super::text::Kind;
use super::text::Metric;
use super::text::Value;
use crate::show::counters::FAMILIES;
use crate::show::latency;
use crate::show::latency::Histogram;
use crate::show::ExportStatus;
use crate::show::Port;
use crate::standing::Standing;

/// The bounds of the classes of times, as powers of two in microseconds: from 8 µs to a minute.
const BOUNDS: std::ops::RangeInclusive<u32> = 3..=26;

/// All metrics. Of each export as many initiators are told as are allowed, those heard last; `now` is
/// in seconds of Unix.
pub(super) fn collect(
    standing: &Standing,
    exports: &[ExportStatus],
    initiators: usize,
    now: u64,
) -> Vec<Metric> {
    let mut metrics = of_machine(standing);
    metrics.extend(of_exports(exports));
    metrics.extend(of_initiators(exports, initiators, now));
    metrics.extend(of_ports(exports));
    metrics
}

fn gauge(name: &str, help: &'static str) -> Metric {
    Metric::new(name, Kind::Gauge, help)
}

fn of_machine(standing: &Standing) -> Vec<Metric> {
    let mut build = Metric::new("build", Kind::Info, "The version of kvctl.");
    build.add(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let mut loaded = gauge("module_loaded", "Whether the kernel module is loaded.");
    loaded.add(&[], standing.loaded.into());
    let mut valid = gauge(
        "configuration_valid",
        "Whether the configuration can be read and has no error.",
    );
    valid.add(&[], standing.invalid.is_none().into());
    let mut applied = gauge(
        "export_applied",
        "Whether the export runs as the configuration says.",
    );
    let mut online = gauge(
        "export_online_wanted",
        "Whether the configuration wants clients to have I/O.",
    );
    let mut running = gauge(
        "export_running",
        "Whether an export that is configured is there, in whatever state.",
    );
    for (name, verdict) in &standing.exports {
        applied.add(&[("export", name)], verdict.is_applied().into());
        if verdict.configured {
            online.add(&[("export", name)], verdict.online.into());
            running.add(&[("export", name)], verdict.running.into());
        }
    }
    vec![build, loaded, valid, applied, online, running]
}

fn of_exports(exports: &[ExportStatus]) -> Vec<Metric> {
    let mut about = Metric::new("export", Kind::Info, "The device of the export.");
    let mut present = gauge("export_device_present", "Whether the device is there.");
    let mut size = gauge("export_size_bytes", "The size of the export.").of(Some("bytes"));
    let mut read_only = gauge("export_read_only", "Whether writes are refused.");
    let mut busy = gauge("export_requests_under_way", "Requests in flight.");
    let mut rivals = Metric::new(
        "export_rival_responses",
        Kind::Counter,
        "Responses heard that another target sent in the name of this one.",
    );
    let mut clients = gauge("export_initiators", "Initiators heard of lately.");
    let mut writers = gauge(
        "export_writers",
        "Initiators that have written and are not gone, 4 at most.",
    );
    for export in exports {
        let (name, address) = (export.label(), export.address.to_string());
        let own = [("export", name.as_str()), ("address", address.as_str())];
        let [name, address] = own;
        about.add(&[name, address, ("device", &export.device)], 1);
        let gone = |port: &Port| port.known().is_some_and(|it| it.has_lost_device());
        present.add(&own, (!export.ports.iter().any(gone)).into());
        if let Some(sectors) = export.sectors {
            size.add(&own, sectors.saturating_mul(512));
        }
        let is_read_only = export.settings.get("ro").is_some_and(|ro| ro == "1");
        read_only.add(&own, is_read_only.into());
        busy.add(&own, export.busy);
        rivals.add(&own, export.duplicates);
        clients.add(&own, export.initiators.len() as u64);
        writers.add(&own, export.writers.len() as u64);
    }
    vec![
        about, present, size, read_only, busy, rivals, clients, writers,
    ]
}

fn of_initiators(exports: &[ExportStatus], most: usize, now: u64) -> Vec<Metric> {
    let mut busy = gauge(
        "initiator_requests_under_way",
        "Requests that an initiator has in flight.",
    );
    let mut heard = gauge(
        "initiator_last_heard_timestamp_seconds",
        "When an initiator was heard last.",
    )
    .of(Some("seconds"));
    for export in exports {
        let (name, address) = (export.label(), export.address.to_string());
        let mut latest: Vec<_> = export.initiators.iter().collect();
        latest.sort_by_key(|initiator| (initiator.heard, &initiator.mac));
        for initiator in latest.into_iter().take(most) {
            let labels = [
                ("export", name.as_str()),
                ("address", address.as_str()),
                ("initiator", initiator.mac.as_str()),
            ];
            busy.add(&labels, initiator.busy);
            heard.add(&labels, now.saturating_sub(initiator.heard));
        }
    }
    vec![busy, heard]
}

fn of_ports(exports: &[ExportStatus]) -> Vec<Metric> {
    let mut state = gauge(
        "port_state",
        "The state of the export on the interface: 1 for the one that it is in.",
    );
    let mut mtu = gauge("port_mtu_bytes", "The MTU of the interface.").of(Some("bytes"));
    let mut latency = Metric::new(
        "port_latency_seconds",
        Kind::Histogram,
        "How long requests took from frame to answer; one in sixteen is timed.",
    )
    .of(Some("seconds"));
    let counter = |family: &crate::show::counters::Family| {
        let name = format!("port_{}", family.metric);
        Metric::new(&name, Kind::Counter, family.help).of(family.unit)
    };
    let mut counters: Vec<Metric> = FAMILIES.iter().map(counter).collect();
    for export in exports {
        let (name, address) = (export.label(), export.address.to_string());
        for port in &export.ports {
            let labels = [
                ("export", name.as_str()),
                ("address", address.as_str()),
                ("interface", port.interface.as_str()),
            ];
            let and = |label: &'static str, value: &'static str| {
                let [name, address, interface] = labels;
                [name, address, interface, (label, value)]
            };
            for word in Word::ALL {
                let is_so = port.word() == Some(*word);
                state.add(&and("state", word.text()), is_so.into());
            }
            if let Some(bytes) = port.mtu {
                mtu.add(&labels, bytes);
            }
            for (family, metric) in FAMILIES.iter().zip(&mut counters) {
                for counter in family.counters.iter().map(|it| it.row()) {
                    let Some(value) = port.stats.get(counter.file) else {
                        continue;
                    };
                    let value = value.saturating_mul(family.scale);
                    match family.label {
                        "" => metric.add(&labels, value),
                        label => metric.add(&and(label, counter.value), value),
                    }
                }
            }
            for (kind, operation) in [
                (latency::Kind::Read, "read"),
                (latency::Kind::Write, "write"),
            ] {
                add_times(
                    &mut latency,
                    &and("operation", operation),
                    &port.latency,
                    kind,
                );
            }
        }
    }
    let mut metrics = vec![state, mtu, latency];
    metrics.extend(counters);
    metrics
}

/// A histogram, if there is anything in it.
fn add_times(
    metric: &mut Metric,
    labels: &[(&'static str, &str); 4],
    times: &Histogram,
    kind: latency::Kind,
) {
    let count = times.count(kind);
    if count == 0 {
        return;
    }
    let [name, address, interface, operation] = *labels;
    let mut bucket = |bound: &str, count| {
        let labels = [name, address, interface, operation, ("le", bound)];
        metric.add_part("_bucket", &labels, Value::Whole(count));
    };
    for power in BOUNDS {
        let bound = 1 << power;
        bucket(&seconds(bound), times.below(kind, bound));
    }
    bucket("+Inf", count);
    metric.add_part("_sum", labels, Value::Micros(times.sum(kind)));
    metric.add_part("_count", labels, Value::Whole(count));
}
