// SPDX-License-Identifier: GPL-2.0

//! What the fuzzers do with their input. See `run`.
//!
//! `frame` takes any bytes for a frame and checks what must hold for every frame. `blade` plays a
//! script of frames to the core and to a model that knows only the protocol, and compares.

pub mod blade;
pub mod cases;
pub mod core;
pub mod disk;
pub mod frame;
pub mod model;
pub mod script;

/// The shelf of the blade.
pub const SHELF: u16 = 0x0102;
/// The slot of the blade.
pub const SLOT: u8 = 3;
/// The MAC of the blade's card.
pub const OWN: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0f];
/// The MAC of all cards.
pub const BROADCAST: [u8; 6] = [0xff; 6];
/// The blade's serial number, firmware revision and model.
pub const NAMES: [&str; 3] = ["258.3-0BADCAFE", "0.1", "kvblade_rs fuzzer"];
