// SPDX-License-Identifier: GPL-2.0

//! The access lists of ggaoed: names with MAC addresses, names of `/etc/ethers`, and other lists.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use kvblade_wire::aoe::Mac;

use super::key_file::Entry;
use super::key_file::Group;
use super::output::Output;
use super::table::At;
use super::table::Table;
use crate::clib::ether_aton;

/// An element of a list.
#[derive(Clone, Debug, PartialEq)]
enum Member {
    Card(Mac),
    /// Of `/etc/ethers`.
    Named(String, Mac),
    List(String),
}

/// What the elements of a list are.
struct Members {
    members: Vec<Member>,
    /// What there is to say of them.
    comments: Vec<String>,
    /// A name of which it is not known who that is.
    unknown: Option<String>,
}

/// The lists of the group `acls`.
pub(super) struct Lists<'a> {
    ethers: &'a BTreeMap<String, Mac>,
    entries: Vec<&'a Entry>,
    members: BTreeMap<String, Members>,
    /// Under which names they are written.
    names: BTreeMap<String, String>,
}

/// Who may use a device.
pub(super) struct Clients {
    accept: Option<Vec<Member>>,
    deny: Option<Vec<Member>>,
    names: BTreeMap<String, String>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(
        group: Option<&'a Group>,
        ethers: &'a BTreeMap<String, Mac>,
    ) -> Result<Self, String> {
        let mut lists = Self {
            ethers,
            entries: group.iter().flat_map(|group| &group.entries).collect(),
            members: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        for entry in lists.entries.clone() {
            let members = lists.members_of(entry)?;
            lists.members.insert(entry.key.clone(), members);
        }
        Ok(lists)
    }

    /// What the elements of a list are, and what there is to say of them.
    fn members_of(&self, entry: &Entry) -> Result<Members, String> {
        let mut members = Vec::new();
        let mut comments = Vec::new();
        let mut unknown = None;
        let words = entry
            .list()
            .map_err(|what| format!("{}: {what}", entry.at))?;
        for word in words {
            let member = match ether_aton(&word) {
                Some((mac, rest)) => {
                    if !rest.trim().is_empty() {
                        comments.push(format!("{word}: ggaoed reads the address only, {mac}"));
                    }
                    Some(Member::Card(mac))
                }
                None if self.entries.iter().any(|entry| entry.key == word) => {
                    Some(Member::List(word.clone()))
                }
                None => self
                    .ethers
                    .get(&word.to_ascii_lowercase())
                    .map(|mac| Member::Named(word.clone(), *mac)),
            };
            match member {
                Some(Member::Card(mac) | Member::Named(_, mac)) if mac.is_group() => {
                    comments.push(format!("{word}: the address of a group, no card has it"));
                }
                Some(member) if members.contains(&member) => {}
                Some(member) => members.push(member),
                None => {
                    comments.push(format!(
                        "{word}: neither an address nor a list nor in /etc/ethers, ggaoed does not \
                         count it"
                    ));
                    unknown.get_or_insert(word);
                }
            }
        }
        Ok(Members {
            members,
            comments,
            unknown,
        })
    }

    /// A name in a list, or in lists that it names, of which it is not known who that is.
    fn unknown<'l>(&'l self, list: &'l Members, above: &mut Vec<&'l str>) -> Option<&'l str> {
        if let Some(unknown) = &list.unknown {
            return Some(unknown);
        }
        list.members.iter().find_map(|member| match member {
            Member::List(name) if !above.contains(&name.as_str()) => {
                above.push(name);
                self.unknown(self.members.get(name)?, above)
            }
            _ => None,
        })
    }

    /// The cards that elements come to, or the list that contains itself.
    fn cards(&self, members: &[Member], above: &mut Vec<String>) -> Result<BTreeSet<Mac>, String> {
        let mut cards = BTreeSet::new();
        for member in members {
            match member {
                Member::Card(mac) | Member::Named(_, mac) => {
                    cards.insert(*mac);
                }
                Member::List(name) if above.contains(name) => {
                    return Err(format!("list {name} contains itself"));
                }
                Member::List(name) => {
                    above.push(name.clone());
                    if let Some(list) = self.members.get(name) {
                        cards.extend(self.cards(&list.members, above)?);
                    }
                    above.pop();
                }
            }
        }
        Ok(cards)
    }

    /// Writes them.
    pub(super) fn write(&mut self, output: &mut Output) {
        for entry in &self.entries {
            let name = output.list_name(&entry.key);
            self.names.insert(entry.key.clone(), name);
        }
        for entry in &self.entries {
            let (Some(list), Some(name)) =
                (self.members.get(&entry.key), self.names.get(&entry.key))
            else {
                continue;
            };
            let Members {
                members, comments, ..
            } = list;
            if let Err(what) = self.cards(members, &mut vec![entry.key.clone()]) {
                output.fail(&entry.at, format!("{}: {what}", entry.key));
                continue;
            }
            let mut table = Table::new(&entry.at, &["access", name]);
            table.value("accept", words(members, &self.names));
            for comment in comments {
                table.comment(comment);
            }
            output.add(table);
        }
    }

    /// Who may use a device, if not everybody; comments go into its table.
    pub(super) fn of_device(
        &self,
        group: &Group,
        table: &mut Table,
    ) -> Result<Option<Clients>, String> {
        let mut read = |key: &str| -> Result<Option<Vec<Member>>, String> {
            let Some(entry) = group.get(key) else {
                return Ok(None);
            };
            if entry.raw.is_empty() {
                table.comment(format!(
                    "{key} = : nobody is named, ggaoed looks at no list then"
                ));
                return Ok(None);
            }
            let list = self.members_of(entry)?;
            // Whoever is kept away there must not come in here.
            if let Some(name) = self
                .unknown(&list, &mut Vec::new())
                .filter(|_| key == "deny")
            {
                return Err(entry.wrong(&format!(
                    "{name}: neither an address nor a list nor in /etc/ethers, so that nobody is \
                     kept away by it: put it into /etc/ethers, or its address here"
                )));
            }
            let Members {
                members, comments, ..
            } = list;
            for comment in comments {
                table.comment(format!("{key}: {comment}"));
            }
            let cards = self.cards(&members, &mut Vec::new())?;
            if cards.is_empty() && key == "accept" {
                let what = "comes to nobody, and ggaoed lets in everybody then: say who is meant";
                return Err(entry.wrong(what));
            }
            Ok(Some(members))
        };
        let (accept, deny) = (read("accept")?, read("deny")?);
        if accept.is_none() && deny.is_none() {
            return Ok(None);
        }
        Ok(Some(Clients {
            accept,
            deny,
            names: self.names.clone(),
        }))
    }
}

impl Clients {
    /// Whether only those are let in who are named.
    pub(super) fn accepts(&self) -> bool {
        self.accept.is_some()
    }

    /// The name of the list, which is made if there is none that says the same.
    pub(super) fn list(&self, output: &mut Output, at: &At, owner: &str) -> String {
        let words = |members: &Vec<Member>| words(members, &self.names);
        if let (Some([Member::List(name)]), None) = (self.accept.as_deref(), &self.deny) {
            if let Some(name) = self.names.get(name) {
                return name.clone();
            }
        }
        let (accept, deny) = (
            self.accept.as_ref().map(words),
            self.deny.as_ref().map(words),
        );
        output.list(at, owner, accept, deny)
    }
}

/// The elements of a list as ours has them.
fn words(members: &[Member], names: &BTreeMap<String, String>) -> Vec<String> {
    let taken = |name: &String| {
        matches!(name.as_str(), "all" | "none") || names.values().any(|list| list == name)
    };
    members
        .iter()
        .map(|member| match member {
            Member::Named(name, _) if !taken(name) => name.clone(),
            Member::Card(mac) | Member::Named(_, mac) => mac.to_string(),
            Member::List(name) => names.get(name).unwrap_or(name).clone(),
        })
        .collect()
}
