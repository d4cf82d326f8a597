//! The words by which it is known how somebody is doing.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use shared::proto::v1::{
    AllianceStrength, ArousalLevel, CognitiveLoad, MotivationStage, PerceivedControl, SleepQuality,
    SocialSupportLevel, Timeframe,
};

use super::super::lexicon::{Emotion, NamedPattern, Wish, is_denied};
use super::super::text::{Found, Pattern, Text};
use crate::assistant::RiskKind;
use crate::labels::Label;

/// The signs of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Signs {
    pub(super) timeframe: Scale<Timeframe>,
    pub(super) perceived_control: Scale<PerceivedControl>,
    pub(super) motivation_stage: Scale<MotivationStage>,
    pub(super) self_efficacy: Scale<SelfEfficacy>,
    pub(super) social_support: Scale<SocialSupportLevel>,
    pub(super) sleep: Scale<SleepQuality>,
    pub(super) physical_symptoms: Scale<bool>,
    pub(super) cognitive_load: Scale<CognitiveLoad>,
    pub(super) alliance: Scale<AllianceStrength>,
    pub(super) consent_to_depth: Scale<bool>,
    pub(super) arousal: Scale<ArousalLevel>,
    pub(super) intensity: IntensityWords,
    pub(super) want: Wants,
    pub(super) summary: SummaryWords,
}

/// Words that make a feeling stronger or weaker, or say that there is hardly one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IntensityWords {
    pub(super) strong: Vec<Pattern>,
    pub(super) slight: Vec<Pattern>,
    pub(super) neutral: Vec<Pattern>,
}

/// What somebody wishes for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wants {
    pub(super) list: Vec<NamedPattern>,
}

/// How a summary is worded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SummaryWords {
    pub(super) topics: String,
    pub(super) people: String,
    pub(super) feelings: String,
    pub(super) wishes: String,
    pub(super) dangers: String,
    pub(super) feeling: BTreeMap<Emotion, String>,
    pub(super) wish: BTreeMap<Wish, String>,
    pub(super) danger: BTreeMap<RiskKind, String>,
}

/// A level that words may tell.
pub(super) trait Level: Copy {
    /// The level that a file calls `key`.
    fn keyed(key: &str) -> Option<Self>;

    /// What a denied sign of this level tells, if anything: who is not confident lacks confidence, but who has no
    /// trouble sleeping need not sleep well.
    fn denied(self) -> Option<Self> {
        None
    }
}

macro_rules! levels {
    ($($label:ident { $($told:ident => $denied:ident),* }),* $(,)?) => {
        $(impl Level for $label {
            fn keyed(key: &str) -> Option<Self> {
                Label::keyed(key)
            }

            fn denied(self) -> Option<Self> {
                match self {
                    $(Self::$told => Some(Self::$denied),)*
                    _ => None,
                }
            }
        })*
    };
}

levels! {
    // A "no" beside a time belongs to something else.
    Timeframe { Today => Today, ThisWeek => ThisWeek, ThisMonth => ThisMonth, ThisYear => ThisYear, Longer => Longer },
    PerceivedControl { High => Low },
    MotivationStage {},
    SocialSupportLevel { High => Low },
    SleepQuality { Good => Poor },
    CognitiveLoad { Low => High },
    AllianceStrength { Strong => Weak },
    ArousalLevel {},
}

impl Level for bool {
    fn keyed(key: &str) -> Option<Self> {
        match key {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }

    fn denied(self) -> Option<Self> {
        self.then_some(false)
    }
}

/// Trust in one's own strength, 0 to 10, as far as words tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SelfEfficacy(pub(super) i32);

impl Level for SelfEfficacy {
    fn keyed(key: &str) -> Option<Self> {
        match key {
            "low" => Some(Self(2)),
            "medium" => Some(Self(5)),
            "high" => Some(Self(8)),
            _ => None,
        }
    }

    fn denied(self) -> Option<Self> {
        (self.0 > 5).then_some(Self(2))
    }
}

/// The signs of each level.
#[derive(Debug)]
pub(super) struct Scale<L>(Vec<(L, Pattern)>);

impl<L: Level> Scale<L> {
    /// The levels that a text tells, in the order in which it does. A sign inside a longer one does not count.
    pub(super) fn told(&self, text: &Text) -> Vec<L> {
        let signs = self.0.iter().flat_map(|(level, sign)| sign.find_all(text).map(|found| (found, *level)));
        let signs: Vec<(Found, L)> = signs.collect();
        let whole = |found: Found| !signs.iter().any(|(other, _)| other.holds(found));
        let mut told: Vec<_> = signs.iter().copied().filter(|(found, _)| whole(*found)).collect();
        told.sort_by_key(|(found, _)| found.position());
        let level = |(found, level): (Found, L)| {
            if is_denied(text, found) { level.denied() } else { Some(level) }
        };
        told.into_iter().filter_map(level).collect()
    }

    /// The level that a text tells last.
    pub(super) fn last(&self, text: &Text) -> Option<L> {
        self.told(text).pop()
    }
}

impl<'de, L: Level> Deserialize<'de> for Scale<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut scale = Vec::new();
        for (key, signs) in BTreeMap::<String, Vec<Pattern>>::deserialize(deserializer)? {
            let level = L::keyed(&key).ok_or_else(|| D::Error::custom(format!("{key} is not a level")))?;
            scale.extend(signs.into_iter().map(|sign| (level, sign)));
        }
        Ok(Self(scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleep() -> Scale<SleepQuality> {
        toml::from_str("poor = ['못 자', \"can't sleep\"]\ngood = ['푹 자', '푹 자고 있', 'sleep well']")
            .unwrap()
    }

    #[test]
    fn the_last_sign_counts() {
        assert_eq!(sleep().last(&Text::new("못 자다가 이제 푹 자요")), Some(SleepQuality::Good));
        assert_eq!(sleep().last(&Text::new("I sleep well. Or: I can't sleep")), Some(SleepQuality::Poor));
    }

    #[test]
    fn a_denied_good_sign_tells_the_opposite_and_a_denied_bad_one_nothing() {
        assert_eq!(sleep().last(&Text::new("I don't sleep well")), Some(SleepQuality::Poor));
        assert_eq!(sleep().last(&Text::new("It's not that I can't sleep")), None);
    }

    #[test]
    fn a_level_that_nobody_knows_is_refused() {
        assert!(toml::from_str::<Scale<SleepQuality>>("bad = []").is_err());
    }
}
