// SPDX-License-Identifier: GPL-2.0

//! What the command line can say; the manual page and the completion are made of this.

use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;

use crate::metrics;
use crate::top;

/// Configure ATA over Ethernet exports, and show what they do.
///
/// Makes what the kernel module kvblade_rs exports what /etc/kvblade.conf and
/// /etc/kvblade.conf.d/*.conf say, and shows it. See kvblade.conf(5) for the configuration.
#[derive(Parser)]
#[command(name = "kvctl", version, disable_help_subcommand = true)]
pub(crate) struct Args {
    /// Find all files and folders below this one.
    #[arg(long, hide = true, default_value = "/")]
    pub(crate) root: PathBuf,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Apply(Apply),
    Check(Check),
    Add(Add),
    Set(Set),
    Remove(Remove),
    /// Remove all exports that apply has made.
    ///
    /// Requests under way are finished first.
    Stop,
    Status(Status),
    Show(Show),
    Top(Top),
    /// Print the running exports as a configuration.
    Export {
        /// Name loop devices, not the files that they show.
        #[arg(long)]
        devices: bool,
    },
    /// Put exports online: I/O is served.
    ///
    /// First asks on the segment whether another target has the address.
    Online(Names),
    /// Take exports offline: I/O is refused, the address is kept.
    ///
    /// Waits until what is under way has ended, ten seconds at most.
    Offline(Names),
    /// Tell all clients that the exports are there.
    Announce,
    Stats(Stats),
    Metrics(Metrics),
    /// Show or clear the list of clients that are answered.
    Mask(ListCommand),
    /// Show or clear the list of clients that may use the disk.
    Reserve(ListCommand),
    Import(Import),
    /// Keep what clients set of exports, as soon as they do.
    ///
    /// Runs until it is ended. Which settings of which exports are kept is said by persist in the
    /// configuration; apply puts them in force again.
    Persist,
    Watch(Watch),
    /// Say for udev which export a block device belongs to.
    ///
    /// Asked by the rule of the package, with what udev knows of the device in the environment.
    /// Prints KVBLADE_EXPORT=NAME for a device that the configuration names and for the partitions
    /// of it, and nothing for others.
    Udev {
        /// Print the exports whose device this machine itself has mounted or swaps to, and that are
        /// therefore left to it.
        #[arg(long)]
        in_use: bool,
    },
    /// Write the manual page, the completions and the dashboard into a folder.
    #[command(hide = true)]
    Generate {
        folder: PathBuf,
    },
}

/// Make the running exports what the configuration says.
///
/// Only what differs is touched. If the configuration has an error, nothing is. If one export
/// cannot be made, the others are, and the exit status is 1. Exports that were made by hand stay as
/// they are, unless the configuration has the same. A configuration without exports, or a file
/// without tables, as an emptied one is, ends nothing unless --yes or an empty table "export" says so. Interrupted, by a key or by SIGTERM, it finishes
/// the exports that it is at, and names those that it has not done.
#[derive(clap::Args)]
pub(crate) struct Apply {
    /// Only say what would be done, and which interfaces each pattern takes and leaves out.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,

    /// Remove all exports if the configuration has none, and those of a file that has no tables any more.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Only make what is not there: exports that do not run or have lost their device, and interfaces.
    ///
    /// What runs stays as it is, and what was removed with --runtime stays away. This is done when a device
    /// appears, so that it does not put in force what an administrator has not finished yet.
    #[arg(long)]
    pub(crate) only_missing: bool,

    #[command(flatten)]
    pub(crate) config: ConfigFile,

    /// Only these exports, by their names in the configuration.
    pub(crate) names: Vec<String>,
}

/// Add an export, for good.
///
/// It is put into /etc/kvblade.conf.d/kvctl.conf, and made. If either cannot be done, neither is. The
/// files of the administrator stay as they are, and so do comments in kvctl.conf. Interrupted while
/// it waits for another command, it changes nothing. A slot that was given to another export is refused.
#[derive(clap::Args)]
pub(crate) struct Add {
    /// A name for it.
    pub(crate) name: String,

    /// The block device: a path, UUID=..., PARTUUID=..., LABEL=... or ID=...
    #[arg(short, long, required_unless_present = "file", conflicts_with = "file")]
    pub(crate) device: Option<String>,

    /// Or the file.
    #[arg(short, long)]
    pub(crate) file: Option<String>,

    /// The interfaces on which it is exported; without, those of the table defaults.
    #[arg(short, long, value_delimiter = ',')]
    pub(crate) interface: Vec<String>,

    /// The shelf; without, that of the table defaults.
    #[arg(long)]
    pub(crate) shelf: Option<i64>,

    /// The slot; without, the lowest that is free.
    #[arg(long)]
    pub(crate) slot: Option<i64>,

    /// For now only: until the machine's next start. apply leaves it alone.
    #[arg(long)]
    pub(crate) runtime: bool,

    /// What else there is to say of it, KEY=VALUE, with the keys of kvblade.conf(5).
    ///
    /// Words of a list are set apart by commas. access.read=LIST is for one right, access=LIST for
    /// all.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}

/// Change an export, for good.
///
/// Changes it in /etc/kvblade.conf.d/kvctl.conf, and as it runs. If either cannot be done, neither is.
#[derive(clap::Args)]
pub(crate) struct Set {
    /// The export.
    pub(crate) name: String,

    /// What is to be so, KEY=VALUE, with the keys of kvblade.conf(5). Without a value a key goes.
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub(crate) settings: Vec<String>,

    /// For now only: until the next apply.
    #[arg(long)]
    pub(crate) runtime: bool,
}

/// Remove an export, for good.
///
/// It goes from /etc/kvblade.conf.d/kvctl.conf, and does not run any more. Requests under way are
/// finished first. If either cannot be done, neither is.
#[derive(clap::Args)]
pub(crate) struct Remove {
    /// The export.
    pub(crate) name: String,

    /// For now only: until the next apply, if it is configured. No device that appears brings it back.
    #[arg(long)]
    pub(crate) runtime: bool,
}

/// Tell when files of a running export change.
///
/// Prints the name of each file once, and again whenever it has changed: a script that reads the file
/// after each line misses nothing. Ends when the export is removed.
#[derive(clap::Args)]
pub(crate) struct Watch {
    /// The export on an interface, as its folder is called: 0.1@eth0.
    pub(crate) port: String,

    /// Its files in /sys/kvblade that tell of changes, such as state, mask and reserve.
    #[arg(required = true)]
    pub(crate) file: Vec<String>,
}

/// Check the configuration, and do nothing.
///
/// Tells all errors of all files, each with its place and what was expected there. The exit
/// status is 1 if there are any. That no exports are configured is a warning, and so is a slot that was
/// given to another export, and one above 15, which Linux clients refuse that load their driver with
/// aoe_dyndevs=0.
#[derive(clap::Args)]
pub(crate) struct Check {
    /// Check what runs instead, for a monitoring system such as Nagios or Icinga.
    ///
    /// Prints a line with numbers behind a bar, and a line for each thing that is wrong if there are
    /// several. The exit status is 0 if all is well, 1 if something needs to be looked at, 2 if clients
    /// cannot reach a disk or their data are in danger, and 3 if that cannot be found out.
    #[arg(long)]
    pub(crate) live: bool,

    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

/// Show what is wrong, and what to do about it.
///
/// First what is wrong, the worst on top: exports that are configured and do not run, with the reason,
/// that run otherwise than configured, that clients cannot reach, disks that are gone or fail, and other
/// targets with the same address; and that nobody keeps what clients set, where that is to be kept. Then
/// the clients, the counters that are no good sign and what they mean, and all exports, with the time
/// within which half of the requests and 99 of 100 were answered in microseconds. Without names each
/// part has 20 lines at most.
#[derive(clap::Args)]
pub(crate) struct Status {
    /// Only these exports, by name or address, and all of them.
    pub(crate) names: Vec<String>,
}

#[derive(clap::Args)]
pub(crate) struct ConfigFile {
    /// Read this file instead of /etc/kvblade.conf and /etc/kvblade.conf.d/*.conf.
    #[arg(short, long)]
    pub(crate) file: Option<PathBuf>,
}

/// Show the exports.
///
/// With --watch, shows what they do, per interface and for all of them: requests and kilobytes a
/// second, the time within which half of the requests and 99 of 100 were answered in microseconds,
/// requests under way, requests dropped a second by cause, and the clients.
#[derive(clap::Args)]
pub(crate) struct Show {
    /// Print JSON, with all settings and counters.
    #[arg(long, conflicts_with = "watch")]
    pub(crate) json: bool,

    /// Show what the exports do, again and again.
    #[arg(short, long)]
    pub(crate) watch: bool,

    /// Seconds from one time to the next.
    #[arg(short, long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) interval: u64,

    /// How many times; without it, until the program is ended.
    #[arg(short, long, default_value_t = 0, hide_default_value = true)]
    pub(crate) count: u64,

    /// Only these exports, by name or address.
    pub(crate) names: Vec<String>,
}

/// Watch live what exports, interfaces and clients do, the busiest first.
///
/// Fills the terminal, and draws only what changes, so that a slow line will do. For each there are
/// requests and kilobytes a second, the time within which half of the requests and 99 of 100 were
/// answered in microseconds, what is under way, what is dropped by cause, and how the requests and the
/// times have been lately, from left to right.
///
/// Keys: e, i and c show exports, interfaces and clients; s sorts by the next column; the arrows, PgUp,
/// PgDn, Home and End move; q ends.
#[derive(clap::Args)]
pub(crate) struct Top {
    /// Seconds from one look to the next.
    #[arg(short, long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) interval: u64,

    /// What to show at first.
    #[arg(long, value_enum, default_value_t = top::View::Exports)]
    pub(crate) by: top::View,

    /// What to sort by at first.
    #[arg(long, value_enum, default_value_t = top::Order::Requests)]
    pub(crate) sort: top::Order,

    /// Only these exports, by name or address.
    pub(crate) names: Vec<String>,
}

/// Show the counters of the exports that are not zero.
#[derive(clap::Args)]
pub(crate) struct Stats {
    /// Set them to zero instead.
    #[arg(long)]
    pub(crate) clear: bool,

    /// Only these exports, by name or address.
    pub(crate) names: Vec<String>,
}

/// Print what a monitoring system wants to know of the exports.
///
/// Metrics of the module, the configuration, and each export, interface and client: states, sizes,
/// counters, and how long requests took. The same is served at http://127.0.0.1:9978/metrics if
/// kvblade-metrics.socket is enabled, and written for the text file collector of Prometheus' node
/// exporter every half minute if kvblade-textfile.timer is.
#[derive(clap::Args)]
pub(crate) struct Metrics {
    /// How it is written.
    #[arg(long, default_value = "openmetrics")]
    pub(crate) format: metrics::Format,

    /// Replace this file by it in one step, instead of printing it.
    #[arg(short, long)]
    pub(crate) output: Option<PathBuf>,

    /// Answer a request of HTTP on standard input, as kvblade-metrics.socket wants it.
    ///
    /// The path is /metrics, and the format the one that the request accepts.
    #[arg(long, conflicts_with_all = ["format", "output"])]
    pub(crate) http: bool,

    /// How many clients of each export are told, those heard last; 0 for none.
    ///
    /// Addresses of clients can be forged, and each one is a series of its own.
    #[arg(long, default_value_t = 16)]
    pub(crate) initiators: usize,
}

#[derive(clap::Args)]
pub(crate) struct Names {
    /// The exports, by name or address.
    #[arg(required = true)]
    pub(crate) names: Vec<String>,
}

#[derive(clap::Args)]
pub(crate) struct ListCommand {
    #[command(subcommand)]
    pub(crate) action: ListAction,
}

#[derive(Subcommand)]
pub(crate) enum ListAction {
    /// Show the list of these exports, or of all.
    Show {
        /// The exports, by name or address.
        names: Vec<String>,
    },
    /// Clear the list.
    Clear(Names),
}

/// Print a configuration of another target as one for kvblade_rs.
///
/// A file is understood as its program understands it. What has no counterpart is a comment, with
/// the reason. What cannot be imported is a comment, too, and is said on standard error; all else is
/// printed, and the exit status is 1. What is printed passes kvctl check.
#[derive(clap::Args)]
pub(crate) struct Import {
    /// Whose configuration it is; without it, that is found by the content.
    #[arg(long)]
    pub(crate) from: Option<Format>,

    /// The file or the folder.
    pub(crate) path: PathBuf,
}

/// Whose configuration there is to import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// ggaoed.conf
    Ggaoed,
    /// qaoed.conf, with what it includes
    Qaoed,
    /// The folder /etc/vblade.conf.d of vblade's persistent exports, or a file of it
    Vblade,
    /// /etc/vblade.conf of Red Hat and Yocto: INTERFACE SHELF SLOT FILE [MAC,...]
    Redhat,
    /// /etc/conf.d/vblade of Gentoo
    Gentoo,
    /// Units with commands of vblade, or a folder of such
    Systemd,
    /// Scripts with lines of vblade, vbladed or kvadd
    Script,
    /// /sys/kvblade: what the C module kvblade exports now
    Kvblade,
}
