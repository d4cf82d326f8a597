//! Whether anything personal is left of those who have gone: every text of every table, and every event.

use sea_orm::DbBackend;
use shared::database::Database;

use super::facts::Facts;
use crate::BoxError;
use crate::checker::{Violations, rows};
use crate::whole::mesh::{Mesh, SERVICES};

/// Every row of every table as text, and every event's data, each with where it is.
///
/// # Errors
/// When a database does not answer.
pub async fn texts(mesh: &Mesh, facts: &Facts) -> Result<Vec<(String, String)>, BoxError> {
    let mut texts: Vec<_> = facts.told.iter().map(|data| ("a stream".to_owned(), data.clone())).collect();
    for (service, database) in SERVICES.iter().zip(&mesh.databases) {
        for (table, columns) in tables(database).await? {
            let whole: Vec<_> =
                columns.iter().map(|column| format!("COALESCE(CAST(\"{column}\" AS TEXT), '')")).collect();
            let sql = format!("SELECT {} AS whole FROM \"{table}\"", whole.join(" || ' ' || "));
            for row in rows(database, &sql, |row| row.try_get::<String>("", "whole")).await? {
                texts.push((format!("{service}, table {table}"), row));
            }
        }
    }
    Ok(texts)
}

/// The tables of a database with their columns.
async fn tables(database: &Database) -> Result<Vec<(String, Vec<String>)>, BoxError> {
    let sql = match database.backend() {
        DbBackend::Sqlite => {
            "SELECT m.name AS t, c.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' ORDER BY m.name, c.cid"
        }
        _ => {
            "SELECT table_name::text AS t, column_name::text AS c FROM information_schema.columns \
             WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
        }
    };
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    let columns =
        rows(database, sql, |row| Ok((row.try_get::<String>("", "t")?, row.try_get::<String>("", "c")?)));
    for (table, column) in columns.await? {
        match tables.last_mut() {
            Some((last, columns)) if *last == table => columns.push(column),
            _ => tables.push((table, vec![column])),
        }
    }
    Ok(tables)
}

/// None of the texts holds one of the markers.
pub fn check(texts: &[(String, String)], markers: &[&str], violations: &mut Violations) {
    for (place, text) in texts {
        for marker in markers.iter().filter(|marker| text.contains(**marker)) {
            violations.add(format!("something of a deleted account ({marker}) is left in {place}"));
        }
    }
}
