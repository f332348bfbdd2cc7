// SPDX-License-Identifier: GPL-2.0

//! What the command line can say; the manual page and the completion are made of this.

use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;

use crate::metrics;
use crate::top;

/// Configure and monitor ATA over Ethernet exports.
///
/// Makes the exports of the kernel module kvblade_rs match /etc/kvblade.conf and
/// /etc/kvblade.conf.d/*.conf, and shows them. See kvblade.conf(5) for the configuration.
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
    /// Requests in flight complete first.
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
    /// Put exports online: clients get I/O.
    ///
    /// First asks on the segment whether another target has the address.
    Online(Names),
    /// Take exports offline: refuse I/O, and keep the address.
    ///
    /// Waits until the requests in flight have completed, ten seconds at most.
    Offline(Names),
    /// Announce the exports to all clients.
    Announce,
    Stats(Stats),
    Metrics(Metrics),
    /// Show or clear the list of clients that get answers.
    Mask(ListCommand),
    /// Show or clear the list of clients that may use the disk.
    Reserve(ListCommand),
    Import(Import),
    /// Save what clients set of exports, as soon as they set it.
    ///
    /// Runs until it is ended. The key persist of the configuration names the settings to save.
    /// The command apply restores them.
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

/// Make the running exports match the configuration.
///
/// Changes only exports that differ. A configuration with an error changes nothing. If one export
/// fails, the others are made, and the exit status is 1. Exports made by hand stay as they are,
/// unless the configuration has the same address. A configuration without exports, or an emptied
/// file, removes no export without --yes or an empty table "export". When a key or SIGTERM interrupts
/// the command, it finishes the current exports, and names the ones left to do.
#[derive(clap::Args)]
pub(crate) struct Apply {
    /// Only print the changes, and which interfaces each pattern takes and leaves out.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,

    /// Remove all exports if the configuration has none, and the exports of a file that has been emptied.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Only make missing exports and interfaces, and exports that have lost their device.
    ///
    /// Running exports stay as they are, and exports removed with --runtime stay away. The service does this
    /// when a device appears, so that it does not apply changes that an administrator has not finished.
    #[arg(long)]
    pub(crate) only_missing: bool,

    #[command(flatten)]
    pub(crate) config: ConfigFile,

    /// Only these exports, by their names in the configuration.
    pub(crate) names: Vec<String>,
}

/// Add an export, for good.
///
/// Writes the export to /etc/kvblade.conf.d/kvctl.conf, and makes it. If one of both fails, neither is
/// done. The files of the administrator and the comments in kvctl.conf stay as they are. If the command
/// is interrupted while it waits for another one, it changes nothing. It refuses a slot that belongs to
/// another export.
#[derive(clap::Args)]
pub(crate) struct Add {
    /// The name of the export.
    pub(crate) name: String,

    /// The block device: a path, UUID=..., PARTUUID=..., LABEL=... or ID=...
    #[arg(short, long, required_unless_present = "file", conflicts_with = "file")]
    pub(crate) device: Option<String>,

    /// A file, instead of a block device.
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

    /// Only until the next start of the machine. The command apply leaves the export alone.
    #[arg(long)]
    pub(crate) runtime: bool,

    /// Further settings, KEY=VALUE, with the keys of kvblade.conf(5).
    ///
    /// Commas separate the words of a list. access.read=LIST is for one right, access=LIST for all.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}

/// Change an export, for good.
///
/// Changes /etc/kvblade.conf.d/kvctl.conf and the running export. If one of both fails, neither is done.
#[derive(clap::Args)]
pub(crate) struct Set {
    /// The export.
    pub(crate) name: String,

    /// Settings, KEY=VALUE, with the keys of kvblade.conf(5). KEY= removes a key.
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub(crate) settings: Vec<String>,

    /// Only until the next apply.
    #[arg(long)]
    pub(crate) runtime: bool,
}

/// Remove an export, for good.
///
/// Removes the export from /etc/kvblade.conf.d/kvctl.conf, and the running export. Requests in flight
/// complete first. If one of both fails, neither is done.
#[derive(clap::Args)]
pub(crate) struct Remove {
    /// The export.
    pub(crate) name: String,

    /// Only until the next apply, if the export is configured. A device that appears does not bring it back.
    #[arg(long)]
    pub(crate) runtime: bool,
}

/// Report when files of a running export change.
///
/// Prints the name of each file once, and again whenever it has changed: a script that reads the file
/// after each line misses nothing. Ends when the export is removed.
#[derive(clap::Args)]
pub(crate) struct Watch {
    /// The export on an interface, as its folder is called: 0.1@eth0.
    pub(crate) port: String,

    /// Its files in /sys/kvblade that can be polled, such as state, mask and reserve.
    #[arg(required = true)]
    pub(crate) file: Vec<String>,
}

/// Check the configuration, and change nothing.
///
/// Prints all errors of all files, each with its place and the expected text. The exit status is 1 if
/// there are any. A warning tells that no exports are configured, that a slot belongs to another
/// export, or that a slot is above 15: Linux clients that load their driver with aoe_dyndevs=0 refuse it.
#[derive(clap::Args)]
pub(crate) struct Check {
    /// Check the running exports instead, for a monitoring system such as Nagios or Icinga.
    ///
    /// Prints a line with numbers behind a bar, and a line for each problem if there are several. The
    /// exit status is 0 without a problem, 1 if something needs attention, 2 if clients cannot reach a
    /// disk or their data are in danger, and 3 if the check itself fails.
    #[arg(long)]
    pub(crate) live: bool,

    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

/// Show problems, and what to do about them.
///
/// The problems come first, the worst on top: configured exports that do not run, with the reason;
/// exports that differ from the configuration or that clients cannot reach; disks that are gone or fail;
/// other targets with the same address; settings of clients that are to be saved and are not. The
/// clients follow, then the counters of trouble with their meaning, and all exports with the median and
/// the 99th percentile of their latency in microseconds. Without names each part has 20 lines at most.
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
/// With --watch, shows their activity, for each interface and in total: requests and kilobytes a
/// second, the median and the 99th percentile of the latency in microseconds, requests in flight,
/// requests dropped a second by cause, and the clients.
#[derive(clap::Args)]
pub(crate) struct Show {
    /// Print JSON, with all settings and counters.
    #[arg(long, conflicts_with = "watch")]
    pub(crate) json: bool,

    /// Show the activity of the exports, again and again.
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

/// Watch the activity of exports, interfaces and clients live, the busiest first.
///
/// Fills the terminal, and redraws only changes, so a slow line is enough. Each row has requests and
/// kilobytes a second, the median and the 99th percentile of the latency in microseconds, requests in
/// flight, drops by cause, and graphs of the last requests and latencies, from left to right.
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

/// Print metrics of the exports for a monitoring system.
///
/// There are metrics of the module, the configuration, and each export, interface and client: states,
/// sizes, counters and latencies. kvblade-metrics.socket serves them at
/// http://127.0.0.1:9978/metrics once it is enabled. kvblade-textfile.timer writes them every half
/// minute for the text file collector of Prometheus' node exporter.
#[derive(clap::Args)]
pub(crate) struct Metrics {
    /// The format.
    #[arg(long, default_value = "openmetrics")]
    pub(crate) format: metrics::Format,

    /// Replace this file in one step, instead of printing the metrics.
    #[arg(short, long)]
    pub(crate) output: Option<PathBuf>,

    /// Answer a request of HTTP on standard input, as kvblade-metrics.socket wants it.
    ///
    /// The path is /metrics, and the format the one that the request accepts.
    #[arg(long, conflicts_with_all = ["format", "output"])]
    pub(crate) http: bool,

    /// The number of clients for each export, those heard last; 0 for none.
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
/// Reads each file as its own program does. A setting without a counterpart becomes a comment with the
/// reason. A line that cannot be imported becomes a comment, too, and an error on standard error; the
/// rest is printed, and the exit status is 1. The printed configuration passes kvctl check.
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
