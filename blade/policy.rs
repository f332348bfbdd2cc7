// SPDX-License-Identifier: GPL-2.0

//! What the administrator may change of an export while it works, and the data path looks at.

use kernel::sync::atomic::Atomic;

use super::order;

use crate::sync::Once;

/// A setting that is one of several words.
pub(crate) trait Word: Copy + Sized + 'static {
    /// What it can be, with the word for each. The first is what it is unless it is said.
    const ALL: &'static [(&'static str, Self)];

    /// All words with a blank before each, to be shown to people.
    const CHOICES: &'static str;

    /// What it is unless it is said.
    const FIRST: Self;

    /// Its place in [`Word::ALL`].
    fn number(self) -> u32;

    /// The meaning of a word.
    fn parse(word: &str) -> Option<Self> {
        let (_, meaning) = Self::ALL.iter().find(|(other, _)| *other == word)?;
        Some(*meaning)
    }

    /// The word for it.
    fn word(self) -> &'static str {
        Self::ALL
            .get(self.number() as usize)
            .map_or("", |(word, _)| word)
    }

    /// What is in a place of [`Word::ALL`].
    fn at(number: u32) -> Self {
        Self::ALL
            .get(number as usize)
            .map_or(Self::FIRST, |(_, meaning)| *meaning)
    }
}

/// Defines a setting that is one of several words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$doc])* $variant,)* }

        impl Word for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)*];
            const CHOICES: &'static str = concat!($(" ", $word),*);
            const FIRST: Self = Self::ALL[0].1;

            fn number(self) -> u32 {
                self as u32
            }
        }
    };
}

words! {
    /// When a write is answered.
    Cache {
        /// When it is on the medium.
        Through = "through",
        /// When the device has it; FLUSH CACHE brings it to the medium.
        Back = "back",
    }
}

words! {
    /// Who is told that an export is there, or has changed.
    Audience {
        /// All on the segment; with a mask list, those on it.
        All = "all",
        /// Those whom the access list for discovery names.
        Accepted = "accepted",
        /// Nobody: initiators must ask.
        Nobody = "none",
    }
}

words! {
    /// What the kernel's log is told of an export.
    LogLevel {
        /// That it came, went and changed.
        Normal = "normal",
        /// Nothing but trouble.
        Quiet = "quiet",
        /// Also what the access lists refuse, once a second at most.
        Access = "access",
    }
}

words! {
    /// What a blade does while another target has its address.
    OnConflict {
        /// Tells it, and serves.
        Report = "report",
        /// Refuses ATA commands, so that initiators stop.
        Offline = "offline",
        /// Leaves ATA commands without an answer, so that initiators wait.
        Silent = "silent",
    }
}

/// What the administrator may change of an export while it works.
pub(crate) struct Policy {
    buffer_count: Atomic<u32>,
    mtu_max: Atomic<u32>,
    cache: Atomic<u32>,
    audience: Atomic<u32>,
    log: Atomic<u32>,
    on_conflict: Atomic<u32>,
    conflict_check: Atomic<u32>,
    announce_every: Atomic<u32>,
    single_writer: Atomic<u32>,
}

impl Policy {
    /// The least and the largest buffer count: Linux initiators send nothing at all below 2.
    pub(crate) const BUFFER_COUNTS: core::ops::RangeInclusive<u16> = 2..=order::MOST as u16;

    /// The buffer count unless the administrator gives another. Linux uses up to 64.
    const BUFFER_COUNT: u16 = 64;

    /// The longest time between two questions for the blade's address, in seconds.
    pub(crate) const CONFLICT_CHECK_MAX: u32 = 3600;

    /// The longest time between two announcements without cause, in seconds.
    pub(crate) const ANNOUNCE_EVERY_MAX: u32 = 3600;

    /// The time between two questions unless the administrator gives another, in seconds.
    const CONFLICT_CHECK: u32 = 10;

    /// What holds unless the administrator says otherwise.
    pub(crate) fn new() -> Self {
        Self {
            buffer_count: Atomic::new(Self::BUFFER_COUNT.into()),
            mtu_max: Atomic::new(0),
            cache: Atomic::new(Cache::FIRST.number()),
            audience: Atomic::new(Audience::FIRST.number()),
            log: Atomic::new(LogLevel::FIRST.number()),
            on_conflict: Atomic::new(OnConflict::FIRST.number()),
            conflict_check: Atomic::new(Self::CONFLICT_CHECK),
            announce_every: Atomic::new(0),
            single_writer: Atomic::new(0),
        }
    }

    /// Whether two are the same.
    pub(super) fn equals(&self, other: &Self) -> bool {
        let values = |policy: &Self| {
            [
                &policy.buffer_count,
                &policy.mtu_max,
                &policy.cache,
                &policy.audience,
                &policy.log,
                &policy.on_conflict,
                &policy.conflict_check,
                &policy.announce_every,
                &policy.single_writer,
            ]
            .map(|value| value.read_once())
        };
        values(self) == values(other)
    }

    /// Requests that each initiator may have under way, and is told that it may.
    pub(crate) fn buffer_count(&self) -> u16 {
        u16::try_from(self.buffer_count.read_once()).unwrap_or(Self::BUFFER_COUNT)
    }

    /// Sets the buffer count.
    pub(crate) fn set_buffer_count(&self, count: u16) {
        self.buffer_count.write_once(count.into());
    }

    /// The longest frame, in bytes without the Ethernet header, whatever the interface's MTU is;
    /// `None`: what the MTU allows.
    pub(crate) fn mtu_max(&self) -> Option<u32> {
        Some(self.mtu_max.read_once()).filter(|mtu| *mtu != 0)
    }

    /// Sets the longest frame.
    pub(crate) fn set_mtu_max(&self, mtu: Option<u32>) {
        self.mtu_max.write_once(mtu.unwrap_or(0));
    }

    /// When a write is answered.
    pub(crate) fn cache(&self) -> Cache {
        Cache::at(self.cache.read_once())
    }

    /// Sets when a write is answered.
    pub(crate) fn set_cache(&self, cache: Cache) {
        self.cache.write_once(cache.number());
    }

    /// Who is told of the export.
    pub(crate) fn audience(&self) -> Audience {
        Audience::at(self.audience.read_once())
    }

    /// Sets who is told of the export.
    pub(crate) fn set_audience(&self, audience: Audience) {
        self.audience.write_once(audience.number());
    }

    /// What the log is told.
    pub(crate) fn log(&self) -> LogLevel {
        LogLevel::at(self.log.read_once())
    }

    /// What is done while another target has the address.
    pub(crate) fn on_conflict(&self) -> OnConflict {
        OnConflict::at(self.on_conflict.read_once())
    }

    /// Sets what is done while another target has the address.
    pub(crate) fn set_on_conflict(&self, action: OnConflict) {
        self.on_conflict.write_once(action.number());
    }

    /// Seconds between two questions whether another target has the address; 0: it is not asked.
    pub(crate) fn conflict_check(&self) -> u32 {
        self.conflict_check.read_once()
    }

    /// Sets the seconds between two questions.
    pub(crate) fn set_conflict_check(&self, seconds: u32) {
        self.conflict_check.write_once(seconds);
    }

    /// Seconds between two announcements without cause; 0: there are none.
    pub(crate) fn announce_every(&self) -> u32 {
        self.announce_every.read_once()
    }

    /// Sets the seconds between two announcements.
    pub(crate) fn set_announce_every(&self, seconds: u32) {
        self.announce_every.write_once(seconds);
    }

    /// Whether one initiator at a time may write.
    pub(crate) fn is_single_writer(&self) -> bool {
        self.single_writer.read_once() != 0
    }

    /// Sets whether one initiator at a time may write.
    pub(crate) fn set_single_writer(&self, is_single: bool) {
        self.single_writer.write_once(is_single.into());
    }

    /// Sets what the log is told.
    pub(crate) fn set_log(&self, log: LogLevel) {
        self.log.write_once(log.number());
    }
}
