// SPDX-License-Identifier: GPL-2.0

//! `kvctl top` in a terminal: what a person sees there, and what is left of it.

mod tree;

use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::process::kill_process;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::pty;
use rustix::termios::tcsetwinsize;
use rustix::termios::Winsize;

/// How long a program may take to show something, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program in a terminal of its own.
struct Terminal {
    child: Child,
    keys: File,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// All that it has written.
    written: Vec<u8>,
}

impl Terminal {
    fn start(root: &Path, args: &[&str], locale: &str) -> Self {
        let flags = pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY;
        let master = pty::openpt(flags).unwrap();
        pty::grantpt(&master).unwrap();
        pty::unlockpt(&master).unwrap();
        let name = pty::ptsname(&master, Vec::new()).unwrap();
        let open = || rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        let end: OwnedFd = open().unwrap();
        tcsetwinsize(&end, size(24, 160)).unwrap();
        let stdio = || Stdio::from(end.try_clone().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_kvctl"))
            .arg("--root")
            .arg(root)
            .arg("top")
            .args(args)
            .env("LC_ALL", locale)
            .env("TERM", "xterm")
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        let keys = File::from(master);
        let mut reader = keys.try_clone().unwrap();
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 65536];
            // It fails when nobody has the other end any more.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            keys,
            output,
            screen: vt100::Parser::new(24, 160, 0),
            written: Vec::new(),
        }
    }

    /// Waits until the screen is so, and returns it.
    fn until(&mut self, is_so: impl Fn(&str) -> bool) -> String {
        loop {
            let screen = self.screen.screen().contents();
            if is_so(&screen) {
                return screen;
            }
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!("{error}; there is:\n{screen}"),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.written.extend(bytes);
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for its end; returns its status. The terminal must be as it was.
    fn end(mut self) -> Option<i32> {
        let status = self.child.wait().unwrap();
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(500)) {
            self.take(&bytes);
        }
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        assert_eq!(screen.contents(), "");
        status.code()
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn count(root: &Path, folder: &str, counts: &[(&str, u64)]) {
    for (name, value) in counts {
        tree::file(
            root,
            &format!("sys/kvblade/{folder}/stats/{name}"),
            &format!("{value}\n"),
        );
    }
}

/// Three exports, of which one is on two interfaces.
fn machine() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (folder, state) in [
        ("3.4@eth0", "up"),
        ("3.4@eth1", "down: no carrier"),
        ("3.5@eth0", "up"),
        ("3.6@eth1", "up"),
    ] {
        tree::export(root.path(), folder, state);
        count(
            root.path(),
            folder,
            &[("reads", 100), ("read_sectors", 800)],
        );
    }
    root
}

/// The first words of the lines below the head.
fn names(screen: &str) -> Vec<&str> {
    let lines = screen.lines().skip(3);
    let first = lines.filter_map(|line| line.split_whitespace().next());
    first.take_while(|word| *word != "e").collect()
}

#[test]
fn the_busiest_are_first_and_keys_are_obeyed() {
    let root = machine();
    let mut terminal = Terminal::start(root.path(), &["--interval", "1"], "C.UTF-8");
    let screen = terminal.until(|it| it.contains("q quit"));
    assert_eq!(names(&screen), ["e3.4", "e3.5", "e3.6"]);
    assert!(
        screen.contains("3 exports, 2 up   0 requests/s"),
        "{screen}"
    );
    assert!(screen.contains("eth1: down: no carrier"), "{screen}");
    // What was counted before it was started is nothing new.
    count(
        root.path(),
        "3.6@eth1",
        &[("reads", 1_000_100), ("read_sectors", 8_000_800)],
    );
    // What comes is drawn in pieces, so that all is waited for.
    terminal.until(|it| names(it).first() == Some(&"e3.6") && it.contains('█'));
    terminal.press("i");
    let screen = terminal.until(|it| it.contains("INTERFACE"));
    // Which of both is busier depends on when it looked.
    let mut interfaces = names(&screen);
    interfaces.sort_unstable();
    assert_eq!(interfaces, ["eth0", "eth1"]);
    assert!(screen.contains("2 exports, 1 not up"), "{screen}");
    terminal.press("c");
    let screen = terminal.until(|it| it.contains("CLIENT"));
    assert_eq!(names(&screen).len(), 3);
    assert!(
        screen.contains("3 exports, writes 3, heard 5 s ago"),
        "{screen}"
    );
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn it_fits_any_size_and_moves() {
    let root = machine();
    for slot in 10..60 {
        tree::export(root.path(), &format!("4.{slot}@eth0"), "up");
    }
    let mut terminal = Terminal::start(root.path(), &["--sort", "name"], "C");
    terminal.until(|it| it.contains("1 to 20 of 53"));
    terminal.press("\x1b[F");
    let screen = terminal.until(|it| it.contains("34 to 53 of 53"));
    assert_eq!(names(&screen).last(), Some(&"e4.59"));
    terminal.press("\x1b[H");
    terminal.until(|it| it.contains("1 to 20 of 53"));
    for (rows, columns) in [(40, 200), (3, 20), (25, 80)] {
        tcsetwinsize(&terminal.keys, size(rows, columns)).unwrap();
        terminal.screen.set_size(rows, columns);
        let pid = Pid::from_child(&terminal.child);
        kill_process(pid, Signal::WINCH).unwrap();
        if rows > 4 {
            let wanted = format!("1 to {} of 53", rows - 4);
            let screen = terminal.until(|it| it.contains(&wanted));
            // What is worth the most is there in a narrow one, too.
            for title in ["EXPORT", "READ/s", "WRITE/s", "BUSY"] {
                assert!(screen.contains(title), "{screen}");
            }
            assert!(screen.contains("down: no carrier"), "{screen}");
            assert_eq!(screen.contains("LATENCY"), columns == 200, "{screen}");
        }
    }
    // A terminal that is not told to be one of Unicode gets none.
    assert!(terminal.written.is_ascii());
    terminal.press("\x03");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_module_that_goes_is_told_and_a_signal_ends_it() {
    let root = machine();
    let mut terminal = Terminal::start(root.path(), &["--interval", "1"], "C.UTF-8");
    terminal.until(|it| it.contains("q quit"));
    std::fs::remove_dir_all(root.path().join("sys/kvblade")).unwrap();
    terminal.until(|it| it.contains("the module is not loaded: modprobe kvblade_rs"));
    kill_process(Pid::from_child(&terminal.child), Signal::TERM).unwrap();
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let root = machine();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvctl"));
    command
        .arg("--root")
        .arg(root.path())
        .arg("top")
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("needs a terminal: use kvctl show --watch"),
        "{said}"
    );
}
