// SPDX-License-Identifier: GPL-2.0

//! Being told of CPUs that come and go.
//!
//! C header: [`include/linux/cpuhotplug.h`](srctree/include/linux/cpuhotplug.h)

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::types::Opaque;

use crate::bindings;

/// What is called when a CPU comes or goes.
pub(crate) trait CpuHandler: Send + Sync + 'static {
    /// A CPU is there now. Called in process context, while no other comes or goes.
    fn cpu_comes(&self, cpu: u32);

    /// A CPU, on which this runs, is about to go. Called as above; the CPU waits for this to end.
    fn cpu_goes(&self, cpu: u32);
}

#[repr(C)]
struct Block<H> {
    cpus: bindings::kv_cpus,
    handler: *const H,
}

/// A registration for CPUs that come and go. When it is made, all that are there come.
///
/// # Invariants
///
/// `block` is registered, and its handler pointer is that of `handler`.
#[pin_data(PinnedDrop)]
pub(crate) struct Cpus<H: CpuHandler> {
    #[pin]
    block: Opaque<Block<H>>,
    handler: Arc<H>,
}

// SAFETY: Any thread may be the one that unregisters, and the handler is `Send` and `Sync`.
unsafe impl<H: CpuHandler> Send for Cpus<H> {}
// SAFETY: `&Cpus` allows nothing.
unsafe impl<H: CpuHandler> Sync for Cpus<H> {}

impl<H: CpuHandler> Cpus<H> {
    /// Registers `handler`. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the kernel has no room for one more, `ENOMEM`.
    pub(crate) fn follow(handler: Arc<H>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            block <- Opaque::try_ffi_init(|slot: *mut Block<H>| {
                // SAFETY: `slot` is valid for writing and stays in place until it is dropped,
                // which unregisters it. The handler lives longer than the registration. What is
                // registered comes first in `Block`, so the pointer cast in `call` holds.
                let result = unsafe {
                    slot.write(Block {
                        cpus: bindings::kv_cpus {
                            changed: Some(Self::call),
                            ..pin_init::zeroed()
                        },
                        handler: Arc::as_ptr(&handler),
                    });
                    bindings::kv_cpus_follow(&raw mut (*slot).cpus)
                };
                kernel::error::to_result(result)
            }),
            handler,
        })
    }

    unsafe extern "C" fn call(cpus: *mut bindings::kv_cpus, cpu: u32, comes: bool) {
        // SAFETY: `cpus` is the first field of a `Block` whose handler outlives the registration.
        let handler = unsafe { &*(*cpus.cast::<Block<H>>()).handler };
        if comes {
            handler.cpu_comes(cpu);
        } else {
            handler.cpu_goes(cpu);
        }
    }
}

#[pinned_drop]
impl<H: CpuHandler> PinnedDrop for Cpus<H> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the invariant it is registered, and `Block` begins with what is.
        unsafe { bindings::kv_cpus_leave(self.block.get().cast()) };
    }
}
