//! Examples for every route of the OpenAPI document, made from the schemas: of what a request holds and what a success
//! answers. An example that a schema has itself is taken as it is.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

const ID: &str = "0198c0de-0000-7000-8000-000000000001";
const IMAGE: &str = "https://images.hearlers.example/0198c0de-0000-7000-8000-000000000001.png";

/// No schema is nested deeper than this, but one that refers to itself would be.
const DEPTH: usize = 12;

/// The document with examples in it.
pub(crate) fn fill(document: OpenApi) -> OpenApi {
    let filled = serde_json::to_value(&document).map(|mut value| {
        let schemas = value.pointer("/components/schemas").cloned().unwrap_or_default();
        for operation in operations(&mut value) {
            fill_operation(operation, &schemas);
        }
        value
    });
    // What serialised reads again; a document without examples is better than none.
    filled.and_then(serde_json::from_value).unwrap_or(document)
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let items = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    items.filter_map(|(_, item)| item.as_object_mut()).flatten().map(|(_, operation)| operation)
}

fn fill_operation(operation: &mut Value, schemas: &Value) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let example = Maker { schemas }.of(&parameter["schema"], &name, 0);
        set(parameter, example);
    }
    if let Some(body) = operation.get_mut("requestBody") {
        fill_content(body, schemas);
    }
    let answers = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, answer) in answers.filter(|(status, _)| status.starts_with('2')) {
        fill_content(answer, schemas);
    }
}

/// Bodies in JSON; pictures have none, and of events the guide for clients tells.
fn fill_content(body: &mut Value, schemas: &Value) {
    if let Some(content) = body.pointer_mut("/content/application~1json") {
        let example = Maker { schemas }.of(&content["schema"], "", 0);
        set(content, example);
    }
}

fn set(place: &mut Value, example: Value) {
    if let Some(place) = place.as_object_mut() {
        place.entry("example").or_insert(example);
    }
}

struct Maker<'a> {
    schemas: &'a Value,
}

impl Maker<'_> {
    /// A value that keeps `schema`; `name` is that of the field it is for.
    fn of(&self, schema: &Value, name: &str, depth: usize) -> Value {
        if depth > DEPTH {
            return Value::Null;
        }
        if let Some(own) = schema.get("example").or_else(|| schema.pointer("/examples/0")) {
            return own.clone();
        }
        if let Some(target) = schema["$ref"].as_str() {
            let target = target.rsplit('/').next().unwrap_or_default();
            return self.of(&self.schemas[target], name, depth + 1);
        }
        if let Some(one) = schema.get("const").or_else(|| schema.pointer("/enum/0")) {
            return one.clone();
        }
        for choice in ["oneOf", "anyOf"] {
            let choices = schema[choice].as_array().into_iter().flatten();
            if let Some(first) = choices.into_iter().find(|choice| choice["type"] != "null") {
                return self.of(first, name, depth + 1);
            }
        }
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(fields) = self.of(part, name, depth + 1) {
                whole.extend(fields);
            }
        }
        let fields = schema["properties"].as_object().into_iter().flatten();
        whole.extend(fields.map(|(field, schema)| (field.clone(), self.of(schema, field, depth + 1))));
        match kind(schema) {
            "array" => json!([self.of(&schema["items"], name, depth + 1)]),
            "string" => json!(text(schema, name)),
            "integer" => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
            "number" => json!(schema["minimum"].as_f64().unwrap_or(0.5).max(0.5)),
            "boolean" => json!(true),
            _ => Value::Object(whole),
        }
    }
}

/// The type of what is there, where it may also be null.
fn kind(schema: &Value) -> &str {
    let types = schema["type"].as_array().into_iter().flatten();
    let first = types.filter_map(Value::as_str).find(|kind| *kind != "null");
    schema["type"].as_str().or(first).unwrap_or_default()
}

fn text(schema: &Value, name: &str) -> &'static str {
    match schema["format"].as_str() {
        Some("uuid") => return ID,
        Some("date-time") => return "2026-01-02T03:04:05Z",
        Some("uri") => return "https://app.hearlers.example/paid",
        _ => {}
    }
    match name {
        "id" => ID,
        _ if name.ends_with("Id") || name.ends_with("-id") => ID,
        "at" => "2026-01-02 03:04:05",
        _ if name.ends_with("At") => "2026-01-02 03:04:05",
        "message" | "content" | "text" | "lastMessage" => "요즘 잠을 잘 못 자요.",
        "nickname" | "name" => "하늘",
        "title" => "첫 만남",
        "image" | "profileImage" => IMAGE,
        "image-name" | "imageName" => "0198c0de-0000-7000-8000-000000000001.png",
        "url" => "https://pay.hearlers.example/0198c0de",
        "returnUrl" | "redirect-url" => "https://app.hearlers.example/paid",
        "currency" => "KRW",
        "provider" => "kakao",
        "Idempotency-Key" => "5f0c1c1e-7a43-4f0e-9d9b-0a8f1d2c3b4a",
        "reason" => "It was bought by mistake.",
        _ => "…",
    }
}
