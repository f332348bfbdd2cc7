// SPDX-License-Identifier: GPL-2.0

//! Files that are made up, of the grammar of each program: what they are imported as is what another
//! reading of them says. These readings are plain, know nothing of the importers, and ask the C
//! library's own programs where there are such.

mod ggaoed;
mod qaoed;
mod vblade;

use proptest::prelude::*;

use super::exports;
use super::imported;
use super::Backing;
use crate::config::Export;

/// So many of them; what fails is shown, and not kept in a file.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Interfaces of a machine.
const INTERFACES: [&str; 6] = ["eth0", "eth1", "eth10", "san0", "san1", "br0"];

/// Those of them on which an export is.
fn on(export: &Export) -> Vec<&'static str> {
    let matches = |name: &&str| export.interfaces.iter().any(|it| it.matches(name));
    INTERFACES.into_iter().filter(matches).collect()
}

fn path_of(export: &Export) -> String {
    let (Backing::Device(path) | Backing::File(path)) = &export.source;
    path.display().to_string()
}

/// The last two digits of the addresses of cards.
const CARDS: [u8; 5] = [1, 0x0a, 0x33, 0xc1, 7];

fn mac(last: u8) -> String {
    format!("02:00:00:00:00:{last:02x}")
}

/// Who of these cards has each of the four rights.
fn rights(export: &Export) -> Vec<Vec<u8>> {
    let has = |text: &str, card: u8| {
        let listed = text.contains(&mac(card));
        match text.split(' ').next() {
            Some("only") => listed,
            Some("all") => !listed,
            _ => false,
        }
    };
    let lists = export.access();
    let who = |text: String| CARDS.into_iter().filter(|card| has(&text, *card)).collect();
    lists.iter().map(|(_, set)| who(set.to_string())).collect()
}

/// Pieces of all grammars.
const PIECES: [&str; 60] = [
    "shelf",
    "slot",
    "netif",
    "filename",
    "options",
    "path",
    "uuid",
    "[defaults]",
    "[acls]",
    "[a]",
    "[a b]",
    "=",
    " ",
    "\n",
    "\r\n",
    "\t",
    "\"",
    "'",
    "\\",
    "#",
    ";",
    "{",
    "}",
    "(",
    ")",
    "$",
    "`",
    "&",
    "|",
    "<",
    ">",
    "1",
    "0x10",
    "010",
    "-1",
    "99999999999999999999",
    "eth0",
    "san*",
    "/dev/sdb",
    "/srv/a b",
    "~",
    "device",
    "default",
    "interface",
    "access-list",
    "acl",
    "include",
    "target",
    "name",
    "accept",
    "deny",
    "read",
    "02:00:00:00:00:01",
    "0200000000c1",
    "vblade",
    "kvadd",
    "ExecStart=",
    "[Service]",
    "\u{feff}",
    "\u{7f}",
];

proptest! {
    #![proptest_config(cases(1000))]

    /// Whatever comes in, what comes out is a configuration, or a sentence.
    #[test]
    fn nothing_comes_out_that_check_refuses(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40),
        begin in prop::sample::select(vec![
            "", "shelf=1\nslot=1\nnetif=eth0\nfilename=/dev/a\n", "[a]\nshelf=1\nslot=1\npath=/dev/a\n",
            "device { target = /dev/a; interface = eth0; ", "#!/bin/sh\nvblade 1 1 eth0 /dev/a\n",
            "eth0 1 1 /dev/a\n", "config_a='1 1 eth0 /dev/a'\n", "[Service]\nExecStart=vblade 1 1 eth0 /dev/a\n",
        ]),
    ) {
        let text = begin.to_owned() + &pieces.concat();
        match imported(text.as_bytes()) {
            Ok(imported) => prop_assert!(!exports(&imported.text).is_empty()),
            Err(said) => prop_assert!(!said.trim().is_empty()),
        }
    }
}
