// SPDX-License-Identifier: GPL-2.0

//! A ring of frames in memory shared with the kernel (`PACKET_TX_RING`): many are sent with one
//! call, and all but the first bytes of each come to the receiver in pages.

use std::io;
use std::mem::{offset_of, size_of};
use std::sync::atomic::{AtomicU32, Ordering};

use libc::{tpacket2_hdr, tpacket_req};
use memmap2::{MmapOptions, MmapRaw};
use socket2::Socket;

use crate::socket::{open_to_send, persist, set, split_header, SPLIT_HEADER};

/// The bytes of a slot: room for the largest frame, and the headers before it.
const SLOT: usize = 16 << 10;
const SLOTS: usize = 64;
/// Slots of one piece of memory.
const BLOCK: usize = 4;
/// Where a slot's data begins, as the kernel has it.
const DATA: usize = size_of::<tpacket2_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);

/// The ring.
pub struct Ring {
    socket: Socket,
    memory: MmapRaw,
    /// The slot that is filled next; so does the kernel go round.
    next: usize,
    filled: usize,
}

impl Ring {
    /// Opens an interface.
    pub fn open(interface: &str) -> io::Result<Self> {
        let socket = open_to_send(interface)?;
        let version = libc::tpacket_versions::TPACKET_V2 as libc::c_int;
        set(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, version)?;
        let request = tpacket_req {
            tp_block_size: (SLOT * BLOCK) as u32,
            tp_block_nr: (SLOTS / BLOCK) as u32,
            tp_frame_size: SLOT as u32,
            tp_frame_nr: SLOTS as u32,
        };
        set(&socket, libc::SOL_PACKET, libc::PACKET_TX_RING, request)?;
        let memory = MmapOptions::new().len(SLOT * SLOTS).map_raw(&socket)?;
        Ok(Self {
            socket,
            memory,
            next: 0,
            filled: 0,
        })
    }

    /// Adds a frame of which `linear` bytes are not to be in pages; sends all if the ring is full.
    pub fn push(&mut self, frame: &[u8], linear: usize) -> io::Result<()> {
        let used = SPLIT_HEADER + frame.len();
        assert!(DATA + used <= SLOT, "a frame of {} bytes", frame.len());
        let header = split_header(linear);
        // SAFETY: The slot is within the memory and large enough, as asserted. It is ours:
        // `flush` returns when the kernel has done with all slots. The status is written last.
        unsafe {
            let slot = self.memory.as_mut_ptr().add(SLOT * self.next);
            let data = slot.add(DATA);
            data.copy_from_nonoverlapping(header.as_ptr(), header.len());
            data.add(SPLIT_HEADER)
                .copy_from_nonoverlapping(frame.as_ptr(), frame.len());
            let length = slot.add(offset_of!(tpacket2_hdr, tp_len)).cast::<u32>();
            length.write(used as u32);
            let status = slot.add(offset_of!(tpacket2_hdr, tp_status)).cast();
            AtomicU32::from_ptr(status).store(libc::TP_STATUS_SEND_REQUEST, Ordering::Release);
        }
        self.next = (self.next + 1) % SLOTS;
        self.filled += 1;
        if self.filled == SLOTS {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends what is in the ring, and waits until the kernel needs none of it any more.
    pub fn flush(&mut self) -> io::Result<()> {
        persist(|| self.socket.send(&[]))?;
        self.filled = 0;
        Ok(())
    }
}
