//! "팀장님이 저한테 소리를 질렀어요" becomes "팀장님이 소리를 질렀다는", to be followed by 말씀 or 이야기.
//!
//! Reported speech takes the plain form of the verb, which is read off the ending. An ending that is not known here is
//! left alone: it is better to say nothing back than to say it wrongly.

use crate::assistant::offline::style::Register;

/// The shortest and longest clause that is said back, in letters.
const LENGTH: std::ops::RangeInclusive<usize> = 7..=42;

/// Words that begin a clause without belonging to it, and the speaker, who is understood.
const OPENERS: [&str; 34] = [
    "그리고",
    "그런데",
    "근데",
    "그래서",
    "사실",
    "사실은",
    "솔직히",
    "저는",
    "제가",
    "나는",
    "난",
    "전",
    "내가",
    "저도",
    "나도",
    "하지만",
    "그러다",
    "그러다가",
    "아니",
    "음",
    "네",
    "아",
    "어",
    "응",
    "그냥",
    "제",
    "내",
    "그니까",
    "그러니까",
    "뭔가",
    "우리",
    "저희",
    "막",
    "일단",
];

/// Words for the speaker inside a clause, and what a counselor says for them, formally and casually.
const SPEAKER: [(&str, &str, &str); 14] = [
    ("저한테", "", "너한테"),
    ("나한테", "", "너한테"),
    ("저에게", "", "너에게"),
    ("나에게", "", "너에게"),
    ("저를", "", "너를"),
    ("나를", "", "너를"),
    ("날", "", "너를"),
    ("제", "본인", "네"),
    ("내", "본인", "네"),
    ("저는", "", "너는"),
    ("나는", "", "너는"),
    ("제가", "", "네가"),
    ("내가", "", "네가"),
    ("진짜", "", ""),
];

/// Words that point at the speaker or the counselor and cannot be left out.
const REFUSED: [&str; 24] = [
    "저랑",
    "나랑",
    "저와",
    "나와",
    "저만",
    "나만",
    "당신",
    "너",
    "너는",
    "넌",
    "네가",
    "니가",
    "상담사님",
    "저",
    "나",
    "이거",
    "그거",
    "저보다",
    "나보다",
    "저때문에",
    "나때문에",
    "저더러",
    "나보고",
    "저보고",
];

/// Signs in a clause that make it a quotation, a question or an aside.
const SIGNS: [char; 11] = ['?', '"', '“', '”', '\'', '‘', '’', '(', ')', '@', '/'];

/// The clause as reported speech, ending in 다는 or 라는.
pub(super) fn reported(clause: &str, register: Register) -> Option<String> {
    let clause = clause
        .trim_end_matches(|c: char| !c.is_alphanumeric() || matches!(c, 'ㅠ' | 'ㅜ' | 'ㅋ' | 'ㅎ'))
        .trim();
    if clause.contains(SIGNS) || !LENGTH.contains(&clause.chars().count()) {
        return None;
    }
    let words: Vec<&str> = clause.split_whitespace().collect();
    let bare = |word: &str| word.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let openers = words.iter().take_while(|word| OPENERS.contains(&bare(word).as_str())).count();
    let words = &words[openers..];
    if words.len() < 2 || words.iter().any(|word| REFUSED.contains(word)) {
        return None;
    }
    let (last, before) = words.split_last()?;
    let mut told: Vec<String> = before.iter().map(|word| addressed(word, register)).collect();
    told.retain(|word| !word.is_empty());
    told.push(plain(last, before.last().copied().unwrap_or_default())?);
    (told.len() >= 2).then(|| told.join(" "))
}

/// A word as a counselor says it: the speaker becomes the one who is spoken to, and formally 엄마 is 어머니.
fn addressed(word: &str, register: Register) -> String {
    const PARENTS: [(&str, &str); 2] = [("엄마", "어머니"), ("아빠", "아버지")];
    if let Some((_, formal, casual)) = SPEAKER.iter().find(|(said, ..)| *said == word) {
        return register.choose(formal, casual).to_owned();
    }
    match PARENTS.iter().find_map(|(said, formal)| Some((word.strip_prefix(said)?, formal))) {
        Some((particle, formal)) if register == Register::Formal => format!("{formal}{particle}"),
        _ => word.to_owned(),
    }
}

/// The last word of a clause in the form that reports it.
fn plain(word: &str, before: &str) -> Option<String> {
    known(word, before).or_else(|| past(word)).or_else(|| noun(word)).or_else(|| present(word))
}

/// Frequent words whose form no rule tells.
fn known(word: &str, before: &str) -> Option<String> {
    const KNOWN: [(&str, &str); 41] = [
        ("없", "없다는"),
        ("있", "있다는"),
        ("싶", "싶다는"),
        ("같", "같다는"),
        ("힘들", "힘들다는"),
        ("싫", "싫다는"),
        ("좋", "좋다는"),
        ("좋아", "좋다는"),
        ("많아", "많다는"),
        ("많네", "많다는"),
        ("아파", "아프다는"),
        ("슬퍼", "슬프다는"),
        ("바빠", "바쁘다는"),
        ("나빠", "나쁘다는"),
        ("자요", "잔다는"),
        ("와요", "온다는"),
        ("안와요", "안 온다는"),
        ("먹어", "먹는다는"),
        ("울어", "운다는"),
        ("봐요", "본다는"),
        ("몰라", "모른다는"),
        ("줘요", "준다는"),
        ("안돼", "안 된다는"),
        ("가요", "간다는"),
        ("살아", "산다는"),
        ("마셔", "마신다는"),
        ("만나", "만난다는"),
        ("헤어져", "헤어진다는"),
        ("느껴져", "느껴진다는"),
        ("늦어", "늦는다는"),
        ("깨요", "깬다는"),
        ("피해", "피한다는"),
        ("미워", "밉다는"),
        ("싸워", "싸운다는"),
        ("배워", "배운다는"),
        ("커요", "크다는"),
        ("들어요", "든다는"),
        ("흘러", "흐른다는"),
        ("괴로워", "괴롭다는"),
        ("무거워", "무겁다는"),
        ("짜증나", "짜증 난다는"),
    ];
    const ENDINGS: [&str; 16] = [
        "",
        "요",
        "어",
        "어요",
        "습니다",
        "다",
        "네",
        "네요",
        "은데",
        "은데요",
        "는데",
        "는데요",
        "지만",
        "거든요",
        "고",
        "어서",
    ];
    if matches!(word, "나요" | "나" | "나네요") && (before.ends_with('이') || before.ends_with('가'))
    {
        return Some("난다는".to_owned());
    }
    KNOWN.iter().find_map(|(stem, told)| {
        let ending = word.strip_prefix(stem)?;
        ENDINGS.contains(&ending).then(|| (*told).to_owned())
    })
}

/// Past and future stems end in ㅆ, and the plain form follows them directly: 질렀어요, 질렀다는; 못 하겠어요, 하겠다는.
fn past(word: &str) -> Option<String> {
    const ENDINGS: [&str; 20] = [
        "어요",
        "어",
        "습니다",
        "다",
        "네요",
        "네",
        "는데",
        "는데요",
        "거든요",
        "거든",
        "지만",
        "고",
        "고요",
        "어여",
        "음",
        "죠",
        "지",
        "던데",
        "더라고요",
        "더니",
    ];
    let stem =
        ENDINGS.iter().find_map(|ending| word.strip_suffix(ending).filter(|stem| ends_in_past(stem)))?;
    Some(format!("{stem}다는"))
}

fn ends_in_past(stem: &str) -> bool {
    const SSANG_SIOT: u32 = 20;
    stem.chars().last().is_some_and(|c| matches!(c, '가'..='힣') && final_of(c) == SSANG_SIOT)
}

/// The number of a syllable's final consonant; 0 is none.
fn final_of(syllable: char) -> u32 {
    (u32::from(syllable) - u32::from('가')) % 28
}

/// "학생이에요", "처음이야": 이라는; "남자친구예요": 라는.
fn noun(word: &str) -> Option<String> {
    let stem = |endings: [&str; 2]| endings.into_iter().find_map(|ending| word.strip_suffix(ending));
    if let Some(noun) = stem(["이에요", "입니다"]) {
        let joined =
            if noun.chars().last().is_some_and(|c| final_of(c) == 0) { "라는" } else { "이라는" };
        return Some(format!("{noun}{joined}"));
    }
    stem(["예요", "에요"]).filter(|noun| !noun.is_empty()).map(|noun| format!("{noun}라는"))
}

/// 하다, 되다, 지다 and the adjectives in ㅂ, the commonest endings of the present.
fn present(word: &str) -> Option<String> {
    const ADJECTIVES: [&str; 61] = [
        "불안",
        "우울",
        "답답",
        "피곤",
        "막막",
        "행복",
        "속상",
        "서운",
        "섭섭",
        "초조",
        "허무",
        "공허",
        "미안",
        "창피",
        "억울",
        "복잡",
        "심심",
        "무기력",
        "부족",
        "이상",
        "예민",
        "편안",
        "쓸쓸",
        "비참",
        "소중",
        "한심",
        "심",
        "불편",
        "죄송",
        "간절",
        "편",
        "건강",
        "중요",
        "필요",
        "익숙",
        "어색",
        "조용",
        "심각",
        "비슷",
        "특별",
        "따뜻",
        "다정",
        "친",
        "급",
        "궁금",
        "지루",
        "허전",
        "난감",
        "곤란",
        "확실",
        "분명",
        "엄격",
        "막연",
        "위험",
        "안전",
        "소심",
        "착",
        "충분",
        "불쌍",
        "깜깜",
        "캄캄",
    ];
    let word = word.strip_suffix('요').unwrap_or(word);
    if let Some(stem) = word.strip_suffix('해') {
        if matches!(stem, "" | "안" | "그" | "이" | "어떡") {
            return (stem.is_empty()).then(|| "한다는".to_owned());
        }
        let told = if ADJECTIVES.contains(&stem) { "하다는" } else { "한다는" };
        return Some(format!("{stem}{told}"));
    }
    if let Some(stem) = word.strip_suffix('돼') {
        return Some(format!("{stem}된다는"));
    }
    if let Some(stem) = word.strip_suffix('져').filter(|stem| !stem.is_empty()) {
        return Some(format!("{stem}진다는"));
    }
    if let Some(stem) = word.strip_suffix('려').filter(|stem| !stem.is_empty()) {
        return Some(format!("{stem}린다는"));
    }
    // 외로워, 어려워, 두려워: the stem's last syllable takes its ㅂ back.
    const VERBS: [&str; 12] =
        ["싸워", "배워", "외워", "키워", "지워", "깨워", "비워", "채워", "세워", "태워", "피워", "치워"];
    const BIEUP: u32 = 17;
    let stem = word.strip_suffix('워').filter(|_| !VERBS.iter().any(|verb| word.ends_with(verb)))?;
    let last = stem.chars().last().filter(|c| matches!(c, '가'..='힣') && final_of(*c) == 0)?;
    let closed = char::from_u32(u32::from(last) + BIEUP)?;
    Some(format!("{}{closed}다는", stem.strip_suffix(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_reported() {
        for (clause, told) in [
            ("강아지가 아파서 병원에 다녀왔어요", "강아지가 아파서 병원에 다녀왔다는"),
            ("팀장님이 저한테 소리를 질렀어요", "팀장님이 소리를 질렀다는"),
            ("제가 발표에서 크게 실수했어", "발표에서 크게 실수했다는"),
            ("요즘 잠을 잘 못 자요", "요즘 잠을 잘 못 잔다는"),
            ("더는 못 하겠어요", "더는 못 하겠다는"),
            ("회사에 가기 싫어요ㅠㅠ", "회사에 가기 싫다는"),
            ("자꾸 눈물이 나요", "자꾸 눈물이 난다는"),
            ("밤마다 너무 외로워요", "밤마다 너무 외롭다는"),
            ("아무도 제 마음을 몰라요", "아무도 본인 마음을 모른다는"),
            ("네, 차마 하지 못한 말이 있어요", "차마 하지 못한 말이 있다는"),
            ("혼자 있는 게 제일 편해요", "혼자 있는 게 제일 편하다는"),
            ("이번이 마지막 학기예요", "이번이 마지막 학기라는"),
            ("매일 도서관에서 공부해요", "매일 도서관에서 공부한다는"),
            ("시험이 너무 걱정돼요", "시험이 너무 걱정된다는"),
        ] {
            assert_eq!(reported(clause, Register::Formal).as_deref(), Some(told), "{clause}");
        }
    }

    #[test]
    fn a_friend_says_you() {
        let told = reported("팀장님이 나한테 소리를 질렀어", Register::Casual);
        assert_eq!(told.as_deref(), Some("팀장님이 너한테 소리를 질렀다는"));
    }

    #[test]
    fn what_cannot_be_reported_well_is_left() {
        for clause in [
            "왜 이렇게 힘들까요?",
            "네 맞아요",
            "저랑 싸웠어요",
            "제가 좋아하는 노래 들으면서",
            "당신은 몰라요 정말로",
        ] {
            assert_eq!(reported(clause, Register::Formal), None, "{clause}");
        }
    }
}
