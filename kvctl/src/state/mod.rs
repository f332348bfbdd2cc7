// SPDX-License-Identifier: GPL-2.0

//! What is: the exports of the module, what kvctl remembers of those it made, and what it keeps
//! over a restart of the machine.

pub(crate) mod address;
pub(crate) mod file;
pub(crate) mod folder;
pub(crate) mod kernel;
pub(crate) mod record;
pub(crate) mod running;
pub(crate) mod saved;
pub(crate) mod served;
pub(crate) mod slots;

pub(crate) use address::Address;
pub(crate) use folder::Folder;
pub(crate) use kernel::Kernel;
pub(crate) use kernel::Sysfs;
pub(crate) use record::Made;
pub(crate) use record::Record;
pub(crate) use running::Target;
