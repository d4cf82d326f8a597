//! The tables of prompts.

pub mod version {
    //! The table `prompt_versions`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "prompt_versions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub name: String,
        /// The name in lower case.
        pub name_key: String,
        pub description: String,
        pub is_active: bool,
        pub is_temporary: bool,
        pub is_bookmarked: bool,
        pub ai_model: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub deleted_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod persona_prompt {
    //! The table `persona_prompts`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "persona_prompts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub prompt_version_id: String,
        pub counselor_id: String,
        pub body: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub deleted_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod tone_prompt {
    //! The table `tone_prompts`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tone_prompts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub prompt_version_id: String,
        pub tone_id: String,
        pub body: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub deleted_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod technique {
    //! The table `counsel_techniques`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "counsel_techniques")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub prompt_version_id: String,
        pub tone_id: String,
        pub name: String,
        pub context: String,
        pub instruction: String,
        pub message_threshold: i32,
        pub is_start_technique: bool,
        pub temperature: f64,
        pub position: i32,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub deleted_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod transition_rule {
    //! The table `counsel_technique_transition_rules`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    use crate::prompts::domain::for_each_condition;

    macro_rules! define {
        (
            labels { $($list:ident $label:ident $known:ident,)* }
            bounds { $($min:ident $max:ident $rule:tt,)* }
            flags { $($flag:ident $sign:ident,)* }
        ) => {
            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = "counsel_technique_transition_rules")]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: String,
                pub prompt_version_id: String,
                pub from_counsel_technique_id: String,
                pub to_counsel_technique_id: String,
                pub priority: i32,
                $(
                    /// Names of labels, with commas between them; empty when any will do.
                    pub $list: String,
                )*
                $(pub $min: Option<i32>, pub $max: Option<i32>,)*
                $(pub $flag: Option<bool>,)*
                pub created_at: Timestamp,
                pub updated_at: Timestamp,
                pub deleted_at: Option<Timestamp>,
            }
        };
    }

    for_each_condition!(define);

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod activate_history {
    //! The table `prompt_activate_histories`.

    use sea_orm::entity::prelude::*;
    use shared::time::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "prompt_activate_histories")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub prompt_version_id: String,
        pub activated_at: Timestamp,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub deleted_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
