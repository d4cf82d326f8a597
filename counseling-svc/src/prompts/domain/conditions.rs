//! What a transition rule asks for.

use shared::Violations;
use shared::proto::v1::{
    AllianceStrength, ArousalLevel, CognitiveLoad, EmotionPrimary, ImpactDomain, MotivationStage,
    PerceivedControl, RiskKind, SleepQuality, SocialSupportLevel, Timeframe, Valence,
};

use crate::contexts::domain::{Context, MOST_INTENSITY, MOST_SEVERITY};

/// The table of all conditions: the one place that lists them. Whatever has to do something with each of them passes a
/// macro, which gets the table.
///
/// - labels: the list, its label, and what the context knows
/// - bounds: the least and the most, the greatest bound, and the number that is [`Seen`]
/// - flags: what is required, and what the context knows
macro_rules! for_each_condition {
    ($then:ident) => {
        $then! {
            labels {
                required_impact_domains ImpactDomain impact_domain,
                required_timeframes Timeframe timeframe,
                required_emotion_primaries EmotionPrimary emotion_primary,
                required_valences Valence valence,
                required_arousal_levels ArousalLevel arousal_level,
                required_perceived_controls PerceivedControl perceived_control,
                required_motivation_stages MotivationStage motivation_stage,
                required_social_support_levels SocialSupportLevel social_support_level,
                required_risk_kinds RiskKind risk_kind,
                required_sleep_qualities SleepQuality sleep_quality,
                required_cognitive_loads CognitiveLoad cognitive_load,
                required_alliance_strengths AllianceStrength alliance_strength,
            }
            bounds {
                min_current_technique_message_count max_current_technique_message_count
                    (i32::MAX, |seen| Some(seen.message_count)),
                min_emotion_intensity max_emotion_intensity
                    (MOST_INTENSITY, |seen| seen.context.emotion_intensity),
                min_self_efficacy max_self_efficacy
                    (MOST_INTENSITY, |seen| seen.context.self_efficacy),
                min_risk_severity max_risk_severity
                    (MOST_SEVERITY, |seen| seen.context.risk_severity),
            }
            flags {
                required_physical_symptoms_present physical_symptoms_present,
                required_consent_to_depth consent_to_depth,
            }
        }
    };
}

pub(in crate::prompts) use for_each_condition;

/// What conditions are looked at with.
struct Seen<'a> {
    message_count: i32,
    context: &'a Context,
}

macro_rules! define {
    (
        labels { $($list:ident $label:ident $known:ident,)* }
        bounds { $($min:ident $max:ident ($most:expr, $number:expr),)* }
        flags { $($flag:ident $sign:ident,)* }
    ) => {
        /// What must hold for a rule to match. An empty list and an absent value ask for nothing.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Conditions {
            $(pub $list: Vec<$label>,)*
            $(pub $min: Option<i32>, pub $max: Option<i32>,)*
            $(pub $flag: Option<bool>,)*
        }

        impl Conditions {
            /// Whether all of them hold after `message_count` of the user's messages in the technique. What the
            /// context does not know does not match what is asked for.
            pub fn hold(&self, message_count: i32, context: &Context) -> bool {
                let seen = Seen { message_count, context };
                let numbers = [$((self.$min, self.$max, number(&seen, $number)),)*];
                numbers.into_iter().all(|(min, max, number)| is_within(min, max, number))
                    $(&& is_any_of(&self.$list, context.$known))*
                    $(&& self.$flag.is_none_or(|required| context.$sign == Some(required)))*
            }

            /// Notes each broken rule of the bounds.
            pub fn check(&self, violations: &mut Violations) {
                $(
                    check_bound(stringify!($min), self.$min, $most, violations);
                    check_bound(stringify!($max), self.$max, $most, violations);
                    if self.$min.zip(self.$max).is_some_and(|(min, max)| min > max) {
                        violations.add(stringify!($max), "must not be less than the minimum");
                    }
                )*
            }

            /// Takes over one of them by its name; whether there is one with that name.
            #[must_use]
            pub fn take_over(&mut self, name: &str, from: &Self) -> bool {
                match name {
                    $(stringify!($list) => self.$list.clone_from(&from.$list),)*
                    $(
                        stringify!($min) => self.$min = from.$min,
                        stringify!($max) => self.$max = from.$max,
                    )*
                    $(stringify!($flag) => self.$flag = from.$flag,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

for_each_condition!(define);

fn number(seen: &Seen<'_>, read: impl Fn(&Seen<'_>) -> Option<i32>) -> Option<i32> {
    read(seen)
}

fn is_any_of<L: PartialEq>(list: &[L], known: Option<L>) -> bool {
    list.is_empty() || known.is_some_and(|known| list.contains(&known))
}

fn is_within(min: Option<i32>, max: Option<i32>, number: Option<i32>) -> bool {
    if min.is_none() && max.is_none() {
        return true;
    }
    number.is_some_and(|number| min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max))
}

fn check_bound(field: &'static str, bound: Option<i32>, most: i32, violations: &mut Violations) {
    let rule = if most == i32::MAX { "must be 0 or more".to_owned() } else { format!("must be 0 to {most}") };
    violations.check(bound.is_none_or(|bound| (0..=most).contains(&bound)), field, &rule);
}
