// SPDX-License-Identifier: GPL-2.0

//! `/sys/kvblade/SHELF.SLOT@INTERFACE`: an export's files, one value each.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;
use kernel::sync::Arc;

use super::access::Access;
use super::arguments;
use super::config;
use super::kobject::summarize;
use super::kobject::Attribute;
use super::kobject::Binary;
use super::kobject::Entries;
use super::kobject::File;
use super::kobject::Node;
use super::kobject::LONGEST;
use super::last_errors::LastErrors;
use super::policy;
use super::stats::Stats;
use crate::aoe::MacList;
use crate::blade::Blade;
use crate::blade::Change;
use crate::blade::ControlError;
use crate::blade::Policy;
use crate::blade::Port;
use crate::blade::Registry;
use crate::blade::Settings;
use crate::blade::Watcher;
use crate::block::OpenMode;
use crate::wire::settings::Start;

/// An export's directory.
pub(super) struct Export {
    port: Arc<Port>,
    registry: Arc<Registry>,
    last_errors: Arc<LastErrors>,
}

impl Export {
    /// The directory of a port.
    pub(super) fn new(
        port: Arc<Port>,
        registry: Arc<Registry>,
        last_errors: Arc<LastErrors>,
    ) -> Self {
        Self {
            port,
            registry,
            last_errors,
        }
    }

    /// Whether this is the directory of that port.
    pub(super) fn is_of(&self, port: &Arc<Port>) -> bool {
        Arc::ptr_eq(&self.port, port)
    }

    /// The port that it shows.
    pub(super) fn port(&self) -> &Arc<Port> {
        &self.port
    }

    /// Why writers were refused.
    pub(super) fn last_errors(&self) -> &LastErrors {
        &self.last_errors
    }

    /// The blade behind the port.
    pub(super) fn blade(&self) -> &Blade {
        self.port.blade()
    }

    /// How the device was opened.
    pub(super) fn mode(&self) -> OpenMode {
        self.blade().mode()
    }

    /// What the administrator wants of the export.
    pub(super) fn policy(&self) -> &Policy {
        self.blade().policy()
    }

    /// Tells initiators of the export, on all of its interfaces.
    pub(super) fn announce(&self) {
        self.registry.announce_blade(self.blade());
    }

    /// Does what the text asks for, or keeps the sentence why not.
    pub(super) fn attempt(
        &self,
        text: &[u8],
        attempt: impl FnOnce(&str) -> Result<(), ControlError>,
    ) -> Result {
        self.last_errors
            .attempt(|| attempt(arguments::text(text)?.trim_end_matches('\n')))
    }

    /// Changes the settings to what the text says, or keeps the sentence why not.
    fn set<T>(
        &self,
        text: &[u8],
        parse: impl FnOnce(&str) -> Result<T, ControlError>,
        change: impl FnOnce(&mut Settings, T),
        what: Option<Change>,
    ) -> Result {
        self.attempt(text, |text| {
            let value = parse(text)?;
            self.blade().change(|settings| change(settings, value));
            if let Some(what) = what {
                self.blade().tell(what);
            }
            Ok(())
        })
    }
}

/// The files that can be waited for with `poll`.
pub(super) struct Files([(Change, File); 6]);

impl Files {
    /// Those of an export's directory.
    ///
    /// # Errors
    ///
    /// `ENOENT` without the directory.
    pub(super) fn of(export: &Node<Export>) -> Result<Self> {
        Ok(Self([
            (Change::Config, export.file(&config::CONFIG)?),
            (Change::Config, export.binary(&config::CONFIG_RAW)?),
            (Change::Mask, export.file(&MASK)?),
            (Change::Reserve, export.file(&RESERVE)?),
            (Change::State, export.file(&STATE)?),
            (Change::Capacity, export.file(&SCNT)?),
        ]))
    }
}

impl Watcher for Files {
    fn changed(&self, change: Change) {
        for (of, file) in &self.0 {
            if *of == change {
                file.notify();
            }
        }
    }
}

impl Entries for Export {
    fn attributes() -> &'static [&'static Attribute<Self>] {
        static ALL: [&Attribute<Export>; 16] = [
            &BPATH,
            &SCNT,
            &BDEV,
            &MODEL,
            &SN,
            &WWN,
            &MTU,
            &BUSY,
            &STATE,
            &config::CONFIG,
            &MASK,
            &RESERVE,
            &DUPLICATES,
            &INITIATORS,
            &WRITERS,
            &SUMMARY,
        ];
        &ALL
    }

    fn table() -> &'static [Attribute<Self>] {
        &policy::FILES
    }

    fn binaries() -> &'static [&'static Binary<Self>] {
        static ALL: [&Binary<Export>; 1] = [&config::CONFIG_RAW];
        &ALL
    }

    fn too_long(&self) -> Error {
        self.last_errors.too_long()
    }
}

/// The longest line of `initiators`: an address and two numbers.
const LONGEST_LINE: usize = 17 + 1 + 10 + 1 + 20 + 1;

static BPATH: Attribute<Export> = Attribute::new(c"bpath", 0o444, Some(bpath), None);
static SCNT: Attribute<Export> = Attribute::new(c"scnt", 0o444, Some(scnt), None);
static BDEV: Attribute<Export> = Attribute::new(c"bdev", 0o444, Some(bdev), None);
static MODEL: Attribute<Export> = Attribute::new(
    Start::Model.file_name(),
    0o644,
    Some(model),
    Some(set_model),
);
static SN: Attribute<Export> =
    Attribute::new(Start::Serial.file_name(), 0o644, Some(sn), Some(set_sn));
static WWN: Attribute<Export> =
    Attribute::new(Start::Wwn.file_name(), 0o644, Some(wwn), Some(set_wwn));
static MTU: Attribute<Export> = Attribute::new(c"mtu", 0o444, Some(mtu), None);
static BUSY: Attribute<Export> = Attribute::new(c"busy", 0o444, Some(busy), None);
static STATE: Attribute<Export> = Attribute::new(c"state", 0o644, Some(state), Some(set_state));
static MASK: Attribute<Export> =
    Attribute::new(Start::Mask.file_name(), 0o644, Some(mask), Some(set_mask));
static RESERVE: Attribute<Export> = Attribute::new(
    Start::Reserve.file_name(),
    0o644,
    Some(reserve),
    Some(set_reserve),
);

static DUPLICATES: Attribute<Export> = Attribute::new(c"duplicates", 0o444, Some(duplicates), None);
static INITIATORS: Attribute<Export> = Attribute::new(c"initiators", 0o444, Some(initiators), None);
static WRITERS: Attribute<Export> =
    Attribute::new(c"writers", 0o644, Some(writers), Some(forget_writers));
static SUMMARY: Attribute<Export> = Attribute::new(c"summary", 0o444, Some(summary), None);

fn bpath(export: &Export, text: &mut Formatter<'_>) -> Result {
    let path = export.blade().path().to_str()?;
    Ok(writeln!(text, "{path}")?)
}

fn scnt(export: &Export, text: &mut Formatter<'_>) -> Result {
    let sectors = export.blade().capacity().ok_or(ENODEV)?;
    Ok(writeln!(text, "{sectors}")?)
}

fn bdev(export: &Export, text: &mut Formatter<'_>) -> Result {
    let (major, minor) = export.blade().disk().major_minor();
    Ok(writeln!(text, "{major}:{minor}")?)
}

fn model(export: &Export, text: &mut Formatter<'_>) -> Result {
    let model = &export.blade().settings().lock().model;
    Ok(writeln!(text, "{model}")?)
}

fn set_model(export: &Node<Export>, text: &[u8]) -> Result {
    export.set(
        text,
        |text| arguments::ata_text("model", text),
        |settings, model| settings.model = model,
        None,
    )
}

fn sn(export: &Export, text: &mut Formatter<'_>) -> Result {
    let serial = &export.blade().settings().lock().serial;
    Ok(writeln!(text, "{serial}")?)
}

fn set_sn(export: &Node<Export>, text: &[u8]) -> Result {
    export.set(
        text,
        |text| arguments::ata_text("sn", text),
        |settings, serial| settings.serial = serial,
        None,
    )
}

fn wwn(export: &Export, text: &mut Formatter<'_>) -> Result {
    if let Some(wwn) = export.blade().settings().lock().wwn {
        writeln!(text, "{wwn}")?;
    }
    Ok(())
}

fn set_wwn(export: &Node<Export>, text: &[u8]) -> Result {
    export.set(
        text,
        arguments::wwn,
        |settings, wwn| settings.wwn = wwn,
        None,
    )
}

fn mtu(export: &Export, text: &mut Formatter<'_>) -> Result {
    let mtu = export.port.mtu().ok_or(ENODEV)?;
    Ok(writeln!(text, "{mtu}")?)
}

fn busy(export: &Export, text: &mut Formatter<'_>) -> Result {
    let requests = export.blade().disk().users();
    Ok(writeln!(text, "{requests}")?)
}

fn state(export: &Export, text: &mut Formatter<'_>) -> Result {
    let state = export.port.state();
    Ok(writeln!(text, "{state}")?)
}

fn set_state(export: &Node<Export>, text: &[u8]) -> Result {
    let (registry, port) = (&export.registry, &export.port);
    export.attempt(text, |text| {
        match text.trim_ascii() {
            "offline" => registry.set_offline(port)?,
            "online" | "up" => registry.set_online(port, false)?,
            "online force=1" => registry.set_online(port, true)?,
            word => {
                return Err(ControlError::new(
                    EINVAL,
                    format_args!("state {word}: not offline, online or online force=1"),
                ))
            }
        }
        Ok(())
    })
}

fn mask(export: &Export, text: &mut Formatter<'_>) -> Result {
    show_macs(&export.blade().settings().lock().rules.mask, text)
}

fn set_mask(export: &Node<Export>, text: &[u8]) -> Result {
    export.attempt(text, |text| {
        export.blade().set_mask(&arguments::macs("mask", text)?)
    })
}

fn reserve(export: &Export, text: &mut Formatter<'_>) -> Result {
    show_macs(&export.blade().settings().lock().rules.reservation, text)
}

fn set_reserve(export: &Node<Export>, text: &[u8]) -> Result {
    export.attempt(text, |text| {
        export
            .blade()
            .set_reservation(&arguments::macs("reserve", text)?)
    })
}

fn duplicates(export: &Export, text: &mut Formatter<'_>) -> Result {
    let responses = export.blade().rivals();
    Ok(writeln!(text, "{responses}")?)
}

/// A line for each initiator: its address, the requests it has in flight, and the seconds since it
/// was heard. There are as many as fit the file.
fn initiators(export: &Export, text: &mut Formatter<'_>) -> Result {
    for initiator in export.blade().initiators().sightings() {
        if text.bytes_written().saturating_add(LONGEST_LINE) > LONGEST {
            break;
        }
        let (initiator_mac, in_flight, age) = (
            initiator.initiator_mac,
            initiator.in_flight,
            initiator.heard.age(),
        );
        writeln!(text, "{initiator_mac} {in_flight} {age}")?;
    }
    Ok(())
}

/// A line for each initiator that has written and is not gone: its address, and the seconds since it
/// was heard.
fn writers(export: &Export, text: &mut Formatter<'_>) -> Result {
    for (initiator_mac, age) in export.blade().initiators().present_writers() {
        writeln!(text, "{initiator_mac} {age}")?;
    }
    Ok(())
}

fn forget_writers(export: &Node<Export>, _text: &[u8]) -> Result {
    export.last_errors.attempt(|| {
        export.blade().initiators().writers().forget();
        Ok(())
    })
}

/// What the other files say, as far as it is a line.
fn summary(export: &Export, text: &mut Formatter<'_>) -> Result {
    let (port, last_errors) = (&export.port, &export.last_errors);
    summarize("", export, Some(&SUMMARY), text)?;
    let access = Access::new(port.clone(), last_errors.clone());
    summarize("access/", &access, None, text)?;
    let stats = Stats::new(port.clone(), last_errors.clone());
    summarize("stats/", &stats, None, text)
}

/// Shows a list of addresses, one a line.
fn show_macs(macs: &MacList, text: &mut Formatter<'_>) -> Result {
    for mac in macs.as_slice() {
        writeln!(text, "{mac}")?;
    }
    Ok(())
}
