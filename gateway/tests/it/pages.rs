//! Lists in pages.

use serde_json::Value;
use shared::testkit::Engine;

use crate::world::{Call, World};

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Follows a list from its first page to its last.
async fn follow(world: &World, token: &str, path: &str, list: &str, limit: usize) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.send(Call::get(format!("{path}limit={limit}{cursor}")).by(token)).await.expect(200);
        let items = page.list(list);
        assert!(items.len() <= limit, "{}", page.body);
        seen.extend(ids(items));
        match page.body["data"].get("nextCursor") {
            Some(next) => cursor = format!("&cursor={}", next.as_str().unwrap()),
            None => return seen,
        }
    }
}

shared::on_each_engine! {
    async fn pages_of_each_list_follow_each_other_to_the_end(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let token = world.guest().await;
        let counselors = world.send(Call::get("/v1/counselors").by(&token)).await.expect(200);
        let mut messages = String::new();
        for counselor in ids(counselors.list("counselors")).iter().take(3) {
            let counsels = format!("/v1/counselors/{counselor}/counsels");
            let body = serde_json::json!({});
            let opened = world.send(Call::post(&counsels, &body).by(&token)).await.expect(201);
            messages = format!("{counsels}/{}/messages", opened.text("/counsel/id"));
        }
        for text in ["one", "two"] {
            world.say(&token, &messages, text).await.expect(201);
        }
        for (path, list, count) in [
            ("/v1/counselors/all/counsels", "counsels", 3),
            ("/v1/counselors/all/relationships", "counselorUserRelationships", 3),
            (&messages, "counselMessages", 5),
        ] {
            let whole = world.send(Call::get(path).by(&token)).await.expect(200);
            assert_eq!(whole.list(list).len(), count);
            assert!(whole.body["data"].get("nextCursor").is_none(), "{}", whole.body);
            for limit in [1, 2, count] {
                let paged = follow(&world, &token, &format!("{path}?"), list, limit).await;
                assert_eq!(paged, ids(whole.list(list)), "{path} by {limit}");
            }
        }
        let newest_first = follow(&world, &token, &format!("{messages}?order=desc&"), "counselMessages", 2).await;
        let oldest_first = follow(&world, &token, &format!("{messages}?order=asc&"), "counselMessages", 2).await;
        assert_eq!(newest_first.iter().rev().collect::<Vec<_>>(), oldest_first.iter().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_is_refused_by_its_parameter() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let token = world.guest().await;
    let messages = world.counsel(&token).await;
    for path in ["/v1/counselors/all/counsels", "/v1/counselors/all/relationships", &messages] {
        for (query, code, parameter) in [
            ("limit=0", "HTTP_INVALID_INPUT", "limit: must be 1 to 1000"),
            ("limit=1001", "HTTP_INVALID_INPUT", "limit: must be 1 to 1000"),
            ("limit=-1", "HTTP_INVALID_INPUT", "limit: must be 1 to 1000"),
            ("limit=ten", "HTTP_INVALID_INPUT", "limit: "),
            ("limit=", "HTTP_INVALID_INPUT", "limit: "),
            ("limit=1&limit=2", "HTTP_INVALID_INPUT", "query: duplicate field `limit`"),
            ("cursor=", "HTTP_INVALID_INPUT", "cursor: must be a nextCursor of this list"),
            ("cursor=a%00b", "HTTP_INVALID_INPUT", "cursor: must be a nextCursor of this list"),
            // It has the looks of a cursor; the service finds that it is none.
            ("cursor=WzFd", "E40001", "cursor: must be a nextCursor of this list"),
        ] {
            let refused = world.send(Call::get(format!("{path}?{query}")).by(&token)).await;
            assert_eq!((refused.status, refused.code()), (400, code), "{path}?{query}: {}", refused.body);
            assert!(refused.details()[0].starts_with(parameter), "{query}: {:?}", refused.details());
        }
    }
    let refused = world.send(Call::get(format!("{messages}?order=up")).by(&token)).await;
    assert_eq!((refused.status, refused.code()), (400, "HTTP_INVALID_INPUT"));
    assert!(refused.details()[0].starts_with("order: "), "{:?}", refused.details());
}
