//! A pseudo-terminal: a serial line without a wire, whose far end a fake holds.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The far end of a pseudo-terminal. Needs a tokio runtime with I/O.
pub struct Pty {
    end: AsyncFd<File>,
    path: PathBuf,
    /// Held open, so that nothing is hung up when the user of the line closes it.
    _near: File,
}

impl Pty {
    /// Opens one, raw: bytes pass as they are.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn open() -> io::Result<Self> {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&end)?;
        unlockpt(&end)?;
        let path = PathBuf::from(OsStr::from_bytes(ptsname(&end, Vec::new())?.as_bytes()));
        let near = open(&path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        let mut settings = tcgetattr(&near)?;
        settings.make_raw();
        tcsetattr(&near, OptionalActions::Now, &settings)?;
        fcntl_setfl(&end, OFlags::NONBLOCK)?;
        #[expect(deprecated, reason = "the successor is unsafe; a `File` keeps its descriptor")]
        let end = AsyncFd::new(end.into())?;
        Ok(Self { end, path, _near: near.into() })
    }

    /// The device that a driver opens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsyncRead for Pty {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.end.poll_read_ready(context))?;
            let free = buffer.initialize_unfilled();
            if let Ok(read) = guard.try_io(|end| end.get_ref().read(free)) {
                return Poll::Ready(read.map(|n| buffer.advance(n)));
            }
        }
    }
}

impl AsyncWrite for Pty {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.end.poll_write_ready(context))?;
            if let Ok(written) = guard.try_io(|end| end.get_ref().write(bytes)) {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
