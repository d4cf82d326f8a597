//! The table `users`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer_null, text, text_null, text_uniq};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let users = Table::create()
            .table("users")
            .col(text("id").primary_key())
            .col(text("nickname"))
            // The nickname in lower case: nicknames that differ in case only are one.
            .col(text_uniq("nickname_key"))
            .col(text_null("profile_image"))
            .col(text_null("gender"))
            .col(text_null("mbti"))
            .col(integer_null("birth_year"))
            .col(big_integer("created_at"))
            .col(big_integer("updated_at"))
            .col(big_integer_null("deleted_at"))
            .to_owned();
        manager.create_table(users).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("users").to_owned()).await
    }
}
