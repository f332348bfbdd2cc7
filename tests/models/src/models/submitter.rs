// SPDX-License-Identifier: GPL-2.0

//! Who submits, and who answers what has ended.

use kernel::sync::rcu;
use kernel::workqueue;
use loom::thread;

use super::exported::Blade;
use super::exported::CpuWorkers;
use super::request::Answers;
use super::request::Request;

/// Two per-CPU workers come to submit at the same time. Both requests are executed,
/// one at a time, and are answered, though their ends tell no one.
pub(crate) fn two_submit() {
    let blade = Blade::new();
    let answers = Answers::new(2);
    let other = {
        let (blade, answers) = (blade.clone(), answers.clone());
        thread::spawn(move || {
            CpuWorkers::begin_here();
            let request = Request::new(&blade, None, &answers, |request| request.ended());
            blade.post(request, &rcu::read_lock());
            Blade::run_express();
        })
    };
    CpuWorkers::begin_here();
    let request = Request::new(&blade, None, &answers, |request| request.ended());
    blade.post(request, &rcu::read_lock());
    Blade::run_express();
    workqueue::serve();
    other.join().unwrap();
}

/// A request ends while the disk lets the submitter wait, with an answer that is left to it. It is
/// answered before the submitter goes on.
pub(crate) fn submitter_sleeps() {
    let blade = Blade::new();
    let answers = Answers::new(2);
    let elsewhere = Request::new(&blade, None, &answers, |_| unreachable!());
    let submitter = {
        let (blade, answers) = (blade.clone(), answers.clone());
        thread::spawn(move || {
            CpuWorkers::begin_here();
            let others = answers.clone();
            let request = Request::new(&blade, None, &answers, move |request| {
                request.ended();
                others.wait_for(1);
            });
            blade.post(request, &rcu::read_lock());
            Blade::run_express();
        })
    };
    let disk = thread::spawn(move || elsewhere.ended());
    workqueue::serve();
    submitter.join().unwrap();
    disk.join().unwrap();
}
