//! Who may call what. What is not listed is refused to everybody; whose a thing is, its handler asks.

use shared::grpc::Rule;
use shared::grpc::Who::Anybody;

/// Every method of this service.
pub const RULES: &[Rule] = &[("/hearlers.v1.PaymentService/GetCustomer", Anybody)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_rule() {
        shared::grpc::check_rules(RULES, &["PaymentService"]);
    }
}
