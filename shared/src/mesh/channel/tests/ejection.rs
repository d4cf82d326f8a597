//! Instances that fail in a row.

use super::*;

/// An instance that is unavailable while `broken` says so.
fn fragile(broken: &Arc<AtomicBool>) -> Upstream {
    let broken = broken.clone();
    Upstream::start(move |_| {
        let broken = broken.load(Ordering::SeqCst);
        async move { if broken { unavailable() } else { answer() } }
    })
}

fn is_ejected(channel: &MeshChannel, upstream: &Upstream) -> bool {
    let instances = channel.instances();
    instances.iter().any(|instance| instance.address == upstream.address() && instance.ejected)
}

#[tokio::test]
async fn an_instance_that_fails_in_a_row_is_ejected_and_comes_back() {
    let broken = Arc::new(AtomicBool::new(true));
    let (fails, works) = (fragile(&broken), Upstream::start(async |_| answer()));
    let ejection = Duration::from_millis(300);
    let settings = ChannelSettings { eject_after: 3, ejection, ..ChannelSettings::default() };
    let channel = channel_to(&[fails.address(), works.address()], settings);
    let began = Instant::now();
    eventually("it is ejected", async || {
        find(&channel).await.unwrap();
        is_ejected(&channel, &fails)
    })
    .await;
    assert_eq!(fails.calls(), 3);

    // While it is ejected it gets nothing, and the first probe fails.
    eventually("a probe is sent", async || {
        let calls = fails.calls();
        find(&channel).await.unwrap();
        assert!(calls == 3 || began.elapsed() >= ejection);
        calls == 4
    })
    .await;
    assert!(is_ejected(&channel, &fails));

    broken.store(false, Ordering::SeqCst);
    eventually("a probe succeeds", async || {
        find(&channel).await.unwrap();
        !is_ejected(&channel, &fails)
    })
    .await;
    let calls = fails.calls();
    eventually("it gets calls again", async || {
        find(&channel).await.unwrap();
        fails.calls() > calls + 10
    })
    .await;
}

#[tokio::test]
async fn many_failures_at_once_eject_no_longer_than_a_few() {
    let broken = Arc::new(AtomicBool::new(true));
    let (fails, works) = (fragile(&broken), Upstream::start(async |_| answer()));
    // Doubled for each of the calls it would be hours.
    let settings = ChannelSettings {
        ejection: Duration::from_millis(100),
        longest_ejection: Duration::from_secs(3600),
        ..ChannelSettings::default()
    };
    let channel = channel_to(&[fails.address(), works.address()], settings);
    futures::future::join_all((0..60).map(|_| find(&channel))).await;
    assert!(is_ejected(&channel, &fails));
    broken.store(false, Ordering::SeqCst);
    eventually("it is back", async || {
        find(&channel).await.unwrap();
        !is_ejected(&channel, &fails)
    })
    .await;
}

#[tokio::test]
async fn when_all_are_ejected_they_are_used_anyway() {
    let broken = Arc::new(AtomicBool::new(true));
    let upstream = fragile(&broken);
    let settings = ChannelSettings { ejection: Duration::from_secs(3600), ..ChannelSettings::default() };
    let channel = channel_to(&[upstream.address()], settings);
    eventually("it is ejected", async || {
        find(&channel).await.unwrap_err();
        is_ejected(&channel, &upstream)
    })
    .await;
    broken.store(false, Ordering::SeqCst);
    find(&channel).await.unwrap();
    assert!(!is_ejected(&channel, &upstream), "an answer is proof enough");
}

#[tokio::test]
async fn an_instance_that_never_answers_in_time_is_ejected() {
    let hangs = Upstream::start(|_| std::future::pending());
    let settings = ChannelSettings {
        deadline: Duration::from_millis(20),
        eject_after: 2,
        ejection: Duration::from_secs(3600),
        ..ChannelSettings::default()
    };
    let channel = channel_to(&[hangs.address()], settings);
    for _ in 0..2 {
        assert!(!is_ejected(&channel, &hangs));
        assert_eq!(find(&channel).await.unwrap_err().code(), Code::DeadlineExceeded);
    }
    assert!(is_ejected(&channel, &hangs));
}

#[tokio::test]
async fn a_caller_that_goes_away_ejects_nobody() {
    let hangs = Upstream::start(|_| std::future::pending());
    let settings = ChannelSettings { eject_after: 1, ..ChannelSettings::default() };
    let channel = channel_to(&[hangs.address()], settings);
    let call = tokio::spawn({
        let channel = channel.clone();
        async move { find(&channel).await }
    });
    eventually("the call has arrived", async || hangs.calls() == 1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert!(!is_ejected(&channel, &hangs));
}
