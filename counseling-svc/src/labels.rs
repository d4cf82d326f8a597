//! The labels of a counsel's context, by their names.

use shared::proto::v1::{
    AllianceStrength, ArousalLevel, CognitiveLoad, EmotionPrimary, ImpactDomain, MotivationStage,
    PerceivedControl, RiskKind, SleepQuality, SocialSupportLevel, Timeframe, Valence,
};

/// An enumeration of the protocol whose first value means that nothing is said.
pub trait Label: Copy + Default + PartialEq + TryFrom<i32> + 'static {
    /// The protocol's name, e.g. `SLEEP_QUALITY_POOR`.
    fn name(self) -> &'static str;

    /// The label with this name; none for the value that says nothing.
    fn named(name: &str) -> Option<Self>;

    /// Every label that says something.
    fn all() -> impl Iterator<Item = Self> {
        (1..).map_while(|number| Self::try_from(number).ok())
    }

    /// The label that a file calls by the end of its name in small letters, e.g. `poor`.
    fn keyed(key: &str) -> Option<Self> {
        let prefix = Self::default().name().trim_end_matches("UNSPECIFIED");
        Self::named(&format!("{prefix}{}", key.to_uppercase()))
    }
}

macro_rules! labels {
    ($($label:ty),* $(,)?) => {
        $(impl Label for $label {
            fn name(self) -> &'static str {
                self.as_str_name()
            }

            fn named(name: &str) -> Option<Self> {
                Self::from_str_name(name).filter(|label| *label != Self::default())
            }
        })*
    };
}

labels! {
    AllianceStrength, ArousalLevel, CognitiveLoad, EmotionPrimary, ImpactDomain, MotivationStage, PerceivedControl,
    RiskKind, SleepQuality, SocialSupportLevel, Timeframe, Valence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_goes_by_its_full_name_and_by_its_key() {
        assert_eq!(Timeframe::named("TIMEFRAME_THIS_WEEK"), Some(Timeframe::ThisWeek));
        assert_eq!(Timeframe::keyed("this_week"), Some(Timeframe::ThisWeek));
        assert_eq!(Timeframe::named("TIMEFRAME_UNSPECIFIED"), None);
        assert_eq!(Timeframe::keyed("someday"), None);
        assert_eq!(SleepQuality::all().count(), 3);
        assert!(SleepQuality::all().all(|label| label != SleepQuality::Unspecified));
    }
}
