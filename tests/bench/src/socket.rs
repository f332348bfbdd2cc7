// SPDX-License-Identifier: GPL-2.0

//! A raw socket that sends and receives several frames with one system call.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;
use std::{fs, mem, ptr};

use libc::{c_uint, iovec, mmsghdr, sockaddr_ll};
use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

/// Bytes of answers that may wait.
const QUEUE: usize = 16 << 20;
/// How long to wait for an answer before it is taken for lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a socket on an interface, for frames that come in with this EtherType.
pub fn open(interface: &str, ethertype: u16) -> io::Result<Socket> {
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
    socket.set_recv_buffer_size(QUEUE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Buffers that the kernel fills from frames, or makes frames of.
pub struct Batch {
    headers: Vec<mmsghdr>,
    vectors: Vec<iovec>,
    buffers: Vec<Vec<u8>>,
}

impl Batch {
    /// So many buffers.
    pub fn new(buffers: Vec<Vec<u8>>) -> Self {
        // SAFETY: Zero is valid for both: no buffers.
        let (header, vector) = unsafe { (mem::zeroed::<mmsghdr>(), mem::zeroed::<iovec>()) };
        Self {
            headers: vec![header; buffers.len()],
            vectors: vec![vector; buffers.len()],
            buffers,
        }
    }

    /// A buffer.
    pub fn buffer(&mut self, index: usize) -> &mut [u8] {
        &mut self.buffers[index]
    }

    /// Makes buffer `index` the next but `place`.
    fn put(&mut self, place: usize, index: usize) {
        let buffer = &mut self.buffers[index];
        self.vectors[place] = iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let header = &mut self.headers[place].msg_hdr;
        header.msg_iov = &raw mut self.vectors[place];
        header.msg_iovlen = 1;
    }

    /// Sends the frames in these buffers.
    pub fn send(&mut self, socket: &Socket, indices: &[usize]) -> io::Result<()> {
        for (place, &index) in indices.iter().enumerate() {
            self.put(place, index);
        }
        let mut sent = 0;
        while sent < indices.len() {
            // SAFETY: As many headers are filled, with buffers that live as long as `self`.
            let result = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.headers[sent..].as_mut_ptr(),
                    (indices.len() - sent) as c_uint,
                    0,
                )
            };
            sent += usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
        }
        Ok(())
    }

    /// Waits for a frame, and takes what else is there, into the first buffers. Of a frame that
    /// is longer than its buffer the rest is dropped. Returns how many there were.
    pub fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        for place in 0..self.buffers.len() {
            self.put(place, place);
        }
        // SAFETY: All headers are filled, with buffers that live as long as `self`.
        let result = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as c_uint,
                libc::MSG_WAITFORONE | libc::MSG_TRUNC,
                ptr::null_mut(),
            )
        };
        usize::try_from(result).map_err(|_| io::Error::last_os_error())
    }

    /// The length that the frame in a buffer had.
    pub fn received_length(&self, index: usize) -> usize {
        self.headers[index].msg_len as usize
    }
}
