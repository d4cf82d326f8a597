//! What the offline counselor does, rule by rule.
