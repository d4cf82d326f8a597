//! Whether a version can be activated.

use std::collections::HashSet;

use super::Content;

/// A counselor or a tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub id: String,
    pub name: String,
}

/// Something that a version lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The part of the version, e.g. `persona_prompts`.
    pub part: &'static str,
    /// What is missing, for people.
    pub description: String,
}

/// Everything that counselors would miss in a version with this content, in the order of the counselors and tones.
pub fn gaps(counselors: &[Named], tones: &[Named], content: &Content) -> Vec<Gap> {
    let personas = content.persona_prompts.iter().map(|prompt| &prompt.counselor_id).collect();
    let sounds = content.tone_prompts.iter().map(|prompt| &prompt.tone_id).collect();
    let starts = content.techniques.iter().filter(|technique| technique.is_start_technique);
    let starts = starts.map(|technique| &technique.tone_id).collect();
    let mut gaps = lacking("persona_prompts", "is missing for counselor", counselors, &personas);
    gaps.extend(lacking("tone_prompts", "is missing for tone", tones, &sounds));
    gaps.extend(lacking("counsel_techniques", "has no start technique for tone", tones, &starts));
    gaps
}

fn lacking(part: &'static str, what: &str, wanted: &[Named], there: &HashSet<&String>) -> Vec<Gap> {
    let missing = wanted.iter().filter(|wanted| !there.contains(&wanted.id));
    missing.map(|missing| Gap { part, description: format!("{what} \"{}\"", missing.name) }).collect()
}
