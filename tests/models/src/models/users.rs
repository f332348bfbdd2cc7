// SPDX-License-Identifier: GPL-2.0

//! Users of a disk, and its end.

use std::rc::Rc;
use std::sync::Arc;

use kernel::prelude::*;
use loom::cell::UnsafeCell;
use loom::thread;

use super::users::Users;

/// Two use a disk that is being closed. It is closed when none uses it, and no one is let in later.
pub(crate) fn model() {
    let users: Arc<Users> = Arc::pin_init(Users::new(), GFP_KERNEL).unwrap();
    assert_eq!(users.number(), 0);
    let disk = Rc::new(UnsafeCell::new(()));
    let others: Vec<_> = (0..2)
        .map(|_| {
            let (users, disk) = (users.clone(), disk.clone());
            thread::spawn(move || {
                if users.enter() {
                    disk.with(|_| ());
                    users.leave();
                }
            })
        })
        .collect();
    users.refuse();
    users.drain(0).unwrap();
    disk.with_mut(|_| ());
    others.into_iter().for_each(|other| other.join().unwrap());
}
