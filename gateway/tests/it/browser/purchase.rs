//! From the list of products to more tokens, on the pages that a payer sees.

use std::path::PathBuf;

use serde_json::{Value, json};
use shared::id::derived_id;

use super::chromium::Page;
use super::client::{Client, serve_client};

/// Looks at a page on a phone and on a desktop. Pictures are kept in the folder that `SCREENSHOTS` names, if it does.
async fn look(page: &mut Page, name: &str) {
    for (width, height) in [(390, 844), (1280, 900)] {
        for (is_dark, scheme) in [(false, "light"), (true, "dark")] {
            page.show(width, height, is_dark).await;
            page.wait_for(&format!("innerWidth === {width}")).await;
            let overflow = page
                .eval("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                .await;
            assert_eq!(overflow, 0, "{name} is wider than {width} px");
            if let Some(folder) = std::env::var_os("SCREENSHOTS") {
                let file = PathBuf::from(folder).join(format!("{name}-{width}-{scheme}.png"));
                std::fs::write(file, page.picture().await).unwrap();
            }
        }
    }
}

async fn text(page: &mut Page) -> String {
    page.eval("document.querySelector('main').innerText").await.as_str().unwrap().to_owned()
}

/// Orders a hundred tokens: the order's id, and where to pay.
async fn order(client: &mut Client, origin: &str) -> (String, String) {
    let products = client.call("GET", "/v1/products", None).await;
    let products = products["data"]["products"].as_array().unwrap();
    let id = derived_id(&["product", "메시지 토큰 100개"]);
    let pack = products.iter().find(|product| product["id"] == id).unwrap();
    assert_eq!(pack["tokens"], 100);
    let order = json!({ "productId": id, "currency": "KRW", "returnUrl": format!("{origin}/?shop=1") });
    let created = client.call("POST", "/v1/payments/orders", Some(order)).await;
    assert_eq!(created["status"], 201, "{created}");
    let text = |pointer: &str| created["data"].pointer(pointer).unwrap().as_str().unwrap().to_owned();
    (text("/order/id"), text("/checkout/url"))
}

/// Back at the client with a payment's key: lets it be collected, and waits until the feed tells the tokens.
async fn confirm(client: &mut Client, origin: &str, order_id: &str, purchased: u32) {
    let back = format!("{origin}/?shop=1&orderId={order_id}&paymentKey=");
    client.page.wait_for(&format!("location.href.startsWith({back:?}) && typeof call === 'function'")).await;
    client.listen("tokens").await;
    let key = client.page.eval("new URLSearchParams(location.search).get('paymentKey')").await;
    let path = format!("/v1/payments/orders/{order_id}/confirm");
    let paid = client.call("POST", &path, Some(json!({ "paymentKey": key }))).await;
    assert_eq!(paid["data"]["order"]["state"], "ORDER_STATE_PAID", "{paid}");
    client.page.wait_for("told.length > 0").await;
    let told = client.page.eval("told.at(-1)").await;
    let told: Value = serde_json::from_str(told.as_str().unwrap()).unwrap();
    assert_eq!(told["tokens"]["purchased"], purchased);
    assert_eq!(client.call("GET", "/v1/users/me/tokens", None).await["data"], told);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_buys_tokens_with_the_mouse_and_with_the_keyboard() {
    let origin = serve_client().await;
    let Some((_world, mut client)) = Client::start(&origin).await else { return };
    client.sign_in(&origin, "buyer").await;
    assert_eq!(client.call("GET", "/v1/users/me/tokens", None).await["data"]["tokens"]["purchased"], 0);

    // With the mouse, in English.
    let (first, checkout) = order(&mut client, &origin).await;
    client.page.speak("en").await;
    client.page.go(&checkout).await;
    client.page.wait_for("document.querySelector('button')").await;
    let says = text(&mut client.page).await;
    for part in ["메시지 토큰 100개", "3,900 KRW", "4242 4242 4242 4242", "Pay 3,900 KRW"] {
        assert!(says.contains(part), "{part}: {says}");
    }
    look(&mut client.page, "checkout-en").await;
    client.page.click("input[value='4000000000000143']").await;
    assert_eq!(client.page.eval("document.querySelector(':checked').value").await, "4000000000000143");
    client.page.click("button").await;
    confirm(&mut client, &origin, &first, 100).await;

    // With the keyboard, in Korean: arrows choose a card, Enter pays.
    let (second, checkout) = order(&mut client, &origin).await;
    client.page.speak("ko-KR,ko;q=0.9,en;q=0.8").await;
    client.page.go(&checkout).await;
    client.page.wait_for("document.activeElement.value === '4242424242424242'").await;
    let says = text(&mut client.page).await;
    for part in ["3,900원", "카드를 고르세요", "3,900원 결제하기"] {
        assert!(says.contains(part), "{part}: {says}");
    }
    look(&mut client.page, "checkout-ko").await;
    for _ in 0..2 {
        client.page.press("ArrowDown", 40, "").await;
    }
    assert_eq!(client.page.eval("document.querySelector(':checked').value").await, "4000000000000101");
    client.page.press("Enter", 13, "\r").await;
    confirm(&mut client, &origin, &second, 200).await;

    // There is nothing left to pay.
    client.page.go(&checkout).await;
    client.page.wait_for("document.querySelector('main')").await;
    let says = text(&mut client.page).await;
    assert!(says.contains("결제가 완료되었습니다."), "{says}");
    look(&mut client.page, "ended-ko").await;
    client.page.click("a").await;
    client.page.wait_for(&format!("location.href === '{origin}/?shop=1'")).await;
    client.page.close().await;
}
