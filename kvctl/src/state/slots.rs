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

    /// Forgets those that were given since, to exports that could not be made then: another time
    /// another may be free.
    pub(crate) fn forget_unused(&self, lib: &Path, record: &Record) -> Result<(), String> {
        let mut now = Self::load(lib)?;
        let before = now.0.len();
        now.0.retain(|name, address| {
            self.0.get(name) == Some(address) || record.exports.contains_key(name)
        });
        match now.0.len() == before {
            true => Ok(()),
            false => now.store(lib),
        }
    }

    /// The address of each export, in their order; none if its shelf is full.
    ///
    /// An address given once stays with the name, also when the export is not in the
    /// configuration for a while, unless the shelf has no other. None gets one for the first time
    /// that is in use by an export made by hand.
    pub(crate) fn assign(
        &mut self,
        exports: &[Export],
        by_hand: &BTreeSet<Address>,
    ) -> Vec<Option<Address>> {
        let taken: BTreeSet<Address> = exports.iter().filter_map(explicit).collect();
        let wanted: BTreeMap<&str, &Export> =
            exports.iter().map(|it| (it.name.as_str(), it)).collect();
        self.0.retain(|name, address| {
            let wanted = wanted.get(name.as_str());
            !taken.contains(address)
                && wanted.is_none_or(|it| it.slot.is_none() && it.shelf == address.shelf)
        });
        let mut in_use: BTreeSet<Address> = taken.union(by_hand).copied().collect();
        in_use.extend(self.0.values());
        exports
            .iter()
            .map(|export| {
                explicit(export).or_else(|| {
                    if let Some(known) = self.0.get(&export.name) {
                        return Some(*known);
                    }
                    let address = free(export.shelf, &in_use)
                        .or_else(|| self.abandoned(export.shelf, &wanted, by_hand))?;
                    in_use.insert(address);
                    self.0.insert(export.name.clone(), address);
                    Some(address)
                })
            })
            .collect()
    }

    /// Takes the address of an export that the configuration does not have any more.
    fn abandoned(
        &mut self,
        shelf: u16,
        wanted: &BTreeMap<&str, &Export>,
        by_hand: &BTreeSet<Address>,
    ) -> Option<Address> {
        let usable = |address: &Address| address.shelf == shelf && !by_hand.contains(address);
        let (name, address) = self
            .0
            .iter()
            .find(|(name, address)| usable(address) && !wanted.contains_key(name.as_str()))?;
        let (name, address) = (name.clone(), *address);
        self.0.remove(&name);
        Some(address)
    }
}

/// The lowest slot of a shelf that is not in use.
fn free(shelf: u16, in_use: &BTreeSet<Address>) -> Option<Address> {
    (0..=LAST)
        .map(|slot| Address { shelf, slot })
        .find(|address| !in_use.contains(address))
}

fn explicit(export: &Export) -> Option<Address> {
    let shelf = export.shelf;
    export.slot.map(|slot| Address { shelf, slot })
}
