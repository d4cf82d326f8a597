//! What processes count while a payment goes through them.

use std::collections::BTreeMap;

use shared::metrics::names::{Kind, METRICS};
use shared::testkit::{Engine, Killable, eventually, mesh_signing_key};

use super::mesh::{CARD, Mesh, confirm};

/// What a process serves: the values of its series, by name and labels as they are written.
async fn scraped(address: &str) -> (String, BTreeMap<String, f64>) {
    let page = reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    let lines = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let series = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    });
    let series = series.collect();
    (page, series)
}

async fn value(address: &str, series: &str) -> Option<f64> {
    scraped(address).await.1.get(series).copied()
}

/// Every series is one of the list, with its labels and nothing that names a user, an order or a payment.
fn check(page: &str, series: &BTreeMap<String, f64>, secrets: &[&str]) {
    for secret in secrets {
        assert!(!page.contains(secret), "{secret} is in {page}");
    }
    for series in series.keys() {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let base = |metric: &&shared::metrics::names::Metric| match metric.kind {
            Kind::Histogram => {
                ["_bucket", "_sum", "_count"].iter().any(|end| name.strip_suffix(end) == Some(metric.name))
            }
            Kind::Counter | Kind::Gauge => name == metric.name,
        };
        let metric = METRICS.iter().find(base).unwrap_or_else(|| panic!("{name} is not in the list"));
        let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty());
        let mut labels: Vec<_> = labels.map(|label| label.split_once('=').unwrap().0).collect();
        labels.retain(|label| *label != "le");
        labels.sort_unstable();
        assert_eq!(labels, metric.labels, "{series}");
        assert!(page.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{}", metric.name);
    }
}

shared::on_each_engine! {
    async fn what_a_payment_does_can_be_scraped(engine: Engine) {
        let mesh = Box::pin(Mesh::start(engine)).await;
        let (payments, users) = (mesh.payment_svc.metrics_address(), mesh.user_svc.metrics_address());
        let (id, key) = mesh.agreed(CARD).await;
        confirm(mesh.orders(), mesh.user_id.clone(), id.clone(), key.clone()).await.unwrap();
        mesh.check_paid_once(&id).await;

        let credits = r#"{consumer="user-svc-credits"}"#;
        eventually("the delivery is counted", async || {
            value(users, &format!("consumer_deliveries_total{credits}")).await == Some(1.0)
        })
        .await;
        eventually("the ledger is added up and the broker was asked", async || {
            value(payments, "dead_letters").await == Some(0.0)
                && value(users, &format!("consumer_pending{credits}")).await == Some(0.0)
                && value(payments, "outbox_waiting").await == Some(0.0)
        })
        .await;

        let (page, series) = scraped(payments).await;
        check(&page, &series, &[&id, &key, &mesh.user_id]);
        let orders = r#"grpc_service="hearlers.v1.OrderService",grpc_method="#;
        for (name, expected) in [
            (format!(r#"grpc_server_handled_total{{{orders}"CreateOrder",grpc_code="OK"}}"#), 1.0),
            (format!(r#"grpc_server_handled_total{{{orders}"ConfirmOrder",grpc_code="OK"}}"#), 1.0),
            (format!(r#"grpc_server_handling_seconds_count{{{orders}"ConfirmOrder"}}"#), 1.0),
            (r#"payment_orders_total{state="paid"}"#.to_owned(), 1.0),
            ("outbox_publish_failures_total".to_owned(), 0.0),
            ("outbox_oldest_seconds".to_owned(), 0.0),
            ("grpc_server_in_flight".to_owned(), 0.0),
            ("broker_connected".to_owned(), 1.0),
            ("broker_connects_total".to_owned(), 1.0),
            (r#"consumer_events_total{consumer="payment-svc-customers",result="applied"}"#.to_owned(), 1.0),
            (format!(r#"build_info{{version="{}"}}"#, env!("CARGO_PKG_VERSION")), 1.0),
        ] {
            assert_eq!(series.get(&name), Some(&expected), "{name} in {page}");
        }
        let pool = if engine == Engine::Sqlite { "write" } else { "shared" };
        assert!(series[&format!(r#"database_connections{{pool="{pool}"}}"#)] >= 1.0, "{page}");
        assert!(series["database_transaction_wait_seconds_count"] >= 2.0, "{page}");
        assert!(series["outbox_published_total"] >= 1.0, "{page}");
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_threads"] {
            assert!(series[name] > 1.0, "{name} in {page}");
        }

        let (page, series) = scraped(users).await;
        check(&page, &series, &[&id, &key, &mesh.user_id]);
        for (name, expected) in [
            (format!("consumer_redeliveries_total{credits}"), 0.0),
            (r#"consumer_events_total{consumer="user-svc-credits",result="applied"}"#.to_owned(), 1.0),
            (r#"consumer_events_total{consumer="user-svc-credits",result="buried"}"#.to_owned(), 0.0),
            (format!("consumer_handling_seconds_count{credits}"), 1.0),
            (format!("consumer_ack_pending{credits}"), 0.0),
            (format!("consumer_paused{credits}"), 0.0),
        ] {
            assert_eq!(series.get(&name), Some(&expected), "{name} in {page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_does_can_be_scraped() {
    let mesh = Box::pin(Mesh::start(Engine::Sqlite)).await;
    let images = mesh.nats.folder().join("images");
    let gateway = Killable::new("gateway", &mesh.nats, "").with_metrics().with(&[
        ("MESH_SIGNING_KEY", mesh_signing_key().to_pem().unwrap().expose()),
        ("SESSION_KEY", "a key that only this test uses, and nobody else"),
        ("IMAGE_FOLDER", images.to_str().unwrap()),
        ("RATE_AUTH", "1"),
        ("RATE_AUTH_BURST", "3"),
        // Other tests keep the processors busy.
        ("QUEUE_LIMIT", "0"),
    ]);
    gateway.start();
    let (url, metrics) = (format!("http://{}", gateway.address()), gateway.metrics_address());
    let client = reqwest::Client::new();
    eventually("the gateway serves, and knows user-svc", async || {
        let serves = client.get(format!("{url}/livez")).send().await.is_ok();
        serves && value(metrics, r#"upstream_instances{service="user-svc"}"#).await == Some(1.0)
    })
    .await;
    let initiate = || async { client.post(format!("{url}/v1/auth/initiate")).send().await.unwrap() };
    let answer: serde_json::Value = initiate().await.error_for_status().unwrap().json().await.unwrap();
    let token = answer["data"]["accessToken"].as_str().unwrap();
    for _ in 0..2 {
        let me = client.get(format!("{url}/v1/users/me")).bearer_auth(token).send().await.unwrap();
        assert_eq!(me.status(), 200);
    }
    let made_up = client.get(format!("{url}/v1/made-up-by-a-client")).send().await.unwrap();
    assert_eq!(made_up.status(), 404);
    let method = reqwest::Method::from_bytes(b"CLIENTS").unwrap();
    client.request(method, format!("{url}/livez")).send().await.unwrap();
    initiate().await.error_for_status().unwrap();
    initiate().await.error_for_status().unwrap();
    assert_eq!(initiate().await.status(), 429);

    let (page, series) = scraped(metrics).await;
    check(&page, &series, &[token, "made-up-by-a-client", "CLIENTS"]);
    for (name, expected) in [
        (r#"http_requests_total{method="POST",route="/v1/auth/initiate",status="200"}"#, 3.0),
        (r#"http_requests_total{method="POST",route="/v1/auth/initiate",status="429"}"#, 1.0),
        (r#"http_requests_total{method="GET",route="/v1/users/me",status="200"}"#, 2.0),
        (r#"http_requests_total{method="GET",route="none",status="404"}"#, 1.0),
        (r#"http_requests_total{method="other",route="/livez",status="405"}"#, 1.0),
        (r#"http_request_duration_seconds_count{method="GET",route="/v1/users/me"}"#, 2.0),
        ("http_requests_in_flight", 0.0),
        ("http_admitted_share", 1.0),
        (r#"http_requests_shed_total{reason="work"}"#, 0.0),
        (r#"rate_limit_refusals_total{limit="sign_in"}"#, 1.0),
        (r#"rate_limit_refusals_total{limit="user"}"#, 0.0),
        (r#"sign_ins_total{provider="guest",outcome="granted"}"#, 3.0),
        (r#"upstream_retries_total{service="user-svc"}"#, 0.0),
        (r#"upstream_concurrency_limit{service="user-svc"}"#, 1024.0),
        (r#"upstream_instances_ejected{service="user-svc"}"#, 0.0),
        ("broker_connected", 1.0),
    ] {
        assert_eq!(series.get(name), Some(&expected), "{name} in {page}");
    }
    assert!(series[r#"upstream_calls_total{service="user-svc",code="OK"}"#] >= 5.0, "{page}");
}
