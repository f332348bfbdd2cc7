// SPDX-License-Identifier: GPL-2.0

//! Slots of exports for which the configuration gives none: the lowest that is free, and the same
//! one ever after.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::address::Address;
use super::file;
use super::record::Record;
use crate::config::Export;

/// The highest slot.
const LAST: u8 = 254;

/// The addresses that were given to exports, by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Slots(BTreeMap<String, Address>);

impl Slots {
    fn path(lib: &Path) -> PathBuf {
        lib.join("slots.toml")
    }

    /// Those given before.
    pub(crate) fn load(lib: &Path) -> Result<Self, String> {
        let path = Self::path(lib);
        match file::read(&path)? {
            None => Ok(Self::default()),
            Some(text) => toml::from_str(&text)
                .map(Self)
                .map_err(|error| format!("{}: damaged: {}", path.display(), error.message())),
        }
    }

    /// Remembers those given.
    pub(crate) fn store(&self, lib: &Path) -> Result<(), String> {
        let text = toml::to_string(&self.0).map_err(|error| error.to_string())?;
        file::replace(&Self::path(lib), &text)
    }

    /// The same with what others have been given for these exports.
    pub(crate) fn with<'a>(&self, given: &Self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = self.clone();
        for name in names {
            if let Some(address) = given.0.get(name) {
                all.0.retain(|_, of| of != address);
                all.0.insert(name.to_owned(), *address);
            }
        }
        all
    }

    /// Forgets those that were given since, to exports that could not be made then: another time
    /// another may be free. Where something has failed, what others had for it is theirs again.
    pub(crate) fn settle(&self, lib: &Path, record: &Record, failed: bool) -> Result<(), String> {
        let before = Self::load(lib)?;
        let mut now = before.clone();
        now.0.retain(|name, address| {
            self.0.get(name) == Some(address) || record.exports.contains_key(name)
        });
        if failed {
            let made = record.exports.values().map(|made| made.address);
            let used: BTreeSet<Address> = made.chain(now.0.values().copied()).collect();
            for (name, address) in self.0.iter().filter(|(_, address)| !used.contains(address)) {
                now.0.entry(name.clone()).or_insert(*address);
            }
        }
        match now == before {
            true => Ok(()),
            false => now.store(lib),
        }
    }

    /// The address of each export, in their order, or why it has none.
    ///
    /// An address given once stays with the name, also when the export is not in the
    /// configuration for a while, unless the shelf has no other. Clients write to the disk that has
    /// it: no other export of the configuration gets it, whatever slot that asks for, and none that
    /// runs moves by itself. `running` is what runs, and the names of those that are ours.
    pub(crate) fn assign(
        &mut self,
        exports: &[Export],
        running: &BTreeMap<Address, Option<&str>>,
    ) -> Vec<Result<Address, String>> {
        let wanted: BTreeMap<&str, &Export> =
            exports.iter().map(|it| (it.name.as_str(), it)).collect();
        let taken: BTreeSet<Address> = exports.iter().filter_map(explicit).collect();
        let is_automatic = |name: &str, address: &Address| {
            let wanted = wanted.get(name);
            wanted.map(|it| it.own.slot.is_none() && it.shelf == address.shelf)
        };
        self.0.retain(|name, address| {
            let other = running
                .get(address)
                .is_some_and(|it| it.is_some_and(|it| it != name));
            let stays = is_automatic(name, address).unwrap_or_else(|| !taken.contains(address));
            stays && !other
        });
        let ours = running
            .iter()
            .filter_map(|(address, name)| Some(((*name)?, *address)));
        for (name, address) in ours.filter(|(name, it)| is_automatic(name, it) == Some(true)) {
            self.0.insert(name.to_owned(), address);
        }
        let kept = self
            .0
            .iter()
            .filter(|(name, _)| wanted.contains_key(name.as_str()));
        let kept: BTreeMap<Address, String> = kept
            .map(|(name, address)| (*address, name.clone()))
            .collect();
        let mut in_use: BTreeSet<Address> =
            taken.into_iter().chain(running.keys().copied()).collect();
        in_use.extend(self.0.values());
        let mut give = |export: &Export| match explicit(export) {
            Some(address) => match kept.get(&address) {
                Some(owner) => Err(refusal(address, owner)),
                None => Ok(address),
            },
            None => {
                if let Some(known) = self.0.get(&export.name) {
                    return Ok(*known);
                }
                let address = free(export.shelf, &in_use)
                    .or_else(|| self.abandoned(export.shelf, &wanted, running))
                    .ok_or_else(|| format!("shelf {} has no slot left", export.shelf))?;
                in_use.insert(address);
                self.0.insert(export.name.clone(), address);
                Ok(address)
            }
        };
        exports.iter().map(&mut give).collect()
    }

    /// Takes the address of an export that the configuration does not have any more.
    fn abandoned(
        &mut self,
        shelf: u16,
        wanted: &BTreeMap<&str, &Export>,
        running: &BTreeMap<Address, Option<&str>>,
    ) -> Option<Address> {
        let usable = |address: &Address| {
            let by_hand = running.get(address).is_some_and(Option::is_none);
            address.shelf == shelf && !by_hand
        };
        let (name, address) = self
            .0
            .iter()
            .find(|(name, address)| usable(address) && !wanted.contains_key(name.as_str()))?;
        let (name, address) = (name.clone(), *address);
        self.0.remove(&name);
        Some(address)
    }
}

/// Why an export does not get the slot that it asks for.
fn refusal(address: Address, owner: &str) -> String {
    let slot = address.slot;
    format!(
        "slot {slot}: address {address} is that of {owner}, whose clients would write to this disk: take another \
         slot, or give {owner} one of its own first"
    )
}

/// The lowest slot of a shelf that is not in use.
fn free(shelf: u16, in_use: &BTreeSet<Address>) -> Option<Address> {
    (0..=LAST)
        .map(|slot| Address { shelf, slot })
        .find(|address| !in_use.contains(address))
}

fn explicit(export: &Export) -> Option<Address> {
    let shelf = export.shelf;
    export.own.slot.map(|slot| Address { shelf, slot })
}
