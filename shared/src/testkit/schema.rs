//! Schemas as two versions of a service meet them: what a migration takes away from the version before, and a later
//! version's schema under the version of now.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use sea_orm_migration::MigratorTrait;

use super::{Engine, TestDatabase};
use crate::database::Database;

/// What statements of a service can depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    tables: BTreeMap<String, BTreeMap<String, Column>>,
    /// Unique indexes and constraints, by their tables: each may refuse a row that was taken before.
    rules: BTreeSet<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    kind: String,
    is_required: bool,
    has_default: bool,
}

/// Reads the schema of a database.
///
/// # Panics
/// When it cannot be read.
pub async fn schema(database: &Database) -> Schema {
    let (columns, rules) = match database.backend() {
        DbBackend::Postgres => (POSTGRES_COLUMNS, POSTGRES_RULES),
        _ => (SQLITE_COLUMNS, SQLITE_RULES),
    };
    let mut schema = Schema::default();
    for row in rows(database, columns).await {
        let column = Column {
            kind: text(&row, "kind"),
            is_required: is(&row, "required"),
            has_default: is(&row, "given"),
        };
        schema.tables.entry(text(&row, "tab")).or_default().insert(text(&row, "col"), column);
    }
    schema.rules =
        rows(database, rules).await.iter().map(|row| (text(row, "tab"), text(row, "rule"))).collect();
    schema
}

// A primary key of SQLite need not be told as NOT NULL.
const SQLITE_COLUMNS: &str = "SELECT t.name AS tab, c.name AS col, c.type AS kind, \
     CAST(c.\"notnull\" OR c.pk > 0 AS BIGINT) AS required, CAST(c.dflt_value IS NOT NULL AS BIGINT) AS given \
     FROM sqlite_master t JOIN pragma_table_info(t.name) c \
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'seaql_migrations'";
// Constraints come to a table that is there with a new column only, and PostgreSQL tells of them.
const SQLITE_RULES: &str = "SELECT t.name AS tab, i.name AS rule FROM sqlite_master t \
     JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.\"unique\" AND i.origin = 'c'";
const POSTGRES_COLUMNS: &str = "SELECT table_name::text AS tab, column_name::text AS col, data_type::text AS kind, \
     (is_nullable = 'NO')::int::bigint AS required, \
     (column_default IS NOT NULL OR is_identity = 'YES')::int::bigint AS given \
     FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'seaql_migrations'";
const POSTGRES_RULES: &str = "SELECT c.relname::text AS tab, i.relname::text AS rule FROM pg_index x \
     JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
     WHERE x.indisunique AND c.relnamespace = current_schema()::regnamespace \
     UNION SELECT c.relname::text, r.conname::text FROM pg_constraint r JOIN pg_class c ON c.oid = r.conrelid \
     WHERE r.contype IN ('c', 'f') AND c.relnamespace = current_schema()::regnamespace";

async fn rows(database: &Database, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(database.backend(), sql);
    database.write().query_all_raw(statement).await.expect("the schema is read")
}

fn text(row: &QueryResult, column: &str) -> String {
    row.try_get("", column).expect("a text")
}

fn is(row: &QueryResult, column: &str) -> bool {
    row.try_get::<i64>("", column).expect("a truth") != 0
}

impl Schema {
    /// What a version that was made for this schema can no longer rely on in a later one.
    fn contractions(&self, later: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        for (table, columns) in &self.tables {
            let Some(now) = later.tables.get(table) else {
                lost.push(format!("drops {table}"));
                continue;
            };
            for (name, before) in columns {
                match now.get(name) {
                    None => lost.push(format!("drops {table}.{name}")),
                    Some(now) if now.kind != before.kind => {
                        lost.push(format!("changes the type of {table}.{name}"))
                    }
                    Some(now) if now.is_required && !before.is_required => {
                        lost.push(format!("requires {table}.{name}"));
                    }
                    Some(now) if before.has_default && !now.has_default => {
                        lost.push(format!("takes the default of {table}.{name}"));
                    }
                    Some(_) => {}
                }
            }
            let added = now.iter().filter(|(name, _)| !columns.contains_key(*name));
            let required = added.filter(|(_, column)| column.is_required && !column.has_default);
            lost.extend(required.map(|(name, _)| format!("requires {table}.{name}")));
        }
        let added = later.rules.difference(&self.rules).filter(|(table, _)| self.tables.contains_key(table));
        lost.extend(added.map(|(table, rule)| format!("restricts {table} by {rule}")));
        lost
    }
}

/// Runs the migrations of `M` one after another, and fails the test when one takes something away that the version before
/// it may use. `allowed` names those that may, as `<migration>: <what it does>`, each with the reason.
///
/// # Panics
/// When a contraction is not allowed, or one that is allowed does not happen.
pub async fn check_migrations<M: MigratorTrait>(engine: Engine, allowed: &[(&str, &str)]) {
    let file = TestDatabase::new(engine).await;
    let database = Database::connect(&file.settings()).await.expect("the test database opens");
    let mut found = Vec::new();
    let mut before = schema(&database).await;
    for migration in M::migrations() {
        M::up(database.write(), Some(1)).await.expect("the migration runs");
        let after = schema(&database).await;
        let lost = before.contractions(&after);
        found.extend(lost.into_iter().map(|lost| format!("{}: {lost}", migration.name())));
        before = after;
    }
    let refused: Vec<_> =
        found.iter().filter(|found| !allowed.iter().any(|(allowed, _)| allowed == found)).collect();
    assert!(
        refused.is_empty(),
        "the version before may be running while these migrate (docs/operations.md, Upgrades): {refused:#?}"
    );
    // PostgreSQL tells of every kind of them.
    let stale = allowed
        .iter()
        .filter(|(allowed, _)| engine == Engine::Postgres && !found.iter().any(|found| found == allowed));
    assert_eq!(stale.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "nothing does these any more");
}

/// Migrates a database as a later release may: every table gets a column that may be empty, one with a default and an
/// index, a new table comes, and all of it is recorded as a migration that nobody here knows.
///
/// # Panics
/// When a statement fails.
pub async fn next_release(database: &Database) {
    let mut statements = Vec::new();
    for table in schema(database).await.tables.keys() {
        statements.extend([
            format!("ALTER TABLE {table} ADD COLUMN next_release_note TEXT"),
            format!("ALTER TABLE {table} ADD COLUMN next_release_count BIGINT NOT NULL DEFAULT 0"),
            format!("CREATE INDEX next_release_of_{table} ON {table} (next_release_note)"),
        ]);
    }
    statements.extend([
        "CREATE TABLE next_release (id TEXT NOT NULL PRIMARY KEY, note TEXT NOT NULL)".to_owned(),
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m2999_01_01_000001_next_release', 0)"
            .to_owned(),
    ]);
    let transaction = database.begin().await.expect("a transaction");
    for statement in statements {
        transaction.execute_unprepared(&statement).await.expect("the migration runs");
    }
    transaction.commit().await.expect("the migration commits");
}

/// As [`next_release`], where the tests of a service are run on the schema of the next release (`NEXT_RELEASE=1`).
///
/// # Panics
/// As [`next_release`].
pub async fn next_release_if_asked(database: &Database) {
    if std::env::var_os("NEXT_RELEASE").is_some() {
        next_release(database).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::on_each_engine! {
        async fn what_is_taken_away_is_told_and_what_is_added_is_not(engine: Engine) {
            let file = TestDatabase::new(engine).await;
            let database = Database::connect(&file.settings()).await.unwrap();
            let run = async |sql: &str| database.write().execute_unprepared(sql).await.unwrap();
            run("CREATE TABLE a (id TEXT NOT NULL PRIMARY KEY, b TEXT, c TEXT, d BIGINT NOT NULL DEFAULT 1)").await;
            run("CREATE TABLE gone (id TEXT NOT NULL PRIMARY KEY)").await;
            let before = schema(&database).await;
            run("CREATE TABLE e (id TEXT NOT NULL PRIMARY KEY, f TEXT NOT NULL UNIQUE)").await;
            run("ALTER TABLE a ADD COLUMN g TEXT").await;
            run("ALTER TABLE a ADD COLUMN h TEXT NOT NULL DEFAULT ''").await;
            run("CREATE INDEX a_by_b ON a (b)").await;
            let wider = schema(&database).await;
            assert_eq!(before.contractions(&wider), Vec::<String>::new());

            run("DROP TABLE gone").await;
            run("ALTER TABLE a DROP COLUMN g").await;
            run("ALTER TABLE a RENAME COLUMN c TO i").await;
            run("DROP INDEX a_by_b").await;
            run("CREATE UNIQUE INDEX one_b ON a (b)").await;
            let mut expected = vec!["drops a.c", "drops a.g", "drops gone", "restricts a by one_b"];
            if engine == Engine::Postgres {
                run("ALTER TABLE a ALTER COLUMN b SET NOT NULL, ALTER COLUMN d DROP DEFAULT").await;
                run("ALTER TABLE a ALTER COLUMN h TYPE VARCHAR(9), ADD COLUMN j TEXT NOT NULL").await;
                run("ALTER TABLE a ADD CONSTRAINT few CHECK (d < 9)").await;
                expected.extend(["requires a.b", "takes the default of a.d", "changes the type of a.h", "requires a.j"]);
                expected.push("restricts a by few");
            }
            let mut lost = wider.contractions(&schema(&database).await);
            lost.sort();
            expected.sort_unstable();
            assert_eq!(lost, expected);
        }
    }
}
