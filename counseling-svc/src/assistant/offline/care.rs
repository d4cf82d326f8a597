//! Care comes first: what is said when somebody is in danger, and in the turns after.
//!
//! The order follows what suicide prevention training asks of a listener (e.g. QPR, ASIST, 보고듣고말하기): hear the pain,
//! ask directly and gently, give the way to immediate help, stay.

use super::lexicon::{Short, Wish};
use super::phrase::{Phrase, Pool};
use super::phrasebook::{Answer, KindOfCare};
use super::reading::Intent;
use super::safety::{About, Alarm, NOW, Sense};
use super::screen::RiskScreen;
use super::style::Move;
use super::talk::Talk;
use super::text::{Pattern, Text};
use crate::assistant::{Protocol, Risk, RiskKind};

/// What a turn asks of care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// This message speaks of danger.
    Alarm(Alarm),
    /// The last question was about safety, and this answers it; `None`: they do not know.
    Answered(RiskKind, Option<Answer>),
    /// The last question was whether anybody is there, and this answers it.
    Company(bool),
    /// The message before spoke of danger.
    CheckIn(RiskKind),
    /// A message a little earlier did.
    StayNear(RiskKind),
    /// This message speaks of none, but care for this leads the answer.
    Led(Risk),
    /// The danger was named to say that there is none.
    Denied,
    /// Nothing.
    Rest,
}

impl Watch {
    /// What a protocol makes of it: care leads where the message itself asks for none.
    fn led_by(self, protocol: Protocol) -> Self {
        match (self, protocol) {
            (Self::CheckIn(_) | Self::StayNear(_) | Self::Denied | Self::Rest, Protocol::Safety(risk)) => {
                Self::Led(risk)
            }
            (watch, _) => watch,
        }
    }

    /// The risk that the message speaks of.
    fn risk(self) -> Option<Risk> {
        match self {
            Self::Alarm(alarm) => Some(alarm.risk),
            Self::Answered(kind, Some(Answer::Danger)) => Some(Risk { kind, severity: 4 }),
            Self::Answered(kind, None) => Some(Risk { kind, severity: 3 }),
            Self::Company(true) => Some(Risk { kind: RiskKind::SelfHarm, severity: 3 }),
            Self::Company(false) => Some(Risk { kind: RiskKind::SelfHarm, severity: 4 }),
            Self::Answered(_, Some(Answer::Safe)) => None,
            Self::CheckIn(_) | Self::StayNear(_) | Self::Led(_) | Self::Denied | Self::Rest => None,
        }
    }

    /// Whether its answer gives the way to immediate help.
    fn gives_lines(self) -> bool {
        match self {
            Self::Alarm(_) | Self::Led(_) | Self::Company(false) => true,
            Self::Answered(_, answer) => answer != Some(Answer::Safe),
            Self::Company(true) | Self::CheckIn(_) | Self::StayNear(_) | Self::Denied | Self::Rest => false,
        }
    }
}

/// For so many of the user's messages after a danger, help stays in sight.
const NEAR: usize = 4;

impl<'a> Talk<'a> {
    /// Answers the message, with care before anything else, and tells the risk it speaks of.
    pub(super) fn answer_with_care(&mut self, safety: &RiskScreen, protocol: Protocol) -> Option<Risk> {
        let watch = self.watch(safety).led_by(protocol);
        self.answer_watch(watch);
        if let Protocol::Safety(risk) = protocol
            && !watch.gives_lines()
        {
            self.give_lines(risk.kind);
        }
        watch.risk()
    }

    /// The risk that the message speaks of, by itself or as an answer to a question about safety.
    pub(super) fn risk(&self, safety: &RiskScreen) -> Option<Risk> {
        self.watch(safety).risk()
    }

    fn answer_watch(&mut self, watch: Watch) {
        match watch {
            Watch::Alarm(alarm) => self.answer_alarm(alarm),
            Watch::Answered(kind, answer) => self.answer_on_safety(kind, answer),
            Watch::Company(true) => self.say(|book| &book.care.company),
            Watch::Company(false) => {
                self.say(|book| &book.care.no_company);
                self.give_lines(RiskKind::SelfHarm);
            }
            Watch::CheckIn(kind) => self.check_in(kind),
            Watch::Led(risk) => self.stay_with(risk),
            Watch::StayNear(kind) => {
                self.technique = gentle(self.technique);
                self.answer();
                self.remind(kind);
            }
            Watch::Denied => self.answer_denial(),
            Watch::Rest => self.answer(),
        }
    }

    fn watch(&self, safety: &RiskScreen) -> Watch {
        let sense = safety.sense(self.message);
        if let Sense::Alarm(alarm) = sense {
            return Watch::Alarm(alarm);
        }
        let last = self.memory.last_spoken();
        let asked = |pool: &[Phrase]| pool.iter().any(|phrase| phrase.is_said_in(last));
        let asked_about = self.book.care.kind.iter().find(|(_, care)| asked(&care.ask));
        if let (Some((&kind, care)), Some(leaning)) = (asked_about, self.leaning(sense)) {
            return Watch::Answered(kind, meant(leaning, care));
        }
        if asked(&self.book.care.ask_company)
            && let Some(leaning @ (Leaning::Yes | Leaning::No)) = self.leaning(sense)
        {
            return Watch::Company(leaning == Leaning::Yes);
        }
        if sense == Sense::Denied {
            return Watch::Denied;
        }
        let kinds = self.memory.told.iter().rev().take(NEAR).map(|told| match safety.sense(&told.text) {
            Sense::Alarm(alarm) if alarm.about == About::Oneself => Some(alarm.risk.kind),
            _ => None,
        });
        let since = kinds.enumerate().find_map(|(turns, kind)| Some((turns, kind?)));
        // Help was given to a "yes" that is no alarm by itself.
        let helped = self.book.care.kind.iter().find(|(_, care)| asked(&care.danger) || asked(&care.unsure));
        let companion = asked(&self.book.care.company) || asked(&self.book.care.no_company);
        match (since, helped) {
            (Some((0, kind)), _) | (_, Some((&kind, _))) => Watch::CheckIn(kind),
            _ if companion => Watch::CheckIn(RiskKind::SelfHarm),
            (Some((_, kind)), None) => Watch::StayNear(kind),
            (None, None) => Watch::Rest,
        }
    }

    fn answer_alarm(&mut self, alarm: Alarm) {
        let Alarm { risk, about } = alarm;
        let care = self.care_for(risk.kind);
        match about {
            // A way of speaking that may mean more: heard as it was said, and asked about.
            About::Oneself if risk.severity <= 1 => {
                self.reflect();
                self.say_of(care, |care| &care.ask);
                self.give_lines(risk.kind);
            }
            About::Oneself => {
                self.say_of(care, |care| &care.open);
                if risk.severity >= NOW {
                    self.say_of(care, |care| &care.urgent);
                } else {
                    self.say_of(care, |care| &care.ask);
                }
                self.give_lines(risk.kind);
                if risk.severity >= NOW && risk.kind == RiskKind::SelfHarm {
                    self.say(|book| &book.care.ask_company);
                } else {
                    self.say(|book| &book.care.stay);
                }
            }
            About::Other => {
                self.say(|book| &book.care.other);
                self.give_lines(risk.kind);
                self.say(|book| &book.care.ask_other);
            }
            About::Bereaved => {
                self.say(|book| &book.care.bereaved);
                self.give_lines(risk.kind);
                self.say(|book| &book.care.ask_bereaved);
            }
        }
    }

    fn answer_on_safety(&mut self, kind: RiskKind, answer: Option<Answer>) {
        let care = self.care_for(kind);
        match answer {
            Some(Answer::Danger) => {
                self.say_of(care, |care| &care.danger);
                self.give_lines(kind);
                if kind == RiskKind::SelfHarm {
                    self.say(|book| &book.care.ask_company);
                } else {
                    self.say(|book| &book.care.stay);
                }
            }
            Some(Answer::Safe) => self.say_of(care, |care| &care.safe),
            None => {
                self.say_of(care, |care| &care.unsure);
                self.give_lines(kind);
                if kind == RiskKind::SelfHarm {
                    self.say(|book| &book.care.ask_company);
                } else {
                    self.say(|book| &book.care.stay);
                }
            }
        }
    }

    /// Care for a danger that was known before this message.
    fn stay_with(&mut self, risk: Risk) {
        let care = self.care_for(risk.kind);
        match self.intent {
            Intent::Wish(Wish::Bye | Wish::Thanks) => self.answer(),
            Intent::Tell | Intent::TellMuch | Intent::Wish(Wish::Advice) => self.reflect(),
            _ => self.say_of(care, |care| &care.open),
        }
        if risk.severity >= NOW {
            self.say_of(care, |care| &care.urgent);
        }
        self.say_of(care, |care| &care.check_in);
        self.give_lines(risk.kind);
        self.say(|book| &book.care.stay);
    }

    /// The turn after a danger was named: what is said now is heard, and the question comes back.
    fn check_in(&mut self, kind: RiskKind) {
        match self.intent {
            Intent::Wish(Wish::Bye | Wish::Thanks) => {
                self.answer();
                return self.remind(kind);
            }
            Intent::Tell | Intent::TellMuch | Intent::Wish(Wish::Advice) => self.reflect(),
            _ => {}
        }
        let care = self.care_for(kind);
        self.say_of(care, |care| &care.check_in);
    }

    /// Keeps help in sight, in a paragraph of its own.
    fn remind(&mut self, kind: RiskKind) {
        if let Some(care) = self.care_for(kind) {
            self.voice.break_paragraph();
            self.voice.say_fresh(&care.near);
        }
    }

    fn answer_denial(&mut self) {
        self.technique = gentle(self.technique);
        if self.reading.is_bare() {
            self.say(|book| &book.care.denied);
            return self.say(|book| &book.listen.invite);
        }
        self.answer();
        self.voice.break_paragraph();
        self.say(|book| &book.care.denied);
    }

    fn give_lines(&mut self, kind: RiskKind) {
        self.voice.break_paragraph();
        let care = self.care_for(kind);
        self.say_of(care, |care| &care.lines);
        self.voice.break_paragraph();
    }

    fn care_for(&self, kind: RiskKind) -> Option<&'a KindOfCare> {
        self.book.care.kind.get(&kind)
    }

    fn say_of(&mut self, care: Option<&'a KindOfCare>, pool: impl Fn(&'a KindOfCare) -> &'a Pool) {
        if let Some(care) = care {
            self.voice.say(pool(care));
        }
    }

    /// Which way a short answer leans.
    fn leaning(&self, sense: Sense) -> Option<Leaning> {
        match self.intent {
            _ if sense == Sense::Denied => return Some(Leaning::Safe),
            Intent::Short(Short::Yes) => return Some(Leaning::Yes),
            Intent::Short(Short::No) => return Some(Leaning::No),
            Intent::Short(Short::Unsure) => return Some(Leaning::Unsure),
            _ if self.reading.length > 40 => return None,
            _ => {}
        }
        let text = Text::new(self.message);
        let says =
            |patterns: &[&str]| patterns.iter().any(|written| Pattern::new(written).find(&text).is_some());
        LEANINGS.into_iter().find(|(_, patterns)| says(patterns)).map(|(leaning, _)| leaning)
    }
}

/// How short answers begin or what they hold, in the order in which it is looked for.
const LEANINGS: [(Leaning, &[&str]); 5] = [
    (Leaning::Unsafe, &["안전하지 않", "안전하지 못", "안 안전", "not safe", "isn't safe", "unsafe"]),
    (
        Leaning::Safe,
        &["안전해", "안전한", "안전합", "i'm safe", "am safe", "safe now", "i'm okay now", "i'm ok now"],
    ),
    (Leaning::Unsure, &["모르겠", "글쎄", "don't know", "not sure", "maybe", "idk"]),
    (
        Leaning::No,
        &[
            "^아니",
            "^아뇨",
            "^없어",
            "없어요",
            "없습니다",
            "^혼자",
            "^안 그래",
            "no",
            "nope",
            "not really",
            "nobody",
            "not now",
            "not right now",
            "alone",
        ],
    ),
    (
        Leaning::Yes,
        &[
            "^네$",
            "^넵",
            "^예$",
            "^응$",
            "^맞아",
            "^그래요",
            "^가끔",
            "^조금",
            "있어",
            "있습니다",
            "yes",
            "yeah",
            "yep",
            "sometimes",
            "a little",
            "kind of",
            "sort of",
            "is here",
            "are here",
            "i do",
            "i am",
        ],
    ),
];

/// Which way an answer leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaning {
    Yes,
    No,
    Unsure,
    /// "I'm safe", whatever was asked.
    Safe,
    /// "I'm not safe".
    Unsafe,
}

fn meant(leaning: Leaning, care: &KindOfCare) -> Option<Answer> {
    let opposite = match care.yes_means {
        Answer::Danger => Answer::Safe,
        Answer::Safe => Answer::Danger,
    };
    match leaning {
        Leaning::Yes => Some(care.yes_means),
        Leaning::No => Some(opposite),
        Leaning::Safe => Some(Answer::Safe),
        Leaning::Unsafe => Some(Answer::Danger),
        Leaning::Unsure => None,
    }
}

/// Somebody who was in danger a moment ago is not asked to think otherwise, or to do something.
fn gentle(technique: Move) -> Move {
    match technique {
        Move::Listen => Move::Listen,
        Move::Ground => Move::Ground,
        _ => Move::Validate,
    }
}
