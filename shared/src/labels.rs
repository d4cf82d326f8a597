//! Labels: enumerations of the protocol that mean nothing more than their names, so that the domain uses them as
//! they are. Rows keep them by name.

use crate::{Error, Violations};

/// The label with this number; `UNSPECIFIED` (the default) and numbers without a name break a rule of `field`.
pub fn known<L>(number: i32, field: &'static str, violations: &mut Violations) -> Option<L>
where
    L: TryFrom<i32> + Default + PartialEq,
{
    let label = L::try_from(number).ok().filter(|label| *label != L::default());
    violations.check(label.is_some(), field, "must be a known value other than UNSPECIFIED");
    label
}

/// The label that a row names.
///
/// # Errors
/// [`Error::Internal`] when it names none: the row was written by a newer version, or by hand.
pub fn stored<L>(name: &str, parse: fn(&str) -> Option<L>) -> Result<L, Error> {
    parse(name).ok_or_else(|| Error::internal(format!("a row holds the unknown label {name:?}")))
}

#[cfg(test)]
mod tests {
    use crate::proto::v1::Gender;

    use super::*;

    #[test]
    fn unknown_and_unspecified_labels_break_a_rule() {
        for (number, expected) in [(0, None), (2, Some(Gender::Female)), (99, None), (-1, None)] {
            let mut violations = Violations::default();
            assert_eq!(known::<Gender>(number, "gender", &mut violations), expected, "{number}");
            assert_eq!(violations.is_empty(), expected.is_some(), "{number}");
        }
    }

    #[test]
    fn a_stored_label_that_nobody_knows_is_our_fault() {
        assert_eq!(stored("GENDER_MALE", Gender::from_str_name).unwrap(), Gender::Male);
        assert!(matches!(stored("GENDER_X", Gender::from_str_name), Err(Error::Internal(_))));
    }
}
