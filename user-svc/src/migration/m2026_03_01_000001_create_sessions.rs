//! The table `sessions`. Every refresh token from before becomes a session of its own.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// An id in the form of a UUID, from the hash of the token.
const ID: &str = "substr(hash, 1, 8) || '-' || substr(hash, 9, 4) || '-7' || substr(hash, 14, 3) || '-8' \
    || substr(hash, 18, 3) || '-' || substr(hash, 21, 12)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sessions = Table::create()
            .table("sessions")
            .col(text("id").primary_key())
            .col(text("user_id"))
            .col(text("device"))
            .col(big_integer("created_at"))
            .col(big_integer("last_used_at"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("revoked_at"))
            .foreign_key(ForeignKey::create().from("sessions", "user_id").to("auth_users", "user_id"))
            .to_owned();
        manager.create_table(sessions).await?;
        let of_user = Index::create()
            .name("sessions_of_user")
            .table("sessions")
            .col("user_id")
            .col("last_used_at")
            .to_owned();
        manager.create_index(of_user).await?;
        // SQLite adds one column a statement.
        for column in [text_null("session_id"), big_integer_null("rotated_at")] {
            let alter = Table::alter().table("refresh_tokens").add_column(column).to_owned();
            manager.alter_table(alter).await?;
        }
        let connection = manager.get_connection();
        // A refresh token is good for thirty days; when it was made was not kept.
        let adopt = format!(
            "INSERT INTO sessions (id, user_id, device, created_at, last_used_at, expires_at) \
             SELECT {ID}, user_id, '', expires_at - 2592000000000, expires_at - 2592000000000, expires_at \
             FROM refresh_tokens"
        );
        connection.execute_unprepared(&adopt).await?;
        connection.execute_unprepared(&format!("UPDATE refresh_tokens SET session_id = {ID}")).await?;
        let of_session = Index::create()
            .name("refresh_tokens_of_session")
            .table("refresh_tokens")
            .col("session_id")
            .to_owned();
        manager.create_index(of_session).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(Index::drop().name("refresh_tokens_of_session").table("refresh_tokens").to_owned())
            .await?;
        for column in ["session_id", "rotated_at"] {
            let alter = Table::alter().table("refresh_tokens").drop_column(column).to_owned();
            manager.alter_table(alter).await?;
        }
        manager.drop_table(Table::drop().table("sessions").to_owned()).await
    }
}
