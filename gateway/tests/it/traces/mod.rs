//! One trace from a client's request to the last consumer of what came of it, as a collector sees it.

mod mesh;

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::json;
use shared::testkit::{Collector, TracedSpan, eventually, free_port};

use mesh::{Guest, Mesh};

const SAID: &str = "nobody but my counselor may read that I cannot sleep";
const CLIENT: &str = "00f067aa0ba902b7";

const SAY: &str = "POST /v1/counselors/{counselor-id}/counsels/{counsel-id}/messages";
const RESERVE: &str = "hearlers.v1.MessageTokenService/ReserveTokens";
const CREATE: &str = "hearlers.v1.CounselService/CreateMessage";
const CREATED: &str = "counsels.message.created";

/// Says something, as a client that traces; `flags` are 01 when the client wants the trace.
async fn say(mesh: &Mesh, guest: &Guest, trace_id: &str, flags: &str) {
    let request = mesh.post(&guest.messages, &guest.token, &json!({ "message": SAID }));
    let request = request.header("traceparent", format!("00-{trace_id}-{CLIENT}-{flags}"));
    assert_eq!(request.send().await.unwrap().status(), 201);
}

/// The one span that is such.
fn one<'a>(spans: &'a [TracedSpan], kind: SpanKind, service: &str, name: &str) -> &'a TracedSpan {
    let is_such = |span: &&TracedSpan| span.kind == kind && span.service == service && span.name == name;
    let found: Vec<_> = spans.iter().filter(is_such).collect();
    let names: Vec<_> = spans.iter().map(|span| (span.kind, &span.service, &span.name)).collect();
    assert_eq!(found.len(), 1, "{kind:?} {name} of {service} in {names:#?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_one_trace_from_the_client_to_the_last_consumer() {
    let collector = Collector::start().await;
    let mesh = Mesh::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())]).await;
    let guest = mesh.guest().await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    say(&mesh, &guest, trace_id, "01").await;
    let consumed = |span: &TracedSpan| span.kind == SpanKind::Consumer && span.name.ends_with(CREATED);
    eventually("all consumers have told", async || {
        collector.trace(trace_id).iter().filter(|span| consumed(span)).count() == 3
    })
    .await;
    eventually("the gateway has told", async || {
        collector.trace(trace_id).iter().any(|span| span.name == SAY)
    })
    .await;

    let spans = collector.trace(trace_id);
    let request = one(&spans, SpanKind::Server, "gateway", SAY);
    assert_eq!(request.parent, CLIENT);
    assert_eq!(request.attributes["http.request.method"], "POST");
    assert_eq!(request.attributes["http.response.status_code"], "201");
    assert_eq!(format!("POST {}", request.attributes["http.route"]), SAY);
    let mut parent = None;
    for (service, method) in [("user-svc", RESERVE), ("counseling-svc", CREATE)] {
        let call = one(&spans, SpanKind::Client, "gateway", method);
        let answer = one(&spans, SpanKind::Server, service, method);
        assert_eq!((&call.parent, &answer.parent), (&request.id, &call.id));
        for span in [call, answer] {
            assert_eq!(span.attributes["rpc.system.name"], "grpc");
            assert_eq!(span.attributes["rpc.method"], method);
            assert_eq!(span.attributes["rpc.response.status_code"], "OK");
        }
        assert_eq!(call.attributes["server.address"], "127.0.0.1");
        parent = Some(answer);
    }
    let published = one(&spans, SpanKind::Producer, "counseling-svc", &format!("send {CREATED}"));
    assert_eq!(published.parent, parent.unwrap().id);
    let consumers: Vec<_> = spans.iter().filter(|span| consumed(span)).collect();
    let mut groups: Vec<_> =
        consumers.iter().map(|span| span.attributes["messaging.consumer.group.name"].as_str()).collect();
    groups.sort_unstable();
    assert_eq!(groups, ["counseling-svc-understanding", "user-svc-reservations", "user-svc-tracking"]);
    for span in consumers {
        assert_eq!(span.parent, published.id);
        assert_eq!(span.attributes["messaging.nats.delivery_count"], "1");
        let id = "messaging.message.id";
        assert_eq!(span.attributes[id], published.attributes[id]);
    }
    for span in spans.iter().filter(|span| span.attributes.contains_key("messaging.system")) {
        assert!(!span.attributes["messaging.destination.name"].contains('-'), "an id: {span:?}");
    }
    assert!(spans.iter().all(|span| !span.is_error), "{spans:#?}");

    check_what_is_told(&collector, &guest);
    check_lines(&mesh, trace_id);
    mesh.end();
}

/// No span holds what somebody said, a secret, or who they are.
fn check_what_is_told(collector: &Collector, guest: &Guest) {
    let counsel = guest.messages.split('/').nth(5).unwrap();
    for span in collector.spans() {
        let told = format!("{span:?}");
        for secret in [SAID, "eyJ", "guest@", guest.id.as_str(), counsel, "x-request-id", "cookie"] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
        assert_eq!(span.events, 0, "log lines stay where they are: {told}");
        assert!(span.attributes.keys().all(|name| name.contains('.')), "{told}");
        assert_eq!(span.resource["service.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(span.resource["service.instance.id"].len(), 36);
    }
}

/// Log lines tell which trace they belong to.
fn check_lines(mesh: &Mesh, trace_id: &str) {
    for (process, message) in
        [("gateway", "answered"), ("user-svc", "event applied"), ("counseling-svc", "event applied")]
    {
        let lines = mesh.lines(process);
        let is_such =
            |line: &&serde_json::Value| line["message"] == message && line["span"]["trace_id"] == trace_id;
        assert!(lines.iter().any(|line| is_such(&line)), "{process}: {lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_lines_tell_the_trace_all_the_same() {
    let mesh = Mesh::start(&[]).await;
    let guest = mesh.guest().await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4737";
    say(&mesh, &guest, trace_id, "01").await;
    eventually("the consumers have seen it", async || {
        ["user-svc", "counseling-svc"].iter().all(|process| {
            let mut lines = mesh.lines(process).into_iter();
            lines.any(|line| line["message"] == "event applied" && line["span"]["trace_id"] == trace_id)
        })
    })
    .await;
    check_lines(&mesh, trace_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_begins_here_or_is_what_its_beginning_says() {
    let collector = Collector::start().await;
    // What is logged does not matter.
    let mesh = Mesh::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()), ("RUST_LOG", "error")]).await;
    let guest = mesh.guest().await;
    let (unwanted, wanted) = ("4bf92f3577b34da6a3ce929d0e0e4738", "4bf92f3577b34da6a3ce929d0e0e4739");
    say(&mesh, &guest, unwanted, "00").await;
    say(&mesh, &guest, wanted, "01").await;
    // At its end a process sends what it has not sent yet.
    mesh.end();
    assert_eq!(collector.trace(unwanted).len(), 0);
    let spans = collector.trace(wanted);
    one(&spans, SpanKind::Server, "gateway", SAY);
    one(&spans, SpanKind::Producer, "counseling-svc", &format!("send {CREATED}"));

    let spans = collector.spans();
    // A service that was not told that the trace is left out would begin one of its own.
    let begins = |span: &&TracedSpan| span.kind == SpanKind::Server && span.parent.is_empty();
    assert!(spans.iter().filter(begins).all(|span| span.service == "gateway"), "{spans:#?}");
    let opened = "POST /v1/counselors/{counselor-id}/counsels";
    let roots: Vec<_> = spans.iter().filter(|span| span.name == opened && span.parent.is_empty()).collect();
    assert!(!roots.is_empty(), "{spans:#?}");
    for root in roots {
        let trace = collector.trace(&root.trace_id);
        assert!(trace.iter().any(|span| span.service == "counseling-svc"), "{trace:#?}");
        assert!(trace.iter().all(|span| span.id == root.id || !span.parent.is_empty()), "{trace:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_marked_where_it_failed() {
    let collector = Collector::start().await;
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()), ("REQUEST_TIMEOUT", "5".to_owned())];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mesh = Mesh::start(&environment).await;
    let mut guest = mesh.guest().await;
    let (missing, broken, unavailable) = (
        "4bf92f3577b34da6a3ce929d0e0e473c",
        "4bf92f3577b34da6a3ce929d0e0e473d",
        "4bf92f3577b34da6a3ce929d0e0e473e",
    );
    let traceparent = |trace_id: &str| format!("00-{trace_id}-{CLIENT}-01");
    let say = async |guest: &Guest, trace_id: &str| {
        let request = mesh.post(&guest.messages, &guest.token, &json!({ "message": SAID }));
        request.header("traceparent", traceparent(trace_id)).send().await.unwrap().status().as_u16()
    };

    // What a client does wrong is no failure of the service, though one of the call.
    let counsel = guest.messages.split('/').nth(5).unwrap();
    guest.messages = guest.messages.replace(counsel, &guest.id);
    assert_eq!(say(&guest, missing).await, 404);
    // What no consumer can ever read.
    mesh.publish(&format!("{CREATED}.{}", guest.id), &traceparent(broken)).await;
    eventually("all consumers have failed", async || collector.trace(broken).len() == 3).await;
    for span in collector.trace(broken) {
        assert!(span.is_error && span.attributes["error.type"] == "permanent", "{span:?}");
        assert_eq!(span.parent, CLIENT);
    }
    mesh.freeze_counseling_svc();
    assert_eq!(say(&guest, unavailable).await, 504);
    for trace_id in [missing, unavailable] {
        eventually("the gateway has told", async || {
            collector.trace(trace_id).iter().any(|span| span.name == SAY)
        })
        .await;
    }
    mesh.end();

    let spans = collector.trace(missing);
    assert!(!one(&spans, SpanKind::Server, "gateway", SAY).is_error);
    let (call, answer) = (
        one(&spans, SpanKind::Client, "gateway", CREATE),
        one(&spans, SpanKind::Server, "counseling-svc", CREATE),
    );
    assert!(call.is_error && !answer.is_error);
    for span in [call, answer] {
        assert_eq!(span.attributes["rpc.response.status_code"], "NOT_FOUND");
    }
    let spans = collector.trace(unavailable);
    let request = one(&spans, SpanKind::Server, "gateway", SAY);
    assert!(request.is_error);
    assert_eq!(request.attributes["error.type"], "504");
    let call = one(&spans, SpanKind::Client, "gateway", CREATE);
    assert!(call.is_error);
    assert_eq!(call.attributes["rpc.response.status_code"], "DEADLINE_EXCEEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_harms_nothing() {
    let address = format!("127.0.0.1:{}", free_port());
    let mesh = Mesh::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}"))]).await;
    let guest = mesh.guest().await;
    let (first, second) = ("4bf92f3577b34da6a3ce929d0e0e473a", "4bf92f3577b34da6a3ce929d0e0e473b");
    say(&mesh, &guest, first, "01").await;
    let lines = |said: &str| {
        let lines = mesh.lines("gateway").into_iter();
        lines.filter(|line| line["message"].as_str().is_some_and(|message| message.contains(said))).count()
    };
    eventually("the outage is told", async || lines("the collector takes no spans") == 1).await;
    // Another batch, which is lost as well.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        mesh.guest().await;
    }

    let collector = Collector::start_at(address.parse().unwrap()).await;
    eventually("the outage is over", async || {
        mesh.guest().await;
        lines("the collector takes spans again") == 1
    })
    .await;
    say(&mesh, &guest, second, "01").await;
    eventually("spans arrive", async || collector.trace(second).iter().any(|span| span.name == SAY)).await;
    assert_eq!(lines("the collector takes no spans"), 1, "once for an outage");

    drop(collector);
    say(&mesh, &guest, first, "01").await;
    let began = Instant::now();
    mesh.end();
    // Three processes one after the other, each with a limit of eight seconds for all that it does at its end.
    assert!(began.elapsed() < Duration::from_secs(24), "{:?}", began.elapsed());
}
