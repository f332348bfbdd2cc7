// SPDX-License-Identifier: GPL-2.0

//! See `kvblade_fuzz::frame`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kvblade_fuzz::frame::check(input));
