//! A store in a folder: each object a file that is there whole or not at all.
//!
//! An object is written next to its place, brought to the disk and then renamed; the folder is
//! brought to the disk after it. Whoever dies half-way leaves a file that begins with a dot and is
//! no object; the next life of the same writer clears it away. A folder on a file server's mount
//! is shared by all nodes, and is then the file server's store.
//!
//! Not modelled: the declared size, unless the store is given a rate. Then each transfer lasts as
//! long as so many bytes at this rate, whatever else goes on; what one that is given up had moved
//! is reported by nobody.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::event::Purpose;
use crate::fleet::ports::{Object, Store};
use crate::units::{ByteRate, Bytes};

/// The longest name of an object.
const NAME_MAX: usize = 200;

/// What is reported of a checkpoint's transfer that is complete.
pub type Moved = Rc<dyn Fn(Purpose, Bytes)>;

/// A store.
#[derive(Clone)]
pub struct Folder {
    root: PathBuf,
    writer: String,
    written: Rc<Cell<u64>>,
    rate: Option<ByteRate>,
    moved: Moved,
}

impl Folder {
    /// The store in a folder, which is made if it is not there. `writer` is who writes into it,
    /// a word that no other process has. At `rate` declared bytes take their time.
    ///
    /// # Errors
    /// When the folder cannot be made or cleared up.
    pub fn open(
        root: &Path,
        writer: &str,
        rate: Option<ByteRate>,
        moved: Moved,
    ) -> io::Result<Self> {
        assert!(is_word(writer), "a writer is a word");
        for object in [Object::Checkpoint, Object::Card, Object::State] {
            let folder = folder_of(root, object, writer);
            fs::create_dir_all(&folder).map_err(|error| of(&folder, &error))?;
            clear(&folder, &format!(".{writer}."))?;
        }
        let (root, writer) = (root.to_owned(), writer.to_owned());
        Ok(Self { root, writer, written: Rc::default(), rate, moved })
    }

    /// The file of an object.
    fn file(&self, object: Object, name: &str) -> io::Result<PathBuf> {
        if !is_name(name) {
            let text = format!("`{name}` is no name of an object");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(folder_of(&self.root, object, &self.writer).join(name.replace('/', "+")))
    }

    /// Takes the time of a declared transfer, and reports it.
    async fn moved(&self, object: Object, purpose: Purpose, declared: Bytes) {
        if object != Object::Checkpoint || declared == Bytes(0) {
            return;
        }
        if let Some(rate) = self.rate {
            let nanos = u128::from(declared.0) * 1_000_000_000 / u128::from(rate.0.max(1));
            sleep(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))).await;
        }
        (self.moved)(purpose, declared);
    }
}

/// Whether an object may have this name: words with a slash between them.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= NAME_MAX && text.split('/').all(is_word)
}

/// Letters, digits, `-`, `_` and dots, but none in front: nothing that leads out of a folder.
fn is_word(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && !text.starts_with('.') && text.chars().all(is_plain)
}

/// Where objects of a kind lie: a card is its writer's own.
fn folder_of(root: &Path, object: Object, writer: &str) -> PathBuf {
    match object {
        Object::Checkpoint => root.join("checkpoints"),
        Object::Card => root.join("cards").join(writer),
        Object::State => root.join("state"),
    }
}

fn of(file: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}

/// Removes what an earlier life of a writer left half-written.
fn clear(folder: &Path, prefix: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| of(folder, &error))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            absent_is_well(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

fn absent_is_well(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Writes a file whole, or leaves what was there.
fn write(file: &Path, temporary: &Path, data: &[u8]) -> io::Result<()> {
    let written = File::create(temporary).and_then(|mut into| {
        into.write_all(data)?;
        into.sync_all()
    });
    let done = written.and_then(|()| fs::rename(temporary, file)).and_then(|()| {
        let folder = file.parent().expect("an object lies in a folder");
        File::open(folder)?.sync_all()
    });
    done.map_err(|error| {
        let _ = fs::remove_file(temporary);
        of(file, &error)
    })
}

impl Store for Folder {
    async fn put(
        &self,
        object: Object,
        name: &str,
        data: Vec<u8>,
        declared: Bytes,
    ) -> io::Result<()> {
        let file = self.file(object, name)?;
        // A call that was dropped may still be writing: each has a file of its own.
        self.written.set(self.written.get() + 1);
        let temporary = format!(".{}.{}", self.writer, self.written.get());
        let temporary = file.with_file_name(temporary);
        spawn_blocking(move || write(&file, &temporary, &data))
            .await
            .map_err(io::Error::other)??;
        self.moved(object, Purpose::Checkpoint, declared).await;
        Ok(())
    }

    async fn get(
        &self,
        object: Object,
        name: &str,
        declared: Bytes,
    ) -> io::Result<Option<Vec<u8>>> {
        let file = self.file(object, name)?;
        let read = spawn_blocking(move || match fs::read(&file) {
            Ok(data) => Ok(Some(data)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(of(&file, &error)),
        });
        let data = read.await.map_err(io::Error::other)??;
        if data.is_some() {
            self.moved(object, Purpose::Restart, declared).await;
        }
        Ok(data)
    }

    async fn delete(&self, object: Object, name: &str) -> io::Result<()> {
        let file = self.file(object, name)?;
        let gone = spawn_blocking(move || absent_is_well(fs::remove_file(&file)));
        gone.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: Object = Object::Checkpoint;

    fn with_store(test: impl AsyncFnOnce(Folder, &Path)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Folder::open(folder.path(), "pi1", None, Rc::new(|_, _| {})).expect("a store");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(test(store, folder.path()));
    }

    #[test]
    fn what_is_put_is_got_until_it_is_deleted() {
        with_store(async |store, _| {
            for data in [b"one".to_vec(), b"another".to_vec()] {
                store.put(DATA, "job-0/1/seat-3", data.clone(), Bytes(0)).await.expect("put");
                let got = store.get(DATA, "job-0/1/seat-3", Bytes(0)).await.expect("got");
                assert_eq!(got, Some(data));
            }
            assert_eq!(store.get(Object::State, "job-0/1/seat-3", Bytes(0)).await.ok(), Some(None));
            for _ in 0..2 {
                store.delete(DATA, "job-0/1/seat-3").await.expect("deleted");
            }
            assert_eq!(store.get(DATA, "job-0/1/seat-3", Bytes(0)).await.ok(), Some(None));
        });
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        with_store(async |store, root| {
            for name in ["..", "../x", "a/../../x", "/etc/passwd", "", "a//b", ".x", "a\\b", "ä"] {
                let error = store.put(DATA, name, vec![1], Bytes(0)).await.expect_err(name);
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
            }
            let long = "x".repeat(NAME_MAX + 1);
            assert!(store.get(DATA, &long, Bytes(0)).await.is_err());
            let files = fs::read_dir(root.join("checkpoints")).expect("a folder").count();
            assert_eq!(files, 0);
        });
    }

    #[test]
    fn what_a_dead_writer_left_half_written_is_no_object_and_is_cleared_away() {
        with_store(async |store, root| {
            let half = |writer: &str| root.join("checkpoints").join(format!(".{writer}.7"));
            for writer in ["pi1", "pi12"] {
                fs::write(half(writer), "ha").expect("a file");
            }
            assert!(store.get(DATA, ".pi1.7", Bytes(0)).await.is_err());
            Folder::open(root, "pi1", None, Rc::new(|_, _| {})).expect("a store");
            assert!(!half("pi1").exists());
            assert!(half("pi12").exists(), "that one may live");
        });
    }

    #[test]
    fn a_declared_size_is_reported_once_and_takes_time_only_at_a_rate() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let reported = Rc::new(Cell::new(Bytes(0)));
        let into = reported.clone();
        let moved: Moved = Rc::new(move |_, bytes| into.set(bytes));
        let rate = Some(ByteRate(1_000_000_000));
        let store = Folder::open(folder.path(), "pi1", rate, moved).expect("a store");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            store.put(DATA, "x", vec![1], Bytes(1_000)).await.expect("put");
            assert_eq!(reported.replace(Bytes(0)), Bytes(1_000));
            store.get(DATA, "none", Bytes(1_000)).await.expect("got");
            store.put(Object::State, "x", vec![1], Bytes(0)).await.expect("put");
            assert_eq!(reported.get(), Bytes(0));
        });
    }
}
