// SPDX-License-Identifier: GPL-2.0

//! Marks for the profiler: where it begins to count, and where it ends.

use std::arch::asm;

const BEGIN: u32 = 0x0101_6b76;
const END: u32 = 0x0201_6b76;

/// An instruction that does nothing, and that the profiler knows.
fn mark<const MARK: u32>() {
    // SAFETY: It does nothing.
    unsafe { asm!("nop dword ptr [rax + {}]", const MARK, options(nomem, nostack)) };
}

/// Does something between the two marks.
pub fn around<T>(action: impl FnOnce() -> T) -> T {
    mark::<BEGIN>();
    let result = action();
    mark::<END>();
    result
}
