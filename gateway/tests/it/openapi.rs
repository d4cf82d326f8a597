//! The served OpenAPI document, as the judge of answers.

use reqwest::Client;
use serde_json::{Value, json};

/// The document that the gateway serves.
pub struct Document(pub Value);

impl Document {
    pub async fn fetch(client: &Client, base: &str) -> Self {
        let response = client.get(format!("{base}/v3/api-docs")).send().await.unwrap();
        Self(response.json().await.unwrap())
    }

    /// Fails the test when the document does not know this answer. What is no route of the document answers with the
    /// error envelope.
    pub fn check(&self, method: &str, path: &str, status: u16, body: &Value) {
        let schema = match self.operation(method, path) {
            Some(operation) => {
                let pointer = format!("/responses/{status}/content/application~1json/schema");
                let schema = operation.pointer(&pointer);
                schema.unwrap_or_else(|| panic!("{method} {path} does not document {status}: {body}")).clone()
            }
            None => json!({ "$ref": "#/components/schemas/ErrorEnvelope" }),
        };
        let schema = json!({ "allOf": [schema], "components": self.0["components"] });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<_> =
            validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {path} {status} is not as documented: {errors:?}\n{body}");
    }

    /// Fails the test when the document does not know this answer without a body.
    pub fn check_bodiless(&self, method: &str, path: &str, status: u16) {
        let operation = self.operation(method, path);
        let documented = operation.and_then(|operation| operation.pointer(&format!("/responses/{status}")));
        assert!(documented.is_some(), "{method} {path} does not document {status}");
    }

    /// The schema of the events that an operation answers with.
    pub fn events(&self, method: &str, path: &str) -> Value {
        let operation = self.operation(method, path).unwrap();
        let schema = operation.pointer("/responses/200/content/text~1event-stream/schema").unwrap();
        json!({ "allOf": [schema], "components": self.0["components"] })
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let paths = self.0["paths"].as_object()?;
        let item = paths.get(path).or_else(|| {
            let matching = paths.iter().filter(|(template, _)| matches(template, path));
            // A literal segment is a better match than a parameter.
            matching.min_by_key(|(template, _)| template.matches('{').count()).map(|(_, item)| item)
        })?;
        item.get(method.to_lowercase())
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(part, segment)| part.starts_with('{') || part == segment)
}
