// SPDX-License-Identifier: GPL-2.0

//! What interfaces are: cards, what is made of cards, and what exists in this machine only.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What combines cards or divides them, and so leads where they lead.
const MADE_OF_CARDS: [&str; 6] = ["bond", "bridge", "hsr", "macsec", "team", "vlan"];

/// The bus of what looks like cards and is this end of cables to guests.
const CABLES: &str = "xen-backend";

/// What an interface is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nature {
    /// What it is instead of a card, in the kernel's words.
    pub(crate) kind: Option<String>,
    /// Whether there is a card below it.
    pub(crate) has_card: bool,
}

impl Nature {
    /// Why a pattern does not mean it.
    pub(crate) fn why_left_out(&self) -> Option<String> {
        let kind = self.kind.as_deref().filter(|_| !self.has_card)?;
        Some(if MADE_OF_CARDS.contains(&kind) {
            format!("{kind} without a card")
        } else {
            format!("virtual: {kind}")
        })
    }

    /// Whether it will always be left out.
    pub(crate) fn is_virtual(&self) -> bool {
        let kind = self.kind.as_deref();
        !self.has_card && kind.is_some_and(|kind| !MADE_OF_CARDS.contains(&kind))
    }
}

/// The natures of interfaces of a folder of sysfs, which does not tell all kinds: `more` tells them.
pub(crate) fn natures(
    net: &Path,
    names: Vec<String>,
    more: impl Fn() -> BTreeMap<String, String>,
) -> BTreeMap<String, Nature> {
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut more_kinds = None;
    for name in names {
        let kind = match told_kind(net, &name) {
            Told::Card => None,
            Told::Kind(kind) => Some(kind),
            Told::Nothing => {
                let kinds = more_kinds.get_or_insert_with(&more);
                Some(
                    kinds
                        .get(&name)
                        .map_or("of no known kind", |it| it)
                        .to_owned(),
                )
            }
        };
        found.insert(name, kind);
    }
    let nature = |name: &String, kind: &Option<String>| {
        let nature = Nature {
            kind: kind.clone(),
            has_card: leads_to_card(net, name, &found),
        };
        (name.clone(), nature)
    };
    found
        .iter()
        .map(|(name, kind)| nature(name, kind))
        .collect()
}

/// What sysfs says of an interface.
enum Told {
    Card,
    Kind(String),
    Nothing,
}

fn told_kind(net: &Path, name: &str) -> Told {
    let folder = net.join(name);
    if folder.join("device").exists() {
        let bus = fs::canonicalize(folder.join("device/subsystem"));
        return match bus {
            Ok(bus) if bus.ends_with(CABLES) => Told::Kind(CABLES.to_owned()),
            _ => Told::Card,
        };
    }
    let about = fs::read_to_string(folder.join("uevent")).unwrap_or_default();
    let kind = about.lines().find_map(|line| line.strip_prefix("DEVTYPE="));
    kind.map_or(Told::Nothing, |kind| Told::Kind(kind.to_owned()))
}

fn leads_to_card(net: &Path, name: &str, kinds: &BTreeMap<String, Option<String>>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        match kinds.get(&name) {
            Some(None) => return true,
            Some(Some(kind)) if MADE_OF_CARDS.contains(&kind.as_str()) => {
                if seen.insert(name.clone()) {
                    open.extend(lower(net, &name));
                }
            }
            _ => {}
        }
    }
    false
}

/// The interfaces that one is made of.
fn lower(net: &Path, name: &str) -> Vec<String> {
    let entries = fs::read_dir(net.join(name)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| Some(name.strip_prefix("lower_")?.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A sysfs with cards below a bus, and what is made of others, each with its DEVTYPE.
    struct Sysfs(tempfile::TempDir);

    impl Sysfs {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn card(&self, name: &str, bus: &str) {
            let (folder, bus) = (
                self.0.path().join(name),
                self.0.path().join("bus").join(bus),
            );
            fs::create_dir_all(folder.join("device")).unwrap();
            fs::create_dir_all(&bus).unwrap();
            symlink(bus, folder.join("device/subsystem")).unwrap();
        }

        fn made(&self, name: &str, kind: &str, of: &[&str]) {
            let folder = self.0.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            let kind = if kind.is_empty() {
                String::new()
            } else {
                format!("DEVTYPE={kind}\n")
            };
            fs::write(folder.join("uevent"), format!("{kind}INTERFACE={name}\n")).unwrap();
            for it in of {
                symlink(self.0.path().join(it), folder.join(format!("lower_{it}"))).unwrap();
            }
        }

        /// Why each is left out by patterns; nothing of those that are not.
        fn left_out(&self, names: &[&str], more: &[(&str, &str)]) -> Vec<String> {
            let names = names.iter().map(ToString::to_string).collect();
            let more = || {
                let owned = |(name, kind): &(&str, &str)| (name.to_string(), kind.to_string());
                more.iter().map(owned).collect()
            };
            let natures = natures(self.0.path(), names, more);
            let told =
                |(name, it): (&String, &Nature)| Some(format!("{name}: {}", it.why_left_out()?));
            natures.iter().filter_map(told).collect()
        }
    }

    #[test]
    fn what_leads_to_a_card_is_meant() {
        let sysfs = Sysfs::new();
        sysfs.card("eth0", "pci");
        sysfs.made("bond0", "bond", &["eth0"]);
        sysfs.made("br0", "bridge", &["bond0", "tap0"]);
        sysfs.made("san0", "vlan", &["br0"]);
        sysfs.made("macsec0", "macsec", &["san0"]);
        sysfs.made("team0", "", &["eth0"]);
        sysfs.made("tap0", "", &[]);
        let all = ["bond0", "br0", "eth0", "macsec0", "san0", "tap0", "team0"];
        let more = [("tap0", "tun"), ("team0", "team")];
        assert_eq!(sysfs.left_out(&all, &more), ["tap0: virtual: tun"]);
    }

    #[test]
    fn what_is_in_this_machine_only_is_not() {
        let sysfs = Sysfs::new();
        sysfs.card("eth0", "pci");
        sysfs.card("vif1.0", "xen-backend");
        sysfs.made("veth1", "", &[]);
        sysfs.made("odd0", "", &[]);
        sysfs.made("docker0", "bridge", &["veth1", "vif1.0"]);
        sysfs.made("vlan0", "vlan", &["docker0"]);
        sysfs.made("macvlan0", "", &["eth0"]);
        sysfs.made("vxlan0", "vxlan", &["eth0"]);
        let all = [
            "docker0", "eth0", "macvlan0", "odd0", "veth1", "vif1.0", "vlan0", "vxlan0",
        ];
        let more = [("macvlan0", "macvlan"), ("veth1", "veth")];
        let expected = [
            "docker0: bridge without a card",
            "macvlan0: virtual: macvlan",
            "odd0: virtual: of no known kind",
            "veth1: virtual: veth",
            "vif1.0: virtual: xen-backend",
            "vlan0: vlan without a card",
            "vxlan0: virtual: vxlan",
        ];
        assert_eq!(sysfs.left_out(&all, &more), expected);
    }

    #[test]
    fn a_ring_is_looked_at_once() {
        let sysfs = Sysfs::new();
        sysfs.made("br0", "bridge", &["br1"]);
        sysfs.made("br1", "bridge", &["br0"]);
        assert_eq!(
            sysfs.left_out(&["br0"], &[]),
            ["br0: bridge without a card"]
        );
    }
}
