// SPDX-License-Identifier: GPL-2.0

//! Words as the C library reads them, by which the other programs do: each reading takes what it
//! can from the beginning of a text, and leaves the rest.

use kvblade_wire::aoe::Mac;

/// What `isspace` says of a character.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// `strtoll(text, &end, base)`: the number, as near as it can be, and the rest. There is none without
/// a digit. Base 0: hexadecimal after `0x`, octal after `0`.
pub(crate) fn strtoll(text: &str, base: u32) -> Option<(i64, &str)> {
    let text = text.trim_start_matches(is_space);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixed = |prefix: &str| {
        let rest = digits.strip_prefix(prefix)?;
        rest.starts_with(|c: char| c.is_ascii_hexdigit())
            .then_some(rest)
    };
    let hexadecimal = prefixed("0x").or_else(|| prefixed("0X"));
    let (base, digits) = match (base, hexadecimal) {
        (0 | 16, Some(rest)) => (16, rest),
        (0, None) if digits.starts_with('0') => (8, digits),
        (0, None) => (10, digits),
        _ => (base, digits),
    };
    let end = digits.find(|c: char| !c.is_digit(base));
    let (digits, rest) = digits.split_at(end.unwrap_or(digits.len()));
    if digits.is_empty() {
        return None;
    }
    let size = digits
        .chars()
        .filter_map(|c| c.to_digit(base))
        .fold(0_i64, |number, digit| {
            let number = number.saturating_mul(i64::from(base));
            number.saturating_add(i64::from(digit))
        });
    Some((if negative { -size } else { size }, rest))
}

/// `atoi(text)`, and what it leaves; a text without a number is none here, and 0 there.
pub(crate) fn atoi(text: &str) -> Option<(i64, &str)> {
    strtoll(text, 10)
}

/// `ether_aton(text)`: octets may have one digit, and nobody looks at what stands behind the last.
pub(crate) fn ether_aton(text: &str) -> Option<(Mac, &str)> {
    let mut octets = [0; 6];
    let mut rest = text;
    for (number, octet) in octets.iter_mut().enumerate() {
        if number > 0 {
            rest = rest.strip_prefix(':')?;
        }
        let hexadecimal = rest.chars().take(2).take_while(char::is_ascii_hexdigit);
        let (digits, after) = rest.split_at(hexadecimal.count());
        *octet = u8::from_str_radix(digits, 16).ok()?;
        rest = after;
    }
    // A single digit at the end must be the end, or have a blank behind it.
    let last = text.get(..text.len() - rest.len())?;
    let short = last.rsplit(':').next().is_some_and(|it| it.len() == 1);
    let ended = rest.is_empty() || rest.starts_with(is_space);
    (ended || !short).then_some((Mac(octets), rest))
}

/// An address for vblade's `-m`: pairs of digits, and a colon behind each if one likes. What stands
/// behind the sixth is left.
pub(crate) fn parseether(text: &str) -> Option<(Mac, &str)> {
    let mut octets = [0; 6];
    let mut rest = text;
    for octet in &mut octets {
        // A digit and a colon are a pair, too.
        let pair = rest.get(..2)?;
        *octet = u8::from_str_radix(pair.strip_suffix(':').unwrap_or(pair), 16).ok()?;
        if pair.starts_with('+') {
            return None;
        }
        rest = rest.get(2..)?;
        rest = rest.strip_prefix(':').unwrap_or(rest);
    }
    Some((Mac(octets), rest))
}

/// `sscanf(text, "%X:%X:%X:%X:%X:%X")` of octets, and the rest.
pub(crate) fn scan_mac(text: &str) -> Option<(Mac, &str)> {
    let mut octets = [0; 6];
    let mut rest = text;
    for (number, octet) in octets.iter_mut().enumerate() {
        if number > 0 {
            rest = rest.strip_prefix(':')?;
        }
        let (value, after) = strtoll(rest, 16)?;
        *octet = u8::try_from(value).ok()?;
        rest = after;
    }
    Some((Mac(octets), rest))
}

/// A word of a command line, as `getopt` hands it out.
#[derive(Debug, PartialEq)]
pub(crate) enum Word<'a> {
    Flag(char),
    Option(char, &'a str),
    Operand(&'a str),
}

/// `getopt(argc, argv, options)`: flags may stand together, an argument at its option or behind it,
/// and operands anywhere. Fails with the word that cannot be taken apart.
pub(crate) fn getopt<'a>(words: &'a [String], options: &str) -> Result<Vec<Word<'a>>, String> {
    let mut found = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if word == "--" {
            found.extend(words.by_ref().map(Word::Operand));
            break;
        }
        let Some(mut letters) = word.strip_prefix('-').filter(|it| !it.is_empty()) else {
            found.push(Word::Operand(word));
            continue;
        };
        while let Some(letter) = letters.chars().next() {
            letters = letters.get(letter.len_utf8()..).unwrap_or_default();
            let place = options.find(letter).filter(|_| letter != ':');
            let rest = place.and_then(|place| options.get(place + letter.len_utf8()..));
            match rest.map(|rest| rest.starts_with(':')) {
                None => return Err(format!("-{letter}: no option of vblade")),
                Some(false) => found.push(Word::Flag(letter)),
                Some(true) => {
                    let argument = match std::mem::take(&mut letters) {
                        "" => words.next(),
                        attached => Some(attached),
                    };
                    let missing = || format!("-{letter}: an argument is missing");
                    found.push(Word::Option(letter, argument.ok_or_else(missing)?));
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, number, rest) in [
            ("8", 8, ""),
            (" +8", 8, ""),
            ("-8x", -8, "x"),
            ("0x800", 2048, ""),
            ("02000", 1024, ""),
            ("0", 0, ""),
            ("08", 0, "8"),
            ("0xg", 0, "xg"),
            ("9223372036854775808", i64::MAX, ""),
        ] {
            assert_eq!(strtoll(text, 0), Some((number, rest)), "{text}");
        }
        assert_eq!(strtoll("x", 0), None);
        assert_eq!(strtoll("", 0), None);
        assert_eq!(atoi("014 5"), Some((14, " 5")));
    }

    #[test]
    fn addresses() {
        let mac = |text| Mac::parse(text).unwrap();
        let short = mac("02:00:00:0b:aa:02");
        assert_eq!(ether_aton("2:0:0:b:AA:2"), Some((short, "")));
        assert_eq!(ether_aton("2:0:0:b:AA:2 x"), Some((short, " x")));
        assert_eq!(ether_aton("2:0:0:b:AA:02x"), Some((short, "x")));
        for text in [
            "",
            "2:0:0:b:aa",
            "2:0:0:b:aa:",
            "2:0:0:b:aa:2x",
            "002:0:0:b:aa:2",
            "2-0-0-b-aa-2",
        ] {
            assert_eq!(ether_aton(text), None, "{text}");
        }
        for text in [
            "0200000baa02",
            "02:00:00:0B:aa:02",
            "2:0:0:b:aa02",
            "02:000:0b:aa:02",
        ] {
            assert_eq!(parseether(text), Some((short, "")), "{text}");
        }
        for text in [
            "",
            "0200",
            "02:00:00:0b:aa:2",
            "zz:00:00:00:00:00",
            "+200000000aa",
        ] {
            assert_eq!(parseether(text), None, "{text}");
        }
        assert_eq!(scan_mac("2:0:0:b:AA:2"), Some((short, "")));
        assert_eq!(scan_mac("02:00:00:0b:aa:102"), None);
    }

    #[test]
    fn options() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let parsed = |text: &str| getopt(&words(text), "b:ds").map(|it| format!("{it:?}"));
        let dsb = "[Flag('d'), Flag('s'), Option('b', \"16\"), Operand(\"x\")]";
        for text in ["-dsb16 x", "-d -s -b 16 x", "-dsb 16 -- x"] {
            assert_eq!(parsed(text).as_deref(), Ok(dsb), "{text}");
        }
        let xd = "[Operand(\"x\"), Flag('d'), Operand(\"-d\")]";
        assert_eq!(parsed("x -d -- -d").as_deref(), Ok(xd));
        assert_eq!(parsed("-").as_deref(), Ok("[Operand(\"-\")]"));
        assert_eq!(parsed("-b -d").as_deref(), Ok("[Option('b', \"-d\")]"));
        assert_eq!(parsed("-dx").unwrap_err(), "-x: no option of vblade");
        assert_eq!(parsed("--ds").unwrap_err(), "--: no option of vblade");
        assert_eq!(parsed("-d:").unwrap_err(), "-:: no option of vblade");
        assert_eq!(parsed("-sb").unwrap_err(), "-b: an argument is missing");
    }
}
