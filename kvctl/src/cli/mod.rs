// SPDX-License-Identifier: GPL-2.0

//! The command line.

mod apply;
pub(crate) mod args;
mod edit;
mod generate;
mod metrics;
mod running_exports;
mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::io::ErrorKind;
use std::io::IsTerminal;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use args::Args;
use args::Command;

use crate::claim::export_of_event;
use crate::claim::exports_in_use;
use crate::config;
use crate::config::Config;
use crate::import;
use crate::paths::Paths;
use crate::persist::persist;
use crate::plan::host::Host;
use crate::plan::host::Machine;
use crate::running_config;
use crate::state::running;
use crate::state::Kernel;
use crate::state::Record;
use crate::state::Sysfs;
use crate::watch::watch;

/// Why a command has not done what it was to do. What there is to say was said, or is in the text.
pub(crate) enum Failure {
    Said,
    /// It is told by this exit status.
    Status(u8),
    Because(String),
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Because(text)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // Whoever was reading has read enough.
            ErrorKind::BrokenPipe => Self::Said,
            _ => Self::Because(error.to_string()),
        }
    }
}

/// What commands need.
pub(crate) struct Context {
    pub(crate) paths: Paths,
    pub(crate) kernel: Sysfs,
}

impl Context {
    /// Reads the configuration, or says all that is wrong with it.
    fn config(&self, args: &args::ConfigFile) -> Result<Config, Failure> {
        config::load(&self.paths, args.file.as_deref()).map_err(|refused| {
            let coloured = std::io::stderr().is_terminal();
            anstream::eprintln!("{}", refused.text(coloured));
            Failure::Said
        })
    }
}

/// Runs the command that the command line asks for.
pub(crate) fn run() -> ExitCode {
    let args = Args::parse();
    let paths = Paths::under(&args.root);
    let context = Context {
        kernel: Sysfs(paths.kvblade.clone()),
        paths,
    };
    match dispatch(&context, args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Status(status)) => status.into(),
        Err(failure) => {
            if let Failure::Because(text) = failure {
                anstream::eprintln!("kvctl: {text}");
            }
            ExitCode::FAILURE
        }
    }
}

fn dispatch(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Apply(args) => apply::apply(context, &args),
        Command::Check(args) if args.live => status::check(context, &args.config),
        Command::Check(args) => {
            let config = context.config(&args.config)?;
            apply::warn(context, &config);
            apply::warn_of_slots(context, &config);
            anstream::println!("{} exports, no errors", config.exports.len());
            Ok(())
        }
        Command::Add(args) => edit::add(context, args),
        Command::Set(args) => edit::set(context, &args),
        Command::Remove(args) => edit::remove(context, &args),
        Command::Stop => apply::stop(context),
        Command::Export { devices } => {
            let targets = running::targets(&context.kernel)?;
            let record = Record::load(&context.paths.run)?;
            let loops = match devices {
                true => BTreeMap::new(),
                false => Host(context.paths.clone()).loops(),
            };
            print(&running_config::text(&targets, &record, &loops))
        }
        Command::Status(args) => status::status(context, &args),
        Command::Show(args) => running_exports::show(context, &args),
        Command::Top(args) => running_exports::top(context, &args),
        Command::Online(args) => running_exports::set_state(context, &args.names, "online"),
        Command::Offline(args) => running_exports::set_state(context, &args.names, "offline"),
        Command::Announce => Ok(context.kernel.write("announce", "")?),
        Command::Stats(args) => running_exports::stats(context, &args),
        Command::Metrics(args) => metrics::metrics(context, &args),
        Command::Mask(args) => running_exports::list(context, "mask", &args.action),
        Command::Reserve(args) => running_exports::list(context, "reserve", &args.action),
        Command::Import(args) => import_file(context, &args),
        Command::Persist => Ok(persist(&context.kernel, &context.paths)?),
        Command::Watch(args) => {
            let folder = context.paths.kvblade.join(&args.port);
            let tell = |name: &str| writeln!(io::stdout().lock(), "{name}");
            Ok(watch(&folder, &args.file, tell)?)
        }
        Command::Udev { in_use: true } => {
            let names = exports_in_use(&context.paths);
            names.iter().try_for_each(|it| print(&format!("{it}\n")))
        }
        Command::Udev { in_use: false } => {
            if let Some(name) = export_of_event(&context.paths) {
                print(&format!("KVBLADE_EXPORT={name}\n"))?;
            }
            Ok(())
        }
        Command::Generate { folder } => generate::generate(&folder),
    }
}

/// `kvctl import`
fn import_file(context: &Context, args: &args::Import) -> Result<(), Failure> {
    let ethers = config::ethers(&context.paths.ethers);
    let imported = import::import(&args.path, args.from, &ethers)?;
    print(&imported.text)?;
    for failure in &imported.failures {
        anstream::eprintln!("kvctl: not imported: {failure}");
    }
    if imported.failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

/// Prints a text. That the reader has gone away is no panic.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
