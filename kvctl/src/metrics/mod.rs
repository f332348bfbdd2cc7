// SPDX-License-Identifier: GPL-2.0

//! What a monitoring system is told.

mod collect;
mod dashboard;
mod http;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use std::io;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::paths::Paths;
use crate::plan::host::Machine;
use crate::show;
use crate::standing;
use crate::state::Kernel;

pub(crate) use dashboard::dashboard;
pub(crate) use text::Format;

/// All metrics of this moment, as text. Of each export `initiators` are told at most.
pub(crate) fn metrics(
    kernel: &dyn Kernel,
    machine: &dyn Machine,
    paths: &Paths,
    format: Format,
    initiators: usize,
) -> Result<String, String> {
    let mut standing = standing::look(kernel, machine, paths, None)?;
    let targets = std::mem::take(&mut standing.targets);
    let exports = show::describe(kernel, &standing.record, targets, &[])?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_secs());
    let metrics = collect::collect(&standing, &exports, initiators, now);
    Ok(text::text(&metrics, format))
}

/// Answers one request of HTTP that comes on standard input.
pub(crate) fn answer(metrics: impl FnOnce(Format) -> Result<String, String>) -> io::Result<()> {
    http::answer(&mut io::stdin().lock(), &mut io::stdout().lock(), metrics)
}
