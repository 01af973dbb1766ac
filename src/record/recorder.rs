//! The sink of every run: it hashes each event and writes down those that the level asks for.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{Checksum, Fingerprint, LogWriter, RecordError};
use crate::event::{Event, Sink, Stop};
use crate::scenario::EventLevel;
use crate::units::{Span, Time};

/// In real time no event stays longer than this in memory alone.
const FLUSH: Span = Span::from_secs(1);

/// Fingerprint and event log in one sink.
#[derive(Debug)]
pub struct Recorder<W> {
    fingerprint: Fingerprint,
    log: Option<LogWriter<W>>,
    events: u64,
    /// When the log was last written out because time passed.
    flushed: Time,
}

/// What a recorder has to say at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The run's fingerprint: 64 hexadecimal digits.
    pub fingerprint: String,
    /// Events of the run.
    pub events: u64,
    /// Events in the log.
    pub logged: u64,
    /// What the log holds, if there is one.
    pub log: Option<Checksum>,
}

impl Recorder<File> {
    /// Records into a results folder; at the level `none` no log is created.
    ///
    /// # Errors
    /// When the log cannot be created.
    pub fn create(folder: &Path, level: EventLevel) -> Result<Self, RecordError> {
        let log = match level {
            EventLevel::None => None,
            level => Some(LogWriter::create(folder, level)?),
        };
        Ok(Self::new(log))
    }
}

impl<W: Write> Recorder<W> {
    /// Records into this log, or only the fingerprint.
    #[must_use]
    pub fn new(log: Option<LogWriter<W>>) -> Self {
        Self { fingerprint: Fingerprint::default(), log, events: 0, flushed: Time::ZERO }
    }

    /// Writes what is still in memory. Call it after an interruption as well: the log then holds
    /// all that happened until there.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn finish(self) -> Result<Recorded, RecordError> {
        let logged = self.log.as_ref().map_or(0, LogWriter::written);
        let log = self.log.map(LogWriter::finish).transpose()?.map(|(_, checksum)| checksum);
        Ok(Recorded { fingerprint: self.fingerprint.finish(), events: self.events, logged, log })
    }
}

impl<W: Write> Sink for Recorder<W> {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.events += 1;
        self.fingerprint.event(event);
        match &mut self.log {
            Some(log) => log.event(event).map_err(|error| Stop::Failed(error.to_string())),
            None => Ok(()),
        }
    }

    /// Real time passes: what was emitted reaches the disk's cache within a second.
    fn look(&mut self, now: Time) -> Result<(), Stop> {
        if now.since(self.flushed) < FLUSH {
            return Ok(());
        }
        self.flushed = now;
        let flushed = self.log.as_mut().map_or(Ok(()), LogWriter::flush);
        flushed.map_err(|error| Stop::Failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::record::checksums::{Checksums, of_folder};
    use crate::record::codec::tests::one_of_each;
    use crate::record::log::LogReader;

    fn record(folder: &Path, level: EventLevel) -> Recorded {
        let mut recorder = Recorder::create(folder, level).expect("a folder");
        for event in &one_of_each() {
            recorder.event(event).expect("a disk");
        }
        recorder.finish().expect("a disk")
    }

    #[test]
    fn the_level_changes_the_log_and_never_the_fingerprint() {
        let [all, faults, none] = [EventLevel::All, EventLevel::Faults, EventLevel::None]
            .map(|level| (tempfile::tempdir().expect("a folder"), level))
            .map(|(folder, level)| (record(folder.path(), level), folder));
        assert_eq!(all.0.fingerprint, faults.0.fingerprint);
        assert_eq!(all.0.fingerprint, none.0.fingerprint);
        assert_eq!((all.0.events, faults.0.events, none.0.events), (24, 24, 24));
        assert_eq!((all.0.logged, faults.0.logged, none.0.logged), (24, 12, 0));
        let read = |folder: &Path| LogReader::open(folder).map(Iterator::count);
        assert_eq!(read(all.1.path()).expect("a log"), 24);
        assert_eq!(read(faults.1.path()).expect("a log"), 12);
        assert!(read(none.1.path()).is_err());
    }

    #[test]
    fn the_checksum_that_is_made_while_the_log_is_written_is_that_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = record(folder.path(), EventLevel::All).log.expect("a log");
        let all = of_folder(folder.path(), Checksums::new()).expect("readable");
        assert_eq!(all, [("events.rsl".to_owned(), log)].into());
        assert_eq!(
            record(tempfile::tempdir().expect("a folder").path(), EventLevel::None).log,
            None
        );
    }

    /// A disk with room for so many bytes.
    struct SmallDisk(usize);

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fills_up_stops_the_run_with_the_path_and_the_reason() {
        let path = Path::new("r/events.rsl");
        let log = LogWriter::new(SmallDisk(100_000), path, EventLevel::All);
        let mut recorder = Recorder::new(Some(log));
        let first = one_of_each()[0];
        let stop = std::iter::repeat_n(first, 100_000).find_map(|it| recorder.event(&it).err());
        let text = stop.expect("the disk fills up").to_string();
        assert!(text.starts_with("cannot write r/events.rsl: "), "{text}");
        assert!(text.contains("the disk is full"), "{text}");
    }
}
