//! What a counsel is about and how its user is doing, as far as words tell.
//!
//! The user's latest message counts most; what it leaves open, the ones before it fill in, the latest first. What no
//! message tells stays unknown.

mod feelings;
mod signs;
mod summary;

use shared::proto::v1::{AllianceStrength, ImpactDomain, RiskKind as RiskLabel, Valence};

use self::feelings::Felt;
pub(super) use self::signs::Signs;
pub(crate) use self::summary::cut;
use super::language::{Language, Script};
use super::lexicon::{Topic, Wish};
use super::reading::{Intent, Reading};
use super::safety::{About, Sense};
use super::text::Text;
use super::{OfflineAssistant, Tongue};
use crate::assistant::{Excerpt, Risk, RiskKind, Speaker, Utterance};
use crate::contexts::domain::Context;

/// A message of the user, looked at.
struct Look<'a> {
    text: Text,
    reading: Reading,
    intent: Intent,
    signs: &'a Signs,
    /// What is felt in it, if something is.
    felt: Option<Felt>,
    /// The danger that it speaks of.
    sense: Sense,
}

impl OfflineAssistant {
    /// What an excerpt tells.
    pub(super) fn understand(&self, excerpt: &Excerpt) -> Context {
        let looks = self.looks(&excerpt.utterances, language_of(&excerpt.utterances));
        let (risk_kind, risk_severity) = match self.latest_risk(&excerpt.utterances) {
            None => (None, None),
            Some(None) => (Some(RiskLabel::None), Some(0)),
            Some(Some(risk)) => (Some(label(risk.kind)), Some(risk.severity.into())),
        };
        let felt = told(&looks, |look| look.felt);
        Context {
            impact_domain: told(&looks, Look::impact_domain),
            timeframe: told(&looks, |look| look.signs.timeframe.told(&look.text).into_iter().max()),
            emotion_primary: felt.map(Felt::primary),
            emotion_intensity: felt.map(|felt| felt.intensity),
            valence: told(&looks, Look::valence),
            arousal_level: told(&looks, |look| {
                look.signs.arousal.last(&look.text).or(look.felt.map(Felt::arousal))
            }),
            perceived_control: told(&looks, |look| look.signs.perceived_control.last(&look.text)),
            motivation_stage: told(&looks, |look| look.signs.motivation_stage.last(&look.text)),
            self_efficacy: told(&looks, |look| look.signs.self_efficacy.last(&look.text))
                .map(|level| level.0),
            social_support_level: told(&looks, |look| look.signs.social_support.last(&look.text)),
            risk_kind,
            risk_severity,
            sleep_quality: told(&looks, |look| look.signs.sleep.last(&look.text)),
            physical_symptoms_present: told(&looks, |look| look.signs.physical_symptoms.last(&look.text)),
            cognitive_load: told(&looks, |look| look.signs.cognitive_load.last(&look.text)),
            alliance_strength: told(&looks, Look::alliance),
            consent_to_depth: told(&looks, |look| look.signs.consent_to_depth.last(&look.text)),
        }
    }

    /// The danger in the user's latest message, read with what was asked before it; `None`: the user said nothing.
    fn latest_risk(&self, utterances: &[Utterance]) -> Option<Option<Risk>> {
        let at = utterances.iter().rposition(|utterance| utterance.speaker == Speaker::User)?;
        let usual = language_of(utterances);
        Some(self.risk_of(&utterances[..at], &utterances[at].text, usual))
    }

    /// The user's messages, the latest first.
    fn looks(&self, utterances: &[Utterance], usual: Language) -> Vec<Look<'_>> {
        let told = utterances.iter().rev().filter(|utterance| utterance.speaker == Speaker::User);
        told.map(|utterance| self.look(&utterance.text, usual)).collect()
    }

    fn look(&self, message: &str, usual: Language) -> Look<'_> {
        let language = match Script::of(message) {
            Script::Known(language) => language,
            Script::Foreign | Script::None => usual,
        };
        let Tongue { lexicon, signs, .. } = self.tongue(language);
        let reading = Reading::of(message, language, lexicon);
        let text = Text::new(message);
        let felt = Felt::in_message(message, &text, &reading, signs);
        let intent = Intent::of(message, &reading, lexicon);
        Look { text, intent, reading, signs, felt, sense: self.safety.sense(message) }
    }
}

/// What the first of these that tells something tells.
fn told<'a, T>(looks: &[Look<'a>], tell: impl Fn(&Look<'a>) -> Option<T>) -> Option<T> {
    looks.iter().find_map(tell)
}

/// The language that the user wrote in last, or else the one of the counsel; English when neither tells.
fn language_of(utterances: &[Utterance]) -> Language {
    let known = |speaker: Speaker| {
        let said = utterances.iter().rev().filter(move |utterance| utterance.speaker == speaker);
        said.map(|utterance| Script::of(&utterance.text)).find_map(|script| match script {
            Script::Known(language) => Some(language),
            Script::Foreign | Script::None => None,
        })
    };
    known(Speaker::User).or_else(|| known(Speaker::Counselor)).unwrap_or(Language::English)
}

fn label(kind: RiskKind) -> RiskLabel {
    match kind {
        RiskKind::SelfHarm => RiskLabel::SelfHarm,
        RiskKind::HarmToOthers => RiskLabel::HarmToOthers,
        RiskKind::Abuse => RiskLabel::Abuse,
    }
}

impl Look<'_> {
    /// The part of life that it is about. Sleep suffers from something, so that comes first.
    fn impact_domain(&self) -> Option<ImpactDomain> {
        let main = self.reading.main_subject()?;
        let other = self.reading.subjects.iter().find(|subject| subject.topic != Topic::Sleep);
        let subject = if main.topic == Topic::Sleep { other.unwrap_or(main) } else { main };
        Some(match subject.topic {
            Topic::Work | Topic::Future => ImpactDomain::Work,
            Topic::Study => ImpactDomain::Study,
            Topic::Family => ImpactDomain::Family,
            Topic::Partner | Topic::Friends => ImpactDomain::Relationship,
            Topic::Health | Topic::Sleep => ImpactDomain::Health,
            Topic::Money => ImpactDomain::Finance,
            Topic::SelfWorth => ImpactDomain::Self_,
            Topic::Loss => ImpactDomain::Other,
        })
    }

    fn valence(&self) -> Option<Valence> {
        let in_danger = matches!(self.sense, Sense::Alarm(alarm) if alarm.about == About::Oneself);
        match (self.reading.is_painful() || in_danger, self.reading.is_pleasant()) {
            (true, _) if self.felt.is_some_and(Felt::is_pleasant) => Some(Valence::Neutral),
            (true, _) => Some(Valence::Negative),
            (false, true) => Some(Valence::Positive),
            (false, false) => {
                let neutral = &self.signs.intensity.neutral;
                neutral.iter().any(|sign| sign.find(&self.text).is_some()).then_some(Valence::Neutral)
            }
        }
    }

    fn alliance(&self) -> Option<AllianceStrength> {
        self.signs.alliance.last(&self.text).or(match self.intent {
            Intent::Wish(Wish::Repair | Wish::Hostile) => Some(AllianceStrength::Weak),
            Intent::Wish(Wish::Thanks) => Some(AllianceStrength::Strong),
            _ => None,
        })
    }
}
