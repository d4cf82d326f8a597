//! A turn and a page of messages in a long counsel beside a short one: neither should take longer for what was said
//! before.
//!
//! Both counsels are filled through the API, so that they have what long counsels have: summaries, a technique that
//! has changed, an understanding. Long and short are measured in turn.

use std::time::Instant;

use crate::BoxError;
use crate::conversation::{Conversation, Counsel};
use crate::arguments::Arguments;
use crate::load::{milliseconds, quantile};
use crate::mesh::{Mesh, Store};

/// Messages of a short counsel when its measuring begins.
const SHORT: usize = 20;
/// Turns of each counsel in a round.
const TURNS: usize = 10;
/// Pages of each counsel in a round.
const PAGES: usize = 40;
/// The most that the long counsel may take longer, as a ratio.
const BAR: f64 = 1.5;

/// Milliseconds of each call.
#[derive(Default)]
struct Times {
    turns: Vec<f64>,
    pages: Vec<f64>,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), BoxError> {
    let (rounds, messages) = (arguments.rounds, arguments.messages);
    println!(
        "a counsel of {messages} messages beside one of {SHORT}, both filled through the API; medians of {rounds} \
         rounds of {TURNS} turns and {PAGES} pages of 50 in turn"
    );
    for store in Store::ALL {
        Box::pin(measure_on(store, rounds, messages)).await?;
    }
    Ok(())
}

async fn measure_on(store: Store, rounds: usize, messages: usize) -> Result<(), BoxError> {
    let mesh = Mesh::start(store, &["user-svc", "counseling-svc"]).await?;
    let user = mesh.talker().await?;
    let mut long = filled(&mesh, Counsel::open(&mesh, user.clone()).await?, messages).await?;
    let (mut of_long, mut of_short) = (Times::default(), Times::default());
    // The first round warms up and does not count.
    for round in 0..=rounds {
        // A new one for each round, since it grows while it is measured.
        let mut short = filled(&mesh, Counsel::open(&mesh, user.clone()).await?, SHORT).await?;
        if round == 1 {
            (of_long, of_short) = (Times::default(), Times::default());
        }
        for _ in 0..TURNS {
            of_long.turns.push(timed(async || long.turn().await).await?);
            of_short.turns.push(timed(async || short.turn().await).await?);
        }
        for _ in 0..PAGES {
            of_long.pages.push(timed(async || long.page().await).await?);
            of_short.pages.push(timed(async || short.page().await).await?);
        }
    }
    println!("\n{:<28}{:>12}{:>12}{:>12}", store.name(), "long ms", "short ms", "ratio");
    for (name, long, short) in [
        ("a turn", &of_long.turns, &of_short.turns),
        ("GET …/messages?limit=50", &of_long.pages, &of_short.pages),
    ] {
        let (long, short) = (quantile(long, 0.5), quantile(short, 0.5));
        let ratio = long / short;
        let verdict = if ratio < BAR { "below the bar" } else { "ABOVE the bar" };
        println!("{name:<28}{long:>12.2}{short:>12.2}{ratio:>12.2}   {verdict}");
    }
    println!("the bar for the ratio is {BAR}");
    Ok(())
}

/// Talks until there are about so many messages: each turn adds two, and the greeting is one.
async fn filled(mesh: &Mesh, counsel: Counsel, messages: usize) -> Result<Conversation, BoxError> {
    let mut conversation = counsel.connect(mesh, 0).await?;
    for _ in 0..messages / 2 {
        conversation.turn().await?;
    }
    Ok(conversation)
}

async fn timed(call: impl AsyncFnOnce() -> Result<(), BoxError>) -> Result<f64, BoxError> {
    let began = Instant::now();
    call().await?;
    Ok(milliseconds(began))
}
