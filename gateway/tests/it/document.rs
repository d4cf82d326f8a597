//! The OpenAPI document itself.

use std::collections::HashSet;

use serde_json::Value;
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

/// What clients that were there before this gateway read, as they spell it. Every resource of theirs has the three times too.
const KNOWN_FIELDS: [(&str, &str); 19] = [
    ("TokenResponse", "accessToken refreshToken accessTokenExpiresAt refreshTokenExpiresAt"),
    ("User", "id nickname userProfile"),
    ("UserForAdmin", "id nickname userProfile +"),
    ("UserProfile", "profileImage gender mbti birthYear"),
    ("Counselor", "id toneId name description profileImage gender +"),
    ("Tone", "id name description +"),
    ("Bubble", "id question responseOption1 responseOption2 +"),
    ("Episode", "id counselorId title requiredRapportThreshold isTemporary cutScenes +"),
    ("CutScene", "id episodeId speaker content orderIndex image +"),
    ("PresignedUrl", "uploadUrl publicUrl expiresAt"),
    (
        "Counsel",
        "id counselorId userId lastMessage lastChatedAt promptVersionId counselTechniqueId \
         counselorUserRelationshipId +",
    ),
    ("CounselMessage", "id counselId message isUserMessage reactedAt reaction +"),
    ("CounselMessageForAdmin", "id counselId message isUserMessage counselTechniqueId reactedAt reaction +"),
    ("CounselorUserRelationship", "id counselorId userId rapport +"),
    ("PromptVersion", "id name description isActive isTemporary isBookmarked aiModel +"),
    ("PersonaPrompt", "id promptVersionId counselorId body +"),
    ("TonePrompt", "id promptVersionId toneId body +"),
    (
        "CounselTechnique",
        "id promptVersionId name toneId context instruction messageThreshold isStartTechnique temperature +",
    ),
    ("PromptActivateHistory", "id promptVersionId activatedAt +"),
];

/// The fields of a schema, with those of what it is made of.
fn fields<'a>(schemas: &'a Value, schema: &'a Value) -> HashSet<&'a str> {
    let named = |schema: &'a Value| match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => &schemas[name],
        None => schema,
    };
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|part| fields(schemas, named(part)))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_spelt_as_clients_know_them() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let Document(document) = world.document();
    let schemas = &document["components"]["schemas"];
    for (name, known) in KNOWN_FIELDS {
        let there = fields(schemas, &schemas[name]);
        let known = known.replace('+', "createdAt updatedAt deletedAt");
        let missing: Vec<_> = known.split_whitespace().filter(|field| !there.contains(field)).collect();
        assert!(missing.is_empty(), "{name} lacks {missing:?}");
    }
}
