//! The OpenAPI document itself.

use std::collections::HashSet;

use shared::testkit::Engine;

use crate::openapi::Document;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_as_reviewed() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let Document(document) = world.document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = HashSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{method} {path} has the id of another operation: {id}");
        }
    }
    insta::assert_json_snapshot!(document);
}

#[tokio::test(flavor = "multi_thread")]
async fn swagger_ui_comes_from_the_binary() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    for (path, holds) in
        [("/swagger-ui/", "swagger-ui.css"), ("/swagger-ui/swagger-initializer.js", "/v3/api-docs")]
    {
        let text = world.text(path).await;
        assert!(text.contains(holds), "{path} does not hold {holds}");
        assert!(!text.contains("https://unpkg.com") && !text.contains("cdn."), "{path} loads from elsewhere");
    }
}
