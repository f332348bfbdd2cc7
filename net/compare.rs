// SPDX-License-Identifier: GPL-2.0

//! Whether received frames say the same.

use super::frame::Frame;

/// How much is compared at once, in bytes: it lies on the stack.
const PIECE: usize = 256;

impl Frame {
    /// Whether two frames are as long, and have the same from `offset` on.
    pub(crate) fn agrees(&self, other: &Self, offset: usize) -> bool {
        let len = self.len();
        let pieces = len.saturating_sub(offset).div_ceil(PIECE);
        let is_same = |index: usize| {
            let start = offset.saturating_add(index.saturating_mul(PIECE));
            let (mut own, mut others) = ([0; PIECE], [0; PIECE]);
            let read = self.read(start, &mut own);
            read > 0 && other.read(start, &mut others) == read && own == others
        };
        other.len() == len && (0..pieces).all(is_same)
    }
}
