//! The table `subscriptions`.

use sea_orm::entity::prelude::*;
use shared::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subscriptions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub customer_id: String,
    pub product_id: String,
    pub product_version: i32,
    pub name: String,
    pub allowance: i32,
    pub currency: String,
    pub amount: i64,
    pub provider: String,
    pub billing_key: Option<String>,
    pub state: String,
    pub period: i32,
    pub order_id: String,
    pub began_at: Timestamp,
    pub attempts: i32,
    pub due_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
