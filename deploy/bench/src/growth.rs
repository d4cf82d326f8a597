//! What calls cost when much is stored beside when little is: neither rows nor events that are there already should make
//! them dearer.

use crate::BoxError;
use crate::compare::{Contender, Plan, Row, compare};
use crate::conversation::Counsel;
use crate::facts::{Fact, Measured};
use crate::arguments::Arguments;
use crate::mesh::{Mesh, Store, User};
use crate::read::{self, rest};
use crate::sign_in::{SIGN_IN, guests};
use crate::stored::{broker_with, users_and_counsels};
use crate::workloads::{LIST, WRITE, WRITERS, conversations, counsels, filled, pages};

const LITTLE: usize = 1000;
/// How many times as much a call may cost.
const BAR: f64 = 1.3;

/// Measures both in turn.
///
/// # Errors
/// As [`compare`].
pub(crate) async fn measure(arguments: &Arguments) -> Result<Measured, BoxError> {
    let (plan, stored) = (Plan::of(arguments), arguments.stored);
    let little = Box::pin(Grown::start(LITTLE)).await?;
    let much = Box::pin(Grown::start(stored)).await?;
    let mut measured = Measured::default();
    for (workload, contender) in [
        (read::WORKLOAD, Grown::read as fn(&Grown) -> Contender<'_>),
        (LIST, |grown| pages(&grown.name, &grown.mesh, &grown.counsel)),
        (WRITE, |grown| conversations(&grown.name, &grown.mesh, &grown.counsels)),
        (SIGN_IN, |grown| guests(&grown.name, &grown.mesh)),
    ] {
        let workload = format!("{workload}, as data grows");
        let rows = compare(&workload, &[contender(&little), contender(&much)], plan).await?;
        measured.facts.push(cost(&workload, &rows)?);
        measured.rows.extend(rows);
    }
    Ok(measured)
}

fn cost(workload: &str, rows: &[Row]) -> Result<Fact, BoxError> {
    let [little, much] = rows else { return Err("there are two contenders".into()) };
    let name = format!("{workload}: cost of {} to {}", much.contender, little.contender);
    Ok(Fact::at_most(name, little.rate / much.rate, "x", BAR))
}

/// A mesh in which much, or little, is stored.
struct Grown {
    name: String,
    mesh: Mesh,
    guest: User,
    counsel: Counsel,
    counsels: Vec<Counsel>,
}

impl Grown {
    /// With `number` users, counsels and events.
    async fn start(number: usize) -> Result<Self, BoxError> {
        let broker = broker_with(number).await?;
        // Here all events came within minutes: a gateway would read them all, which none does that runs for long.
        let configuration = [("FEED_HISTORY", "1")];
        let services = ["user-svc", "counseling-svc"];
        let mesh = Mesh::start_on(broker, Store::Sqlite, &services, &[], &configuration).await?;
        let (guest, counsel) = (mesh.guest().await?, filled(&mesh).await?);
        let counsels = counsels(&mesh, WRITERS).await?;
        users_and_counsels(&mesh, number).await?;
        Ok(Self { name: format!("{number} stored"), mesh, guest, counsel, counsels })
    }

    fn read(&self) -> Contender<'_> {
        rest(&self.name, self.mesh.gateway(), &self.guest, self.mesh.all_processes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::row;

    #[test]
    fn the_cost_is_how_much_slower_it_became() {
        let rows = [row("reads", "1000 stored", 130.0), row("reads", "9 stored", 100.0)];
        let fact = cost("reads", &rows).unwrap();
        assert_eq!((fact.value, fact.bar), (1.3, Some(BAR)));
        assert_eq!(fact.name, "reads: cost of 9 stored to 1000 stored");
    }
}
