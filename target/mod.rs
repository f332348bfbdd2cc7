// SPDX-License-Identifier: GPL-2.0

//! The core: exported blades, the ports by which initiators reach them, and what is done with
//! their requests.
//!
//! A frame's journey: [`receive`] finds the port and posts a [`request`] to its [`blade`]; the
//! blade's worker decides on it in [`execute`], in the order of arrival, and either replies at
//! once or submits I/O; when that has ended the blade replies.

#![deny(unsafe_code)]

mod announce;
mod answer;
mod blade;
mod execute;
mod port;
mod receive;
mod refusal;
mod registry;
mod request;
mod settings;
mod table;

pub(crate) use blade::Options;
pub(crate) use port::Port;
pub(crate) use refusal::Refusal;
pub(crate) use registry::Registry;
