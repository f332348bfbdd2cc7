// SPDX-License-Identifier: GPL-2.0

//! `/sys/kvblade/SHELF.SLOT@INTERFACE`: an export's files, one value each.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;
use kernel::sync::Arc;

use super::kobject::Attribute;
use super::kobject::Entries;
use super::kobject::Node;
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
        static ALL: [&Attribute<Export>; 8] =
            [&BPATH, &SCNT, &BDEV, &MODEL, &SN, &MTU, &BUSY, &STATE];
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
static STATE: Attribute<Export> = Attribute::new(c"state", 0o444, Some(state), None);

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
    match export.0.trouble() {
        None => writeln!(text, "up")?,
        Some(trouble) => writeln!(text, "down: {trouble}")?,
    }
    Ok(())
}

/// What is written to a text file: without the newline of `echo`.
fn parse_text<const N: usize>(text: &[u8]) -> Result<Text<N>> {
    let text = core::str::from_utf8(text)?;
    Text::new(text.trim_end_matches('\n')).map_err(|_| EINVAL)
}
