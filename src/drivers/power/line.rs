//! The bytes of a serial line: opened here, or passed on by a server; replies end with silence.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serial2_tokio::SerialPort;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::inventory::power::BitScope as Settings;

/// BitScope's control plane page: 115200 bit/s, 8 data bits, no parity, 1 stop bit (the latter are
/// what the package sets by default, without flow control).
const BAUD: u32 = 115_200;
/// No reply is so long (bytes): a status has 30. A console that somebody left open may have filled
/// the buffer of a terminal, 4,095 bytes.
const REPLY_MAX: usize = 1 << 13;
/// How long a server may take to accept. Assumption.
const CONNECT: Duration = Duration::from_secs(5);

/// Anything that bytes come from and go to.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Bytes for T {}

/// An open line.
pub(super) struct Line {
    bytes: Box<dyn Bytes>,
    /// Held as long as the line is open, so that no two programs talk on one bus.
    _lock: Option<File>,
}

impl Line {
    /// Opens the line of a bus.
    pub(super) async fn open(settings: &Settings) -> io::Result<Self> {
        if let Some(address) = &settings.address {
            let stream = timeout(CONNECT, TcpStream::connect(address)).await??;
            stream.set_nodelay(true)?;
            return Ok(Self::over(stream));
        }
        let lock = locked(Path::new(&settings.device))?;
        let port = SerialPort::open(&settings.device, BAUD)?;
        Ok(Self { bytes: Box::new(port), _lock: Some(lock) })
    }

    /// A line over something that is open.
    pub(super) fn over(bytes: impl Bytes + 'static) -> Self {
        Self { bytes: Box::new(bytes), _lock: None }
    }

    /// Sends bytes, `pace` apart if that is not zero.
    pub(super) async fn send(&mut self, bytes: &[u8], pace: Duration) -> io::Result<()> {
        if pace.is_zero() {
            self.bytes.write_all(bytes).await?;
            return self.bytes.flush().await;
        }
        for byte in bytes {
            self.bytes.write_all(&[*byte]).await?;
            self.bytes.flush().await?;
            sleep(pace).await;
        }
        Ok(())
    }

    /// What comes until `whole` says that it is all, until `silence`, or until it has taken
    /// `longest` or is longer than any reply; and whether the line fell silent or the reply is
    /// whole. Safe to drop.
    pub(super) async fn reply(
        &mut self,
        silence: Duration,
        longest: Duration,
        whole: impl Fn(&[u8]) -> bool,
    ) -> io::Result<(Vec<u8>, bool)> {
        let end = Instant::now() + longest;
        let mut reply = Vec::new();
        while !whole(&reply) {
            // Looked at here too: a line that always has something to say lets no time pass.
            if reply.len() > REPLY_MAX || Instant::now() >= end {
                return Ok((reply, false));
            }
            let quiet = Instant::now() + silence;
            match timeout_at(end.min(quiet), self.read()).await {
                Ok(piece) => reply.extend(piece?),
                Err(_) => return Ok((reply, quiet <= end)),
            }
        }
        Ok((reply, true))
    }

    /// What comes next. Safe to drop.
    pub(super) async fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut buffer = [0; 256];
        let n = self.bytes.read(&mut buffer).await?;
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the line was closed"));
        }
        Ok(buffer[..n].to_vec())
    }
}

/// The device, locked: a line of which two programs read halves is of use to neither.
fn locked(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let quietly = rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(quietly.bits()).expect("the flags of open are small");
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
        rustix::io::Errno::WOULDBLOCK => io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another program has the line; one at a time may use it",
        ),
        error => error.into(),
    })?;
    Ok(file)
}
