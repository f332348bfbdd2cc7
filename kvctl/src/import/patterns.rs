// SPDX-License-Identifier: GPL-2.0

//! Patterns for names of interfaces as GPatternSpec of GLib has them: `*` and `?`, and nothing else.

/// A pattern as ours: what means nothing to GLib is put in brackets.
pub(super) fn ours_of(pattern: &str) -> String {
    let mut ours = String::new();
    for character in pattern.chars() {
        match character {
            '*' if ours.ends_with('*') => {}
            '[' => ours.push_str("[[]"),
            it => ours.push(it),
        }
    }
    ours
}

/// Patterns as ours.
pub(super) fn ours(patterns: &[String]) -> Vec<String> {
    patterns.iter().map(|pattern| ours_of(pattern)).collect()
}

fn is_name(pattern: &str) -> bool {
    !pattern.contains(['*', '?'])
}

/// Whether a pattern takes all that another takes.
fn covers(pattern: &[char], other: &[char]) -> bool {
    match (pattern, other) {
        ([], []) => true,
        (['*', rest @ ..], _) if covers(rest, other) => true,
        (['*', ..], [_, behind @ ..]) => covers(pattern, behind),
        ([first, rest @ ..], [theirs, behind @ ..]) => {
            (first == theirs || (*first == '?' && *theirs != '*')) && covers(rest, behind)
        }
        _ => false,
    }
}

/// Whether there can be a name that both take.
fn meet(one: &[char], other: &[char]) -> bool {
    match (one, other) {
        ([], []) => true,
        (['*', rest @ ..], _) if meet(rest, other) => true,
        (_, ['*', rest @ ..]) if meet(one, rest) => true,
        (['*', ..], [_, behind @ ..]) => meet(one, behind),
        ([_, behind @ ..], ['*', ..]) => meet(behind, other),
        ([first, rest @ ..], [theirs, behind @ ..]) => {
            (first == theirs || *first == '?' || *theirs == '?') && meet(rest, behind)
        }
        _ => false,
    }
}

/// The patterns that take what both of two lists take.
pub(super) fn both(own: &[String], all: &[String]) -> Result<Vec<String>, String> {
    let mut common: Vec<String> = Vec::new();
    for one in own {
        for other in all {
            let (left, right): (Vec<char>, Vec<char>) =
                (one.chars().collect(), other.chars().collect());
            let found = if covers(&right, &left) {
                one
            } else if covers(&left, &right) {
                other
            } else if !meet(&left, &right) {
                continue;
            } else {
                return Err(format!(
                    "interfaces: what both {one} and {other} of [defaults] match cannot be said"
                ));
            };
            if !common.contains(found) {
                common.push(found.clone());
            }
        }
    }
    // What a name is among is not said twice.
    let whole = common.clone();
    common.retain(|pattern| {
        !is_name(pattern)
            || !whole
                .iter()
                .any(|other| !is_name(other) && takes(other, pattern))
    });
    if common.is_empty() {
        return Err(
            "interfaces: none of them is among those of [defaults], which ggaoed uses".into(),
        );
    }
    Ok(common)
}

fn takes(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    covers(&pattern, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(own: &[&str], all: &[&str]) -> Result<Vec<String>, String> {
        let list = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        both(&list(own), &list(all))
    }

    #[test]
    fn what_both_match() {
        for (own, all, found) in [
            (&["eth0"][..], &["eth*"][..], &["eth0"][..]),
            (&["*"], &["eth1", "san*"], &["eth1", "san*"]),
            (&["eth1*", "san0"], &["eth*"], &["eth1*"]),
            (&["eth?"], &["eth0", "*1"], &["eth0"]),
            (&["eth0", "eth*"], &["*"], &["eth*"]),
        ] {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            match common(own, all) {
                Ok(it) => assert_eq!(it, found, "{own:?} {all:?}"),
                Err(what) => assert!(all.contains(&"*1"), "{what}"),
            }
        }
        assert!(common(&["eth0"], &["san*"])
            .unwrap_err()
            .contains("none of them"));
        assert!(common(&["*1"], &["eth*"])
            .unwrap_err()
            .contains("cannot be said"));
    }

    #[test]
    fn brackets_mean_nothing_to_glib() {
        assert_eq!(ours_of("a[b]**?"), "a[[]b]*?");
    }
}
