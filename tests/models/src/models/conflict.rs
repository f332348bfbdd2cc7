// SPDX-License-Identifier: GPL-2.0

//! Another target with a blade's address is heard while it is looked who has not been heard lately:
//! for the first time, or once more after it had not been heard for long.

use kernel::sync::Arc;
use kvblade_wire::aoe::Mac;
use kvblade_wire::aoe::ShelfSlot;
use loom::thread;

use super::exported::Blade;
use super::port::Port;
use super::registry::Registry;
use crate::sync::Moment;

const OTHER: Mac = Mac([2, 0, 0, 0, 0, 1]);

/// What has just been heard is not forgotten as what has not been heard for long.
pub(crate) fn model() {
    heard_while_looked(true);
}

/// Nor is what was heard long ago, and is heard once more in that moment.
pub(crate) fn again() {
    heard_while_looked(false);
}

fn heard_while_looked(is_first: bool) {
    let address = ShelfSlot::new(1, 2).unwrap();
    let port = Port::new(Blade::new(), address);
    let look = |port: &Arc<Port>| Registry.look_for_conflicts(std::slice::from_ref(port), 1);
    // Before there are threads loom must know of all atomics.
    Moment::from_ticks(1).begins();
    port.conflict().note(OTHER);
    look(&port);
    if is_first {
        port.conflict().forget();
    }
    Moment::from_ticks(1_000_000).begins();
    let receiver = {
        let port = port.clone();
        thread::spawn(move || port.conflict().note(OTHER))
    };
    look(&port);
    receiver.join().unwrap();
    assert!(port.conflict().rival() == Some(OTHER));
}
