// SPDX-License-Identifier: GPL-2.0

//! The registry, which judges conflicts once a second.

pub(super) struct Registry;
