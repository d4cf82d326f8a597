//! Which methods may be called again, by the option `idempotency_level` in their proto.

use std::collections::HashSet;

use prost::Message;
use prost_types::FileDescriptorSet;
use prost_types::method_options::IdempotencyLevel;

pub(super) struct Methods {
    repeatable: HashSet<String>,
}

impl Methods {
    pub(super) fn read(descriptors: &[u8]) -> Self {
        let files = FileDescriptorSet::decode(descriptors).unwrap_or_default().file;
        let mut repeatable = HashSet::new();
        for file in &files {
            for service in &file.service {
                for method in &service.method {
                    let level = method.options.as_ref().map(|options| options.idempotency_level());
                    if level.is_some_and(|level| level != IdempotencyLevel::IdempotencyUnknown) {
                        let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                        repeatable.insert(path);
                    }
                }
            }
        }
        Self { repeatable }
    }

    /// Whether a second call of the method at this path does no more than the first.
    pub(super) fn may_repeat(&self, path: &str) -> bool {
        self.repeatable.contains(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::DESCRIPTORS;

    #[test]
    fn the_proto_says_what_may_be_repeated() {
        let methods = Methods::read(DESCRIPTORS);
        assert!(methods.may_repeat("/hearlers.v1.UserService/GetUser"));
        assert!(methods.may_repeat("/hearlers.v1.CounselService/CreateMessage"));
        assert!(!methods.may_repeat("/hearlers.v1.AuthUserService/RotateRefreshToken"));
        assert!(!methods.may_repeat("/hearlers.v1.UserService/Unknown"));
    }
}
