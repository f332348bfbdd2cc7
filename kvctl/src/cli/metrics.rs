// SPDX-License-Identifier: GPL-2.0

//! `kvctl metrics`

use super::args::Metrics;
use super::Context;
use super::Failure;
use crate::metrics;
use crate::metrics::Format;
use crate::plan::host::Host;
use crate::state::file;

/// Prints, writes or serves what a monitoring system wants to know.
pub(super) fn metrics(context: &Context, args: &Metrics) -> Result<(), Failure> {
    let machine = Host(context.paths.clone());
    let text = |format: Format| {
        let Context { paths, kernel } = context;
        metrics::metrics(kernel, &machine, paths, format, args.initiators)
    };
    if args.http {
        return Ok(metrics::answer(text)?);
    }
    match &args.output {
        Some(path) => Ok(file::replace_soon(path, &text(args.format)?)?),
        None => super::print(&text(args.format)?),
    }
}
