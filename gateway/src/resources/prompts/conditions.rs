//! What must hold for a transition rule to match.

use prost_types::FieldMask;
use serde::{Deserialize, Deserializer, Serialize};
use shared::proto::v1;
use utoipa::ToSchema;

use super::labels::{
    AllianceStrength, ArousalLevel, CognitiveLoad, EmotionPrimary, ImpactDomain, MotivationStage,
    PerceivedControl, RiskKind, SleepQuality, SocialSupportLevel, Timeframe, Valence,
};
use crate::envelope::ApiError;
use crate::upstream::promised;

macro_rules! conditions {
    (
        labels { $($list:ident: $label:ident,)* }
        numbers { $($number:ident: 0..=$most:tt,)* }
        flags { $($flag:ident,)* }
    ) => {
        /// What must hold for a rule to match. An empty list and an absent value ask for nothing.
        #[derive(Debug, Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct TransitionConditions {
            $($list: Vec<$label>,)*
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                #[schema(minimum = 0, maximum = $most)]
                $number: Option<i32>,
            )*
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                $flag: Option<bool>,
            )*
        }

        /// What a request says about conditions: null (or an empty list) asks for nothing any more, what is left out
        /// stays as it is.
        #[derive(Debug, Deserialize, Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct TransitionConditionsInput {
            $(
                #[serde(default, deserialize_with = "present")]
                #[schema(value_type = Option<Vec<$label>>)]
                $list: Option<Option<Vec<$label>>>,
            )*
            $(
                #[serde(default, deserialize_with = "present")]
                #[schema(value_type = Option<i32>, minimum = 0, maximum = $most)]
                $number: Option<Option<i32>>,
            )*
            $(
                #[serde(default, deserialize_with = "present")]
                #[schema(value_type = Option<bool>)]
                $flag: Option<Option<bool>>,
            )*
        }

        impl TryFrom<v1::TransitionConditions> for TransitionConditions {
            type Error = ApiError;

            fn try_from(conditions: v1::TransitionConditions) -> Result<Self, ApiError> {
                Ok(Self {
                    $($list: labels(conditions.$list, $label::of, stringify!($list))?,)*
                    $($number: conditions.$number,)*
                    $($flag: conditions.$flag,)*
                })
            }
        }

        impl TransitionConditionsInput {
            /// The conditions, and which of them the request speaks of.
            pub fn read(self) -> (v1::TransitionConditions, FieldMask) {
                let mut conditions = v1::TransitionConditions::default();
                let mut paths = Vec::new();
                $(
                    if let Some(list) = self.$list {
                        conditions.$list = list.unwrap_or_default().into_iter().map(i32::from).collect();
                        paths.push(stringify!($list).to_owned());
                    }
                )*
                $(
                    if let Some(number) = self.$number {
                        conditions.$number = number;
                        paths.push(stringify!($number).to_owned());
                    }
                )*
                $(
                    if let Some(flag) = self.$flag {
                        conditions.$flag = flag;
                        paths.push(stringify!($flag).to_owned());
                    }
                )*
                (conditions, FieldMask { paths })
            }
        }
    };
}

conditions! {
    labels {
        required_impact_domains: ImpactDomain,
        required_timeframes: Timeframe,
        required_emotion_primaries: EmotionPrimary,
        required_valences: Valence,
        required_arousal_levels: ArousalLevel,
        required_perceived_controls: PerceivedControl,
        required_motivation_stages: MotivationStage,
        required_social_support_levels: SocialSupportLevel,
        required_risk_kinds: RiskKind,
        required_sleep_qualities: SleepQuality,
        required_cognitive_loads: CognitiveLoad,
        required_alliance_strengths: AllianceStrength,
    }
    numbers {
        min_current_technique_message_count: 0..=2_147_483_647,
        max_current_technique_message_count: 0..=2_147_483_647,
        min_emotion_intensity: 0..=10,
        max_emotion_intensity: 0..=10,
        min_self_efficacy: 0..=10,
        max_self_efficacy: 0..=10,
        min_risk_severity: 0..=5,
        max_risk_severity: 0..=5,
    }
    flags {
        required_physical_symptoms_present,
        required_consent_to_depth,
    }
}

/// Reads a member that is there, be it null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

fn labels<L>(numbers: Vec<i32>, of: fn(i32) -> Option<L>, name: &'static str) -> Result<Vec<L>, ApiError> {
    numbers.into_iter().map(|number| promised(of(number), name)).collect()
}
