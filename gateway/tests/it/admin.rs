//! /v1/admin/counselors/{counselor-id}/counsels

use serde_json::json;

use crate::world::{Call, World};

shared::on_each_engine! {
    async fn admins_have_the_routes_of_counsels_and_see_techniques(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let admin = world.admin().await;
        let counselor = world.counselor(&admin).await;
        let version =
            world.send(Call::get("/v1/admin/prompt-versions/active-version").by(&admin)).await.expect(200);
        let version = version.text("/promptVersion/id");

        let counsels = format!("/v1/admin/counselors/{counselor}/counsels");
        let body = json!({ "promptVersionId": version });
        let opened = world.send(Call::post(&counsels, &body).by(&admin)).await.expect(201);
        assert_eq!(opened.text("/counsel/promptVersionId"), version);
        let technique = opened.text("/counsel/counselTechniqueId");
        assert_eq!(opened.list("counselMessages")[0]["counselTechniqueId"], technique);

        let counsel = format!("{counsels}/{}", opened.text("/counsel/id"));
        let one = world.send(Call::get(&counsel).by(&admin)).await.expect(200);
        assert_eq!(one.body["data"]["counsel"]["id"], opened.body["data"]["counsel"]["id"]);
        let messages = format!("{counsel}/messages");
        let said = world.say(&admin, &messages, "how do you do?").await.expect(201);
        assert_eq!(said.text("/createdCounselMessage/counselTechniqueId"), technique);
        assert_eq!(said.text("/counselorResponseMessage/counselTechniqueId"), technique);
        let listed = world.send(Call::get(format!("{messages}?limit=1&order=desc")).by(&admin)).await.expect(200);
        assert_eq!(listed.list("counselMessages"), &[said.body["data"]["counselorResponseMessage"].clone()]);
        assert!(listed.body["data"]["nextCursor"].is_string());

        let react = format!("{messages}/{}/react", said.text("/counselorResponseMessage/id"));
        let like = json!({ "reaction": "COUNSEL_MESSAGE_REACTION_LIKE" });
        let liked = world.send(Call::post(&react, &like).by(&admin)).await.expect(200);
        assert_eq!(liked.text("/counselMessage/counselTechniqueId"), technique);

        // The same counsel without the prefix: what everybody sees.
        let plain = world.send(Call::get(messages.replace("/admin", "")).by(&admin)).await.expect(200);
        assert!(!plain.list("counselMessages").is_empty());
        assert!(!plain.body.to_string().contains("counselTechniqueId"));
    }

    async fn admins_read_the_counsels_of_others_and_speak_in_none(engine: Engine) {
        let world = Box::pin(World::start(engine)).await;
        let (guest, admin) = (world.guest().await, world.admin().await);
        let guest_id = world.id_of(&guest).await;
        let messages = world.counsel(&guest).await;
        world.say(&guest, &messages, "between us").await.expect(201);
        let theirs = messages.replacen("/v1/", "/v1/admin/", 1);

        let list = "/v1/admin/counselors/all/counsels";
        let listed = world.send(Call::get(format!("{list}?user-id={guest_id}")).by(&admin)).await.expect(200);
        assert_eq!(listed.list("counsels").len(), 1);
        assert_eq!(listed.list("counsels")[0]["userId"], guest_id);
        let own = world.send(Call::get(list).by(&admin)).await.expect(200);
        assert!(own.list("counsels").is_empty());
        let malformed = world.send(Call::get(format!("{list}?user-id=somebody")).by(&admin)).await;
        assert_eq!((malformed.status, malformed.code()), (400, "HTTP_INVALID_INPUT"));
        assert!(malformed.details()[0].starts_with("user-id: "));

        let read = world.send(Call::get(&theirs).by(&admin)).await.expect(200);
        assert_eq!(read.list("counselMessages").len(), 3);
        assert!(read.list("counselMessages").iter().all(|message| message["counselTechniqueId"].is_string()));
        let spoken = world.say(&admin, &theirs, "who is there?").await;
        assert_eq!((spoken.status, spoken.code()), (404, "E40401"));
        let refused = world.send(Call::get(&theirs).by(&guest)).await;
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"));
        // The parameter is the admins' alone.
        let plain = world.send(Call::get(format!("/v1/counselors/all/counsels?user-id={guest_id}")).by(&admin)).await;
        assert!(plain.expect(200).list("counsels").is_empty());
    }
}
