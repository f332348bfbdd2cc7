// SPDX-License-Identifier: GPL-2.0

//! A dashboard for Grafana, made of the same table as the metrics.

use serde_json::json;
use serde_json::Value;

use crate::show::counters::Family;
use crate::show::counters::FAMILIES;

/// Which exports are looked at: what the reader has chosen above the panels.
const CHOSEN: &str = "instance=~\"$instance\",export=~\"$export\"";

/// Panels stand two in a row.
const WIDTH: usize = 12;
const HEIGHT: usize = 8;

/// The dashboard, as JSON.
pub(crate) fn dashboard() -> String {
    let mut panels = overview();
    panels.extend(FAMILIES.iter().map(counters));
    for (number, panel) in panels.iter_mut().enumerate() {
        panel["id"] = json!(number + 1);
        panel["datasource"] = json!({ "type": "prometheus", "uid": "${datasource}" });
        panel["gridPos"] = json!({
            "x": number % 2 * WIDTH, "y": number / 2 * HEIGHT, "w": WIDTH, "h": HEIGHT,
        });
    }
    let whole = json!({
        "uid": "kvblade-rs",
        "title": "ATA over Ethernet exports",
        "tags": ["kvblade_rs"],
        "schemaVersion": 39,
        "editable": true,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [
            { "name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source" },
            variable("instance", "Machine", "label_values(kvblade_module_loaded, instance)"),
            variable(
                "export",
                "Export",
                "label_values(kvblade_port_state{instance=~\"$instance\"}, export)",
            ),
        ] },
        "panels": panels,
    });
    format!("{whole:#}\n")
}

fn variable(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name, "label": label, "type": "query",
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "query": { "query": query, "refId": name },
        "refresh": 2, "includeAll": true, "multi": true, "sort": 1,
        // All of them are more than those that run: what is missing is to be seen.
        "allValue": ".*",
        "current": { "text": ["All"], "value": ["$__all"] },
    })
}

/// What is no counter.
fn overview() -> Vec<Value> {
    let mut panels = vec![
        panel(
            "Exports that do not serve as they should",
            "table",
            "short",
            &[(
                format!("kvblade_port_state{{{CHOSEN},state!~\"up|closing\"}} == 1"),
                "",
            )],
        ),
        panel(
            "Exports that are not as the configuration says",
            "table",
            "short",
            &[(
                format!("kvblade_export_applied{{{CHOSEN}}} == 0"),
                "{{export}}",
            )],
        ),
        panel(
            "Requests in flight",
            "timeseries",
            "short",
            &[(
                format!("kvblade_export_requests_under_way{{{CHOSEN}}}"),
                "{{export}}",
            )],
        ),
        panel(
            "Initiators heard of lately",
            "timeseries",
            "short",
            &[(
                format!("kvblade_export_initiators{{{CHOSEN}}}"),
                "{{export}}",
            )],
        ),
    ];
    // The first two show what is now.
    for table in panels.iter_mut().take(2) {
        for target in table["targets"].as_array_mut().into_iter().flatten() {
            target["instant"] = json!(true);
            target["format"] = json!("table");
        }
    }
    for (title, of_hundred) in [
        ("Half of the requests took less than", "0.5"),
        ("99 of 100 requests took less than", "0.99"),
    ] {
        let rate =
            format!("rate(kvblade_port_latency_seconds_bucket{{{CHOSEN}}}[$__rate_interval])");
        let expression =
            format!("histogram_quantile({of_hundred}, sum by (le, export, operation) ({rate}))");
        let legend = "{{export}} {{operation}}";
        panels.push(panel(title, "timeseries", "s", &[(expression, legend)]));
    }
    panels
}

/// A panel for the counters of one metric.
fn counters(family: &Family) -> Value {
    let metric = format!("kvblade_port_{}_total", family.metric);
    let (by, legend) = match family.label {
        "" => ("export".to_owned(), "{{export}}".to_owned()),
        label => (
            format!("export, {label}"),
            format!("{{{{export}}}} {{{{{label}}}}}"),
        ),
    };
    let expression = format!("sum by ({by}) (rate({metric}{{{CHOSEN}}}[$__rate_interval]))");
    let unit = match family.unit {
        Some("bytes") => "Bps",
        _ => "ops",
    };
    let title = family.help.trim_end_matches('.');
    panel(title, "timeseries", unit, &[(expression, &legend)])
}

fn panel(title: &str, kind: &str, unit: &str, targets: &[(String, &str)]) -> Value {
    let targets: Vec<Value> = targets
        .iter()
        .zip('A'..)
        .map(|((expression, legend), letter)| {
            json!({ "refId": letter, "expr": expression, "legendFormat": legend })
        })
        .collect();
    json!({
        "title": title,
        "type": kind,
        "targets": targets,
        "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
    })
}
