// SPDX-License-Identifier: GPL-2.0

//! Fences: the administrator excludes initiators, and hears when nothing is in flight any more that
//! they have sent before.
//!
//! Whoever is excluded may have its disk taken over by another at once, so that a write that lands
//! later would undo what that other has written (the commands of the wire that exclude wait for the
//! same reason: see `execute.rs`). Requests that wait for their turn are judged when it has come,
//! by what holds then; so those are waited for that had it before the change. How long they take is
//! the disk's affair, and a disk may hang: the wait has an end, the exclusion has not.

use kernel::prelude::*;
use kernel::time::delay::fsleep;
use kernel::time::Delta;
use kernel::time::Msecs;

use super::control_error::ControlError;
use super::exported::Blade;
use super::settings::Settings;
use super::watchers::Change;
use crate::aoe::MacList;
use crate::sync;
use crate::sync::Moment;
use crate::sync::RcuBox;
use crate::wire::access::Access;
use crate::wire::access::AccessList;
use crate::wire::access::Right;

mod claims;

use claims::Claim;
pub(super) use claims::Claims;
use claims::Fence;

/// How long the requests of those who are excluded are waited for, in milliseconds: as long as those
/// of an export that is removed.
const WAIT: Msecs = 10_000;

/// How often one looks whether they have ended, in microseconds: soon, and then less often. Ends come
/// in any context and are many, so that they tell nobody.
const FIRST_PAUSE: i64 = 200;
const LONGEST_PAUSE: i64 = 20_000;

impl Blade {
    /// Sets the mask list.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, with the list in force; `ENOMEM`, with nothing changed.
    pub(crate) fn set_mask(&self, macs: &MacList) -> Result<(), ControlError> {
        self.exclude(
            |settings| settings.rules.mask.clone_from(macs),
            || self.tell(Change::Mask),
            !macs.is_empty(),
            |claim| macs.excludes(claim.initiator_mac()),
        )
    }

    /// Sets the reservation.
    ///
    /// # Errors
    ///
    /// As for [`Blade::set_mask`].
    pub(crate) fn set_reservation(&self, macs: &MacList) -> Result<(), ControlError> {
        self.exclude(
            |settings| settings.rules.reservation.clone_from(macs),
            || self.tell(Change::Reserve),
            !macs.is_empty(),
            |claim| macs.excludes(claim.initiator_mac()),
        )
    }

    /// Changes the rules, and waits for the requests of those whom that excludes, if it may exclude
    /// anyone.
    pub(super) fn exclude(
        &self,
        change: impl FnOnce(&mut Settings),
        tell: impl FnOnce(),
        may_exclude: bool,
        is_excluded: impl Fn(Claim) -> bool,
    ) -> Result<(), ControlError> {
        let fence = Fence::new()?;
        self.change(change);
        tell();
        if may_exclude {
            self.wait_for(fence, is_excluded)
        } else {
            Ok(())
        }
    }

    /// Sets the access list for a right, and waits for the requests of those who had it.
    ///
    /// # Errors
    ///
    /// As for [`Blade::set_mask`].
    pub(crate) fn set_access_list(
        &self,
        right: Right,
        list: AccessList,
    ) -> Result<(), ControlError> {
        let fence = Fence::new()?;
        let is_excluded = |claim: Claim| match right {
            Right::Read => !claim.is_exclusive() && !list.permits(claim.initiator_mac()),
            Right::Write => claim.is_exclusive() && !list.permits(claim.initiator_mac()),
            // These do not outlast their turn.
            Right::Discover | Right::Configure => false,
        };
        let editing = self.access_edit.lock();
        let mut new = KBox::new(Access::open(), GFP_KERNEL)?;
        new.clone_from(&self.access.lock());
        new.set(right, list.clone());
        let in_force = if new.is_open() {
            None
        } else {
            Some(RcuBox::new((*new).clone(), GFP_KERNEL)?)
        };
        *self.access.lock() = new;
        self.access_in_force.replace(in_force);
        drop(editing);
        sync::wait_for_readers();
        // What has come in already is judged again.
        self.change(|_| ());
        if list.is_open() {
            return Ok(());
        }
        self.wait_for(fence, is_excluded)
    }

    /// Waits until the matching requests in flight have ended. Those that get their turn
    /// after this has begun are not waited for.
    fn wait_for(
        &self,
        mut fence: Fence,
        is_such: impl Fn(Claim) -> bool,
    ) -> Result<(), ControlError> {
        let begin = Moment::now();
        let mut pause = FIRST_PAUSE;
        let mut is_noted = false;
        loop {
            // The worker may sleep with the turns locked as long as the disk wants. When it has let
            // go of them, all that it has begun has its slot, and what follows sees the change.
            if !is_noted {
                if let Some(_turns) = self.turns.try_lock() {
                    fence.note(&self.slots, &self.claims, &is_such);
                    is_noted = true;
                }
            }
            let left = fence.left(&self.slots, &self.claims);
            if is_noted && left == 0 {
                return Ok(());
            }
            if begin.is_older_than(WAIT) {
                return Err(self.cannot_wait(is_noted.then_some(left)));
            }
            fsleep(Delta::from_micros(pause));
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    fn cannot_wait(&self, left: Option<usize>) -> ControlError {
        let (address, seconds) = (self.address(), WAIT / 1000);
        let consequence = "they are excluded from now on, but what they have sent may still reach \
                           the disk";
        match left {
            Some(left) => {
                let requests = if left == 1 { "request" } else { "requests" };
                ControlError::new(
                    ETIMEDOUT,
                    format_args!(
                        "{address}: the device has not ended {left} {requests} of excluded \
                         initiators after {seconds} seconds; {consequence}"
                    ),
                )
            }
            None => ControlError::new(
                ETIMEDOUT,
                format_args!(
                    "{address}: the device has not taken the requests of excluded initiators \
                     after {seconds} seconds; {consequence}"
                ),
            ),
        }
    }
}

#[kunit_tests(kvblade_rs_fence)]
mod tests {
    use super::*;
    use crate::aoe::Mac;
    use crate::ata::Extent;
    use crate::ata::Lba;
    use crate::blade::order::InflightSlot;
    use crate::blade::order::InflightSlots;
    use crate::blade::order::Span;
    use crate::blade::order::Spans;
    use crate::blade::order::MAX_INFLIGHT;

    const CARD: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const NOWHERE: Extent = Extent {
        first: Lba(0),
        sectors: 0,
    };
    const OTHER: Mac = Mac([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);

    struct Bed {
        slots: InflightSlots,
        spans: Spans,
        claims: Claims,
    }

    impl Bed {
        fn new() -> Result<Self> {
            Ok(Self {
                slots: InflightSlots::new(),
                spans: Spans::new()?,
                claims: Claims::new()?,
            })
        }

        /// A request of no sectors, which is in nobody's way.
        fn begin(&mut self, initiator_mac: Mac, is_exclusive: bool) -> Result<InflightSlot> {
            let span = Span::reading(NOWHERE);
            let slot = self.spans.claim(&self.slots, span).ok_or(EINVAL)?;
            self.claims.note(slot, initiator_mac, is_exclusive);
            Ok(slot)
        }

        fn fence(&self, is_such: impl Fn(Claim) -> bool) -> Result<Fence> {
            let mut fence = Fence::new()?;
            fence.note(&self.slots, &self.claims, is_such);
            Ok(fence)
        }

        fn left(&self, fence: &Fence) -> usize {
            fence.left(&self.slots, &self.claims)
        }
    }

    #[test]
    fn it_waits_for_those_that_were_under_way() -> Result {
        let mut bed = Bed::new()?;
        let first = bed.begin(CARD, true)?;
        let second = bed.begin(CARD, false)?;
        let fence = bed.fence(|_| true)?;
        let writes = bed.fence(Claim::is_exclusive)?;
        // It comes later, to a slot of its own.
        bed.begin(CARD, true)?;
        assert!(bed.left(&fence) == 2 && bed.left(&writes) == 1);
        let _ = bed.slots.release(first);
        // It comes later, to the slot of the one that has ended.
        bed.begin(CARD, true)?;
        assert!(bed.left(&fence) == 1 && bed.left(&writes) == 0);
        let _ = bed.slots.release(second);
        assert!(bed.left(&fence) == 0);
        Ok(())
    }

    #[test]
    fn it_waits_for_no_others() -> Result {
        let mut bed = Bed::new()?;
        bed.begin(CARD, true)?;
        let other = bed.begin(OTHER, true)?;
        let fence = bed.fence(|claim| claim.initiator_mac() == OTHER)?;
        assert!(bed.left(&fence) == 1);
        let _ = bed.slots.release(other);
        assert!(bed.left(&fence) == 0);
        Ok(())
    }

    #[test]
    fn all_that_may_be_under_way_are_waited_for() -> Result {
        let mut bed = Bed::new()?;
        for _ in 0..MAX_INFLIGHT {
            bed.begin(OTHER, false)?;
        }
        assert!(bed.begin(CARD, true).is_err());
        let fence = bed.fence(|claim| claim.initiator_mac() == OTHER)?;
        assert!(bed.left(&fence) == MAX_INFLIGHT);
        Ok(())
    }
}
