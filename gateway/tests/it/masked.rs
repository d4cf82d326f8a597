//! Answers without what differs between two runs, for comparison.

use serde_json::Value;

/// `value` with what differs between two runs replaced by its kind.
pub fn masked(mut value: Value) -> Value {
    mask(&mut value);
    value
}

fn mask(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(kind) = changing(text) {
                *text = kind.to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(members) => members.values_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn changing(text: &str) -> Option<&'static str> {
    let shape: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    if shape.starts_with("0000-00-00T00:00:00") && shape.ends_with('Z') {
        Some("<time>")
    } else if shape == "0000-00-00 00:00:00" {
        Some("<timestamp>")
    } else if text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4 {
        Some("<id>")
    } else if text.starts_with("eyJ") {
        Some("<token>")
    } else {
        None
    }
}
