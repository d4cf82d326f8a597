//! Messages said and answered, by many at once: each counsel says the next thing when it has its answer.

use std::time::Duration;

use crate::BoxError;
use crate::conversation::Counsel;
use crate::arguments::Arguments;
use crate::load::{Sample, run};
use crate::mesh::{Mesh, Store};
use crate::transactions::BAR;

const COUNSELS: usize = 32;

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), BoxError> {
    let (rounds, seconds) = (arguments.rounds, arguments.seconds);
    println!("{COUNSELS} counsels at once, median of {rounds} runs of {seconds} s, offline counselor");
    for store in Store::ALL {
        Box::pin(measure_on(store, rounds, seconds)).await?;
    }
    Ok(())
}

async fn measure_on(store: Store, rounds: usize, seconds: usize) -> Result<(), BoxError> {
    let duration = Duration::from_secs(seconds as u64);
    let mesh = Mesh::start(store, &["user-svc", "counseling-svc"]).await?;
    let mut counsels = Vec::new();
    for _ in 0..COUNSELS {
        counsels.push(Counsel::open(&mesh, mesh.talker().await?).await?);
    }
    // The first round warms up and does not count.
    Box::pin(round(&mesh, &counsels, duration)).await?;
    let open = [mesh.transactions("counseling-svc")?, mesh.transactions("user-svc")?];
    let mut samples = Vec::new();
    for _ in 0..rounds {
        samples.push(Box::pin(round(&mesh, &counsels, duration)).await?);
    }
    let sample = Sample::median(samples);
    println!("\n{:<48}{:>10}{:>10}{:>10}", store.name(), "turns/s", "p50 ms", "p99 ms");
    println!("{:<48}{:>10.1}{:>10.2}{:>10.2}", "", sample.rate, sample.p50, sample.p99);
    println!("{:<48}{:>10}{:>10}{:>10}{:>12}", "transactions", "number", "p50 ms", "p99 ms", "longest ms");
    for transactions in open {
        transactions.print()?;
    }
    println!("the bar for the longest is {BAR} ms");
    Ok(())
}

async fn round(mesh: &Mesh, counsels: &[Counsel], duration: Duration) -> Result<Sample, BoxError> {
    let mut conversations = Vec::new();
    for (index, counsel) in counsels.iter().enumerate() {
        // Not all say the same at the same time.
        conversations.push(counsel.connect(mesh, index).await?);
    }
    run(conversations, duration).await
}
