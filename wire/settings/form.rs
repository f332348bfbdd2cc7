// SPDX-License-Identifier: GPL-2.0

//! What values settings take, and how these are read, shown and refused.

use core::ffi::CStr;
use core::fmt;

/// The row of a setting in the table: all that is said of it, once.
#[derive(Debug)]
pub struct Row {
    /// Its key in `add`, which is that of kvadd.
    pub add: &'static str,
    /// Its file in the folder of the export; the same with a zero byte behind it. Empty if it has none.
    pub file: &'static str,
    /// See [`Row::file`].
    pub file_name: &'static CStr,
    /// Its key in kvblade.conf.
    pub key: &'static str,
    /// A value that it could have there, as it is written.
    pub example: &'static str,
    /// What it takes.
    pub form: Form,
    /// What it is unless it is said, where that is a number for the module.
    pub default: u32,
    /// How it is mostly said in `add`.
    pub usage: &'static str,
    /// What it does, for who says it there. The first sentence is enough to be reminded. What a number may be
    /// is not in there, since the form says it.
    pub about: &'static str,
}

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// 0 or 1; true or false in kvblade.conf.
    Flag,
    /// The same, of which kvblade.conf says the opposite.
    Opposite,
    /// A number.
    Number(Number),
    /// A number of sectors; a size in bytes, also with a unit, in kvblade.conf.
    Sectors,
    /// One of several words.
    Word(&'static [&'static str]),
    /// One of two words; in kvblade.conf false stands for the first and true for the second.
    Switch([&'static str; 2]),
    /// So many characters of ASCII at most.
    Text(usize),
    /// A world wide name.
    Wwn,
    /// A config string.
    Config,
    /// Addresses of NICs.
    Macs,
}

impl Form {
    /// The number by which the module has what a text says. Nothing if the text says none, or what has this
    /// form is no number.
    pub fn parse(&self, text: &str) -> Option<u32> {
        match self {
            Self::Flag | Self::Opposite => match text {
                "0" => Some(0),
                "1" => Some(1),
                _ => None,
            },
            Self::Number(number) => text.parse().ok().filter(|value| number.allows(*value)),
            Self::Word(words) => place(words, text),
            Self::Switch(words) => place(words, text),
            Self::Sectors | Self::Text(_) | Self::Wwn | Self::Config | Self::Macs => None,
        }
    }

    /// A number of [`Form::parse`], as sysfs shows it.
    pub fn shown(&self, value: u32) -> Shown {
        let words: &[&str] = match self {
            Self::Word(words) => words,
            Self::Switch(words) => words,
            _ => return Shown::Number(value),
        };
        Shown::Word(words.get(value as usize).copied().unwrap_or_default())
    }
}

fn place(words: &[&str], text: &str) -> Option<u32> {
    let place = words.iter().position(|word| *word == text)?;
    u32::try_from(place).ok()
}

/// A value as sysfs shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A number.
    Number(u32),
    /// A word.
    Word(&'static str),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// Which numbers a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// What is counted, if that must be said.
    pub unit: &'static str,
    /// The least that it takes, besides 0 if that stands for something.
    pub least: u32,
    /// The largest.
    pub most: u32,
    /// What 0 stands for, if it does.
    pub zero: &'static str,
}

impl Number {
    /// So many of something that needs no unit.
    pub const fn of(least: u32, most: u32) -> Self {
        Self {
            unit: "",
            least,
            most,
            zero: "",
        }
    }

    /// Seconds between two times, or never.
    pub const fn seconds(most: u32) -> Self {
        Self {
            unit: "seconds",
            least: 1,
            most,
            zero: "never",
        }
    }

    /// Whether it takes this one.
    pub const fn allows(&self, value: u32) -> bool {
        (value == 0 && !self.zero.is_empty()) || (value >= self.least && value <= self.most)
    }
}

/// Those that it takes, for people.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            unit,
            least,
            most,
            zero,
        } = self;
        match *most {
            u32::MAX => write!(f, "{least} or more")?,
            most => write!(f, "{least} to {most}")?,
        }
        if !unit.is_empty() {
            write!(f, " {unit}")?;
        }
        if !zero.is_empty() {
            write!(f, ", or 0 for {zero}")?;
        }
        Ok(())
    }
}

/// Why a setting that is a number for the module does not take a text.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// The setting.
    pub row: &'static Row,
    /// The text.
    pub text: &'a str,
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, text) = (self.row.add, self.text);
        let words: &[&str] = match &self.row.form {
            Form::Word(words) => words,
            Form::Switch(words) => words,
            Form::Number(number) => return refuse(f, key, text, number),
            _ => return write!(f, "{key}={text}: the value must be 0 or 1"),
        };
        write!(f, "{key} {text}: not one of:")?;
        words.iter().try_for_each(|word| write!(f, " {word}"))
    }
}

fn refuse(f: &mut fmt::Formatter<'_>, key: &str, text: &str, number: &Number) -> fmt::Result {
    let Number {
        unit,
        least,
        most,
        zero,
    } = number;
    write!(f, "{key} {text}: not a number")?;
    match (*zero, *most) {
        ("", most) => write!(f, " from {least} to {most}"),
        (zero, u32::MAX) => write!(f, " of {unit} from {least} on, or 0 for {zero}"),
        (zero, most) => write!(f, " of {unit} up to {most}, or 0 for {zero}"),
    }
}

/// A setting that is one of several words.
pub trait Word: Copy + Sized + 'static {
    /// All words. The first is what holds unless it is said.
    const WORDS: &'static [&'static str];

    /// What is in a place of [`Word::WORDS`].
    fn at(number: u32) -> Self;
}

/// Defines a setting that is one of several words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident {
        $(#[$doc:meta])* $first:ident = $word:literal,
        $($(#[$docs:meta])* $variant:ident = $words:literal,)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $(#[$doc])* $first, $($(#[$docs])* $variant,)* }

        impl Word for $name {
            const WORDS: &'static [&'static str] = &[$word, $($words),*];

            fn at(number: u32) -> Self {
                match number {
                    $(number if number == Self::$variant as u32 => Self::$variant,)*
                    _ => Self::$first,
                }
            }
        }
    };
}

/// Declares settings of one kind: the enum, and the row of each.
macro_rules! settings {
    ($(#[$about:meta])* $kind:ident {
        $($(#[doc = $doc:literal])+ $name:ident {
            add: $add:literal,
            file: $file:literal,
            key: $key:literal,
            example: $example:literal,
            form: $form:expr,
            default: $default:expr,
            usage: $usage:literal,
        })*
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $kind { $($(#[doc = $doc])+ $name,)* }

        impl $kind {
            /// How many there are.
            pub const COUNT: usize = [$($kind::$name),*].len();

            /// All of them, in the order in which they are listed.
            pub const ALL: [Self; $kind::COUNT] = [$($kind::$name),*];

            /// What the table says of it.
            pub const fn row(self) -> &'static Row {
                match self {
                    $(Self::$name => &const { Row {
                        add: $add,
                        file: $file,
                        file_name: c_name(concat!($file, "\0")),
                        key: $key,
                        example: $example,
                        form: $form,
                        default: $default,
                        usage: $usage,
                        about: concat!($($doc),+),
                    } },)*
                }
            }

            /// Its file in the folder of the export, by the name that C takes.
            pub const fn file_name(self) -> &'static CStr {
                self.row().file_name
            }
        }
    };
}

/// A name with its zero byte, for C.
pub(crate) const fn c_name(name: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(name.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"",
    }
}
