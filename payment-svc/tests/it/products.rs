//! What can be bought.

use futures::future::join_all;
use shared::auth::Caller;
use shared::id::new_id;
use shared::on_each_engine;
use shared::proto::v1::product_service_client::ProductServiceClient;
use shared::proto::v1::{
    CreateProductRequest, GetProductRequest, ListProductsRequest, PageRequest, Price, Product, ProductKind,
    RetireProductRequest, UpdateProductRequest,
};
use shared::testkit::caller;
use tonic::Code::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied};
use tonic::{Code, Status};

use crate::world::World;

fn admin() -> Caller {
    Caller::Admin("a".to_owned())
}

fn user() -> Caller {
    Caller::User("u".to_owned())
}

fn won(amount: i64) -> Vec<Price> {
    vec![Price { currency: "KRW".to_owned(), amount }]
}

fn new(id: &str) -> CreateProductRequest {
    CreateProductRequest {
        product_id: id.to_owned(),
        kind: ProductKind::TokenPack.into(),
        name: "ten".to_owned(),
        description: "ten tokens".to_owned(),
        tokens: 10,
        prices: won(500),
    }
}

async fn create(world: &World, by: Caller, request: CreateProductRequest) -> Result<Product, Status> {
    let mut client = ProductServiceClient::new(world.service.channel());
    Ok(client.create_product(caller(by, request)).await?.into_inner().product.unwrap())
}

async fn update(world: &World, request: UpdateProductRequest) -> Result<Product, Status> {
    let mut client = ProductServiceClient::new(world.service.channel());
    Ok(client.update_product(caller(admin(), request)).await?.into_inner().product.unwrap())
}

async fn retire(world: &World, id: &str) -> Result<Product, Status> {
    let mut client = ProductServiceClient::new(world.service.channel());
    let request = RetireProductRequest { product_id: id.to_owned() };
    Ok(client.retire_product(caller(admin(), request)).await?.into_inner().product.unwrap())
}

async fn get(world: &World, by: Caller, id: &str) -> Result<Product, Status> {
    let mut client = ProductServiceClient::new(world.service.channel());
    let request = GetProductRequest { product_id: id.to_owned() };
    Ok(client.get_product(caller(by, request)).await?.into_inner().product.unwrap())
}

/// All pages of two.
async fn list(world: &World, by: &Caller) -> Vec<Product> {
    let mut client = ProductServiceClient::new(world.service.channel());
    let (mut products, mut cursor) = (Vec::new(), None);
    loop {
        let page = Some(PageRequest { limit: Some(2), cursor });
        let answer = client.list_products(caller(by.clone(), ListProductsRequest { page })).await.unwrap();
        let answer = answer.into_inner();
        products.extend(answer.products);
        if answer.next_cursor.is_empty() {
            return products;
        }
        cursor = Some(answer.next_cursor);
    }
}

fn code<T>(result: Result<T, Status>) -> Code {
    result.err().map_or(Code::Ok, |status| status.code())
}

on_each_engine! {
    async fn a_catalog_is_there_from_the_first_day(engine: Engine) {
        let world = World::new(engine).await;
        let _another = world.another_instance().await;
        let products = list(&world, &user()).await;
        assert_eq!(products.len(), 3);
        for product in &products {
            assert_eq!((product.version, product.prices.len()), (1, 1), "{product:?}");
            assert_eq!(get(&world, user(), &product.id).await.unwrap(), *product);
        }
        assert!(products.iter().any(|product| product.kind() == ProductKind::MonthlyPass));
    }

    async fn a_product_is_created_once_and_changes_in_versions(engine: Engine) {
        let world = World::new(engine).await;
        let id = new_id();
        let same = join_all((0..4).map(|_| create(&world, admin(), new(&id)))).await;
        let created = same[0].clone().unwrap();
        assert!(same.into_iter().all(|product| product.unwrap() == created), "one product, however often");
        let other = CreateProductRequest { tokens: 11, ..new(&id) };
        assert_eq!(code(create(&world, admin(), other).await), AlreadyExists);

        let change = UpdateProductRequest {
            product_id: id.clone(),
            tokens: Some(12),
            prices: [won(700), vec![Price { currency: "USD".to_owned(), amount: 50 }]].concat(),
            ..UpdateProductRequest::default()
        };
        let changed = update(&world, change.clone()).await.unwrap();
        assert_eq!((changed.version, changed.tokens, changed.name.as_str()), (2, 12, "ten"));
        assert_eq!(changed.prices.len(), 2);
        assert_eq!(update(&world, change).await.unwrap(), changed, "the same again changes nothing");
        // Each of two changes at once is a version of its own, and the last one stands.
        let changes = (0..4).map(|number| {
            let name = Some(format!("name {number}"));
            update(&world, UpdateProductRequest { product_id: id.clone(), name, ..Default::default() })
        });
        let mut versions: Vec<_> =
            join_all(changes).await.into_iter().map(|product| product.unwrap().version).collect();
        versions.sort_unstable();
        assert_eq!(versions, [3, 4, 5, 6]);
        let now = get(&world, user(), &id).await.unwrap();
        assert_eq!((now.version, now.tokens), (6, 12));
        assert_eq!(now.prices, changed.prices);
        // What was offered before is kept for those who ordered it.
        let prices = format!("SELECT COUNT(*) FROM product_prices WHERE product_id = '{id}' AND version = 1");
        assert_eq!(world.count(&prices).await, 1);
        let versions = format!("SELECT COUNT(*) FROM product_versions WHERE product_id = '{id}'");
        assert_eq!(world.count(&versions).await, 6);
    }

    async fn what_is_retired_is_for_admins_to_see(engine: Engine) {
        let world = World::new(engine).await;
        let id = new_id();
        create(&world, admin(), new(&id)).await.unwrap();
        let retired = retire(&world, &id).await.unwrap();
        assert!(retired.retired_at.is_some());
        assert_eq!(retire(&world, &id).await.unwrap(), retired, "a second time changes nothing");
        assert_eq!(code(get(&world, user(), &id).await), NotFound);
        assert_eq!(get(&world, admin(), &id).await.unwrap(), retired);
        let seen = |products: Vec<Product>| products.iter().any(|product| product.id == id);
        assert!(!seen(list(&world, &user()).await) && seen(list(&world, &admin()).await));
        let change = UpdateProductRequest { product_id: id.clone(), tokens: Some(1), ..Default::default() };
        assert_eq!(code(update(&world, change).await), FailedPrecondition);
    }

    async fn what_breaks_a_rule_leaves_nothing(engine: Engine) {
        let world = World::new(engine).await;
        let id = new_id();
        let before = world.count("SELECT COUNT(*) FROM product_versions").await;
        let wrong = CreateProductRequest {
            product_id: "x".to_owned(),
            kind: 0,
            name: String::new(),
            description: "\u{0}".to_owned(),
            tokens: 0,
            prices: won(0),
        };
        let refusal = create(&world, admin(), wrong).await.unwrap_err();
        assert_eq!(refusal.code(), InvalidArgument);
        for field in ["product_id", "kind", "name", "description", "tokens", "prices"] {
            assert!(refusal.message().contains(field), "{field}: {}", refusal.message());
        }
        assert_eq!(code(create(&world, user(), new(&id)).await), PermissionDenied);
        let change = UpdateProductRequest { product_id: id.clone(), tokens: Some(1), ..Default::default() };
        assert_eq!(code(update(&world, change).await), NotFound);
        assert_eq!(code(retire(&world, &id).await), NotFound);
        assert_eq!(code(get(&world, admin(), "x").await), NotFound);
        assert_eq!(world.count("SELECT COUNT(*) FROM product_versions").await, before);
    }
}
