//! `ProductService`: translation only.

use shared::auth::Caller;
use shared::database::Database;
use shared::id::{check_id, check_ids};
use shared::labels::known;
use shared::page::{Listed, Page};
use shared::proto::v1::product_service_server::ProductService;
use shared::proto::v1::{
    self, CreateProductRequest, CreateProductResponse, GetProductRequest, GetProductResponse,
    ListProductsRequest, ListProductsResponse, ProductKind, RetireProductRequest, RetireProductResponse,
    UpdateProductRequest, UpdateProductResponse,
};
use shared::time::Clock;
use shared::{Error, Violations};
use tonic::{Request, Response, Status};

use super::commands::ProductCommands;
use super::domain::{OfferChange, Product};
use super::queries::ProductQueries;

/// Answers `ProductService`.
pub struct ProductGrpc {
    commands: ProductCommands,
    queries: ProductQueries,
}

impl ProductGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: ProductCommands::new(database.clone(), clock.clone()),
            queries: ProductQueries::new(database.clone()),
        }
    }
}

#[tonic::async_trait]
impl ProductService for ProductGrpc {
    async fn list_products(
        &self,
        request: Request<ListProductsRequest>,
    ) -> Result<Response<ListProductsResponse>, Status> {
        let is_admin = Caller::of(&request)?.is_admin();
        let page = Page::of(request.into_inner().page)?;
        let Listed { items, next_cursor } = self.queries.list(page, is_admin).await?;
        let products = items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListProductsResponse { products, next_cursor }))
    }

    async fn get_product(
        &self,
        request: Request<GetProductRequest>,
    ) -> Result<Response<GetProductResponse>, Status> {
        let is_admin = Caller::of(&request)?.is_admin();
        let product = self.queries.by_id(&request.into_inner().product_id).await?;
        if product.retired_at.is_some() && !is_admin {
            return Err(Error::NotFound("product").into());
        }
        Ok(Response::new(GetProductResponse { product: Some(product.into()) }))
    }

    async fn create_product(
        &self,
        request: Request<CreateProductRequest>,
    ) -> Result<Response<CreateProductResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        check_id("product_id", &request.product_id, &mut violations);
        let kind = known::<ProductKind>(request.kind, "kind", &mut violations);
        let (name, description) = (Some(request.name.as_str()), Some(request.description.as_str()));
        let prices = prices_of(request.prices);
        let offer =
            OfferChange::read(name, description, Some(request.tokens), Some(&prices), &mut violations);
        violations.into_result()?;
        let (Some(kind), Some(offer)) = (kind, offer.whole()) else {
            return Err(Error::internal("a product is not whole").into());
        };
        let product = self.commands.create(request.product_id, kind, offer).await?;
        Ok(Response::new(CreateProductResponse { product: Some(product.into()) }))
    }

    async fn update_product(
        &self,
        request: Request<UpdateProductRequest>,
    ) -> Result<Response<UpdateProductResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        check_id("product_id", &request.product_id, &mut violations);
        let prices = prices_of(request.prices);
        let prices = (!prices.is_empty()).then_some(prices.as_slice());
        let (name, description) = (request.name.as_deref(), request.description.as_deref());
        let change = OfferChange::read(name, description, request.tokens, prices, &mut violations);
        violations.into_result()?;
        let product = self.commands.change(&request.product_id, change).await?;
        Ok(Response::new(UpdateProductResponse { product: Some(product.into()) }))
    }

    async fn retire_product(
        &self,
        request: Request<RetireProductRequest>,
    ) -> Result<Response<RetireProductResponse>, Status> {
        let RetireProductRequest { product_id } = request.into_inner();
        check_ids(&[("product_id", &product_id)])?;
        let product = self.commands.retire(&product_id).await?;
        Ok(Response::new(RetireProductResponse { product: Some(product.into()) }))
    }
}

fn prices_of(prices: Vec<v1::Price>) -> Vec<(String, i64)> {
    prices.into_iter().map(|price| (price.currency, price.amount)).collect()
}

impl From<Product> for v1::Product {
    fn from(product: Product) -> Self {
        let prices = product.offer.prices.into_iter();
        Self {
            id: product.id,
            kind: product.kind.into(),
            version: product.version,
            name: product.offer.name,
            description: product.offer.description,
            tokens: product.offer.tokens,
            prices: prices.map(|(currency, amount)| v1::Price { currency, amount }).collect(),
            created_at: Some(product.created_at.into()),
            updated_at: Some(product.updated_at.into()),
            retired_at: product.retired_at.map(Into::into),
        }
    }
}
