// SPDX-License-Identifier: GPL-2.0

//! The names of network interfaces that an export can have.

use core::fmt;

/// The name of a network interface, 1 to 15 bytes.
///
/// # Invariants
///
/// `len` is less than the array's, whose bytes from there on are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceName {
    bytes: [u8; InterfaceName::SIZE],
    len: usize,
}

impl InterfaceName {
    /// The kernel's `IFNAMSIZ`, which counts the NUL at the end.
    pub const SIZE: usize = 16;

    /// The name, or `None` if no interface with an export can have it.
    pub fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; Self::SIZE];
        let len = name.len();
        if len >= Self::SIZE || !Self::allows(name) {
            return None;
        }
        bytes.get_mut(..len)?.copy_from_slice(name.as_bytes());
        // INVARIANT: Checked above; only `len` bytes were written.
        Some(Self { bytes, len })
    }

    /// Whether a name has nothing but the characters of such names, however long it is. The kernel
    /// refuses a slash, a colon and white space. In sysfs an `@` stands before the name of the interface,
    /// and all is ASCII that can be printed.
    pub fn allows(name: &str) -> bool {
        let valid = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b'@');
        !matches!(name, "" | "." | "..") && name.bytes().all(valid)
    }

    /// A name as the kernel has it.
    pub fn from_kernel(mut bytes: [u8; Self::SIZE]) -> Self {
        let end = bytes.iter().position(|byte| *byte == 0);
        let len = end.unwrap_or(Self::SIZE).min(Self::SIZE.saturating_sub(1));
        if let Some(rest) = bytes.get_mut(len..) {
            rest.fill(0);
        }
        // INVARIANT: Seen to just above.
        Self { bytes, len }
    }

    /// The name.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The name with a zero byte behind it, for C.
    pub const fn as_c_bytes(&self) -> &[u8; Self::SIZE] {
        &self.bytes
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(self.as_bytes()).unwrap_or_default())
    }
}
