//! Waiting for a broker that is just starting, or whose leaders are being elected.

use std::time::Duration;

use tokio::time::Instant;

use crate::Error;
use crate::error::Chain;

/// How long something that a process cannot start without may be away. One that is refused for good ends then.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// Asks until there is an answer: what runs already in a process that starts would only begin again with it. `what` goes to
/// the log, once.
///
/// # Errors
/// What was said at last, when it was [`Error::Unavailable`] for a minute, and every other error at once.
pub async fn until_available<T, F>(what: &str, mut ask: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let began = Instant::now();
    let mut told = false;
    loop {
        match Box::pin(ask()).await {
            Err(error @ Error::Unavailable(_)) if began.elapsed() < LIMIT => {
                if !told {
                    tracing::warn!(error = %Chain(&error), what, "not available yet; trying until it is");
                    told = true;
                }
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_away_is_waited_for_and_what_is_wrong_is_not() {
        let asked = Cell::new(0);
        let late = until_available("a bucket", async || {
            asked.set(asked.get() + 1);
            if asked.get() < 5 { Err(Error::Unavailable("not yet".into())) } else { Ok(asked.get()) }
        });
        assert_eq!(late.await.ok(), Some(5));
        let wrong = until_available("a bucket", async || Err::<(), _>(Error::NotFound("bucket")));
        assert!(matches!(wrong.await, Err(Error::NotFound("bucket"))));
        let began = Instant::now();
        let never = until_available("a bucket", async || Err::<(), _>(Error::Unavailable("never".into())));
        assert!(matches!(never.await, Err(Error::Unavailable(_))));
        assert!(began.elapsed() >= LIMIT);
    }
}
