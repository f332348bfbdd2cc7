// SPDX-License-Identifier: GPL-2.0

//! Tables of exports in the text of a file, changed in their places: comments and all else stay.

use toml_edit::DocumentMut;
use toml_edit::Item;
use toml_edit::Table;
use toml_edit::Value;

use crate::config::keys::EACH;
use crate::config::name_of;

/// What is done to a table: a key gets a value, or goes.
pub(crate) type Setting = (Vec<String>, Option<Value>);

/// The document of a text.
pub(super) fn document(text: &str) -> Result<DocumentMut, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.parse()
        .map_err(|error: toml_edit::TomlError| error.message().to_owned())
}

/// The table of an export, if it is there.
pub(super) fn table<'d>(document: &'d DocumentMut, name: &str) -> Option<&'d Item> {
    document.get("export")?.as_table_like()?.get(name)
}

/// Puts a table there, in place of one that may be there.
pub(super) fn put(document: &mut DocumentMut, name: &str, mut item: Item) -> Result<(), String> {
    let mut implicit = Table::new();
    implicit.set_implicit(true);
    let exports = document.entry("export").or_insert(Item::Table(implicit));
    let exports = exports.as_table_like_mut().ok_or("export: not a table")?;
    let place = exports
        .get(name)
        .and_then(Item::as_table)
        .and_then(Table::position);
    // If there was none, behind all others of the file.
    if let Item::Table(table) = &mut item {
        table.set_position(place);
    }
    exports.insert(name, item);
    Ok(())
}

/// Takes a table out.
pub(super) fn take(document: &mut DocumentMut, name: &str) -> Option<Item> {
    let exports = document.get_mut("export")?.as_table_like_mut()?;
    let item = exports.remove(name);
    if exports.is_empty() {
        // An empty table would say that no exports are wanted.
        document.remove("export");
    }
    item
}

/// Whether this entry of a template is the export of that name.
pub(super) fn makes(template: &str, entry: &Value, name: &str) -> bool {
    let made = entry.as_str().map(|entry| name_of(template, entry));
    made.is_some_and(|made| made.as_deref() == Ok(name))
}

/// Takes an export out that is an entry of a template, and the template with its last.
pub(super) fn take_entry(document: &mut DocumentMut, name: &str) {
    let exports = document.get_mut("export").and_then(Item::as_table_like_mut);
    let mut ended = None;
    for (template, item) in exports.into_iter().flat_map(|exports| exports.iter_mut()) {
        if let Some(entries) = item.get_mut(EACH.name).and_then(Item::as_array_mut) {
            entries.retain(|entry| !makes(&template, entry, name));
            if entries.is_empty() {
                ended = Some(template.to_string());
            }
        }
    }
    if let Some(template) = ended {
        take(document, &template);
    }
}

/// Takes a table out for good. What stands before it, up to an empty line, is not of this table
/// alone, and goes to what comes next.
pub(super) fn remove(document: &mut DocumentMut, name: &str) {
    let Some(Item::Table(table)) = take(document, name) else {
        return;
    };
    let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str());
    let Some((others, _)) = prefix.and_then(|prefix| prefix.rsplit_once("\n\n")) else {
        return;
    };
    if !others.contains('#') {
        return;
    }
    let mut kept = others.trim_end().to_owned() + "\n\n";
    let place = table.position().unwrap_or_default();
    match next(document.as_table_mut(), place) {
        Some(next) => {
            let prefix = next.decor().prefix().and_then(|prefix| prefix.as_str());
            kept.push_str(prefix.unwrap_or_default().trim_start_matches('\n'));
            next.decor_mut().set_prefix(kept);
        }
        None => {
            let trailing = document.trailing().as_str().unwrap_or_default();
            kept.push_str(trailing.trim_start_matches('\n'));
            document.set_trailing(kept);
        }
    }
}

/// The table with a head of its own that is the next behind a place of the text.
fn next(table: &mut Table, place: isize) -> Option<&mut Table> {
    let is_behind = |it: &Table| it.position().is_some_and(|it| it > place);
    let mut found: Option<&mut Table> = None;
    for (_, item) in table.iter_mut() {
        let Item::Table(inner) = item else {
            continue;
        };
        let candidate = match is_behind(inner) && !inner.is_implicit() && !inner.is_dotted() {
            // What is in it comes behind it.
            true => Some(inner),
            false => next(inner, place),
        };
        let Some(candidate) = candidate else {
            continue;
        };
        if found
            .as_ref()
            .is_none_or(|it| it.position() > candidate.position())
        {
            found = Some(candidate);
        }
    }
    found
}

/// A new table with these settings.
pub(super) fn new_table(settings: &[Setting]) -> Result<Item, String> {
    let mut item = Item::Table(Table::new());
    apply(&mut item, settings)?;
    if let Item::Table(table) = &mut item {
        table.decor_mut().set_prefix("\n");
    }
    Ok(item)
}

/// Makes settings in a table.
pub(super) fn apply(item: &mut Item, settings: &[Setting]) -> Result<(), String> {
    let table = item.as_table_like_mut().ok_or("not a table")?;
    for (path, value) in settings {
        let (key, inner) = match path.as_slice() {
            [key] => (key, None),
            [key, inner] => (key, Some(inner)),
            _ => return Err(format!("{}: no such key", path.join("."))),
        };
        match (inner, value) {
            (None, Some(value)) => set(table, key, value.clone()),
            (None, None) => {
                table.remove(key);
            }
            (Some(inner), value) => {
                let inner_table = table
                    .entry(key)
                    .or_insert(toml_edit::value(toml_edit::InlineTable::new()));
                let inner_table = inner_table
                    .as_table_like_mut()
                    .ok_or_else(|| format!("{key}: not a table"))?;
                match value {
                    Some(value) => set(inner_table, inner, value.clone()),
                    None => {
                        inner_table.remove(inner);
                    }
                }
                if inner_table.is_empty() {
                    table.remove(key);
                }
            }
        }
    }
    Ok(())
}

/// Sets a value; a comment behind the one before stays.
fn set(table: &mut dyn toml_edit::TableLike, key: &str, mut value: Value) {
    if let Some(before) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = before.decor().clone();
    }
    table.insert(key, Item::Value(value));
}
