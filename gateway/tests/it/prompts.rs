//! /v1/admin: prompt-versions, persona-prompts, tone-prompts, counsel-techniques and prompt-activate-histories

use reqwest::Method;
use serde_json::{Value, json};
use shared::id::new_id;
use shared::testkit::Engine;

use crate::world::{Call, Reply, World};

const VERSIONS: &str = "/v1/admin/prompt-versions";
const DRAFT: &str = "/v1/admin/prompt-versions/temporary-version";
const TECHNIQUES: &str = "/v1/admin/counsel-techniques";
const RULES: &str = "/v1/admin/counsel-techniques/transition-rules";
const HISTORIES: &str = "/v1/admin/prompt-activate-histories";

/// An admin at work.
struct Admin<'a> {
    world: &'a World,
    token: String,
}

impl<'a> Admin<'a> {
    async fn of(world: &'a World) -> Self {
        Self { world, token: world.admin().await }
    }

    async fn get(&self, path: impl Into<String>) -> Reply {
        self.world.send(Call::get(path).by(&self.token)).await
    }

    async fn put(&self, path: impl Into<String>, body: &Value) -> Reply {
        self.world.send(Call::put(path, body).by(&self.token)).await
    }

    async fn post(&self, path: impl Into<String>, body: &Value) -> Reply {
        self.world.send(Call::post(path, body).by(&self.token)).await
    }

    async fn delete(&self, path: impl Into<String>) -> Reply {
        self.world.send(Call::new(Method::DELETE, path).by(&self.token)).await
    }

    /// The draft becomes a saved version with this name: its id.
    async fn save(&self, name: &str) -> String {
        self.put(DRAFT, &saved(name)).await.expect(200).text("/promptVersion/id")
    }

    /// The id of the draft.
    async fn draft(&self) -> String {
        self.get(DRAFT).await.expect(200).text("/promptVersion/id")
    }

    /// The first two techniques of a tone of the draft, and the draft's id.
    async fn two_techniques(&self) -> [String; 3] {
        let draft = self.draft().await;
        let techniques = self.get(format!("{TECHNIQUES}?promptVersionId={draft}&limit=2")).await.expect(200);
        let id = |at: usize| techniques.list("counselTechniques")[at]["id"].as_str().unwrap().to_owned();
        [draft, id(0), id(1)]
    }
}

fn saved(name: &str) -> Value {
    json!({ "name": name, "description": "d", "isBookmarked": true, "aiModel": "AI_MODEL_GPT_5" })
}

fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.code()), (status, code), "{}", reply.body);
}

shared::on_each_engine! {
    async fn a_version_is_written_saved_found_activated_and_deleted(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let admin = Admin::of(&world).await;
        let active = admin.get(format!("{VERSIONS}/active-version")).await.expect(200);
        let active_id = active.text("/promptVersion/id");
        let draft = admin.get(DRAFT).await.expect(200);
        assert_eq!(draft.body["data"]["promptVersion"]["isTemporary"], true);
        assert_eq!(admin.draft().await, draft.text("/promptVersion/id"));

        let reply = admin.put(DRAFT, &saved("Second Version")).await.expect(200);
        let id = reply.text("/promptVersion/id");
        assert_eq!(id, draft.text("/promptVersion/id"));
        let version = &reply.body["data"]["promptVersion"];
        assert_eq!((&version["isTemporary"], &version["isBookmarked"]), (&json!(false), &json!(true)));
        assert_eq!(version["aiModel"], "AI_MODEL_GPT_5");
        let one = admin.get(format!("{VERSIONS}/{id}")).await.expect(200);
        assert_eq!(&one.body["data"]["promptVersion"], version);

        for (query, found) in [
            ("", 2),
            ("?name=SECOND", 1),
            ("?name=nothing", 0),
            ("?is-bookmarked=true", 1),
            ("?is-bookmarked=false&name=version", 1),
        ] {
            let list = admin.get(format!("{VERSIONS}{query}")).await.expect(200);
            assert_eq!(list.list("promptVersions").len(), found, "{query}");
            assert!(list.body["data"].get("nextCursor").is_none(), "{query}");
        }
        let page = admin.get(format!("{VERSIONS}?limit=1")).await.expect(200);
        assert_eq!(page.list("promptVersions"), std::slice::from_ref(version));
        let next = format!("{VERSIONS}?limit=1&cursor={}", page.text("/nextCursor"));
        assert_eq!(admin.get(next).await.expect(200).list("promptVersions")[0]["id"], json!(active_id));

        let change = json!({ "name": "Third", "isBookmarked": false });
        let changed = admin.put(format!("{VERSIONS}/{id}"), &change).await.expect(200);
        assert_eq!(changed.text("/promptVersion/name"), "Third");
        assert_eq!(changed.text("/promptVersion/description"), "d");

        let activate = Call::new(Method::POST, format!("{VERSIONS}/{id}/activate")).by(&admin.token);
        let activated = world.send(activate).await.expect(200);
        assert_eq!(activated.body["data"]["promptVersion"]["isActive"], true);
        let histories = admin.get(HISTORIES).await.expect(200);
        let versions: Vec<_> =
            histories.list("promptActivateHistories").iter().map(|one| &one["promptVersionId"]).collect();
        assert_eq!(versions, [&json!(id), &json!(active_id)]);
        let of_one = admin.get(format!("{HISTORIES}?prompt-version-id={active_id}")).await.expect(200);
        assert_eq!(of_one.list("promptActivateHistories"), &histories.list("promptActivateHistories")[1..]);

        for _ in 0..2 {
            let deleted = admin.delete(format!("{VERSIONS}/{active_id}")).await.expect(200);
            assert_eq!(deleted.body["data"], json!({ "isSuccess": true }));
        }
        refused(&admin.get(format!("{VERSIONS}/{active_id}")).await, 404, "E40401");
    }

    async fn prompts_techniques_and_rules_are_written_in_the_draft(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let admin = Admin::of(&world).await;
        let counselors = admin.get("/v1/admin/counselors").await.expect(200);
        let counselor = &counselors.list("counselors")[0];
        let (counselor_id, tone_id) =
            (counselor["id"].as_str().unwrap(), counselor["toneId"].as_str().unwrap());

        for (kind, plural, of, id) in [
            ("personaPrompt", "persona-prompts", "counselorId", counselor_id),
            ("tonePrompt", "tone-prompts", "toneId", tone_id),
        ] {
            let written = admin.put(format!("{DRAFT}/{plural}"), &json!({ of: id, "body": "new" })).await.expect(200);
            let prompt = &written.body["data"][kind];
            assert_eq!((&prompt[of], &prompt["body"]), (&json!(id), &json!("new")));
            let one = format!("/v1/admin/{plural}/{}", prompt["id"].as_str().unwrap());
            assert_eq!(&admin.get(one).await.expect(200).body["data"][kind], prompt);
            let version = prompt["promptVersionId"].as_str().unwrap();
            let list = admin.get(format!("/v1/admin/{plural}?promptVersionId={version}")).await.expect(200);
            assert!(list.list(&format!("{kind}s")).len() > 1);
            let list = format!("/v1/admin/{plural}?promptVersionId={version}&{of}={id}");
            let list = admin.get(list).await.expect(200);
            assert_eq!(list.list(&format!("{kind}s")), std::slice::from_ref(prompt));
        }

        let technique = json!({
            "name": "wait", "toneId": tone_id, "context": "c", "instruction": "i", "messageThreshold": 2,
            "temperature": 0.5, "isStartTechnique": true,
        });
        let post = || {
            let call = Call::post(format!("{DRAFT}/counsel-techniques"), &technique).by(&admin.token);
            call.header("idempotency-key", "once")
        };
        let added = world.send(post()).await.expect(201);
        let added = &added.body["data"]["counselTechnique"];
        assert_eq!(&world.send(post()).await.expect(201).body["data"]["counselTechnique"], added);
        let id = added["id"].as_str().unwrap();
        for (name, value) in technique.as_object().unwrap() {
            assert_eq!(&added[name], value, "{name}");
        }
        let change = json!({ "temperature": 1, "isStartTechnique": false });
        let changed = admin.put(format!("{DRAFT}/counsel-techniques/{id}"), &change).await.expect(200);
        let changed = &changed.body["data"]["counselTechnique"];
        assert_eq!((&changed["temperature"], &changed["name"]), (&json!(1.0), &json!("wait")));
        assert_eq!(&admin.get(format!("{TECHNIQUES}/{id}")).await.expect(200).body["data"]["counselTechnique"], changed);
        let version = added["promptVersionId"].as_str().unwrap();
        let list = format!("{TECHNIQUES}?promptVersionId={version}&toneId={tone_id}");
        let list = admin.get(list).await.expect(200);
        let techniques = list.list("counselTechniques");
        assert_eq!(techniques.last(), Some(changed));

        let first = techniques[0]["id"].as_str().unwrap();
        let rule = json!({
            "promptVersionId": version, "fromCounselTechniqueId": first, "toCounselTechniqueId": id, "priority": 9,
            "minCurrentTechniqueMessageCount": 2, "maxCurrentTechniqueMessageCount": null,
            "requiredEmotionPrimaries": ["EMOTION_PRIMARY_SADNESS", "EMOTION_PRIMARY_GUILT"],
            "requiredValences": null, "requiredRiskKinds": ["RISK_KIND_NONE"], "maxRiskSeverity": 1,
            "requiredPhysicalSymptomsPresent": false,
        });
        let post = || Call::post(RULES, &rule).by(&admin.token).header("idempotency-key", "once");
        // 200, as the contract has it.
        let added = world.send(post()).await.expect(200);
        let added = &added.body["data"]["counselTechniqueTransitionRule"];
        assert_eq!(&world.send(post()).await.expect(200).body["data"]["counselTechniqueTransitionRule"], added);
        for (name, value) in rule.as_object().unwrap() {
            match name.as_str() {
                "maxCurrentTechniqueMessageCount" => assert!(added.get(name).is_none()),
                "requiredValences" => assert_eq!(added[name], json!([])),
                _ => assert_eq!(&added[name], value, "{name}"),
            }
        }
        assert_eq!(added["requiredSleepQualities"], json!([]));
        let path = format!("{RULES}/{}", added["id"].as_str().unwrap());
        assert_eq!(&admin.get(&path).await.expect(200).body["data"]["counselTechniqueTransitionRule"], added);
        let list = format!("{RULES}?promptVersionId={version}&fromCounselTechniqueId={first}&toCounselTechniqueId={id}");
        let list = admin.get(list).await.expect(200);
        assert_eq!(list.list("counselTechniqueTransitionRules"), std::slice::from_ref(added));

        // Null and an empty list ask for nothing any more; what is left out stays.
        let change = json!({
            "priority": 3, "maxRiskSeverity": null, "requiredRiskKinds": [], "requiredPhysicalSymptomsPresent": null,
            "requiredConsentToDepth": true, "requiredEmotionPrimaries": null,
        });
        let changed = admin.put(&path, &change).await.expect(200);
        let changed = &changed.body["data"]["counselTechniqueTransitionRule"];
        assert_eq!((&changed["priority"], &changed["minCurrentTechniqueMessageCount"]), (&json!(3), &json!(2)));
        for list in ["requiredRiskKinds", "requiredEmotionPrimaries"] {
            assert_eq!(changed[list], json!([]));
        }
        assert!(changed.get("maxRiskSeverity").is_none() && changed.get("requiredPhysicalSymptomsPresent").is_none());
        assert_eq!(changed["requiredConsentToDepth"], true);

        for _ in 0..2 {
            let deleted = admin.delete(&path).await.expect(200);
            assert_eq!(deleted.body["data"], json!({ "isSuccess": true }));
        }
        refused(&admin.get(&path).await, 404, "E40401");
    }

    async fn a_saved_version_is_cloned_into_the_draft(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let admin = Admin::of(&world).await;
        let saved = admin.save("saved").await;
        let before = admin.draft().await;
        let clone = admin.put(format!("{DRAFT}/{saved}"), &json!({})).await.expect(200);
        let id = clone.text("/promptVersion/id");
        assert!(id != saved && id != before);
        assert_eq!(clone.text("/promptVersion/name"), "saved");
        assert_eq!(admin.draft().await, id);
        refused(&admin.put(format!("{DRAFT}/{id}"), &json!({})).await, 400, "E40002");
        refused(&admin.put(format!("{DRAFT}/{}", new_id()), &json!({})).await, 404, "E40401");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_state_of_a_version_forbids_is_refused() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = Admin::of(&world).await;
    let active = admin.get(format!("{VERSIONS}/active-version")).await.expect(200).text("/promptVersion/id");
    let id = admin.save("taken").await;
    let draft = admin.draft().await;
    refused(&admin.put(DRAFT, &saved("taken")).await, 409, "E40901");
    refused(&admin.put(format!("{VERSIONS}/{active}"), &json!({ "name": "taken" })).await, 409, "E40901");
    refused(&admin.delete(format!("{VERSIONS}/{active}")).await, 400, "E40002");
    refused(&admin.post(format!("{VERSIONS}/{draft}/activate"), &json!({})).await, 400, "E40002");

    let techniques = admin.get(format!("{TECHNIQUES}?promptVersionId={id}")).await.expect(200);
    let technique = techniques.list("counselTechniques")[0]["id"].as_str().unwrap();
    let change = admin.put(format!("{DRAFT}/counsel-techniques/{technique}"), &json!({ "name": "n" })).await;
    refused(&change, 400, "E40002");
    let rules = admin.get(format!("{RULES}?promptVersionId={id}")).await.expect(200);
    let rule =
        format!("{RULES}/{}", rules.list("counselTechniqueTransitionRules")[0]["id"].as_str().unwrap());
    refused(&admin.put(&rule, &json!({ "priority": 1 })).await, 400, "E40002");
    refused(&admin.delete(&rule).await, 400, "E40002");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_version_lacks_is_a_detail_of_its_refusal() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = Admin::of(&world).await;
    let tones = admin.get("/v1/admin/tones").await.expect(200);
    let techniques =
        admin.get(format!("{TECHNIQUES}?promptVersionId={}", admin.draft().await)).await.expect(200);
    for technique in techniques.list("counselTechniques") {
        if technique["isStartTechnique"] == true {
            let path = format!("{DRAFT}/counsel-techniques/{}", technique["id"].as_str().unwrap());
            admin.put(path, &json!({ "isStartTechnique": false })).await.expect(200);
        }
    }
    let id = admin.save("nowhere to begin").await;
    let reply = admin.post(format!("{VERSIONS}/{id}/activate"), &json!({})).await;
    refused(&reply, 400, "E40002");
    let missing = |tone: &Value| {
        format!("counselTechniques: has no start technique for tone \"{}\"", tone["name"].as_str().unwrap())
    };
    let expected: Vec<_> = tones.list("tones").iter().map(missing).collect();
    assert_eq!(reply.details(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_listed() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = Admin::of(&world).await;
    let [draft, from, to] = admin.two_techniques().await;

    for path in ["/v1/admin/persona-prompts", "/v1/admin/tone-prompts", TECHNIQUES, RULES] {
        let reply = admin.get(path).await;
        refused(&reply, 400, "HTTP_MISSING_REQUEST_PARAMETER");
        assert_eq!(reply.details(), ["promptVersionId: is required"], "{path}");
        let reply = admin.get(format!("{path}?promptVersionId=1")).await;
        refused(&reply, 400, "HTTP_INVALID_INPUT");
        refused(&admin.get(format!("{path}?promptVersionId={}", new_id())).await, 404, "E40401");
        refused(
            &admin.get(format!("{path}?promptVersionId={draft}&limit=0")).await,
            400,
            "HTTP_INVALID_INPUT",
        );
        refused(&admin.get(format!("{path}/{}", new_id())).await, 404, "E40401");
        refused(&admin.get(format!("{path}/x")).await, 400, "HTTP_INVALID_INPUT");
    }
    for path in [format!("{VERSIONS}?is-bookmarked=maybe"), format!("{HISTORIES}?prompt-version-id=1")] {
        refused(&admin.get(path).await, 400, "HTTP_INVALID_INPUT");
    }
    let cursor = admin.get(format!("{VERSIONS}?cursor=bm9uZQ")).await;
    refused(&cursor, 400, "E40001");
    assert_eq!(cursor.details(), ["cursor: must be a nextCursor of this list"]);

    let reply = admin.put(DRAFT, &json!({ "name": "", "aiModel": "GPT" })).await;
    refused(&reply, 400, "HTTP_INVALID_INPUT");
    let fields: Vec<_> = reply.details().iter().filter_map(|line| line.split(':').next()).collect();
    for field in ["name", "aiModel", "description", "isBookmarked"] {
        assert!(fields.contains(&field), "{fields:?} lacks {field}");
    }
    let reply = admin.put(format!("{VERSIONS}/{draft}"), &json!({ "name": " \u{1} " })).await;
    refused(&reply, 400, "E40001");
    assert_eq!(reply.details(), ["name: must not hold control characters"]);

    let technique = json!({
        "name": "n", "toneId": "1", "context": "", "instruction": "i", "messageThreshold": 0, "temperature": 3,
    });
    let reply = admin.post(format!("{DRAFT}/counsel-techniques"), &technique).await;
    refused(&reply, 400, "HTTP_INVALID_INPUT");
    assert_eq!(reply.details().len(), 2, "{:?}", reply.details());

    let rule = |more: Value| {
        let mut rule = json!({
            "promptVersionId": draft, "fromCounselTechniqueId": from, "toCounselTechniqueId": to, "priority": 1,
        });
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    let broken = json!({ "requiredValences": ["VALENCE_UNSPECIFIED"], "maxRiskSeverity": 6 });
    let reply = admin.post(RULES, &rule(broken)).await;
    refused(&reply, 400, "HTTP_INVALID_INPUT");
    assert_eq!(reply.details().len(), 2, "{:?}", reply.details());
    let reply = admin.post(RULES, &rule(json!({ "minSelfEfficacy": 5, "maxSelfEfficacy": 4 }))).await;
    refused(&reply, 400, "E40001");
    assert_eq!(reply.details(), ["maxSelfEfficacy: must not be less than the minimum"]);
    let reply = admin.post(RULES, &rule(json!({ "toCounselTechniqueId": from }))).await;
    assert_eq!(reply.details(), ["toCounselTechniqueId: must lead to another technique"]);

    for (path, body) in [
        (format!("{DRAFT}/persona-prompts"), json!({ "counselorId": new_id(), "body": "b" })),
        (format!("{DRAFT}/tone-prompts"), json!({ "toneId": new_id(), "body": "b" })),
        (format!("{DRAFT}/counsel-techniques/{}", new_id()), json!({})),
        (format!("{RULES}/{}", new_id()), json!({})),
        (format!("{VERSIONS}/{}", new_id()), json!({})),
    ] {
        refused(&admin.put(path, &body).await, 404, "E40401");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_are_for_admins() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let guest = world.guest().await;
    let id = new_id();
    for (method, path) in [
        (Method::GET, VERSIONS.to_owned()),
        (Method::GET, format!("{VERSIONS}/{id}")),
        (Method::GET, format!("{VERSIONS}/active-version")),
        (Method::GET, DRAFT.to_owned()),
        (Method::PUT, DRAFT.to_owned()),
        (Method::PUT, format!("{VERSIONS}/{id}")),
        (Method::DELETE, format!("{VERSIONS}/{id}")),
        (Method::PUT, format!("{DRAFT}/{id}")),
        (Method::POST, format!("{VERSIONS}/{id}/activate")),
        (Method::GET, HISTORIES.to_owned()),
        (Method::GET, "/v1/admin/persona-prompts".to_owned()),
        (Method::GET, format!("/v1/admin/persona-prompts/{id}")),
        (Method::PUT, format!("{DRAFT}/persona-prompts")),
        (Method::GET, "/v1/admin/tone-prompts".to_owned()),
        (Method::GET, format!("/v1/admin/tone-prompts/{id}")),
        (Method::PUT, format!("{DRAFT}/tone-prompts")),
        (Method::GET, TECHNIQUES.to_owned()),
        (Method::GET, format!("{TECHNIQUES}/{id}")),
        (Method::POST, format!("{DRAFT}/counsel-techniques")),
        (Method::PUT, format!("{DRAFT}/counsel-techniques/{id}")),
        (Method::GET, RULES.to_owned()),
        (Method::POST, RULES.to_owned()),
        (Method::GET, format!("{RULES}/{id}")),
        (Method::PUT, format!("{RULES}/{id}")),
        (Method::DELETE, format!("{RULES}/{id}")),
    ] {
        let reply = world.send(Call::new(method.clone(), &path)).await;
        assert_eq!((reply.status, reply.code()), (401, "COOKIE_NOT_FOUND"), "{method} {path}");
        let reply = world.send(Call::new(method.clone(), &path).by(&guest)).await;
        assert_eq!((reply.status, reply.code()), (403, "FORBIDDEN"), "{method} {path}");
    }
}
