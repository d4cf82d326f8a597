//! Who gets a call.

use super::*;

#[tokio::test]
async fn the_busier_instance_gets_fewer_calls() {
    let busy = Upstream::start(|_| std::future::pending());
    let idle = Upstream::start(async |_| answer());
    let channel = channel_to(&[busy.address(), idle.address()], ChannelSettings::default());
    // Both are idle at first: sooner or later the choice falls on the one that will not answer.
    let mut calls = Vec::new();
    while busy.calls() == 0 {
        let channel = channel.clone();
        calls.push(tokio::spawn(async move { find(&channel).await }));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // What was under way to the other one is finished.
    eventually("the other one is idle", async || {
        let instances = channel.instances();
        instances.iter().all(|instance| instance.address != idle.address() || instance.in_flight == 0)
    })
    .await;
    let stuck = busy.calls();
    for _ in 0..100 {
        find(&channel).await.unwrap();
    }
    assert_eq!(busy.calls(), stuck, "it has a call in flight, the other one has none");
    calls.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn idle_instances_share_the_calls() {
    let upstreams = [(); 3].map(|()| Upstream::start(async |_| answer()));
    let addresses: Vec<_> = upstreams.iter().map(Upstream::address).collect();
    let channel = channel_to(&addresses, ChannelSettings::default());
    for _ in 0..300 {
        find(&channel).await.unwrap();
    }
    let calls: Vec<_> = upstreams.iter().map(Upstream::calls).collect();
    assert!(calls.iter().all(|calls| (50..=150).contains(calls)), "{calls:?}");
}

#[tokio::test]
async fn a_call_is_in_flight_until_its_response_was_read() {
    let upstream = Upstream::start(async |_| upstream::unfinished_answer());
    let channel = channel_to(&[upstream.address()], ChannelSettings::default());
    let request = http::Request::post("/hearlers.v1.SessionService/Stream").body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(channel.clone(), request).await.unwrap();
    let expected =
        InstanceHealth { id: upstream.address(), address: upstream.address(), in_flight: 1, ejected: false };
    assert_eq!(channel.instances(), [expected]);
    drop(response);
    assert_eq!(channel.instances()[0].in_flight, 0);
}

#[tokio::test]
async fn without_an_instance_the_service_is_unavailable() {
    let status = find(&channel_to(&[], ChannelSettings::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "no instance of user-svc is known");
}

#[tokio::test]
async fn calls_that_wait_for_a_connection_fail_together() {
    // A listener whose queue is full answers no more than a host that is gone.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let _listener = socket.listen(0).unwrap();
    let connect = || tokio::time::timeout(Duration::from_millis(50), tokio::net::TcpStream::connect(address));
    let mut queue = Vec::new();
    while let Ok(connection) = connect().await {
        queue.push(connection.unwrap());
    }

    let timeout = Duration::from_millis(300);
    let settings =
        ChannelSettings { connect_timeout: timeout, max_attempts: 1, ..ChannelSettings::default() };
    let channel = channel_to(&[address.to_string()], settings);
    let began = Instant::now();
    let statuses = futures::future::join_all((0..10).map(|_| find(&channel))).await;
    assert!(began.elapsed() < timeout * 3, "one after the other would take ten times as long");
    for status in statuses {
        assert_eq!(status.unwrap_err().message(), "user-svc cannot be connected to");
    }
}
