//! How values and their origins are printed: a table for people, JSON for programs. Secrets were redacted when read.

use serde_json::json;

use super::{
    reader::Value,
    setting::{About, Fallback},
    table,
};

/// A table of three columns: key, value, origin.
#[must_use]
pub fn as_table(values: &[Value]) -> String {
    let rows: Vec<[String; 3]> = ordered(values)
        .map(|(about, value)| [value.key.to_owned(), text(about, value), value.origin.to_string()])
        .collect();
    let width = |of: fn(&[String; 3]) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or_default();
    let (keys, texts) = (width(|[key, _, _]| key), width(|[_, text, _]| text));
    let line = |[key, text, origin]: &[String; 3]| format!("{key:keys$}  {text:texts$}  {origin}");
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.push(String::new());
    lines.join("\n")
}

/// An array of `{key, value, origin}`; `value` is null where nothing is set.
#[must_use]
pub fn as_json(values: &[Value]) -> String {
    let entries: Vec<_> = ordered(values)
        .map(|(_, value)| json!({"key": value.key, "value": value.shown, "origin": value.origin.to_string()}))
        .collect();
    format!("{:#}\n", serde_json::Value::from(entries))
}

fn ordered(values: &[Value]) -> impl Iterator<Item = (&'static About, &Value)> {
    table::ALL.into_iter().filter_map(|about| {
        let value = values.iter().find(|value| value.key == about.key)?;
        Some((about, value))
    })
}

fn text(about: &About, value: &Value) -> String {
    match (&value.shown, about.default) {
        (Some(text), _) if text.is_empty() => "(empty)".to_owned(),
        (Some(text), _) => text.clone(),
        (None, Fallback::Absent(meaning)) => format!("({meaning})"),
        (None, Fallback::Fixed(_) | Fallback::Derived(_)) => "(none)".to_owned(),
    }
}
