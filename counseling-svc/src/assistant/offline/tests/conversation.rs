//! How whole conversations go.

use std::collections::HashMap;

use futures::executor::block_on;

use super::super::phrase::Phrase;
use super::super::style::Move;
use super::{ASSISTANT, Counsel, MOVES, STYLES, answer, is_korean, scene, sentences};
use crate::assistant::Assistant;

const KOREAN: [&str; 12] = [
    "요즘 회사 일 때문에 너무 지쳐요",
    "팀장님이 다들 보는 앞에서 소리를 질렀어요",
    "창피하고 억울했어요",
    "네",
    "집에 와도 잠이 안 와요",
    "엄마는 그냥 참으라고만 해요",
    "모르겠어요",
    "이직을 할까 고민돼요. 그런데 돈 때문에 쉽지 않아요",
    "친구들은 다 잘 지내는 것 같아서 부러워요",
    "아니요",
    "이렇게 사는 게 맞나 싶고 막막해요",
    "그래도 말하고 나니 조금 편해졌어요",
];

const ENGLISH: [&str; 12] = [
    "I've been so tired because of work lately",
    "My boss yelled at me in front of everyone",
    "I felt humiliated and angry",
    "yes",
    "When I get home I can't sleep",
    "My mom says I should just toughen up",
    "I don't know",
    "I'm thinking about quitting but I can't afford it",
    "All my friends seem to be doing great and I'm jealous",
    "no",
    "I feel lost, I don't know where this is going",
    "I do feel a bit lighter after telling you",
];

fn script(style: &str) -> [&'static str; 12] {
    if style.contains("korean") { KOREAN } else { ENGLISH }
}

/// Calls back with every counsel of twelve turns, in every voice and with every technique.
fn every_counsel(mut check: impl FnMut(&str, &[String])) {
    for style in STYLES {
        for technique in MOVES {
            for seed in 0..1 {
                let mut counsel = Counsel::new(style, technique, seed);
                let replies: Vec<String> = script(style).map(|message| counsel.say(message).text).into();
                check(&format!("{style} {technique} {seed}"), &replies);
            }
        }
    }
}

#[test]
fn no_phrase_is_repeated_across_twelve_turns_and_no_reply_asks_twice() {
    every_counsel(|counsel, replies| {
        let mut said = HashMap::new();
        for (turn, reply) in replies.iter().enumerate() {
            for sentence in sentences(reply) {
                let before = said.insert(sentence.to_lowercase(), turn);
                assert!(
                    before.is_none(),
                    "{counsel}: `{sentence}` in turns {before:?} and {turn}\n{replies:#?}"
                );
            }
            assert!(reply.matches('?').count() <= 1, "{counsel}: {reply}");
            assert!(reply.chars().count() > 5 && reply.chars().count() < 700, "{counsel}: {reply}");
            assert!(!reply.contains(['{', '}', '[', ']', '|', '@']), "{counsel}: {reply}");
        }
    });
}

#[test]
fn the_same_turn_is_answered_alike() {
    for style in STYLES {
        let replies = |seed| {
            let mut counsel = Counsel::new(style, "validate", seed);
            script(style).map(|message| counsel.say(message))
        };
        assert_eq!(replies(11), replies(11));
        assert_ne!(replies(11), replies(12));
    }
}

#[test]
fn the_counselor_answers_in_the_language_of_the_message() {
    let mut counsel = Counsel::new("korean formal warm", "listen", 1);
    assert!(is_korean(&counsel.say("요즘 잠을 못 자요").text));
    assert!(!is_korean(&counsel.say("Sorry, I'd rather speak English. I'm so tired").text));
    assert!(!is_korean(&counsel.say("...").text), "signs alone keep the language");
    assert!(is_korean(&counsel.say("PPT 발표가 걱정돼요").text));
    assert!(is_korean(&counsel.say("ok").text), "a word alone does not change the language");
}

#[test]
fn without_words_the_counselor_speaks_the_tones_or_else_the_personas_language() {
    assert!(is_korean(&answer("korean formal warm", "listen", "😢").text));
    assert!(!is_korean(&answer("english formal calm", "listen", "...").text));
    let mut counsel = Counsel::new("formal warm", "listen", 1);
    assert!(!is_korean(&counsel.answer("123").text));
    counsel.scene.persona.description = "밤에 이야기를 들어 주는 상담사".into();
    assert!(is_korean(&counsel.answer("123").text));
    let foreign = counsel.answer("疲れました").text;
    assert!(is_korean(&foreign) && foreign.contains("English"), "{foreign}");
}

#[test]
fn something_from_before_is_brought_back() {
    let brought_back = |style: &str, messages: [&str; 4], word: &str| {
        (0..20).any(|seed| {
            let mut counsel = Counsel::new(style, "listen", seed);
            messages.map(|message| counsel.say(message).text).last().is_some_and(|last| last.contains(word))
        })
    };
    let korean = ["어머니가 많이 편찮으세요", "요즘 회사 일이 많아요", "야근을 매일 해요", "너무 지쳐요"];
    assert!(brought_back("korean formal warm", korean, "어머니"));
    let english =
        ["My mom is ill", "Work is busy", "There are deadlines every day", "I'm exhausted by my job"];
    assert!(brought_back("english formal calm", english, "your mom"));
}

#[test]
fn every_fifth_message_is_answered_with_a_summary() {
    for (style, words) in [
        ("korean formal warm", ["어머니", "지치고"]),
        ("korean casual playful", ["엄마", "지치고"]),
        ("english casual direct", ["your mom", "worn out"]),
    ] {
        let messages = if style.contains("korean") {
            ["회사 일이 너무 지쳐요", "엄마랑 싸웠어요", "네", "외로워요", "주말에도 똑같아요"]
        } else {
            [
                "I'm exhausted by work",
                "I had a fight with my mom",
                "yes",
                "I feel lonely",
                "weekends are the same for me",
            ]
        };
        let mut counsel = Counsel::new(style, "listen", 5);
        let last = messages.map(|message| counsel.say(message).text).last().cloned().unwrap_or_default();
        assert!(words.iter().all(|word| last.contains(word)), "{style}: {last}");
    }
}

#[test]
fn tones_differ_in_register_and_in_length() {
    let formal = answer("korean formal warm", "validate", "요즘 너무 지쳐요").text;
    let casual = answer("korean casual warm", "validate", "요즘 너무 지쳐요").text;
    assert!(
        sentences(&formal).all(|sentence| sentence.ends_with('요') || sentence.ends_with("니다")),
        "{formal}"
    );
    assert!(sentences(&casual).all(|sentence| !sentence.ends_with('요')), "{casual}");
    for [talkative, terse] in
        [["korean formal warm", "korean formal direct"], ["english warm", "english direct"]]
    {
        let length = |style: &str| -> usize {
            let message = if style.contains("korean") {
                "요즘 회사 일이 너무 지쳐요"
            } else {
                "I'm exhausted by work"
            };
            (0..40).map(|seed| Counsel::new(style, "listen", seed).answer(message).text.len()).sum()
        };
        assert!(length(talkative) > length(terse) * 11 / 10, "{talkative}");
    }
}

#[test]
fn calm_voices_ask_less() {
    let asked = |style: &str| {
        let counsels = (0..4).map(|seed| {
            let mut counsel = Counsel::new(style, "listen", seed);
            script(style).into_iter().filter(|message| counsel.say(message).text.contains('?')).count()
        });
        counsels.sum::<usize>()
    };
    assert!(asked("korean formal calm") < asked("korean formal direct"));
    assert!(asked("english calm") < asked("english direct"));
}

#[test]
fn the_technique_decides_what_is_asked() {
    for (style, message) in [
        ("korean formal warm", "발표를 망칠까 봐 너무 불안해요"),
        ("english casual direct", "I'm so anxious that I will ruin the presentation"),
    ] {
        let book = if style.contains("korean") { &ASSISTANT.korean.book } else { &ASSISTANT.english.book };
        for (name, technique) in [
            ("affirm", Move::Affirm),
            ("reframe", Move::Reframe),
            ("solution", Move::Solution),
            ("activate", Move::Activate),
            ("ground", Move::Ground),
        ] {
            let mut counsel = Counsel::new(style, name, 2);
            let says =
                |reply: &str, pool: &[Phrase]| pool.iter().any(|p| p.is_said_in(&reply.to_lowercase()));
            let asks = |reply: &str| {
                let reframes = || book.feeling.values().any(|feeling| says(reply, &feeling.reframe));
                says(reply, book.asks_of(technique)) || (technique == Move::Reframe && reframes())
            };
            let first = counsel.say(message).text;
            assert!(asks(&first), "{name}: {first}");
            let second = counsel.say(message).text;
            assert!(!asks(&second), "{name} pauses for a turn: {second}");
        }
    }
}

#[test]
fn grief_is_not_reframed() {
    for seed in 0..20 {
        for (style, message) in
            [("korean formal warm", "할머니가 돌아가셨어요"), ("english direct", "My dad passed away")]
        {
            for technique in ["reframe", "solution", "activate"] {
                let reply = Counsel::new(style, technique, seed).answer(message).text.to_lowercase();
                let book = if is_korean(&reply) { &ASSISTANT.korean.book } else { &ASSISTANT.english.book };
                for pushing in [Move::Reframe, Move::Solution, Move::Activate] {
                    assert!(!book.asks_of(pushing).iter().any(|phrase| phrase.is_said_in(&reply)), "{reply}");
                }
            }
        }
    }
}

#[test]
fn a_number_answers_the_scale() {
    for (style, message, answer, echoed) in [
        ("korean formal warm", "요즘 너무 불안해요", "4점 정도요", "4점"),
        ("english direct", "I'm so anxious lately", "maybe a 4", "4"),
    ] {
        let scaled = (0..200).find_map(|seed| {
            let mut counsel = Counsel::new(style, "solution", seed);
            counsel.say(message).text.contains("10").then_some(counsel)
        });
        let reply = scaled.expect("no seed asks for a number").answer(answer).text;
        assert!(reply.contains(echoed) && reply.contains('?'), "{reply}");
    }
}

#[test]
fn the_first_words_name_the_counselor_and_speak_its_language() {
    for style in STYLES {
        let scene = scene(style, "listen", 4);
        let greeting = block_on(ASSISTANT.greet(&scene)).unwrap();
        assert!(greeting.text.contains(&scene.persona.counselor_name), "{}", greeting.text);
        assert_eq!(is_korean(&greeting.text), style.contains("korean"));
        assert_eq!(greeting.risk, None);
    }
    let greeting = block_on(ASSISTANT.greet(&scene("korean casual playful", "listen", 4))).unwrap().text;
    assert!(greeting.contains("하늘이야") || greeting.contains("하늘이"), "{greeting}");
}

#[test]
fn every_bubble_of_the_seed_opens_a_conversation() {
    let seed: toml::Table = toml::from_str(include_str!("../../../../content/seed/seed.toml")).unwrap();
    let text = |value: &toml::Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let tones = seed["tones"].as_array().unwrap();
    for counselor in seed["counselors"].as_array().unwrap() {
        let tone = tones.iter().find(|tone| tone["id"] == counselor["tone_id"]).unwrap();
        let mut counsel = Counsel::new("", "listen", 1);
        counsel.scene.tone.prompt = text(tone, "prompt");
        for bubble in counselor["bubbles"].as_array().unwrap() {
            for option in ["response_option1", "response_option2"] {
                counsel.history.clear();
                let question = text(bubble, "question");
                counsel.history.push(crate::assistant::Utterance {
                    speaker: crate::assistant::Speaker::Counselor,
                    text: question.clone(),
                });
                let reply = counsel.answer(&text(bubble, option));
                assert_eq!(is_korean(&reply.text), is_korean(&question), "{}", reply.text);
                assert_eq!(reply.risk, None, "{}", text(bubble, option));
                println!("{question}\n  > {}\n  {}\n", text(bubble, option), reply.text);
            }
        }
    }
}
