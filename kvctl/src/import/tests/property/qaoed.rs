// SPDX-License-Identifier: GPL-2.0

//! Configurations of qaoed in several files.

use kvblade_wire::settings::Tunable;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::exports;
use super::on;
use super::path_of;
use super::rights;
use super::CARDS;
use crate::import::import;

/// A device: what is said of it.
#[derive(Clone, Debug)]
struct Device {
    slot: Option<u8>,
    shelf: Option<u16>,
    interface: Option<&'static str>,
    cache: Option<bool>,
    broadcast: Option<bool>,
    /// For discover, cfgset, read, and write: which list.
    lists: [Option<usize>; 4],
}

/// A list: whether others are let in, and rules.
type List = (Option<bool>, Vec<(bool, u8)>);

fn device() -> impl Strategy<Value = Device> {
    let interface = prop::sample::select(vec![None, Some("eth1"), Some("san0")]);
    let list = || prop::option::weighted(0.3, 0..3_usize);
    let lists = [list(), list(), list(), list()];
    (
        prop::option::weighted(0.2, 100..200_u8),
        prop::option::of(0..9_u16),
        interface,
        any::<Option<bool>>(),
        any::<Option<bool>>(),
        lists,
    )
        .prop_map(|(slot, shelf, interface, cache, broadcast, lists)| Device {
            slot,
            shelf,
            interface,
            cache,
            broadcast,
            lists,
        })
}

fn list() -> impl Strategy<Value = List> {
    let rule = (any::<bool>(), prop::sample::select(&CARDS[..]));
    (any::<Option<bool>>(), prop::collection::vec(rule, 0..5))
}

const RIGHTS: [&str; 4] = ["discover", "cfgset", "read", "write"];

/// Writes what a device's block says. `noise` stands between its parts.
fn write(device: &Device, noise: &str) -> String {
    let mut text = String::new();
    let word = |flag: bool| if flag { "on" } else { "off" };
    let values = [
        ("slot", device.slot.map(|it| it.to_string())),
        ("shelf", device.shelf.map(|it| format!("\"{it}\""))),
        ("interface", device.interface.map(str::to_owned)),
        ("writecache", device.cache.map(|it| word(it).to_owned())),
        ("broadcast", device.broadcast.map(|it| word(it).to_owned())),
    ];
    for (key, value) in values {
        if let Some(value) = value {
            text += &format!("{noise}{key}={noise}{value};");
        }
    }
    let lists: Vec<String> = RIGHTS
        .iter()
        .zip(device.lists)
        .filter_map(|(right, list)| Some(format!("{right} = \"list {}\";", list?)))
        .collect();
    if !lists.is_empty() {
        text += &format!("{noise}acl{{{}}}", lists.join(noise));
    }
    text
}

/// Who is let in by a list, or by none.
fn let_in(list: Option<&List>) -> Vec<u8> {
    let Some((policy, rules)) = list else {
        return CARDS.to_vec();
    };
    let first = |card: u8| {
        rules
            .iter()
            .find(|(_, it)| *it == card)
            .map(|(verdict, _)| *verdict)
    };
    let is_in = |card: &u8| first(*card).unwrap_or(*policy == Some(true));
    CARDS.into_iter().filter(is_in).collect()
}

proptest! {
    #![proptest_config(super::cases(300))]

    #[test]
    fn as_qaoed_reads_it(
        files in prop::collection::vec(prop::collection::vec(device(), 0..3), 4),
        defaults in device(),
        lists in prop::collection::vec(list(), 3),
        noise in prop::sample::select(vec![" ", "\n\t", " /* ; } */ ", " # \" {\n", "\r\n"]),
    ) {
        // The main file includes b and d, and b includes c: they stand behind what includes them.
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut paths = vec![];
        let mut texts = vec![];
        for (number, devices) in files.iter().enumerate() {
            let mut text = String::new();
            for (which, device) in devices.iter().enumerate() {
                paths.push((number, format!("/dev/d{number}.{which}"), device.clone()));
                text += &format!("device{noise}{{ target = /dev/d{number}.{which};{}{noise}}}\n", write(device, noise));
            }
            texts.push(text);
        }
        let [main, b, c, d] = texts.try_into().unwrap();
        let mut lists_text = String::new();
        for (number, (policy, rules)) in lists.iter().enumerate() {
            lists_text += &format!("access-list {{{noise}name = \"list {number}\";");
            for (accept, card) in rules {
                let verdict = if *accept { "accept" } else { "reject" };
                lists_text += &format!("{verdict} = 2:0:0:0:0:{card:x};{noise}");
            }
            if let Some(policy) = policy {
                lists_text += &format!("policy = {};", if *policy { "accept" } else { "reject" });
            }
            lists_text += "}\n";
        }
        let slot = defaults.slot.unwrap_or(0) / 2;
        let defaults = Device { slot: Some(slot), shelf: defaults.shelf.or(Some(3)), interface: Some("eth0"), ..defaults };
        let include = |name: &str| format!("include{noise}={noise}\"{}\";\n", at(name));
        let main = include("[bd].conf") + &format!("default{noise}{{{}}}\n", write(&defaults, noise)) + &main;
        let b = b + &include("sub/*.conf");
        fs::create_dir(folder.path().join("sub")).unwrap();
        for (name, text) in [("main", main), ("b.conf", b), ("sub/c.conf", c), ("d.conf", d + &lists_text)] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        paths.sort_by_key(|(file, path, _)| (*file, path.clone()));
        let mut slot = slot;
        let mut addresses: BTreeMap<(u16, u8), String> = BTreeMap::new();
        let mut expected = BTreeMap::new();
        for (_, path, device) in paths {
            let given = device.slot.unwrap_or(slot);
            slot += u8::from(device.slot.is_none());
            let shelf = device.shelf.or(defaults.shelf).unwrap();
            // The second one of an address is refused.
            if addresses.insert((shelf, given), path.clone()).is_none() {
                expected.insert(path, (shelf, given, device));
            } else {
                return Ok(());
            }
        }
        let main = folder.path().join("main");
        let found = import(&main, Some(crate::cli::args::Format::Qaoed), &super::super::ethers());
        if expected.is_empty() {
            prop_assert!(found.is_err());
            return Ok(());
        }
        let found = found.unwrap();
        prop_assert_eq!(&found.failures, &Vec::<String>::new());
        let found = exports(&found.text);
        prop_assert_eq!(found.len(), expected.len());
        for export in found.values() {
            let (shelf, slot, device) = &expected[&path_of(export)];
            prop_assert_eq!((export.shelf, export.own.slot), (*shelf, Some(*slot)), "{}", path_of(export));
            prop_assert_eq!(on(export), [device.interface.unwrap_or("eth0")]);
            prop_assert_eq!(export.tuned.number(Tunable::Cache) != 0, device.cache.or(defaults.cache).unwrap_or(false));
            let list = |number: usize| device.lists[number].or(defaults.lists[number]);
            let who: Vec<Vec<u8>> = (0..4).map(|it| let_in(list(it).map(|it| &lists[it]))).collect();
            prop_assert_eq!(rights(export), who);
            let told = match (device.broadcast.or(defaults.broadcast), list(0)) {
                (Some(false), _) => "none",
                (_, Some(_)) => "accepted",
                _ => "all",
            };
            prop_assert_eq!(export.tuned.word(Tunable::Announce), told);
        }
        prop_assert!(Path::new(&main).exists());
    }
}
