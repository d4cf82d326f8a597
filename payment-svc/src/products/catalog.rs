//! What can be bought from the first day on.

use sea_orm::{EntityTrait, PaginatorTrait};
use shared::Error;
use shared::database::Database;
use shared::id::derived_id;
use shared::proto::v1::ProductKind;
use shared::time::Timestamp;

use super::domain::{Offer, Product};
use super::entity::Entity;
use super::repository::Products;

/// Names, descriptions, tokens and prices in won.
const CATALOG: [(ProductKind, &str, &str, i32, i64); 3] = [
    (ProductKind::TokenPack, "메시지 토큰 100개", "언제까지나 쓸 수 있는 메시지 토큰 100개", 100, 3_900),
    (ProductKind::TokenPack, "메시지 토큰 500개", "언제까지나 쓸 수 있는 메시지 토큰 500개", 500, 14_900),
    (ProductKind::MonthlyPass, "월간 이용권", "한 달 동안 여섯 시간마다 메시지 3,000개", 3_000, 29_900),
];

/// Puts the catalog in place, if there is no product at all. Several instances may do so at once.
///
/// # Errors
/// When the database does not answer.
pub async fn plant(database: &Database, now: Timestamp) -> Result<(), Error> {
    if Entity::find().count(database.read()).await? > 0 {
        return Ok(());
    }
    let transaction = database.begin().await?;
    for (kind, name, description, tokens, won) in CATALOG {
        let offer = Offer {
            name: name.to_owned(),
            description: description.to_owned(),
            tokens,
            prices: [("KRW".to_owned(), won)].into(),
        };
        transaction.insert_product(&Product::new(derived_id(&["product", name]), kind, offer, now)).await?;
    }
    transaction.commit().await
}
