//! Images: announced by admins, put by whoever holds the announcement, seen by everybody.

use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use reqwest::{Client, Response};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use serde_json::{Value, json};
use shared::config::Secret;
use shared::id::new_id;
use shared::testkit::Engine;
use tokio::net::TcpListener;

use crate::world::{Call, World, gateway_config, wait_until_ready};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";

struct Announced {
    upload: String,
    public: String,
}

fn announced(body: &Value) -> Announced {
    let url = |name: &str| body["data"]["presignedUrl"][name].as_str().unwrap().to_owned();
    Announced { upload: url("uploadUrl"), public: url("publicUrl") }
}

async fn announce(world: &World, admin: &str) -> Announced {
    let counselor = world.counselor(admin).await;
    let call = Call::post(
        format!("/v1/admin/counselors/{counselor}/image-url"),
        &json!({ "extension": "EXTENSION_PNG" }),
    );
    announced(&world.send(call.by(admin)).await.expect(200).body)
}

async fn put(url: &str, media_type: &str, bytes: &[u8]) -> Response {
    Client::new().put(url).header("content-type", media_type).body(bytes.to_vec()).send().await.unwrap()
}

async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_image_is_put_once_and_seen_by_everybody() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = world.admin().await;
    let Announced { upload, public } = announce(&world, &admin).await;
    assert_eq!(Client::new().get(&public).send().await.unwrap().status(), 404);
    assert_eq!(put(&upload, "image/png", PNG).await.status(), 201);
    let seen = Client::new().get(&public).send().await.unwrap();
    assert_eq!(seen.status(), 200);
    let headers = seen.headers().clone();
    assert_eq!(headers["content-type"], "image/png");
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(seen.bytes().await.unwrap(), PNG);
    let known = Client::new().get(&public).header("if-none-match", &headers["etag"]).send().await.unwrap();
    assert_eq!(known.status(), 304);

    // A repeat changes nothing, and another image is refused.
    assert_eq!(put(&upload, "image/png", PNG).await.status(), 200);
    let other = [PNG, b"!"].concat();
    assert_eq!(code(put(&upload, "image/png", &other).await).await, (409, "E40901".to_owned()));
    assert_eq!(Client::new().get(&public).send().await.unwrap().bytes().await.unwrap(), PNG);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_images_at_once_one_is_kept_whole() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = world.admin().await;
    let Announced { upload, public } = announce(&world, &admin).await;
    let images = [[PNG, &[b'a'; 50_000]].concat(), [PNG, &[b'b'; 50_000]].concat()];
    let put = images.iter().map(|image| put(&upload, "image/png", image));
    let mut statuses: Vec<_> =
        futures::future::join_all(put).await.iter().map(|response| response.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let kept = Client::new().get(&public).send().await.unwrap().bytes().await.unwrap();
    assert!(images.iter().any(|image| *image == kept));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_announced_so_is_refused() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = world.admin().await;
    let one = announce(&world, &admin).await;
    let two = announce(&world, &admin).await;
    let forbidden = (403, "FORBIDDEN".to_owned());
    let invalid = (400, "HTTP_INVALID_INPUT".to_owned());
    let token = one.upload.split_once('?').unwrap().1;
    // The right to put one image is none to put another, and a session is none at all.
    let swapped = format!("{}?{token}", two.public);
    assert_eq!(code(put(&swapped, "image/png", PNG).await).await, forbidden);
    let session = format!("{}?token={admin}", one.public);
    assert_eq!(code(put(&session, "image/png", PNG).await).await, forbidden);
    let missing = put(&one.public, "image/png", PNG).await;
    assert_eq!(code(missing).await, (400, "HTTP_MISSING_REQUEST_PARAMETER".to_owned()));
    assert_eq!(code(put(&one.upload, "image/svg+xml", b"<svg/>").await).await, invalid);
    assert_eq!(code(put(&one.upload, "image/png", b"<svg onload=alert(1)>").await).await, invalid);
    let large = [PNG, &[0; 100 * 1024]].concat();
    let refused = put(&one.upload, "image/png", &large).await;
    assert_eq!(refused.status(), 413);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["message"], "the body must be at most 102400 bytes");
    // Without the right to put it, a body is not even looked at.
    assert_eq!(code(put(&swapped, "image/png", &large).await).await, forbidden);
    // None of it has left anything.
    assert_eq!(Client::new().get(&one.public).send().await.unwrap().status(), 404);
    assert_eq!(put(&one.upload, "image/png", PNG).await.status(), 201);
    for name in ["..%2F..%2Fnats.conf", "nats.conf", &format!("{}.svg", new_id())] {
        let url = format!("{}/{name}", one.public.rsplit_once('/').unwrap().0);
        assert_eq!(Client::new().get(url).send().await.unwrap().status(), 404, "{name}");
    }

    let guest = world.guest().await;
    let path = format!("/v1/admin/counselors/{}/episodes/image-url", world.counselor(&guest).await);
    let announce = |body: Value, token: &str| Call::post(&path, &body).by(token);
    let png = json!({ "extension": "EXTENSION_PNG" });
    assert_eq!(world.send(announce(png.clone(), &guest)).await.expect(403).code(), "FORBIDDEN");
    let svg = announce(json!({ "extension": "EXTENSION_SVG" }), &admin);
    assert_eq!(world.send(svg).await.expect(400).code(), "HTTP_INVALID_INPUT");
    let nobody = format!("/v1/admin/counselors/{}/episodes/image-url", new_id());
    assert_eq!(world.send(Call::post(nobody, &png).by(&admin)).await.expect(404).code(), "E40401");
    let announced = announced(
        &world.send(announce(json!({ "extension": "EXTENSION_WEBP" }), &admin)).await.expect(200).body,
    );
    assert!(announced.public.ends_with(".webp"), "{}", announced.public);
}

/// An S3-compatible server on a folder.
async fn s3(folder: &std::path::Path) -> SocketAddr {
    let files = s3s_fs::FileSystem::new(folder).unwrap();
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single("access", "a secret of the store"));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_takes_what_the_gateway_has_signed() {
    let world = Box::pin(World::start(Engine::Sqlite)).await;
    let admin = world.admin().await;
    let folder = world.nats.folder().join("s3");
    std::fs::create_dir_all(folder.join("pictures")).unwrap();
    let store = s3(&folder).await;
    let settings = gateway::S3Settings {
        endpoint: format!("http://{store}"),
        bucket: "pictures".to_owned(),
        region: "us-east-1".to_owned(),
        access_key: "access".to_owned(),
        secret_key: Secret::new("a secret of the store"),
        public_url: Some("https://cdn.example/".to_owned()),
    };
    let mut config = gateway_config(&world.nats);
    config.images.store = gateway::StoreSettings::S3(settings);
    let gateway = gateway::start(config).await.unwrap();
    let base = format!("http://{}", gateway.address);
    wait_until_ready(&Client::new(), &base).await;
    let url = format!("{base}/v1/admin/counselors/{}/image-url", world.counselor(&admin).await);
    let body = json!({ "extension": "EXTENSION_PNG" });
    let answer = Client::new().post(url).bearer_auth(&admin).json(&body).send().await.unwrap();
    let Announced { upload, public } = announced(&answer.json().await.unwrap());
    let name = public.strip_prefix("https://cdn.example/").unwrap();
    // Another media type than the announced one, and any change of the address, is refused by the store.
    assert_eq!(put(&upload, "text/html", b"<script>").await.status(), 403);
    let forged = upload.replace(name, &format!("{}.png", new_id()));
    assert_eq!(put(&forged, "image/png", PNG).await.status(), 403);
    assert_eq!(put(&upload, "image/png", PNG).await.status(), 200);
    assert_eq!(std::fs::read(folder.join("pictures").join(name)).unwrap(), PNG);
    // This gateway keeps no images itself.
    let here = format!("{base}/v1/images/{name}");
    assert_eq!(Client::new().get(here).send().await.unwrap().status(), 404);
    tokio::time::timeout(Duration::from_secs(10), gateway.stop()).await.unwrap();
}
