// SPDX-License-Identifier: GPL-2.0

//! Which orderings the sources ask for, and one of them made weaker.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;
use std::str::FromStr;

/// How strong an ordering is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Strength {
    /// None.
    Relaxed,
    /// The load before what follows.
    Acquire,
    /// What precedes before the store.
    Release,
    /// What precedes before what follows.
    Full,
}

impl Strength {
    /// Loom's name for it, but for `Full`, which is more than it has.
    pub(crate) fn to_loom(self) -> loom::sync::atomic::Ordering {
        match self {
            Self::Relaxed => loom::sync::atomic::Ordering::Relaxed,
            Self::Acquire => loom::sync::atomic::Ordering::Acquire,
            Self::Release => loom::sync::atomic::Ordering::Release,
            Self::Full => loom::sync::atomic::Ordering::AcqRel,
        }
    }

    /// Those that the source could have had instead, the strongest ones.
    pub fn weaker(self) -> &'static [Self] {
        match self {
            Self::Relaxed => &[],
            Self::Acquire | Self::Release => &[Self::Relaxed],
            Self::Full => &[Self::Acquire, Self::Release],
        }
    }
}

impl FromStr for Strength {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Relaxed, Self::Acquire, Self::Release, Self::Full]
            .into_iter()
            .find(|strength| format!("{strength:?}") == name)
            .ok_or_else(|| format!("no ordering is called {name}"))
    }
}

/// A line of the sources that asks for an ordering.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Site {
    /// The file, from the top of the tree.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// The ordering.
    pub strength: Strength,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

thread_local! {
    static SITES: RefCell<BTreeSet<Site>> = const { RefCell::new(BTreeSet::new()) };
    static BARRIERS: Cell<bool> = const { Cell::new(true) };
    static WEAKENED: RefCell<Option<Site>> = const { RefCell::new(None) };
}

/// Whether this thread's models have full barriers from here on.
pub fn set_barriers(are_there: bool) {
    BARRIERS.set(are_there);
}

pub(crate) fn has_barriers() -> bool {
    BARRIERS.get()
}

/// From here on this thread's models have a site with this ordering instead of its own.
pub fn weaken(site: Site) {
    WEAKENED.with_borrow_mut(|weakened| *weakened = Some(site));
}

/// The sites that this thread's models have come by since it was asked last.
pub fn sites() -> BTreeSet<Site> {
    SITES.take()
}

/// The ordering that the caller, which asks for this one, is to have.
#[track_caller]
pub(crate) fn effective(strength: Strength) -> Strength {
    // What is included from elsewhere is what is modelled.
    let location = Location::caller();
    let file = location.file().rsplit_once("../").map(|(_, file)| file);
    let Some(file) = file.filter(|file| !file.starts_with("tests/")) else {
        return strength;
    };
    let line = location.line();
    let weakened = WEAKENED.with_borrow(|weakened| {
        let weakened = weakened.as_ref()?;
        (weakened.file == file && weakened.line == line).then_some(weakened.strength)
    });
    if strength != Strength::Relaxed {
        SITES.with_borrow_mut(|sites| {
            sites.insert(Site {
                file: file.into(),
                line,
                strength,
            })
        });
    }
    match weakened {
        Some(weaker) if strength != Strength::Relaxed => weaker,
        _ => strength,
    }
}
