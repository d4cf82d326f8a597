//! What is known of the pools.

use sea_orm::{DatabaseConnection, DbBackend};

use super::Database;
use crate::metrics::names;

impl Database {
    /// Counts the connections of its pools as they are now.
    pub(crate) fn measure(&self) {
        match self.backend() {
            DbBackend::Sqlite => {
                Pool::of(&self.read).measure("read");
                Pool::of(&self.write).measure("write");
            }
            _ => Pool::of(&self.write).measure("shared"),
        }
    }
}

struct Pool {
    open: u32,
    idle: usize,
    most: u32,
}

impl Pool {
    fn of(connection: &DatabaseConnection) -> Self {
        if connection.get_database_backend() == DbBackend::Sqlite {
            let pool = connection.get_sqlite_connection_pool();
            Self { open: pool.size(), idle: pool.num_idle(), most: pool.options().get_max_connections() }
        } else {
            let pool = connection.get_postgres_connection_pool();
            Self { open: pool.size(), idle: pool.num_idle(), most: pool.options().get_max_connections() }
        }
    }

    fn measure(&self, pool: &'static str) {
        // The two are not read at one moment.
        let idle = u32::try_from(self.idle).unwrap_or(u32::MAX).min(self.open);
        metrics::gauge!(names::DATABASE_CONNECTIONS, "pool" => pool).set(self.open);
        metrics::gauge!(names::DATABASE_IDLE, "pool" => pool).set(idle);
        metrics::gauge!(names::DATABASE_IN_USE, "pool" => pool).set(self.open - idle);
        metrics::gauge!(names::DATABASE_MOST, "pool" => pool).set(self.most);
    }
}
