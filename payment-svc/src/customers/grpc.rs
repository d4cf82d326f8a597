//! `PaymentService`: translation only.

use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::proto::v1::payment_service_server::PaymentService;
use shared::proto::v1::{self, GetCustomerRequest, GetCustomerResponse};
use tonic::{Request, Response, Status};

use super::domain::Customer;
use super::queries::CustomerQueries;

/// Answers `PaymentService`.
pub struct PaymentGrpc {
    queries: CustomerQueries,
}

impl PaymentGrpc {
    pub fn new(database: &Database) -> Self {
        Self { queries: CustomerQueries::new(database.clone()) }
    }
}

#[tonic::async_trait]
impl PaymentService for PaymentGrpc {
    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        caller.require_owner(&request.user_id, "customer")?;
        let customer = self.queries.of_user(&request.user_id).await?;
        // An erased customer is nobody's; admins alone may see that there was one.
        if customer.user_id().is_none() && !caller.is_admin() {
            return Err(Error::NotFound("customer").into());
        }
        Ok(Response::new(GetCustomerResponse { customer: Some(customer.into()) }))
    }
}

impl From<Customer> for v1::Customer {
    fn from(customer: Customer) -> Self {
        Self {
            user_id: customer.user_id().map(str::to_owned),
            anonymized_at: customer.anonymized_at().map(Into::into),
            created_at: Some(customer.created_at.into()),
            id: customer.id,
        }
    }
}
