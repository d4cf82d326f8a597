//! Hears when somebody is in danger. Both languages are listened to in every message.

use serde::Deserialize;

use super::text::{Found, Pattern, Text};
use crate::assistant::{Risk, RiskKind};

/// The words by which danger is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Safety {
    /// Ways of speaking that hold such words and mean something else.
    idioms: Vec<Pattern>,
    /// Words that make a danger one of now.
    urgent: Vec<Pattern>,
    /// Words that make it one of the past.
    past: Vec<Pattern>,
    /// In order: what one signal has matched, the later ones do not see.
    signal: Vec<Signal>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signal {
    kind: RiskKind,
    severity: u8,
    #[serde(default)]
    about: About,
    words: Vec<Pattern>,
}

/// Who is in danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum About {
    /// The user; with harm to others, by the user.
    #[default]
    Oneself,
    /// Somebody whom the user speaks of.
    Other,
    /// Somebody who died.
    Bereaved,
}

/// A danger that a message speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alarm {
    pub(super) risk: Risk,
    pub(super) about: About,
}

/// What a message says of danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    Nothing,
    /// It names a danger to say that there is none: "죽고 싶은 건 아니에요".
    Denied,
    Alarm(Alarm),
}

/// The greatest severity: it may happen now.
pub(super) const NOW: u8 = 5;

impl Safety {
    /// The gravest danger that a message speaks of.
    pub(super) fn sense(&self, message: &str) -> Sense {
        let mut text = Text::new(message).without(&self.idioms);
        let (mut sense, mut gravest) = (Sense::Nothing, 0);
        for signal in &self.signal {
            for pattern in &signal.words {
                for found in pattern.find_all(&text) {
                    if is_denied(&text, found) {
                        sense = if sense == Sense::Nothing { Sense::Denied } else { sense };
                        continue;
                    }
                    let about = if is_reported(&text, found) { About::Other } else { signal.about };
                    let risk = Risk { kind: signal.kind, severity: self.severity(signal, about, &text) };
                    if risk.severity > gravest {
                        (sense, gravest) = (Sense::Alarm(Alarm { risk, about }), risk.severity);
                    }
                }
            }
            text = text.without(&signal.words);
        }
        sense
    }

    fn severity(&self, signal: &Signal, about: About, text: &Text) -> u8 {
        let speaks = |words: &[Pattern]| words.iter().any(|pattern| pattern.find(text).is_some());
        match (about, signal.severity) {
            (About::Bereaved, severity) => severity,
            (About::Other, severity) => severity.min(2),
            (About::Oneself, 3..) if speaks(&self.urgent) => NOW,
            (About::Oneself, 2) if speaks(&self.urgent) => NOW - 1,
            (About::Oneself, severity) if speaks(&self.past) => severity.min(2),
            (About::Oneself, severity) => severity,
        }
    }
}

/// Whether the speaker says that it is not so. Only what stands directly at the words counts: a "not" elsewhere in the
/// sentence may belong to anything, and an alarm too many is the smaller mistake.
fn is_denied(text: &Text, found: Found) -> bool {
    if found.is_hangul() {
        is_denied_in_korean(&text.after(found))
    } else {
        is_denied_in_english(&text.before(found), &text.after(found))
    }
}

/// "죽고 싶지 않아요", "죽고 싶은 건 아니에요", "자살 생각은 없어요"; but not "생각이 없어지지 않아요", nor "죽고 싶지 않은 날이
/// 없어요".
fn is_denied_in_korean(after: &str) -> bool {
    const BETWEEN: [&str; 24] = [
        "",
        "은",
        "은생각",
        "다는생각",
        "할생각",
        "생각",
        "은마음",
        "다는마음",
        "할마음",
        "은건",
        "은것",
        "은게",
        "다는건",
        "다는것",
        "다는게",
        "다는뜻",
        "다는말",
        "을정도",
        "은정도",
        "한적",
        "한다는건",
        "하고싶은건",
        "같은건",
        "같은생각",
    ];
    const DENIALS: [&str; 27] = [
        "지않",
        "지는않",
        "진않",
        "지도않",
        "하지않",
        "하지는않",
        "하진않",
        "지안",
        "은아니",
        "는아니",
        "이아니",
        "아니",
        "은없",
        "이없",
        "도없",
        "없어요",
        "없습",
        "안해",
        "안할",
        "은안해",
        "는안해",
        "은안할",
        "는안할",
        "는절대안",
        "은절대안",
        "은전혀없",
        "은전혀안",
    ];
    // What turns the denial round again.
    const YET: [&str; 19] = [
        "없어지",
        "없어져",
        "없애",
        "없앨",
        "없을",
        "없던",
        "없는날",
        "없는때",
        "아니면",
        "아닌가",
        "아닐까",
        "않으면",
        "않고는",
        "않고서",
        "안할수",
        "날이없",
        "적이없",
        "때가없",
        "거짓말",
    ];
    let nearby: String = after.chars().take(16).collect();
    let denied = |rest: &str| DENIALS.iter().any(|denial| rest.starts_with(denial));
    BETWEEN.iter().filter_map(|between| after.strip_prefix(between)).any(denied)
        && !YET.iter().any(|yet| nearby.contains(yet))
}

/// "I don't want to kill myself", "never thought about suicide"; but not "I can't stop thinking about suicide", nor "why
/// not kill myself".
fn is_denied_in_english(before: &str, after: &str) -> bool {
    const BETWEEN: [&str; 27] = [
        "want", "wanting", "to", "going", "gonna", "planning", "trying", "thinking", "think", "thought",
        "thoughts", "of", "about", "ever", "really", "actually", "feel", "feeling", "any", "be", "been",
        "having", "have", "had", "in", "mean", "intend",
    ];
    const DENIALS: [&str; 12] = [
        "not", "never", "no", "don't", "didn't", "won't", "wouldn't", "isn't", "haven't", "wasn't",
        "doesn't", "aren't",
    ];
    const YET: [&str; 7] = ["why", "try", "trying", "struggling", "how", "can't", "if"];
    let mut back = before.split_whitespace().rev().skip_while(|word| BETWEEN.contains(word));
    let denied = back.next().is_some_and(|word| DENIALS.contains(&word));
    let turned = back.next().is_some_and(|word| YET.contains(&word))
        || after.split_whitespace().take(2).any(|word| matches!(word, "until" | "before"));
    denied && !turned
}

/// Whether somebody else is said to have said it: "친구가 죽고 싶다고 해요".
fn is_reported(text: &Text, found: Found) -> bool {
    const REPORTS: [&str; 12] = [
        "다고해",
        "다고했",
        "다고하",
        "다고말",
        "다고그",
        "다고연락",
        "다고문자",
        "다고카톡",
        "대요",
        "다는말을",
        "다는얘기를",
        "다네요",
    ];
    const SPEAKERS: [&str; 33] = [
        "친구가",
        "친구는",
        "동생이",
        "동생은",
        "언니가",
        "오빠가",
        "누나가",
        "형이",
        "엄마가",
        "아빠가",
        "어머니가",
        "아버지가",
        "남편이",
        "아내가",
        "남친이",
        "여친이",
        "아들이",
        "딸이",
        "아이가",
        "애가",
        "애인이",
        "그사람이",
        "걔가",
        "누가",
        "동료가",
        "선배가",
        "후배가",
        "학생이",
        "지인이",
        "친구도",
        "조카가",
        "사촌이",
        "동기가",
    ];
    const ONESELF: [&str; 6] = ["제가", "내가", "저는", "나는", "저도", "나도"];
    let (before, after) = (text.before(found), text.after(found));
    let said_last = |words: &[&str]| words.iter().filter_map(|word| before.rfind(word)).max();
    REPORTS.iter().any(|report| after.starts_with(report))
        && said_last(&SPEAKERS)
            .is_some_and(|speaker| said_last(&ONESELF).is_none_or(|oneself| oneself < speaker))
}
