//! Reflection, and what the technique does with it.

use super::echo;
use super::lexicon::{Emotion, Topic};
use super::phrase::Phrase;
use super::phrasebook::Phrasebook;
use super::reading::Feeling;
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
        let emotions: Vec<Emotion> = self.reading.feelings.iter().rev().map(|felt| felt.emotion).collect();
        let several = emotions.len() >= 2 && self.voice.chance.one_in(2);
        if several && self.fill_feelings(emotions, 2) && self.say_fresh(|book| &book.listen.mixed) {
            return true;
        }
        if self.hears_an_event(feeling) && self.say_fresh(|book| &book.listen.echo) {
            return self.say_fresh(|book| book.alone(emotion)) || !self.voice.is_silent();
        }
        let about = self.reading.subject_of(feeling).map(|subject| self.called(subject));
        if let Some(topic) = about {
            self.voice.slots.insert("topic", topic);
            if self.say_fresh(|book| book.about(emotion)) {
                return true;
            }
        }
        self.say(|book| book.alone(emotion));
        !self.voice.is_silent()
    }

    /// Fills `{echo}` with what happened beside the feeling, if a clause tells it; sometimes with the clause of the
    /// feeling itself.
    fn hears_an_event(&mut self, feeling: Feeling) -> bool {
        let clauses = self.reading.clauses.iter().enumerate();
        let mut beside =
            clauses.filter(|(at, _)| !self.reading.feelings.iter().any(|felt| felt.clause == *at));
        let told = beside.find_map(|(_, clause)| self.echo_of(clause));
        let told = match told {
            None if self.voice.chance.one_in(3) => {
                self.reading.clauses.get(feeling.clause).and_then(|clause| self.echo_of(clause))
            }
            told => told,
        };
        told.is_some_and(|echo| {
            self.voice.slots.insert("echo", echo);
            true
        })
    }

    fn echo_of(&self, clause: &str) -> Option<String> {
        echo::of(clause, self.reading.language, self.style.register)
    }

    /// No feeling was named: the user's words, else the topic or the person.
    fn reflect_content(&mut self) -> bool {
        if let Some(echo) = self.reading.clauses.iter().rev().find_map(|clause| self.echo_of(clause)) {
            self.voice.slots.insert("echo", echo);
            if self.say_fresh(|book| &book.listen.echo) {
                return true;
            }
        }
        if let Some(person) = self.reading.person().map(|person| person.name(self.style.register).to_owned())
        {
            self.voice.slots.insert("person", person);
            if self.say_fresh(|book| &book.listen.person) {
                return true;
            }
        }
        let Some(subject) = self.reading.main_subject() else { return false };
        let (topic, called) = (subject.topic, self.called(subject));
        self.voice.slots.insert("topic", called);
        self.say_fresh(|book| book.nods_to(topic))
    }

    /// What the technique does now.
    pub(super) fn follow(&mut self) {
        let technique = self.fitting_technique();
        match technique {
            Move::Listen | Move::Explore => {
                if self.style.manner == Manner::Warm && self.voice.chance.one_in(3) {
                    self.validate();
                }
                return self.go_on();
            }
            Move::Validate => {
                self.validate();
                return self.go_on();
            }
            Move::Affirm | Move::Ground => self.say(|book| book.leads_of(technique)),
            Move::Reframe | Move::Solution => {
                self.say_fresh(|book| book.leads_of(technique));
            }
            Move::Activate => {
                self.say(|book| book.leads_of(technique));
                self.suggest();
            }
        }
        self.fill_subject();
        self.say(|book| book.asks_of(technique));
    }

    /// The technique, unless listening is kinder: somebody grieves, or the same was asked of them a moment ago.
    pub(super) fn fitting_technique(&self) -> Move {
        let asks_something = !matches!(self.technique, Move::Listen | Move::Validate | Move::Explore);
        let last = self.memory.last_spoken();
        let just_asked = self.book.asks_of(self.technique).iter().any(|phrase| phrase.is_said_in(last));
        match self.technique {
            _ if asks_something && self.reading.speaks_of(Topic::Loss) => Move::Validate,
            _ if asks_something && just_asked => Move::Listen,
            technique => technique,
        }
    }

    /// Says that the feeling makes sense.
    pub(super) fn validate(&mut self) {
        let feeling = self.reading.main_feeling().map(|feeling| feeling.emotion);
        let felt = feeling.or(self.memory.latest_feeling()).filter(|emotion| !emotion.is_pleasant());
        if !felt.is_some_and(|emotion| self.say_fresh(|book| book.validation_of(emotion))) {
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
        if self.memory.last_spoken().ends_with('?')
            && self.voice.chance.one_in(rarely)
            && self.say_fresh(|book| &book.listen.invite)
        {
            return;
        }
        if self.voice.chance.one_in(2) && self.recall() {
            return;
        }
        self.ask();
    }

    /// Brings back something that was told earlier and left.
    fn recall(&mut self) -> bool {
        let left = self.memory.left_behind(self.reading);
        self.fill_past(left);
        left.is_some() && self.say_fresh(|book| &book.listen.recall)
    }

    /// An open question: on the person, on the topic, or the technique's own.
    fn ask(&mut self) {
        let technique = self.fitting_technique();
        let own = if matches!(technique, Move::Validate | Move::Explore) { technique } else { Move::Listen };
        let person = self.reading.person().map(|person| person.name(self.style.register).to_owned());
        if let Some(person) = person.filter(|_| self.voice.chance.one_in(3)) {
            self.voice.slots.insert("person", person);
            if self.say_fresh(|book| &book.listen.ask_person) {
                return;
            }
        }
        let topic = self.subject().map(|subject| subject.topic);
        self.fill_subject();
        // With the technique's own questions one time in three, so that a topic is not used up at once.
        let on_topic = topic.filter(|_| !self.voice.chance.one_in(3));
        if !on_topic.is_some_and(|topic| self.say_fresh(|book| book.questions_on(topic)))
            && !self.say_fresh(|book| book.asks_of(own))
            && !self.say_fresh(|book| book.asks_of(Move::Explore))
        {
            self.say(|book| &book.listen.invite);
        }
    }

    /// Fills `{topic}` with what the conversation is about, or empties it.
    fn fill_subject(&mut self) {
        match self.subject().map(|subject| self.called(subject)) {
            Some(called) => self.voice.slots.insert("topic", called),
            None => self.voice.slots.remove("topic"),
        };
    }
}
