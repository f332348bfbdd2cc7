// SPDX-License-Identifier: GPL-2.0

//! Loads an AoE target, and prints how long a request takes by the processor's clock, which in an
//! emulated machine that counts instructions is how many it executes:
//!
//! ```text
//! kvblade-bench FROM TO SECTORS TARGETS INITIATORS COUNT CELL...
//! ```
//!
//! FROM and TO are the ends of a veth pair, and at TO there are so many TARGETS, 0.1 and those that
//! follow, or with `2+1` one from 0.2 on, with disks of so many SECTORS. Requests are for each of them in turn, and from each of
//! so many INITIATORS. A CELL is `read:8:16` for reads of 8 sectors, 16 of them in flight. For each it
//! prints the cell, the figure, and of how many requests it is the average: about COUNT, after a
//! quarter as many to warm up. With `read:8:1:each` there follow the times within which 50 %, 99 % and
//! 99.9 % of them were answered.
//!
//! ```text
//! kvblade-bench -- COMMAND...
//! ```
//!
//! runs a command between the profiler's marks instead.

use std::error::Error;
use std::process::{self, Command};
use std::{env, fs};

use kvblade_bench::load::{Cell, Crowd, Load, AOE};
use kvblade_bench::{mark, socket};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let ["--", command, rest @ ..] =
        &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..]
    {
        let status = mark::around(|| Command::new(command).args(rest).status())?;
        process::exit(status.code().unwrap_or(1));
    }
    let [from, to, sectors, targets, initiators, count, cells @ ..] = &arguments[..] else {
        return Err("kvblade-bench FROM TO SECTORS TARGETS INITIATORS COUNT CELL...".into());
    };
    let (first, targets) = targets.split_once('+').unwrap_or(("1", targets));
    let crowd = Crowd {
        targets: targets.parse()?,
        first: first.parse()?,
        initiators: initiators.parse()?,
    };
    let (own, target) = (address(from)?, address(to)?);
    let (sectors, count) = (sectors.parse()?, count.parse::<usize>()?);
    for text in cells {
        let socket = socket::open(from, AOE)?;
        let mut load = Load::new(&socket, text.parse::<Cell>()?, crowd, own, target, sectors);
        let (time, answered) = load.run(count / 4, count)?;
        print!("{text} {time:.1} {answered}");
        for time in load.percentiles(&[500, 990, 999]) {
            print!(" {time}");
        }
        println!();
    }
    Ok(())
}

/// The Ethernet address of an interface.
fn address(interface: &str) -> Result<[u8; 6], Box<dyn Error>> {
    let text = fs::read_to_string(format!("/sys/class/net/{interface}/address"))?;
    let mut address = [0; 6];
    for (byte, digits) in address.iter_mut().zip(text.trim().split(':')) {
        *byte = u8::from_str_radix(digits, 16)?;
    }
    Ok(address)
}
