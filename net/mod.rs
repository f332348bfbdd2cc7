// SPDX-License-Identifier: GPL-2.0

//! The transport: network interfaces, received frames, replies, and the two ways in which the
//! network stack calls us (a frame has come; an interface has changed).
//!
//! A small safe interface over the C one. It knows Ethernet, and of AoE only that it drops mere responses
//! before all else (`wire/aoe/header.rs`).

mod compare;
mod device;
mod frame;
mod handler;
mod notifier;
mod reply;

pub(crate) use device::Device;
pub(crate) use device::NetDevice;
pub(crate) use frame::Frame;
pub(crate) use handler::FrameHandler;
pub(crate) use handler::PacketType;
pub(crate) use notifier::DeviceEvent;
pub(crate) use notifier::DeviceEventHandler;
pub(crate) use notifier::Notifier;
pub(crate) use reply::Reply;
