// SPDX-License-Identifier: GPL-2.0

//! The transport: network interfaces, received frames, replies, and the two ways in which the
//! network stack calls us (a frame has come; an interface has changed).
//!
//! A small safe interface over the C one. It knows Ethernet and nothing of AoE but which frames
//! are responses: on a host that is an initiator as well they are the most, and are dropped first.

mod compare;
mod device;
mod frame;
mod handler;
mod notifier;
mod reply;

pub(crate) use device::Device;
pub(crate) use device::InterfaceName;
pub(crate) use device::NetDevice;
pub(crate) use device::Taker;
pub(crate) use frame::Frame;
pub(crate) use handler::FrameHandler;
pub(crate) use handler::PacketType;
pub(crate) use notifier::DeviceEvent;
pub(crate) use notifier::DeviceEventHandler;
pub(crate) use notifier::Notifier;
pub(crate) use reply::Reply;
