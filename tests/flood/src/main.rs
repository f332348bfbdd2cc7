// SPDX-License-Identifier: GPL-2.0

//! Sends hostile frames at full speed from several senders, and judges all that is answered:
//!
//! ```text
//! kvblade-flood FROM TO FRAMES SEED
//! ```
//!
//! FROM and TO are the ends of a veth pair. TO exports two disks: that with the address of the
//! fuzzers' blade is what the frames are for, the other has a client that must be served.

use std::error::Error;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use kvblade_flood::client::Client;
use kvblade_flood::frame::{Kind, Tag, AOE, HEADER, NUMBERS, SENDERS};
use kvblade_flood::hostile::Hostile;
use kvblade_flood::judge::{is_question, judge};
use kvblade_flood::ring::Ring;
use kvblade_flood::socket::{Receiver, Sender};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Between two acts of the administrator.
const PAUSE: Duration = Duration::from_millis(20);
/// How long requests may take to end when no more come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What all threads know.
struct Flood {
    from: String,
    /// The folders of the two exports.
    hostile: String,
    good: String,
    frames: u64,
    seed: u64,
    /// The bytes of the longest frame.
    room: usize,
    /// The sectors of the disk that the frames are for.
    capacity: u64,
    answers: AtomicU64,
    served: AtomicU64,
    /// All frames are sent.
    is_over: AtomicBool,
    /// All requests have ended.
    is_quiet: AtomicBool,
}

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [from, to, frames, seed] = &arguments[..] else {
        return Err("kvblade-flood FROM TO FRAMES SEED".into());
    };
    let hostile = format!("/sys/kvblade/258.3@{to}");
    let flood = Flood {
        from: from.clone(),
        good: format!("/sys/kvblade/9.9@{to}"),
        frames: frames.parse()?,
        seed: seed.parse()?,
        room: number::<usize>(&format!("/sys/class/net/{from}/mtu"))? + 14,
        capacity: number(&format!("{hostile}/scnt"))?,
        hostile,
        answers: AtomicU64::new(0),
        served: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        is_quiet: AtomicBool::new(false),
    };
    if flood.frames > u64::from(NUMBERS) * u64::from(SENDERS) {
        return Err("tags cannot number so many frames".into());
    }
    flood.run()
}

/// The number in a file.
fn number<T: FromStr<Err: Error + 'static>>(file: &str) -> Outcome<T> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    Ok(text.trim().parse()?)
}

/// Starts a thread without which the program ends.
fn start<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    who: &'static str,
    act: impl FnOnce() -> Outcome<T> + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    scope.spawn(move || {
        act().unwrap_or_else(|error| {
            println!("{who}: {error}");
            process::exit(1)
        })
    })
}

impl Flood {
    fn run(&self) -> Outcome {
        let receiver = Receiver::open(&self.from, AOE)?;
        let (for_client, answers) = mpsc::channel();
        let sectors = number(&format!("{}/scnt", self.good))?;
        let sender = Sender::open(&self.from)?;
        let client = Client::new(sender, answers, self.seed, sectors, &self.served);
        thread::scope(|scope| {
            start(scope, "judge", || self.listen(&receiver, &for_client));
            let client = start(scope, "client", || client.run(&self.is_over));
            let senders: Vec<_> = (0..SENDERS)
                .map(|sender| start(scope, "sender", move || self.send(sender)))
                .collect();
            start(scope, "administrator", move || {
                let began = Instant::now();
                self.administer(&senders)?;
                let (frames, seconds) = (self.frames, began.elapsed().as_secs_f64());
                let speed = frames as f64 / seconds;
                println!("{frames} frames in {seconds:.1} s, {speed:.0} a second");
                self.is_over.store(true, Relaxed);
                let again = client.join().map_err(|_| "the client has panicked")?;
                let served = self.served.load(Relaxed);
                println!("{served} answers to the client, which sent {again} requests again");
                self.calm_down()
            });
        });
        let answers = self.answers.load(Relaxed);
        println!("{answers} answers, {} not seen", receiver.lost()?);
        Ok(())
    }

    /// Sends a sender's share.
    fn send(&self, sender: u8) -> Outcome {
        let mut ring = Ring::open(&self.from)?;
        let single = Sender::open(&self.from)?;
        let mut frames = self.frames_of(sender);
        for _ in (sender.into()..self.frames).step_by(SENDERS.into()) {
            let (frame, linear) = frames.shot();
            if sender % 2 == 0 {
                ring.push(frame, linear)?;
            } else {
                single.send(frame, linear)?;
            }
        }
        Ok(ring.flush()?)
    }

    fn frames_of(&self, sender: u8) -> Hostile {
        Hostile::new(self.seed, sender, self.room, self.capacity)
    }

    /// Judges answers, and hands the client its own.
    fn listen(&self, receiver: &Receiver, for_client: &mpsc::Sender<Vec<u8>>) -> Outcome {
        let mut buffer = vec![0; 1 << 16];
        while !self.is_quiet.load(Relaxed) {
            let Some(answer) = receiver.receive(&mut buffer)? else {
                continue;
            };
            if is_question(answer) {
                continue;
            }
            judge(answer).map_err(|what| self.accuse(answer, what))?;
            if Tag::in_frame(answer).kind == Kind::Good {
                // When it is over the client is not there any more.
                let _ = for_client.send(answer.to_vec());
            } else {
                self.answers.fetch_add(1, Relaxed);
            }
        }
        Ok(())
    }

    /// What is wrong with an answer, and which frame was answered.
    fn accuse(&self, answer: &[u8], what: &str) -> String {
        let head = |bytes: &[u8]| format!("{:02x?}", &bytes[..bytes.len().min(128)]);
        let mut text = format!("{what}, {} bytes: {}", answer.len(), head(answer));
        if answer.len() >= HEADER {
            let tag = Tag::in_frame(answer);
            let mut frames = self.frames_of(tag.sender);
            for _ in 0..tag.number {
                frames.shot();
            }
            let (frame, linear) = frames.shot();
            text += &format!("\nto {tag:?}, {} bytes: {}", frame.len(), head(frame));
            text += &format!("\nof which {linear} were not in pages");
        }
        text
    }

    /// Clears the lists that hostile frames set, for they would shut everybody out, until all is
    /// sent.
    fn administer(&self, senders: &[ScopedJoinHandle<'_, ()>]) -> Outcome {
        while !senders.iter().all(ScopedJoinHandle::is_finished) {
            fs::write(format!("{}/mask", self.hostile), "\n")?;
            fs::write(format!("{}/reserve", self.hostile), "\n")?;
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Waits until no request is in flight.
    fn calm_down(&self) -> Outcome {
        let began = Instant::now();
        for folder in [&self.hostile, &self.good] {
            while number::<u64>(&format!("{folder}/busy"))? > 0 {
                if began.elapsed() > PATIENCE {
                    return Err(format!("{folder}: requests do not end").into());
                }
                thread::sleep(PAUSE);
            }
        }
        // The last answers.
        thread::sleep(10 * PAUSE);
        self.is_quiet.store(true, Relaxed);
        Ok(())
    }
}
