// SPDX-License-Identifier: GPL-2.0

//! What the administrator may change of an export while it works, and the data path looks at.

use kernel::sync::atomic::Atomic;

use super::order;

use crate::sync::Once;
use crate::wire::settings::Audience;
use crate::wire::settings::Cache;
use crate::wire::settings::Form;
use crate::wire::settings::LogLevel;
use crate::wire::settings::OnConflict;
use crate::wire::settings::Tunable;
use crate::wire::settings::Word;

/// What follows when the administrator changes a setting of an export that runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follows {
    /// Nothing: whoever needs it looks at it each time.
    Nothing,
    /// Initiators are told, since they were told what it was.
    Announcement,
    /// Of several initiators that write now the next one is the single one.
    NewWriter,
}

/// What the administrator may change of an export while it works.
pub(crate) struct Policy([Atomic<u32>; Tunable::COUNT]);

/// No initiator may have more in flight than there are slots.
const _: () = assert!(matches!(
    Tunable::BufferCount.row().form,
    Form::Number(number) if number.most as usize == order::MAX_INFLIGHT
));

impl Policy {
    /// What holds unless the administrator says otherwise.
    pub(crate) fn new() -> Self {
        Self(Tunable::ALL.map(|tunable| Atomic::new(tunable.row().default)))
    }

    /// What follows a change.
    pub(crate) const fn follows(tunable: Tunable) -> Follows {
        match tunable {
            Tunable::BufferCount | Tunable::MtuMax => Follows::Announcement,
            Tunable::SingleWriter => Follows::NewWriter,
            Tunable::Cache
            | Tunable::Announce
            | Tunable::AnnounceEvery
            | Tunable::Log
            | Tunable::OnConflict
            | Tunable::ConflictCheck => Follows::Nothing,
        }
    }

    /// Whether two are the same.
    pub(super) fn equals(&self, other: &Self) -> bool {
        Tunable::ALL
            .into_iter()
            .all(|tunable| self.get(tunable) == other.get(tunable))
    }

    /// A setting, as [`Form::parse`] has it.
    pub(crate) fn get(&self, tunable: Tunable) -> u32 {
        self.0
            .get(tunable as usize)
            .map_or(0, |value| value.read_once())
    }

    /// Changes a setting to what [`Form::parse`] has found.
    pub(crate) fn set(&self, tunable: Tunable, value: u32) {
        if let Some(slot) = self.0.get(tunable as usize) {
            slot.write_once(value);
        }
    }

    /// Requests that each initiator may have in flight, and is told that it may.
    pub(crate) fn buffer_count(&self) -> u16 {
        u16::try_from(self.get(Tunable::BufferCount)).unwrap_or(u16::MAX)
    }

    /// The longest frame, in bytes without the Ethernet header, whatever the interface's MTU is;
    /// `None`: what the MTU allows.
    pub(crate) fn mtu_max(&self) -> Option<u32> {
        Some(self.get(Tunable::MtuMax)).filter(|mtu| *mtu != 0)
    }

    /// When a write is answered.
    pub(crate) fn cache(&self) -> Cache {
        Cache::at(self.get(Tunable::Cache))
    }

    /// Who is told of the export.
    pub(crate) fn audience(&self) -> Audience {
        Audience::at(self.get(Tunable::Announce))
    }

    /// What the log is told.
    pub(crate) fn log(&self) -> LogLevel {
        LogLevel::at(self.get(Tunable::Log))
    }

    /// What is done while another target has the address.
    pub(crate) fn on_conflict(&self) -> OnConflict {
        OnConflict::at(self.get(Tunable::OnConflict))
    }

    /// Seconds between two questions whether another target has the address; 0: it is not asked.
    pub(crate) fn conflict_check(&self) -> u32 {
        self.get(Tunable::ConflictCheck)
    }

    /// Seconds between two announcements without cause; 0: there are none.
    pub(crate) fn announce_every(&self) -> u32 {
        self.get(Tunable::AnnounceEvery)
    }

    /// Whether one initiator at a time may write.
    pub(crate) fn is_single_writer(&self) -> bool {
        self.get(Tunable::SingleWriter) != 0
    }
}
