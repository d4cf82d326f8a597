//! What is counted of calls.

use super::*;
use crate::metrics::rendered;

/// A service of this name has no other channel in the tests, so that its numbers are exact.
async fn are_served(service: &str, expected: &[(&str, u32)]) {
    let lines: Vec<_> = expected
        .iter()
        .map(|(series, value)| {
            format!("{} {value}\n", series.replace("SERVICE", &format!("service=\"{service}\"")))
        })
        .collect();
    let page = rendered();
    eventually(&format!("{lines:?} in {page}"), async || {
        let page = rendered();
        lines.iter().all(|line| page.contains(line.as_str()))
    })
    .await;
}

fn measured(service: &str, upstream: &Upstream, settings: ChannelSettings) -> MeshChannel {
    // Numbers are kept from here on.
    rendered();
    let addresses = HashMap::from([(service.to_owned(), vec![upstream.address()])]);
    MeshChannel::new(service, Directory::fixed(addresses), settings)
}

#[tokio::test]
async fn a_call_counts_once_however_often_it_is_sent() {
    let upstream = Upstream::start(async |_| unavailable());
    let settings = ChannelSettings {
        eject_after: 3,
        ejection: Duration::from_secs(3600),
        longest_ejection: Duration::from_secs(3600),
        ..ChannelSettings::default()
    };
    let channel = measured("retried-svc", &upstream, settings);
    find(&channel).await.unwrap_err();
    let expected = [
        (r#"upstream_calls_total{SERVICE,code="Unavailable"}"#, 1),
        ("upstream_call_seconds_count{SERVICE}", 1),
        ("upstream_retries_total{SERVICE}", 2),
        ("upstream_retries_refused_total{SERVICE}", 0),
        ("upstream_ejections_total{SERVICE}", 1),
        ("upstream_instances{SERVICE}", 1),
        ("upstream_instances_ejected{SERVICE}", 1),
    ];
    are_served("retried-svc", &expected).await;
    drop(channel);
    are_served("retried-svc", &[("upstream_instances_ejected{SERVICE}", 0)]).await;
}

#[tokio::test]
async fn what_the_budget_and_the_limit_refuse_is_counted() {
    let upstream = Upstream::start(async |_| unavailable());
    let settings =
        ChannelSettings { retry_percent: 0, min_retries_per_second: 0, ..ChannelSettings::default() };
    let channel = measured("spent-svc", &upstream, settings);
    find(&channel).await.unwrap_err();
    let expected = [("upstream_retries_total{SERVICE}", 0), ("upstream_retries_refused_total{SERVICE}", 1)];
    are_served("spent-svc", &expected).await;

    let upstream = Upstream::start(async |_| answer());
    let settings = ChannelSettings { concurrency: 0, ..ChannelSettings::default() };
    let channel = measured("full-svc", &upstream, settings);
    find(&channel).await.unwrap_err();
    are_served("full-svc", &[("upstream_shed_total{SERVICE}", 1)]).await;
}

#[tokio::test]
async fn a_call_that_is_answered_late_or_never_waited_for_has_its_code() {
    let upstream = Upstream::start(async |_| upstream::unfinished_answer());
    let settings = ChannelSettings { deadline: Duration::from_millis(100), ..ChannelSettings::default() };
    let channel = measured("late-svc", &upstream, settings);
    find(&channel).await.unwrap_err();
    are_served("late-svc", &[(r#"upstream_calls_total{SERVICE,code="DeadlineExceeded"}"#, 1)]).await;

    let channel = measured("abandoned-svc", &upstream, ChannelSettings::default());
    let calls = upstream.calls();
    let under_way = tokio::spawn(async move { find(&channel).await });
    eventually("the call has arrived", async || upstream.calls() > calls).await;
    under_way.abort();
    are_served("abandoned-svc", &[(r#"upstream_calls_total{SERVICE,code="Canceled"}"#, 1)]).await;
}
