//! The feeling in front, how strong it is, and how stirred up somebody is with it.

use shared::proto::v1::{ArousalLevel, EmotionPrimary};

use super::super::lexicon::Emotion;
use super::super::reading::Reading;
use super::super::text::{Pattern, Text};
use super::signs::Signs;
use crate::contexts::domain::MOST_INTENSITY;

/// A feeling, and how strong it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Felt {
    emotion: Emotion,
    /// 0 to [`MOST_INTENSITY`].
    pub(super) intensity: i32,
}

impl Felt {
    /// The main feeling of a message.
    pub(super) fn in_message(message: &str, text: &Text, reading: &Reading, signs: &Signs) -> Option<Self> {
        let feeling = reading.main_feeling()?;
        let intensity = stated(message).unwrap_or_else(|| {
            let base = if feeling.is_named { 5 } else { 4 };
            let painful = reading.feelings.iter().filter(|felt| !felt.emotion.is_pleasant()).count();
            let several = i32::from(painful >= 3);
            base + worded(text, signs) + stressed(message) + several
        });
        Some(Self { emotion: feeling.emotion, intensity: intensity.clamp(1, MOST_INTENSITY) })
    }

    pub(super) fn primary(self) -> EmotionPrimary {
        match self.emotion {
            Emotion::Anxiety => EmotionPrimary::Anxiety,
            Emotion::Sadness | Emotion::Hurt | Emotion::Emptiness => EmotionPrimary::Sadness,
            Emotion::Anger => EmotionPrimary::Anger,
            Emotion::Loneliness => EmotionPrimary::Loneliness,
            Emotion::Guilt => EmotionPrimary::Guilt,
            Emotion::Shame => EmotionPrimary::Shame,
            Emotion::Stress | Emotion::Exhaustion => EmotionPrimary::Stress,
            Emotion::Hope => EmotionPrimary::Hope,
            Emotion::Calm => EmotionPrimary::Calm,
            Emotion::Envy | Emotion::Confusion | Emotion::Joy => EmotionPrimary::Other,
        }
    }

    pub(super) fn arousal(self) -> ArousalLevel {
        match (self.emotion, self.intensity) {
            (Emotion::Anxiety | Emotion::Anger | Emotion::Stress | Emotion::Joy, 7..) => ArousalLevel::High,
            (Emotion::Calm | Emotion::Emptiness | Emotion::Exhaustion, _) => ArousalLevel::Low,
            (_, 9..) => ArousalLevel::High,
            _ => ArousalLevel::Medium,
        }
    }

    pub(super) fn is_pleasant(self) -> bool {
        self.emotion.is_pleasant()
    }
}

/// A number that somebody gives it: "8/10", "8 out of 10", "10점 만점에 8점".
fn stated(message: &str) -> Option<i32> {
    let message = message.to_lowercase();
    let before = |mark: &str| {
        let (before, _) = message.split_once(mark)?;
        let digits: String = before.trim_end().chars().rev().take_while(char::is_ascii_digit).collect();
        digits.chars().rev().collect::<String>().parse().ok()
    };
    let after = |mark: &str| {
        let (_, after) = message.split_once(mark)?;
        let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let number = before("/10").or_else(|| before("out of 10")).or_else(|| before("out of ten"));
    number.or_else(|| after("10점 만점에")).filter(|number| (0..=MOST_INTENSITY).contains(number))
}

/// What words add or take away.
fn worded(text: &Text, signs: &Signs) -> i32 {
    let count = |words: &[Pattern]| words.iter().map(|word| word.find_all(text).count()).sum::<usize>();
    let strong = match count(&signs.intensity.strong) {
        0 => 0,
        1 => 2,
        _ => 3,
    };
    let slight = if count(&signs.intensity.slight) > 0 { 2 } else { 0 };
    strong - slight
}

/// What the way of writing adds: exclamation marks, tears, letters held down, capitals.
fn stressed(message: &str) -> i32 {
    let exclaimed = message.matches('!').count().min(2);
    let tears = message.chars().filter(|letter| matches!(letter, 'ㅠ' | 'ㅜ' | '😭' | '😢')).count();
    let shouted = message.split_whitespace().filter(|word| is_shouted(word)).count();
    let held = usize::from(holds_a_letter(message));
    let stress = exclaimed + usize::from(tears >= 2) + usize::from(shouted >= 2) + held;
    i32::try_from(stress.min(2)).unwrap_or(2)
}

fn is_shouted(word: &str) -> bool {
    word.len() > 3 && word.chars().all(|letter| letter.is_ascii_uppercase() || !letter.is_alphanumeric())
}

/// "soooo tired".
fn holds_a_letter(message: &str) -> bool {
    let letters: Vec<char> = message.chars().filter(char::is_ascii_alphabetic).collect();
    letters.windows(4).any(|run| run.iter().all(|letter| *letter == run[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_somebody_gives_is_taken_at_its_word() {
        assert_eq!(stated("my anxiety is 8/10 today"), Some(8));
        assert_eq!(stated("a 3 out of 10"), Some(3));
        assert_eq!(stated("불안이 10점 만점에 9점이에요"), Some(9));
        assert_eq!(stated("I worked 24/10 hours"), None);
        assert_eq!(stated("불안해요"), None);
    }

    #[test]
    fn the_way_of_writing_tells_how_strong_it_is() {
        assert_eq!(stressed("힘들어요"), 0);
        assert_eq!(stressed("힘들어요ㅠㅠ"), 1);
        assert_eq!(stressed("I'm soooo tired!!!"), 2);
        assert_eq!(stressed("WHY does THIS ALWAYS happen"), 1);
    }
}
