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
use crate::plan::machine::Machine;
use crate::show;
use crate::show::Export;
use crate::standing;
use crate::standing::Verdict;
use crate::state::Kernel;
use findings::findings;
use findings::Finding;

/// How things are.
pub(crate) struct Status {
    findings: Vec<Finding>,
    exports: Vec<Export>,
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
    let targets = std::mem::take(&mut standing.targets);
    let mut exports = show::describe(kernel, &standing.record, targets, &[])?;
    if !names.is_empty() {
        let known = |name: &String| {
            standing.exports.contains_key(name) || exports.iter().any(|it| it.is_called(name))
        };
        if let Some(name) = names.iter().find(|name| !known(name)) {
            return Err(format!("{name}: neither configured nor exported"));
        }
        exports.retain(|export| names.iter().any(|name| export.is_called(name)));
        let called = |own: &String| exports.iter().any(|it| it.name.as_ref() == Some(own));
        standing
            .exports
            .retain(|own, _| names.contains(own) || called(own));
    }
    Ok(Status {
        findings: findings(&standing, &exports),
        exports,
        verdicts: standing.exports,
    })
}
