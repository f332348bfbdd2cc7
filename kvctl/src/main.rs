// SPDX-License-Identifier: GPL-2.0

//! `kvctl`: makes the exports of the kvblade_rs module what a configuration file says, and shows
//! what they do.
//!
//! `config` knows what is wanted, `state` what is, `plan` what is to be done about it, and
//! `standing` how far both are apart; `show`, `status`, `top`,
//! `metrics`, `persist`, `watch`, `import` and `claim` stand beside. All of it works through `/sys/kvblade` alone.

mod claim;
mod cli;
mod clib;
mod config;
#[cfg(test)]
mod documents;
mod edit;
mod import;
mod metrics;
mod notify;
mod paths;
mod persist;
mod plan;
mod running_config;
mod show;
mod standing;
mod state;
mod status;
mod suggest;
mod top;
mod watch;
mod writer;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
