//! Fields of what the API answers, by their pointers (RFC 6901).

use serde_json::Value;

use crate::trouble::Fallible;

/// A text, where there is one.
pub(crate) fn maybe<'a>(of: &'a Value, pointer: &str) -> Option<&'a str> {
    of.pointer(pointer)?.as_str()
}

/// A text that must be there.
pub(crate) fn text(of: &Value, pointer: &str) -> Fallible<String> {
    let text = maybe(of, pointer).ok_or_else(|| format!("no {pointer} in {of}"))?;
    Ok(text.to_owned())
}

/// The entries of a list; none where there is no list.
pub(crate) fn items<'a>(of: &'a Value, pointer: &str) -> &'a [Value] {
    let list = of.pointer(pointer).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}
