// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of repetitions: all that can happen, one after the other, to requests for one sector.

use kernel::prelude::*;

#[kunit_tests(kvblade_rs_repeats)]
mod all {
    use super::super::*;
    use crate::ata::Extent;
    use crate::ata::Lba;
    use crate::sync::InSlab;
    use crate::sync::Link;
    use crate::sync::OpenSlab;
    use crate::sync::Slab;

    /// A request of which only that is there which matters here.
    struct Toy {
        link: Link<Toy>,
        /// How many came before it.
        number: usize,
        /// The same, or that of the one that it has replaced.
        position: usize,
        data: u8,
        key: Key,
        asking: Asking,
        inflight_slot: Option<InflightSlot>,
    }

    static SLAB: Slab = Slab::new();

    impl InSlab for Toy {
        fn slab() -> &'static Slab {
            &SLAB
        }
    }

    impl Linked for Toy {
        fn link(&mut self) -> &mut Link<Self> {
            &mut self.link
        }
    }

    impl Ask for Toy {
        fn key(&self) -> Option<Key> {
            Some(self.key)
        }

        fn tag(&self) -> Tag {
            Tag((self.number as u32).to_be_bytes())
        }

        fn asking(&mut self) -> &mut Asking {
            &mut self.asking
        }

        fn is_copy(&self) -> bool {
            false
        }

        fn is_same(&self, other: &Self) -> bool {
            self.data == other.data
        }

        fn replace(&mut self, older: &mut Self) {
            core::mem::swap(&mut self.asking, &mut older.asking);
            self.position = older.position;
        }

        fn waits(&mut self, _is_certain: bool) {}
    }

    /// What can happen.
    #[derive(Clone, Copy)]
    enum Event {
        Write(u8),
        Read,
        /// The first of those in flight ends.
        End,
        /// Half a second passes, so that what comes again is a repetition.
        Time,
        /// Two seconds pass.
        More,
    }

    const EVENTS: [Event; 6] = [
        Event::Write(1),
        Event::Write(2),
        Event::Read,
        Event::End,
        Event::Time,
        Event::More,
    ];
    const LENGTH: usize = 6;
    /// Events, and what is left to end after them.
    const STEPS: usize = 3 * LENGTH;

    /// What became of a request.
    #[derive(Clone, Copy, Default)]
    struct Fate {
        data: u8,
        arrived: usize,
        answered: Option<usize>,
        /// What a read has brought.
        read: u8,
        is_left_out: bool,
    }

    /// One sector, and all requests for it.
    struct World {
        slots: InflightSlots,
        spans: Spans,
        askers: Askers,
        waiting: Fifo<Toy>,
        in_flight: [Option<SlabBox<Toy>>; LENGTH],
        fates: [Fate; LENGTH],
        count: usize,
        step: usize,
        /// What the sector has held after each step.
        content: [u8; STEPS],
        /// The positions of the writes that were executed, and how many there were.
        executed: [usize; LENGTH],
        executions: usize,
    }

    impl World {
        fn new() -> Result<Self> {
            Ok(Self {
                slots: InflightSlots::new(),
                spans: Spans::new()?,
                askers: Askers::new()?,
                waiting: Fifo::new(),
                in_flight: [const { None }; LENGTH],
                fates: [Fate::default(); LENGTH],
                count: 0,
                step: 0,
                content: [0; STEPS],
                executed: [0; LENGTH],
                executions: 0,
            })
        }

        /// As after `new`, if there is no request.
        fn clear(&mut self) {
            self.fates = [Fate::default(); LENGTH];
            (self.count, self.step, self.executions) = (0, 0, 0);
            self.content = [0; STEPS];
        }

        fn happens(&mut self, event: Event) -> Result {
            self.step += 1;
            self.content[self.step] = self.content[self.step - 1];
            match event {
                Event::Write(data) => self.arrives(data),
                Event::Read => self.arrives(0),
                Event::End => {
                    self.end();
                    Ok(())
                }
                Event::Time | Event::More => {
                    let time = if matches!(event, Event::Time) {
                        500
                    } else {
                        2000
                    };
                    let ticks = Moment::now().later(time).to_ticks() - Moment::now().to_ticks();
                    let age = |first: &mut Moment| {
                        *first = Moment::from_ticks(first.to_ticks().wrapping_sub(ticks));
                    };
                    self.waiting.any(|toy| {
                        age(&mut toy.asking.first);
                        false
                    });
                    for toy in self.in_flight.iter_mut().flatten() {
                        age(&mut toy.asking.first);
                    }
                    for asker in &mut self.askers.0 {
                        age(&mut asker.first);
                    }
                    Ok(())
                }
            }
        }

        fn arrives(&mut self, data: u8) -> Result {
            let extent = Extent {
                first: Lba(7),
                sectors: 1,
            };
            let (number, now) = (self.count, Moment::now());
            self.count += 1;
            self.fates[number] = Fate {
                data,
                arrived: self.step,
                ..Fate::default()
            };
            let span = match data {
                0 => Span::reading(extent),
                _ => Span::writing(extent),
            };
            let toy = Toy {
                link: Link::new(),
                number,
                position: number,
                data,
                key: Key {
                    source: Mac::from_number(1),
                    registers: data.min(1).into(),
                    span,
                },
                asking: Asking::new(now, None),
                inflight_slot: None,
            };
            let toy = SlabBox::new(toy, GFP_ATOMIC)?;
            let mut in_flight = InFlight {
                slots: &self.slots,
                spans: &self.spans,
                askers: &mut self.askers,
            };
            match judge(toy, &mut self.waiting, &mut in_flight) {
                Judged::Own(toy) => self.start_or_wait(toy),
                Judged::Waits => {}
                Judged::Instead(mut older) => {
                    while let Some(toy) = older.pop() {
                        self.fates[toy.number].is_left_out = true;
                    }
                }
                Judged::Copy(_) => assert!(false),
            }
            Ok(())
        }

        fn start_or_wait(&mut self, mut toy: SlabBox<Toy>) {
            let in_flight = InFlight {
                slots: &self.slots,
                spans: &self.spans,
                askers: &mut self.askers,
            };
            if waits_on(&mut *toy, &mut self.waiting, &in_flight) {
                return self.waiting.push(toy);
            }
            let span = toy.key.span;
            if self.waiting.any(|other| other.key.span.conflicts(&span)) {
                return self.waiting.push(toy);
            }
            let Some(slot) = self.spans.claim(&self.slots, span) else {
                return self.waiting.push(toy);
            };
            let Key {
                source, registers, ..
            } = toy.key;
            let asker = Asker::new(toy.asking.first, source, toy.tag(), registers);
            self.askers.note(slot, asker);
            toy.inflight_slot = Some(slot);
            let free = self.in_flight.iter_mut().find(|slot| slot.is_none());
            free.map(|slot| *slot = Some(toy));
        }

        fn end(&mut self) {
            let in_flight = self.in_flight.iter_mut().filter(|slot| slot.is_some());
            let first = in_flight.min_by_key(|slot| slot.as_ref().map(|toy| toy.number));
            let Some(mut toy) = first.and_then(Option::take) else {
                return;
            };
            if toy.data != 0 {
                self.content[self.step] = toy.data;
                self.executed[self.executions] = toy.position;
                self.executions += 1;
            }
            let content = self.content[self.step];
            let mut number = Some(toy.number);
            if toy.asking().is_repeatable() {
                let is_old = toy.asking().is_old();
                let mut joined = joined(&mut *toy, &mut self.waiting);
                let is_superseded = toy
                    .inflight_slot
                    .is_some_and(|slot| self.askers.is_superseded(slot));
                if is_old && is_superseded {
                    self.fates[toy.number].is_left_out = true;
                    number = None;
                }
                while let Some(other) = joined.pop() {
                    let Some(older) = number.replace(other.number) else {
                        continue;
                    };
                    if is_old {
                        self.fates[older].is_left_out = true;
                    } else {
                        self.fates[older].answered = Some(self.step);
                        self.fates[older].read = content;
                    }
                }
            }
            if let Some(number) = number {
                self.fates[number].answered = Some(self.step);
                self.fates[number].read = content;
            }
            if let Some(slot) = toy.inflight_slot {
                let _ = self.slots.release(slot);
            }
            let mut waited = core::mem::take(&mut self.waiting);
            while let Some(toy) = waited.pop() {
                self.start_or_wait(toy);
            }
        }

        fn check(&self) {
            let fates = &self.fates[..self.count];
            for (number, fate) in fates.iter().enumerate() {
                // Answered, or the same is that was asked for later.
                assert!(fate.answered.is_some() != fate.is_left_out);
                let mut later = fates[number..].iter();
                assert!(later.any(|other| other.data == fate.data && other.answered.is_some()));
                let Some(answered) = fate.answered else {
                    continue;
                };
                // What was written was there, and what was read too, between request and answer.
                let told = if fate.data == 0 { fate.read } else { fate.data };
                let meanwhile = &self.content[fate.arrived - 1..=answered];
                assert!(meanwhile.contains(&told));
            }
            // In the order in which they came first.
            let executed = &self.executed[..self.executions];
            assert!(executed.is_sorted());
        }
    }

    #[test]
    fn whatever_happens_all_are_answered_and_nothing_is_undone() -> Result {
        let _slab = OpenSlab::<Toy>::new(c"kvblade_rs_toy")?;
        let mut world = World::new()?;
        for mut number in 0..EVENTS.len().pow(LENGTH as u32) {
            for _ in 0..LENGTH {
                world.happens(EVENTS[number % EVENTS.len()])?;
                number /= EVENTS.len();
            }
            while world.in_flight.iter().any(Option::is_some) {
                world.happens(Event::End)?;
            }
            assert!(world.waiting.is_empty());
            world.check();
            world.clear();
        }
        Ok(())
    }

    #[test]
    fn a_repetition_of_an_old_write_is_not_executed() -> Result {
        let _slab = OpenSlab::<Toy>::new(c"kvblade_rs_toy")?;
        let mut world = World::new()?;
        let events = [
            Event::Write(1),
            Event::Write(2),
            Event::More,
            Event::Write(1),
            Event::Write(2),
            Event::Write(1),
            Event::End,
            Event::End,
        ];
        for event in events {
            world.happens(event)?;
        }
        assert!(world.in_flight.iter().all(Option::is_none));
        assert!(world.executions == 2);
        let answered = |number: usize| world.fates[number].answered.is_some();
        assert!(answered(3) && answered(4) && !answered(0) && !answered(1) && !answered(2));
        assert!(world.content[world.step] == 2);
        Ok(())
    }
}
