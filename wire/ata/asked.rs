// SPDX-License-Identifier: GPL-2.0

//! What a request asks for. It is read once, when the request comes in: what was decided on is what is
//! done.

use super::command::Operation;
use super::scope::Scope;
use crate::aoe::header;
use crate::aoe::AoeError;
use crate::aoe::AtaArgument;
use crate::aoe::Command;
use crate::aoe::ConfigCommand;
use crate::aoe::ConfigRequest;
use crate::aoe::Header;
use crate::aoe::MaskRequest;
use crate::aoe::ReserveRequest;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An ATA command: its registers, and what they mean.
    Ata(AtaArgument, Operation),
    /// Query Config.
    Config {
        /// Whether it sets the string.
        changes: bool,
    },
    /// MAC Mask List, or Reserve/Release.
    List {
        /// Whether it edits the list.
        changes: bool,
    },
    /// Something that this target does not know: this error is the answer.
    Unknown(AoeError),
}

impl Asked {
    /// Reads it. `head` is the frame as far as its longest fixed part.
    ///
    /// Returns [`None`] if the frame does not hold the fixed part of its command.
    pub fn parse(header: &Header, head: &[u8]) -> Option<Self> {
        if header.version != header::VERSION {
            return Some(Self::Unknown(AoeError::UnsupportedVersion));
        }
        Some(match header.command {
            Command::Ata => {
                let argument = AtaArgument::parse(head)?;
                Self::Ata(argument, Operation::decode(&argument))
            }
            Command::Config => Self::Config {
                changes: matches!(
                    ConfigRequest::parse(head)?.command,
                    ConfigCommand::Set | ConfigCommand::ForceSet
                ),
            },
            Command::Mask => Self::List {
                changes: !MaskRequest::parse(head)?.is_read(),
            },
            Command::Reserve => Self::List {
                changes: !ReserveRequest::parse(head)?.is_read(),
            },
            Command::Unknown(_) => Self::Unknown(AoeError::UnrecognisedCommand),
        })
    }

    /// How it may come.
    pub const fn scope(&self) -> Scope {
        match self {
            Self::Ata(_, operation) => operation.scope(),
            Self::Config { .. } | Self::List { changes: false } => Scope::Any,
            // An error is told to those who asked this very target.
            Self::List { changes: true } | Self::Unknown(_) => Scope::Exact,
        }
    }

    /// Whether it is answered without the medium, whatever comes of it: it asks what the target is, or
    /// is not understood.
    pub const fn is_question(&self) -> bool {
        matches!(self, Self::Unknown(_)) || matches!(self.scope(), Scope::Any)
    }
}
