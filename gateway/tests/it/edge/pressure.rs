//! More to do than the gateway can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use shared::testkit::eventually;

use super::world;
use crate::world::Call;

/// Keeps every thread of the runtime busy, so that whatever else could run has to wait.
fn keep_busy(is_over: &Arc<AtomicBool>) {
    for _ in 0..64 {
        let is_over = is_over.clone();
        tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(5) {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_when_there_is_too_much_to_do_is_told_when_to_come_again() {
    let world = world(|edge| edge.queue_limit = Duration::from_millis(20)).await;
    let call = || {
        Call::get("/v1/nothing").header("origin", "https://app.example").header("x-request-id", "client-7")
    };
    let is_over = Arc::new(AtomicBool::new(false));
    keep_busy(&is_over);
    eventually("a request is refused", async || {
        // One alone never is: it may be what shows that there is less to do.
        let replies = join_all((0..40).map(|_| world.send(call()))).await;
        let refused = replies.into_iter().find(|reply| reply.status == 503);
        if let Some(reply) = &refused {
            assert_eq!(reply.code(), "E50301", "{}", reply.body);
            assert_eq!(reply.body["message"], "there is too much to do at the moment");
            assert_eq!(reply.headers["retry-after"], "2");
            // Pages of other origins may read that, nobody on the way keeps it, and people can name it.
            assert_eq!(reply.headers["access-control-allow-origin"], "https://app.example");
            assert_eq!(reply.headers["cache-control"], "no-store");
            assert_eq!(reply.headers["x-request-id"], "client-7");
        }
        refused.is_some()
    })
    .await;
    for _ in 0..10 {
        assert_eq!(world.status(Call::get("/livez")).await, 200, "probes always answer");
    }

    is_over.store(true, Ordering::Relaxed);
    eventually("all requests are answered again", async || {
        let mut answered = 0;
        while answered < 50 && world.send(call()).await.status == 404 {
            answered += 1;
        }
        answered == 50
    })
    .await;
}
