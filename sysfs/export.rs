// SPDX-License-Identifier: GPL-2.0

//! `/sys/kvblade/SHELF.SLOT@INTERFACE`: an export's files, one value each.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;
use kernel::sync::Arc;

use super::kobject::Attribute;
use super::kobject::Entries;
use super::kobject::Node;
use crate::aoe::ConfigString;
use crate::aoe::Mac;
use crate::aoe::MacList;
use crate::aoe::ShelfSlot;
use crate::ata::Text;
use crate::net::InterfaceName;
use crate::target::Port;

/// An export's directory.
pub(super) struct Export(Arc<Port>);

impl Export {
    /// The directory of a port.
    pub(super) fn new(port: Arc<Port>) -> Self {
        Self(port)
    }

    /// Whether this is the export with this address on this interface.
    pub(super) fn is_for(&self, address: ShelfSlot, interface: &InterfaceName) -> bool {
        self.0.address() == address && self.0.interface() == interface
    }
}

impl Entries for Export {
    fn attributes() -> &'static [&'static Attribute<Self>] {
        static ALL: [&Attribute<Export>; 12] = [
            &BPATH,
            &SCNT,
            &BDEV,
            &MODEL,
            &SN,
            &MTU,
            &BUSY,
            &STATE,
            &CONFIG,
            &MASK,
            &RESERVE,
            &DUPLICATES,
        ];
        &ALL
    }
}

static BPATH: Attribute<Export> = Attribute::new(c"bpath", 0o444, Some(bpath), None);
static SCNT: Attribute<Export> = Attribute::new(c"scnt", 0o444, Some(scnt), None);
static BDEV: Attribute<Export> = Attribute::new(c"bdev", 0o444, Some(bdev), None);
static MODEL: Attribute<Export> = Attribute::new(c"model", 0o644, Some(model), Some(set_model));
static SN: Attribute<Export> = Attribute::new(c"sn", 0o644, Some(sn), Some(set_sn));
static MTU: Attribute<Export> = Attribute::new(c"mtu", 0o444, Some(mtu), None);
static BUSY: Attribute<Export> = Attribute::new(c"busy", 0o444, Some(busy), None);
static STATE: Attribute<Export> = Attribute::new(c"state", 0o644, Some(state), Some(set_state));
static CONFIG: Attribute<Export> = Attribute::new(c"config", 0o644, Some(config), Some(set_config));
static MASK: Attribute<Export> = Attribute::new(c"mask", 0o644, Some(mask), Some(set_mask));
static RESERVE: Attribute<Export> =
    Attribute::new(c"reserve", 0o644, Some(reserve), Some(set_reserve));

static DUPLICATES: Attribute<Export> = Attribute::new(c"duplicates", 0o444, Some(duplicates), None);

fn bpath(export: &Export, text: &mut Formatter<'_>) -> Result {
    let path = export.0.blade().path().to_str()?;
    Ok(writeln!(text, "{path}")?)
}

fn scnt(export: &Export, text: &mut Formatter<'_>) -> Result {
    let sectors = export.0.blade().capacity().ok_or(ENODEV)?;
    Ok(writeln!(text, "{sectors}")?)
}

fn bdev(export: &Export, text: &mut Formatter<'_>) -> Result {
    let (major, minor) = export.0.blade().disk().major_minor();
    Ok(writeln!(text, "{major}:{minor}")?)
}

fn model(export: &Export, text: &mut Formatter<'_>) -> Result {
    let model = &export.0.blade().settings().lock().model;
    Ok(writeln!(text, "{model}")?)
}

fn set_model(export: &Node<Export>, text: &[u8]) -> Result {
    export.0.blade().settings().lock().model = parse_text(text)?;
    Ok(())
}

fn sn(export: &Export, text: &mut Formatter<'_>) -> Result {
    let serial = &export.0.blade().settings().lock().serial;
    Ok(writeln!(text, "{serial}")?)
}

fn set_sn(export: &Node<Export>, text: &[u8]) -> Result {
    export.0.blade().settings().lock().serial = parse_text(text)?;
    Ok(())
}

fn mtu(export: &Export, text: &mut Formatter<'_>) -> Result {
    let mtu = export.0.mtu().ok_or(ENODEV)?;
    Ok(writeln!(text, "{mtu}")?)
}

fn busy(export: &Export, text: &mut Formatter<'_>) -> Result {
    let requests = export.0.blade().disk().users();
    Ok(writeln!(text, "{requests}")?)
}

fn state(export: &Export, text: &mut Formatter<'_>) -> Result {
    let offline = export.0.blade().settings().lock().rules.offline;
    match export.0.trouble() {
        Some(trouble) => writeln!(text, "down: {trouble}")?,
        None if offline => writeln!(text, "offline")?,
        None => writeln!(text, "up")?,
    }
    Ok(())
}

fn set_state(export: &Node<Export>, text: &[u8]) -> Result {
    export.0.set_offline(match text.trim_ascii() {
        b"offline" => true,
        b"online" | b"up" => false,
        _ => return Err(EINVAL),
    });
    Ok(())
}

fn config(export: &Export, text: &mut Formatter<'_>) -> Result {
    let settings = export.0.blade().settings().lock();
    write!(text, "{}", settings.rules.config)?;
    // A string of 1024 bytes that are all escaped takes up the whole page.
    let _ = writeln!(text);
    Ok(())
}

fn set_config(export: &Node<Export>, text: &[u8]) -> Result {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let config = ConfigString::from_escaped(text).ok_or(EINVAL)?;
    export
        .0
        .blade()
        .change(|settings| settings.rules.config = config);
    Ok(())
}

fn mask(export: &Export, text: &mut Formatter<'_>) -> Result {
    show_macs(&export.0.blade().settings().lock().rules.mask, text)
}

fn set_mask(export: &Node<Export>, text: &[u8]) -> Result {
    let macs = parse_macs(text)?;
    export
        .0
        .blade()
        .change(|settings| settings.rules.mask = macs);
    Ok(())
}

fn reserve(export: &Export, text: &mut Formatter<'_>) -> Result {
    show_macs(&export.0.blade().settings().lock().rules.reservation, text)
}

fn set_reserve(export: &Node<Export>, text: &[u8]) -> Result {
    let macs = parse_macs(text)?;
    export
        .0
        .blade()
        .change(|settings| settings.rules.reservation = macs);
    Ok(())
}

fn duplicates(export: &Export, text: &mut Formatter<'_>) -> Result {
    let responses = export.0.blade().rivals();
    Ok(writeln!(text, "{responses}")?)
}

/// Shows a list of addresses, one a line.
fn show_macs(macs: &MacList, text: &mut Formatter<'_>) -> Result {
    for mac in macs.as_slice() {
        writeln!(text, "{mac}")?;
    }
    Ok(())
}

/// Takes a list of addresses between white space.
fn parse_macs(text: &[u8]) -> Result<MacList> {
    let mut macs = MacList::new();
    for word in core::str::from_utf8(text)?.split_ascii_whitespace() {
        let mac = Mac::parse(word)
            .filter(|mac| !mac.is_group())
            .ok_or(EINVAL)?;
        macs.add(mac).map_err(|_| ENOSPC)?;
    }
    Ok(macs)
}

/// What is written to a text file: without the newline of `echo`.
fn parse_text<const N: usize>(text: &[u8]) -> Result<Text<N>> {
    let text = core::str::from_utf8(text)?;
    Text::new(text.trim_end_matches('\n')).map_err(|_| EINVAL)
}
