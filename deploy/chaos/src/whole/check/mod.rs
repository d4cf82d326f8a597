//! What has to be true when everything is quiet again.
//!
//! | of | promise |
//! |---|---|
//! | messages | what was answered with success is there once, in order; each reply follows what it answers |
//! | tokens | granted = left + spent + held; what is spent was answered; never below zero |
//! | money | the ledger sums to zero and equals the provider's books |
//! | events | each that was committed is in its stream, in order for each aggregate, and nothing else is |
//! | effects | each event took effect once in every consumer that takes it; no dead letters |
//! | erasure | of an account that was deleted nothing personal is left in any database or stream |

mod facts;
mod personal;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use shared::messaging::Nats;
use shared::operations::Operations;

use super::mesh::Mesh;
use super::person::{Account, Heard};
use crate::BoxError;
use crate::checker::{self, Books, Sources, Violations};
use facts::Facts;

/// Compares everything: how many things of each kind.
///
/// # Errors
/// When something does not answer.
pub async fn check(
    mesh: &Mesh,
    accounts: &[Account],
    violations: &mut Violations,
) -> Result<BTreeMap<&'static str, usize>, BoxError> {
    for account in accounts {
        for complaint in &account.complaints {
            violations.add(format!("account {}: {complaint}", account.id));
        }
    }
    let nats = Nats::connect(&mesh.operator(), "chaos").await?;
    let operations = Operations::new(nats.clone(), "chaos", "chaos");
    let facts = Facts::read(mesh, &operations).await?;
    let mut compared = rules::check(&facts, accounts, violations);

    let ledger =
        tokio::task::block_in_place(|| mesh.of("payment-svc").next().map(|process| process.ask(&["ledger"])));
    let journal = mesh.journal();
    let books = Books::read(Sources {
        payments: mesh.payments(),
        users: mesh.users(),
        nats: &nats,
        journal: &journal,
        ledger: ledger.unwrap_or_default(),
    });
    let books = books.await?;
    checker::check(&books, &[], violations);
    for order_id in accounts.iter().flat_map(|account| &account.paid) {
        let is_paid = books.orders.get(order_id).is_some_and(|order| order.captured == order.amount);
        violations.check(is_paid, || format!("order {order_id} was told to be paid, and is not"));
    }
    for (order_id, amount) in accounts.iter().flat_map(|account| &account.refunded) {
        let refunded = books.orders.get(order_id).map(|order| order.refunded);
        violations.check(refunded >= Some(*amount), || {
            format!("of order {order_id} {amount} were told to be given back, and {refunded:?} are")
        });
    }
    compared.insert("orders", books.orders.len());
    compared.insert("refunds", books.orders.values().map(|order| order.refunds.len()).sum());

    let left: Vec<_> = accounts.iter().filter(|account| account.deleted == Some(Heard::Yes)).collect();
    let markers: Vec<_> = left.iter().map(|account| account.marker.as_str()).collect();
    let texts = personal::texts(mesh, &facts).await?;
    personal::check(&texts, &markers, violations);
    compared.insert("deleted accounts", left.len());
    Ok(compared)
}
