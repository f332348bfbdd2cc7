// SPDX-License-Identifier: GPL-2.0

//! What is done about requests that repeat others, and about those that are repeated.

use kernel::prelude::*;

use super::history::Copied;
use super::order::InflightSlots;
use super::repeats;
use super::repeats::Ask;
use super::repeats::Asker;
use super::repeats::Asking;
use super::repeats::InFlight;
use super::repeats::Judged;
use super::repeats::Key;
use super::request::Progress;
use super::request::Request;
use super::stats::Counter;
use super::turn::Turns;
use crate::aoe;
use crate::aoe::ata_argument;
use crate::aoe::Header;
use crate::aoe::Tag;
use crate::ata::Asked;
use crate::ata::Operation;
use crate::ata::Outcome;
use crate::ata::Task;
use crate::block::Owner;
use crate::sync::Fifo;
use crate::sync::SlabBox;

impl Turns {
    /// Lets a request that has arrived join the one that it repeats. It is returned if it is to be
    /// executed by itself.
    #[cold]
    pub(super) fn join(
        &mut self,
        slots: &InflightSlots,
        request: SlabBox<Request>,
    ) -> Option<SlabBox<Request>> {
        let mut in_flight = InFlight {
            slots,
            spans: &self.in_flight,
            askers: &mut self.askers,
        };
        let tag = request.header.tag;
        match repeats::judge(request, &mut self.waiting, &mut in_flight) {
            Judged::Own(mut request) if request.asking.over.is_some() => {
                // What it repeats may have ended since it came, and gives it its room.
                match request.come_back() {
                    Ok(()) => {
                        request.counts_as_let_in();
                        return Some(request);
                    }
                    Err(cause) => request.drop_with(cause),
                }
            }
            Judged::Own(request) => return Some(request),
            Judged::Waits => {}
            Judged::Instead(mut older) => {
                if let Some(first) = older.pop() {
                    self.leave_out(first, tag);
                }
                while let Some(mut other) = older.pop() {
                    other.is_repetition();
                    self.leave_out(other, tag);
                }
            }
            Judged::Copy(mut request) => request.is_repetition(),
        }
        None
    }

    /// Drops a request whose initiator gets the answer under this tag.
    fn leave_out(&mut self, request: SlabBox<Request>, tag: Tag) {
        // Copies of its frame may still come.
        if let Some(write) = request.as_write() {
            self.note_executed(write);
        }
        request.is_left_out(tag);
    }

    /// What is to be executed of a request that waits for the end of another: nothing, as long as that has
    /// not ended.
    #[cold]
    pub(super) fn still_own(
        &mut self,
        slots: &InflightSlots,
        mut request: SlabBox<Request>,
    ) -> Option<SlabBox<Request>> {
        let in_flight = InFlight {
            slots,
            spans: &self.in_flight,
            askers: &mut self.askers,
        };
        if repeats::waits_on(&mut *request, &mut self.waiting, &in_flight) {
            self.waiting.push(request);
            return None;
        }
        // That was another, or was dropped.
        if let Err(cause) = request.come_back() {
            request.drop_with(cause);
            return None;
        }
        Some(request)
    }

    /// A request has ended after so long that it may have been repeated: all that came before its end
    /// have been looked at.
    #[cold]
    pub(super) fn end(&mut self, mut ended: SlabBox<Request>) {
        let joined = repeats::joined(&mut *ended, &mut self.waiting);
        if !ended.asking.is_old() {
            return self.answer_all(ended, joined);
        }
        // Its initiator may have asked again at this moment, as one of as many as it may have in flight. That
        // must not be dropped for want of the room that this one has until its answer has been sent: the
        // initiator does not take that answer, and thinks from its age that answers take so long.
        ended.move_to_excess();
        let is_executed = ended.is_executed();
        // It has been there since its end only.
        if let Some(write) = ended.as_write().filter(|_| is_executed) {
            self.note_executed(write);
        }
        let is_superseded = ended
            .slot()
            .is_some_and(|slot| self.askers.is_superseded(slot));
        match self.newest(joined, is_executed) {
            Some(mut newest) => {
                newest.inherit(&mut ended);
                ended.is_left_out(newest.header.tag);
                ended.leave();
                newest.answer();
            }
            None if is_superseded => ended.drop_with(Counter::AnswersSuperseded),
            None => ended.answer(),
        }
    }

    /// The newest of those that have joined the same request, which was executed or not. The others are
    /// left out.
    fn newest(&mut self, mut joined: Fifo<Request>, is_executed: bool) -> Option<SlabBox<Request>> {
        let mut newest: Option<SlabBox<Request>> = None;
        while let Some(mut request) = joined.pop() {
            self.note_joined(&mut request, is_executed);
            let tag = request.header.tag;
            if let Some(older) = newest.replace(request) {
                older.is_left_out(tag);
            }
        }
        newest
    }

    /// Answers a request and all that have joined it.
    fn answer_all(&mut self, ended: SlabBox<Request>, mut joined: Fifo<Request>) {
        let mut copies = Fifo::new();
        while let Some(mut request) = joined.pop() {
            if request.copy(&ended).is_ok() {
                self.note_joined(&mut request, ended.is_executed());
                copies.push(request);
            } else {
                // It is executed by itself.
                self.waiting.push(request);
            }
        }
        ended.answer();
        while let Some(request) = copies.pop() {
            request.answer();
        }
    }

    /// A request is as good as executed, or refused, by the one that it repeats.
    fn note_joined(&mut self, request: &mut Request, is_executed: bool) {
        request.is_repetition();
        if request.copied == Copied::Again {
            request.is_retransmission(false);
        }
        if let Some(write) = request.as_write().filter(|_| is_executed) {
            self.note_executed(write);
        }
    }
}

impl Request {
    /// Who has asked for it.
    #[inline]
    pub(super) fn asker(&self) -> Asker {
        let Header { source, tag, .. } = self.header;
        Asker::new(self.asking.first, source, tag, self.argument().registers())
    }

    /// Counts it as a repetition, once.
    fn is_repetition(&mut self) {
        self.is_let_in();
        if !core::mem::replace(&mut self.asking.is_counted, true) {
            self.has_joined();
        }
    }

    /// Counts it as let in, if that had to be found out first.
    fn is_let_in(&mut self) {
        if self.asking.over.is_some() {
            self.counts_as_let_in();
        }
    }

    fn counts_as_let_in(&mut self) {
        if !core::mem::replace(&mut self.asking.is_let_in, true) {
            self.port.stats().count(Counter::Requests);
            self.begins();
        }
    }

    /// Whether its initiator may have asked again by now.
    pub(super) fn is_repeatable(&self) -> bool {
        self.slot().is_some() && self.asking.is_repeatable()
    }

    /// Has ended, with or without I/O. All ways to an answer of what has had its turn lead through here,
    /// but for questions and lists, which have no slot that a repetition could join:
    /// what took so long that it may have been repeated is left to who knows of that.
    #[inline]
    pub(super) fn finish(self: SlabBox<Self>) {
        if self.is_repeatable() {
            let port = self.port.clone();
            port.blade().post_old(self);
        } else {
            self.answer();
        }
    }

    /// Whether anything was done of it that was to be done.
    fn is_executed(&self) -> bool {
        !matches!(self.task, Task::Answer(_))
    }

    /// Counts it as left out, if its initiator gets the answer under another tag.
    fn is_left_out(&self, tag: Tag) {
        if self.header.tag != tag {
            self.drop_with(Counter::AnswersSuperseded);
        }
    }

    /// Ends as another has.
    fn ends_as(&mut self, other: &Self) {
        self.task = other.task;
        self.outcome = other.outcome;
        self.refused = other.refused;
        self.progress = Progress::Last;
    }

    /// Has what another has brought, and so can be answered.
    fn inherit(&mut self, older: &mut Self) {
        self.ends_as(older);
        self.io().take_data(older.io());
    }

    /// Has the same as another, so that both can be answered.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn copy(&mut self, other: &Self) -> Result {
        if matches!(other.task, Task::Read(_)) && other.outcome == Outcome::Success {
            self.copy_data(other)?;
        }
        self.ends_as(other);
        Ok(())
    }

    /// Whether the data that comes with both is the same.
    fn has_data_of(&self, other: &Self) -> bool {
        match (self.frame(), other.frame()) {
            (Ok(own), Ok(other)) => own.agrees(other, ata_argument::END),
            _ => false,
        }
    }
}

impl Ask for Request {
    fn key(&self) -> Option<Key> {
        let Asked::Ata(argument, _) = self.asked else {
            return None;
        };
        Some(Key {
            source: self.header.source,
            registers: argument.registers(),
            span: self.span?,
        })
    }

    fn tag(&self) -> Tag {
        self.header.tag
    }

    fn asking(&mut self) -> &mut Asking {
        &mut self.asking
    }

    fn is_copy(&self) -> bool {
        self.copied == Copied::Again
    }

    fn is_same(&self, other: &Self) -> bool {
        let limit = self.frame_limit.min(other.frame_limit);
        let has_room = match self.operation() {
            Operation::Read(transfer) => transfer.extent().sectors <= aoe::sectors_for_reply(limit),
            _ => true,
        };
        self.asked == other.asked
            && self.read_only == other.read_only
            && has_room
            && (!self.changes_data() || self.has_data_of(other))
    }

    fn replace(&mut self, older: &mut Self) {
        self.is_let_in();
        self.has_joined();
        // Whether the older one is counted is left to when it is known what that was.
        core::mem::swap(&mut self.asking, &mut older.asking);
        self.swap_seats(older);
    }

    fn waits(&mut self, is_certain: bool) {
        self.is_let_in();
        self.move_to_excess();
        if is_certain {
            self.is_repetition();
        }
    }
}
