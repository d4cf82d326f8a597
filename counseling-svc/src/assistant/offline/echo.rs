//! The user's own words, turned so that the counselor can say them back.

mod english;
mod korean;

use super::language::Language;
use super::style::Register;

/// What somebody told in a clause, to be said back; `None` if that cannot be done well.
///
/// In English it is the clause with the persons exchanged, "you lost your job"; in Korean the clause as reported speech
/// that a noun follows, "직장을 잃었다는".
pub(super) fn of(clause: &str, language: Language, register: Register) -> Option<String> {
    match language {
        Language::Korean => korean::reported(clause, register),
        Language::English => english::turned(clause),
    }
}
