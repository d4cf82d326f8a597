//! The table `orders`.

use sea_orm::entity::prelude::*;
use shared::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub customer_id: String,
    pub product_id: String,
    pub product_version: i32,
    pub kind: String,
    pub name: String,
    pub tokens: i32,
    pub currency: String,
    pub amount: i64,
    pub provider: String,
    pub payment_key: Option<String>,
    pub state: String,
    pub captured: i64,
    pub refunded: i64,
    pub tokens_granted: i32,
    pub tokens_revoked: i32,
    pub failure: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub expires_at: Timestamp,
    pub look_at: Option<Timestamp>,
    pub subscription_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The table `order_transitions`: rows are never changed.
pub mod transition {
    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_transitions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub state: String,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `refunds`.
pub mod refund {
    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "refunds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub order_id: String,
        pub amount: i64,
        pub reason: String,
        /// The admin; nobody when it follows from a rule.
        pub requested_by: Option<String>,
        pub state: String,
        pub created_at: Timestamp,
        pub look_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
