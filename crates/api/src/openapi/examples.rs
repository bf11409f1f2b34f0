//! Whole examples of request bodies, made of the examples of their fields, so that the two cannot differ.

use serde_json::{Map, Value};

/// How deep schemas may refer to each other.
const DEPTH: usize = 12;

/// The document with an example at every request body, and without schemas that nothing refers to.
pub(super) fn completed(mut document: Value) -> Value {
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    let paths = document
        .get_mut("paths")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten();
    let operations = paths.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten());
    for (_, operation) in operations {
        let contents = operation
            .pointer_mut("/requestBody/content")
            .and_then(Value::as_object_mut);
        for (_, content) in contents.into_iter().flatten() {
            let example = content
                .get("schema")
                .and_then(|schema| example(schema, &schemas, DEPTH));
            if let (Some(example), Some(content)) = (example, content.as_object_mut()) {
                content.insert("example".to_owned(), example);
            }
        }
    }
    drop_unused(&mut document);
    document
}

/// The example of a schema: its own, or made of its parts'.
fn example(schema: &Value, schemas: &Value, depth: usize) -> Option<Value> {
    if let Some(own) = schema.get("example") {
        return Some(own.clone());
    }
    let depth = depth.checked_sub(1)?;
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return example(schemas.get(name.rsplit('/').next()?)?, schemas, depth);
    }
    for choices in ["oneOf", "anyOf"] {
        if let Some(choices) = schema.get(choices).and_then(Value::as_array) {
            return choices.iter().find_map(|choice| example(choice, schemas, depth));
        }
    }
    if let Some(items) = schema.get("items") {
        return Some(Value::Array(vec![example(items, schemas, depth)?]));
    }
    let properties = schema.get("properties")?.as_object()?;
    let fields = properties
        .iter()
        .filter_map(|(name, field)| Some((name.clone(), example(field, schemas, depth)?)));
    Some(Value::Object(fields.collect::<Map<_, _>>()))
}

fn drop_unused(document: &mut Value) {
    let text = document.to_string();
    if let Some(schemas) = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
    {
        schemas.retain(|name, _| text.contains(&format!("#/components/schemas/{name}\"")));
    }
}
