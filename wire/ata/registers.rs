// SPDX-License-Identifier: GPL-2.0

//! How a command ended, and the registers that say it: ACS, normal and error outputs.

use super::lba::Lba;
use super::lba::Width;
use crate::aoe::AtaArgument;

/// Status: the device is ready. Set in every answer.
const READY: u8 = 0x40;
/// Status: the device has failed, not the command.
const DEVICE_FAULT: u8 = 0x20;
/// Status: the error register tells an error.
const ERROR: u8 = 0x01;

/// Error: the command is refused.
const ABORT: u8 = 0x04;
/// Error: there is no such sector.
const ID_NOT_FOUND: u8 = 0x10;
/// Error: the medium cannot give the data back.
const UNCORRECTABLE: u8 = 0x40;

/// Count, as CHECK POWER MODE tells it: active or idle.
const POWER_ACTIVE: u8 = 0xff;

/// Error register, as DIAGNOSTIC tells it: passed.
const DIAGNOSTIC_PASSED: u8 = 0x01;

/// Why a command failed. It moved no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The command is refused, or failed for a reason that no other code tells.
    Aborted,
    /// The range goes past the end; this is the first sector that does.
    NotFound {
        /// The sector.
        first_bad: Lba,
        /// How its address goes into the registers.
        width: Width,
    },
    /// The medium has an error; this is the first sector that has, or the first of the range.
    Uncorrectable {
        /// The sector.
        first_bad: Lba,
        /// How its address goes into the registers.
        width: Width,
    },
    /// A write or flush failed: the device is at fault.
    WriteFault,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded. If it reads data, the data follows the registers.
    Success,
    /// CHECK POWER MODE: the device is active.
    PowerActive,
    /// EXECUTE DEVICE DIAGNOSTIC: the device is in order.
    DiagnosticPassed,
    /// It failed.
    Failed(Failure),
}

impl Outcome {
    /// The argument of the answer to `request`.
    pub fn answer(self, request: &AtaArgument) -> AtaArgument {
        let success = AtaArgument {
            flags: request.flags,
            feature: 0,
            count: 0,
            command: READY,
            lba: request.lba,
        };
        match self {
            Self::Success => success,
            Self::PowerActive => AtaArgument {
                count: POWER_ACTIVE,
                ..success
            },
            Self::DiagnosticPassed => AtaArgument {
                feature: DIAGNOSTIC_PASSED,
                ..success
            },
            Self::Failed(failure) => failure.answer(request),
        }
    }
}

impl Failure {
    fn answer(self, request: &AtaArgument) -> AtaArgument {
        let (status, error, lba) = match self {
            Self::Aborted => (READY | ERROR, ABORT, request.lba),
            Self::WriteFault => (READY | DEVICE_FAULT | ERROR, ABORT, request.lba),
            Self::NotFound { first_bad, width } => (
                READY | ERROR,
                ID_NOT_FOUND,
                first_bad.write(request.lba, width),
            ),
            Self::Uncorrectable { first_bad, width } => (
                READY | ERROR,
                UNCORRECTABLE,
                first_bad.write(request.lba, width),
            ),
        };
        AtaArgument {
            flags: request.flags,
            feature: error,
            count: request.count,
            command: status,
            lba,
        }
    }
}
