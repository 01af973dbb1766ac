//! The event log `events.rsl`: written as a stream, read as a stream, never held in memory.
//!
//! Eight bytes of magic (a byte that is no text, the name, both kinds of line end and an end of
//! file, so that damage by a text-mode transfer is seen at once), the version of the encoding,
//! the level, then events as in [`super::codec`]. The last event is always the end of the run:
//! a log without it was cut off.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::RecordError;
use super::checksums::{Checksum, Sum};
use super::codec::{CodecError, Decoder, Encoder, MAX_LEN, VERSION};
use crate::event::{Cause, Event, Sink, Stop, What};
use crate::scenario::EventLevel;

/// The log's name in a results folder.
pub const FILE_NAME: &str = "events.rsl";

const MAGIC: [u8; 8] = *b"\x89RSL\r\n\x1a\n";
const CHUNK: usize = 64 * 1024;

/// Whether a log of this level holds the event.
///
/// `faults` holds alarms, strikes, repairs, parts that change, nodes that fail or do not boot, jobs
/// that are interrupted, corruption, work that is lost, checkpoints, what groups of jobs do, and
/// the end of the run.
#[must_use]
pub fn holds(level: EventLevel, event: &Event) -> bool {
    match level {
        EventLevel::All => true,
        EventLevel::None => false,
        EventLevel::Faults => match event.what {
            What::FaultStrikes { .. }
            | What::FaultEnds { .. }
            | What::Alarm { .. }
            | What::PartState { .. }
            | What::WorkLost { .. }
            | What::FailureAbsorbed { .. }
            | What::Checkpoint { .. }
            | What::Group { .. }
            | What::Corruption { .. }
            | What::Upset { .. }
            | What::ChipFault { .. }
            | What::RunEnds { .. } => true,
            What::NodeState { cause, .. } => !matches!(cause, Cause::Course | Cause::Repair),
            What::JobPhase { cause, .. } => matches!(cause, Cause::NodeFailure | Cause::Corruption),
            What::JobNode { .. }
            | What::StepDone { .. }
            | What::Transfer { .. }
            | What::Task { .. }
            | What::Collective { .. }
            | What::Reading { .. } => false,
        },
    }
}

/// Writes a log.
#[derive(Debug)]
pub struct LogWriter<W> {
    out: W,
    path: PathBuf,
    level: EventLevel,
    encoder: Encoder,
    buffer: Vec<u8>,
    written: u64,
    /// Of all that is written out.
    sum: Sum,
}

impl LogWriter<File> {
    /// Creates the log in a results folder.
    ///
    /// # Errors
    /// When the file exists already or cannot be created.
    pub fn create(folder: &Path, level: EventLevel) -> Result<Self, RecordError> {
        let path = folder.join(FILE_NAME);
        let file = File::create_new(&path).map_err(RecordError::io("create", &path))?;
        Ok(Self::new(file, &path, level))
    }
}

impl<W: Write> LogWriter<W> {
    /// Writes to `out`; the path is only for messages.
    pub fn new(out: W, path: &Path, level: EventLevel) -> Self {
        let mut buffer = Vec::with_capacity(CHUNK + MAX_LEN);
        buffer.extend(MAGIC);
        buffer.extend([VERSION, level_code(level)]);
        let encoder = Encoder::default();
        let (path, sum) = (path.to_path_buf(), Sum::default());
        Self { out, path, level, encoder, buffer, written: 0, sum }
    }

    /// Takes the next event and writes it if the level holds it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn event(&mut self, event: &Event) -> Result<(), RecordError> {
        if holds(self.level, event) {
            self.encoder.encode(event, &mut self.buffer);
            self.written += 1;
            if self.buffer.len() >= CHUNK {
                self.write_out()?;
            }
        }
        Ok(())
    }

    /// Passes what is still in memory to the system: who is killed after that has lost none of it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        self.write_out()?;
        self.out.flush().map_err(RecordError::io("write", &self.path))
    }

    /// Events written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes what is still in memory and gives the output back, with the checksum of all of it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<(W, Checksum), RecordError> {
        self.flush()?;
        Ok((self.out, self.sum.finish()))
    }

    fn write_out(&mut self) -> Result<(), RecordError> {
        self.out.write_all(&self.buffer).map_err(RecordError::io("write", &self.path))?;
        self.sum.add(&self.buffer);
        self.buffer.clear();
        Ok(())
    }
}

/// Reads a log: an iterator over its events, which ends after the first error.
#[derive(Debug)]
pub struct LogReader<R> {
    from: R,
    path: PathBuf,
    level: EventLevel,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are decoded already.
    done: usize,
    exhausted: bool,
    events: u64,
    state: ReadState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadState {
    Inside,
    RunEnded,
    Over,
}

impl LogReader<File> {
    /// Opens the log of a results folder, or a log file itself.
    ///
    /// # Errors
    /// When there is none, or it is not a log of this version.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_path_buf() };
        let file = File::open(&path).map_err(RecordError::io("open", &path))?;
        Self::new(file, &path)
    }
}

impl<R: Read> LogReader<R> {
    /// Reads from `from`; the path is only for messages.
    ///
    /// # Errors
    /// When it is not a log of this version.
    pub fn new(mut from: R, path: &Path) -> Result<Self, RecordError> {
        let foreign = |why: String| RecordError::Foreign { path: path.to_path_buf(), why };
        let mut header = [0; MAGIC.len() + 2];
        from.read_exact(&mut header).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                foreign("it is too short to be an event log".to_owned())
            }
            _ => RecordError::io("read", path)(error),
        })?;
        let (magic, [version, level]) = header.split_at(MAGIC.len()) else {
            unreachable!("the header has two bytes after the magic")
        };
        if magic != MAGIC {
            return Err(foreign("it is not an event log".to_owned()));
        }
        if *version != VERSION {
            return Err(foreign(format!(
                "it is an event log of version {version}; this program reads version {VERSION}"
            )));
        }
        let level = [EventLevel::All, EventLevel::Faults, EventLevel::None]
            .get(usize::from(*level))
            .copied()
            .ok_or_else(|| foreign(format!("it has an unknown level, {level}")))?;
        Ok(Self {
            from,
            path: path.to_path_buf(),
            level,
            decoder: Decoder::default(),
            buffer: Vec::with_capacity(CHUNK),
            done: 0,
            exhausted: false,
            events: 0,
            state: ReadState::Inside,
        })
    }

    /// Which events the log holds.
    #[must_use]
    pub fn level(&self) -> EventLevel {
        self.level
    }

    /// Makes sure that a whole event is in memory, unless the file has no more.
    fn fill(&mut self) -> Result<(), RecordError> {
        if self.exhausted || self.buffer.len() - self.done >= MAX_LEN {
            return Ok(());
        }
        self.buffer.drain(..self.done);
        self.done = 0;
        let room = CHUNK - self.buffer.len();
        let read = self
            .from
            .by_ref()
            .take(room as u64)
            .read_to_end(&mut self.buffer)
            .map_err(RecordError::io("read", &self.path))?;
        self.exhausted = read < room;
        Ok(())
    }

    fn read(&mut self) -> Result<Option<Event>, RecordError> {
        self.fill()?;
        let mut rest = &self.buffer[self.done..];
        let foreign = |why: String| RecordError::Foreign { path: self.path.clone(), why };
        if rest.is_empty() {
            return match self.state {
                ReadState::RunEnded => Ok(None),
                _ => Err(self.cut_off()),
            };
        }
        if self.state == ReadState::RunEnded {
            return Err(foreign("it goes on after the end of the run".to_owned()));
        }
        let event = match self.decoder.decode(&mut rest) {
            Ok(event) => event,
            Err(CodecError::Truncated) => return Err(self.cut_off()),
            Err(error) => {
                return Err(foreign(format!("event {} is damaged: {error}", self.events + 1)));
            }
        };
        self.done = self.buffer.len() - rest.len();
        self.events += 1;
        if let What::RunEnds { .. } = event.what {
            self.state = ReadState::RunEnded;
        }
        Ok(Some(event))
    }

    fn cut_off(&self) -> RecordError {
        RecordError::CutOff { path: self.path.clone(), events: self.events }
    }
}

impl<R: Read> Iterator for LogReader<R> {
    type Item = Result<Event, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == ReadState::Over {
            return None;
        }
        let item = self.read().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.state = ReadState::Over;
        }
        item
    }
}

/// The first place where a run played again emits something else than its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The event's number in the log, from 1.
    pub index: u64,
    /// What the log says; `None` after its end.
    pub recorded: Option<Event>,
    /// What was played; `None` after its end.
    pub played: Option<Event>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |event: Option<Event>| match event {
            Some(event) => format!("{} ns: {:?}", event.at.0, event.what),
            None => "nothing: the run is over".to_owned(),
        };
        writeln!(f, "event {} differs", self.index)?;
        writeln!(f, "  recorded: {}", say(self.recorded))?;
        write!(f, "  played:   {}", say(self.played))
    }
}

/// A sink that compares a run with its log and remembers the first difference.
#[derive(Debug)]
pub struct Verifier<R> {
    recorded: LogReader<R>,
    index: u64,
    difference: Option<Difference>,
}

impl<R: Read> Verifier<R> {
    /// Compares with this log: of all events if it holds all, else of those that it holds.
    #[must_use]
    pub fn new(recorded: LogReader<R>) -> Self {
        Self { recorded, index: 0, difference: None }
    }

    /// The first difference, once the run is over: the log must be over as well.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn finish(mut self) -> Result<Option<Difference>, RecordError> {
        if self.difference.is_none() && self.recorded.level() != EventLevel::None {
            self.compare(None)?;
        }
        Ok(self.difference)
    }

    fn compare(&mut self, played: Option<Event>) -> Result<(), RecordError> {
        let recorded = match self.recorded.next().transpose() {
            // The log of an interrupted run agrees as far as it goes.
            Err(RecordError::CutOff { .. }) if played.is_none() => None,
            other => other?,
        };
        self.index += 1;
        if recorded != played {
            self.difference = Some(Difference { index: self.index, recorded, played });
        }
        Ok(())
    }
}

impl<R: Read> Sink for Verifier<R> {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        if self.difference.is_none() && holds(self.recorded.level(), event) {
            self.compare(Some(*event)).map_err(|error| Stop::Failed(error.to_string()))?;
        }
        Ok(())
    }
}

fn level_code(level: EventLevel) -> u8 {
    match level {
        EventLevel::All => 0,
        EventLevel::Faults => 1,
        EventLevel::None => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{JobPhase, NodeState};
    use crate::ids::{JobId, Life, NodeId};
    use crate::record::codec::tests::one_of_each;
    use crate::units::Time;

    fn path() -> &'static Path {
        Path::new("a/events.rsl")
    }

    fn written(events: &[Event], level: EventLevel) -> Vec<u8> {
        let mut writer = LogWriter::new(Vec::new(), path(), level);
        for event in events {
            writer.event(event).expect("memory takes all");
        }
        writer.finish().expect("memory takes all").0
    }

    fn read(bytes: &[u8]) -> Result<Vec<Event>, RecordError> {
        LogReader::new(bytes, path())?.collect()
    }

    fn many() -> Vec<Event> {
        let node = |i: u64| What::NodeState {
            node: NodeId(i as u32),
            life: Life(1),
            state: NodeState::Up,
            cause: Cause::Course,
        };
        let mut events: Vec<_> =
            (0..40_000).map(|i| Event { at: Time(i * 1_000_003), what: node(i) }).collect();
        let end = crate::event::EndReason::Quiet;
        events.push(Event { at: Time(1 << 50), what: What::RunEnds { reason: end } });
        events
    }

    #[test]
    fn a_log_of_many_chunks_is_read_as_it_was_written() {
        let events = many();
        let bytes = written(&events, EventLevel::All);
        assert!(bytes.len() > 3 * CHUNK, "{}", bytes.len());
        assert_eq!(read(&bytes).expect("a whole log"), events);
    }

    #[test]
    fn the_level_faults_holds_what_went_wrong_and_the_end() {
        let bytes = written(&one_of_each(), EventLevel::Faults);
        let held = read(&bytes).expect("a whole log");
        let dropped = |event: &Event| {
            matches!(
                event.what,
                What::JobNode { .. }
                    | What::StepDone { .. }
                    | What::Transfer { .. }
                    | What::Task { .. }
                    | What::Collective { .. }
                    | What::Reading { .. }
            )
        };
        let expected: Vec<_> = one_of_each().into_iter().filter(|event| !dropped(event)).collect();
        assert_eq!(held, expected);
        let (node, life, job) = (NodeId(0), Life(1), JobId(0));
        let at = Time::ZERO;
        for (what, is_held) in [
            (What::NodeState { node, life, state: NodeState::Rom, cause: Cause::Repair }, false),
            (What::NodeState { node, life, state: NodeState::Off, cause: Cause::Timeout }, true),
            (What::NodeState { node, life, state: NodeState::GaveUp, cause: Cause::NoOffer }, true),
            (What::JobPhase { job, phase: JobPhase::Compute, cause: Cause::Course }, false),
        ] {
            assert_eq!(holds(EventLevel::Faults, &Event { at, what }), is_held, "{what:?}");
        }
    }

    #[test]
    fn a_log_cut_anywhere_says_how_far_it_is_whole() {
        let bytes = written(&one_of_each(), EventLevel::All);
        for end in 10..bytes.len() {
            let items: Vec<_> = LogReader::new(&bytes[..end], path()).expect("header").collect();
            let (last, whole) = items.split_last().expect("an error at least");
            assert!(whole.iter().all(Result::is_ok));
            match last {
                Err(RecordError::CutOff { events, .. }) => assert_eq!(*events, whole.len() as u64),
                other => panic!("cut at {end}: {other:?}"),
            }
        }
        for end in 0..10 {
            let text = read(&bytes[..end]).expect_err("no header").to_string();
            assert_eq!(text, "a/events.rsl: it is too short to be an event log");
        }
    }

    #[test]
    fn a_foreign_file_is_distinguished_from_a_log() {
        let text = |bytes: &[u8]| read(bytes).expect_err("foreign").to_string();
        assert_eq!(text(b"t_s,node,state\n0,1,up\n"), "a/events.rsl: it is not an event log");
        let whole = written(&one_of_each(), EventLevel::All);
        let mut other = whole.clone();
        other[8] = 9;
        assert_eq!(
            text(&other),
            "a/events.rsl: it is an event log of version 9; this program reads version 1"
        );
        let mut other = whole.clone();
        other[11] = 77;
        assert_eq!(text(&other), "a/events.rsl: event 1 is damaged: 77 is not a known event");
        let mut other = whole;
        other.push(0);
        assert_eq!(text(&other), "a/events.rsl: it goes on after the end of the run");
    }

    #[test]
    fn a_replay_that_agrees_has_no_difference_and_one_that_does_not_names_the_first() {
        let events = one_of_each();
        for level in [EventLevel::All, EventLevel::Faults] {
            let bytes = written(&events, level);
            let verify = |played: &[Event]| {
                let mut verifier = Verifier::new(LogReader::new(&bytes[..], path()).expect("log"));
                for event in played {
                    verifier.event(event).expect("readable");
                }
                verifier.finish().expect("readable")
            };
            assert_eq!(verify(&events), None);
            let mut other = events.clone();
            other[2].at.0 += 7;
            other[3].at.0 += 8;
            let difference = verify(&other).expect("it differs");
            assert_eq!(difference.index, 3);
            assert_eq!(difference.recorded, Some(events[2]));
            assert_eq!(difference.played, Some(other[2]));
            let short = verify(&events[..events.len() - 1]).expect("it differs");
            assert_eq!((short.recorded, short.played), (events.last().copied(), None));
        }
    }

    #[test]
    fn a_difference_is_reported_in_three_lines() {
        let what = What::StepDone { job: JobId(0), step: 3 };
        let recorded = Some(Event { at: Time(5), what });
        let text = Difference { index: 12, recorded, played: None }.to_string();
        assert_eq!(
            text,
            "event 12 differs\n  recorded: 5 ns: StepDone { job: JobId(0), step: 3 }\n  \
             played:   nothing: the run is over"
        );
    }
}
