// SPDX-License-Identifier: GPL-2.0

//! What is not as it should be, and how bad that is.

use std::fmt;

use kvblade_wire::state::Cause;
use kvblade_wire::state::Degraded;
use kvblade_wire::state::Down;
use kvblade_wire::state::State;
use kvblade_wire::state::Taker;
use kvblade_wire::state::Word;

use crate::show::ExportStatus;
use crate::show::Port;
use crate::standing::Standing;
use crate::standing::Verdict;

/// How bad something is; the numbers are the exit statuses of monitoring plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Ok = 0,
    Warning = 1,
    Critical = 2,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        })
    }
}

/// Something that is not as it should be.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// The export, and the interface if it is about one.
    pub(crate) place: String,
    pub(crate) what: String,
    /// What there is to do.
    pub(crate) advice: &'static str,
}

/// All that is not as it should be of the machine and these exports, the worst first.
pub(crate) fn findings(
    standing: &Standing,
    exports: &[ExportStatus],
    nothing_runs: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |level, place: &str, what: String, advice| {
        findings.push(Finding {
            level,
            place: place.to_owned(),
            what,
            advice,
        });
    };
    if let Some(reason) = &standing.invalid {
        // The place of the fault follows the sentence.
        let sentence = reason.lines().next().unwrap_or_default();
        // What runs goes on. But where nothing does, nothing will.
        let (level, more) = match nothing_runs {
            true => (Level::Critical, ": nothing is exported"),
            false => (Level::Warning, ""),
        };
        note(
            level,
            "configuration",
            format!("{sentence}{more}"),
            "kvctl check",
        );
    }
    if !standing.loaded {
        // What is wanted may not be known.
        let is_wanted = !standing.exports.is_empty() || standing.invalid.is_some();
        let level = match is_wanted {
            true => Level::Critical,
            false => Level::Ok,
        };
        let what = "not loaded: nothing is exported".to_owned();
        note(level, "module", what, "systemctl start kvblade");
    }
    if standing.unkept {
        let what =
            "nobody keeps what clients set: it is lost at the machine's next start".to_owned();
        let advice = "systemctl start kvblade-persist; systemctl enable kvblade";
        note(Level::Warning, "persist", what, advice);
    }
    for (name, reason) in &standing.owed {
        let what = format!("what clients have set cannot be kept: {reason}");
        note(Level::Warning, name, what, "df /var/lib/kvblade, dmesg");
    }
    for (name, verdict) in &standing.exports {
        if let Some((level, what, advice)) = of_verdict(verdict) {
            note(level, name, what, advice);
        }
    }
    for export in exports {
        if export.writers.len() > 1 {
            let what = format!("several clients write: {}", export.writers.join(", "));
            let advice =
                "right for a cluster file system only; single-writer = true refuses others";
            note(Level::Ok, &export.label(), what, advice);
        }
        let verdict = export.name.as_ref().and_then(|it| standing.exports.get(it));
        let is_offline = |port: &Port| port.known() == Some(State::Offline(None));
        let is_meant = verdict.is_some_and(|it| it.online && !it.unfinished);
        if is_meant && export.ports.iter().any(is_offline) {
            // By kvctl offline, or since what was kept of a mask or reservation is of no use.
            let what = "offline, and configured to be online: clients get no I/O".to_owned();
            note(Level::Warning, &export.label(), what, "kvctl online NAME");
        }
        let serves = |port: &Port| matches!(port.word(), Some(Word::Up | Word::Degraded));
        let has_path = export.ports.iter().any(serves);
        for port in &export.ports {
            if let Some((level, advice)) = of_state(port, has_path) {
                let place = format!("{} on {}", export.label(), port.interface);
                note(level, &place, port.state.clone(), advice);
            }
        }
    }
    // What is equally bad stays in its order.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings
}

fn of_verdict(verdict: &Verdict) -> Option<(Level, String, &'static str)> {
    if verdict.is_applied() {
        return None;
    }
    // Why something is not there says more than what is missing.
    let mut reasons = verdict.failures.join("; ");
    if let ("", [first, rest @ ..]) = (reasons.as_str(), verdict.changes.as_slice()) {
        let more = if rest.is_empty() { "" } else { ", ..." };
        reasons = format!("{first}{more}");
    }
    if verdict.unfinished && verdict.running {
        let what = "only half made, since kvctl was killed: clients get no I/O".to_owned();
        return Some((Level::Critical, what, "kvctl apply, which finishes it"));
    }
    Some(match (verdict.configured, verdict.running) {
        (true, false) => (
            Level::Critical,
            format!("configured, does not run: {reasons}"),
            "kvctl apply",
        ),
        (true, true) => (
            Level::Warning,
            format!("not as configured: {reasons}"),
            "kvctl apply --dry-run",
        ),
        (false, _) => (
            Level::Warning,
            "runs, and is not configured any more".to_owned(),
            "kvctl apply",
        ),
    })
}

const LOST_DEVICE: &str = "look for the disk: cable, controller, dmesg";

/// How bad the state of a port is, where the export may have another path.
fn of_state(port: &Port, has_path: bool) -> Option<(Level, &'static str)> {
    let level = match has_path {
        true => Level::Warning,
        false => Level::Critical,
    };
    let state = match (port.known(), port.word()) {
        (Some(state), _) => state,
        // A newer module has a reason that is not known here.
        (None, Some(Word::Down)) => return Some((level, "dmesg")),
        (None, _) => return Some((Level::Warning, "dmesg")),
    };
    Some(match state {
        State::Up | State::Offline(None) => return None,
        _ if state.has_lost_device() => (Level::Critical, LOST_DEVICE),
        State::Down(down) => (level, of_interface(down)),
        State::Offline(Some(_)) => (Level::Warning, "kvctl online, when the reason is gone"),
        State::Closing => (Level::Warning, "the disk does not end requests: dmesg"),
        State::Conflict(_) => (
            Level::Critical,
            "another target has the address: change one of both NOW, then check the clients' data",
        ),
        State::Degraded(Degraded::Failing { writes: 1.., .. }) => {
            (Level::Critical, "the disk fails: smartctl, dmesg")
        }
        State::Degraded(Degraded::Failing { .. }) => {
            (Level::Warning, "the disk fails: smartctl, dmesg")
        }
        State::Degraded(Degraded::Late(_)) => {
            (Level::Critical, "the disk stands still: dmesg, iostat -x")
        }
        State::Degraded(Degraded::ReadOnly) => (
            Level::Warning,
            "blockdev --setrw DEVICE, or read-only = true",
        ),
        State::Degraded(Degraded::Blocks { .. }) => (Level::Warning, "dmesg"),
    })
}

/// What there is to do about an interface that does not serve.
fn of_interface(down: Down) -> &'static str {
    match down {
        Down::By(Cause::DeviceGone) => LOST_DEVICE,
        Down::By(Cause::NoCarrier) => "look at the cable and the switch",
        Down::By(Cause::SwitchedOff) => "ip link set INTERFACE up",
        Down::By(Cause::NoInterface) => "ip link: was it renamed, or its driver not loaded?",
        Down::By(Cause::SmallMtu) => "ip link set INTERFACE mtu 1500",
        Down::By(Cause::NotEthernet) => "export on an Ethernet interface",
        Down::Taken(Taker::Ip | Taker::Tap) => "export on a card or a macvlan",
        Down::Taken(Taker::OpenVSwitch) => "export on an interface of the switch itself",
        Down::Taken(Taker::Interface(_)) => "export on the interface that takes its frames",
    }
}
