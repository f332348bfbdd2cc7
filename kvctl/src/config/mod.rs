// SPDX-License-Identifier: GPL-2.0

//! The configuration: from the text of files to a [`Config`], or to what is wrong with it.
//!
//! Nothing here depends on the machine that it runs on, but for reading the files.

pub(crate) mod access;
mod check;
mod document;
pub(crate) mod keys;
pub(crate) mod load;
pub(crate) mod model;
mod own;
mod partial;
pub(crate) mod problem;
mod reader;
mod settings;
mod size;
pub(crate) mod table;
mod template;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use check::is_name;
pub(crate) use check::parse;
pub(crate) use load::ethers;
pub(crate) use load::files;
pub(crate) use load::load;
pub(crate) use load::of;
pub(crate) use load::sources;
pub(crate) use model::Config;
pub(crate) use model::Export;
pub(crate) use template::name_of;
pub(crate) use values::device_path;
