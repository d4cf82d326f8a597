//! Who may call what. What is not listed is refused to everybody; whose a thing is, its handler asks.

use shared::grpc::Rule;
use shared::grpc::Who::{Admin, Anybody, Gateway, User};

/// Every method of this service.
pub const RULES: &[Rule] = &[
    ("/hearlers.v1.PaymentService/GetCustomer", Anybody),
    ("/hearlers.v1.ProductService/ListProducts", Anybody),
    ("/hearlers.v1.ProductService/GetProduct", Anybody),
    ("/hearlers.v1.ProductService/CreateProduct", Admin),
    ("/hearlers.v1.ProductService/UpdateProduct", Admin),
    ("/hearlers.v1.ProductService/RetireProduct", Admin),
    ("/hearlers.v1.OrderService/CreateOrder", User),
    ("/hearlers.v1.OrderService/GetOrder", User),
    ("/hearlers.v1.OrderService/ListOrders", User),
    ("/hearlers.v1.OrderService/ConfirmOrder", User),
    ("/hearlers.v1.OrderService/CancelOrder", User),
    ("/hearlers.v1.OrderService/RefundOrder", Admin),
    ("/hearlers.v1.OrderService/ReceiveNotice", Gateway),
    ("/hearlers.v1.SubscriptionService/GetSubscription", User),
    ("/hearlers.v1.SubscriptionService/ListSubscriptions", User),
    ("/hearlers.v1.SubscriptionService/CancelSubscription", User),
    ("/hearlers.v1.SubscriptionService/ResumeSubscription", User),
    ("/hearlers.v1.UserDataService/ExportUserData", User),
    ("/hearlers.v1.IdempotencyService/ClaimKey", User),
];
