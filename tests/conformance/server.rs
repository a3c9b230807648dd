//! A server for one connection, that does one thing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do once the request is read.
pub enum Act {
    /// Write these pieces and close.
    Write(Vec<Vec<u8>>),
    /// The same, each piece in a packet of its own.
    Drip(Vec<Vec<u8>>),
    /// Close at once.
    Close,
    /// Reset at once.
    Reset,
    /// Write this, then reset.
    ResetAfter(Vec<u8>),
    /// Write this and say no more.
    Hang(Vec<u8>),
    /// Write the first, then the second for ever.
    Ping(Vec<u8>, &'static str),
}

/// What the server was sent.
#[derive(Clone, Default)]
pub struct Served(Arc<Mutex<String>>);

impl Served {
    pub fn request(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// Starts a server on a port of its own.
pub async fn serve(act: Act) -> (u16, Served) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = Served::default();
    let kept = served.clone();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        *kept.0.lock().unwrap() = read(&mut stream).await;
        match act {
            Act::Write(pieces) => {
                for piece in pieces {
                    let _ = stream.write_all(&piece).await;
                }
                let _ = stream.shutdown().await;
            }
            Act::Drip(pieces) => {
                for piece in pieces {
                    let _ = stream.write_all(&piece).await;
                    let _ = stream.flush().await;
                    tokio::task::yield_now().await;
                }
                let _ = stream.shutdown().await;
            }
            Act::Close => {}
            Act::Reset => {
                // To close with no time to linger is to reset.
                let _ = stream.set_zero_linger();
            }
            Act::ResetAfter(bytes) => {
                let _ = stream.write_all(&bytes).await;
                // What is written has to arrive: a reset throws away what has not.
                tokio::time::sleep(Duration::from_millis(200)).await;
                let _ = stream.set_zero_linger();
            }
            Act::Hang(bytes) => {
                let _ = stream.write_all(&bytes).await;
                tokio::time::sleep(Duration::from_secs(20)).await;
            }
            Act::Ping(bytes, ping) => {
                let _ = stream.write_all(&bytes).await;
                while stream.write_all(ping.as_bytes()).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    (port, served)
}

async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let done = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        if done || read == 0 {
            return text;
        }
    }
}
