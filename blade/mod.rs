// SPDX-License-Identifier: GPL-2.0

//! The core: exported blades, the ports by which initiators reach them, and what is done with
//! their requests.
//!
//! A frame's journey: [`receive`] finds the port and posts a [`request`] to its [`exported`]; the
//! blade's worker takes it in the order of arrival, lets it wait its [`turn`] if it touches
//! sectors that an earlier one is busy with, and decides on it in [`execute`]: it is answered at
//! once, or its I/O is submitted and it is answered when that has ended, in [`answer`].

#![deny(unsafe_code)]

mod announce;
mod answer;
mod arrivals;
mod class;
mod conflict;
mod control_error;
mod discovery;
mod execute;
mod exported;
mod fence;
mod health;
mod history;
mod idle;
mod initiators;
mod joined;
mod latency;
mod new_export;
mod order;
mod partial;
mod pieces;
mod policy;
mod port;
mod presence;
mod receive;
mod registry;
mod removal;
mod repeats;
mod request;
mod settings;
mod stall;
mod stats;
mod table;
mod tick;
mod tracing;
mod trim;
mod turn;
mod watchers;
mod writers;

pub(crate) use control_error::ControlError;
pub(crate) use exported::Blade;
pub(crate) use new_export::NewExport;
pub(crate) use policy::Follows;
pub(crate) use policy::Policy;
pub(crate) use port::Port;
pub(crate) use registry::Registry;
pub(crate) use settings::Settings;
pub(crate) use stats::Counter;
pub(crate) use watchers::Change;
pub(crate) use watchers::Watcher;
