//! Reflection, and what the technique does with it.

use super::echo;
use super::language::Language;
use super::lexicon::{Emotion, Topic};
use super::phrase::Phrase;
use super::phrasebook::Phrasebook;
use super::reading::{Feeling, Subject};
use super::style::{Manner, Move};
use super::talk::Talk;

impl Phrasebook {
    /// The questions of a technique.
    pub(super) fn asks_of(&self, technique: Move) -> &[Phrase] {
        self.moves.get(&technique).map_or(&[], |phrases| &phrases.ask)
    }

    fn leads_of(&self, technique: Move) -> &[Phrase] {
        self.moves.get(&technique).map_or(&[], |phrases| &phrases.lead)
    }

    fn nods_to(&self, topic: Topic) -> &[Phrase] {
        self.topic.get(&topic).map_or(&[], |phrases| &phrases.nod)
    }

    fn questions_on(&self, topic: Topic) -> &[Phrase] {
        self.topic.get(&topic).map_or(&[], |phrases| &phrases.ask)
    }

    fn about(&self, emotion: Emotion) -> &[Phrase] {
        self.feeling.get(&emotion).map_or(&[], |phrases| &phrases.about)
    }

    fn alone(&self, emotion: Emotion) -> &[Phrase] {
        self.feeling.get(&emotion).map_or(&[], |phrases| &phrases.alone)
    }

    fn questions_about(&self, emotion: Emotion) -> &[Phrase] {
        self.feeling.get(&emotion).map_or(&[], |phrases| &phrases.ask)
    }

    fn reframings_of(&self, emotion: Emotion) -> &[Phrase] {
        self.feeling.get(&emotion).map_or(&[], |phrases| &phrases.reframe)
    }

    fn validation_of(&self, emotion: Emotion) -> &[Phrase] {
        self.feeling.get(&emotion).map_or(&[], |phrases| &phrases.validate)
    }
}

impl Talk<'_> {
    /// Gives back what was heard: the feeling and what it is about, or the user's own words, or at least the topic.
    pub(super) fn reflect(&mut self) {
        // A loss is met before anything else is.
        if self.reading.speaks_of(Topic::Loss) && self.say_fresh(|book| book.nods_to(Topic::Loss)) {
            return;
        }
        let reflected = match self.reading.main_feeling() {
            Some(feeling) => self.reflect_feeling(feeling),
            None => self.reflect_content(),
        };
        if !reflected {
            self.say(|book| &book.listen.generic);
        }
    }

    fn reflect_feeling(&mut self, feeling: Feeling) -> bool {
        let emotion = feeling.emotion;
        let named = self.reading.feelings.iter().filter(|felt| felt.is_named).map(|felt| felt.emotion).rev();
        let named: Vec<Emotion> = named.collect();
        if named.len() >= 2 && self.fill_feelings(named, 2) && self.say_fresh(|book| &book.listen.mixed) {
            return true;
        }
        if self.hears_an_event(feeling) && self.say_echo() {
            self.say_fresh(|book| book.alone(emotion));
            return true;
        }
        // Shame about oneself has no other object.
        let has_object = |subject: &&Subject| feeling.is_named && subject.topic != Topic::SelfWorth;
        let subject = self.reading.subject_of(feeling).filter(has_object);
        if let Some(topic) = subject.map(|subject| self.called(subject)) {
            self.voice.slots.insert("topic", topic);
            if self.say_fresh(|book| book.about(emotion)) {
                return true;
            }
        }
        self.say(|book| book.alone(emotion));
        !self.voice.is_silent()
    }

    /// Fills `{echo}` with what happened, if that is told apart from the feeling; now and then with the feeling's own
    /// sentence.
    fn hears_an_event(&mut self, feeling: Feeling) -> bool {
        let with_feeling = self.voice.chance.one_in(4);
        let named: Vec<usize> =
            self.reading.feelings.iter().filter(|f| f.is_named).map(|f| f.clause).collect();
        let events = self.reading.sentences.iter().filter(|sentence| {
            let names_none = !named.iter().any(|clause| sentence.clauses.contains(clause));
            names_none || (with_feeling && sentence.clauses.contains(&feeling.clause))
        });
        let echo = self.best_echo(events.map(|sentence| &sentence.text));
        self.fill_echo(echo)
    }

    /// The fullest of these that can be said back.
    fn best_echo<'t>(&self, told: impl Iterator<Item = &'t String>) -> Option<String> {
        let echoes = told.filter_map(|told| echo::of(told, self.reading.language, self.style.register));
        echoes.max_by_key(String::len)
    }

    /// Says the user's words back, at times with a word on how they touch.
    fn say_echo(&mut self) -> bool {
        let moved = self.reading.is_painful() && self.voice.chance.one_in(2);
        (moved && self.say_fresh(|book| &book.listen.echo_moved)) || self.say_fresh(|book| &book.listen.echo)
    }

    fn fill_echo(&mut self, echo: Option<String>) -> bool {
        match echo {
            Some(echo) => self.voice.slots.insert("echo", echo),
            None => self.voice.slots.remove("echo"),
        };
        self.voice.slots.contains_key("echo")
    }

    /// No feeling was named: the user's words, else the topic or the person.
    fn reflect_content(&mut self) -> bool {
        let whole = self.best_echo(self.reading.sentences.iter().map(|sentence| &sentence.text));
        let echo = whole.or_else(|| self.best_echo(self.reading.clauses.last().into_iter()));
        if self.fill_echo(echo) && self.say_echo() {
            return true;
        }
        if let Some(person) = self.reading.person().map(|person| person.name(self.style.register).to_owned())
        {
            self.voice.slots.insert("person", person);
            if self.say_fresh(|book| &book.listen.person) {
                return true;
            }
        }
        if let Some((topic, called)) = self.reading.main_subject().map(|it| (it.topic, self.called(it))) {
            self.voice.slots.insert("topic", called);
            return self.say_fresh(|book| book.nods_to(topic));
        }
        self.fill_quote() && self.say_fresh(|book| &book.listen.quote)
    }

    /// Fills `{quote}` with the whole message, if it is a short answer to a question.
    fn fill_quote(&mut self) -> bool {
        const LONGEST: usize = 24;
        let quote = self.message.trim().trim_end_matches(|c: char| !c.is_alphanumeric());
        let quote = match self.reading.language {
            Language::Korean => quote.strip_suffix("이요").unwrap_or(quote),
            Language::English => quote,
        };
        let letters = quote.chars().count();
        let is_answer = self.memory.last_spoken().ends_with('?') && (2..=LONGEST).contains(&letters);
        let is_plain = quote.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | ',' | '\''));
        if is_answer && is_plain {
            let quote = match self.reading.language {
                Language::Korean => format!("‘{quote}’"),
                Language::English => quote.to_owned(),
            };
            self.voice.slots.insert("quote", quote);
        }
        is_answer && is_plain
    }

    /// What the technique does now. When it has nothing new to say, listening does.
    pub(super) fn follow(&mut self) {
        let technique = self.fitting_technique();
        self.fill_subject();
        self.fill_absolute();
        let done = match technique {
            Move::Listen | Move::Explore => {
                let thanked = self.memory.turn() == 1 && self.is_tender();
                if self.style.manner == Manner::Warm && !thanked && self.voice.chance.one_in(3) {
                    self.validate();
                }
                false
            }
            Move::Validate => {
                self.validate();
                false
            }
            Move::Affirm | Move::Ground => {
                self.say_fresh(|book| book.leads_of(technique))
                    && self.say_fresh(|book| book.asks_of(technique))
            }
            Move::Reframe => self.reframe(),
            Move::Solution => {
                self.say_fresh(|book| book.leads_of(technique));
                self.say_fresh(|book| book.asks_of(technique))
            }
            Move::Activate => {
                self.say_fresh(|book| book.leads_of(technique));
                self.suggest() && self.say_fresh(|book| book.asks_of(technique))
            }
        };
        if !done {
            self.go_on();
        }
    }

    /// Asks for another view: one that this feeling needs, or any.
    fn reframe(&mut self) -> bool {
        if self.voice.chance.one_in(2) {
            self.say_fresh(|book| book.leads_of(Move::Reframe));
        }
        let felt = self.reading.main_feeling().map(|feeling| feeling.emotion);
        felt.is_some_and(|emotion| self.say_fresh(|book| book.reframings_of(emotion)))
            || self.say_fresh(|book| book.asks_of(Move::Reframe))
    }

    /// The technique, unless listening is kinder: somebody grieves or is glad, or the same was asked of them a moment ago.
    pub(super) fn fitting_technique(&self) -> Move {
        let asks_something = !matches!(self.technique, Move::Listen | Move::Validate | Move::Explore);
        let last = self.memory.last_spoken();
        let asked_in = |pool: &[Phrase]| pool.iter().any(|phrase| phrase.is_said_in(last));
        let reframed = || self.book.feeling.values().any(|phrases| asked_in(&phrases.reframe));
        let just_asked = || asked_in(self.book.asks_of(self.technique)) || reframed();
        match self.technique {
            _ if self.reading.is_pleasant() => Move::Listen,
            _ if asks_something && self.reading.speaks_of(Topic::Loss) => Move::Validate,
            _ if asks_something && (self.reading.is_bare() || just_asked()) => Move::Listen,
            Move::Reframe if !self.reading.is_painful() => Move::Listen,
            technique => technique,
        }
    }

    /// Says that the feeling makes sense, if there is one.
    pub(super) fn validate(&mut self) {
        let felt = self.reading.main_feeling().map(|feeling| feeling.emotion);
        if let Some(emotion) = felt
            && !self.say_fresh(|book| book.validation_of(emotion))
        {
            self.say_fresh(|book| &book.listen.validate);
        }
    }

    /// Ends with room to go on: something from before, a question, or an invitation without one.
    pub(super) fn go_on(&mut self) {
        let rarely = match self.style.manner {
            Manner::Calm => 2,
            Manner::Warm => 4,
            Manner::Playful => 5,
            Manner::Direct => usize::MAX,
        };
        if self.memory.turn() > 1
            && self.memory.last_spoken().ends_with('?')
            && self.voice.chance.one_in(rarely)
            && self.say_fresh(|book| &book.listen.invite)
        {
            return;
        }
        if !(self.voice.chance.one_in(2) && self.recall()) {
            self.ask();
        }
    }

    /// Brings back something that was told earlier and left; after a bare word, what was told last.
    fn recall(&mut self) -> bool {
        if self.reading.is_bare() {
            self.fill_past(self.memory.latest_subject());
            return self.say_fresh(|book| &book.listen.back);
        }
        let left = self.memory.left_behind(self.reading);
        self.fill_past(left);
        self.say_fresh(|book| &book.listen.recall)
    }

    /// An open question: on the person, the feeling or the topic, or the technique's own.
    fn ask(&mut self) {
        let person = self.reading.person().map(|person| person.name(self.style.register).to_owned());
        let felt = self.reading.main_feeling().map(|feeling| feeling.emotion);
        let topic = self.subject().map(|subject| subject.topic);
        self.fill_subject();
        if let Some(person) = person.filter(|_| self.voice.chance.one_in(3)) {
            self.voice.slots.insert("person", person);
            if self.say_fresh(|book| &book.listen.ask_person) {
                return;
            }
        }
        let asked = match (felt, topic) {
            (_, Some(Topic::Loss)) => self.say_fresh(|book| book.questions_on(Topic::Loss)),
            (Some(emotion), _) if self.reading.is_pleasant() || self.voice.chance.one_in(2) => {
                self.say_fresh(|book| book.questions_about(emotion))
            }
            (None, _) if !self.reading.is_bare() && self.voice.chance.one_in(2) => {
                self.say_fresh(|book| &book.listen.ask_feeling)
            }
            // With other questions in between, so that a topic is not used up at once.
            (_, Some(topic)) if !self.voice.chance.one_in(3) => {
                self.say_fresh(|book| book.questions_on(topic))
            }
            _ => false,
        };
        if !asked {
            self.ask_openly();
        }
    }

    /// A question of the technique's own.
    fn ask_openly(&mut self) {
        let felt = self.reading.is_painful();
        let asked = match self.fitting_technique() {
            _ if !felt => self.say_fresh(|book| &book.listen.open),
            technique @ (Move::Explore | Move::Validate) => self.say_fresh(|book| book.asks_of(technique)),
            _ => self.say_fresh(|book| book.asks_of(Move::Listen)),
        };
        let asked = asked || (felt && self.say_fresh(|book| book.asks_of(Move::Explore)));
        if !asked {
            self.say(|book| &book.listen.invite);
        }
    }

    /// Fills `{absolute}` with a word that leaves no exception, such as "always", if one was said.
    fn fill_absolute(&mut self) {
        const ABSOLUTE: [&str; 14] = [
            "항상",
            "절대",
            "맨날",
            "언제나",
            "평생",
            "아무도",
            "전부",
            "always",
            "never",
            "everyone",
            "everybody",
            "nobody",
            "everything",
            "nothing",
        ];
        let said = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let words = self.message.split_whitespace().map(said);
        match words.into_iter().find(|word| ABSOLUTE.contains(&word.as_str())) {
            Some(word) => self.voice.slots.insert("absolute", word),
            None => self.voice.slots.remove("absolute"),
        };
    }

    /// Fills `{topic}` with what the conversation is about, or empties it.
    pub(super) fn fill_subject(&mut self) {
        match self.subject().map(|subject| self.called(subject)) {
            Some(called) => self.voice.slots.insert("topic", called),
            None => self.voice.slots.remove("topic"),
        };
    }
}
