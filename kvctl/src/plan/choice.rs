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
            match self.named(name.as_str(), running) {
                Ok(name) => _ = choice.interfaces.insert(name),
                Err(reason) => choice.missing.push(reason),
            }
        }
        let named = choice.interfaces.clone();
        for pattern in patterns {
            self.matching(pattern, &named, running, &mut choice);
        }
        choice
    }

    /// The own name of an interface that is named.
    fn named(&self, name: &str, running: Option<&Target>) -> Result<String, String> {
        let own = if self.interfaces.contains_key(name) || is_running(running, name) {
            name.to_owned()
        } else {
            let own = self.machine.own_name(name);
            own.filter(|own| self.interfaces.contains_key(own))
                .ok_or_else(|| format!("{name}: no such Ethernet interface"))?
        };
        if let Some(reason) = self.lacks(&own) {
            return Err(format!("{own} is {reason}"));
        }
        match self.machine.taker(&own) {
            Some(taker) if !is_running(running, &own) => {
                // The module says it alike.
                Err(format!("{own} is a port of {taker}: export on {taker}"))
            }
            _ => Ok(own),
        }
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
                    "a macsec that takes frames without a key, and [interface.\"{pattern}\"] \
                     requires macsec: ip link set {own} type macsec validate strict"
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
                format!("{pattern}: no such Ethernet interface")
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

fn is_running(running: Option<&Target>, name: &str) -> bool {
    running.is_some_and(|target| target.ports.contains_key(name))
}
