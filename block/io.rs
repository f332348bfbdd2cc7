// SPDX-License-Identifier: GPL-2.0

//! One operation on a disk: reading, writing, flushing or discarding.
//!
//! C header: [`include/linux/bio.h`](srctree/include/linux/bio.h)

use core::mem::MaybeUninit;

use kernel::alloc::AllocError;
use kernel::bindings as kernel_bindings;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::types::Opaque;

use super::disk::DiskUse;
use super::pages::Pages;
use super::pages::Vectors;
use super::SECTOR;
use crate::bindings;
use crate::compat::ENOLINK;
use crate::compat::EOPNOTSUPP;

/// How many operations had to be alone.
static ALONE: Atomic<u32> = Atomic::new(0);

mod blocks;

pub(crate) use blocks::Part;

/// Where the data of writes comes from.
///
/// # Safety
///
/// What `describe` describes must be `len` bytes that stay there, and can be read, as long as the
/// source; and the device must take them as they lie.
pub(crate) unsafe trait Source {
    /// Describes `len` bytes from `offset` on in `vectors`, for the block device `bdev`, which is
    /// open, and returns how many vectors there are; 0 if the data cannot be had so.
    fn describe(
        &self,
        offset: usize,
        len: usize,
        bdev: *mut bindings::block_device,
        vectors: &mut Vectors,
    ) -> u16;

    /// Fills `to` with the data from `offset` on; all of it is initialised on success.
    ///
    /// # Errors
    ///
    /// If there is not so much data.
    fn copy(&self, offset: usize, to: &mut [MaybeUninit<u8>]) -> Result;
}

/// One operation on a disk, with its data: it lives in the request that wants it.
///
/// # Invariants
///
/// If `pages` borrows memory, it is `source` that it borrows from. If the operation is a discard they
/// are initialised. `all` is what of its own vectors it concerns, from the first on, and those behind
/// them of its followers.
pub(crate) struct Io<S> {
    operation: u32,
    sector: u64,
    bytes: u32,
    pages: Pages,
    all: VectorCount,
    source: Option<S>,
    bio: Opaque<kernel_bindings::bio>,
    // Last, so that it is dropped last: whoever closes the disk waits for this.
    disk: DiskUse,
}

/// What a bio consists of.
#[derive(Clone, Copy, Default)]
struct VectorCount {
    vectors: u16,
    bytes: u32,
}

// SAFETY: A bio belongs to no thread, and it points only at what the `Io` owns.
unsafe impl<S: Send> Send for Io<S> {}
// SAFETY: `&Io` allows no access to the bio.
unsafe impl<S: Sync> Sync for Io<S> {}

impl<S: Source> Io<S> {
    /// An operation yet to be decided on. Until then it is a flush. If it is going to be a write,
    /// its data comes from `source`.
    pub(crate) fn new(disk: DiskUse, source: S) -> impl Init<Self> {
        init!(Self {
            operation: bindings::KV_FLUSH,
            sector: 0,
            bytes: 0,
            pages <- Pages::none(),
            all: VectorCount::default(),
            source: Some(source),
            bio: Opaque::uninit(),
            disk,
        })
    }

    /// The disk.
    pub(crate) fn disk(&self) -> &DiskUse {
        &self.disk
    }

    /// The source, unless it was taken.
    pub(crate) fn source(&self) -> Option<&S> {
        self.source.as_ref()
    }

    /// Takes the source: then there can be no write any more.
    pub(crate) fn take_source(&mut self) -> Option<S> {
        self.flush();
        if self.pages.are_borrowed() {
            self.pages.clear();
        }
        self.source.take()
    }

    /// Makes it a flush of the device's volatile cache, if it has one.
    pub(crate) fn flush(&mut self) {
        self.operation = bindings::KV_FLUSH;
        self.bytes = 0;
    }

    /// Makes it a read of `sectors` from `sector` on. If it `may_wait` it waits a little for memory
    /// where there is none. If the disk has larger blocks it is one of whole blocks, and [`Io::cut`]
    /// is due when it has ended.
    ///
    /// # Errors
    ///
    /// `AllocError` when memory is short or so much is never had in one request.
    pub(crate) fn read(
        &mut self,
        sector: u64,
        sectors: usize,
        may_wait: bool,
    ) -> Result<(), AllocError> {
        self.operation = bindings::KV_READ;
        if !self.disk.blocks().are_sectors() {
            return self.read_blocks(sector, sectors, may_wait);
        }
        self.sector = sector;
        let len = sectors.checked_mul(SECTOR).ok_or(AllocError)?;
        self.pages
            .take(self.disk.pools(), self.disk.reserve(), len, may_wait)?;
        self.bytes = self.pages.len();
        Ok(())
    }

    /// Makes it a write of `sectors` from `sector` on, which are whole blocks, `durable` (`REQ_FUA`) or into the device's
    /// volatile cache, of the source's data from `offset` on: where that lies if the device can do
    /// so, else of a copy. If it `may_wait` it waits a little for memory where there is none.
    ///
    /// # Errors
    ///
    /// `ENOMEM` as with [`Io::read`], and `EFAULT` if there is not so much data.
    pub(crate) fn write(
        &mut self,
        sector: u64,
        sectors: usize,
        durable: bool,
        offset: usize,
        may_wait: bool,
    ) -> Result {
        let source = self.source.as_ref().ok_or(EFAULT)?;
        let len = sectors.checked_mul(SECTOR).ok_or(EINVAL)?;
        let bdev = self.disk.bdev();
        // INVARIANT: It borrows from the source.
        // SAFETY: The source stays as long as `pages` borrows, and it is open for this device.
        let has_borrowed = unsafe {
            self.pages
                .borrow(len, |vectors| source.describe(offset, len, bdev, vectors))
        };
        if !has_borrowed {
            let (pools, reserve) = (self.disk.pools(), self.disk.reserve());
            if self.disk.blocks().are_sectors() {
                self.pages.take(pools, reserve, len, may_wait)?;
            } else {
                self.pages.take_whole(pools, reserve, len, may_wait)?;
            }
            self.pages.fill(|done, memory| {
                source.copy(offset.checked_add(done).ok_or(EFAULT)?, memory)
            })?;
        }
        self.operation = if durable {
            bindings::KV_WRITE_DURABLE
        } else {
            bindings::KV_WRITE
        };
        self.sector = sector;
        self.bytes = self.pages.len();
        Ok(())
    }

    /// Makes it a discard of `sectors` from `sector` on; what was loaded stays.
    pub(crate) fn discard(&mut self, sector: u64, sectors: u32) {
        if !self.is_discard() {
            self.pages.clear();
        }
        self.operation = bindings::KV_DISCARD;
        self.sector = sector;
        self.bytes = sectors.saturating_mul(SECTOR as u32);
    }

    /// Takes a copy of the source's data, `len` bytes from `offset` on, for an operation that is
    /// going to be one or several discards. Does not wait for memory.
    ///
    /// # Errors
    ///
    /// `ENOMEM` as with [`Io::read`], and `EFAULT` if there is not so much data.
    pub(crate) fn load(&mut self, offset: usize, len: usize) -> Result {
        let source = self.source.as_ref().ok_or(EFAULT)?;
        self.pages
            .take(self.disk.pools(), self.disk.reserve(), len, false)?;
        self.pages
            .fill(|done, memory| source.copy(offset.checked_add(done).ok_or(EFAULT)?, memory))?;
        // INVARIANT: The pages have just been filled.
        self.operation = bindings::KV_DISCARD;
        self.bytes = 0;
        Ok(())
    }

    /// The `N` bytes at `offset` of what was loaded, if they are there, in one page.
    pub(crate) fn loaded<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if !self.is_discard() {
            return None;
        }
        // SAFETY: By the invariant the pages of a discard are initialised.
        unsafe { self.pages.bytes(offset) }
    }

    /// Whether it is a discard, alone or not.
    fn is_discard(&self) -> bool {
        self.operation & !bindings::KV_ALONE == bindings::KV_DISCARD
    }

    /// Lets it go to the disk by itself, even if others go there at the same time.
    pub(super) fn keep_alone(&mut self) {
        self.operation |= bindings::KV_ALONE;
    }

    /// Whether it has perhaps failed with this only because the block layer has joined it with others, of
    /// whoever uses the disk: of such requests all fail whose sectors are behind a bad one, or all. Some
    /// errors are always of the disk as a whole.
    pub(super) fn may_be_not_its_own(&self, error: Error) -> bool {
        let is_of_all =
            error == ENODEV || error == ETIMEDOUT || error == ENOLINK || error == EOPNOTSUPP;
        self.operation & bindings::KV_ALONE == 0 && !is_of_all && !self.disk.is_gone()
    }

    /// It goes to the disk with its own data, to begin with. Where requests have failed lately it
    /// keeps alone: a disk may take most of a minute to give a sector up, and what is tried once
    /// more after that is answered too late.
    pub(super) fn lead(&mut self) {
        if self.disk.has_failed_lately() {
            self.keep_alone();
        }
        // INVARIANT: There are no followers. What a discard has in its pages is not for the disk.
        self.all = VectorCount {
            vectors: if self.is_discard() {
                0
            } else {
                self.pages.count()
            },
            bytes: self.bytes,
        };
    }

    /// Lets another follow behind this and those that do already; false if it cannot. What is
    /// described stays the other's.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let VectorCount { vectors, bytes } = self.all;
        let end = self.sector.saturating_add(u64::from(bytes) / SECTOR as u64);
        let bytes = bytes.saturating_add(other.bytes);
        if other.operation != self.operation
            || self.operation & bindings::KV_ALONE != 0
            || other.sector != end
            || !self
                .pages
                .join(vectors, &other.pages, bytes, self.disk.bdev())
        {
            return false;
        }
        // INVARIANT: The other's are behind those that there were.
        self.all = VectorCount {
            vectors: vectors.saturating_add(other.pages.count()),
            bytes,
        };
        true
    }

    /// The bio of the operation, with the data of its followers: all of it but who gets it back.
    pub(super) fn bio(&mut self) -> *mut kernel_bindings::bio {
        let bio = self.bio.get();
        // SAFETY: The bio and the vectors lie here, and the device is open. By the invariant so many
        // vectors are those of the data. The fields written are those of a bio with its data described
        // by vectors.
        unsafe {
            kernel_bindings::bio_init(
                bio,
                self.disk.bdev(),
                self.pages.vectors(),
                Pages::MAX as u16,
                self.operation,
            );
            (*bio).bi_ioprio = self.priority();
            (*bio).bi_vcnt = self.all.vectors;
            (*bio).bi_iter.bi_sector = self.sector.saturating_add(self.disk.offset());
            (*bio).bi_iter.bi_size = self.all.bytes;
        }
        bio
    }

    /// The priority, which else would be that of the thread that submits. It may be a real-time one;
    /// schedulers then let all others wait.
    ///
    /// An md array (RAID 0, 1, 10, linear) takes the flag off by which the block layer joins an operation
    /// with no other. But it joins none of different priorities, and a hint is part of that: so what is to
    /// be alone has one that none of the 511 before it had.
    fn priority(&self) -> u16 {
        let (first, shift) = (bindings::KV_IO_HINTS, bindings::KV_IO_HINT_SHIFT);
        if self.operation & bindings::KV_ALONE == 0 {
            return bindings::KV_IO_PRIORITY;
        }
        let hint = first | ALONE.fetch_add(1, Relaxed) as u16 & first.wrapping_sub(1);
        bindings::KV_IO_PRIORITY | hint.wrapping_shl(shift.into())
    }

    /// Takes the data that another has read for what is its own from now on.
    pub(crate) fn take_data(&mut self, other: &mut Self) {
        if !self.pages.are_borrowed() && !other.pages.are_borrowed() {
            core::mem::swap(&mut self.pages, &mut other.pages);
        }
    }

    /// Makes a copy of the data that another has read. Does not wait for memory.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn copy_data(&mut self, other: &Self) -> Result {
        let len = other.pages.len() as usize;
        self.pages
            .take(self.disk.pools(), self.disk.reserve(), len, false)?;
        self.pages
            .fill(|done, memory| other.pages.copy(done, memory))
    }

    /// The data that was read, to be given away.
    pub(crate) fn pages(&mut self) -> &mut Pages {
        &mut self.pages
    }
}
