//! Runs the program as a user would, in a fresh folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether golden files are to be rewritten.
pub(crate) fn update() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// All smoke scenarios, sorted by name.
pub(crate) fn smoke_scenarios() -> Vec<PathBuf> {
    scenarios_of("smoke")
}

/// The scenarios in a folder of `scenarios/`, sorted.
pub(crate) fn scenarios_of(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("scenarios").join(folder);
    let entries = std::fs::read_dir(&folder).expect("there are scenarios");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty(), "no scenario in {}", folder.display());
    files
}

/// A folder of its own for one test, with the program at hand.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What the program did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }

    /// The folder; the program runs in it.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path().join(name);
        std::fs::write(&file, text).expect("a temporary folder can be written");
        file
    }

    /// A command of the program, not yet started. Results go to `results` in the folder.
    pub(crate) fn command<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Command {
        let program = std::env::var_os("RACKSTORM_BIN");
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_rackstorm").into());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for variable in ["RACKSTORM_OUT", "RACKSTORM_SEED", "RACKSTORM_JOBS"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Done {
        Done::from(self.command(arguments).output().expect("the program starts"))
    }

    /// Starts the program with both streams caught.
    pub(crate) fn start<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    /// Plays scenarios without report or event log and returns the object of each run.
    pub(crate) fn play(&self, files: &[PathBuf], options: &[&str]) -> Vec<Value> {
        let mut arguments = vec!["run", "--json", "--no-report"];
        arguments.extend(options);
        arguments.extend(files.iter().map(|file| file.to_str().expect("names are UTF-8")));
        let done = self.run(&arguments);
        assert_eq!(done.code, 0, "{}", done.stderr);
        done.json_lines()
    }

    /// Names of all files and folders in the folder, at any depth.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        walk(self.path(), &mut |path| {
            let name = path.strip_prefix(self.path()).expect("below the folder");
            names.push(name.to_string_lossy().into_owned());
        });
        names
    }
}

impl Done {
    /// Each line of stdout as a JSON object.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).expect("every line of stdout is JSON");
        self.stdout.lines().map(parse).collect()
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("the program ends by itself"),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

/// Waits for a started program and gathers what it said.
pub(crate) fn wait(child: Child) -> Done {
    Done::from(child.wait_with_output().expect("the program was started"))
}

/// Calls `visit` for everything below a folder, in the order of names.
pub(crate) fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    let entries = std::fs::read_dir(folder).expect("the folder is readable");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    for path in paths {
        visit(&path);
        if path.is_dir() {
            walk(&path, visit);
        }
    }
}

/// Waits a moment for another process.
#[expect(clippy::disallowed_methods, reason = "waits for another process, not for a model")]
pub(crate) fn rest() {
    std::thread::sleep(std::time::Duration::from_millis(10));
}
