// SPDX-License-Identifier: GPL-2.0

//! Tells systemd how things stand, if it is that which has started us: sd_notify(3).

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixDatagram;

/// The line that `systemctl status` shows of the service. Nobody may be there to hear it.
pub(crate) fn status(text: &str) {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let send = || -> io::Result<()> {
        let address = match path.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(&path)?,
        };
        let line = text.replace('\n', " ");
        UnixDatagram::unbound()?.send_to_addr(format!("STATUS={line}").as_bytes(), &address)?;
        Ok(())
    };
    let _ = send();
}
