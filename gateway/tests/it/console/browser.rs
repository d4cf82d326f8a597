//! The console in a real browser: from a message that failed to one that is replayed, with the mouse, with the keyboard,
//! and without the script.

use std::path::PathBuf;
use std::sync::Arc;

use counseling_svc::assistant::OfflineAssistant;
use shared::testkit::Engine;

use super::{bury, poison};
use crate::browser::chromium::Page;
use crate::world::{World, gateway_config};

/// The most bytes of the first page with everything that it needs.
const MOST: f64 = 100_000.0;

/// A mesh in development, and a browser in front of it; nothing when there is no browser.
async fn start() -> Option<(World, Page, String)> {
    let Some(page) = Page::open().await else {
        eprintln!("skipped: there is no Chromium on the PATH, and CHROMIUM names none");
        return None;
    };
    let assistant = Arc::new(OfflineAssistant::new().unwrap());
    let world = Box::pin(World::start_as(Engine::Sqlite, assistant, |config| {
        config.sign_in = gateway::SignInSettings { development: true, ..gateway::SignInSettings::default() };
    }))
    .await;
    let ops = format!("http://{}/ops", world.address());
    Some((world, page, ops))
}

/// Signs in by the development provider, is refused, is made an admin as the page says, and comes in.
async fn come_in(world: &World, page: &mut Page, ops: &str) {
    page.speak("en").await;
    page.go(ops).await;
    on(page, "/ops").await;
    page.click(".ways a").await;
    page.wait_for("document.querySelector('[name=account]')").await;
    page.eval("document.querySelector('[name=account]').value = 'operator'").await;
    page.eval("document.querySelector('[value=allow]').click()").await;
    page.wait_for("document.querySelector('#user-id')").await;
    assert_eq!(heading(page).await, "Admins only");
    let id = page.eval("document.querySelector('#user-id').textContent").await;
    Box::pin(gateway::grant_admin(gateway_config(&world.nats), id.as_str().unwrap())).await.unwrap();
    page.click("#renew").await;
    page.wait_for("document.querySelector('#headline')").await;
}

async fn heading(page: &mut Page) -> String {
    page.eval("document.querySelector('h1').textContent").await.as_str().unwrap().to_owned()
}

async fn on(page: &mut Page, path: &str) {
    page.wait_for(&format!("location.pathname === {path:?} && document.readyState === 'complete'")).await;
}

/// Looks at a page on a phone and on a desktop. Pictures are kept in the folder that `SCREENSHOTS` names, if it does.
async fn look(page: &mut Page, name: &str) {
    for (width, height) in [(360, 780), (1280, 900)] {
        for (is_dark, scheme) in [(false, "light"), (true, "dark")] {
            page.show(width, height, is_dark).await;
            page.wait_for(&format!("innerWidth === {width}")).await;
            let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(page.eval(overflow).await, 0, "{name} is wider than {width} px");
            if let Some(folder) = std::env::var_os("SCREENSHOTS") {
                let file = PathBuf::from(folder).join(format!("console-{name}-{width}-{scheme}.png"));
                std::fs::write(file, page.picture().await).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_failed_is_replayed_in_three_clicks() {
    let Some((world, mut page, ops)) = start().await else { return };
    come_in(&world, &mut page, &ops).await;
    let sizes =
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]";
    let bytes =
        page.eval(&format!("{sizes}.reduce((sum, entry) => sum + entry.encodedBodySize + 500, 0)")).await;
    let ms = page.eval("performance.getEntriesByType('navigation')[0].duration").await;
    eprintln!("the first page: {bytes} bytes with all assets, in {ms} ms");
    assert!(bytes.as_f64().unwrap() < MOST, "{bytes}");
    let foreign =
        format!("{sizes}.filter((entry) => !entry.name.startsWith(location.origin + '/ops')).length");
    assert_eq!(page.eval(&foreign).await, 0, "nothing comes from elsewhere");

    // It appears on the page that is open.
    let letter = bury(&world).await;
    page.wait_for("document.querySelector('#headline').textContent.includes('1 dead letter')").await;
    page.wait_for("document.querySelector('svg.flow')").await;
    look(&mut page, "overview").await;
    page.click("#headline a[href='/ops/dead-letters']").await;
    on(&mut page, "/ops/dead-letters").await;
    look(&mut page, "dead-letters").await;

    // A look at what it is.
    page.click(&format!("th a[href='/ops/dead-letters/{letter}']")).await;
    on(&mut page, &format!("/ops/dead-letters/{letter}")).await;
    let says = page.eval("document.querySelector('main').innerText").await.to_string();
    assert!(says.contains("the database was away") && says.contains("userId"), "{says}");
    look(&mut page, "letter").await;
    page.go(&format!("{ops}/dead-letters")).await;
    page.wait_for("document.querySelector('td a.button')").await;

    page.click("td a.button").await;
    on(&mut page, "/ops/dead-letters/confirm").await;
    look(&mut page, "confirm").await;
    page.click("main form button.main").await;
    on(&mut page, "/ops/dead-letters").await;
    let said = page.eval("document.querySelector('.notice').textContent").await;
    assert_eq!(said, "Replayed: 1.");
    page.wait_for("location.search === ''").await;
    assert_eq!(page.eval("document.querySelectorAll('#letters tr').length").await, 0);

    // What can never be read comes back, and is discarded; boxes stay checked while the page is read again.
    poison(&world).await;
    page.wait_for("document.querySelector('#letters [type=checkbox]')").await;
    page.click("#letters [type=checkbox]").await;
    bury(&world).await;
    page.wait_for("document.querySelectorAll('#letters [type=checkbox]').length === 2").await;
    assert_eq!(page.eval("document.querySelectorAll('#letters :checked').length").await, 1);
    page.click("button[value=discard]").await;
    on(&mut page, "/ops/dead-letters/confirm").await;
    page.click("#reason").await;
    page.eval("document.querySelector('#reason').value = 'a test'").await;
    page.click("main form button.main").await;
    page.wait_for("document.querySelector('.notice')?.textContent === 'Discarded: 1.'").await;
    page.go(&format!("{ops}/record")).await;
    page.wait_for("document.querySelector('#record tbody tr')").await;
    look(&mut page, "record").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_is_seen_to_grow_and_to_fall() {
    let Some((world, mut page, ops)) = start().await else { return };
    come_in(&world, &mut page, &ops).await;
    page.go(&format!("{ops}/consumers/payment-svc-customers")).await;
    page.wait_for("document.querySelector('#minutes')").await;
    page.click("main section form button").await;
    page.wait_for("document.querySelector('.notice')?.textContent === 'The consumer is paused.'").await;
    for _ in 0..3 {
        world.guest().await;
    }
    page.wait_for("document.querySelector('#lag').textContent === '3'").await;
    page.wait_for("document.querySelector('#consumer svg')?.getAttribute('aria-label').includes('now 3')")
        .await;
    look(&mut page, "consumer").await;
    page.click("section form[action$=resume] button").await;
    page.wait_for("document.querySelector('.notice')?.textContent === 'The consumer is resumed.'").await;
    page.wait_for("document.querySelector('#lag').textContent === '0'").await;
    for (name, ready) in [
        ("streams", "document.querySelectorAll('#streams svg').length > 3"),
        ("consumers", "document.querySelectorAll('#consumers svg').length > 3"),
        ("events", "document.querySelectorAll('#events tr').length > 3"),
        ("event?key=USERS:1", "document.querySelector('.trace')"),
        ("events?since=yesterday", "document.querySelector('#since-wrong')"),
    ] {
        page.go(&format!("{ops}/{name}")).await;
        page.wait_for(ready).await;
        look(&mut page, name.split('=').next().unwrap()).await;
    }
    // Refreshing can be stopped.
    page.go(&format!("{ops}/streams")).await;
    page.wait_for("document.querySelector('#pause:not([hidden])')").await;
    page.click("#pause").await;
    let pressed = "document.querySelector('#pause').getAttribute('aria-pressed')";
    assert_eq!(page.eval(pressed).await, "true");
    assert_eq!(page.eval("document.querySelector('#state').textContent").await, "Refreshing is stopped.");
    // The broker goes away and comes back, without anybody's help.
    page.go(&ops).await;
    page.wait_for("document.querySelector('#headline')").await;
    world.nats.kill();
    page.wait_for("document.querySelector('#state').textContent.startsWith('No answer')").await;
    page.go(&ops).await;
    page.wait_for("document.querySelector('h1')?.textContent === 'The broker does not answer'").await;
    look(&mut page, "unavailable").await;
    world.nats.resume().await;
    page.wait_for("document.querySelector('#headline')").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_will_do() {
    let Some((world, mut page, ops)) = start().await else { return };
    come_in(&world, &mut page, &ops).await;
    let letter = bury(&world).await;
    page.go(&ops).await;
    on(&mut page, "/ops").await;
    page.press("Tab", 9, "").await;
    assert_eq!(page.eval("document.activeElement.className").await, "skip");
    page.press("?", 191, "?").await;
    page.wait_for("document.querySelector('#help').open").await;
    look(&mut page, "help").await;
    page.press("Escape", 27, "").await;
    page.wait_for("!document.querySelector('#help').open").await;
    for (key, code, path) in
        [("s", 83, "/ops/streams"), ("c", 67, "/ops/consumers"), ("e", 69, "/ops/events"), ("o", 79, "/ops")]
    {
        page.press("g", 71, "g").await;
        page.press(key, code, key).await;
        on(&mut page, path).await;
    }
    page.press("/", 191, "/").await;
    assert_eq!(page.eval("document.activeElement.id + document.activeElement.value").await, "search");
    for key in "USERS:1".chars() {
        page.press(&key.to_string(), 0, &key.to_string()).await;
    }
    page.press("Enter", 13, "\r").await;
    on(&mut page, "/ops/event").await;
    assert_eq!(heading(&mut page).await, "USERS:1");

    // From here to a letter that is replayed.
    page.press("g", 71, "g").await;
    page.press("d", 68, "d").await;
    on(&mut page, "/ops/dead-letters").await;
    tab_to(&mut page, &format!("[href$='action=replay&letter={letter}']")).await;
    page.press("Enter", 13, "\r").await;
    on(&mut page, "/ops/dead-letters/confirm").await;
    tab_to(&mut page, "main form button").await;
    page.press("Enter", 13, "\r").await;
    page.wait_for("document.querySelector('.notice')?.textContent === 'Replayed: 1.'").await;
    page.close().await;
}

/// Presses Tab until what a selector finds has the focus, and can be seen to have it.
async fn tab_to(page: &mut Page, selector: &str) {
    for _ in 0..40 {
        page.press("Tab", 9, "").await;
        if page.eval(&format!("document.activeElement.matches({selector:?})")).await == true {
            let outline = "getComputedStyle(document.activeElement).outlineStyle";
            assert_eq!(page.eval(outline).await, "solid");
            return;
        }
    }
    panic!("the keyboard does not get to {selector}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_script_everything_can_be_done_in_korean_too() {
    let Some((world, mut page, ops)) = start().await else { return };
    come_in(&world, &mut page, &ops).await;
    let letter = bury(&world).await;
    page.without_scripts().await;
    page.go(&format!("{ops}?lang=ko")).await;
    page.wait_for("document.querySelector('#headline')").await;
    assert_eq!(page.eval("document.documentElement.lang").await, "ko");
    look(&mut page, "overview-ko").await;
    page.click("#headline a[href='/ops/dead-letters']").await;
    on(&mut page, "/ops/dead-letters").await;
    assert_eq!(heading(&mut page).await, "데드 레터");
    page.click(&format!("[href$='action=replay&letter={letter}']")).await;
    on(&mut page, "/ops/dead-letters/confirm").await;
    page.click("main form button").await;
    page.wait_for("document.querySelector('.notice')?.textContent === '다시 전달함: 1개.'").await;
    // Nothing is shown that needs the script.
    assert_eq!(
        page.eval("document.querySelectorAll('#pause:not([hidden]), #help-open:not([hidden])').length").await,
        0
    );
    page.click("a[hreflang=en]").await;
    page.wait_for("document.documentElement.lang === 'en'").await;
    page.close().await;
}
