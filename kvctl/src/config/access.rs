// SPDX-License-Identifier: GPL-2.0

//! Access lists: from rules, and names of other lists, to the cards that are let in.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use kvblade_wire::access::write;
use kvblade_wire::aoe::mac_list;
use kvblade_wire::aoe::Mac;

use super::problem::Place;
use super::problem::Problems;
use super::table::AccessTable;
use super::table::RuleTable;
use super::table::Verdict;
use crate::suggest::suggestion;
use toml::Spanned;

/// A set of cards: those listed, or all but them. Any access list comes to one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    Only(BTreeSet<Mac>),
    AllBut(BTreeSet<Mac>),
}

impl Set {
    pub(crate) const ALL: Self = Self::AllBut(BTreeSet::new());
    pub(crate) const NONE: Self = Self::Only(BTreeSet::new());

    fn union(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(a | b),
            (Self::Only(a), Self::AllBut(b)) | (Self::AllBut(b), Self::Only(a)) => {
                Self::AllBut(b - a)
            }
            (Self::AllBut(a), Self::AllBut(b)) => Self::AllBut(a & b),
        }
    }

    fn complement(self) -> Self {
        match self {
            Self::Only(macs) => Self::AllBut(macs),
            Self::AllBut(macs) => Self::Only(macs),
        }
    }

    fn minus(&self, other: &Self) -> Self {
        self.clone().complement().union(other).complement()
    }

    fn macs(&self) -> &BTreeSet<Mac> {
        let (Self::Only(macs) | Self::AllBut(macs)) = self;
        macs
    }
}

/// As the kernel shows it and takes it.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, matches!(self, Self::Only(_)), self.macs())
    }
}

/// The named access lists, and the names of cards in `/etc/ethers`.
pub(super) struct Lists<'a> {
    tables: BTreeMap<&'a str, (Place, &'a AccessTable)>,
    ethers: &'a BTreeMap<String, Mac>,
    known: BTreeMap<&'a str, Set>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(ethers: &'a BTreeMap<String, Mac>) -> Self {
        Self {
            tables: BTreeMap::new(),
            ethers,
            known: BTreeMap::new(),
        }
    }

    /// Adds a list that a file defines.
    pub(super) fn define(
        &mut self,
        name: &'a str,
        place: Place,
        table: &'a AccessTable,
        problems: &mut Problems,
    ) {
        if matches!(name, "all" | "none") || Mac::parse(name).is_some() {
            problems.add(
                &place,
                format!("access list {name}: this name has a meaning already"),
                "expected a name other than all, none, and addresses of cards",
            );
        }
        if let Some((other, _)) = self.tables.get(name) {
            problems.add_pair(
                &place,
                format!("access list {name}: defined twice"),
                "expected another name",
                (other, "the first is here"),
            );
        }
        self.tables.insert(name, (place, table));
    }

    /// Finds out what all lists come to, whether they are used or not.
    pub(super) fn resolve(&mut self, problems: &mut Problems) {
        let names: Vec<&str> = self.tables.keys().copied().collect();
        for name in names {
            self.list(name, &mut Vec::new(), problems);
        }
    }

    fn list(&mut self, name: &'a str, above: &mut Vec<&'a str>, problems: &mut Problems) -> Set {
        if let Some(set) = self.known.get(name) {
            return set.clone();
        }
        let Some((place, table)) = self.tables.get(name).cloned() else {
            return Set::NONE;
        };
        above.push(name);
        let set = self.evaluate(&place, table, above, problems);
        above.pop();
        let most = mac_list::CAPACITY;
        if set.macs().len() > most {
            problems.add(
                &place,
                format!("access list {name}: comes to {} cards", set.macs().len()),
                format!("expected {most} at most"),
            );
        }
        self.known.insert(name, set.clone());
        set
    }

    /// The first rule that speaks of a card decides; so the last is applied first.
    fn evaluate(
        &mut self,
        place: &Place,
        table: &'a AccessTable,
        above: &mut Vec<&'a str>,
        problems: &mut Problems,
    ) -> Set {
        let mut rules: Vec<(Verdict, &'a Spanned<String>)> = Vec::new();
        if let Some(listed) = &table.rules {
            if table.accept.is_some() || table.deny.is_some() {
                problems.add(
                    place,
                    "rules beside accept or deny: their order is not clear",
                    "expected either rules, or accept and deny",
                );
            }
            rules.extend(
                listed
                    .iter()
                    .filter_map(|rule| single(rule, place, problems)),
            );
        }
        let named = |list: &'a Option<Vec<Spanned<String>>>, verdict| {
            list.iter().flatten().map(move |name| (verdict, name))
        };
        rules.extend(named(&table.deny, Verdict::Deny));
        rules.extend(named(&table.accept, Verdict::Accept));

        let accepts = |(verdict, _): &(Verdict, _)| *verdict == Verdict::Accept;
        let accepts = table.accept.is_some() || rules.iter().any(accepts);
        let rest = table.policy.unwrap_or(if accepts {
            Verdict::Deny
        } else {
            Verdict::Accept
        });
        let begin = match rest {
            Verdict::Accept => Set::ALL,
            Verdict::Deny => Set::NONE,
        };
        rules.iter().rev().fold(begin, |set, (verdict, name)| {
            let those = self.member(place.file, name, above, problems);
            match verdict {
                Verdict::Accept => set.union(&those),
                Verdict::Deny => set.minus(&those),
            }
        })
    }

    /// What an entry of a list stands for.
    fn member(
        &mut self,
        file: usize,
        entry: &'a Spanned<String>,
        above: &mut Vec<&'a str>,
        problems: &mut Problems,
    ) -> Set {
        let (name, place) = (entry.get_ref().as_str(), at(file, entry));
        if above.contains(&name) {
            problems.add(
                &place,
                format!("access list {name}: contains itself"),
                format!("expected no way back to {name}"),
            );
            Set::NONE
        } else if self.tables.contains_key(name) {
            self.list(name, above, problems)
        } else {
            match name {
                "all" => Set::ALL,
                "none" => Set::NONE,
                _ => match self.card(name) {
                    Some(mac) => Set::Only(BTreeSet::from([mac])),
                    None => {
                        self.unknown(name, &place, problems);
                        Set::NONE
                    }
                },
            }
        }
    }

    /// The list that an export names.
    pub(super) fn of_export(&self, name: &str, place: &Place, problems: &mut Problems) -> Set {
        match (name, self.known.get(name)) {
            (_, Some(set)) => set.clone(),
            ("all", None) => Set::ALL,
            ("none", None) => Set::NONE,
            _ => {
                let names = self.names();
                let hint = suggestion(name, &names);
                problems.add_missing(
                    place,
                    format!("{name}: no such access list{hint}"),
                    format!("expected {}", names.join(", ")),
                );
                Set::NONE
            }
        }
    }

    /// A card, by its address or its name.
    pub(super) fn card(&self, name: &str) -> Option<Mac> {
        let named = || self.ethers.get(&name.to_ascii_lowercase()).copied();
        let mac = Mac::parse(name).or_else(named);
        mac.filter(|mac| !mac.is_group())
    }

    fn unknown(&self, name: &str, place: &Place, problems: &mut Problems) {
        let mut known = self.names();
        known.extend(self.ethers.keys().map(String::as_str));
        let hint = suggestion(name, &known);
        problems.add_missing(
            place,
            format!(
                "{name}: neither the address of a card, nor an access list, nor in /etc/ethers{hint}"
            ),
            "expected an address like 02:00:00:00:00:01, or a name",
        );
    }

    fn names(&self) -> Vec<&str> {
        let mut names = vec!["all", "none"];
        names.extend(self.tables.keys());
        names
    }
}

fn single<'a>(
    rule: &'a Spanned<RuleTable>,
    list: &Place,
    problems: &mut Problems,
) -> Option<(Verdict, &'a Spanned<String>)> {
    let RuleTable { accept, deny } = rule.get_ref();
    match (accept, deny) {
        (Some(name), None) => Some((Verdict::Accept, name)),
        (None, Some(name)) => Some((Verdict::Deny, name)),
        _ => {
            let place = at(list.file, rule);
            problems.add(
                &place,
                "a rule accepts or denies",
                "expected { accept = \"NAME\" } or { deny = \"NAME\" }",
            );
            None
        }
    }
}

/// The place of a value.
pub(super) fn at<T>(file: usize, value: &Spanned<T>) -> Place {
    Place {
        file,
        span: value.span(),
    }
}
