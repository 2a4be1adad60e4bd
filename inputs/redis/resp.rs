//! The protocol of Redis (RESP, version 2): requests are lists of texts, answers one value each.

use crate::dial::Duplex;
use agent_api::{Context, Result, anyhow, bail, ensure};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// No text of an answer is longer, in bytes.
const TEXT_MAX: usize = 16 << 20;
/// No line is longer.
const LINE_MAX: u64 = 64 << 10;

/// A connection to a server.
pub(super) struct Connection {
    stream: BufReader<Box<dyn Duplex>>,
    time: Duration,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    Text(String),
    Int(i64),
    Nil,
    Error(String),
}

impl Reply {
    /// An error if it is one.
    pub(super) fn good(self) -> Result<Self> {
        match self {
            Reply::Error(message) => bail!("{message}"),
            good => Ok(good),
        }
    }

    /// As text; nothing at all is an error.
    pub(super) fn text(&self) -> Result<String> {
        match self {
            Reply::Text(text) => Ok(text.clone()),
            Reply::Int(number) => Ok(number.to_string()),
            Reply::Nil => bail!("there is no value"),
            Reply::Error(message) => bail!("{message}"),
        }
    }
}

impl Connection {
    /// `time` is that for each answer.
    pub(super) fn new(stream: Box<dyn Duplex>, time: Duration) -> Self {
        Connection { stream: BufReader::new(stream), time }
    }

    /// Sends a command and reads its answer. After an error the connection is of no more use.
    pub(super) async fn ask(&mut self, words: &[&str]) -> Result<Reply> {
        let time = self.time;
        let talk = async {
            let mut request = format!("*{}\r\n", words.len());
            for word in words {
                request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
            }
            self.stream.write_all(request.as_bytes()).await?;
            self.stream.flush().await?;
            self.reply().await
        };
        tokio::time::timeout(time, talk).await.unwrap_or_else(|_| Err(anyhow!("no answer within {time:?}")))
    }

    async fn reply(&mut self) -> Result<Reply> {
        let mut line = Vec::new();
        (&mut self.stream).take(LINE_MAX).read_until(b'\n', &mut line).await?;
        let line = line.strip_suffix(b"\r\n").context("the answer ends too early")?;
        let line = String::from_utf8_lossy(line).into_owned();
        let (kind, rest) = line.split_at_checked(1).context("empty answer")?;
        match kind {
            "+" => Ok(Reply::Text(rest.to_owned())),
            "-" => Ok(Reply::Error(rest.chars().take(200).collect())),
            ":" => Ok(Reply::Int(rest.parse().context("invalid number")?)),
            "$" if rest == "-1" => Ok(Reply::Nil),
            "$" => {
                let length: usize = rest.parse().context("invalid length")?;
                ensure!(length <= TEXT_MAX, "answer of {length} bytes is too long");
                let mut text = vec![0; length + 2];
                self.stream.read_exact(&mut text).await.context("the answer ends too early")?;
                ensure!(text.ends_with(b"\r\n"), "the answer is longer than it says");
                text.truncate(length);
                Ok(Reply::Text(String::from_utf8_lossy(&text).into_owned()))
            }
            "*" => bail!("the answer is a list, which is no value of a field"),
            other => bail!("answer of unknown kind {other:?}"),
        }
    }
}
