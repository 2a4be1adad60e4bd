//! Frames in any pieces, and the client against a server of a few lines.

use super::*;
use crate::client::{Redirects, Setup};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

fn events(bytes: &[u8], step: usize) -> Result<Vec<Event>> {
    let (mut frames, mut events) = (Frames::default(), Vec::new());
    for piece in bytes.chunks(step) {
        let mut piece = piece;
        while let Some(event) = frames.next(&mut piece)? {
            events.push(event);
        }
    }
    Ok(events)
}

#[test]
fn frames_in_any_pieces() {
    let mut stream = Vec::new();
    for (kind, len) in [(Kind::Text, 0), (Kind::Binary, 200), (Kind::Text, 70_000), (Kind::Pong, 3)] {
        stream.extend(frame::masked(kind, &vec![b'x'; len], [1, 2, 3, 4]));
    }
    stream.extend(frame::masked(Kind::Ping, b"who", [9, 8, 7, 6]));
    stream.extend([0x88, 5, 3, 0xe8, b'b', b'y', b'e', 0x88, 0]);
    for step in [1, 2, 7, 1000, stream.len()] {
        let got = events(&stream, step).unwrap();
        let message = Event::Message;
        let expected = [
            message.clone(),
            message.clone(),
            message,
            Event::Pong,
            Event::Ping(b"who".to_vec()),
            Event::Close(1000, "bye".to_owned()),
            Event::Close(1005, String::new()),
        ];
        assert_eq!(got, expected, "in pieces of {step}");
    }
}

#[test]
fn what_is_no_frame_is_an_error() {
    for bad in [&[0xf1, 0][..], &[0x83, 0], &[0x89, 126, 0, 126], &[0x09, 1, 0]] {
        assert!(events(bad, 1).is_err(), "{bad:?}");
    }
}

/// A server that shakes hands, and the frames that it gets.
async fn server(
    answer: &'static str,
) -> (String, tokio::sync::mpsc::Receiver<(u8, Vec<u8>)>, tokio::sync::mpsc::Sender<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/own?q=1", listener.local_addr().unwrap());
    let (seen, got) = tokio::sync::mpsc::channel(10);
    let (say, mut said) = tokio::sync::mpsc::channel::<Vec<u8>>(10);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let key = handshake(&mut stream).await;
        let answer = answer.replace("ACCEPT", &accept(&key));
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        tokio::spawn(async move {
            while let Some(bytes) = said.recv().await {
                write.write_all(&bytes).await.unwrap();
            }
        });
        loop {
            let mut head = [0; 6];
            if read.read_exact(&mut head).await.is_err() {
                return;
            }
            let mut payload = vec![0; usize::from(head[1] & 127)];
            read.read_exact(&mut payload).await.unwrap();
            payload.iter_mut().zip(head[2..].iter().cycle()).for_each(|(b, m)| *b ^= m);
            seen.send((head[0] & 15, payload)).await.unwrap();
        }
    });
    (url, got, say)
}

async fn handshake(stream: &mut TcpStream) -> String {
    let mut key = String::new();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "GET /own?q=1 HTTP/1.1");
    while let Some(line) = lines.next_line().await.unwrap().filter(|l| !l.is_empty()) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("sec-websocket-key: ") {
            key = line[line.len() - value.len()..].to_owned();
        }
    }
    key
}

const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n";

async fn connect(url: &str, read_time: Duration) -> Result<WebSocket> {
    let client = Setup { http1_only: true, redirects: Redirects::Never, ..Setup::default() }.build(None)?;
    WebSocket::connect(&client, &Url::parse(url)?, HeaderMap::new(), read_time, Duration::from_secs(5)).await
}

#[tokio::test]
async fn messages_and_pings() {
    let (url, mut got, say) = server(GOOD).await;
    let socket = connect(&url, Duration::ZERO).await.unwrap();
    socket.send(Kind::Text, b"one").await.unwrap();
    socket.send(Kind::Binary, b"two").await.unwrap();
    assert_eq!(got.recv().await.unwrap(), (1, b"one".to_vec()));
    assert_eq!(got.recv().await.unwrap(), (2, b"two".to_vec()));
    say.send(vec![0x89, 2, b'h', b'i']).await.unwrap();
    assert_eq!(got.recv().await.unwrap(), (10, b"hi".to_vec()));
    say.send(vec![0x88, 2, 3, 0xe9]).await.unwrap();
    assert_eq!(got.recv().await.unwrap().0, 8);
    for _ in 0..200 {
        if socket.ended().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(socket.send(Kind::Text, b"x").await.unwrap_err().to_string().contains("status 1001"));
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let (url, mut got, _say) = server(GOOD).await;
    let socket = connect(&url, Duration::from_millis(50)).await.unwrap();
    for _ in 0..200 {
        if socket.ended().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(socket.ended().unwrap().contains("nothing came"));
    socket.close().await;
    assert_eq!(got.recv().await.unwrap(), (8, vec![3, 0xe8]));
}

#[tokio::test]
async fn servers_that_do_not_speak_it() {
    for bad in [
        "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: own\r\n\r\n",
    ] {
        let (url, _got, _say) = server(bad).await;
        assert!(connect(&url, Duration::ZERO).await.is_err(), "{bad}");
    }
}
