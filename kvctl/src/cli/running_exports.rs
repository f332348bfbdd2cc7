// SPDX-License-Identifier: GPL-2.0

//! The commands that look at running exports, or change one thing of them.

use super::args::ListAction;
use super::args::Show;
use super::args::Stats;
use super::args::Top;
use super::Context;
use super::Failure;
use crate::show;
use crate::show::ExportStatus;
use crate::state::Kernel;
use crate::state::Record;
use crate::top;

fn gather(context: &Context, names: &[String]) -> Result<Vec<ExportStatus>, String> {
    show::gather(&context.kernel, &context.paths, names)
}

/// Does something with each export, on the first of its interfaces; all failures are told.
fn each(
    context: &Context,
    names: &[String],
    act: impl Fn(&ExportStatus, &str) -> Result<(), String>,
) -> Result<(), Failure> {
    let mut failed = false;
    for export in gather(context, names)? {
        let Some(port) = export.ports.first() else {
            continue;
        };
        if let Err(reason) = act(&export, &export.address.on(&port.interface)) {
            anstream::eprintln!("kvctl: {}: {reason}", export.address);
            failed = true;
        }
    }
    if failed {
        Err(Failure::Said)
    } else {
        Ok(())
    }
}

/// `kvctl show`
pub(super) fn show(context: &Context, args: &Show) -> Result<(), Failure> {
    let look = || gather(context, &args.names);
    if args.watch {
        return show::watch(look, args.interval, args.count);
    }
    let exports = look()?;
    let text = if args.json {
        let text = serde_json::to_string_pretty(&exports).map_err(|error| error.to_string())?;
        text + "\n"
    } else {
        show::list(&exports)
    };
    super::print(&text)
}

/// `kvctl top`
pub(super) fn top(context: &Context, args: &Top) -> Result<(), Failure> {
    let look = || gather(context, &args.names);
    Ok(top::run(look, args.interval, args.by, args.sort)?)
}

/// `kvctl stats`
pub(super) fn stats(context: &Context, args: &Stats) -> Result<(), Failure> {
    if !args.clear {
        return super::print(&show::statistics(&gather(context, &args.names)?));
    }
    each(context, &args.names, |export, _| {
        let clear = |port: &_| {
            let show::Port { interface, .. } = port;
            let file = format!("{}/stats/clear", export.address.on(interface));
            context.kernel.write(&file, "1")
        };
        export.ports.iter().try_for_each(clear)
    })
}

/// `kvctl online` and `kvctl offline`
pub(super) fn set_state(context: &Context, names: &[String], state: &str) -> Result<(), Failure> {
    let record = Record::load(&context.paths.run)?;
    each(context, names, |export, folder| {
        let made = export.name.as_ref().and_then(|it| record.exports.get(it));
        // It has not been given yet what keeps clients away.
        if state == "online" && made.is_some_and(|made| made.unfinished) {
            return Err("only half made, since kvctl was killed: kvctl apply finishes it".into());
        }
        context.kernel.write(&format!("{folder}/state"), state)
    })
}

/// `kvctl mask` and `kvctl reserve`
pub(super) fn list(context: &Context, file: &str, action: &ListAction) -> Result<(), Failure> {
    match action {
        ListAction::Clear(args) => each(context, &args.names, |_, folder| {
            context.kernel.write(&format!("{folder}/{file}"), "")
        }),
        ListAction::Show { names } => {
            for export in gather(context, names)? {
                let list = export.settings.get(file).map_or("", String::as_str);
                super::print(&format!("{} {} {list}\n", export.title(), export.address))?;
            }
            Ok(())
        }
    }
}
