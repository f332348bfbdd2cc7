// SPDX-License-Identifier: GPL-2.0

//! What an ATA command asks for, and what is to be done about it.

use super::lba::Extent;
use super::lba::Width;
use super::registers::Failure;
use super::registers::Outcome;
use super::scope::Scope;
use super::transfer::blocks_bytes;
use super::transfer::Conditions;
use super::transfer::Transfer;
use crate::aoe::AtaArgument;

/// The opcodes that have a meaning here.
pub mod opcode {
    /// DATA SET MANAGEMENT: TRIM.
    pub const DATA_SET_MANAGEMENT: u8 = 0x06;
    /// READ SECTORS.
    pub const READ_SECTORS: u8 = 0x20;
    /// READ SECTORS EXT.
    pub const READ_SECTORS_EXT: u8 = 0x24;
    /// READ DMA EXT.
    pub const READ_DMA_EXT: u8 = 0x25;
    /// WRITE SECTORS.
    pub const WRITE_SECTORS: u8 = 0x30;
    /// WRITE SECTORS EXT.
    pub const WRITE_SECTORS_EXT: u8 = 0x34;
    /// WRITE DMA EXT.
    pub const WRITE_DMA_EXT: u8 = 0x35;
    /// WRITE DMA FUA EXT.
    pub const WRITE_DMA_FUA_EXT: u8 = 0x3d;
    /// READ VERIFY SECTORS.
    pub const READ_VERIFY: u8 = 0x40;
    /// READ VERIFY SECTORS EXT.
    pub const READ_VERIFY_EXT: u8 = 0x42;
    /// EXECUTE DEVICE DIAGNOSTIC.
    pub const DIAGNOSTIC: u8 = 0x90;
    /// STANDBY IMMEDIATE, as older standards have it.
    pub const OLD_STANDBY_IMMEDIATE: u8 = 0x94;
    /// IDLE IMMEDIATE, as older standards have it.
    pub const OLD_IDLE_IMMEDIATE: u8 = 0x95;
    /// STANDBY, as older standards have it.
    pub const OLD_STANDBY: u8 = 0x96;
    /// IDLE, as older standards have it.
    pub const OLD_IDLE: u8 = 0x97;
    /// CHECK POWER MODE, as older standards have it.
    pub const OLD_CHECK_POWER_MODE: u8 = 0x98;
    /// SLEEP, as older standards have it.
    pub const OLD_SLEEP: u8 = 0x99;
    /// SMART, with the subcommand in the Features register.
    pub const SMART: u8 = 0xb0;
    /// READ DMA.
    pub const READ_DMA: u8 = 0xc8;
    /// WRITE DMA.
    pub const WRITE_DMA: u8 = 0xca;
    /// STANDBY IMMEDIATE.
    pub const STANDBY_IMMEDIATE: u8 = 0xe0;
    /// IDLE IMMEDIATE.
    pub const IDLE_IMMEDIATE: u8 = 0xe1;
    /// STANDBY.
    pub const STANDBY: u8 = 0xe2;
    /// IDLE.
    pub const IDLE: u8 = 0xe3;
    /// CHECK POWER MODE.
    pub const CHECK_POWER_MODE: u8 = 0xe5;
    /// SLEEP.
    pub const SLEEP: u8 = 0xe6;
    /// FLUSH CACHE.
    pub const FLUSH_CACHE: u8 = 0xe7;
    /// FLUSH CACHE EXT.
    pub const FLUSH_CACHE_EXT: u8 = 0xea;
    /// IDENTIFY DEVICE.
    pub const IDENTIFY_DEVICE: u8 = 0xec;
    /// SET FEATURES.
    pub const SET_FEATURES: u8 = 0xef;

    /// SMART READ DATA.
    pub const SMART_READ_DATA: u8 = 0xd0;
    /// SMART READ THRESHOLDS.
    pub const SMART_READ_THRESHOLDS: u8 = 0xd1;
    /// SMART READ LOG.
    pub const SMART_READ_LOG: u8 = 0xd5;
    /// SMART RETURN STATUS.
    pub const SMART_RETURN_STATUS: u8 = 0xda;
}

/// DATA SET MANAGEMENT: the Features bit that makes it a TRIM.
const FEATURE_TRIM: u8 = 0x01;

/// SET FEATURES: enable the write cache.
const FEATURE_WRITE_CACHE_ON: u8 = 0x02;
/// SET FEATURES: set the transfer mode.
const FEATURE_TRANSFER_MODE: u8 = 0x03;
/// SET FEATURES: disable look-ahead.
const FEATURE_LOOK_AHEAD_OFF: u8 = 0x55;
/// SET FEATURES: keep settings over a reset.
const FEATURE_KEEP_SETTINGS: u8 = 0x66;
/// SET FEATURES: disable the write cache.
const FEATURE_WRITE_CACHE_OFF: u8 = 0x82;
/// SET FEATURES: enable look-ahead.
const FEATURE_LOOK_AHEAD_ON: u8 = 0xaa;
/// SET FEATURES: go back to defaults at a reset.
const FEATURE_DEFAULTS: u8 = 0xcc;

/// An ATA command, decoded but not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Read sectors into the answer.
    Read(Transfer),
    /// Write sectors from the frame.
    Write(Transfer),
    /// Read sectors and tell only whether that works.
    Verify(Transfer),
    /// Make durable what was written.
    Flush,
    /// Discard ranges of sectors that the frame lists.
    Trim {
        /// The 512-byte blocks of ranges that the count register tells.
        blocks: u8,
        /// Whether the frame says that data goes to the device.
        is_write: bool,
    },
    /// Describe the device.
    Identify,
    /// Tell the power mode.
    CheckPower,
    /// Change the power mode, which does nothing but, in some cases, flush before.
    Power {
        /// Whether the cache is flushed before.
        flush: bool,
    },
    /// Change a setting that this device takes, with no effect.
    SetFeatures,
    /// Tell whether the device is in order.
    Diagnostic,
    /// Tell how the device is, which this one does not have.
    Smart,
    /// A command that this device does not have.
    Unsupported,
}

/// What an operation does to the data of the disk: it tells which others must not be in flight at the same
/// time, who may ask for it, and whether a late copy of it does harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It has to do with no data.
    Nothing,
    /// It reads these sectors.
    Reads(Extent),
    /// It changes these sectors.
    Changes(Extent),
    /// It changes the sectors that are listed in so many blocks of the frame's data.
    ChangesListed(u8),
    /// It follows all changes that came before it.
    Follows,
}

impl Effect {
    /// Whether it changes data.
    pub const fn changes_data(&self) -> bool {
        match self {
            Self::Changes(_) | Self::ChangesListed(_) => true,
            Self::Nothing | Self::Reads(_) | Self::Follows => false,
        }
    }
}

/// What is to be done about a command that has passed the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Read these sectors and answer with them.
    Read(Extent),
    /// Write these sectors, and answer when they are durable.
    Write(Extent),
    /// Read these sectors and throw them away.
    Verify(Extent),
    /// Flush the device's cache, then answer.
    Flush,
    /// Check the ranges in this many bytes of the frame's data by
    /// [`TrimList::check`](super::TrimList::check), then discard them.
    Trim {
        /// The number of bytes.
        bytes: usize,
    },
    /// Answer with the device's description.
    Identify,
    /// Answer at once.
    Answer(Outcome),
}

impl Operation {
    /// Decodes the registers of a command.
    pub fn decode(argument: &AtaArgument) -> Self {
        use opcode::*;
        match argument.command {
            READ_SECTORS | READ_DMA => Self::Read(Transfer::read(argument, Width::Lba28)),
            READ_SECTORS_EXT | READ_DMA_EXT => Self::Read(Transfer::read(argument, Width::Lba48)),
            WRITE_SECTORS | WRITE_DMA => Self::Write(Transfer::read(argument, Width::Lba28)),
            WRITE_SECTORS_EXT | WRITE_DMA_EXT | WRITE_DMA_FUA_EXT => {
                Self::Write(Transfer::read(argument, Width::Lba48))
            }
            READ_VERIFY => Self::Verify(Transfer::read(argument, Width::Lba28)),
            READ_VERIFY_EXT => Self::Verify(Transfer::read(argument, Width::Lba48)),
            FLUSH_CACHE | FLUSH_CACHE_EXT => Self::Flush,
            DATA_SET_MANAGEMENT if argument.feature & FEATURE_TRIM != 0 => Self::Trim {
                blocks: argument.count,
                is_write: argument.is_write(),
            },
            IDENTIFY_DEVICE => Self::Identify,
            CHECK_POWER_MODE | OLD_CHECK_POWER_MODE => Self::CheckPower,
            STANDBY_IMMEDIATE | STANDBY | SLEEP => Self::Power { flush: true },
            OLD_STANDBY_IMMEDIATE | OLD_STANDBY | OLD_SLEEP => Self::Power { flush: true },
            IDLE_IMMEDIATE | IDLE | OLD_IDLE_IMMEDIATE | OLD_IDLE => Self::Power { flush: false },
            SET_FEATURES if is_known_feature(argument.feature) => Self::SetFeatures,
            DIAGNOSTIC => Self::Diagnostic,
            SMART if is_read_of_smart(argument.feature) => Self::Smart,
            _ => Self::Unsupported,
        }
    }

    /// What it does to the data of the disk. A new operation has to say so here.
    #[inline]
    pub const fn effect(&self) -> Effect {
        match self {
            Self::Read(transfer) | Self::Verify(transfer) => Effect::Reads(transfer.extent()),
            Self::Write(transfer) => Effect::Changes(transfer.extent()),
            Self::Trim { blocks, .. } => Effect::ChangesListed(*blocks),
            Self::Flush | Self::Power { flush: true } => Effect::Follows,
            Self::Power { flush: false }
            | Self::Identify
            | Self::CheckPower
            | Self::SetFeatures
            | Self::Diagnostic
            | Self::Smart
            | Self::Unsupported => Effect::Nothing,
        }
    }

    /// How it may come. A new operation has to say so here.
    #[inline]
    pub const fn scope(&self) -> Scope {
        match self {
            Self::Identify | Self::CheckPower => Scope::Any,
            Self::Read(_) | Self::Verify(_) | Self::Smart => Scope::Exact,
            Self::Write(_)
            | Self::Flush
            | Self::Trim { .. }
            | Self::Power { .. }
            | Self::SetFeatures
            | Self::Diagnostic
            | Self::Unsupported => Scope::Direct,
        }
    }

    /// Whether those may use the command who are not among the holders of a reservation.
    pub const fn ignores_reservation(&self) -> bool {
        matches!(self, Self::Identify)
    }

    /// Checks the command, and tells what is to be done. Nothing has been touched by then.
    pub fn prepare(&self, conditions: &Conditions) -> Task {
        self.checked(conditions)
            .unwrap_or_else(|failure| Task::Answer(Outcome::Failed(failure)))
    }

    fn checked(&self, conditions: &Conditions) -> Result<Task, Failure> {
        Ok(match self {
            Self::Read(transfer) => Task::Read(transfer.check_read(conditions)?),
            Self::Write(transfer) => Task::Write(transfer.check_write(conditions)?),
            Self::Verify(transfer) => Task::Verify(transfer.check_verify(conditions)?),
            Self::Flush | Self::Power { flush: true } => Task::Flush,
            Self::Trim { blocks, is_write } => {
                let bytes = blocks_bytes(*blocks);
                let fits = *blocks > 0 && bytes <= conditions.payload;
                if !is_write || !fits || conditions.read_only || !conditions.trim {
                    return Err(Failure::Aborted);
                }
                Task::Trim { bytes }
            }
            Self::Identify => Task::Identify,
            Self::CheckPower => Task::Answer(Outcome::PowerActive),
            Self::Power { flush: false } | Self::SetFeatures => Task::Answer(Outcome::Success),
            Self::Diagnostic => Task::Answer(Outcome::DiagnosticPassed),
            Self::Smart | Self::Unsupported => return Err(Failure::Aborted),
        })
    }
}

/// Whether SMART with this subcommand only reads.
const fn is_read_of_smart(feature: u8) -> bool {
    matches!(
        feature,
        opcode::SMART_READ_DATA
            | opcode::SMART_READ_THRESHOLDS
            | opcode::SMART_READ_LOG
            | opcode::SMART_RETURN_STATUS
    )
}

/// Whether SET FEATURES with this subcommand succeeds. None has an effect: a write is durable when
/// it is answered, whatever the initiator says of caches.
const fn is_known_feature(feature: u8) -> bool {
    matches!(
        feature,
        FEATURE_WRITE_CACHE_ON
            | FEATURE_TRANSFER_MODE
            | FEATURE_LOOK_AHEAD_OFF
            | FEATURE_KEEP_SETTINGS
            | FEATURE_WRITE_CACHE_OFF
            | FEATURE_LOOK_AHEAD_ON
            | FEATURE_DEFAULTS
    )
}
