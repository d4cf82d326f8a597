//! What single messages are taken for, and how they are answered.

use super::super::lexicon::{Emotion, Short, Topic, Wish};
use super::super::reading::{Intent, Reading};
use super::{ASSISTANT, Counsel, answer};
use crate::assistant::offline::language::{Language, Script};
use crate::assistant::offline::style::Register;

fn read(message: &str) -> Reading {
    let language = match Script::of(message) {
        Script::Known(language) => language,
        Script::Foreign | Script::None => Language::Korean,
    };
    Reading::of(message, language, &ASSISTANT.tongue(language).lexicon)
}

fn intent(message: &str) -> Intent {
    let reading = read(message);
    Intent::of(message, &reading, &ASSISTANT.tongue(reading.language).lexicon)
}

fn feeling(message: &str) -> Option<Emotion> {
    read(message).main_feeling().map(|feeling| feeling.emotion)
}

#[test]
fn feelings_are_heard() {
    for (message, emotion) in [
        ("내일 발표가 너무 걱정돼요", Emotion::Anxiety),
        ("혼자 있으면 너무 쓸쓸해요", Emotion::Loneliness),
        ("친구가 제 말을 무시했어요", Emotion::Hurt),
        ("일이 너무 많아서 버거워요", Emotion::Stress),
        ("아무것도 하기 싫어요", Emotion::Emptiness),
        ("동생한테 미안해요", Emotion::Guilt),
        ("드디어 합격했어요", Emotion::Joy),
        ("I'm worried about tomorrow", Emotion::Anxiety),
        ("nobody understands me", Emotion::Loneliness),
        ("my boss yelled at me", Emotion::Hurt),
        ("I hate myself", Emotion::Shame),
        ("I got promoted", Emotion::Joy),
    ] {
        assert_eq!(feeling(message), Some(emotion), "{message}");
    }
}

#[test]
fn a_named_close_feeling_comes_before_a_guess_and_before_a_vague_one() {
    assert_eq!(feeling("팀장님이 소리를 질러서 무서웠어요"), Some(Emotion::Anxiety));
    assert_eq!(feeling("외로운데 몸도 피곤해요"), Some(Emotion::Loneliness));
    assert_eq!(
        feeling("We had a fight with everyone and I'm so lonely and tired"),
        Some(Emotion::Loneliness)
    );
}

#[test]
fn a_feeling_that_is_denied_is_not_reflected() {
    assert_eq!(feeling("이제 안 불안해요"), None);
    assert_eq!(feeling("I'm not angry"), None);
    assert_eq!(feeling("요즘은 행복하지 않아요"), Some(Emotion::Sadness));
    assert_eq!(feeling("I'm not happy"), Some(Emotion::Sadness));
    for message in ["일부러 그랬대요", "그만하면 충분해요", "전화나 해 볼게요", "화장실 청소를 했어요"]
    {
        assert_eq!(feeling(message), None, "{message}");
    }
}

#[test]
fn topics_and_people_are_heard_and_called_by_their_names() {
    let subject = |message: &str| {
        let reading = read(message);
        reading.main_subject().map(|subject| (subject.topic, subject.as_topic(Register::Formal)))
    };
    assert_eq!(subject("회사 때문에 힘들어요"), Some((Topic::Work, "회사 일".into())));
    assert_eq!(subject("엄마 때문에 속상해요"), Some((Topic::Family, "어머니와의 관계".into())));
    assert_eq!(subject("남편이 제 말을 안 들어요"), Some((Topic::Family, "남편분과의 관계".into())));
    assert_eq!(subject("잠이 안 와요"), Some((Topic::Sleep, "잠".into())));
    assert_eq!(subject("잠깐만요"), None);
    assert_eq!(subject("my exams are killing me"), Some((Topic::Study, "your exams".into())));
    assert_eq!(subject("my mum is angry with me"), Some((Topic::Family, "your mum".into())));
}

#[test]
fn a_loss_is_the_main_thing_whatever_else_is_said() {
    let reading = read("회사 일도 많은데 강아지가 무지개다리를 건넜어요");
    assert_eq!(reading.main_subject().map(|subject| subject.topic), Some(Topic::Loss));
}

#[test]
fn the_feeling_is_tied_to_what_the_same_clause_names() {
    let reading = read("회사에서는 괜찮은데 집에 오면 외로워요");
    let feeling = reading.main_feeling().unwrap();
    assert_eq!(reading.subject_of(feeling), None);
}

#[test]
fn short_answers_are_short_answers() {
    for (message, short) in [
        ("네", Short::Yes),
        ("응", Short::Yes),
        ("네 맞아요", Short::Yes),
        ("ㅇㅇ", Short::Yes),
        ("아니요", Short::No),
        ("별로요ㅠㅠ", Short::No),
        ("모르겠어요", Short::Unsure),
        ("글쎄요...", Short::Unsure),
        ("그냥요", Short::Nothing),
        ("yes", Short::Yes),
        ("I guess so", Short::Yes),
        ("Not really.", Short::No),
        ("I don't know", Short::Unsure),
        ("nothing much", Short::Nothing),
    ] {
        let short_of = match intent(message) {
            Intent::Short(short) => Some(short),
            _ => None,
        };
        assert_eq!(short_of, Some(short), "{message}");
    }
}

#[test]
fn wishes_are_heard() {
    for (message, wish) in [
        ("혹시 사람이에요?", Wish::Human),
        ("너 AI야?", Wish::Human),
        ("이름이 뭐예요?", Wish::Who),
        ("어떻게 해야 할까요?", Wish::Advice),
        ("그냥 들어만 주세요", Wish::ListenOnly),
        ("이거 우울증인가요?", Wish::Medical),
        ("이 대화 다른 사람도 봐요?", Wish::Privacy),
        ("왜 자꾸 같은 말만 해요", Wish::Repair),
        ("한번 해볼게요", Wish::Commit),
        ("안녕하세요", Wish::Hello),
        ("고마워요", Wish::Thanks),
        ("이만 갈게요", Wish::Bye),
        ("are you a real person?", Wish::Human),
        ("what should I do?", Wish::Advice),
        ("I just need to vent", Wish::ListenOnly),
        ("do I have depression?", Wish::Medical),
        ("you're not listening", Wish::Repair),
        ("hello!", Wish::Hello),
        ("thank you so much", Wish::Thanks),
        ("good night", Wish::Bye),
    ] {
        assert_eq!(intent(message), Intent::Wish(wish), "{message}");
    }
}

#[test]
fn words_of_a_wish_inside_a_story_are_part_of_the_story() {
    for message in [
        "그 친구는 정말 나쁜 사람이에요",
        "남편이 제 말을 제대로 이해를 못 해요",
        "엄마가 맨날 같은 말만 해요",
        "제가 멍청해서 그런 것 같아요",
        "친구가 고맙다고 했는데 마음이 불편했어요",
        "My boss said thank you but I still feel awful",
        "my husband is not listening to me",
    ] {
        assert_eq!(intent(message), Intent::Tell, "{message}");
    }
}

#[test]
fn what_is_not_words_is_met_kindly() {
    assert_eq!(intent("ㅋㅋㅋㅋ"), Intent::Laugh);
    assert_eq!(intent("ㅠㅠㅠ"), Intent::Tears);
    assert_eq!(intent("..."), Intent::Silence);
    for message in ["ㅁㄴㅇㄹ", "asdfgh", "sdkfjhsd", "아아아아아"] {
        assert_eq!(intent(message), Intent::Gibberish, "{message}");
    }
    for message in ["hmmm", "네네", "rhythm", "1234"] {
        assert_ne!(intent(message), Intent::Gibberish, "{message}");
    }
    assert_eq!(intent("疲れました"), Intent::Foreign);
}

#[test]
fn the_counselor_is_honest_about_what_it_is() {
    for style in ["korean formal warm", "korean casual playful", "english calm"] {
        let question = if style.contains("korean") { "진짜 사람이에요?" } else { "Are you human?" };
        for seed in 0..10 {
            let reply = Counsel::new(style, "listen", seed).answer(question).text;
            assert!(reply.contains("AI"), "{reply}");
        }
    }
}

#[test]
fn the_counselor_neither_diagnoses_nor_prescribes() {
    assert!(
        answer("korean formal warm", "listen", "저 우울증일까요? 무슨 약을 먹어야 해요?")
            .text
            .contains("없어요")
    );
    assert!(answer("english calm", "listen", "Should I stop taking my meds?").text.contains("doctor"));
}

#[test]
fn thanks_and_farewells_are_not_answered_with_questions() {
    for seed in 0..10 {
        for (style, message) in [
            ("korean formal warm", "고마워요"),
            ("korean casual playful", "잘 자"),
            ("english direct", "thanks"),
            ("english calm", "bye"),
        ] {
            let reply = Counsel::new(style, "solution", seed).answer(message).text;
            assert!(!reply.contains('?'), "{reply}");
        }
    }
}

#[test]
fn advice_is_offered_lightly_and_checked() {
    let reply = answer("korean formal warm", "listen", "잠이 너무 안 오는데 어떻게 해야 할까요?").text;
    let sleep = &ASSISTANT.korean.book.topic[&Topic::Sleep].step;
    assert!(sleep.iter().any(|phrase| phrase.is_said_in(&reply)), "{reply}");
    assert!(reply.ends_with('?'), "{reply}");
}

#[test]
fn who_wants_no_advice_gets_none() {
    let reply =
        answer("english direct", "activate", "I just need to vent, no advice please").text.to_lowercase();
    let steps = ASSISTANT.english.book.topic.values().flat_map(|topic| &topic.step);
    assert!(
        !steps.chain(&ASSISTANT.english.book.listen.step).any(|phrase| phrase.is_said_in(&reply)),
        "{reply}"
    );
}

#[test]
fn a_long_story_is_taken_in_and_sorted() {
    let korean = "회사에서 일이 너무 많아서 매일 야근을 해요. 팀장님은 제 편이 아니에요. ".repeat(6)
        + "집에 오면 남편이랑 자꾸 싸우고 잠도 못 자요. 돈 걱정도 커요.";
    assert_eq!(intent(&korean), Intent::TellMuch);
    let reply = answer("korean formal warm", "listen", &korean).text;
    assert!(reply.contains("돈") || reply.contains("잠"), "{reply}");
    assert!(reply.chars().count() < 400 && reply.contains('?'), "{reply}");
    let longest = "회사 일이 힘들어요. ".repeat(190);
    assert!(!answer("korean formal warm", "listen", &longest).text.is_empty());
}

#[test]
fn the_users_own_words_come_back() {
    let told = (0..20).any(|seed| {
        let reply =
            Counsel::new("korean formal warm", "listen", seed).answer("강아지가 아파서 병원에 다녀왔어요");
        reply.text.contains("강아지가 아파서 병원에 다녀왔다는")
    });
    assert!(told);
    let told = (0..20).any(|seed| {
        let reply = Counsel::new("english calm", "listen", seed).answer("I moved to a new city last month");
        reply.text.contains("you moved to a new city last month")
    });
    assert!(told);
}
