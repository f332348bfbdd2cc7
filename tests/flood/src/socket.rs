// SPDX-License-Identifier: GPL-2.0

//! Raw sockets: whole Ethernet frames, to and from one interface.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::os::fd::AsRawFd;
use std::time::Duration;
use std::{fs, mem, thread};

use libc::{c_int, sockaddr_ll, tpacket_stats};
use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

/// The bytes of the kernel's `struct virtio_net_hdr`.
pub const SPLIT_HEADER: usize = 10;

/// Bytes of answers that may wait: the default is good for a few large frames.
const QUEUE: c_int = 64 << 20;

/// How long there may be no room to send.
const PATIENCE: Duration = Duration::from_secs(20);

/// The structure that tells how much of a frame is to be linear: the rest goes to pages.
pub fn split_header(linear: usize) -> [u8; SPLIT_HEADER] {
    let [low, high] = (linear as u16).to_ne_bytes();
    [0, 0, low, high, 0, 0, 0, 0, 0, 0]
}

/// Opens a socket on an interface, for frames that come in with this EtherType; 0 is none.
fn open(interface: &str, ethertype: u16) -> io::Result<Socket> {
    let index = fs::read_to_string(format!("/sys/class/net/{interface}/ifindex"))?;
    let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: For `AF_PACKET` the storage holds a `sockaddr_ll`.
    let address = unsafe { storage.view_as::<sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ethertype.to_be();
    address.sll_ifindex = index.trim().parse().map_err(io::Error::other)?;
    // SAFETY: The storage has just been filled, with so many bytes.
    let address = unsafe { SockAddr::new(storage, mem::size_of::<sockaddr_ll>() as u32) };
    socket.bind(&address)?;
    Ok(socket)
}

/// Sets an option of a socket to a value of the type that it takes.
pub fn set<T>(socket: &Socket, level: c_int, name: c_int, value: T) -> io::Result<()> {
    let size = mem::size_of::<T>() as u32;
    // SAFETY: The pointer is valid for `size` bytes, which the kernel copies.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Opens a socket that only sends, and takes a split header before each frame.
pub fn open_to_send(interface: &str) -> io::Result<Socket> {
    let socket = open(interface, 0)?;
    // A frame takes up room until its receiver has done with it.
    socket.set_write_timeout(Some(PATIENCE))?;
    set(&socket, libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1)?;
    Ok(socket)
}

/// Calls `send` until it does not fail for want of room in the interface's queue.
pub fn persist<T>(mut send: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match send() {
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => thread::yield_now(),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(io::Error::other("those sent before are not given back"));
            }
            result => return result,
        }
    }
}

/// Sends frames one by one.
pub struct Sender(Socket);

impl Sender {
    /// Opens an interface.
    pub fn open(interface: &str) -> io::Result<Self> {
        open_to_send(interface).map(Self)
    }

    /// Sends a frame. If it is longer than a page, only `linear` bytes are not in pages.
    pub fn send(&self, frame: &[u8], linear: usize) -> io::Result<()> {
        let header = split_header(linear);
        let parts = [IoSlice::new(&header), IoSlice::new(frame)];
        persist(|| self.0.send_vectored(&parts)).map(drop)
    }
}

/// Receives frames.
pub struct Receiver(Socket);

impl Receiver {
    /// Opens an interface for the frames of one EtherType.
    pub fn open(interface: &str, ethertype: u16) -> io::Result<Self> {
        let socket = open(interface, ethertype)?;
        set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, QUEUE)?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        Ok(Self(socket))
    }

    /// The next frame; `None` if none comes for a moment.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match (&self.0).read(buffer) {
            Ok(length) => Ok(Some(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Frames for which there was no room.
    pub fn lost(&self) -> io::Result<u32> {
        let mut statistics = tpacket_stats {
            tp_packets: 0,
            tp_drops: 0,
        };
        let mut size = mem::size_of::<tpacket_stats>() as u32;
        // SAFETY: Both pointers are valid, and the kernel writes no more than `size` bytes.
        let result = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut statistics).cast(),
                &mut size,
            )
        };
        if result == 0 {
            Ok(statistics.tp_drops)
        } else {
            Err(io::Error::last_os_error())
        }
    }
}
