// SPDX-License-Identifier: GPL-2.0

//! `KEY=VALUE` of the command line, as what the configuration has for it.

use toml_edit::Array;
use toml_edit::Value;

use super::text::Setting;
use crate::config::keys::Key;
use crate::config::keys::EXPORT;
use crate::config::keys::RIGHTS;
use crate::suggest::suggestion;

/// Reads words of the form `KEY=VALUE`. Without a value a key goes.
pub(crate) fn parse(words: &[String]) -> Result<Vec<Setting>, String> {
    let mut settings = Vec::new();
    for word in words {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| format!("{word}: not KEY=VALUE"))?;
        let (key, right) = match key.split_once('.') {
            Some((key, right)) => (key, Some(right)),
            None => (key, None),
        };
        let known = EXPORT.iter().find(|it| it.name == key).ok_or_else(|| {
            let names: Vec<&str> = EXPORT.iter().map(|it| it.name).collect();
            format!("{key}: no such key{}", suggestion(key, &names))
        })?;
        let path = |inner: Option<&str>| {
            let words = [Some(key), inner].into_iter().flatten();
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        match (key, right) {
            ("access", Some(right)) if RIGHTS.contains(&right) => {
                let list = Some(value).filter(|it| !it.is_empty());
                settings.push((path(Some(right)), list.map(Value::from)));
            }
            (_, Some(right)) => {
                return Err(format!(
                    "{key}.{right}: no such key{}",
                    suggestion(right, &RIGHTS)
                ))
            }
            ("access", None) if !value.is_empty() && !value.starts_with('{') => {
                let rights = RIGHTS.iter().copied();
                settings.extend(rights.map(|it| (path(Some(it)), Some(Value::from(value)))));
            }
            (_, None) if value.is_empty() => settings.push((path(None), None)),
            (_, None) => settings.push((path(None), Some(read(known, value)))),
        }
    }
    Ok(settings)
}

/// A value in the form that its key has, if it can be one; whether it makes sense is told later.
fn read(key: &Key, text: &str) -> Value {
    let wanted = key.example;
    let number = || text.parse::<i64>().ok().map(Value::from);
    let written = || text.parse::<Value>().ok();
    let value = match wanted {
        "true" | "false" => match text {
            "true" | "yes" | "on" | "1" => Some(true.into()),
            "false" | "no" | "off" | "0" => Some(false.into()),
            _ => None,
        },
        _ if wanted.starts_with('[') && text.starts_with('[') => written(),
        _ if wanted.starts_with('[') => {
            let words = text
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty());
            Some(Value::Array(words.collect::<Array>()))
        }
        _ if wanted.starts_with('{') => written(),
        _ if matches!(key.name, "offset" | "length") || !wanted.starts_with('"') => number(),
        _ => None,
    };
    value.unwrap_or_else(|| text.into())
}
