//! The tables `counsel_contexts` and `counsel_summaries`, each with one row for a counsel, under the counsel's id.

pub mod context {
    //! The table `counsel_contexts`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "counsel_contexts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub impact_domain: Option<String>,
        pub timeframe: Option<String>,
        pub emotion_primary: Option<String>,
        pub emotion_intensity: Option<i32>,
        pub valence: Option<String>,
        pub arousal_level: Option<String>,
        pub perceived_control: Option<String>,
        pub motivation_stage: Option<String>,
        pub self_efficacy: Option<i32>,
        pub social_support_level: Option<String>,
        pub risk_kind: Option<String>,
        pub risk_severity: Option<i32>,
        pub sleep_quality: Option<String>,
        pub physical_symptoms_present: Option<bool>,
        pub cognitive_load: Option<String>,
        pub alliance_strength: Option<String>,
        pub consent_to_depth: Option<bool>,
        pub message_id: String,
        pub message_at: Timestamp,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub deleted_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod summary {
    //! The table `counsel_summaries`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "counsel_summaries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub body: String,
        pub through_message_id: String,
        pub through_message_at: Timestamp,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub deleted_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
