//! Between the messages of `CounselorService` and what commands and queries speak of.

use shared::id::check_id;
use shared::labels::{known, stored};
use shared::proto::v1::{
    self, CounselorGender, CreateBubbleRequest, CreateCounselorRequest, CreateToneRequest,
    UpdateBubbleRequest, UpdateCounselorRequest, UpdateToneRequest,
};
use shared::{Error, Violations};

use super::domain::{
    BubbleChange, CounselorChange, DESCRIPTION, NAME, NewBubble, NewCounselor, NewTone, PHRASE, ToneChange,
};
use super::entity::{bubble, counselor, tone};
use crate::text::read_image;

/// A new counselor.
///
/// # Errors
/// [`Error::Invalid`] with each broken rule; so for the others.
pub fn new_counselor(request: CreateCounselorRequest) -> Result<NewCounselor, Error> {
    let mut violations = Violations::default();
    check_id("tone_id", &request.tone_id, &mut violations);
    let name = NAME.read("name", &request.name, &mut violations);
    let description = DESCRIPTION.read("description", &request.description, &mut violations);
    let profile_image = read_image("profile_image", &request.profile_image, false, &mut violations);
    let gender = known(request.gender, "gender", &mut violations);
    violations.into_result()?;
    let gender = gender.ok_or_else(|| Error::internal("a label without a violation is known"))?;
    Ok(NewCounselor { tone_id: request.tone_id, name, description, profile_image, gender })
}

pub fn counselor_change(request: UpdateCounselorRequest) -> Result<(String, CounselorChange), Error> {
    let mut violations = Violations::default();
    check_id("counselor_id", &request.counselor_id, &mut violations);
    if let Some(tone_id) = &request.tone_id {
        check_id("tone_id", tone_id, &mut violations);
    }
    let image = request.profile_image.as_deref();
    let description = request.description.as_deref();
    let change = CounselorChange {
        name: NAME.read_some("name", request.name.as_deref(), &mut violations),
        description: DESCRIPTION.read_some("description", description, &mut violations),
        profile_image: image.map(|image| read_image("profile_image", image, false, &mut violations)),
        gender: request.gender.and_then(|gender| known(gender, "gender", &mut violations)),
        tone_id: request.tone_id,
    };
    violations.into_result()?;
    Ok((request.counselor_id, change))
}

pub fn new_tone(request: &CreateToneRequest) -> Result<NewTone, Error> {
    let mut violations = Violations::default();
    let name = NAME.read("name", &request.name, &mut violations);
    let description = DESCRIPTION.read("description", &request.description, &mut violations);
    violations.into_result()?;
    Ok(NewTone { name, description })
}

pub fn tone_change(request: UpdateToneRequest) -> Result<(String, ToneChange), Error> {
    let mut violations = Violations::default();
    check_id("tone_id", &request.tone_id, &mut violations);
    let description = request.description.as_deref();
    let change = ToneChange {
        name: NAME.read_some("name", request.name.as_deref(), &mut violations),
        description: DESCRIPTION.read_some("description", description, &mut violations),
    };
    violations.into_result()?;
    Ok((request.tone_id, change))
}

pub fn new_bubble(request: &CreateBubbleRequest) -> Result<NewBubble, Error> {
    let mut violations = Violations::default();
    check_id("counselor_id", &request.counselor_id, &mut violations);
    let new = NewBubble {
        question: PHRASE.read("question", &request.question, &mut violations),
        response_option1: PHRASE.read("response_option1", &request.response_option1, &mut violations),
        response_option2: PHRASE.read("response_option2", &request.response_option2, &mut violations),
    };
    violations.into_result()?;
    Ok(new)
}

pub fn bubble_change(request: &UpdateBubbleRequest) -> Result<BubbleChange, Error> {
    let mut violations = Violations::default();
    check_id("counselor_id", &request.counselor_id, &mut violations);
    check_id("bubble_id", &request.bubble_id, &mut violations);
    let (first, second) = (request.response_option1.as_deref(), request.response_option2.as_deref());
    let change = BubbleChange {
        question: PHRASE.read_some("question", request.question.as_deref(), &mut violations),
        response_option1: PHRASE.read_some("response_option1", first, &mut violations),
        response_option2: PHRASE.read_some("response_option2", second, &mut violations),
    };
    violations.into_result()?;
    Ok(change)
}

impl TryFrom<counselor::Model> for v1::Counselor {
    type Error = Error;

    fn try_from(row: counselor::Model) -> Result<Self, Error> {
        Ok(Self {
            gender: stored(&row.gender, CounselorGender::from_str_name)?.into(),
            id: row.id,
            tone_id: row.tone_id,
            name: row.name,
            description: row.description,
            profile_image: row.profile_image,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        })
    }
}

impl From<tone::Model> for v1::Tone {
    fn from(row: tone::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        }
    }
}

impl From<bubble::Model> for v1::Bubble {
    fn from(row: bubble::Model) -> Self {
        Self {
            id: row.id,
            counselor_id: row.counselor_id,
            question: row.question,
            response_option1: row.response_option1,
            response_option2: row.response_option2,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        }
    }
}
