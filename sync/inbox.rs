// SPDX-License-Identifier: GPL-2.0

//! An inbox: many producers in any context, one consumer at a time, no lock.
//!
//! Producers push boxes onto a linked stack (as `llist` in C); the consumer takes the whole stack
//! at once and gets it in the order of arrival. The push that finds the inbox empty is told so,
//! and wakes the consumer: one wake-up serves a burst.

use core::ptr;
use core::ptr::NonNull;

use kernel::sync::atomic::Acquire;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;

use super::once::Once;
use super::slab::InSlab;
use super::slab::SlabBox;

/// The link that an element carries for the inbox it is in.
pub(crate) struct Link<T>(Option<NonNull<T>>);

impl<T> Link<T> {
    /// A link of an element that is in no inbox.
    pub(crate) const fn new() -> Self {
        Self(None)
    }
}

// SAFETY: The pointer is only used by the inbox, which treats it as the owned box that it is.
unsafe impl<T: Send> Send for Link<T> {}
// SAFETY: A shared reference to a link gives access to nothing.
unsafe impl<T> Sync for Link<T> {}

/// An element that can be put into an [`Inbox`].
pub(crate) trait Linked: Send + InSlab {
    /// The element's link, always the same one.
    fn link(&mut self) -> &mut Link<Self>;
}

/// An inbox of boxed elements.
///
/// # Invariants
///
/// `head` is null or begins a chain, by the elements' links, of pointers from `SlabBox::into_raw`,
/// which the inbox owns.
pub(crate) struct Inbox<T: Linked> {
    head: Atomic<*mut T>,
}

// SAFETY: The inbox owns elements that are `Send`.
unsafe impl<T: Linked> Send for Inbox<T> {}
// SAFETY: Elements go in and come out by value only, and they are `Send`.
unsafe impl<T: Linked> Sync for Inbox<T> {}

impl<T: Linked> Inbox<T> {
    /// An empty inbox.
    pub(crate) const fn new() -> Self {
        // INVARIANT: `head` is null.
        Self {
            head: Atomic::new(ptr::null_mut()),
        }
    }

    /// Whether there is no element.
    pub(crate) fn is_empty(&self) -> bool {
        self.head.read_once().is_null()
    }

    /// Adds an element; true if the inbox was empty, so that its consumer wants waking.
    pub(crate) fn push(&self, element: SlabBox<T>) -> bool {
        // SAFETY: It comes from `SlabBox::into_raw`.
        unsafe { self.put(SlabBox::into_raw(element)) }
    }

    /// As [`Inbox::push`], into the inbox that the element leads to, and keeps as long as it is not
    /// there.
    pub(crate) fn push_to(
        element: SlabBox<T>,
        find: impl for<'a> FnOnce(&'a T) -> &'a Self,
    ) -> bool {
        let new = SlabBox::into_raw(element);
        // SAFETY: It is valid, and this function's alone until it is in the inbox.
        let inbox = ptr::from_ref(find(unsafe { &*new }));
        // SAFETY: The element keeps the inbox until it is there, and after that this is not used. It comes
        // from `SlabBox::into_raw`.
        unsafe { (*inbox).put(new) }
    }

    /// Adds an element; true if the inbox was empty. Does nothing after it is there.
    ///
    /// # Safety
    ///
    /// The pointer must come from `SlabBox::into_raw`, and is given away.
    unsafe fn put(&self, new: *mut T) -> bool {
        let mut head = self.head.read_once();
        loop {
            // SAFETY: `new` is a valid `T` that only this function knows until the exchange
            // below succeeds.
            unsafe { (*new).link().0 = NonNull::new(head) };
            // Fully ordered: whoever puts an element behind another's, which it leaves to that one to tell
            // of, sees what that one has said before of who takes them.
            // INVARIANT: `new` comes from `SlabBox::into_raw` and its link continues the chain.
            match self.head.cmpxchg(head, new, Full) {
                Ok(_) => return head.is_null(),
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes all elements, to be iterated from the oldest to the newest.
    pub(crate) fn take(&self) -> Taken<T> {
        // INVARIANT: The empty chain is a chain.
        let mut next = NonNull::new(self.head.xchg(ptr::null_mut(), Acquire));
        let mut oldest = None;
        while let Some(mut element) = next {
            // SAFETY: The exchange made this function the only owner of the chain.
            let link = unsafe { element.as_mut() }.link();
            next = link.0;
            link.0 = oldest;
            oldest = Some(element);
        }
        // INVARIANT: The chain has changed its direction and its owner.
        Taken { next: oldest }
    }
}

impl<T: Linked> Drop for Inbox<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// The elements taken from an inbox, oldest first. Dropping it drops the rest.
///
/// # Invariants
///
/// `next` begins a chain of pointers from `SlabBox::into_raw` that this value owns.
pub(crate) struct Taken<T: Linked> {
    next: Option<NonNull<T>>,
}

impl<T: Linked> Iterator for Taken<T> {
    type Item = SlabBox<T>;

    fn next(&mut self) -> Option<SlabBox<T>> {
        let element = self.next?;
        // SAFETY: By the invariant `element` came from `SlabBox::into_raw` and is ours.
        let mut element = unsafe { SlabBox::from_raw(element.as_ptr()) };
        self.next = element.link().0.take();
        Some(element)
    }
}

impl<T: Linked> Drop for Taken<T> {
    fn drop(&mut self) {
        for element in self.by_ref() {
            drop(element);
        }
    }
}

/// A queue of boxed elements with one owner: first in, first out.
///
/// # Invariants
///
/// `oldest` begins a chain, by the elements' links, of pointers from `SlabBox::into_raw` that the
/// queue owns; `newest` is its end.
pub(crate) struct Fifo<T: Linked> {
    oldest: Option<NonNull<T>>,
    newest: Option<NonNull<T>>,
}

// SAFETY: The queue owns elements that are `Send`.
unsafe impl<T: Linked> Send for Fifo<T> {}
// SAFETY: `&Fifo` only tells whether there is an element.
unsafe impl<T: Linked> Sync for Fifo<T> {}

impl<T: Linked> Fifo<T> {
    /// An empty queue.
    pub(crate) const fn new() -> Self {
        // INVARIANT: There is no chain.
        Self {
            oldest: None,
            newest: None,
        }
    }

    /// Whether there is no element.
    pub(crate) fn is_empty(&self) -> bool {
        self.oldest.is_none()
    }

    /// Adds an element behind the others.
    pub(crate) fn push(&mut self, mut element: SlabBox<T>) {
        element.link().0 = None;
        let new = NonNull::new(SlabBox::into_raw(element));
        match self.newest {
            // SAFETY: By the invariant the element is ours.
            Some(mut newest) => unsafe { newest.as_mut() }.link().0 = new,
            None => self.oldest = new,
        }
        // INVARIANT: The chain has one element more, which came from `SlabBox::into_raw`.
        self.newest = new;
    }

    /// Takes the oldest element.
    pub(crate) fn pop(&mut self) -> Option<SlabBox<T>> {
        let oldest = self.oldest?;
        // SAFETY: By the invariant it came from `SlabBox::into_raw` and is ours.
        let mut element = unsafe { SlabBox::from_raw(oldest.as_ptr()) };
        // INVARIANT: The chain begins with the next, or is empty and has no end.
        self.oldest = element.link().0.take();
        if self.oldest.is_none() {
            self.newest = None;
        }
        Some(element)
    }

    /// Whether an element is such.
    pub(crate) fn any(&mut self, mut is_such: impl FnMut(&mut T) -> bool) -> bool {
        let mut next = self.oldest;
        while let Some(mut element) = next {
            // SAFETY: By the invariant the element is ours, and `&mut self` keeps others away.
            let element = unsafe { element.as_mut() };
            if is_such(element) {
                return true;
            }
            next = element.link().0;
        }
        false
    }
}

impl<T: Linked> Default for Fifo<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Linked> Drop for Fifo<T> {
    fn drop(&mut self) {
        while let Some(element) = self.pop() {
            drop(element);
        }
    }
}
