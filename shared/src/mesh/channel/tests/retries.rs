//! What is sent again, and what is not.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_instance_loses_no_idempotent_call() {
    let slow = |_| async {
        tokio::time::sleep(Duration::from_millis(2)).await;
        answer()
    };
    let (mut dies, survives) = (Upstream::start(slow), Upstream::start(slow));
    let channel = channel_to(&[dies.address(), survives.address()], ChannelSettings::default());
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    find(&channel).await?;
                }
                Ok::<_, Status>(())
            })
        })
        .collect();
    eventually("both are called", async || dies.calls() > 100 && survives.calls() > 100).await;
    dies.kill();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert!(dies.calls() < 1000 && survives.calls() + dies.calls() >= 1000);
}

#[tokio::test]
async fn an_idempotent_call_is_sent_three_times_at_most() {
    let upstream = Upstream::start(async |_| unavailable());
    let channel = channel_to(&[upstream.address()], ChannelSettings::default());
    let status = find(&channel).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "not now"));
    assert_eq!(upstream.calls(), 3);
}

#[tokio::test]
async fn what_a_third_party_failed_at_is_not_asked_of_it_again() {
    let upstream =
        Upstream::start(async |_| refuse(crate::Error::ThirdParty("the model is tired".into()).into()));
    let channel = channel_to(&[upstream.address()], ChannelSettings::default());
    let status = find(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(!status.message().contains("tired"), "the cause stays inside");
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let upstream = Upstream::start(async |_| refuse(Status::not_found("user not found")));
    let channel = channel_to(&[upstream.address()], ChannelSettings::default());
    let status = find(&channel).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "user not found"));
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn a_call_that_may_have_side_effects_is_not_sent_twice() {
    let upstream = Upstream::start(async |_| unavailable());
    let channel = channel_to(&[upstream.address()], ChannelSettings::default());
    assert_eq!(rotate(&channel).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn a_call_with_side_effects_whose_connection_broke_is_not_sent_twice() {
    let mut dies = Upstream::start(|_| std::future::pending());
    let address = dies.address();
    let channel = channel_to(std::slice::from_ref(&address), ChannelSettings::default());
    let call = tokio::spawn({
        let channel = channel.clone();
        async move { rotate(&channel).await }
    });
    eventually("the call has arrived", async || dies.calls() == 1).await;
    dies.kill();
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the connection to user-svc broke during the call");
}

#[tokio::test]
async fn a_call_that_was_never_sent_is_repeated_whatever_it_does() {
    let upstream = Upstream::start(async |_| answer());
    let settings = ChannelSettings { eject_after: 0, max_attempts: 2, ..ChannelSettings::default() };
    let channel = channel_to(&[closed_address(), upstream.address()], settings);
    for _ in 0..20 {
        rotate(&channel).await.unwrap();
    }
    assert_eq!(upstream.calls(), 20);
}

#[tokio::test]
async fn a_broken_connection_is_made_again() {
    let mut upstream = Upstream::start(async |_| answer());
    let address = upstream.address();
    let channel = channel_to(std::slice::from_ref(&address), ChannelSettings::default());
    find(&channel).await.unwrap();
    upstream.kill();
    eventually("it is gone", async || find(&channel).await.is_err()).await;
    let _upstream = Upstream::start_at(&address, async |_| answer());
    eventually("it is called again", async || rotate(&channel).await.is_ok()).await;
}

#[tokio::test]
async fn an_instance_that_starts_late_is_found() {
    let address = closed_address();
    let channel = channel_to(std::slice::from_ref(&address), ChannelSettings::default());
    let status = find(&channel).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "user-svc cannot be connected to"));
    let _upstream = Upstream::start_at(&address, async |_| answer());
    find(&channel).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let mut dies = Upstream::start(async |_| upstream::unfinished_answer());
    let survives = Upstream::start(async |_| answer());
    // Until the first is in flight there the choice is free; then the other one is less busy.
    let channel = channel_to(&[dies.address(), survives.address()], ChannelSettings::default());
    let mut calls = Vec::new();
    while dies.calls() == 0 {
        let channel = channel.clone();
        calls.push(tokio::spawn(async move { find(&channel).await }));
        tokio::task::yield_now().await;
    }
    dies.kill();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_budget_stops_a_retry_storm() {
    let upstream = Upstream::start(async |_| unavailable());
    let settings = ChannelSettings {
        retry_percent: 10,
        min_retries_per_second: 0,
        backoff: Duration::ZERO,
        ..ChannelSettings::default()
    };
    let channel = channel_to(&[upstream.address()], settings);
    for _ in 0..200 {
        assert_eq!(find(&channel).await.unwrap_err().code(), Code::Unavailable);
    }
    let retries = upstream.calls() - 200;
    assert!((10..=20).contains(&retries), "{retries} retries of 200 calls");
}
