// SPDX-License-Identifier: GPL-2.0

//! Key files of ggaoed.

use kvblade_wire::settings::Tunable;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::exports;
use super::imported;
use super::on;
use super::path_of;
use super::rights;
use super::CARDS;
use super::INTERFACES;

/// All that the file says, as GLib keeps it: by group and key, the last value.
fn read(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut group = String::new();
    for line in text.trim_start_matches('\u{feff}').split('\n') {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            group = name.trim_end_matches(']').to_owned();
            all.entry(group.clone()).or_default();
        } else if !line.is_empty() && !line.starts_with('#') {
            let end = line.find('=').unwrap();
            let (key, value) = (line[..end].trim(), line[end + 1..].trim());
            all.get_mut(&group)
                .unwrap()
                .insert(key.into(), value.into());
        }
    }
    all
}

/// As g_pattern_match_simple does it.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.first() {
        None => name.is_empty(),
        Some(b'*') => (0..=name.len()).any(|from| matches(&pattern[1..], &name[from..])),
        Some(b'?') => !name.is_empty() && matches(&pattern[1..], &name[1..]),
        Some(it) => name.first() == Some(it) && matches(&pattern[1..], &name[1..]),
    }
}

/// Which interfaces a list of patterns takes; without patterns it is all.
fn taken(list: Option<&String>) -> Vec<&'static str> {
    let patterns: Vec<&str> = list.map_or(vec![], |it| it.split(',').map(str::trim).collect());
    let patterns: Vec<&str> = patterns.into_iter().filter(|it| !it.is_empty()).collect();
    let takes = |name: &&str| {
        patterns
            .iter()
            .any(|it| matches(it.as_bytes(), name.as_bytes()))
    };
    INTERFACES
        .into_iter()
        .filter(|name| patterns.is_empty() || takes(name))
        .collect()
}

/// The cards that a list comes to.
fn cards(list: &str, acls: &BTreeMap<String, String>) -> Vec<u8> {
    let mut found = Vec::new();
    for word in list.split(',').map(str::trim) {
        if let Some(list) = acls.get(word) {
            found.extend(cards(list, acls));
        } else if word.matches(':').count() == 5 {
            let last = word.rsplit(':').next().unwrap();
            found.push(u8::from_str_radix(last, 16).unwrap());
        }
    }
    found
}

fn address() -> impl Strategy<Value = String> {
    (prop::sample::select(&CARDS[..]), any::<bool>()).prop_map(|(card, short)| match short {
        true => format!("2:0:0:0:0:{card:X}"),
        false => super::mac(card),
    })
}

fn list(of: Vec<&'static str>) -> impl Strategy<Value = String> {
    let word = prop_oneof![address(), prop::sample::select(of).prop_map(str::to_owned)];
    let comma = prop::sample::select(vec![",", ", ", " , "]);
    (prop::collection::vec(word, 1..4), comma).prop_map(|(words, comma)| words.join(comma))
}

fn patterns() -> impl Strategy<Value = String> {
    let one = prop::sample::select(vec![
        "eth0", "eth1", "eth*", "*", "san*", "san?", "br0", "eth1*", "",
    ]);
    prop::collection::vec(one, 1..4).prop_map(|words| words.join(", "))
}

/// A group, and a line of it.
fn line() -> impl Strategy<Value = (&'static str, String)> {
    let number = || 0..300_u32;
    let key = |key: &'static str| move |value: String| format!("{key} = {value}");
    let flag = || prop::sample::select(vec!["true", "false", "1", "0"]).prop_map(str::to_owned);
    let device = || prop::sample::select(vec!["a", "disk 2"]);
    prop_oneof![
        number().prop_map(|it| ("defaults", format!("queue-length={it}"))),
        patterns().prop_map(move |it| ("defaults", key("interfaces")(it))),
        (1060..9000_u32).prop_map(|it| ("defaults", format!("mtu = {it}"))),
        // A list has only those that came before it, so that there is no way back.
        list(vec!["nobody"]).prop_map(move |it| ("acls", key("web")(it))),
        list(vec!["web"]).prop_map(move |it| ("acls", key("all")(it))),
        list(vec!["web", "all"]).prop_map(move |it| ("acls", key("rack 1/left")(it))),
        (device(), list(vec!["web", "all", "rack 1/left"]))
            .prop_map(move |(d, it)| (d, key("accept")(it))),
        (device(), list(vec!["web", "all", "rack 1/left"]))
            .prop_map(move |(d, it)| (d, key("deny")(it))),
        (device(), patterns()).prop_map(move |(d, it)| (d, key("interfaces")(it))),
        (device(), flag()).prop_map(move |(d, it)| (d, key("read-only")(it))),
        (device(), flag()).prop_map(move |(d, it)| (d, key("broadcast")(it))),
        (device(), number()).prop_map(|(d, it)| (d, format!("queue-length = {it} # so many"))),
        (
            device(),
            prop::sample::select(vec![
                "trace-io = false",
                "buffers = 9",
                "# no",
                "",
                "sheld=3"
            ])
        )
            .prop_map(|(d, it)| (d, it.to_owned())),
    ]
}

proptest! {
    #![proptest_config(super::cases(500))]

    #[test]
    fn as_glib_reads_it(
        lines in prop::collection::vec(line(), 0..16),
        crlf in any::<bool>(),
        bom in any::<bool>(),
    ) {
        let mut text = String::new();
        let needed = [
            ("a", "path = /dev/a"), ("a", "shelf = 7"), ("a", "slot = 1"),
            ("disk 2", "shelf=8\npath=/srv/b c\nslot = 010"),
        ];
        let needed = needed.map(|(group, line)| (group, line.to_owned()));
        for (number, (group, line)) in lines.iter().chain(&needed).enumerate() {
            // What is in the group already goes on, now and then.
            if number % 3 != 1 || !text.ends_with(&format!("[{group}]\n")) {
                text += &format!("[{group}]\n");
            }
            text += &format!("{line}\n");
        }
        if bom {
            text.insert(0, '\u{feff}');
        }
        let said = read(&text);
        let file = if crlf { text.replace('\n', "\r\n") } else { text };
        let nothing = BTreeMap::new();
        let defaults = said.get("defaults").unwrap_or(&nothing);
        let acls = said.get("acls").unwrap_or(&nothing);
        let found = imported(file.as_bytes());
        let (text, failures) = match found {
            Ok(found) => (found.text, found.failures.join("\n")),
            Err(failures) => (String::new(), failures),
        };
        let found = exports(&text);
        for (group, name, shelf, slot, path) in [("a", "a", 7, 1, "/dev/a"), ("disk 2", "disk-2", 8, 10, "/srv/b c")] {
            let device = &said[group];
            let all = taken(defaults.get("interfaces"));
            let own = taken(device.get("interfaces"));
            let both: Vec<&str> = own.into_iter().filter(|it| all.contains(it)).collect();
            let names_none = |it: &String| !it.is_empty() && it.split(',').all(|it| it.trim().is_empty());
            let accepted = device.get("accept").map(|it| cards(it, acls));
            let denied = device.get("deny").map(|it| cards(it, acls)).unwrap_or_default();
            let Some(export) = found.get(name) else {
                let lets_in_all = accepted.is_some_and(|it| it.is_empty());
                let nowhere = both.is_empty()
                    || [defaults, device].iter().any(|it| it.get("interfaces").is_some_and(names_none))
                    || failures.contains("cannot be said") || failures.contains("none of them");
                let nobody_known = failures.contains("nobody is kept away by it");
                prop_assert!(lets_in_all || nowhere || nobody_known, "{}\n{}", file, failures);
                continue;
            };
            prop_assert_eq!((export.shelf, export.own.slot), (shelf, Some(slot)));
            prop_assert_eq!(path_of(export), path);
            prop_assert_eq!(on(export), both, "{}", file);
            prop_assert_eq!(export.read_only, device.get("read-only").is_some_and(|it| it == "true" || it == "1"));
            let queue = device.get("queue-length").or(defaults.get("queue-length"));
            let queue = queue.map_or(64, |it| it.split(' ').next().unwrap().parse::<u16>().unwrap());
            prop_assert_eq!(export.tuned.number(Tunable::BufferCount), u32::from(queue.clamp(2, 512)));
            let mtu = defaults.get("mtu").map_or(0, |it| it.parse::<u32>().unwrap());
            prop_assert_eq!(export.tuned.number(Tunable::MtuMax), mtu);
            let is_in = |card: &u8| accepted.as_ref().is_none_or(|it| it.contains(card)) && !denied.contains(card);
            let who: Vec<u8> = CARDS.into_iter().filter(is_in).collect();
            prop_assert_eq!(rights(export), vec![who; 4], "{}\n{}", file, text);
            let told = match (&accepted, device.get("broadcast").map(String::as_str)) {
                (Some(_), None | Some("false" | "0")) => "accepted",
                _ => "all",
            };
            prop_assert_eq!(export.tuned.word(Tunable::Announce), told);
        }
    }
}
