// SPDX-License-Identifier: GPL-2.0

//! Doing what a change comes to.

use std::sync::atomic::AtomicBool;

use super::Editor;
use crate::config::Config;
use crate::plan;
use crate::plan::Failures;
use crate::state::saved::keep;
use crate::state::saved::Saved;
use crate::state::slots::Slots;
use crate::state::Record;

impl Editor<'_> {
    /// Does what there is to do for some exports.
    pub(super) fn run(
        &self,
        config: &Config,
        names: &[String],
        record: Record,
        interrupted: &AtomicBool,
        note: impl FnOnce(&mut Record, &Failures),
    ) -> Result<(Vec<String>, Failures), String> {
        let paths = self.paths;
        let slots = Slots::load(&paths.lib)?;
        let mut state = plan::look(self.kernel, record, slots.clone())?;
        let saved = |name: &str| Saved::load(&paths.lib, name);
        let plan = plan::plan(config, names, &mut state, self.machine, saved);
        if state.slots != slots {
            state.slots.store(&paths.lib)?;
        }
        let keep = |name: &str, made: &_| keep(self.kernel, &paths.lib, name, made);
        let stored = Record::load(&paths.run)?;
        let (mut record, failures) = plan.run(
            self.kernel,
            self.machine,
            state.record,
            interrupted,
            keep,
            // What was for now only is so until all is done.
            |begun| begun.with_tables_of(&stored).store(&paths.run),
        )?;
        for name in names {
            record.removed.remove(name);
        }
        note(&mut record, &failures);
        record.store(&paths.run)?;
        slots.settle(&paths.lib, &record, !failures.is_empty())?;
        Ok((plan.lines, failures))
    }
}
