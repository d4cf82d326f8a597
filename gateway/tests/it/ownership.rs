//! Nobody reaches what is somebody else's. The calls are made from the served document, so that a new route is tried as
//! soon as it is there: one whose ids or body this page does not know fails the test.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use shared::testkit::Engine;

use crate::world::{Call, Reply, World};

/// Whose an id in a path is.
enum Owner {
    /// Everybody may see it.
    Nobody(String),
    /// The victim.
    Victim(String),
}

struct Operation {
    method: Method,
    path: String,
    name: String,
    parameters: Vec<String>,
    takes_body: bool,
    is_open: bool,
}

impl Operation {
    fn is_for_admins(&self) -> bool {
        self.path.starts_with("/v1/admin/")
    }

    fn call(&self, ids: &BTreeMap<&str, Owner>, token: Option<&str>) -> Call {
        let mut path = self.path.clone();
        for name in &self.parameters {
            let (Owner::Nobody(id) | Owner::Victim(id)) = &ids[name.as_str()];
            path = path.replace(&format!("{{{name}}}"), id);
        }
        let call = Call::new(self.method.clone(), path);
        let call = if self.takes_body { call.json(&body_of(&self.name)) } else { call };
        match token {
            Some(token) => call.by(token),
            None => call,
        }
    }

    fn is_victims(&self, ids: &BTreeMap<&str, Owner>) -> bool {
        self.parameters.iter().any(|name| match ids.get(name.as_str()) {
            Some(Owner::Victim(_)) => true,
            Some(Owner::Nobody(_)) => false,
            None => panic!("{} {}: whose is {{{name}}}?", self.method, self.path),
        })
    }
}

/// A body that is refused for nothing but its sender.
fn body_of(operation: &str) -> Value {
    match operation {
        "create_message" => json!({ "message": "let me in" }),
        // The victim's order was declined: neither does anything to it.
        "confirm_order" => json!({}),
        "react_to_message" => json!({ "reaction": "COUNSEL_MESSAGE_REACTION_LIKE" }),
        other => panic!("{other}: say what a good body is, to show that it does not help a stranger"),
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let parameters = parameters.filter(|parameter| parameter["in"] == "path");
            let parameters: Vec<_> =
                parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect();
            assert_eq!(parameters.len(), path.matches('{').count(), "{path} documents its parameters");
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                name: operation["operationId"].as_str().unwrap().to_owned(),
                parameters,
                takes_body: operation.get("requestBody").is_some(),
                // No security at all, or the empty one among others.
                is_open: operation["security"]
                    .as_array()
                    .is_some_and(|ways| ways.iter().any(|way| way == &json!({})) || ways.is_empty()),
            });
        }
    }
    operations
}

async fn victims_ids(world: &World, victim: &str) -> BTreeMap<&'static str, Owner> {
    let messages = world.counsel(victim).await;
    world.say(victim, &messages, "this is nobody else's business").await.expect(201);
    let listed = world.send(Call::get(&messages).by(victim)).await.expect(200);
    let message = listed.list("counselMessages").last().unwrap()["id"].as_str().unwrap().to_owned();
    let segments: Vec<_> = messages.split('/').collect();
    let counselor = segments[3].to_owned();
    let first = async |path: String, list: &str| {
        let reply = world.send(Call::get(path).by(victim)).await.expect(200);
        reply.list(list)[0]["id"].as_str().unwrap().to_owned()
    };
    let bubble = first(format!("/v1/counselors/{counselor}/bubbles"), "bubbles").await;
    let episode = first(format!("/v1/counselors/{counselor}/episodes"), "episodes").await;
    let tone = first("/v1/tones".to_owned(), "tones").await;
    let product = first("/v1/products".to_owned(), "products").await;
    let user_id = world.id_of(victim).await;
    let (_, session_id) = crate::auth::open_session(world, &user_id).await;
    let nobodys = shared::id::new_id;
    BTreeMap::from([
        ("user-id", Owner::Victim(user_id)),
        ("session-id", Owner::Victim(session_id)),
        ("order-id", Owner::Victim(crate::orders::declined(world, victim).await)),
        ("subscription-id", Owner::Victim(crate::subscriptions::subscribed(world, victim).await)),
        ("provider", Owner::Nobody("sandbox".to_owned())),
        ("counsel-id", Owner::Victim(segments[5].to_owned())),
        ("message-id", Owner::Victim(message)),
        ("counselor-id", Owner::Nobody(counselor)),
        ("bubble-id", Owner::Nobody(bubble)),
        ("episode-id", Owner::Nobody(episode)),
        ("tone-id", Owner::Nobody(tone)),
        ("product-id", Owner::Nobody(product)),
        // For admins only.
        ("prompt-version-id", Owner::Nobody(nobodys())),
        ("persona-prompt-id", Owner::Nobody(nobodys())),
        ("tone-prompt-id", Owner::Nobody(nobodys())),
        ("counsel-technique-id", Owner::Nobody(nobodys())),
        ("transition-rule-id", Owner::Nobody(nobodys())),
    ])
}

fn shows_nothing(operation: &Operation, reply: &Reply) {
    let secret = "nobody else's business";
    let Operation { method, path, .. } = operation;
    assert!(!reply.body.to_string().contains(secret), "{method} {path}: {}", reply.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_is_not_found_on_any_route() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let (victim, stranger) = (world.guest().await, world.guest().await);
    let ids = victims_ids(&world, &victim).await;
    let mut tried = 0;
    for operation in operations(&world.document().0) {
        if operation.is_open || operation.is_for_admins() || !operation.is_victims(&ids) {
            continue;
        }
        let Operation { method, path, .. } = &operation;
        let reply = world.send(operation.call(&ids, Some(&stranger))).await;
        assert_eq!((reply.status, reply.code()), (404, "E40401"), "{method} {path}: {}", reply.body);
        shows_nothing(&operation, &reply);
        // The same call is good if its owner makes it.
        let reply = world.send(operation.call(&ids, Some(&victim))).await;
        assert!(matches!(reply.status, 200 | 201), "{method} {path}: {}", reply.body);
        tried += 1;
    }
    assert!(tried >= 4, "{tried} routes take an id of somebody's");

    // And what a stranger may list is the stranger's own.
    for operation in operations(&world.document().0) {
        let is_list = operation.method == Method::GET && !operation.is_for_admins() && !operation.is_open;
        if is_list && !operation.is_victims(&ids) && operation.name != "follow_counsels" {
            shows_nothing(&operation, &world.send(operation.call(&ids, Some(&stranger))).await);
        }
    }
    let listed = world.send(Call::get("/v1/counselors/all/counsels").by(&stranger)).await.expect(200);
    assert!(listed.list("counsels").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_says_who_may_pass_and_keeps_to_it() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let user = world.guest().await;
    let ids = victims_ids(&world, &user).await;
    let open = [
        "begin_sign_in",
        "finish_sign_in",
        "get_image",
        "get_keys",
        "initiate",
        "livez",
        "put_image",
        "readyz",
        "receive_notice",
        "refresh",
    ];
    let mut found_open = Vec::new();
    for operation in operations(&world.document().0) {
        if operation.is_open || operation.name == "refresh" {
            found_open.push(operation.name);
            continue;
        }
        // Who may pass is asked before what the body is.
        let bare = Operation { takes_body: false, ..operation };
        let Operation { method, path, .. } = &bare;
        let reply = world.send(bare.call(&ids, None)).await;
        assert_eq!((reply.status, reply.code()), (401, "COOKIE_NOT_FOUND"), "{method} {path}");
        if bare.is_for_admins() {
            let reply = world.send(bare.call(&ids, Some(&user))).await;
            assert_eq!((reply.status, reply.code()), (403, "FORBIDDEN"), "{method} {path}");
        }
    }
    found_open.sort();
    assert_eq!(found_open, open);
}
