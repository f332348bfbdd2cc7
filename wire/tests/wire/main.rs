// SPDX-License-Identifier: GPL-2.0

//! Tests of the wire formats. What goes in and what must come out is written as bytes, taken from
//! the protocol and not from the code under test.

mod address;
mod admission;
mod ata_properties;
mod config;
mod decide;
mod frames;
mod header;
mod identify;
mod mac_list;
mod mask;
mod operation;
mod outcome;
mod properties;
mod reserve;
mod rules;
mod settings;
mod size;
mod state;
mod transfer;
mod trim;
