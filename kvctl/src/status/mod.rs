// SPDX-License-Identifier: GPL-2.0

//! What is wrong, and what there is to do about it.

mod findings;
mod page;
mod plugin;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use crate::paths::Paths;
use crate::plan::host::Machine;
use crate::show;
use crate::show::Called;
use crate::show::ExportStatus;
use crate::standing;
use crate::standing::Verdict;
use crate::state::Kernel;
use findings::findings;
use findings::Finding;

/// How things are.
pub(crate) struct Status {
    findings: Vec<Finding>,
    exports: Vec<ExportStatus>,
    verdicts: BTreeMap<String, Verdict>,
}

/// Looks at all exports, or at those of these names.
pub(crate) fn look(
    kernel: &dyn Kernel,
    machine: &dyn Machine,
    paths: &Paths,
    file: Option<&Path>,
    names: &[String],
) -> Result<Status, String> {
    let mut standing = standing::look(kernel, machine, paths, file)?;
    let nothing_runs = standing.targets.is_empty();
    let targets = std::mem::take(&mut standing.targets);
    let mut exports = show::describe(kernel, &standing.record, targets, &[])?;
    if !names.is_empty() {
        let has = |name: &str| exports.iter().any(|it| it.name.as_deref() == Some(name));
        let unconfigured = names
            .iter()
            .filter(|it| !standing.exports.contains_key(*it));
        let unconfigured: Vec<String> = unconfigured.cloned().collect();
        if let Some(name) = Called::new(&unconfigured, has).unknown(&exports) {
            return Err(format!("{name}: neither configured nor exported"));
        }
        // What is configured and does not run has a name too.
        let has = |name: &str| has(name) || standing.exports.contains_key(name);
        let called = Called::new(names, has);
        exports.retain(|export| called.mean(export));
        let called = |own: &String| exports.iter().any(|it| it.name.as_ref() == Some(own));
        standing
            .exports
            .retain(|own, _| names.contains(own) || called(own));
        let exports = &standing.exports;
        standing.owed.retain(|own, _| exports.contains_key(own));
    }
    Ok(Status {
        findings: findings(&standing, &exports, nothing_runs),
        exports,
        verdicts: standing.exports,
    })
}
