//! Which methods may be repeated, as their protos say.

use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;
use prost_types::method_options::IdempotencyLevel;
use prost_types::{FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto};

/// The unary methods by path, e.g. `/hearlers.v1.UserService/GetUser`, and how idempotent each is.
#[derive(Clone, Debug)]
pub(super) struct Methods(Arc<HashMap<String, IdempotencyLevel>>);

impl Methods {
    /// Nothing is repeated when the descriptors are broken; those that the build made are not.
    pub(super) fn read(descriptors: &[u8]) -> Self {
        let set = FileDescriptorSet::decode(descriptors).unwrap_or_default();
        Self(Arc::new(set.file.iter().flat_map(unary_methods).collect()))
    }

    /// None when the method streams, or nothing is known about it.
    pub(super) fn is_idempotent(&self, path: &str) -> Option<bool> {
        match self.0.get(path)? {
            IdempotencyLevel::NoSideEffects | IdempotencyLevel::Idempotent => Some(true),
            IdempotencyLevel::IdempotencyUnknown => Some(false),
        }
    }

    /// Whether it is a unary method that changes nothing.
    pub(super) fn only_reads(&self, path: &str) -> bool {
        self.0.get(path) == Some(&IdempotencyLevel::NoSideEffects)
    }
}

fn unary_methods(file: &FileDescriptorProto) -> impl Iterator<Item = (String, IdempotencyLevel)> {
    file.service.iter().flat_map(|service| {
        let unary = service.method.iter().filter(|method| {
            !method.client_streaming.unwrap_or_default() && !method.server_streaming.unwrap_or_default()
        });
        unary.map(|method| {
            let package = file.package.as_deref().map(|package| format!("{package}.")).unwrap_or_default();
            (format!("/{package}{}/{}", service.name(), method.name()), level(method))
        })
    })
}

fn level(method: &MethodDescriptorProto) -> IdempotencyLevel {
    method
        .options
        .as_ref()
        .map_or(IdempotencyLevel::IdempotencyUnknown, |options| options.idempotency_level())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::DESCRIPTORS;

    #[test]
    fn the_proto_says_what_is_idempotent() {
        let methods = Methods::read(DESCRIPTORS);
        assert_eq!(methods.is_idempotent("/hearlers.v1.UserService/GetUser"), Some(true));
        assert_eq!(methods.is_idempotent("/hearlers.v1.AuthUserService/SetAuthority"), Some(true));
        assert_eq!(methods.is_idempotent("/hearlers.v1.SessionService/RotateRefreshToken"), Some(false));
        assert_eq!(methods.is_idempotent("/hearlers.v1.UserService/Unheard"), None);
        assert!(methods.only_reads("/hearlers.v1.UserService/GetUser"));
        assert!(!methods.only_reads("/hearlers.v1.AuthUserService/SetAuthority"));
    }
}
