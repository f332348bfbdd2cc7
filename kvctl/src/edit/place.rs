// SPDX-License-Identifier: GPL-2.0

//! Where the files of the configuration have an export.

use super::text;
use crate::config::keys::EACH;
use crate::config::problem::Source;

/// Why an export of a template is not changed alone.
pub(super) fn of_template(name: &str, place: &str) -> String {
    format!("{name}: the template at {place} makes it; change all that the template makes, or take its entry out of each and give it a table of its own")
}

/// Where an export is configured.
pub(super) struct Configured {
    /// Which of the files.
    pub(super) file: usize,
    /// Whether it is an entry of a template, and has no table of its own.
    pub(super) is_entry: bool,
    /// For people.
    pub(super) place: String,
}

/// Which of the files has an export, and where.
pub(super) fn find(sources: &[Source], name: &str) -> Option<Configured> {
    sources.iter().enumerate().find_map(|(file, source)| {
        let document = source.text.parse::<toml_edit::Document<String>>().ok()?;
        let exports = document.get("export")?.as_table_like()?;
        let own = exports.get_key_value(name);
        let span = match own {
            Some((key, item)) => key.span().or(item.span()),
            None => exports
                .iter()
                .find_map(|(template, item)| {
                    let mut entries = item.get(EACH.name)?.as_array()?.iter();
                    entries.find(|entry| text::makes(template, entry, name))
                })?
                .span(),
        };
        let before = source.text.get(..span.map_or(0, |span| span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        Some(Configured {
            file,
            is_entry: own.is_none(),
            place: format!("{}:{line}", source.path.display()),
        })
    })
}
