//! A turn of conversation: hears what is wanted, and says the parts of an answer in order.

use super::lexicon::{Emotion, Short, Topic, Wish};
use super::memory::Memory;
use super::phrase::Phrase;
use super::phrasebook::Phrasebook;
use super::reading::{Intent, Reading, Subject};
use super::style::{Manner, Move, Style};
use super::voice::Voice;

/// Everything that the answer to one message draws on.
pub(super) struct Talk<'a> {
    pub(super) book: &'a Phrasebook,
    pub(super) message: &'a str,
    pub(super) reading: &'a Reading,
    pub(super) intent: Intent,
    pub(super) memory: &'a Memory,
    pub(super) style: Style,
    /// What the technique does.
    pub(super) technique: Move,
    pub(super) voice: Voice<'a>,
}

impl Talk<'_> {
    /// Answers a message that speaks of no danger.
    pub(super) fn answer(&mut self) {
        match self.intent {
            Intent::Tell => self.answer_telling(),
            Intent::TellMuch => self.answer_much(),
            Intent::Wish(wish) => self.answer_wish(wish),
            Intent::Short(short) => self.answer_short(short),
            Intent::Laugh => self.say(|book| &book.wordless.laugh),
            Intent::Tears => self.say(|book| &book.wordless.tears),
            Intent::Silence => self.say(|book| &book.wordless.silence),
            Intent::Gibberish => self.say(|book| &book.wordless.gibberish),
            Intent::Foreign => self.say(|book| &book.wordless.foreign),
        }
    }

    fn answer_telling(&mut self) {
        if let Some(number) = self.number_on_scale() {
            return self.answer_number(number);
        }
        let first = self.memory.turn() == 1 && self.reading.is_painful();
        if first && self.is_tender() && self.voice.chance.one_in(2) {
            self.say_fresh(|book| &book.listen.first);
        }
        self.reflect();
        if !(self.is_time_to_summarize() && self.summarize()) {
            self.follow();
        }
    }

    fn answer_much(&mut self) {
        self.say(|book| &book.listen.much);
        self.reflect();
        if self.fill_topics(2) {
            self.say(|book| &book.listen.which);
        } else {
            self.follow();
        }
    }

    fn answer_wish(&mut self, wish: Wish) {
        match wish {
            Wish::Advice => return self.advise(),
            Wish::ListenOnly if !self.reading.is_bare() => self.reflect(),
            _ => {}
        }
        self.say(|book| book.wish.get(&wish).map_or(&[], Vec::as_slice));
        if matches!(wish, Wish::Human | Wish::Who | Wish::Able | Wish::Privacy | Wish::Medical) {
            self.return_to_the_user();
        }
    }

    /// Elicit, provide, elicit: what was heard, a small thing that helps some people, and whether it fits.
    fn advise(&mut self) {
        if !self.reading.feelings.is_empty() {
            self.reflect();
        }
        self.fill_subject();
        self.say(|book| book.wish.get(&Wish::Advice).map_or(&[], Vec::as_slice));
        if !self.suggest() {
            self.say(|book| &book.listen.step);
        }
        self.say(|book| &book.listen.fits);
    }

    /// A small step for what is talked about, if there is one that was not named yet.
    pub(super) fn suggest(&mut self) -> bool {
        let topic = self.subject().map(|subject| subject.topic);
        let of_topic = topic.and_then(|topic| self.book.topic.get(&topic)).map(|phrases| &phrases.step);
        of_topic.is_some_and(|steps| self.voice.say_fresh(steps)) || self.say_fresh(|book| &book.listen.step)
    }

    fn answer_short(&mut self, short: Short) {
        self.say(|book| book.short.get(&short).map_or(&[], Vec::as_slice));
        if self.is_time_to_summarize() && self.summarize() {
            return;
        }
        match short {
            _ if !self.memory.told.iter().all(|told| told.reading.is_bare()) => self.go_on_after(short),
            Short::Yes => self.say(|book| &book.listen.invite),
            _ => self.say(|book| &book.listen.easy),
        }
    }

    /// What was told before is taken up again, or left for a moment.
    fn go_on_after(&mut self, short: Short) {
        match short {
            Short::Unsure => {
                let easy = self.voice.chance.one_in(2) && self.say_fresh(|book| &book.listen.easy);
                if !easy {
                    self.say(|book| &book.listen.invite);
                }
            }
            Short::No if self.voice.chance.one_in(2) => self.say(|book| &book.listen.invite),
            _ => self.go_on(),
        }
    }

    fn answer_number(&mut self, number: u8) {
        self.voice.slots.insert("n", number.to_string());
        self.say(|book| match number {
            0..=3 => &book.scale.low,
            4..=6 => &book.scale.middle,
            _ => &book.scale.high,
        });
    }

    /// A number from 0 to 10 in a short answer to a question that offered such a scale.
    fn number_on_scale(&self) -> Option<u8> {
        let offered = self.book.moves.get(&Move::Solution)?.ask.iter();
        let mut offered = offered.filter(|phrase| phrase.is_said_in(self.memory.last_spoken()));
        if self.reading.length > 25 || offered.next().is_none() || !self.memory.last_spoken().contains("10") {
            return None;
        }
        let digits: String = self
            .message
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().ok().filter(|number| *number <= 10)
    }

    /// After a question about the counselor: back to the one who matters.
    fn return_to_the_user(&mut self) {
        if self.voice.has_asked() {
            return;
        }
        self.fill_past(self.memory.latest_subject());
        if !self.say_fresh(|book| &book.listen.back) {
            self.voice.slots.remove("past");
            self.say(|book| &book.listen.open);
        }
    }

    /// Every fifth message, if there is something to sum up.
    fn is_time_to_summarize(&self) -> bool {
        self.memory.turn().is_multiple_of(5)
    }

    /// Gives back what was told so far, if it is more than one thing.
    pub(super) fn summarize(&mut self) -> bool {
        let topics = self.fill_topics(2);
        let feelings = self.fill_feelings(self.memory.feelings(self.reading), 2);
        let (topic, feeling) = (
            topics || self.fill_topics(1),
            feelings || self.fill_feelings(self.memory.feelings(self.reading), 1),
        );
        let said = match (topic && feeling && (topics || feelings), topics, feelings) {
            (true, ..) => self.say_fresh(|book| &book.summary.both),
            (_, true, _) => self.say_fresh(|book| &book.summary.topics),
            (_, _, true) => self.say_fresh(|book| &book.summary.feelings),
            _ => false,
        };
        if said {
            self.say(|book| &book.summary.check);
        }
        said
    }

    /// Fills `{topics}` with what was talked about, the last three; false if there are fewer than `least`.
    fn fill_topics(&mut self, least: usize) -> bool {
        let mut subjects = self.memory.subjects(self.reading);
        subjects.truncate(3);
        subjects.reverse();
        let names: Vec<String> = subjects.into_iter().map(|subject| self.called(subject)).collect();
        if names.is_empty() || names.len() < least {
            return false;
        }
        self.voice.slots.insert("topics", self.reading.language.list(&names));
        true
    }

    /// Fills `{feelings}` with at most three; false if there are fewer than `least`.
    pub(super) fn fill_feelings(&mut self, mut feelings: Vec<Emotion>, least: usize) -> bool {
        feelings.truncate(3);
        feelings.reverse();
        let known: Vec<_> = feelings.iter().filter_map(|emotion| self.book.feeling.get(emotion)).collect();
        let Some((last, joined)) = known.split_last() else { return false };
        let joined: Vec<&str> = joined.iter().map(|feeling| feeling.joined.as_str()).collect();
        let told = self.reading.language.join_adjectives(&joined, &last.last);
        self.voice.slots.insert("feelings", told);
        known.len() >= least
    }

    /// What the conversation is about: this message, or else the latest one that says it.
    pub(super) fn subject(&self) -> Option<&Subject> {
        self.reading.main_subject().or_else(|| self.memory.latest_subject())
    }

    /// What the counselor calls a subject, in the language of this message.
    pub(super) fn called(&self, subject: &Subject) -> String {
        if subject.language() == self.reading.language {
            return subject.as_topic(self.style.register);
        }
        self.label(subject.topic)
    }

    fn label(&self, topic: Topic) -> String {
        self.book.topic.get(&topic).map(|phrases| phrases.label.clone()).unwrap_or_default()
    }

    /// Fills `{past}`, or empties it.
    pub(super) fn fill_past(&mut self, subject: Option<&Subject>) {
        match subject.map(|subject| self.called(subject)) {
            Some(called) => self.voice.slots.insert("past", called),
            None => self.voice.slots.remove("past"),
        };
    }

    /// Whether the voice is one that thanks and comforts freely.
    pub(super) fn is_tender(&self) -> bool {
        matches!(self.style.manner, Manner::Warm | Manner::Calm)
    }

    /// Says one of these, an unused one if there is any.
    pub(super) fn say(&mut self, pool: impl for<'b> Fn(&'b Phrasebook) -> &'b [Phrase]) {
        self.voice.say(pool(self.book));
    }

    /// Says one of these that was not said yet, if there is any.
    pub(super) fn say_fresh(&mut self, pool: impl for<'b> Fn(&'b Phrasebook) -> &'b [Phrase]) -> bool {
        self.voice.say_fresh(pool(self.book))
    }
}
