//! A client that takes no memory for a request, so that none of it is counted: what it sends is written once, and what it is
//! answered is read into the same buffer again and again.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use shared::testkit::LIMIT;

/// One connection.
pub struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

/// A request that is ready to be sent.
pub struct Request(Vec<u8>);

impl Request {
    pub fn new(method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Self {
        let body = body.map(Value::to_string).unwrap_or_default();
        let authorization =
            token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        Self(format!("{head}{authorization}\r\n{body}").into_bytes())
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self { stream, answer: vec![0; 1024 * 1024] }
    }

    /// The status and the body of the answer.
    pub fn send(&mut self, request: &Request) -> (u16, &[u8]) {
        self.stream.write_all(&request.0).unwrap();
        let mut read = 0;
        loop {
            let more = self.stream.read(&mut self.answer[read..]).unwrap();
            assert!(more > 0, "the connection ended in the middle of an answer");
            read += more;
            if let Some((status, body)) = whole(&self.answer[..read]) {
                return (status, &self.answer[body..read]);
            }
        }
    }

    /// The body of a success as JSON.
    pub fn json(&mut self, request: &Request) -> Value {
        let (status, body) = self.send(request);
        assert!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(body));
        serde_json::from_slice(body).unwrap()
    }
}

/// The status, and where the body begins, of an answer that is there as a whole.
fn whole(answer: &[u8]) -> Option<(u16, usize)> {
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..body]).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("an answer has a length");
    (answer.len() - body == length.trim().parse::<usize>().unwrap())
        .then(|| (head[9..12].parse().unwrap(), body))
}
