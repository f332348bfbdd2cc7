// SPDX-License-Identifier: GPL-2.0

//! See `kvblade_fuzz::blade`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kvblade_fuzz::blade::check(input));
