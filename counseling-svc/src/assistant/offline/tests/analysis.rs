//! What a counsel is understood to be about, sign by sign, in both languages.

use futures::executor::block_on;
use shared::proto::v1::{
    AiModel, AllianceStrength, ArousalLevel, CognitiveLoad, EmotionPrimary, ImpactDomain, MotivationStage,
    PerceivedControl, RiskKind, SleepQuality, SocialSupportLevel, Timeframe, Valence,
};

use super::ASSISTANT;
use crate::assistant::{Assistant, Excerpt, LONGEST_SUMMARY, Speaker, Utterance};
use crate::contexts::domain::Context;

fn utterance((speaker, text): &(Speaker, &str)) -> Utterance {
    Utterance { speaker: *speaker, text: (*text).to_owned() }
}

fn excerpt(said: &[(Speaker, &str)]) -> Excerpt {
    Excerpt {
        model: AiModel::Gpt4oMini,
        summary: None,
        utterances: said.iter().map(utterance).collect(),
        known: Context::default(),
    }
}

fn understood(said: &[(Speaker, &str)]) -> Context {
    block_on(ASSISTANT.analyze(&excerpt(said))).unwrap().context
}

fn told(message: &str) -> Context {
    understood(&[(Speaker::User, message)])
}

/// Checks one part of the context for each message.
fn check<T: PartialEq + std::fmt::Debug>(part: impl Fn(Context) -> Option<T>, table: &[(&str, Option<T>)]) {
    for (message, expected) in table {
        assert_eq!(part(told(message)), *expected, "{message}");
    }
}

#[test]
fn the_part_of_life_is_known() {
    check(
        |context| context.impact_domain,
        &[
            ("요즘 회사 일 때문에 너무 힘들어요", Some(ImpactDomain::Work)),
            ("시험이 다음 주인데 불안해요", Some(ImpactDomain::Study)),
            ("엄마랑 싸웠어요", Some(ImpactDomain::Family)),
            ("남자친구랑 헤어졌어요", Some(ImpactDomain::Relationship)),
            ("월세 낼 돈이 없어요", Some(ImpactDomain::Finance)),
            ("잠을 못 자요. 회사 때문인 것 같아요", Some(ImpactDomain::Work)),
            ("my exams are next week", Some(ImpactDomain::Study)),
            ("I can't pay the rent", Some(ImpactDomain::Finance)),
            ("my husband and I fight", Some(ImpactDomain::Family)),
            ("I feel worthless", Some(ImpactDomain::Self_)),
            ("네", None),
        ],
    );
}

#[test]
fn the_time_since_when_is_known() {
    check(
        |context| context.timeframe,
        &[
            ("오늘 팀장님한테 혼났어요", Some(Timeframe::Today)),
            ("며칠째 잠을 설쳐요", Some(Timeframe::ThisWeek)),
            ("요즘 자꾸 우울해요", Some(Timeframe::ThisMonth)),
            ("3개월째 이러고 있어요", Some(Timeframe::ThisYear)),
            ("어릴 때부터 그랬고 오늘도 그랬어요", Some(Timeframe::Longer)),
            ("I cried this morning", Some(Timeframe::Today)),
            ("it's been like this for weeks", Some(Timeframe::ThisMonth)),
            ("I've felt this way for years, and today again", Some(Timeframe::Longer)),
            ("I'm sad", None),
        ],
    );
}

#[test]
fn the_feeling_in_front_is_known_and_a_denied_one_is_not() {
    check(
        |context| context.emotion_primary,
        &[
            ("내일 발표가 걱정돼요", Some(EmotionPrimary::Anxiety)),
            ("너무 화가 나요", Some(EmotionPrimary::Anger)),
            ("외로워요", Some(EmotionPrimary::Loneliness)),
            ("동생한테 미안해요", Some(EmotionPrimary::Guilt)),
            ("번아웃이 온 것 같아요", Some(EmotionPrimary::Stress)),
            ("이제 안 불안해요", None),
            ("마음이 편안해졌어요", Some(EmotionPrimary::Calm)),
            ("I hate myself", Some(EmotionPrimary::Shame)),
            ("I feel empty", Some(EmotionPrimary::Sadness)),
            ("I'm not angry", None),
            ("I'm hopeful about it", Some(EmotionPrimary::Hope)),
        ],
    );
}

#[test]
fn words_and_signs_make_a_feeling_stronger_or_weaker() {
    let intensity = |message: &str| told(message).emotion_intensity.unwrap();
    for (weaker, stronger) in [
        ("불안해요", "너무 불안해요"),
        ("조금 불안해요", "불안해요"),
        ("슬퍼요", "슬퍼요ㅠㅠ"),
        ("너무 슬퍼요", "너무너무 슬퍼요!!"),
        ("I'm sad", "I'm really sad"),
        ("I'm a bit sad", "I'm sad"),
        ("I'm angry", "I'm angry!!!"),
    ] {
        assert!(intensity(weaker) < intensity(stronger), "{weaker} {stronger}");
    }
    assert_eq!(intensity("My anxiety is 9/10 right now"), 9);
    assert_eq!(intensity("불안이 10점 만점에 3점이에요"), 3);
    let most = intensity("진짜 너무너무 미칠 것 같이 화가 나고 억울하고 불안하고 슬퍼요!!!!! ㅠㅠㅠㅠ");
    assert!((8..=10).contains(&most), "{most}");
}

#[test]
fn valence_and_arousal_follow_the_feeling() {
    check(
        |context| context.valence,
        &[
            ("우울해요", Some(Valence::Negative)),
            ("드디어 합격했어요", Some(Valence::Positive)),
            ("그저 그래요", Some(Valence::Neutral)),
            ("죽고 싶어요", Some(Valence::Negative)),
            ("I'm so proud of myself", Some(Valence::Positive)),
            ("I'm lonely", Some(Valence::Negative)),
            ("the bus was late", None),
        ],
    );
    check(
        |context| context.arousal_level,
        &[
            ("심장이 빨리 뛰고 불안해요", Some(ArousalLevel::High)),
            ("아무것도 하기 싫고 무기력해요", Some(ArousalLevel::Low)),
            ("슬퍼요", Some(ArousalLevel::Medium)),
            ("I'm freaking out", Some(ArousalLevel::High)),
            ("I feel numb", Some(ArousalLevel::Low)),
        ],
    );
}

#[test]
fn control_and_trust_in_oneself_are_known() {
    check(
        |context| context.perceived_control,
        &[
            ("제가 할 수 있는 게 없어요", Some(PerceivedControl::Low)),
            ("하나씩 해결하고 있어요", Some(PerceivedControl::High)),
            ("there's nothing I can do", Some(PerceivedControl::Low)),
            ("I feel in control again", Some(PerceivedControl::High)),
            ("I don't feel in control", Some(PerceivedControl::Low)),
            ("회사에 갔어요", None),
        ],
    );
    check(
        |context| context.self_efficacy,
        &[
            ("잘할 자신이 없어요", Some(2)),
            ("이번에는 해낼 수 있을 것 같아요", Some(8)),
            ("제가 할 수 있을까요", Some(5)),
            ("I'm not confident at all", Some(2)),
            ("I know I can do it", Some(8)),
        ],
    );
}

#[test]
fn the_stage_of_change_is_known() {
    check(
        |context| context.motivation_stage,
        &[
            ("저는 바꾸고 싶지 않아요", Some(MotivationStage::Precontemplation)),
            ("담배를 끊어야 하는데 그만둘까 고민 중이에요", Some(MotivationStage::Contemplation)),
            ("내일부터 운동하기로 했어요", Some(MotivationStage::Preparation)),
            ("상담을 받기 시작했어요", Some(MotivationStage::Action)),
            ("꾸준히 운동하고 있어요", Some(MotivationStage::Maintenance)),
            ("I don't need to change", Some(MotivationStage::Precontemplation)),
            ("Maybe I should talk to her", Some(MotivationStage::Contemplation)),
            ("I've decided to quit next week", Some(MotivationStage::Preparation)),
            ("I've started running", Some(MotivationStage::Action)),
        ],
    );
}

#[test]
fn others_sleep_body_and_head_are_known() {
    check(
        |context| context.social_support_level,
        &[
            ("말할 사람이 없어요", Some(SocialSupportLevel::None)),
            ("아무도 이해 못 해요", Some(SocialSupportLevel::Low)),
            ("친구들이 응원해 줘요", Some(SocialSupportLevel::High)),
            ("I have no one to talk to", Some(SocialSupportLevel::None)),
            ("my sister is there for me", Some(SocialSupportLevel::High)),
            ("my parents aren't supportive", Some(SocialSupportLevel::Low)),
        ],
    );
    check(
        |context| context.sleep_quality,
        &[
            ("요즘 잠을 잘 못 자요", Some(SleepQuality::Poor)),
            ("어제는 푹 잤어요", Some(SleepQuality::Good)),
            ("I haven't slept well", Some(SleepQuality::Poor)),
            ("I slept well last night", Some(SleepQuality::Good)),
        ],
    );
    check(
        |context| context.physical_symptoms_present,
        &[
            ("머리가 아프고 소화가 안 돼요", Some(true)),
            ("선배가 아파요", None),
            ("두통은 없어요", Some(false)),
            ("my chest is tight", Some(true)),
            ("I have no headaches", Some(false)),
        ],
    );
    check(
        |context| context.cognitive_load,
        &[
            ("머리가 복잡해서 집중이 안 돼요", Some(CognitiveLoad::High)),
            ("이제 생각이 정리됐어요", Some(CognitiveLoad::Low)),
            ("my mind is racing", Some(CognitiveLoad::High)),
        ],
    );
}

#[test]
fn alliance_and_the_wish_to_look_deeper_are_known() {
    check(
        |context| context.alliance_strength,
        &[
            ("고마워요", Some(AllianceStrength::Strong)),
            ("도움이 안 돼요", Some(AllianceStrength::Weak)),
            ("얘기하고 나니 좀 나아요", Some(AllianceStrength::Strong)),
            ("You don't understand", Some(AllianceStrength::Weak)),
            ("I feel heard here", Some(AllianceStrength::Strong)),
            ("I went home", None),
        ],
    );
    check(
        |context| context.consent_to_depth,
        &[
            ("왜 그런지 알고 싶어요", Some(true)),
            ("그 일은 말하고 싶지 않아요", Some(false)),
            ("I'd like to understand why I do that", Some(true)),
            ("I don't want to talk about it", Some(false)),
        ],
    );
}

#[test]
fn danger_is_judged_by_the_latest_message_alone() {
    let risk = |context: Context| (context.risk_kind.unwrap(), context.risk_severity.unwrap());
    assert_eq!(risk(told("죽고 싶어요")), (RiskKind::SelfHarm, 3));
    assert_eq!(risk(told("남편이 저를 때려요")).0, RiskKind::Abuse);
    assert_eq!(risk(told("I want to kill him")).0, RiskKind::HarmToOthers);
    assert_eq!(risk(told("오늘은 좀 나아요")), (RiskKind::None, 0));
    let calmer =
        [(Speaker::User, "죽고 싶어요"), (Speaker::Counselor, "…"), (Speaker::User, "산책을 했어요")];
    assert_eq!(risk(understood(&calmer)), (RiskKind::None, 0));
    assert_eq!(understood(&[(Speaker::Counselor, "안녕하세요")]).risk_kind, None);
}

#[test]
fn a_yes_to_the_question_about_safety_is_a_danger() {
    let ask = "I want to ask this straight and gently. Are you thinking about hurting yourself?";
    let said = [(Speaker::User, "I want to die"), (Speaker::Counselor, ask), (Speaker::User, "yes")];
    let context = understood(&said);
    assert_eq!((context.risk_kind, context.risk_severity), (Some(RiskKind::SelfHarm), Some(4)));
}

#[test]
fn earlier_messages_fill_in_what_the_latest_leaves_open() {
    let context = understood(&[
        (Speaker::User, "요즘 회사 일로 너무 불안해서 잠을 못 자요"),
        (Speaker::Counselor, "잠까지 설치시는군요."),
        (Speaker::User, "어제는 푹 잤어요"),
    ]);
    assert_eq!(context.sleep_quality, Some(SleepQuality::Good));
    assert_eq!(context.emotion_primary, Some(EmotionPrimary::Anxiety));
    assert_eq!(context.timeframe, Some(Timeframe::ThisWeek));
    assert_eq!(context.consent_to_depth, None);
    assert_eq!(understood(&[]), Context::default());
}

fn summed_up(summary: Option<&str>, said: &[(Speaker, &str)]) -> String {
    let excerpt = Excerpt { summary: summary.map(str::to_owned), ..excerpt(said) };
    block_on(ASSISTANT.summarize(&excerpt)).unwrap().text
}

#[test]
fn a_summary_names_what_was_spoken_about_and_quotes_nobody() {
    let story = "엄마가 어제 저한테 소리를 질러서 너무 서운했고 회사에서도 불안했어요. 그냥 쉬고 싶어요";
    let text = summed_up(None, &[(Speaker::User, story), (Speaker::Counselor, "마음이 아프셨겠어요.")]);
    for part in ["회사 일", "어머니", "상처", "불안", "쉬는 것"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("소리를 질러서"), "{text}");
    let text = summed_up(None, &[(Speaker::User, "I'm anxious about my exams. What should I do?")]);
    assert_eq!(text, "Talked about: your exams\nFelt: anxiety\nWished for: advice");
}

#[test]
fn a_summary_that_builds_on_itself_does_not_grow() {
    let said = [(Speaker::User, "회사 일 때문에 불안하고 외로워요"), (Speaker::User, "엄마가 보고 싶어요")];
    let once = summed_up(None, &said);
    assert_eq!(summed_up(Some(&once), &said), once);
    let more = summed_up(Some(&once), &[(Speaker::User, "시험도 걱정돼요")]);
    assert!(more.contains("회사 일, 시험") && more.contains("외로움"), "{more}");
    let foreign = "The user spoke of many things. ".repeat(200);
    let mixed = summed_up(Some(&foreign), &said);
    assert!(mixed.starts_with("The user spoke") && mixed.contains("회사 일"), "{mixed}");
    assert!(mixed.chars().count() <= LONGEST_SUMMARY);
    assert_eq!(summed_up(Some(&mixed), &said), mixed);
}
