// SPDX-License-Identifier: GPL-2.0

//! The keys of an export that are no settings of the module, each declared once: its name, what it
//! takes, an example, how it is read from a file, and how its value is checked.
//!
//! From here come the type of the table that is read ([`OwnTable`]), that of what the table means
//! ([`Own`]), what `[defaults]` may say, what `kvctl set` and its completion know, and what the tests look
//! for in kvblade.conf(5).

use glob::Pattern;
use toml::Spanned;

use super::keys::key;
use super::keys::Key;
use super::keys::LIST;
use super::keys::NUMBER;
use super::keys::TEXT;
use super::keys::WORD;
use super::model::Access;
use super::model::Source;
use super::reader::Reader;
use super::reader::Value;
use super::table::AccessChoice;
use super::table::Format;
use super::table::Persist;
use super::values::Checker;

/// Declares the keys. Each is read by a function of [`Reader`], and what was read is checked by one of
/// [`Checker`].
macro_rules! own {
    ($(
        $name:ident: $wants:expr, $example:literal,
        read: $read:ident -> $written:ty, check: $check:ident -> $value:ty;
    )*) => {
        /// The keys, in the order in which they are listed.
        pub(super) const KEYS: [Key; [$(stringify!($name)),*].len()] =
            [$(key(stringify!($name), $wants, $example)),*];

        /// The values that a table has, as far as they are of the right type.
        #[derive(Default)]
        pub(super) struct OwnTable { $(pub(super) $name: Option<Spanned<$written>>,)* }

        impl OwnTable {
            /// Reads the value of a key, if it is one of these.
            pub(super) fn read(&mut self, reader: &mut Reader<'_>, key: &Key, value: &Value<'_>) {
                match key.name {
                    $(stringify!($name) => {
                        let read = reader.$read(key, value);
                        self.$name = read.map(|it| Spanned::new(value.span(), it));
                    })*
                    _ => {}
                }
            }
        }

        /// What the keys say of an export, as far as they are given.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Own { $(pub(crate) $name: Option<$value>,)* }

        impl Own {
            /// Checks the values of a table.
            pub(super) fn new(table: &OwnTable, check: &mut Checker<'_>) -> Self {
                Self { $($name: check.$check(table.$name.as_ref()),)* }
            }

            /// This, with what it does not say taken from `defaults`.
            pub(super) fn over(self, defaults: &Self) -> Self {
                Self { $($name: over(self.$name, defaults.$name.as_ref()),)* }
            }
        }
    };
}

own! {
    shelf: NUMBER, "0", read: number -> i64, check: shelf -> u16;
    slot: NUMBER, "0", read: number -> i64, check: slot -> u8;
    device: TEXT, "\"/dev/sdb\"", read: text -> String, check: device -> Source;
    file: TEXT, "\"/srv/disk.img\"", read: text -> String, check: regular_file -> Source;
    format: WORD, "\"raw\"", read: word -> Format, check: as_it_is -> Format;
    interfaces: LIST, "[\"eth0\"]",
        read: texts -> Vec<Spanned<String>>, check: patterns -> Vec<Pattern>;
    access: "a table of rights and lists", "{ read = \"hosts\", write = \"hosts\" }",
        read: choices -> AccessChoice, check: access -> Access;
    persist: LIST, "[\"config-string\", \"mask\", \"reserve\"]",
        read: words -> Vec<Persist>, check: as_it_is -> Vec<Persist>;
}

/// How a value is completed by that of `[defaults]`.
trait Over: Clone {
    /// This, with what it does not say taken from `defaults`.
    fn over(self, _defaults: &Self) -> Self {
        self
    }
}

impl Over for u8 {}
impl Over for u16 {}
impl Over for Source {}
impl Over for Format {}
impl<T: Clone> Over for Vec<T> {}

/// Of each right by itself.
impl Over for Access {
    fn over(mut self, defaults: &Self) -> Self {
        for (right, list) in &defaults.0 {
            self.0.entry(*right).or_insert_with(|| list.clone());
        }
        self
    }
}

fn over<T: Over>(value: Option<T>, defaults: Option<&T>) -> Option<T> {
    match (value, defaults) {
        (Some(value), Some(defaults)) => Some(value.over(defaults)),
        (value, defaults) => value.or_else(|| defaults.cloned()),
    }
}
