//! How to speak and what to do, read from the prompts of a tone and a technique.
//!
//! A prompt says it to the offline counselor in one line, which a model may read as well: `[style: korean formal warm]`
//! in a tone prompt, `[move: reframe]` in a technique's instruction. Without that line the words of the prompt decide.

use serde::Deserialize;

use super::language::Language;
use crate::assistant::{Technique, Tone};

/// A tone of voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Formal or casual; English hardly tells them apart.
    pub(crate) register: Register,
    /// The colour of the voice.
    pub(crate) manner: Manner,
    /// The language that the tone is written for, if it says so.
    pub(crate) language: Option<Language>,
}

/// 존댓말 or 반말.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Register {
    Formal,
    Casual,
}

/// The colour of a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Tender, and free with understanding words.
    Warm,
    /// Unhurried: fewer questions, more room.
    Calm,
    /// Short and to the point.
    Direct,
    /// Light, where lightness hurts nobody.
    Playful,
}

/// What a technique does with what it hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Move {
    /// Active listening: give back what was heard, and leave room.
    Listen,
    /// Empathy: say that the feeling makes sense.
    Validate,
    /// Open questions.
    Explore,
    /// Affirmation: name the strength that shows.
    Affirm,
    /// Cognitive reframing: ask gently for another view.
    Reframe,
    /// Solution focus: scales, exceptions, the miracle question.
    Solution,
    /// Behavioural activation: one small step.
    Activate,
    /// Grounding: come back to the body and to the room.
    Ground,
}

impl Register {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "formal" | "polite" | "존댓말" => Some(Self::Formal),
            "casual" | "friendly" | "반말" => Some(Self::Casual),
            _ => None,
        }
    }

    pub(super) fn choose<'a>(self, formal: &'a str, casual: &'a str) -> &'a str {
        match self {
            Self::Formal => formal,
            Self::Casual => casual,
        }
    }
}

impl Manner {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "warm" => Some(Self::Warm),
            "calm" => Some(Self::Calm),
            "direct" => Some(Self::Direct),
            "playful" => Some(Self::Playful),
            _ => None,
        }
    }
}

impl Style {
    /// The style of a tone: of its marker, and where the marker says nothing, of its words. Formal and warm otherwise.
    pub(crate) fn of(tone: &Tone) -> Self {
        let marked = marker(&tone.prompt, "style").unwrap_or_default();
        let said = format!("{} {}", tone.name, tone.prompt).to_lowercase().replace("informal", "casual");
        let names = || marked.split(|c: char| !c.is_alphanumeric()).filter(|name| !name.is_empty());
        Self {
            register: names().find_map(Register::named).unwrap_or_else(|| register_said(&said)),
            manner: names().find_map(Manner::named).unwrap_or_else(|| manner_said(&said)),
            language: names().find_map(|name| match name {
                "ko" | "korean" | "한국어" => Some(Language::Korean),
                "en" | "english" | "영어" => Some(Language::English),
                _ => None,
            }),
        }
    }
}

fn register_said(said: &str) -> Register {
    // A prompt that forbids 반말 names it too, so 존댓말 is looked for first.
    let casual = ["반말", "casual", "like a friend", "친구처럼"].iter().any(|word| said.contains(word));
    let formal = ["존댓말", "존대", "높임말", "formal", "polite"].iter().any(|word| said.contains(word));
    if casual && !formal { Register::Casual } else { Register::Formal }
}

fn manner_said(said: &str) -> Manner {
    const SAID: [(Manner, &[&str]); 4] = [
        (Manner::Playful, &["playful", "humor", "humour", "witty", "유쾌", "장난", "발랄", "재치"]),
        (Manner::Direct, &["direct", "straightforward", "concise", "직설", "솔직", "간결", "단도직입"]),
        (Manner::Calm, &["calm", "slow", "quiet", "차분", "잔잔", "조용", "천천히"]),
        (Manner::Warm, &["warm", "따뜻", "다정", "포근"]),
    ];
    let first_said = |words: &[&str]| words.iter().filter_map(|word| said.find(word)).min();
    SAID.into_iter()
        .filter_map(|(manner, words)| Some((first_said(words)?, manner)))
        .min_by_key(|(at, _)| *at)
        .map_or(Manner::Warm, |(_, manner)| manner)
}

impl Move {
    /// The move of a technique: of its marker, of its name, of its instruction. Listening otherwise.
    pub(crate) fn of(technique: &Technique) -> Self {
        let marked = marker(&technique.instruction, "move");
        marked
            .as_deref()
            .and_then(|name| Self::named(name.trim()))
            .or_else(|| Self::said(&technique.name.to_lowercase()))
            .or_else(|| Self::said(&technique.instruction.to_lowercase()))
            .unwrap_or(Self::Listen)
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            "listen" => Some(Self::Listen),
            "validate" => Some(Self::Validate),
            "explore" => Some(Self::Explore),
            "affirm" => Some(Self::Affirm),
            "reframe" => Some(Self::Reframe),
            "solution" => Some(Self::Solution),
            "activate" => Some(Self::Activate),
            "ground" => Some(Self::Ground),
            _ => None,
        }
    }

    fn said(said: &str) -> Option<Self> {
        const SAID: [(Move, &[&str]); 8] = [
            (Move::Reframe, &["reframing", "reframe", "cognitive", "인지", "재구성", "관점", "another view"]),
            (Move::Solution, &["solution", "scaling", "miracle", "해결", "척도", "기적"]),
            (
                Move::Activate,
                &["activation", "small step", "행동 활성", "행동활성", "작은 실천", "작은 행동"],
            ),
            (Move::Ground, &["grounding", "breath", "mindful", "그라운딩", "호흡", "안정화", "마음챙김"]),
            (Move::Affirm, &["affirm", "strength", "인정", "강점", "지지"]),
            (Move::Validate, &["empath", "validat", "공감", "타당"]),
            (Move::Listen, &["listen", "reflect", "경청", "반영"]),
            (Move::Explore, &["explor", "open question", "탐색", "열린 질문"]),
        ];
        SAID.into_iter()
            .find(|(_, words)| words.iter().any(|word| said.contains(word)))
            .map(|(found, _)| found)
    }
}

/// What stands behind the name in `[name: …]`, in lower case.
fn marker(prompt: &str, name: &str) -> Option<String> {
    let prompt = prompt.to_lowercase();
    let (_, rest) = prompt.split_once(&format!("[{name}:"))?;
    rest.split_once(']').map(|(inside, _)| inside.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(name: &str, prompt: &str) -> Style {
        Style::of(&Tone { name: name.into(), prompt: prompt.into() })
    }

    fn technique(name: &str, instruction: &str) -> Move {
        let (name, instruction) = (name.into(), instruction.into());
        Move::of(&Technique { name, context: String::new(), instruction, temperature: 0.7 })
    }

    #[test]
    fn the_marker_says_the_style() {
        let style = style("x", "[style: korean casual playful]\n존댓말은 쓰지 마세요.");
        assert_eq!(style.register, Register::Casual);
        assert_eq!(style.manner, Manner::Playful);
        assert_eq!(style.language, Some(Language::Korean));
    }

    #[test]
    fn without_a_marker_the_words_say_it() {
        assert_eq!(style("친근한 반말", "친구처럼 솔직하게").register, Register::Casual);
        assert_eq!(style("친근한 반말", "친구처럼 솔직하게").manner, Manner::Direct);
        assert_eq!(style("차분한 존댓말", "반말은 쓰지 않는다").register, Register::Formal);
        assert_eq!(style("Direct", "Keep it short.").manner, Manner::Direct);
        assert_eq!(style("", "").manner, Manner::Warm);
    }

    #[test]
    fn the_marker_says_the_move() {
        assert_eq!(technique("적극적 경청", "[move: solution] 듣습니다"), Move::Solution);
    }

    #[test]
    fn without_a_marker_the_name_then_the_instruction_say_it() {
        assert_eq!(technique("적극적 경청", ""), Move::Listen);
        assert_eq!(technique("공감과 타당화", ""), Move::Validate);
        assert_eq!(technique("인지 재구성", ""), Move::Reframe);
        assert_eq!(technique("Solution-focused questions", ""), Move::Solution);
        assert_eq!(technique("Stage 3", "Behavioural activation: agree on one small step."), Move::Activate);
        assert_eq!(technique("Stage 0", "Be there."), Move::Listen);
    }
}
