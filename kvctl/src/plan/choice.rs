// SPDX-License-Identifier: GPL-2.0

//! Which interfaces the configuration of an export means.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use glob::Pattern;

use super::cards::Nature;
use super::wanted::Surroundings;
use crate::config::table::Require;
use crate::config::Export;
use crate::state::Target;

/// The interfaces that an export is to be on.
#[derive(Default)]
pub(crate) struct Choice {
    pub(crate) interfaces: BTreeSet<String>,
    /// What is wrong with those that it cannot be on.
    pub(crate) missing: Vec<String>,
    /// A line for what each pattern takes, and for what it leaves out.
    pub(crate) patterns: Vec<String>,
}

/// Whether it stands for any interfaces, or is the name of one.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

impl Surroundings<'_> {
    /// The interfaces that there are of those wanted, and what is wrong with the others. One that
    /// has gone away, or has become a part of another, comes back to its port by itself, so that
    /// the port stays.
    pub(super) fn choose(&self, export: &Export, running: Option<&Target>) -> Choice {
        let mut choice = Choice::default();
        let (patterns, names): (Vec<_>, Vec<_>) = export
            .interfaces
            .iter()
            .partition(|it| is_pattern(it.as_str()));
        for name in names {
            match self.own_name(name.as_str(), running) {
                None => {
                    choice.missing.push(no_such(name));
                    // It may be the alternative name of one that has gone away.
                    let ports = running.into_iter().flat_map(|target| target.ports.keys());
                    let absent = ports.filter(|name| !self.interfaces.contains_key(*name));
                    choice.interfaces.extend(absent.cloned());
                }
                Some(own) => match self.why_refused(&own, running) {
                    Some(reason) => choice.missing.push(reason),
                    None => _ = choice.interfaces.insert(own),
                },
            }
        }
        let named = choice.interfaces.clone();
        for pattern in patterns {
            self.matching(pattern, &named, running, &mut choice);
        }
        choice
    }

    /// The own name of an interface that is named.
    fn own_name(&self, name: &str, running: Option<&Target>) -> Option<String> {
        if self.interfaces.contains_key(name) || is_running(running, name) {
            return Some(name.to_owned());
        }
        let own = self.machine.own_name(name)?;
        self.interfaces.contains_key(&own).then_some(own)
    }

    /// Why there can be no export on an interface that is named.
    fn why_refused(&self, own: &str, running: Option<&Target>) -> Option<String> {
        if let Some(reason) = self.lacks(own) {
            return Some(format!("{own} is {reason}"));
        }
        if is_running(running, own) {
            return None;
        }
        let taker = self.machine.taker(own)?;
        // The module says it alike.
        Some(if self.is_open_vswitch(&taker) {
            format!(
                "{own} is a port of an Open vSwitch: export on an interface of the switch itself \
                 (ovs-vsctl list-br)"
            )
        } else {
            format!("{own} is a port of {taker}: export on {taker}")
        })
    }

    fn is_open_vswitch(&self, name: &str) -> bool {
        let nature = self.interfaces.get(name);
        nature.is_some_and(|it| it.kind.as_deref() == Some("openvswitch"))
    }

    /// What an interface is that must be something else. Nothing of one that is not there.
    fn lacks(&self, own: &str) -> Option<String> {
        let nature = self.interfaces.get(own)?;
        self.requirements.iter().find_map(|(pattern, require)| {
            if !self.means(pattern, own) {
                return None;
            }
            let kind = nature.kind.as_deref();
            if kind != Some(require.word()) {
                let is = kind.map_or("a card".to_owned(), |kind| format!("of the kind {kind}"));
                let wanted = require.word();
                return Some(format!(
                    "{is}, and [interface.\"{pattern}\"] requires {wanted}"
                ));
            }
            (*require == Require::Macsec && !self.machine.is_strict(own)).then(|| {
                format!(
                    "a macsec that takes frames without a key or once more, and [interface.\"{pattern}\"] \
                     requires macsec: ip link set {own} type macsec validate strict \
                     replay on window 32"
                )
            })
        })
    }

    /// Takes what a pattern means: what leads to a wire, and can serve.
    fn matching(
        &self,
        pattern: &Pattern,
        named: &BTreeSet<String>,
        running: Option<&Target>,
        choice: &mut Choice,
    ) {
        let ports = running.into_iter().flat_map(|target| target.ports.keys());
        let known: BTreeSet<&String> = self.interfaces.keys().chain(ports).collect();
        let mut taken = Vec::new();
        let mut left_out: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for name in known.into_iter().filter(|name| pattern.matches(name)) {
            match self.why_left_out(name, running) {
                Some(reason) if !named.contains(name) => {
                    left_out.entry(reason).or_default().push(name);
                }
                _ => taken.push(name.as_str()),
            }
        }
        let lines = left_out
            .iter()
            .map(|(reason, names)| format!("{} ({reason})", names.join(", ")));
        let lines: Vec<String> = lines.collect();
        if taken.is_empty() {
            choice.missing.push(if lines.is_empty() {
                no_such(pattern)
            } else {
                let all = lines.join(", ");
                format!("{pattern}: takes no interface, leaves out {all}; name one to export on it")
            });
        } else {
            let takes = taken.join(", ");
            choice.patterns.push(format!("{pattern}: takes {takes}"));
        }
        let left_out = lines
            .iter()
            .map(|line| format!("{pattern}: leaves out {line}"));
        choice.patterns.extend(left_out);
        choice
            .interfaces
            .extend(taken.into_iter().map(str::to_owned));
    }

    /// Why a pattern does not mean an interface. What may be otherwise tomorrow is no reason to end
    /// what runs there.
    fn why_left_out(&self, name: &str, running: Option<&Target>) -> Option<String> {
        let nature = self.interfaces.get(name);
        if let Some(reason) = self.lacks(name) {
            return Some(reason);
        }
        if is_running(running, name) && !nature.is_some_and(Nature::is_virtual) {
            return None;
        }
        nature.and_then(Nature::why_left_out).or_else(|| {
            let taker = self.machine.taker(name)?;
            Some(format!("port of {taker}"))
        })
    }
}

fn no_such(pattern: &Pattern) -> String {
    format!("{pattern}: no such Ethernet interface")
}

fn is_running(running: Option<&Target>, name: &str) -> bool {
    running.is_some_and(|target| target.ports.contains_key(name))
}
