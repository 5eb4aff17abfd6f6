//! Running the binary.

use crate::support;
use crate::support::scratch::Scratch;
use comptoir::config::Config;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// A folder to be in, and the settings of an installation whose data is in `data` there.
pub(super) struct Place {
    dir: TempDir,
    env: BTreeMap<String, String>,
    _scratch: Option<Scratch>,
}

/// What a command that has ended said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

/// A server that runs until it is dropped.
pub(super) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Place {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, scratch) = support::settings(&dir.path().join("data")).await;
        Self { dir, env, _scratch: scratch }
    }

    /// The same with an empty database.
    pub(super) async fn made() -> Self {
        let place = Self::new().await;
        place.ok(&["migrate"]);
        place
    }

    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.env.insert(format!("COMPTOIR__{key}"), value.to_owned());
    }

    pub(super) fn unset(&mut self, key: &str) {
        self.env.remove(&format!("COMPTOIR__{key}"));
    }

    /// Its settings as the program reads them.
    pub(super) fn config(&self) -> Config {
        Config::load(None, &self.env).unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub(super) fn database_url(&self) -> Option<&str> {
        self.env.get("COMPTOIR__DATABASE__URL").map(String::as_str)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Every file below the folder, with its size.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, u64> {
        fn walk(dir: &Path, into: &mut BTreeMap<PathBuf, u64>) {
            for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, into);
                } else {
                    into.insert(path, entry.metadata().unwrap().len());
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(self.dir.path(), &mut files);
        files
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comptoir"));
        command.args(args).current_dir(self.dir.path()).env_clear().envs(&self.env);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, args: &[&str]) -> Said {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let said = Said {
            code: status.code(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        };
        assert!(!said.err.contains("panicked"), "{args:?}: {said:?}");
        said
    }

    /// Runs a command that succeeds; what it printed.
    pub(super) fn ok(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        said.out.trim_end().to_owned()
    }

    /// Runs a command that fails with a code; what it said about it.
    pub(super) fn fails(&self, code: i32, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, Some(code), "{args:?}: {said:?}");
        format!("{}{}", said.out, said.err)
    }

    /// Starts a command that serves.
    pub(super) fn start(&self, args: &[&str]) -> Running {
        let mut command = self.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let out: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in out {
            let tell = tell.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = tell.send(line);
                }
            });
        }
        Running { child, lines }
    }

    /// Starts the server and waits until it serves; where the two listeners are.
    pub(super) fn serve(&self) -> (Running, SocketAddr, SocketAddr) {
        let running = self.start(&["serve"]);
        let lines = running.read_until(" serving ");
        let line = lines.last().unwrap();
        let at = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=")).unwrap();
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        let (public, admin) = (at("public"), at("admin"));
        (running, public, admin)
    }
}

impl Running {
    /// The lines up to one that contains a text.
    pub(super) fn read_until(&self, text: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no `{text}` in:\n{}", lines.join("\n"))
            };
            lines.push(line);
            if lines.last().is_some_and(|line| line.contains(text)) {
                return lines;
            }
        }
    }

    /// Stops it as a terminal or a service manager does; its exit code.
    pub(super) fn stop(mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        self.lines.iter().for_each(drop);
        code
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
