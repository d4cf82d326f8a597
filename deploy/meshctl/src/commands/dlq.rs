//! `meshctl dlq`.

use std::process::ExitCode;

use serde::Serialize;
use shared::operations::{BuriedEvent, Done, Operations};

use super::counted;
use super::event::{split, whole};
use crate::CtlError;
use crate::arguments::{Chosen, Letters, WhichLetters};
use crate::output::Output;
use crate::table::{BAD, Column, DIM, DOUBTFUL, GOOD, Table, styled};
use crate::times;

/// How many letters are dealt with at once, at most.
const MOST: usize = 100_000;

pub(super) async fn run(mesh: &Operations, out: Output, command: Letters) -> Result<ExitCode, CtlError> {
    match command {
        Letters::List { which, limit } => {
            let letters = find(mesh, &which, limit).await?;
            out.show(&letters, |width| list(&letters).draw(width, "there are no such dead letters"))?;
        }
        Letters::Show { sequence } => {
            let letter = mesh.dead_letter(sequence).await?;
            out.show(&letter, |_| show(&letter))?;
        }
        Letters::Replay { chosen } => {
            return act(mesh, out, &chosen, "replay", async |sequence| {
                mesh.replay_dead_letter(sequence).await
            })
            .await;
        }
        Letters::Discard { chosen, reason } => {
            let discard = async |sequence| mesh.discard_dead_letter(sequence, &reason).await;
            return act(mesh, out, &chosen, "discard", discard).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(mesh: &Operations, which: &WhichLetters, limit: usize) -> Result<Vec<BuriedEvent>, CtlError> {
    Ok(mesh.dead_letters(which.consumer.as_deref(), &which.filter(), limit).await?)
}

fn list(letters: &[BuriedEvent]) -> Table {
    let mut table = Table::new([
        ("SEQ", Column::Number),
        ("AGE", Column::Number),
        ("CONSUMER", Column::Text),
        ("FACT", Column::Text),
        ("ABOUT", Column::Long),
    ]);
    for letter in letters {
        let (fact, about) = split(&letter.published_on);
        table.row([
            letter.sequence.into(),
            styled(DIM, times::age(letter.event.stored_at)),
            (&letter.consumer).into(),
            fact.into(),
            about.into(),
        ]);
        table.note(BAD, format!("     {}", letter.reason));
    }
    table
}

fn show(letter: &BuriedEvent) -> String {
    let of_burial = [
        ("consumer", letter.consumer.clone()),
        ("reason", letter.reason.clone()),
        ("published on", letter.published_on.clone()),
        ("origin", letter.origin.clone()),
        ("deliveries", letter.deliveries.to_string()),
    ];
    whole(&letter.event, &of_burial)
}

/// What was, or would be, done.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    letters: Vec<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    sequence: u64,
    /// Nothing when nothing was done.
    result: Option<Done>,
}

/// Does something to the letters that were chosen. It has failed when one has failed, or one that was named is not there.
async fn act(
    mesh: &Operations,
    out: Output,
    chosen: &Chosen,
    verb: &str,
    deal: impl AsyncFn(u64) -> Done,
) -> Result<ExitCode, CtlError> {
    let named = !chosen.sequences.is_empty();
    let letters = if named { Vec::new() } else { find(mesh, &chosen.which, MOST).await? };
    let dry_run = !named && !chosen.yes;
    let sequences = letters.iter().map(|letter| letter.sequence).chain(chosen.sequences.iter().copied());
    let mut answer = Answer { dry_run, letters: Vec::new() };
    for sequence in sequences {
        let result = if dry_run { None } else { Some(deal(sequence).await) };
        answer.letters.push(Outcome { sequence, result });
    }
    out.show(&answer, |width| {
        if dry_run {
            let nothing = "there are no such dead letters";
            let hint = format!(
                "would {verb} {}: add --yes to do it\n",
                counted(letters.len() as u64, "dead letter")
            );
            let listed = list(&letters).draw(width, nothing);
            return if letters.is_empty() { listed } else { listed + &hint };
        }
        outcomes(&answer.letters, verb).draw(width, "there are no such dead letters")
    })?;
    let bad = |outcome: &Outcome| match outcome.result {
        Some(Done::Failed(_)) => true,
        Some(Done::Missing) => named,
        Some(Done::Done) | None => false,
    };
    Ok(if answer.letters.iter().any(bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn outcomes(outcomes: &[Outcome], verb: &str) -> Table {
    let mut table = Table::new([("SEQ", Column::Number), ("RESULT", Column::Text)]);
    for outcome in outcomes {
        let result = match &outcome.result {
            Some(Done::Done) => styled(GOOD, format!("{}ed", verb.trim_end_matches('e'))),
            Some(Done::Missing) => styled(DOUBTFUL, "missing: it is not there, or somebody else was faster"),
            Some(Done::Failed(cause)) => styled(BAD, format!("failed: {cause}")),
            None => continue,
        };
        table.row([outcome.sequence.into(), result]);
    }
    table
}
