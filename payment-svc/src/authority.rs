//! Who may call what. What is not listed is refused to everybody; whose a thing is, its handler asks.

use shared::grpc::Rule;
use shared::grpc::Who::{Anybody, User};

/// Every method of this service.
pub const RULES: &[Rule] = &[
    ("/hearlers.v1.PaymentService/GetCustomer", Anybody),
    ("/hearlers.v1.UserDataService/ExportUserData", User),
];
