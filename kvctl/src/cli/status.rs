// SPDX-License-Identifier: GPL-2.0

//! `kvctl status`, and `kvctl check --live`.

use super::args::ConfigFile;
use super::args::Status;
use super::Context;
use super::Failure;
use crate::plan::host::Host;
use crate::status;

/// The exit status of a monitoring plugin that has found nothing out.
const UNKNOWN: u8 = 3;

/// Shows what is wrong.
pub(super) fn status(context: &Context, args: &Status) -> Result<(), Failure> {
    let Context { paths, kernel } = context;
    let machine = Host(paths.clone());
    let found = status::look(kernel, &machine, paths, None, &args.names)?;
    super::print(&found.page(!args.names.is_empty()))
}

/// Tells a monitoring system how bad it is.
pub(super) fn check(context: &Context, config: &ConfigFile) -> Result<(), Failure> {
    let Context { paths, kernel } = context;
    let machine = Host(paths.clone());
    match status::look(kernel, &machine, paths, config.file.as_deref(), &[]) {
        Ok(found) => {
            super::print(&found.plugin())?;
            match found.level() as u8 {
                0 => Ok(()),
                level => Err(Failure::Status(level)),
            }
        }
        Err(reason) => {
            super::print(&format!("KVBLADE UNKNOWN - {reason}\n"))?;
            Err(Failure::Status(UNKNOWN))
        }
    }
}
