//! What is stored, read in one go.

use std::collections::{BTreeMap, BTreeSet};

use shared::messaging::{CONSUMERS, STREAMS};
use shared::operations::{Filter, Operations};

use crate::BoxError;
use crate::checker::rows;
use crate::whole::mesh::{Mesh, SERVICES};

/// More events than a run makes.
const ALL: usize = 1_000_000;

/// See above.
#[derive(Clone, Default)]
pub struct Facts {
    /// Of every counsel, in order.
    pub messages: BTreeMap<String, Vec<Message>>,
    /// Messages whose reply only stands in for one that could not be had.
    pub stood_in_for: BTreeSet<String>,
    /// By id.
    pub reservations: BTreeMap<String, Reservation>,
    /// What each user has used of the allowance, and has bought and not spent.
    pub balances: BTreeMap<String, (i64, i64)>,
    /// What each user was credited, and what refunds were to take back.
    pub credits: BTreeMap<String, (i64, i64)>,
    /// How many counsels and how many answers were counted for each user.
    pub counted: BTreeMap<String, (i64, i64)>,
    /// What each service has committed, by the name of its stream.
    pub committed: BTreeMap<&'static str, Vec<Event>>,
    /// What each stream holds.
    pub streams: BTreeMap<&'static str, Vec<Event>>,
    /// What each consumer has applied.
    pub applied: BTreeMap<&'static str, BTreeSet<String>>,
    /// The data of every event, as text.
    pub told: Vec<String>,
}

/// A row of counseling-svc's messages.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Whose counsel it is in.
    pub user_id: String,
    /// What was said.
    pub text: String,
    /// Whether the user said it.
    pub is_user_message: bool,
    /// What pays for it.
    pub reservation_id: Option<String>,
    /// What it answers.
    pub reply_to: Option<String>,
}

/// A row of user-svc's reservations.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// Whose it is.
    pub user_id: String,
    /// `HELD`, `SETTLED`, `RELEASED` or `EXPIRED`.
    pub state: String,
    /// Where its token came from.
    pub source: Option<String>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Where it is published.
    pub subject: String,
    /// What it is about.
    pub aggregate_id: String,
}

impl Facts {
    /// Reads them all.
    ///
    /// # Errors
    /// When something does not answer or is not as expected.
    pub async fn read(mesh: &Mesh, operations: &Operations) -> Result<Self, BoxError> {
        let mut facts = Self::default();
        facts.read_messages(mesh).await?;
        facts.read_tokens(mesh).await?;
        for (service, database) in SERVICES.iter().zip(&mesh.databases) {
            let stream =
                STREAMS.iter().find(|stream| stream.owner == *service).ok_or("a service without a stream")?;
            let sql = "SELECT id, subject, aggregate_id FROM outbox ORDER BY seq";
            let committed = rows(database, sql, |row| {
                Ok(Event {
                    id: row.try_get("", "id")?,
                    subject: row.try_get("", "subject")?,
                    aggregate_id: row.try_get("", "aggregate_id")?,
                })
            });
            facts.committed.insert(stream.name, committed.await?);
            let filter = Filter { stream: Some(stream.name.to_owned()), ..Filter::default() };
            let mut stored = Vec::new();
            for event in operations.find(&filter, ALL).await?.events {
                if event.data["isFallback"] == true {
                    facts.stood_in_for.extend(event.data["userMessageId"].as_str().map(str::to_owned));
                }
                facts.told.push(event.data.to_string());
                stored.push(Event {
                    id: event.id.unwrap_or_default(),
                    subject: event.subject,
                    aggregate_id: event.aggregate.unwrap_or_default(),
                });
            }
            facts.streams.insert(stream.name, stored);
            for consumer in CONSUMERS.iter().filter(|consumer| consumer.owner == *service) {
                let sql = format!("SELECT event_id FROM inbox WHERE consumer = '{}'", consumer.name);
                let applied = rows(database, &sql, |row| row.try_get("", "event_id")).await?;
                facts.applied.insert(consumer.name, applied.into_iter().collect());
            }
        }
        Ok(facts)
    }

    async fn read_messages(&mut self, mesh: &Mesh) -> Result<(), BoxError> {
        let sql = "SELECT m.id, m.counsel_id, m.message, m.is_user_message, m.reservation_id, m.reply_to_message_id, \
                   c.user_id FROM counsel_messages m JOIN counsels c ON c.id = m.counsel_id \
                   ORDER BY m.counsel_id, m.created_at, m.id";
        let read = rows(mesh.counsels(), sql, |row| {
            let message = Message {
                id: row.try_get("", "id")?,
                user_id: row.try_get("", "user_id")?,
                text: row.try_get("", "message")?,
                is_user_message: row.try_get("", "is_user_message")?,
                reservation_id: row.try_get("", "reservation_id")?,
                reply_to: row.try_get("", "reply_to_message_id")?,
            };
            Ok((row.try_get::<String>("", "counsel_id")?, message))
        });
        for (counsel_id, message) in read.await? {
            self.messages.entry(counsel_id).or_default().push(message);
        }
        Ok(())
    }

    async fn read_tokens(&mut self, mesh: &Mesh) -> Result<(), BoxError> {
        let users = mesh.users();
        let sql = "SELECT id, user_id, state, source FROM token_reservations";
        let reservations = rows(users, sql, |row| {
            let state: String = row.try_get("", "state")?;
            let reservation = Reservation {
                user_id: row.try_get("", "user_id")?,
                state: state.trim_start_matches("RESERVATION_STATE_").to_owned(),
                source: row.try_get("", "source")?,
            };
            Ok((row.try_get("", "id")?, reservation))
        });
        self.reservations = reservations.await?.into_iter().collect();
        let sql = "SELECT user_id, CAST(used AS BIGINT) AS used, CAST(purchased AS BIGINT) AS purchased \
                   FROM message_tokens";
        let balances = rows(users, sql, |row| {
            Ok((row.try_get("", "user_id")?, (row.try_get("", "used")?, row.try_get("", "purchased")?)))
        });
        self.balances = balances.await?.into_iter().collect();
        let sql = "SELECT user_id, CAST(SUM(amount) AS BIGINT) AS amount, CAST(SUM(revoked) AS BIGINT) AS revoked \
                   FROM token_credits GROUP BY user_id";
        let credits = rows(users, sql, |row| {
            Ok((row.try_get("", "user_id")?, (row.try_get("", "amount")?, row.try_get("", "revoked")?)))
        });
        self.credits = credits.await?.into_iter().collect();
        let sql = "SELECT user_id, CAST(counsel_count AS BIGINT) AS counsels, CAST(message_count AS BIGINT) AS messages \
                   FROM user_trackings";
        let counted = rows(users, sql, |row| {
            Ok((row.try_get("", "user_id")?, (row.try_get("", "counsels")?, row.try_get("", "messages")?)))
        });
        self.counted = counted.await?.into_iter().collect();
        Ok(())
    }
}
