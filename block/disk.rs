// SPDX-License-Identifier: GPL-2.0

//! An opened block device, and the count of those who use it.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use kernel::bindings as kernel_bindings;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;
use kernel::sync::Arc;
use kernel::time::Jiffies;
use kernel::time::Msecs;

use super::blocks::Blocks;
use super::open::open_file;
use super::open::why_not_writable;
use super::open::OpenError;
use super::open::OpenMode;
use super::pool::PagePools;
use super::reserve::Reserve;
use super::users::Stage;
use super::users::Users;
use super::SECTOR;
use crate::bindings;
use crate::compat;
use crate::sync::Moment;
use crate::sync::Once;

/// Bits of a `dev_t` that are the minor number, as in the kernel's `kdev_t.h`.
const MINOR_BITS: u32 = 20;
const MINOR_MASK: u32 = (1 << MINOR_BITS) - 1;

/// How long it is lately that requests have failed, in milliseconds.
const LATELY: Msecs = 60_000;

/// An open block device.
///
/// While it is open, requests use it by a [`DiskUse`] each. It must be closed before it is
/// dropped, since closing sleeps and the last reference may go away where that is not allowed.
///
/// # Invariants
///
/// `file` is null or an open file of the block device `bdev`; it is not null as long as users are
/// let in or there are any. Each [`DiskUse`] value is one of `users`.
#[pin_data(PinnedDrop)]
pub(crate) struct Disk {
    file: Atomic<*mut kernel_bindings::file>,
    bdev: *mut kernel_bindings::block_device,
    /// Where the memory for data comes from.
    pools: Arc<PagePools>,
    /// And if there is none.
    reserve: Reserve,
    /// Its address, unique in the kernel, is the holder of the claim on the device.
    _claim: KBox<u8>,
    mode: OpenMode,
    blocks: Blocks,
    number: u32,
    #[pin]
    users: Users,
    /// The timer tick at which a request has last failed; 0 if none has.
    failed: Atomic<Jiffies>,
}

// SAFETY: Block device files may be used and put by any thread.
unsafe impl Send for Disk {}
// SAFETY: The block layer does its own locking; the rest is atomic or constant.
unsafe impl Sync for Disk {}

impl Disk {
    /// Opens and, unless `mode.shared`, claims the device at `path`. Sleeps.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; the kernel's own are `EBUSY` when the device is claimed by another,
    /// `EACCES` and `EROFS` when it cannot be written, and those of [`number_of`](super::open::number_of).
    pub(crate) fn open(
        path: &CStr,
        mode: OpenMode,
        pools: Arc<PagePools>,
    ) -> Result<Arc<Self>, OpenError> {
        let claim = KBox::new(0u8, GFP_KERNEL).map_err(Error::from)?;
        let reserve = Reserve::new().map_err(Error::from)?;
        let holder = if mode.shared {
            core::ptr::null_mut()
        } else {
            core::ptr::from_ref(&*claim).cast_mut().cast()
        };
        // SAFETY: The holder is null or an address that stays ours as long as the device is open.
        let file = unsafe { open_file(path, mode.read_only, holder) }
            .map_err(|error| why_not_writable(path, mode, error))?;
        // SAFETY: The file was just opened.
        let bdev = unsafe { kernel_bindings::file_bdev(file) };
        // SAFETY: The device is open.
        let (number, block) = unsafe {
            (
                bindings::kv_bdev_number(bdev),
                bindings::kv_bdev_logical_block_size(bdev),
            )
        };
        // INVARIANT: `file` is an open file of `bdev`, and there are no users.
        let disk = Arc::pin_init(
            pin_init!(Self {
                file: Atomic::new(file),
                bdev,
                pools,
                reserve,
                _claim: claim,
                mode,
                // What cannot be served is refused below.
                blocks: Blocks::new(block).unwrap_or(Blocks::SECTORS),
                number,
                users <- Users::new(),
                failed: Atomic::new(0),
            }),
            GFP_KERNEL,
        );
        let disk = match disk {
            Ok(disk) => disk,
            Err(error) => {
                // SAFETY: The file was opened above, and no one else knows it.
                unsafe { kernel_bindings::bdev_fput(file) };
                return Err(error.into());
            }
        };
        disk.check().inspect_err(|_| {
            // No one uses the disk yet, so it closes at once.
            let _ = disk.close(0);
        })?;
        Ok(disk)
    }

    /// Whether the device is one that can be exported.
    fn check(&self) -> Result<(), OpenError> {
        // SAFETY: The device is open: `open` has not returned it yet.
        let (block, sectors) = unsafe {
            (
                bindings::kv_bdev_logical_block_size(self.bdev),
                bindings::kv_bdev_sectors(self.bdev),
            )
        };
        // SAFETY: As above.
        if unsafe { bindings::kv_bdev_is_zoned(self.bdev) } {
            return Err(OpenError::Zoned);
        }
        if Blocks::new(block) != Some(self.blocks) {
            return Err(OpenError::LogicalBlock(block));
        }
        if self.blocks.floor(sectors) == 0 {
            return Err(OpenError::Empty);
        }
        let OpenMode { offset, length, .. } = self.mode;
        if !self.blocks.begin_at(offset | length.unwrap_or(0)) {
            return Err(OpenError::PartOfBlock(block));
        }
        let end = offset.checked_add(length.unwrap_or(1));
        if end.is_none_or(|end| end > sectors) {
            return Err(OpenError::TooShort(sectors));
        }
        // SAFETY: As above.
        unsafe { bindings::kv_bdev_forget_cached(self.bdev) };
        Ok(())
    }

    /// The number (`dev_t`) of the device.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The device's number in its two parts, as it is shown to people.
    pub(crate) fn major_minor(&self) -> (u32, u32) {
        (self.number >> MINOR_BITS, self.number & MINOR_MASK)
    }

    /// How far its life has come.
    pub(crate) fn stage(&self) -> Stage {
        if !self.users.are_refused() {
            Stage::Open
        } else if !self.file.read_once().is_null() {
            Stage::Closing
        } else {
            Stage::Closed
        }
    }

    /// Begins a use of the disk; `None` once it is being closed.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<DiskUse> {
        // INVARIANT: It is one of the users, since it has been let in.
        self.users.enter().then(|| DiskUse(self.clone()))
    }

    /// Requests that use the disk now.
    pub(crate) fn users(&self) -> usize {
        self.users.number()
    }

    /// Lets no new users in.
    pub(crate) fn begin_close(&self) {
        self.users.refuse();
    }

    /// Lets no new users in, waits for those there are, and closes the device. Sleeps. Does
    /// nothing if the device is closed already.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT` if there still are users after `wait`: the disk then lets no one in but is not
    /// closed, and `close` may be called again.
    pub(crate) fn close(&self, wait: Msecs) -> Result {
        self.begin_close();
        self.users.drain(wait)?;
        // INVARIANT: There are no users, and none are let in.
        let file = self.file.xchg(core::ptr::null_mut(), Full);
        if !file.is_null() {
            // SAFETY: By the invariant the file is open, and the exchange made it ours alone.
            // Others are to see what initiators have written.
            unsafe {
                if !bindings::kv_bdev_is_gone(self.bdev) {
                    bindings::kv_bdev_forget_cached(self.bdev);
                }
                kernel_bindings::bdev_fput(file);
            }
        }
        Ok(())
    }
}

#[pinned_drop]
impl PinnedDrop for Disk {
    fn drop(self: Pin<&mut Self>) {
        // Closing sleeps, which is not allowed everywhere, so better leak the device than hang.
        let open = !self.file.read_once().is_null();
        compat::warn_on(open);
    }
}

/// One use of a disk, which keeps it open: to be had as long as its stage is `Open`.
pub(crate) struct DiskUse(Arc<Disk>);

impl DiskUse {
    /// The device, open as long as `self` is there.
    pub(super) fn bdev(&self) -> *mut kernel_bindings::block_device {
        self.0.bdev
    }

    /// Where the memory for data comes from.
    pub(super) fn pools(&self) -> &PagePools {
        &self.0.pools
    }

    /// Where it comes from if there is none.
    pub(super) fn reserve(&self) -> &Reserve {
        &self.0.reserve
    }

    /// Whether the device has been taken away.
    pub(crate) fn is_gone(&self) -> bool {
        // SAFETY: The device is open.
        unsafe { bindings::kv_bdev_is_gone(self.0.bdev) }
    }

    /// Whether the device cannot be written now, whatever it was when it was opened.
    pub(crate) fn is_read_only(&self) -> bool {
        // SAFETY: The device is open.
        unsafe { bindings::kv_bdev_is_read_only(self.0.bdev) }
    }

    /// Notes that a request has failed, or several as one.
    pub(super) fn note_failure(&self) {
        self.0.failed.write_once(Moment::now().to_ticks().max(1));
    }

    /// Whether that was lately.
    pub(crate) fn has_failed_lately(&self) -> bool {
        let failed = self.0.failed.read_once();
        failed != 0 && !Moment::from_ticks(failed).is_older_than(LATELY)
    }

    /// The device's sector that is the disk's first.
    pub(super) fn offset(&self) -> u64 {
        self.0.mode.offset
    }

    /// Sectors of the disk, in whole blocks: a partition's are the partition's. Read anew at each call, since
    /// devices are resized without telling anyone.
    pub(crate) fn capacity(&self) -> u64 {
        // SAFETY: The device is open.
        let sectors = unsafe { bindings::kv_bdev_sectors(self.0.bdev) };
        let sectors = sectors
            .saturating_sub(self.offset())
            .min(self.0.mode.length.unwrap_or(u64::MAX));
        self.blocks().floor(sectors)
    }

    /// The disk's blocks.
    #[inline]
    pub(crate) fn blocks(&self) -> Blocks {
        self.0.blocks
    }

    /// Bytes of the device's blocks by now, if they have become larger: then it refuses what is not
    /// whole blocks, so that such requests fail.
    pub(crate) fn larger_blocks(&self) -> Option<u32> {
        // SAFETY: The device is open.
        let now = unsafe { bindings::kv_bdev_logical_block_size(self.0.bdev) };
        (now > self.blocks().bytes()).then_some(now)
    }

    /// Bytes of a physical block.
    pub(crate) fn physical_block(&self) -> u32 {
        // SAFETY: The device is open.
        unsafe { bindings::kv_bdev_physical_block_size(self.0.bdev) }
    }

    /// Bytes from the disk's start to that of the next physical block, if known.
    pub(crate) fn alignment(&self) -> Option<u32> {
        // SAFETY: The device is open.
        let of_device = unsafe { bindings::kv_bdev_alignment_offset(self.0.bdev) };
        let block = u64::from(self.physical_block());
        let ahead = self
            .offset()
            .checked_mul(SECTOR as u64)?
            .checked_rem(block)?;
        u64::try_from(of_device)
            .ok()?
            .checked_add(block)?
            .checked_sub(ahead)?
            .checked_rem(block)?
            .try_into()
            .ok()
    }

    /// Whether the device can discard sectors.
    pub(crate) fn can_discard(&self) -> bool {
        // SAFETY: The device is open.
        unsafe { bindings::kv_bdev_can_discard(self.0.bdev) }
    }

    /// Whether the medium rotates.
    pub(crate) fn is_rotational(&self) -> bool {
        // SAFETY: The device is open.
        unsafe { bindings::kv_bdev_is_rotational(self.0.bdev) }
    }
}

impl Drop for DiskUse {
    fn drop(&mut self) {
        self.0.users.leave();
    }
}
