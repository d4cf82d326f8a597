//! What the parts that hold messages and events can do by themselves: the limits of whatever is built on them.

use async_nats::jetstream;
use sea_orm::{ConnectionTrait, Statement};
use shared::database::Database;

use crate::BoxError;
use crate::load::Connection;
use crate::mesh::{Mesh, open};

/// What a message takes in the database and in an event, roughly.
const BYTES: usize = 600;

/// A table of its own in a database that is opened as services open theirs.
pub(crate) async fn rows(mesh: &Mesh) -> Result<Database, BoxError> {
    let database = open(&mesh.folder().join("rows.db")).await?;
    let table = "CREATE TABLE messages (id TEXT PRIMARY KEY, text TEXT NOT NULL)";
    database.write().execute_unprepared(table).await?;
    Ok(database)
}

/// Inserts a row, and commits.
pub(crate) struct Insert(pub(crate) Database);

impl Connection for Insert {
    async fn call(&mut self) -> Result<(), BoxError> {
        let write = self.0.write();
        let values = [shared::id::new_id().into(), "x".repeat(BYTES).into()];
        let insert = "INSERT INTO messages (id, text) VALUES (?, ?)";
        write
            .execute_raw(Statement::from_sql_and_values(write.get_database_backend(), insert, values))
            .await?;
        Ok(())
    }
}

/// The subject of the events of [`stream`].
pub(crate) const SUBJECT: &str = "bench.event";

/// A stream of its own on the mesh's broker, with files as all streams.
pub(crate) async fn stream(mesh: &Mesh) -> Result<jetstream::Context, BoxError> {
    let jetstream = jetstream::new(mesh.broker().await);
    let config = jetstream::stream::Config {
        name: "BENCH".to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        ..Default::default()
    };
    jetstream.get_or_create_stream(config).await?;
    Ok(jetstream)
}

/// Publishes an event, and waits for the acknowledgement.
pub(crate) struct Publish(pub(crate) jetstream::Context);

impl Connection for Publish {
    async fn call(&mut self) -> Result<(), BoxError> {
        self.0.publish(SUBJECT, "x".repeat(BYTES).into()).await?.await?;
        Ok(())
    }
}
