//! What client developers are given: the document as a file, a collection of requests, a typed client, two chats, and the
//! table of errors.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::json;
use shared::testkit::Engine;
use tokio::task::spawn_blocking;

use crate::browser::chromium::Page;
use crate::openapi::Document;
use crate::world::{Call, World};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// In development: a sign-in has somebody to come back from, and there is a chat.
async fn world() -> World {
    let assistant = counseling_svc::assistant::OfflineAssistant::new().unwrap();
    let world = World::start_as(Engine::Sqlite, Arc::new(assistant), |config| {
        config.development = true;
        config.sign_in.development = true;
    });
    Box::pin(world).await
}

async fn output(mut command: Command, input: &'static str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    });
    run.await.unwrap()
}

/// What it printed, if it was content.
fn printed(output: &Output) -> String {
    let [out, error] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{out}\n{error}");
    out
}

/// `deploy/just config-reference` sets `WRITE_REFERENCE`, and the file is written anew.
#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_a_file_with_examples_that_keep_its_schemas() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let Document(document) = world.document();
    let mut wrong = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut given = 0;
            let bodies = operation["responses"].as_object().unwrap().iter();
            let bodies = bodies.filter(|(status, _)| status.starts_with('2')).map(|(_, body)| body);
            let bodies = bodies.chain([&operation["requestBody"]]);
            let contents = bodies.filter_map(|body| body.pointer("/content/application~1json"));
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for place in contents.chain(parameters) {
                given += 1;
                let schema = json!({
                    "allOf": [place["schema"]], "components": document["components"]
                });
                let validator = jsonschema::validator_for(&schema).unwrap();
                let Some(example) = place.get("example") else {
                    wrong.push(format!("{method} {path}: no example"));
                    continue;
                };
                let errors = validator.iter_errors(example);
                wrong.extend(errors.map(|error| format!("{method} {path}: {error} in {example}")));
            }
            // Those that neither take nor tell anything in JSON.
            let is_bare = operation["responses"]["200"].get("content").is_none();
            assert!(given > 0 || is_bare, "{method} {path} has nothing to show");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    let text = format!("{document:#}\n");
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        fs::write(root().join("examples/openapi.json"), &text).unwrap();
    }
    let stale = "examples/openapi.json is not current: run `deploy/just api-reference`";
    assert!(fs::read_to_string(root().join("examples/openapi.json")).unwrap_or_default() == text, "{stale}");
}

#[tokio::test]
async fn the_collection_is_made_of_the_document() {
    let mut command = Command::new("python3");
    command.arg(root().join("examples/collection.py")).arg("--check");
    printed(&output(command, "").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typed_client_reaches_every_route() {
    let world = world().await;
    let mut command = Command::new("python3");
    command.arg(root().join("examples/typescript/run.py")).arg("smoke");
    command.env("BASE", format!("http://{}", world.address())).env("ADMIN_TOKEN", world.admin().await);
    let out = printed(&output(command, "").await);
    let Document(document) = world.document();
    let items = document["paths"].as_object().unwrap().values();
    let count: usize = items.map(|item| item.as_object().unwrap().len()).sum();
    assert!(out.contains(&format!("{count} of {count} operations")), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_talks() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let world = world().await;
    let mut command = Command::new("sh");
    command.arg(root().join("examples/chat.sh")).arg(format!("http://{}", world.address()));
    let out = printed(&output(command, "요즘 회사 일 때문에 잠을 잘 못 자요.\n\n").await);
    let said: Vec<_> = out.split("> ").map(str::trim).collect();
    assert!(said.len() == 3 && said[..2].iter().all(|text| text.chars().count() > 5), "{out}");
    assert_ne!(said[0], said[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_in_a_page_is_there_in_development_only() {
    let world = world().await;
    let page = world.text("/chat").await;
    assert!(page.contains(r#"src="/chat/chat.js""#), "{page}");
    assert!(world.text("/chat/chat.js").await.contains("/v1/auth/initiate"));
    let elsewhere = world.another_gateway(|_| {}).await;
    let base = format!("http://{}", elsewhere.address);
    let refused = world.send_to(&base, Call::get("/chat")).await;
    assert_eq!((refused.status, refused.code()), (404, "HTTP_NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_in_a_page_talks() {
    let Some(mut page) = Page::open().await else { return };
    let world = world().await;
    page.go(&format!("http://{}/chat", world.address())).await;
    page.wait_for("document.querySelectorAll('#talk p').length === 1").await;
    page.eval("document.querySelector('[name=message]').value = '요즘 잠을 잘 못 자요.'").await;
    page.eval("document.querySelector('#say').requestSubmit()").await;
    page.wait_for("document.querySelector('#state').textContent === '6 messages left'").await;
    let said = page.eval("[...document.querySelectorAll('#talk p')].map((line) => line.textContent)").await;
    let said: Vec<_> = said.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(said.len() == 3 && said[1] == "요즘 잠을 잘 못 자요." && said[2].chars().count() > 5, "{said:?}");
    page.close().await;
}

/// Codes of errors among the texts in the code.
fn codes_in(source: &str, into: &mut BTreeSet<String>) {
    let is_code = |text: &&str| {
        let begins = ["HTTP_", "ACCESS_TOKEN_", "REFRESH_TOKEN_"].iter().any(|start| text.starts_with(start));
        let numbered =
            text.len() == 6 && text.starts_with('E') && text[1..].bytes().all(|b| b.is_ascii_digit());
        let named = ["FORBIDDEN", "COOKIE_NOT_FOUND", "NO_REMAINING_TOKENS"].contains(text);
        begins || numbered || named || text.ends_with("_PROCESSING_ERROR")
    };
    into.extend(source.split('"').filter(is_code).map(str::to_owned));
}

fn codes_below(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_below(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            codes_in(&fs::read_to_string(&path).unwrap(), into);
        }
    }
}

#[test]
fn every_code_of_an_error_is_in_the_guide() {
    // What shared code calls the reasons that `status.rs` passes on.
    let mut codes = BTreeSet::from(["NO_REMAINING_TOKENS".to_owned(), "REFRESH_TOKEN_NOT_FOUND".to_owned()]);
    codes_below(&root().join("gateway/src"), &mut codes);
    let guide = read("docs/clients.md");
    let (_, table) = guide.split_once("\n## Errors\n").unwrap();
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let told: BTreeSet<_> = rows.map(|(code, _)| code.to_owned()).collect();
    assert_eq!(told, codes, "the table of errors in docs/clients.md differs from the code");
}
