//! The words themselves: nothing is missing, nothing is said twice, every voice can speak.

use std::collections::BTreeSet;

use super::super::Tongue;
use super::super::lexicon::{Emotion, Short, Topic, Wish};
use super::super::phrase::{Phrase, Slots};
use super::super::phrasebook::Phrasebook;
use super::super::style::{Manner, Move, Register, Style};
use super::{ASSISTANT, is_korean, sentences};
use crate::assistant::RiskKind;

const BLANKS: [&str; 11] =
    ["name", "about", "topic", "topics", "person", "feelings", "echo", "past", "n", "absolute", "quote"];

fn tongues() -> [&'static Tongue; 2] {
    [&ASSISTANT.korean, &ASSISTANT.english]
}

/// Every pool of a book that always has something to say, by name.
fn pools(book: &Phrasebook) -> Vec<(String, &[Phrase])> {
    let mut pools: Vec<(String, &[Phrase])> = vec![("greet".into(), &book.greet)];
    pools.extend(book.wish.iter().map(|(wish, pool)| (format!("wish {wish:?}"), pool.as_slice())));
    pools.extend(book.short.iter().map(|(short, pool)| (format!("short {short:?}"), pool.as_slice())));
    for (emotion, phrases) in &book.feeling {
        pools.push((format!("{emotion:?} about"), &phrases.about));
        pools.push((format!("{emotion:?} alone"), &phrases.alone));
        pools.push((format!("{emotion:?} validate"), &phrases.validate));
        pools.push((format!("{emotion:?} ask"), &phrases.ask));
    }
    for (topic, phrases) in &book.topic {
        pools.push((format!("{topic:?} nod"), &phrases.nod));
        pools.push((format!("{topic:?} ask"), &phrases.ask));
        pools.push((format!("{topic:?} step"), &phrases.step));
    }
    pools.extend(book.moves.iter().map(|(name, phrases)| (format!("{name:?} ask"), phrases.ask.as_slice())));
    let (wordless, listen) = (&book.wordless, &book.listen);
    for (name, pool) in [
        ("laugh", &wordless.laugh),
        ("tears", &wordless.tears),
        ("silence", &wordless.silence),
        ("gibberish", &wordless.gibberish),
        ("foreign", &wordless.foreign),
        ("first", &listen.first),
        ("echo", &listen.echo),
        ("echo_moved", &listen.echo_moved),
        ("quote", &listen.quote),
        ("mixed", &listen.mixed),
        ("person", &listen.person),
        ("ask_person", &listen.ask_person),
        ("generic", &listen.generic),
        ("validate", &listen.validate),
        ("invite", &listen.invite),
        ("open", &listen.open),
        ("ask_feeling", &listen.ask_feeling),
        ("easy", &listen.easy),
        ("recall", &listen.recall),
        ("back", &listen.back),
        ("much", &listen.much),
        ("which", &listen.which),
        ("fits", &listen.fits),
        ("step", &listen.step),
        ("summary both", &book.summary.both),
        ("summary topics", &book.summary.topics),
        ("summary feelings", &book.summary.feelings),
        ("summary check", &book.summary.check),
        ("scale low", &book.scale.low),
        ("scale middle", &book.scale.middle),
        ("scale high", &book.scale.high),
    ] {
        pools.push((name.into(), pool));
    }
    pools.extend(care(book));
    pools
}

fn care(book: &Phrasebook) -> Vec<(String, &[Phrase])> {
    let care = &book.care;
    let mut pools: Vec<(String, &[Phrase])> = vec![
        ("stay".into(), &care.stay),
        ("other".into(), &care.other),
        ("ask_other".into(), &care.ask_other),
        ("bereaved".into(), &care.bereaved),
        ("ask_bereaved".into(), &care.ask_bereaved),
        ("ask_company".into(), &care.ask_company),
        ("company".into(), &care.company),
        ("no_company".into(), &care.no_company),
        ("denied".into(), &care.denied),
    ];
    for (kind, care) in &care.kind {
        pools.push((format!("{kind:?} open"), &care.open));
        pools.push((format!("{kind:?} ask"), &care.ask));
        pools.push((format!("{kind:?} lines"), &care.lines));
        pools.push((format!("{kind:?} urgent"), &care.urgent));
        pools.push((format!("{kind:?} danger"), &care.danger));
        pools.push((format!("{kind:?} safe"), &care.safe));
        pools.push((format!("{kind:?} unsure"), &care.unsure));
        pools.push((format!("{kind:?} check_in"), &care.check_in));
        pools.push((format!("{kind:?} near"), &care.near));
    }
    pools
}

/// All phrases, those that may be missing included.
fn phrases(book: &Phrasebook) -> Vec<&Phrase> {
    let optional = book.feeling.values().flat_map(|feeling| &feeling.reframe);
    let leads = book.moves.values().flat_map(|phrases| &phrases.lead);
    pools(book).into_iter().flat_map(|(_, pool)| pool).chain(optional).chain(leads).collect()
}

fn filled(register: Register, phrase: &Phrase) -> String {
    let slots: Slots = BLANKS.iter().map(|blank| (*blank, format!("<{blank}>"))).collect();
    phrase.render(register, &slots).expect("a phrase has a blank that nothing fills")
}

fn voices() -> impl Iterator<Item = Style> {
    let manners = [Manner::Warm, Manner::Calm, Manner::Direct, Manner::Playful];
    [Register::Formal, Register::Casual]
        .into_iter()
        .flat_map(move |register| manners.map(|manner| Style { register, manner, language: None }))
}

#[test]
fn there_are_words_for_everything() {
    for Tongue { lexicon, book, .. } in tongues() {
        for emotion in Emotion::ALL {
            assert!(
                book.feeling.contains_key(&emotion) && lexicon.emotion.contains_key(&emotion),
                "{emotion:?}"
            );
        }
        for topic in Topic::ALL {
            assert!(book.topic.contains_key(&topic) && lexicon.topic.contains_key(&topic), "{topic:?}");
        }
        for short in [Short::Yes, Short::No, Short::Unsure, Short::Nothing] {
            assert!(book.short.contains_key(&short) && lexicon.short.contains_key(&short), "{short:?}");
        }
        for kind in [RiskKind::SelfHarm, RiskKind::HarmToOthers, RiskKind::Abuse] {
            assert!(book.care.kind.contains_key(&kind), "{kind:?}");
        }
        let wishes: BTreeSet<&Wish> = lexicon.wish.keys().collect();
        assert_eq!(wishes, book.wish.keys().collect());
        assert_eq!(wishes.len(), 14);
        assert_eq!(book.moves.len(), 8);
    }
}

#[test]
fn every_voice_has_something_to_say_to_everything() {
    for Tongue { book, .. } in tongues() {
        for style in voices() {
            for (name, pool) in pools(book) {
                assert!(pool.iter().any(|phrase| phrase.fits(style)), "{name} for {style:?}");
            }
        }
    }
}

#[test]
fn every_blank_is_one_that_is_filled() {
    for Tongue { book, .. } in tongues() {
        for phrase in phrases(book) {
            assert!(phrase.blanks().all(|blank| BLANKS.contains(&blank)), "{phrase:?}");
        }
    }
}

#[test]
fn no_sentence_stands_in_two_phrases() {
    for Tongue { book, .. } in tongues() {
        // First words are said once, and numbers are the same wherever they stand.
        let greetings: BTreeSet<String> =
            book.greet.iter().map(|phrase| filled(Register::Formal, phrase)).collect();
        let mut seen = BTreeSet::new();
        let mut twice = Vec::new();
        for phrase in phrases(book) {
            let text = filled(Register::Formal, phrase);
            let sentences = sentences(&text).filter(|_| !greetings.contains(&text));
            let number = |sentence: &str| sentence.starts_with('·') || text.contains("findahelpline");
            for sentence in sentences.filter(|sentence| !number(sentence)) {
                if !seen.insert(sentence.to_owned()) && sentence.chars().count() > 12 {
                    twice.push(sentence.to_owned());
                }
            }
        }
        assert!(twice.is_empty(), "{twice:#?}");
    }
}

#[test]
fn reflections_are_statements_and_questions_are_questions() {
    let statements =
        ["about", "alone", "validate", "nod", "echo", "echo_moved", "mixed", "person", "generic", "first"];
    let more = ["invite", "much", "step", "stay", "open_", "lines", "urgent", "near", "summary both"];
    for Tongue { book, .. } in tongues() {
        for (name, pool) in pools(book) {
            let last = name.rsplit(' ').next().unwrap_or_default();
            for phrase in pool {
                if statements.contains(&last) || more.contains(&last) {
                    assert!(!phrase.asks(), "{name}: {phrase:?}");
                }
                if last == "ask" || last.starts_with("ask_") || last == "check_in" || last == "fits" {
                    assert!(phrase.asks(), "{name}: {phrase:?}");
                }
            }
        }
        assert!(book.moves.values().flat_map(|phrases| &phrases.lead).all(|phrase| !phrase.asks()));
    }
}

#[test]
fn korean_keeps_its_register() {
    let [korean, _] = tongues();
    let style = |register| Style { register, manner: Manner::Warm, language: None };
    for phrase in phrases(&korean.book) {
        for register in [Register::Formal, Register::Casual] {
            let speaks = voices().any(|voice| voice.register == register && phrase.fits(voice));
            if !speaks || !is_korean(&filled(register, phrase)) {
                continue;
            }
            let text = filled(register, phrase);
            let ends_in_hangul =
                |sentence: &str| sentence.chars().last().is_some_and(|last| ('가'..='힣').contains(&last));
            let spoken = |sentence: &&str| !sentence.starts_with('·') && ends_in_hangul(sentence);
            for sentence in sentences(&text).filter(spoken) {
                let formal = ["요", "니다", "까", "죠"].iter().any(|ending| sentence.ends_with(ending));
                let casual_too = ["까", "니까"].iter().any(|ending| sentence.ends_with(ending));
                let fits = if register == Register::Formal { formal } else { !formal || casual_too };
                assert!(fits || sentence == "짝짝짝", "{:?}: {sentence}", style(register));
            }
        }
    }
}

#[test]
fn every_crisis_text_names_the_way_to_help() {
    let [korean, english] = tongues();
    let lines = |tongue: &Tongue, kind| {
        let care = &tongue.book.care.kind[&kind];
        care.lines.iter().map(|phrase| filled(Register::Formal, phrase)).collect::<Vec<_>>()
    };
    for (kind, korea, abroad) in [
        (
            RiskKind::SelfHarm,
            &["109", "1388", "119", "112"][..],
            &["988", "116 123", "findahelpline.com", "911"][..],
        ),
        (RiskKind::HarmToOthers, &["1577-0199", "112"], &["988", "116 123", "findahelpline.com"]),
        (RiskKind::Abuse, &["1366", "112"], &["1-800-799-7233", "findahelpline.com"]),
    ] {
        assert!(lines(korean, kind).iter().all(|text| korea.iter().all(|number| text.contains(number))));
        assert!(lines(english, kind).iter().all(|text| abroad.iter().all(|number| text.contains(number))));
    }
}

#[test]
fn every_way_to_help_holds_the_numbers_that_none_may_leave_out() {
    for Tongue { book, .. } in tongues() {
        for (kind, care) in &book.care.kind {
            assert!(!care.numbers.is_empty(), "{kind:?}");
            for lines in care.lines.iter().map(|phrase| filled(Register::Formal, phrase)) {
                assert!(care.numbers.iter().all(|number| lines.contains(number)), "{kind:?}: {lines}");
            }
        }
    }
}

#[test]
fn each_technique_asks_enough_not_to_repeat_itself() {
    for Tongue { book, .. } in tongues() {
        for technique in [
            Move::Listen,
            Move::Validate,
            Move::Explore,
            Move::Affirm,
            Move::Reframe,
            Move::Solution,
            Move::Activate,
        ] {
            assert!(book.asks_of(technique).len() >= 6, "{technique:?}");
        }
        assert!(book.asks_of(Move::Ground).len() >= 5);
    }
}

#[test]
fn the_seed_says_how_to_speak_and_what_to_do() {
    let seed: toml::Table = toml::from_str(include_str!("../../../../content/seed/seed.toml")).unwrap();
    for tone in seed["tones"].as_array().unwrap() {
        let prompt = tone["prompt"].as_str().unwrap();
        let style = Style::of(&crate::assistant::Tone { name: String::new(), prompt: prompt.to_owned() });
        assert!(prompt.starts_with("[style: ") && style.language.is_some(), "{prompt}");
        for technique in tone["techniques"].as_array().unwrap() {
            let instruction = technique["instruction"].as_str().unwrap();
            let (marker, _) = instruction.split_once(']').unwrap();
            let known =
                ["listen", "validate", "explore", "affirm", "reframe", "solution", "activate", "ground"];
            assert!(known.iter().any(|name| marker == format!("[move: {name}")), "{instruction}");
        }
    }
}
