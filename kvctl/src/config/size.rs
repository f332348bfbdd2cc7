// SPDX-License-Identifier: GPL-2.0

//! Sizes as texts, with the units that lvcreate(8), truncate(1), losetup(8) and qemu-img(1) take.

/// The letters of units, each a thousand or 1024 times the one before.
const LETTERS: &str = "kmgtpe";

/// The number of bytes that a text stands for: `10G` and `10 GiB` count in powers of 1024, `10 GB`
/// in powers of 1000. Without a unit it is bytes.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && !"._".contains(c));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let (whole, fraction) = (digits(whole)?, digits(fraction)?);
    let unit = factor(unit.trim_start())?;
    let tens = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = fraction.parse::<u128>().ok()?.checked_mul(unit)?;
    // A part of a byte is none.
    if part % tens != 0 {
        return None;
    }
    let whole = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    u64::try_from(whole.checked_add(part / tens)?).ok()
}

/// The digits of a number, which may be set apart by underscores, as numbers in TOML.
fn digits(text: &str) -> Option<String> {
    let apart = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '_');
    (plain && !apart && !text.is_empty()).then(|| text.replace('_', ""))
}

/// How many bytes a unit has.
fn factor(unit: &str) -> Option<u128> {
    let unit = unit.to_ascii_lowercase();
    let Some(letter) = unit.chars().next().filter(|letter| *letter != 'b') else {
        return matches!(unit.as_str(), "" | "b").then_some(1);
    };
    let power = u32::try_from(LETTERS.find(letter)?).ok()? + 1;
    let base: u128 = match unit.get(1..)? {
        "" | "i" | "ib" => 1024,
        "b" => 1000,
        _ => return None,
    };
    base.checked_pow(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_a_power_of_1024_as_with_the_tools_around() {
        for (text, size) in [
            ("10G", 10 << 30),
            ("10g", 10 << 30),
            ("512m", 512 << 20),
            ("512M", 512 << 20),
            ("1.5T", 3 << 39),
            ("1k", 1024),
            ("4 K", 4096),
            ("2P", 2 << 50),
            ("1E", 1 << 60),
            ("10GiB", 10 << 30),
            ("10 gib", 10 << 30),
            ("512Mi", 512 << 20),
            ("0.5KiB", 512),
            ("10GB", 10_000_000_000),
            ("10 gb", 10_000_000_000),
            ("1.5 kB", 1500),
            ("1_000_000", 1_000_000),
            ("512", 512),
            ("512B", 512),
            (" 512 b ", 512),
            ("16E", 0),
            ("15.9999E", 0),
        ] {
            let wanted = (size != 0).then_some(size);
            assert_eq!(bytes(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_size() {
        for text in [
            "",
            " ",
            "G",
            "much",
            "1X",
            "1GG",
            "1 G B",
            "1GBi",
            "-1",
            "+1",
            "1e3",
            "0x10",
            "1.2.3",
            "1,5G",
            ".5G",
            "5.G",
            "1__0",
            "_1",
            "1_",
            "0.3k",
            "1KBs",
            "1\u{212a}",
            "1\u{e4}",
            "99999999999999999999999999999999999999999999E",
            "1.00000000000000000000000000000000000000001E",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
