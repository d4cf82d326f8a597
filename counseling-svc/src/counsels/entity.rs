//! The tables `counsels` and `counsel_messages`.

pub mod counsel {
    //! The table `counsels`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "counsels")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub counselor_id: String,
        pub user_id: String,
        pub prompt_version_id: String,
        pub counsel_technique_id: String,
        pub technique_message_count: i32,
        pub counselor_user_relationship_id: String,
        pub last_message: Option<String>,
        pub last_chatted_at: Option<Timestamp>,
        pub answering_message_id: Option<String>,
        pub answering_until: Option<Timestamp>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub deleted_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod message {
    //! The table `counsel_messages`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "counsel_messages")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub counsel_id: String,
        pub message: String,
        pub is_user_message: bool,
        pub counsel_technique_id: String,
        pub reservation_id: Option<String>,
        pub reply_to_message_id: Option<String>,
        pub reaction: Option<String>,
        pub reacted_at: Option<Timestamp>,
        pub risk_kind: Option<String>,
        pub risk_severity: Option<i32>,
        pub input_tokens: Option<i64>,
        pub output_tokens: Option<i64>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub deleted_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
