// SPDX-License-Identifier: GPL-2.0

//! `/sys/kvblade/SHELF.SLOT@INTERFACE/access`: who may do what, one list a file.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;
use kernel::sync::Arc;

use super::arguments;
use super::kobject::Attribute;
use super::kobject::Entries;
use super::last_errors::LastErrors;
use crate::blade::Port;
use crate::wire::access::Right;

/// The directory of an export's access lists.
pub(super) struct Access {
    port: Arc<Port>,
    last_errors: Arc<LastErrors>,
}

impl Access {
    /// The directory of the access lists of a port's blade.
    pub(super) fn new(port: Arc<Port>, last_errors: Arc<LastErrors>) -> Self {
        Self { port, last_errors }
    }

    fn show(&self, right: Right, text: &mut Formatter<'_>) -> Result {
        let list = self.port.blade().access_list(right);
        Ok(writeln!(text, "{list}")?)
    }

    fn set(&self, right: Right, text: &[u8]) -> Result {
        self.last_errors.attempt(|| {
            let list = arguments::access_list(arguments::text(text)?)?;
            self.port.blade().set_access_list(right, list)
        })
    }
}

impl Entries for Access {
    fn attributes() -> &'static [&'static Attribute<Self>] {
        static ALL: [&Attribute<Access>; 4] = [&DISCOVER, &CONFIG, &READ, &WRITE];
        &ALL
    }

    fn too_long(&self) -> Error {
        self.last_errors.too_long()
    }
}

macro_rules! lists {
    ($($file:ident, $right:ident;)*) => {$(
        static $file: Attribute<Access> = Attribute::new(
            Right::$right.file_name(),
            0o644,
            Some(|access, text| access.show(Right::$right, text)),
            Some(|access, text| access.set(Right::$right, text)),
        );
    )*};
}

lists! {
    DISCOVER, Discover;
    CONFIG, Configure;
    READ, Read;
    WRITE, Write;
}
