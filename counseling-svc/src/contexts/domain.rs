//! The value object [`Context`], and what is known of one counsel.

use shared::proto::v1::AllianceStrength;
use shared::proto::v1::{
    ArousalLevel, CognitiveLoad, EmotionPrimary, ImpactDomain, MotivationStage, PerceivedControl, RiskKind,
    SleepQuality, SocialSupportLevel, Timeframe, Valence,
};
use shared::time::Timestamp;

/// The greatest intensity of an emotion, and the greatest self-efficacy; both begin at 0.
pub const MOST_INTENSITY: i32 = 10;
/// The greatest severity of a risk, it may happen now; 0 is none.
pub const MOST_SEVERITY: i32 = 5;

/// What is known of a counsel; whatever is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The part of life that it is about.
    pub impact_domain: Option<ImpactDomain>,
    /// Since when.
    pub timeframe: Option<Timeframe>,
    /// The feeling in front.
    pub emotion_primary: Option<EmotionPrimary>,
    /// How strong that feeling is: 0 to [`MOST_INTENSITY`].
    pub emotion_intensity: Option<i32>,
    /// Whether it feels bad or good.
    pub valence: Option<Valence>,
    /// How stirred up the user is.
    pub arousal_level: Option<ArousalLevel>,
    /// How much the user can do about it, by their own account.
    pub perceived_control: Option<PerceivedControl>,
    /// How far the user is on the way to a change (Prochaska and DiClemente).
    pub motivation_stage: Option<MotivationStage>,
    /// How far the user trusts in their own strength: 0 to [`MOST_INTENSITY`].
    pub self_efficacy: Option<i32>,
    /// Whether others are there for the user.
    pub social_support_level: Option<SocialSupportLevel>,
    /// The danger that is spoken of; [`RiskKind::None`] when there is none.
    pub risk_kind: Option<RiskKind>,
    /// How grave it is: 0 to [`MOST_SEVERITY`].
    pub risk_severity: Option<i32>,
    /// How the user sleeps.
    pub sleep_quality: Option<SleepQuality>,
    /// Whether the body hurts or is ill.
    pub physical_symptoms_present: Option<bool>,
    /// How much is on the user's mind at once.
    pub cognitive_load: Option<CognitiveLoad>,
    /// How well user and counselor work together.
    pub alliance_strength: Option<AllianceStrength>,
    /// Whether the user wants to look deeper.
    pub consent_to_depth: Option<bool>,
}

impl Context {
    /// This, with what `newer` knows in place of what was known before: what a look at the counsel did not tell stays
    /// as it was.
    #[must_use]
    pub fn updated(self, newer: Self) -> Self {
        Self {
            impact_domain: newer.impact_domain.or(self.impact_domain),
            timeframe: newer.timeframe.or(self.timeframe),
            emotion_primary: newer.emotion_primary.or(self.emotion_primary),
            emotion_intensity: newer.emotion_intensity.or(self.emotion_intensity),
            valence: newer.valence.or(self.valence),
            arousal_level: newer.arousal_level.or(self.arousal_level),
            perceived_control: newer.perceived_control.or(self.perceived_control),
            motivation_stage: newer.motivation_stage.or(self.motivation_stage),
            self_efficacy: newer.self_efficacy.or(self.self_efficacy),
            social_support_level: newer.social_support_level.or(self.social_support_level),
            risk_kind: newer.risk_kind.or(self.risk_kind),
            risk_severity: newer.risk_severity.or(self.risk_severity),
            sleep_quality: newer.sleep_quality.or(self.sleep_quality),
            physical_symptoms_present: newer.physical_symptoms_present.or(self.physical_symptoms_present),
            cognitive_load: newer.cognitive_load.or(self.cognitive_load),
            alliance_strength: newer.alliance_strength.or(self.alliance_strength),
            consent_to_depth: newer.consent_to_depth.or(self.consent_to_depth),
        }
    }
}

/// What is known of a counsel, and by which message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Understanding {
    pub counsel_id: String,
    pub context: Context,
    /// The last of the user's messages that was looked at.
    pub message_id: String,
    /// When that was said.
    pub message_at: Timestamp,
}

impl Understanding {
    /// Whether it has looked at the message with this key, or at a later one.
    pub fn covers(&self, at: Timestamp, id: &str) -> bool {
        (self.message_at, self.message_id.as_str()) >= (at, id)
    }
}

/// What the earlier parts of a counsel were about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub counsel_id: String,
    pub text: String,
    /// The last message that it covers.
    pub through_message_id: String,
    /// When that was said.
    pub through_message_at: Timestamp,
}

impl Summary {
    /// Where it ends: the key of the last message that it covers.
    pub fn end(&self) -> (Timestamp, String) {
        (self.through_message_at, self.through_message_id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_look_does_not_tell_stays_as_it_was() {
        let known =
            Context { valence: Some(Valence::Negative), emotion_intensity: Some(7), ..Context::default() };
        let newer =
            Context { emotion_intensity: Some(4), consent_to_depth: Some(true), ..Context::default() };
        let both = known.updated(newer);
        assert_eq!(both.valence, Some(Valence::Negative));
        assert_eq!((both.emotion_intensity, both.consent_to_depth), (Some(4), Some(true)));
    }
}
