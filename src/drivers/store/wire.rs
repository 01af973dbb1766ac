//! What a file server and its callers say: one request each connection, and bytes with receipts.
//!
//! ```text
//!  put      request --> <-- ready    data and padding ==>  <-- a receipt each stride   <-- stored
//!  get      request --> <-- found    data and padding <==  a receipt each stride -->
//!  delete   request --> <-- deleted
//! ```
//!
//! Whoever sends bytes stays at most [`WINDOW`] ahead of the receipts, so that he knows what has
//! arrived, and that nothing moves any more, however much the buffers on the way hold.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::ids::NodeId;
use crate::units::Bytes;

/// The longest frame (bytes): a request with the longest name.
const FRAME_MAX: u32 = 4_096;
/// Data of an object at most (bytes); what is carried beyond them is padding.
pub(super) const DATA_MAX: u64 = 256 << 20;
/// Sent at once (bytes): a TLS record.
const PIECE: usize = 16 << 10;
/// Bytes for which there is one receipt.
const STRIDE: u64 = 64 << 10;
/// Bytes under way at most. Assumption: a rack's links hold less, 1 Gbit/s for 8 ms.
const WINDOW: u64 = 1 << 20;
/// A receipt.
const RECEIPT: u8 = 6;

/// What a caller wants of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    /// Who asks; the connection proves it.
    pub node: NodeId,
    /// The object.
    pub name: String,
    /// What is wanted.
    pub what: Wanted,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Wanted {
    /// Store these data.
    Put { content: Content, declared: Bytes },
    /// Give the data.
    Get { declared: Bytes },
    /// Forget them.
    Delete,
}

/// What is said of data before they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    /// Their length (bytes).
    pub size: u64,
    /// Their SHA-256, in hexadecimal.
    pub sum: String,
}

impl Content {
    /// What is to be said of these data.
    pub(super) fn of(data: &[u8]) -> Self {
        let sum = Sha256::digest(data).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { size: data.len() as u64, sum }
    }

    /// Bytes on the way: the declared ones, or the data if there are more of these.
    pub(super) fn carried(&self, declared: Bytes) -> u64 {
        self.size.max(declared.0)
    }
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply {
    /// The data may come.
    Ready,
    /// They are stored.
    Stored,
    /// The data follow.
    Found(Content),
    /// There are none.
    Absent,
    /// There are none any more.
    Deleted,
    /// It is not done.
    Refused(String),
}

/// Nothing moved.
fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "nothing moves")
}

fn garbage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Waits for an act of a connection, but no longer than `patience`.
async fn within<X>(patience: Duration, act: impl Future<Output = io::Result<X>>) -> io::Result<X> {
    timeout(patience, act).await.map_err(|_| stalled())?
}

/// Says something.
pub(super) async fn say(
    to: &mut (impl AsyncWrite + Unpin),
    what: &impl Serialize,
    patience: Duration,
) -> io::Result<()> {
    let body = serde_json::to_vec(what)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= FRAME_MAX);
    let length = length.ok_or_else(|| garbage("a frame that is too long"))?;
    let bytes = [&length.to_be_bytes()[..], &body].concat();
    within(patience, async {
        to.write_all(&bytes).await?;
        to.flush().await
    })
    .await
}

/// Hears something, and holds no more of it than the longest frame.
pub(super) async fn hear<X: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    patience: Duration,
) -> io::Result<X> {
    within(patience, async {
        let length = from.read_u32().await?;
        if length > FRAME_MAX {
            return Err(garbage("a frame that is too long"));
        }
        let mut body = vec![0; length as usize];
        from.read_exact(&mut body).await?;
        serde_json::from_slice(&body).map_err(|_| garbage("nothing that is understood"))
    })
    .await
}

/// Sends data and then padding, `total` bytes in all; `arrived` is kept at what has a receipt.
/// Gives up when nothing moves for longer than `patience`.
pub(super) async fn pour(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    data: &[u8],
    total: u64,
    arrived: &Cell<u64>,
    patience: Duration,
) -> io::Result<()> {
    let padding = vec![0; PIECE];
    let mut sent = 0;
    while arrived.get() < total {
        if sent == total || sent - arrived.get() >= WINDOW {
            let receipt = within(patience, async {
                stream.flush().await?;
                stream.read_u8().await
            });
            if receipt.await? != RECEIPT {
                return Err(garbage("no receipt"));
            }
            arrived.set((arrived.get() + STRIDE).min(total));
            continue;
        }
        let rest = data.get(sent as usize..).unwrap_or_default();
        let room = (total - sent).min(PIECE as u64) as usize;
        let piece = if rest.is_empty() { &padding[..room] } else { &rest[..rest.len().min(room)] };
        within(patience, stream.write_all(piece)).await?;
        sent += piece.len() as u64;
    }
    Ok(())
}

/// Takes `total` bytes, of which the first `size` are kept; `arrived` is kept at what has come.
/// Gives up when nothing moves for longer than `patience`.
pub(super) async fn drain(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    size: u64,
    total: u64,
    arrived: &Cell<u64>,
    patience: Duration,
) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    let mut buffer = vec![0; PIECE];
    while arrived.get() < total {
        let due = (STRIDE - arrived.get() % STRIDE).min(total - arrived.get());
        let room = due.min(PIECE as u64) as usize;
        let n = within(patience, stream.read(&mut buffer[..room])).await?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let kept = (size - data.len() as u64).min(n as u64) as usize;
        data.extend_from_slice(&buffer[..kept]);
        arrived.set(arrived.get() + n as u64);
        if n as u64 == due {
            within(patience, async {
                stream.write_all(&[RECEIPT]).await?;
                stream.flush().await
            })
            .await?;
        }
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// On paused time, which goes on when nothing else can.
    fn paused<X>(test: impl Future<Output = X>) -> X {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(test)
    }

    /// Sends these data in so many bytes; gives what came and what each end counted.
    async fn send(data: &[u8], total: u64, buffer: usize) -> (Vec<u8>, u64, u64) {
        let (mut from, mut to) = tokio::io::duplex(buffer);
        let (sent, got) = (Cell::new(0), Cell::new(0));
        let size = data.len() as u64;
        let (poured, drained) = tokio::join!(
            pour(&mut from, data, total, &sent, PATIENCE),
            drain(&mut to, size, total, &got, PATIENCE),
        );
        poured.expect("all is sent");
        (drained.expect("all comes"), sent.get(), got.get())
    }

    #[test]
    fn data_come_through_and_what_is_declared_beyond_them_travels_and_is_thrown_away() {
        paused(async {
            let data: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
            for total in [200_000, 200_001, 5_000_000, 3 * STRIDE] {
                for size in
                    [0, 1, STRIDE as usize, STRIDE as usize + 1, total.min(200_000) as usize]
                {
                    let (got, sent, came) = send(&data[..size], total, 70_000).await;
                    assert!(got == data[..size], "{size} of {total}");
                    assert_eq!((sent, came), (total, total));
                }
            }
            assert_eq!(send(&[], 0, 10).await, (Vec::new(), 0, 0));
        });
    }

    #[test]
    fn who_sends_knows_what_arrived_although_buffers_hold_more() {
        paused(async {
            let (mut from, to) = tokio::io::duplex(1 << 30);
            let arrived = Cell::new(0);
            let ended = pour(&mut from, &[], 1 << 29, &arrived, PATIENCE).await;
            assert_eq!(ended.expect_err("nobody takes it").kind(), io::ErrorKind::TimedOut);
            assert_eq!(arrived.get(), 0);
            drop(to);
        });
    }

    #[test]
    fn a_slow_transfer_goes_on_and_one_that_stands_still_is_given_up() {
        paused(async {
            let (mut from, mut to) = tokio::io::duplex(100);
            let total = 100 * 60;
            let slow = async {
                for _ in 0..60 {
                    tokio::time::sleep(PATIENCE / 2).await;
                    from.write_all(&[0; 100]).await.expect("it is taken");
                }
                from.read_u8().await.expect("a receipt")
            };
            let got = Cell::new(0);
            let (receipt, drained) = tokio::join!(slow, drain(&mut to, 0, total, &got, PATIENCE));
            assert!(receipt == RECEIPT && drained.is_ok(), "half an hour and more");
            let got = Cell::new(0);
            let error = drain(&mut to, 0, total, &got, PATIENCE).await.expect_err("nothing comes");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        });
    }

    #[test]
    fn a_long_frame_is_refused_before_it_is_held() {
        paused(async {
            for bytes in [&[255; 4][..], &[0, 0, 16, 1], &[0, 0, 0, 2, b'{', b'x']] {
                let (mut from, mut to) = tokio::io::duplex(100);
                from.write_all(bytes).await.expect("it is written");
                let error = hear::<Request>(&mut to, PATIENCE).await.expect_err("no request");
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            }
        });
    }
}
