// SPDX-License-Identifier: GPL-2.0

//! Fragments of shell scripts with options of vblade, as sh(1) and getopt(3) read them.

use kvblade_wire::settings::Tunable;
use std::fs;
use std::process::Command;

use proptest::prelude::*;

use super::exports;
use super::imported;
use super::mac;
use super::on;
use super::path_of;
use super::rights;
use super::CARDS;

/// A number, as strtoll reads it with base 0.
fn number() -> impl Strategy<Value = String> {
    (0_i64..100_000, 0..4).prop_map(|(number, base)| match base {
        0 => format!("{number:#x}"),
        1 => format!("0{number:o}"),
        2 => format!("+{number}"),
        _ => number.to_string(),
    })
}

/// An address, in one of the ways in which vblade takes it.
fn address() -> impl Strategy<Value = String> {
    (prop::sample::select(&CARDS[..]), 0..4).prop_map(|(card, form)| match form {
        0 => mac(card).replace(':', ""),
        1 => mac(card).to_uppercase(),
        2 => format!("2:0:0:0:0:{card:02x}"),
        _ => mac(card),
    })
}

/// The words of options.
fn options() -> impl Strategy<Value = Vec<String>> {
    let flags = || prop::sample::select(vec!["", "d", "s", "r", "ds", "rd", "sdr"]);
    let argument = prop_oneof![
        3 => Just(None),
        1 => number().prop_map(|it| Some(('o', it))),
        1 => number().prop_map(|it| Some(('l', it))),
        1 => (1..600_u32).prop_map(|it| Some(('b', it.to_string()))),
        1 => prop::collection::vec(address(), 1..3).prop_map(|it| Some(('m', it.join(",")))),
    ];
    let word = (flags(), argument, any::<bool>()).prop_map(|(flags, argument, apart)| {
        match (flags, argument, apart) {
            ("", None, _) => vec!["-d".to_owned()],
            (flags, None, _) => vec![format!("-{flags}")],
            (flags, Some((option, argument)), true) => vec![format!("-{flags}{option}"), argument],
            (flags, Some((option, argument)), false) => vec![format!("-{flags}{option}{argument}")],
        }
    });
    prop::collection::vec(word, 0..5).prop_map(|words| words.concat())
}

/// A value, in one of the ways in which a shell takes it.
fn quoted(value: &str, form: u8) -> String {
    match form % 4 {
        0 => format!("'{value}'"),
        1 => format!("\"{value}\""),
        2 => {
            let escaped = value.chars().map(|c| match c {
                ' ' => "\\ ".to_owned(),
                it => it.to_string(),
            });
            escaped.collect()
        }
        _ => {
            let (begin, end) = value.split_at(value.len() / 2);
            format!("{begin:?}'{end}'")
        }
    }
}

/// What the shell makes of a file: the values of these variables.
fn shell(text: &str, names: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, text).unwrap();
    let script =
        format!(". \"$1\"; for name in {names}; do eval printf '%s\\\\n' '\"$'$name'\"'; done");
    let output = Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What getopt(3) makes of words: the options in their order, with their arguments.
fn getopt(words: &str) -> Vec<(char, String)> {
    let output = Command::new("getopt")
        .args(["--unquoted", "--options", "b:dsrm:o:l:", "--"])
        .args(words.split_ascii_whitespace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{words}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found: Vec<(char, String)> = Vec::new();
    for word in text
        .split_ascii_whitespace()
        .take_while(|word| *word != "--")
    {
        match word
            .strip_prefix('-')
            .map(|rest| rest.chars().collect::<Vec<char>>())
        {
            Some(letter) if letter.len() == 1 => found.push((letter[0], String::new())),
            _ => found.last_mut().unwrap().1 = word.to_owned(),
        }
    }
    found
}

fn sectors(text: &str) -> u64 {
    let text = text.trim_start_matches('+');
    let read = |digits: &str, base| u64::from_str_radix(digits, base).unwrap();
    match text.strip_prefix("0x") {
        Some(digits) => read(digits, 16),
        None if text.starts_with('0') => read(text, 8),
        None => read(text, 10),
    }
}

proptest! {
    #![proptest_config(super::cases(100))]

    #[test]
    fn as_the_shell_and_getopt_read_it(
        shelf in 0..4000_u16,
        slot in 0..=254_u8,
        options in options(),
        forms in any::<[u8; 8]>(),
        order in Just([0, 1, 2, 3, 4, 5]).prop_shuffle(),
    ) {
        let options = options.join(if forms[0] % 2 == 0 { " " } else { "  " });
        let lines = [
            format!("shelf={}", quoted(&shelf.to_string(), forms[1])),
            format!("slot={}{}", quoted(&slot.to_string(), forms[2]), ["", "\t# it's here", ";"][usize::from(forms[2] % 3)]),
            format!("{}netif={}", ["", "export "][usize::from(forms[3] % 2)], quoted("san1", forms[3] / 2)),
            format!("filename={}", quoted("/dev/vg0/x", forms[4])),
            format!("options={}", quoted(&options, forms[5])),
            ["# comment", "", "shelf=9 slot=$shelf", "old='a\nshelf=5'", "options=-r\\\nd"][usize::from(forms[6] % 5)].to_owned(),
        ];
        let text: String = order.iter().map(|number| lines[*number].clone() + "\n").collect();
        let found = shell(&text, "shelf slot netif filename options");
        let (shelf, slot) = (found[0].parse::<u16>(), found[1].parse::<u8>());
        let expected = getopt(&found[4]);
        let last = |option| expected.iter().rev().find(|it| it.0 == option).map(|it| it.1.as_str());
        let length = last('l').map_or(0, sectors);
        let masks: Vec<u8> = CARDS.into_iter().filter(|card| {
            let masks = expected.iter().filter(|it| it.0 == 'm');
            masks.flat_map(|it| it.1.split(',')).any(|text| {
                u8::from_str_radix(&text[text.len() - 2..], 16).unwrap() == *card
            })
        }).collect();
        let is_right = shelf.is_ok() && slot.is_ok()
            && expected.iter().all(|(option, argument)| *option != 'l' || sectors(argument) > 0);
        let imported = imported(text.as_bytes());
        if !is_right {
            prop_assert!(imported.is_err(), "{}", text);
            return Ok(());
        }
        let imported = imported.unwrap();
        prop_assert_eq!(imported.failures.len(), 0);
        let export = exports(&imported.text).remove("x").unwrap();
        prop_assert_eq!((export.shelf, export.own.slot), (shelf.unwrap(), slot.ok()));
        prop_assert_eq!(path_of(&export), found[3].clone());
        prop_assert_eq!(on(&export), [found[2].as_str()]);
        prop_assert_eq!(export.read_only, last('r').is_some());
        prop_assert_eq!(export.offset, last('o').map_or(0, sectors));
        prop_assert_eq!(export.length, length);
        let buffers: Option<u16> = last('b').map(|it| it.parse().unwrap());
        prop_assert_eq!(export.tuned.number(Tunable::BufferCount), buffers.map_or(64, |it| u32::from(it.clamp(2, 512))));
        let who = if masks.is_empty() { CARDS.to_vec() } else { masks };
        prop_assert_eq!(rights(&export), vec![who; 4]);
    }
}
