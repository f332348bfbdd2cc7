// SPDX-License-Identifier: GPL-2.0

//! The values of an export's table, one by one: whether each can be what it says.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use glob::Pattern;
use kvblade_wire::aoe::Shelf;
use kvblade_wire::aoe::Slot;
use kvblade_wire::interface::InterfaceName;
use kvblade_wire::settings::Form;
use kvblade_wire::settings::Tunable;
use toml::Spanned;

use super::access::at;
use super::access::Lists;
use super::model::Access;
use super::model::Source;
use super::problem::Place;
use super::problem::Problems;
use super::settings::number;
use super::table::AccessChoice;

/// Where to look for a value in the text, and to note what is wrong with it.
pub(super) struct Checker<'a> {
    pub(super) file: usize,
    /// Whose values these are: `export NAME`, or `defaults`.
    pub(super) owner: String,
    pub(super) lists: &'a Lists<'a>,
    pub(super) problems: &'a mut Problems,
}

impl Checker<'_> {
    /// Notes what is wrong with the owner of the values.
    pub(super) fn add(
        &mut self,
        place: &Place,
        message: impl fmt::Display,
        expected: impl Into<String>,
    ) {
        let message = format!("{}: {message}", self.owner);
        self.problems.add(place, message, expected);
    }

    /// What a value comes to, or nothing, with a note of what was expected instead.
    fn value<T, R>(
        &mut self,
        value: Option<&Spanned<T>>,
        parse: impl FnOnce(&T) -> Result<R, (String, String)>,
    ) -> Option<R> {
        let value = value?;
        match parse(value.get_ref()) {
            Ok(result) => Some(result),
            Err((message, expected)) => {
                self.add(&at(self.file, value), message, expected);
                None
            }
        }
    }

    fn number<R>(
        &mut self,
        key: &str,
        value: Option<&Spanned<i64>>,
        allowed: &str,
        parse: impl FnOnce(u32) -> Option<R>,
    ) -> Option<R> {
        self.value(value, |number| {
            let parsed = u32::try_from(*number).ok().and_then(parse);
            parsed.ok_or_else(|| {
                let message = format!("{key} {number}: out of range");
                (message, format!("expected {allowed}"))
            })
        })
    }

    /// What needs no check: its type has said what it can be.
    pub(super) fn as_it_is<T: Clone>(&mut self, value: Option<&Spanned<T>>) -> Option<T> {
        value.map(|value| value.get_ref().clone())
    }

    /// The access lists that an export names.
    pub(super) fn access(&mut self, value: Option<&Spanned<AccessChoice>>) -> Option<Access> {
        let lists = value?.get_ref().iter().map(|(right, name)| {
            let place = at(self.file, name);
            let list = (self.lists).of_export(name.get_ref(), &place, self.problems);
            (*right, list)
        });
        Some(Access(lists.collect()))
    }

    pub(super) fn shelf(&mut self, value: Option<&Spanned<i64>>) -> Option<u16> {
        let allowed = "0 to 65534, but not 4095, which Linux clients refuse";
        self.number("shelf", value, allowed, |number| {
            Some(Shelf::new(number).ok()?.get())
        })
    }

    pub(super) fn slot(&mut self, value: Option<&Spanned<i64>>) -> Option<u8> {
        self.number("slot", value, "0 to 254", |number| {
            Some(Slot::new(number).ok()?.get())
        })
    }

    /// The cap on the MTU of an interface, which is that of an export.
    pub(super) fn mtu(&mut self, value: Option<&Spanned<i64>>) -> Option<u32> {
        let row = Tunable::MtuMax.row();
        let Form::Number(form) = &row.form else {
            return None;
        };
        self.value(value, |value| number(row.key, form, *value))
    }

    pub(super) fn patterns(
        &mut self,
        value: Option<&Spanned<Vec<Spanned<String>>>>,
    ) -> Option<Vec<Pattern>> {
        let value = value?;
        if value.get_ref().is_empty() {
            self.add(
                &at(self.file, value),
                "interfaces: the list is empty",
                "expected names like \"eth0\", or patterns like \"eth*\"",
            );
        }
        let names = value.get_ref().iter();
        Some(names.filter_map(|name| self.pattern(name)).collect())
    }

    /// The name of an interface, or a pattern for several.
    pub(super) fn pattern(&mut self, value: &Spanned<String>) -> Option<Pattern> {
        self.value(Some(value), |text| {
            let is_right = InterfaceName::allows(text);
            let pattern = Pattern::new(text).ok().filter(|_| is_right);
            pattern.ok_or_else(|| {
                (
                    format!(
                        "interface \"{}\": no interface can have this name",
                        text.escape_debug()
                    ),
                    "expected a name like eth0, or a pattern like eth* or en[op]*".into(),
                )
            })
        })
    }

    /// `device`: a path, or what udev has links for.
    pub(super) fn device(&mut self, value: Option<&Spanned<String>>) -> Option<Source> {
        self.value(value, |text| {
            device_path(text).map(Source::Device).ok_or_else(|| {
                (
                    format!("device \"{}\": names no device", text.escape_debug()),
                    "expected a path without blanks that begins with /, or UUID=..., \
                     PARTUUID=..., LABEL=... or ID=..."
                        .into(),
                )
            })
        })
    }

    pub(super) fn regular_file(&mut self, value: Option<&Spanned<String>>) -> Option<Source> {
        self.value(value, |text| {
            let path = PathBuf::from(text);
            if path.is_absolute() && !text.contains(char::is_control) {
                Ok(Source::File(path))
            } else {
                Err((
                    format!("file \"{}\": not an absolute path", text.escape_debug()),
                    "expected a path that begins with /".into(),
                ))
            }
        })
    }
}

/// Whether the module can be told this path: it takes words.
fn is_plain(path: &Path) -> bool {
    let text = path.to_str().unwrap_or_default();
    path.is_absolute() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// The path that the text of a device stands for.
pub(crate) fn device_path(text: &str) -> Option<PathBuf> {
    match text.split_once('=') {
        Some((kind, name)) if !text.starts_with('/') => by_link(kind, name),
        _ => Some(PathBuf::from(text)).filter(|path| is_plain(path)),
    }
}

fn by_link(kind: &str, name: &str) -> Option<PathBuf> {
    let folder = match kind {
        "UUID" => "by-uuid",
        "PARTUUID" => "by-partuuid",
        "LABEL" => "by-label",
        "ID" => "by-id",
        _ => return None,
    };
    let usable = !name.is_empty() && !matches!(name, "." | "..");
    usable.then(|| Path::new("/dev/disk").join(folder).join(link_name(name)))
}

/// A name as udev writes it in a link: what could do harm is escaped.
fn link_name(name: &str) -> String {
    let mut link = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric()
            || "#+-.:=@_".contains(character)
            || !character.is_ascii()
        {
            link.push(character);
        } else {
            link.push_str(&format!("\\x{:02x}", u32::from(character)));
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_links_are_escaped_as_udev_does_it() {
        assert_eq!(link_name("My disk/1"), "My\\x20disk\\x2f1");
        assert_eq!(link_name("scsi-0QEMU_x-1:2"), "scsi-0QEMU_x-1:2");
    }

    #[test]
    fn devices_by_link() {
        let path = by_link("PARTUUID", "12-3").unwrap();
        assert_eq!(path, Path::new("/dev/disk/by-partuuid/12-3"));
        assert_eq!(by_link("uuid", "1"), None);
        assert_eq!(by_link("UUID", ""), None);
        assert_eq!(by_link("ID", ".."), None);
    }
}
