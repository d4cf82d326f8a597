//! Deadlines and load shedding.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use super::*;

#[tokio::test]
async fn the_deadline_is_passed_on_and_enforced() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let upstream = Upstream::start({
        let seen = seen.clone();
        move |request: Request| {
            seen.lock().unwrap().push(request.headers()["grpc-timeout"].to_str().unwrap().to_owned());
            std::future::pending()
        }
    });
    let settings = ChannelSettings { deadline: Duration::from_millis(200), ..ChannelSettings::default() };
    let channel = channel_to(&[upstream.address()], settings);

    let began = Instant::now();
    let status = find(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.message(), "user-svc did not answer within 200ms");
    assert!(began.elapsed() >= Duration::from_millis(200));

    let mut request = tonic::Request::new(ListSessionsRequest::default());
    request.set_timeout(Duration::from_millis(50));
    let status = SessionServiceClient::new(channel).list_sessions(request).await.unwrap_err();
    assert_eq!(status.message(), "user-svc did not answer within 50ms");

    let seen = seen.lock().unwrap();
    let millis = |text: &String| text.strip_suffix('m').unwrap().parse::<u64>().unwrap();
    let seen: Vec<_> = seen.iter().map(millis).collect();
    assert_eq!(seen.len(), 2, "nothing is repeated when time is over");
    assert!((100..=201).contains(&seen[0]) && (1..=51).contains(&seen[1]), "{seen:?}");
}

#[tokio::test]
async fn the_deadline_holds_for_the_body_too() {
    let upstream = Upstream::start(async |_| upstream::unfinished_answer());
    let settings = ChannelSettings { deadline: Duration::from_millis(100), ..ChannelSettings::default() };
    let channel = channel_to(&[upstream.address()], settings);
    assert_eq!(find(&channel).await.unwrap_err().code(), Code::DeadlineExceeded);

    let request = http::Request::post("/hearlers.v1.SessionService/Stream").body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(channel, request).await.unwrap();
    let body = http_body_util::BodyExt::collect(response.into_body()).await;
    assert_eq!(body.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn no_retry_begins_after_the_deadline() {
    let upstream = Upstream::start(async |_| unavailable());
    let settings = ChannelSettings {
        deadline: Duration::from_millis(100),
        backoff: Duration::from_secs(3600),
        longest_backoff: Duration::from_secs(3600),
        ..ChannelSettings::default()
    };
    let channel = channel_to(&[upstream.address()], settings);
    let status = find(&channel).await.unwrap_err();
    assert_eq!(status.message(), "not now", "the real reason is better than a timeout");
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn load_is_shed_over_the_limit() {
    let gate = Arc::new(Semaphore::new(0));
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |_| {
            let gate = gate.clone();
            async move {
                gate.acquire().await.unwrap().forget();
                answer()
            }
        }
    });
    let settings = ChannelSettings { concurrency: 2, ..ChannelSettings::default() };
    let channel = channel_to(&[upstream.address()], settings);
    let calls = [(); 2].map(|()| {
        let channel = channel.clone();
        tokio::spawn(async move { find(&channel).await })
    });
    eventually("both calls are in flight", async || upstream.calls() == 2).await;

    let status = find(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "user-svc is overloaded: 2 calls are in flight");

    gate.add_permits(3);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    find(&channel).await.unwrap();
    assert_eq!(upstream.calls(), 3, "what was refused never left");
}

/// In the metadata of a call that waits for somebody else, and never gets an answer.
const WAITS: &str = "waits";

/// An instance that answers one call after the other, in a few milliseconds each.
fn one_by_one() -> Upstream {
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    Upstream::start(move |request: Request| {
        let (turn, waits) = (turn.clone(), request.headers().contains_key(WAITS));
        async move {
            if waits {
                std::future::pending::<()>().await;
            }
            let _turn = turn.lock().await;
            tokio::time::sleep(Duration::from_millis(3)).await;
            answer()
        }
    })
}

/// A call that asks for more time than others.
fn patient() -> tonic::Request<ListSessionsRequest> {
    let mut request = tonic::Request::new(ListSessionsRequest::default());
    request.set_timeout(Duration::from_secs(60));
    request
}

#[tokio::test]
async fn a_service_that_gets_slow_is_asked_less_and_then_more_again() {
    let upstream = one_by_one();
    let channel = channel_to(&[upstream.address()], ChannelSettings::default());
    for _ in 0..100 {
        find(&channel).await.unwrap();
    }
    // More than there will be room for.
    let waiting = [(); 20].map(|()| {
        let channel = channel.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut call = patient();
            call.metadata_mut().insert(WAITS, "for somebody else".parse().unwrap());
            SessionServiceClient::new(channel).list_sessions(call).await
        }))
    });
    let in_flight = || channel.instances()[0].in_flight;
    eventually("some wait for somebody else", async || in_flight() == waiting.len()).await;
    let crowd: Vec<_> = (0..100)
        .map(|_| {
            let channel = channel.clone();
            AbortOnDropHandle::new(tokio::spawn(async move {
                loop {
                    // Refused at once, and as often as it likes.
                    let _ = find(&channel).await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }))
        })
        .collect();
    let others = || in_flight() - waiting.len();
    eventually("few calls are let through, beside those that wait", async || (4..=16).contains(&others()))
        .await;
    let is_told_why = |told: Result<(), Status>| {
        told.err().is_some_and(|status| {
            status.code() == Code::Unavailable && status.message().starts_with("user-svc is overloaded: ")
        })
    };
    eventually("others are told why", async || is_told_why(find(&channel).await)).await;
    let say = async || SessionServiceClient::new(channel.clone()).list_sessions(patient()).await.map(drop);
    eventually("of those who are patient some are let through", async || {
        let said = futures::future::join_all((0..20).map(|_| say())).await;
        let (let_through, refused) = said.into_iter().partition::<Vec<_>, _>(Result::is_ok);
        !let_through.is_empty() && !refused.is_empty() && refused.into_iter().all(is_told_why)
    })
    .await;

    drop(crowd);
    eventually("the crowd is gone", async || others() == 0).await;
    say().await.unwrap();
    eventually("there is room for many again", async || {
        // One after the other takes as long as usual, and that makes room.
        for _ in 0..400 {
            find(&channel).await.unwrap();
        }
        futures::future::join_all((0..24).map(|_| find(&channel))).await.iter().all(Result::is_ok)
    })
    .await;
}

#[tokio::test]
async fn calls_that_are_sent_again_do_not_make_a_service_slow() {
    let (fails, calls) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    let upstream = Upstream::start({
        let fails = fails.clone();
        move |_| {
            let fails = fails.load(Ordering::Relaxed) && calls.fetch_add(1, Ordering::Relaxed) % 2 == 0;
            async move {
                if fails {
                    return unavailable();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                answer()
            }
        }
    });
    let settings = ChannelSettings {
        backoff: Duration::from_secs(1),
        longest_backoff: Duration::from_secs(1),
        min_retries_per_second: 1000,
        eject_after: 0,
        ..ChannelSettings::default()
    };
    let channel = channel_to(&[upstream.address()], settings);
    for _ in 0..20 {
        find(&channel).await.unwrap();
    }
    fails.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        for answer in futures::future::join_all((0..30).map(|_| find(&channel))).await {
            let refused = answer.err().filter(|status| status.message().contains("overloaded"));
            assert!(refused.is_none(), "{refused:?}");
        }
    }
    assert!(upstream.calls() > 20 + 3 * 30, "some were sent again");
}

#[tokio::test]
async fn an_abandoned_call_makes_room() {
    let upstream = Upstream::start(|_| std::future::pending());
    let settings = ChannelSettings { concurrency: 1, ..ChannelSettings::default() };
    let channel = channel_to(&[upstream.address()], settings);
    for call in 1..=3 {
        let under_way = tokio::spawn({
            let channel = channel.clone();
            async move { find(&channel).await }
        });
        eventually("the call has arrived", async || upstream.calls() == call).await;
        under_way.abort();
        assert!(under_way.await.unwrap_err().is_cancelled());
        assert_eq!(channel.instances()[0].in_flight, 0);
    }
}
