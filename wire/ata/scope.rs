// SPDX-License-Identifier: GPL-2.0

//! How requests come to a target, and how they may come.

/// How a request came to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the MAC of a NIC and the address of the target.
    Direct,
    /// To all NICs, and the address of the target.
    Broadcast,
    /// To an address with a wildcard, whatever the MAC.
    Wildcard,
}

/// How a request may come if it is to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In any way: it tells what the target is.
    Any,
    /// Not by a wildcard: it reads data, or edits a list.
    Exact,
    /// Not by a broadcast either: it may change data.
    Direct,
}

impl Scope {
    /// Whether a request with this scope is served if it came so.
    pub const fn admits(self, reach: Reach) -> bool {
        matches!(
            (self, reach),
            (Self::Any, _)
                | (Self::Exact, Reach::Direct | Reach::Broadcast)
                | (Self::Direct, Reach::Direct)
        )
    }
}
