//! The tables `auth_users` and `refresh_tokens`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let auth_users = Table::create()
            .table("auth_users")
            .col(text("user_id").primary_key())
            .col(text("auth_channel"))
            .col(text_null("provider_user_id"))
            .col(text("authority"))
            .col(big_integer("created_at"))
            .col(big_integer("updated_at"))
            .foreign_key(ForeignKey::create().from("auth_users", "user_id").to("users", "id"))
            .to_owned();
        manager.create_table(auth_users).await?;
        // One account of a provider is one user. Guests have no account; nulls are all different.
        let account = Index::create()
            .name("auth_users_account")
            .table("auth_users")
            .col("auth_channel")
            .col("provider_user_id")
            .unique()
            .to_owned();
        manager.create_index(account).await?;

        let refresh_tokens = Table::create()
            .table("refresh_tokens")
            // SHA-256 in hexadecimal: whoever reads the table cannot sign in with it.
            .col(text("hash").primary_key())
            .col(text("user_id"))
            .col(big_integer("expires_at"))
            .foreign_key(ForeignKey::create().from("refresh_tokens", "user_id").to("auth_users", "user_id"))
            .to_owned();
        manager.create_table(refresh_tokens).await?;
        let of_user = Index::create()
            .name("refresh_tokens_of_user")
            .table("refresh_tokens")
            .col("user_id")
            .col("expires_at")
            .to_owned();
        manager.create_index(of_user).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["refresh_tokens", "auth_users"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
