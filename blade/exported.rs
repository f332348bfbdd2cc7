// SPDX-License-Identifier: GPL-2.0

//! A blade: an exported disk with its address, and the workers that move its requests.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::sync::Mutex;
use kernel::time::Msecs;
use kernel::workqueue::impl_has_work;
use kernel::workqueue::new_work;
use kernel::workqueue::Work;

use super::arrivals::Arrivals;
use super::control_error::cannot_open;
use super::control_error::ControlError;
use super::execute::most_sectors;
use super::fence::Claims;
use super::health::Health;
use super::initiators::Initiators;
use super::new_export::NewExport;
use super::order::InflightSlots;
use super::policy::Policy;
use super::request::Request;
use super::settings::Settings;
use super::stall::Stall;
use super::turn::Turns;
use super::watchers::Change;
use super::watchers::Watchers;
use crate::aoe::Mac;
use crate::aoe::ShelfSlot;
use crate::block;
use crate::block::Blocks;
use crate::block::Disk;
use crate::block::OpenMode;
use crate::block::PagePools;
use crate::block::Stage;
use crate::sync;
use crate::sync::CpuWorkers;
use crate::sync::Inbox;
use crate::sync::Once;
use crate::sync::RcuCell;
use crate::sync::WorkQueue;
use crate::wire::access::Access;
use crate::wire::access::AccessList;
use crate::wire::access::Right;

mod judge;
mod work;

/// The worker that decides on requests and submits I/O.
const SUBMIT: u64 = 0;
/// The worker, in softirq context, that answers requests whose I/O has ended.
pub(super) const REPLY: u64 = 1;
/// The worker that decides on requests while the first one waits for the disk.
const JUDGE: u64 = 2;
/// The worker that answers questions.
pub(super) const ASK: u64 = 3;

/// An exported disk.
///
/// Every request is put into one inbox in the order of arrival, from whatever interface and CPU,
/// and one worker decides on them in that order: the one admission point of the disk. That worker
/// waits when the disk lets it wait, so questions have an inbox and a worker of their own.
#[pin_data]
pub(crate) struct Blade {
    address: ShelfSlot,
    path: CString,
    mode: OpenMode,
    policy: Policy,
    /// Held by who changes the access lists, who may wait for memory.
    #[pin]
    pub(super) access_edit: Mutex<()>,
    /// The access lists, locked for moments only, and as the data path sees them: none if all are open.
    #[pin]
    pub(super) access: Mutex<KBox<Access>>,
    pub(super) access_in_force: RcuCell<Access>,
    disk: Arc<Disk>,
    pub(super) queue: Arc<WorkQueue>,
    /// For what never waits for a disk.
    pub(super) prompt: Arc<WorkQueue>,
    cpu_workers: Arc<CpuWorkers<Blade>>,
    #[pin]
    settings: Mutex<Settings>,
    /// Whether initiators have restricted each other, or the administrator some of them.
    restricted: Atomic<bool>,
    /// The MAC of another target that has the address, for certain, as a number; 0 for none.
    conflict: Atomic<u64>,
    /// Sectors of the disk's physical blocks.
    physical_block: u32,
    blocks: Blocks,
    /// Sectors of the disk when that was last looked at in order to tell of a change.
    capacity_told: Atomic<u64>,
    /// Responses heard in the name of this blade that it did not send.
    rivals: Atomic<u64>,
    initiators: Initiators,
    health: Health,
    #[pin]
    watchers: Watchers,
    pub(super) slots: InflightSlots,
    /// Who holds the slots.
    pub(super) claims: Claims,
    #[pin]
    pub(super) turns: Mutex<Turns>,
    stall: Stall,
    arrivals: Arrivals,
    arrived: Inbox<Request>,
    pub(super) ended: Inbox<Request>,
    /// Those that ended but were too many for one piece.
    pub(super) late: Inbox<Request>,
    pub(super) asked: Inbox<Request>,
    /// The task that submits now, and will answer what ends meanwhile in its context; 0 if none. And
    /// the flag [`Blade::WANTED`].
    submitter: Atomic<usize>,
    #[pin]
    submit: Work<Blade, SUBMIT>,
    #[pin]
    reply: Work<Blade, REPLY>,
    #[pin]
    judge: Work<Blade, JUDGE>,
    #[pin]
    ask: Work<Blade, ASK>,
}

impl_has_work! {
    impl HasWork<Self, 0> for Blade { self.submit }
    impl HasWork<Self, 1> for Blade { self.reply }
    impl HasWork<Self, 2> for Blade { self.judge }
    impl HasWork<Self, 3> for Blade { self.ask }
}

impl Blade {
    /// Opens the device and makes a blade of it. Sleeps.
    pub(super) fn open(
        new: NewExport,
        [queue, prompt]: [Arc<WorkQueue>; 2],
        cpu_workers: Arc<CpuWorkers<Blade>>,
        pools: Arc<PagePools>,
    ) -> Result<Arc<Self>, ControlError> {
        let NewExport {
            address,
            path,
            mode,
            policy,
            settings,
            ..
        } = new;
        let turns = Turns::new()?;
        let claims = Claims::new()?;
        let initiators = Initiators::new()?;
        let health = Health::new()?;
        let access = KBox::new(Access::open(), GFP_KERNEL)?;
        let settings = match settings {
            Some(settings) => settings,
            None => KBox::new(Settings::new(address), GFP_KERNEL)?,
        };
        let disk =
            Disk::open(&path, mode, pools).map_err(|error| cannot_open(&path, mode, error))?;
        let opened = disk.clone();
        let (capacity, physical_block, blocks) =
            disk.enter().map_or((0, 1, Blocks::SECTORS), |disk| {
                (
                    disk.capacity(),
                    disk.physical_block() / block::SECTOR as u32,
                    disk.blocks(),
                )
            });
        let blade = Arc::pin_init(
            pin_init!(Self {
                address,
                path,
                mode,
                policy,
                access_edit <- new_mutex!(()),
                access <- new_mutex!(access),
                access_in_force: RcuCell::new(),
                disk,
                queue,
                prompt,
                cpu_workers,
                restricted: Atomic::new(!settings.rules.are_open()),
                settings <- new_mutex!(KBox::into_inner(settings)),
                conflict: Atomic::new(0),
                physical_block,
                blocks,
                capacity_told: Atomic::new(capacity),
                rivals: Atomic::new(0),
                initiators,
                health,
                watchers <- Watchers::new(),
                slots: InflightSlots::new(),
                claims,
                turns <- new_mutex!(turns),
                stall: Stall::new(),
                arrivals: Arrivals::new(),
                arrived: Inbox::new(),
                ended: Inbox::new(),
                late: Inbox::new(),
                asked: Inbox::new(),
                submitter: Atomic::new(0),
                submit <- new_work!("kvblade_rs::submit"),
                reply <- new_work!("kvblade_rs::reply"),
                judge <- new_work!("kvblade_rs::judge"),
                ask <- new_work!("kvblade_rs::ask"),
            }),
            GFP_KERNEL,
        );
        blade.map_err(|error| {
            // No one uses the disk yet, so it closes at once.
            let _ = opened.close(0);
            error.into()
        })
    }

    /// Sectors of the disk's physical blocks.
    pub(super) fn physical_block(&self) -> u32 {
        self.physical_block
    }

    /// Of so many sectors those that a request is to have: no more than one I/O can serve wherever they
    /// begin, and whole blocks, if they have one.
    pub(super) fn sectors_to_tell(&self, sectors: u8) -> u8 {
        let most = u64::from(sectors).min(most_sectors(self.blocks).into());
        let whole = match self.blocks.floor(most) {
            0 => most,
            whole => whole,
        };
        whole.try_into().unwrap_or(sectors)
    }

    /// The blade's address.
    pub(crate) fn address(&self) -> ShelfSlot {
        self.address
    }

    /// The device's path, as the administrator gave it.
    pub(crate) fn path(&self) -> &CStr {
        &self.path
    }

    /// How the device was opened.
    pub(crate) fn mode(&self) -> OpenMode {
        self.mode
    }

    /// What the administrator wants of the export.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The access lists, unless everyone may do everything.
    pub(super) fn access<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Access> {
        self.access_in_force.read(guard)
    }

    /// The access list for a right.
    pub(crate) fn access_list(&self, right: Right) -> AccessList {
        self.access.lock().list(right).clone()
    }

    /// The disk.
    pub(crate) fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }

    /// Sectors of the disk; `None` once it is being closed.
    pub(crate) fn capacity(&self) -> Option<u64> {
        Some(self.disk.enter()?.capacity())
    }

    /// Whether the disk has been taken away.
    pub(super) fn has_lost_disk(&self) -> bool {
        self.disk.enter().is_some_and(|disk| disk.is_gone())
    }

    /// Whether the device has become read-only since it was opened.
    pub(super) fn is_locked(&self) -> bool {
        !self.mode.read_only && self.disk.enter().is_some_and(|disk| disk.is_read_only())
    }

    /// Bytes of the device's blocks now, and when it was exported, if they have become larger.
    pub(super) fn other_blocks(&self) -> Option<(u32, u32)> {
        let disk = self.disk.enter()?;
        Some((disk.larger_blocks()?, disk.blocks().bytes()))
    }

    /// Sectors of the disk, if they are not those that there were at the last call.
    pub(super) fn take_capacity_change(&self) -> Option<u64> {
        let capacity = self.capacity().filter(|_| !self.has_lost_disk())?;
        let told = self.capacity_told.xchg(capacity, Relaxed);
        (capacity != told).then_some(capacity)
    }

    /// The settings. Not for softirq context.
    pub(crate) fn settings(&self) -> &Mutex<Settings> {
        &self.settings
    }

    /// Whether the administrator has taken the blade out of use. Not for softirq context.
    pub(super) fn is_offline(&self) -> bool {
        self.settings.lock().rules.offline
    }

    /// Changes the settings, with effect on all requests that have not had their turn yet.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Settings) -> R) -> R {
        let mut settings = self.settings.lock();
        let result = change(&mut settings);
        let is_open = settings.rules.are_open() && self.access_in_force.is_empty();
        let is_restricted = !is_open || self.rival().is_some();
        self.restricted.write_once(is_restricted);
        result
    }

    /// The MAC of another target that has the address, for certain, by any of the ports.
    pub(super) fn rival(&self) -> Option<Mac> {
        let number = self.conflict.read_once();
        (number != 0).then(|| Mac::from_number(number))
    }

    /// Says whether another target has the address. Sleeps.
    pub(super) fn set_rival(&self, rival: Option<Mac>) {
        let number = rival.map_or(0, Mac::to_number);
        if self.conflict.xchg(number, Relaxed) != number {
            self.change(|_| ());
        }
    }

    /// Whether a request must be checked against the rules and the access lists. For the worker, which alone makes
    /// rules that other requests of its own batch must see.
    pub(super) fn is_restricted(&self) -> bool {
        self.restricted.read_once()
    }

    /// Counts a response that another target sent in the name of this blade.
    pub(super) fn count_rival(&self) {
        let _ = self.rivals.fetch_add(1, Relaxed);
    }

    /// Responses heard that another target sent in the name of this blade.
    pub(crate) fn rivals(&self) -> u64 {
        self.rivals.read_once()
    }

    /// The initiators that the blade has heard of.
    pub(crate) fn initiators(&self) -> &Initiators {
        &self.initiators
    }

    /// How well it serves.
    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// Those who want to know when something changes.
    pub(super) fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Tells those who want to know that something has changed. Sleeps.
    pub(crate) fn tell(&self, change: Change) {
        self.watchers.tell(change);
    }

    /// From here on the blade lets no request in, and gets no interface any more.
    pub(super) fn begin_close(&self) {
        self.disk.begin_close();
    }

    /// Whether the blade is on its way out.
    pub(super) fn is_closing(&self) -> bool {
        self.disk.stage() != Stage::Open
    }

    /// Lets no request in any more, waits for those there are, and closes the disk. Sleeps.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT` if there still are requests after `wait`; it may be called again.
    pub(super) fn close(&self, wait: Msecs) -> Result {
        self.disk.close(wait)
    }

    /// Waits for the workers, when the disk is closed: then no code of theirs runs for this blade any
    /// more. Sleeps.
    ///
    /// Whoever has posted a request may be about to wake one, though the request has ended, so first
    /// there must be a [`sync::wait_for_readers`] that began when the disk was closed.
    pub(super) fn flush(&self) {
        self.cpu_workers.flush(self);
        sync::flush(&self.submit);
        sync::flush(&self.reply);
        sync::flush(&self.judge);
        sync::flush(&self.ask);
    }
}
