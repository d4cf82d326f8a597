//! What transition rules ask for: the labels of a counsel's context, as clients spell them.

use crate::dto::api_enum;

api_enum! {
    /// The part of life that a counsel is about.
    ImpactDomain {
        Work = "IMPACT_DOMAIN_WORK",
        Study = "IMPACT_DOMAIN_STUDY",
        Relationship = "IMPACT_DOMAIN_RELATIONSHIP",
        Family = "IMPACT_DOMAIN_FAMILY",
        Health = "IMPACT_DOMAIN_HEALTH",
        Finance = "IMPACT_DOMAIN_FINANCE",
        Self_ = "IMPACT_DOMAIN_SELF",
        Other = "IMPACT_DOMAIN_OTHER",
    }
}

api_enum! {
    /// Since when.
    Timeframe {
        Today = "TIMEFRAME_TODAY",
        ThisWeek = "TIMEFRAME_THIS_WEEK",
        ThisMonth = "TIMEFRAME_THIS_MONTH",
        ThisYear = "TIMEFRAME_THIS_YEAR",
        Longer = "TIMEFRAME_LONGER",
    }
}

api_enum! {
    /// The feeling in front.
    EmotionPrimary {
        Anxiety = "EMOTION_PRIMARY_ANXIETY",
        Sadness = "EMOTION_PRIMARY_SADNESS",
        Anger = "EMOTION_PRIMARY_ANGER",
        Loneliness = "EMOTION_PRIMARY_LONELINESS",
        Guilt = "EMOTION_PRIMARY_GUILT",
        Shame = "EMOTION_PRIMARY_SHAME",
        Stress = "EMOTION_PRIMARY_STRESS",
        Hope = "EMOTION_PRIMARY_HOPE",
        Calm = "EMOTION_PRIMARY_CALM",
        Other = "EMOTION_PRIMARY_OTHER",
    }
}

api_enum! {
    /// Whether it feels bad or good.
    Valence {
        Negative = "VALENCE_NEGATIVE",
        Neutral = "VALENCE_NEUTRAL",
        Positive = "VALENCE_POSITIVE",
    }
}

api_enum! {
    /// How stirred up the user is.
    ArousalLevel {
        Low = "AROUSAL_LEVEL_LOW",
        Medium = "AROUSAL_LEVEL_MEDIUM",
        High = "AROUSAL_LEVEL_HIGH",
    }
}

api_enum! {
    /// How much the user can do about it, by their own account.
    PerceivedControl {
        Low = "PERCEIVED_CONTROL_LOW",
        Medium = "PERCEIVED_CONTROL_MEDIUM",
        High = "PERCEIVED_CONTROL_HIGH",
    }
}

api_enum! {
    /// How far the user is on the way to a change.
    MotivationStage {
        Precontemplation = "MOTIVATION_STAGE_PRECONTEMPLATION",
        Contemplation = "MOTIVATION_STAGE_CONTEMPLATION",
        Preparation = "MOTIVATION_STAGE_PREPARATION",
        Action = "MOTIVATION_STAGE_ACTION",
        Maintenance = "MOTIVATION_STAGE_MAINTENANCE",
    }
}

api_enum! {
    /// Whether others are there for the user.
    SocialSupportLevel {
        None = "SOCIAL_SUPPORT_LEVEL_NONE",
        Low = "SOCIAL_SUPPORT_LEVEL_LOW",
        Medium = "SOCIAL_SUPPORT_LEVEL_MEDIUM",
        High = "SOCIAL_SUPPORT_LEVEL_HIGH",
    }
}

api_enum! {
    /// The danger that is spoken of.
    RiskKind {
        None = "RISK_KIND_NONE",
        SelfHarm = "RISK_KIND_SELF_HARM",
        HarmToOthers = "RISK_KIND_HARM_TO_OTHERS",
        Abuse = "RISK_KIND_ABUSE",
    }
}

api_enum! {
    /// How the user sleeps.
    SleepQuality {
        Poor = "SLEEP_QUALITY_POOR",
        Fair = "SLEEP_QUALITY_FAIR",
        Good = "SLEEP_QUALITY_GOOD",
    }
}

api_enum! {
    /// How much is on the user's mind at once.
    CognitiveLoad {
        Low = "COGNITIVE_LOAD_LOW",
        Medium = "COGNITIVE_LOAD_MEDIUM",
        High = "COGNITIVE_LOAD_HIGH",
    }
}

api_enum! {
    /// How well user and counselor work together.
    AllianceStrength {
        Weak = "ALLIANCE_STRENGTH_WEAK",
        Medium = "ALLIANCE_STRENGTH_MEDIUM",
        Strong = "ALLIANCE_STRENGTH_STRONG",
    }
}
