// SPDX-License-Identifier: GPL-2.0

//! What a blade tells of itself: the answer to Query Config, asked for or not.

use super::port::Port;
use super::settings::Settings;
use crate::aoe;
use crate::aoe::ConfigCommand;
use crate::aoe::ConfigReply;
use crate::aoe::Mac;
use crate::aoe::ReplyHeader;
use crate::net::Reply;

/// Requests that an initiator may have under way, as it is told. Linux uses up to 64.
const BUFFER_COUNT: u16 = 64;

/// The firmware version that initiators are told; Linux shows it as `v0001`.
const FIRMWARE: u16 = 1;

impl Port {
    /// Makes a Query Config response. `None` without interface, with an MTU too small for AoE, or
    /// without memory.
    pub(super) fn config_reply(
        &self,
        header: &ReplyHeader,
        command: ConfigCommand,
        settings: &Settings,
    ) -> Option<Reply> {
        let config = &settings.config;
        let fixed = ConfigReply {
            buffer_count: BUFFER_COUNT,
            firmware: FIRMWARE,
            sector_count: aoe::sectors_for_mtu(self.mtu()?)?,
            command,
            string_length: config.length(),
        };
        let length = aoe::config::END + config.as_bytes().len();
        let mut reply = Reply::new(length, false).ok()?;
        reply.put(0, &header.to_bytes());
        reply.put(aoe::header::SIZE, &fixed.to_bytes());
        reply.put(aoe::config::END, config.as_bytes());
        Some(reply)
    }

    /// Tells all initiators on the segment that the blade is here. Sleeps.
    pub(super) fn announce(&self) {
        let settings = self.blade().settings().lock();
        let reply = self.own_address().and_then(|own| {
            let header = ReplyHeader::announcement(Mac::BROADCAST, own, self.address());
            self.config_reply(&header, ConfigCommand::Read, &settings)
        });
        if let Some(reply) = reply {
            self.send(reply);
        }
    }
}
