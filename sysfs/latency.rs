// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/debug/kvblade/SHELF.SLOT@INTERFACE/latency`: how long requests take.

use kernel::debugfs::Dir;
use kernel::debugfs::File;
use kernel::fmt;
use kernel::prelude::*;
use kernel::sync::Arc;

use crate::blade::Port;

/// The histogram of a port, as a file shows it.
struct Latency(Arc<Port>);

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.latency(), f)
    }
}

/// An export's directory in debugfs. Dropping it waits for readers.
pub(super) struct Debug {
    _latency: Pin<KBox<File<Latency>>>,
}

impl Debug {
    /// Makes a directory beside those of other exports. That it can be made is not needed for
    /// anything, so that nobody is told if it cannot.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(root: &Dir, name: &CStr, port: Arc<Port>) -> Result<Self> {
        let directory = root.subdir(name);
        let latency = KBox::pin_init(
            directory.read_only_file(c"latency", Latency(port)),
            GFP_KERNEL,
        )?;
        Ok(Self { _latency: latency })
    }
}
