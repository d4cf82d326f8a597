//! A headless Chromium, told what to do by the DevTools protocol over a pipe
//! (<https://chromedevtools.github.io/devtools-protocol/>).

use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use shared::testkit::LIMIT;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// One page. The browser ends with this value, and with the test's process: it goes when its pipe does.
pub struct Page {
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    last_id: u64,
    browser: Child,
    _profile: TempDir,
}

impl Page {
    /// An empty page of a browser with a profile of its own; nothing when this machine has no Chromium.
    pub async fn open() -> Option<Self> {
        let chromium = chromium()?;
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new("/bin/sh")
            // The protocol is spoken on the descriptors 3 and 4.
            .args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null", "sh"])
            .arg(chromium)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-proxy-server"])
            // Containers have neither; nothing but our own pages is opened here.
            .args(["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let requests = browser.stdin.take().unwrap();
        let answers = BufReader::new(browser.stdout.take().unwrap());
        let mut page = Self { requests, answers, session: None, last_id: 0, browser, _profile: profile };
        let target = page.ask("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = page.ask("Target.attachToTarget", attach).await;
        page.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        Some(page)
    }

    /// Opens an address.
    pub async fn go(&mut self, url: &str) {
        let gone = self.ask("Page.navigate", json!({ "url": url })).await;
        assert!(gone.get("errorText").is_none(), "{url}: {gone}");
    }

    /// What an expression is worth; a promise is waited for.
    pub async fn eval(&mut self, expression: &str) -> Value {
        self.try_eval(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// As [`Page::eval`]; an error when it throws, and while the page is being replaced by the next.
    async fn try_eval(&mut self, expression: &str) -> Result<Value, Value> {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.try_ask("Runtime.evaluate", parameters).await?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown.clone()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Waits until an expression is true.
    pub async fn wait_for(&mut self, expression: &str) {
        let began = std::time::Instant::now();
        while self.try_eval(&format!("Boolean({expression})")).await != Ok(Value::Bool(true)) {
            if began.elapsed() > LIMIT {
                let page = self.try_eval("location.href + ' ' + document.documentElement.innerText").await;
                panic!("not within {LIMIT:?}: {expression} on {page:?}");
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Sends this header along with every request.
    pub async fn speak(&mut self, accept_language: &str) {
        self.ask("Network.enable", json!({})).await;
        let headers = json!({ "headers": { "Accept-Language": accept_language } });
        self.ask("Network.setExtraHTTPHeaders", headers).await;
    }

    /// Shows the page so wide, in the dark or not.
    pub async fn show(&mut self, width: u32, height: u32, is_dark: bool) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.ask("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Runs no script of any page from now on.
    pub async fn without_scripts(&mut self) {
        self.ask("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// A picture of what is shown (PNG).
    pub async fn picture(&mut self) -> Vec<u8> {
        let picture = self.ask("Page.captureScreenshot", json!({ "format": "png" })).await;
        BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// Clicks with the mouse on what a selector finds.
    pub async fn click(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const found = document.querySelector({selector:?}); found.scrollIntoView({{ block: 'center' }}); \
             const {{ x, y, width, height }} = found.getBoundingClientRect(); return [x + width / 2, y + height / 2]; }})()"
        );
        let place = self.eval(&place).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Presses a key: its name, and what it writes, if anything.
    pub async fn press(&mut self, key: &str, code: u32, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.ask("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Ends the browser, and waits until it has let go of its profile.
    pub async fn close(mut self) {
        self.session = None;
        self.ask("Browser.close", json!({})).await;
        let ended = tokio::time::timeout(LIMIT, self.browser.wait()).await;
        ended.expect("the browser ends").unwrap();
    }

    async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.try_ask(method, parameters).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    async fn try_ask(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.last_id += 1;
        let mut request = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let mut message = serde_json::to_vec(&request).unwrap();
        message.push(0);
        self.requests.write_all(&message).await.unwrap();
        loop {
            let mut answer = Vec::new();
            let read = tokio::time::timeout(LIMIT, self.answers.read_until(0, &mut answer)).await;
            assert!(read.expect("the browser answers").unwrap() > 0, "the browser has ended");
            answer.pop();
            let mut answer: Value = serde_json::from_slice(&answer).unwrap();
            if answer["id"] == self.last_id {
                return match answer.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(answer["result"].take()),
                };
            }
        }
    }
}

/// From `CHROMIUM`, or from the PATH.
fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let mut places = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    places.find(|place| place.exists())
}
