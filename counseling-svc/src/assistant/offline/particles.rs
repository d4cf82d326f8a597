//! Korean particles, whose form depends on how the word before them ends.

/// A particle with two forms, named by the one that follows a consonant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Particle {
    after_consonant: &'static str,
    after_vowel: &'static str,
}

/// 으로 is the one that follows ㄹ like a vowel: 서울로, 물로.
const TOWARDS: Particle = Particle { after_consonant: "으로", after_vowel: "로" };

const PARTICLES: [Particle; 11] = [
    Particle { after_consonant: "이", after_vowel: "가" },
    Particle { after_consonant: "은", after_vowel: "는" },
    Particle { after_consonant: "을", after_vowel: "를" },
    Particle { after_consonant: "과", after_vowel: "와" },
    TOWARDS,
    Particle { after_consonant: "이에요", after_vowel: "예요" },
    Particle { after_consonant: "이야", after_vowel: "야" },
    Particle { after_consonant: "이라고", after_vowel: "라고" },
    Particle { after_consonant: "이라는", after_vowel: "라는" },
    Particle { after_consonant: "이랑", after_vowel: "랑" },
    Particle { after_consonant: "아", after_vowel: "야" },
];

/// How a word ends, for the particle after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Vowel,
    Rieul,
    Consonant,
}

impl Particle {
    /// The particle whose form after a consonant is `form`.
    pub(super) fn named(form: &str) -> Option<Self> {
        PARTICLES.into_iter().find(|particle| particle.after_consonant == form)
    }

    /// The form that follows `word`.
    pub(super) fn after(self, word: &str) -> &'static str {
        match ending(word) {
            Ending::Vowel => self.after_vowel,
            Ending::Rieul if self == TOWARDS => self.after_vowel,
            Ending::Rieul | Ending::Consonant => self.after_consonant,
        }
    }
}

/// Closing quotes and brackets do not count; digits and Latin letters are taken as they are read aloud in Korean.
fn ending(word: &str) -> Ending {
    let Some(last) = word.chars().rev().find(|c| c.is_alphanumeric()) else { return Ending::Vowel };
    match last {
        '가'..='힣' => match (u32::from(last) - u32::from('가')) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        },
        '1' | '7' | '8' | 'l' | 'L' | 'r' | 'R' => Ending::Rieul,
        '0' | '3' | '6' | 'm' | 'M' | 'n' | 'N' => Ending::Consonant,
        _ => Ending::Vowel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(word: &str, particle: &str) -> String {
        format!("{word}{}", Particle::named(particle).unwrap().after(word))
    }

    #[test]
    fn particles_follow_the_final_consonant() {
        assert_eq!(with("마음", "이"), "마음이");
        assert_eq!(with("회사", "이"), "회사가");
        assert_eq!(with("잠", "은"), "잠은");
        assert_eq!(with("친구", "은"), "친구는");
        assert_eq!(with("시험", "을"), "시험을");
        assert_eq!(with("어머니", "을"), "어머니를");
        assert_eq!(with("남편", "과"), "남편과");
        assert_eq!(with("어머니", "과"), "어머니와");
        assert_eq!(with("하늘", "이에요"), "하늘이에요");
        assert_eq!(with("모모", "이에요"), "모모예요");
        assert_eq!(with("모모", "이야"), "모모야");
    }

    #[test]
    fn towards_takes_rieul_as_a_vowel() {
        assert_eq!(with("일", "으로"), "일로");
        assert_eq!(with("돈", "으로"), "돈으로");
        assert_eq!(with("회사", "으로"), "회사로");
        assert_eq!(with("일", "이"), "일이");
    }

    #[test]
    fn digits_and_latin_letters_are_read_aloud() {
        assert_eq!(with("3", "이에요"), "3이에요");
        assert_eq!(with("4", "이에요"), "4예요");
        assert_eq!(with("7", "으로"), "7로");
        assert_eq!(with("email", "을"), "email을");
        assert_eq!(with("‘일’", "이라는"), "‘일’이라는");
    }
}
