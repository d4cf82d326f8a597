//! What counselors, tones and bubbles may be.

use shared::proto::v1::CounselorGender;
use shared::text::TextRule;

/// The name of a counselor or a tone.
pub const NAME: TextRule = TextRule::new(1, 50);
/// The description of a counselor or a tone.
pub const DESCRIPTION: TextRule = TextRule::new(1, 1000);
/// The question of a bubble, and each of its options.
pub const PHRASE: TextRule = TextRule::new(1, 500);

/// A counselor who is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCounselor {
    pub tone_id: String,
    pub name: String,
    pub description: String,
    pub profile_image: String,
    pub gender: CounselorGender,
}

/// What becomes different about a counselor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CounselorChange {
    pub tone_id: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub profile_image: Option<String>,
    pub gender: Option<CounselorGender>,
}

/// A tone that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTone {
    pub name: String,
    pub description: String,
}

/// What becomes different about a tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToneChange {
    pub name: Option<String>,
    pub description: Option<String>,
}

/// A bubble that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBubble {
    pub question: String,
    pub response_option1: String,
    pub response_option2: String,
}

/// What becomes different about a bubble.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BubbleChange {
    pub question: Option<String>,
    pub response_option1: Option<String>,
    pub response_option2: Option<String>,
}
