// SPDX-License-Identifier: GPL-2.0

//! A blade's presence on its segments: whether another target has its address, and whether it is
//! in use.

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::time::delay::fsleep;
use kernel::time::Delta;

use super::control_error::ControlError;
use super::exported::Blade;
use super::port::Port;
use super::registry::Registry;
use super::settings::Settings;
use crate::compat::EADDRINUSE;

/// How often the segment is asked whether another target has an address, and how long it has to
/// answer each time.
const PROBES: usize = 3;
const PROBE_WAIT: Delta = Delta::from_millis(300);

impl Registry {
    /// Takes the blade of a port out of use: ATA commands are refused. Waits for those in flight.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, with the blade out of use; `ENOMEM`, with nothing changed.
    pub(crate) fn set_offline(&self, port: &Port) -> Result<(), ControlError> {
        let blade = port.blade();
        let take_out = |settings: &mut Settings| settings.rules.offline = true;
        let tell = || self.note_states(blade);
        blade.exclude(take_out, tell, true, |_| true)
    }

    /// Takes the blade of a port back into use and tells initiators, unless another target on a
    /// segment has the address. Sleeps for a second while it asks, which it does not with `force`.
    pub(crate) fn set_online(&self, port: &Port, force: bool) -> Result<(), ControlError> {
        let blade = port.blade();
        let mut ports = KVec::new();
        for other in self.ports.lock().iter() {
            if Arc::ptr_eq(other.blade(), blade) {
                ports.push(other.clone(), GFP_KERNEL)?;
            }
        }
        if blade.settings().lock().rules.offline && !force {
            look_for_rivals(&ports)?;
        }
        let was_offline =
            blade.change(|settings| core::mem::replace(&mut settings.rules.offline, false));
        if was_offline {
            self.note_states(blade);
        }
        for port in &ports {
            port.announce();
        }
        Ok(())
    }

    /// The state of a blade has changed on all of its interfaces. Sleeps.
    fn note_states(&self, blade: &Arc<Blade>) {
        for port in self.ports.lock().iter() {
            if Arc::ptr_eq(port.blade(), blade) {
                port.note_state();
            }
        }
    }
}

/// Asks whether another target on the segments of these ports, which are those of one blade, has
/// their address. Sleeps.
pub(super) fn look_for_rivals(ports: &[Arc<Port>]) -> Result<(), ControlError> {
    if !ports.iter().any(|port| port.can_send()) {
        return Ok(());
    }
    for port in ports {
        port.conflict().forget();
    }
    for _ in 0..PROBES {
        for port in ports {
            port.probe(port.address().into());
        }
        fsleep(PROBE_WAIT);
        if let Some((port, rival_mac)) = ports
            .iter()
            .find_map(|port| Some((port, port.conflict().rival()?)))
        {
            return Err(ControlError::new(
                EADDRINUSE.into(),
                format_args!(
                    "{}@{}: address in use by another target, at {rival_mac}; force=1 exports it all \
                     the same",
                    port.address(),
                    port.interface()
                ),
            ));
        }
    }
    Ok(())
}
