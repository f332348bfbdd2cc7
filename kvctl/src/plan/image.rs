// SPDX-License-Identifier: GPL-2.0

//! Images of disks in formats of their own: a loop device would show clients the format instead of the
//! disk.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;

/// Bytes at the beginning of a file by which formats are told.
const HEAD: usize = 0x44;

/// A fixed VHD has the disk first, and what tells it in its last 512 bytes.
const FOOTER: i64 = 512;

/// The formats, with the names that qemu-img has for them, and the bytes at a place in the file.
const FORMATS: [(&str, usize, &[u8]); 9] = [
    ("qcow2", 0, b"QFI\xfb\0\0\0\x02"),
    ("qcow2", 0, b"QFI\xfb\0\0\0\x03"),
    ("qcow", 0, b"QFI\xfb\0\0\0\x01"),
    ("qed", 0, b"QED\0"),
    ("vhdx", 0, b"vhdxfile"),
    ("vpc", 0, VHD),
    ("vmdk", 0, b"KDMV"),
    ("vmdk", 0, b"# Disk DescriptorFile"),
    ("vdi", 0x40, b"\x7f\x10\xda\xbe"),
];

/// A VHD.
const VHD: &[u8] = b"conectix";

/// The format of an image, if it is not the disk itself.
///
/// # Errors
///
/// If the file cannot be read.
pub(super) fn format_of(path: &Path) -> io::Result<Option<&'static str>> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let has = |at: usize, bytes: &[u8]| {
        head.get(at..)
            .is_some_and(|behind| behind.starts_with(bytes))
    };
    let known = FORMATS.iter().find(|(_, at, bytes)| has(*at, bytes));
    if let Some((name, ..)) = known {
        return Ok(Some(name));
    }
    let mut footer = [0; VHD.len()];
    let is_vhd = file.seek(SeekFrom::End(-FOOTER)).is_ok() && {
        file.read_exact(&mut footer)?;
        footer == VHD
    };
    Ok(is_vhd.then_some("vpc"))
}

/// Why an image in a format is not exported, and what to do about it.
pub(super) fn refusal(path: &Path, format: &str) -> String {
    let path = path.display();
    format!(
        "{path}: an image in the format {format}, not a disk; make one of it (qemu-img convert -f \
         {format} -O raw), or have it shown as one (qemu-nbd -f {format} -c /dev/nbd0) and export \
         that as device; if it is a disk all the same, and these bytes are data on it, say so: \
         format = \"raw\""
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn told(name: &str, contents: &[u8]) -> Option<&'static str> {
        let folder = std::env::temp_dir().join(format!("kvctl-image-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, contents).unwrap();
        let format = format_of(&path).unwrap();
        fs::remove_file(&path).unwrap();
        // Another test may have a file there.
        let _ = fs::remove_dir(&folder);
        format
    }

    fn behind(before: usize, bytes: &[u8], after: usize) -> Vec<u8> {
        [&vec![0; before], bytes, &vec![0; after]].concat()
    }

    #[test]
    fn formats_are_told_by_what_is_in_the_file() {
        for (number, (name, at, bytes)) in FORMATS.iter().enumerate() {
            let image = behind(*at, bytes, 4096);
            assert_eq!(told(&format!("format{number}"), &image), Some(*name));
        }
        assert_eq!(told("fixed", &behind(8192, VHD, 504)), Some("vpc"));
    }

    #[test]
    fn disks_are_disks() {
        for (number, contents) in [
            vec![],
            vec![0; 16],
            vec![0; 4096],
            b"QFI".to_vec(),
            // Not where it would be.
            behind(8192, VHD, 505),
            behind(1, b"QED\0", 4096),
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(told(&format!("disk{number}"), contents), None);
        }
    }
}
