// SPDX-License-Identifier: GPL-2.0

//! What someone may have meant who has written something else.

/// The known word that is most like this one, if any is like it.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // As people see it: capital letters, and what stands between words, are no difference.
    let plain = |text: &str| text.to_lowercase().replace(['_', ' ', '.'], "-");
    let written = plain(word);
    let distance = |known: &str| strsim::damerau_levenshtein(&written, &plain(known));
    // A third of a word may be wrong; of two of the same distance the first counts.
    let allowed = (written.chars().count() / 3).min(4);
    let best = known.iter().min_by_key(|known| distance(known))?;
    let begins = |known: &&&str| {
        let stem = written.trim_end_matches('s');
        stem.chars().count() > 2 && plain(known).starts_with(stem)
    };
    Some(best)
        .filter(|best| distance(best) <= allowed)
        .or_else(|| known.iter().find(begins))
        .copied()
}

/// A question for the end of a sentence, or nothing.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(known) if known != word => format!("; did you mean {known}?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near() {
        let known = [
            "read-only",
            "slot",
            "shelf",
            "interfaces",
            "interface",
            "device",
        ];
        for (word, meant) in [
            ("readonly", Some("read-only")),
            ("Read_Only", Some("read-only")),
            ("sheld", Some("shelf")),
            ("intrefaces", Some("interfaces")),
            ("dev", Some("device")),
            ("slots", Some("slot")),
            ("colour", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
        assert_eq!(suggestion("slto", &known), "; did you mean slot?");
        assert_eq!(suggestion("slot", &known), "");
    }
}
