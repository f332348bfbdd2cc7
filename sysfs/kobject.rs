// SPDX-License-Identifier: GPL-2.0

//! Directories of sysfs with attribute files.
//!
//! C headers: [`include/linux/kobject.h`](srctree/include/linux/kobject.h),
//! [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

mod binary;
mod summary;

use core::cell::UnsafeCell;
use core::ops::Deref;
use core::ptr::NonNull;

use kernel::bindings;
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;
use kernel::str::Formatter;
use kernel::types::Opaque;

pub(super) use binary::Binary;
pub(super) use summary::summarize;

/// The longest text that a file can show, or take in one write. What has a page is for the kernel
/// a sign of an overflow when it is shown; when it is written, it may be a part: sysfs hands over a
/// page at a time, and the writer sends the rest by itself.
pub(super) const LONGEST: usize = PAGE_SIZE - 1;

/// What the files of a directory show and take: the data behind the directory.
pub(super) trait Entries: Send + Sync + Sized + 'static {
    /// The directory's files.
    fn attributes() -> &'static [&'static Attribute<Self>];

    /// Those of its files that a table declares.
    fn table() -> &'static [Attribute<Self>] {
        &[]
    }

    /// The directory's files of bytes that are no text.
    fn binaries() -> &'static [&'static Binary<Self>] {
        &[]
    }

    /// The error of a write of more than [`LONGEST`] bytes.
    fn too_long(&self) -> Error;
}

/// How a file's text is made.
pub(super) type Show<T> = fn(&T, &mut Formatter<'_>) -> Result;

/// What is done with the text written to a file.
pub(super) type Store<T> = fn(&Node<T>, &[u8]) -> Result;

/// The same for the file that a row of a table declares, by its number.
pub(super) type ShowRow<T> = fn(&T, usize, &mut Formatter<'_>) -> Result;

/// The same for the file that a row of a table declares, by its number.
pub(super) type StoreRow<T> = fn(&Node<T>, usize, &[u8]) -> Result;

/// Who shows and takes a file's text.
enum Functions<T> {
    Own(Option<Show<T>>, Option<Store<T>>),
    Row(usize, ShowRow<T>, Option<StoreRow<T>>),
}

/// A file of a directory.
#[repr(C)]
pub(super) struct Attribute<T> {
    // Lock debugging writes to it.
    attribute: UnsafeCell<bindings::attribute>,
    name: &'static CStr,
    functions: Functions<T>,
}

// SAFETY: The kernel alone uses the inner attribute, with its own locking; the rest is constant.
unsafe impl<T> Sync for Attribute<T> {}

impl<T> Attribute<T> {
    /// A file with a name and permission bits.
    pub(super) const fn new(
        name: &'static CStr,
        mode: u16,
        show: Option<Show<T>>,
        store: Option<Store<T>>,
    ) -> Self {
        Self::with(name, mode, Functions::Own(show, store))
    }

    /// The file of a row of a table, with its number there.
    pub(super) const fn of_row(
        name: &'static CStr,
        mode: u16,
        row: usize,
        show: ShowRow<T>,
        store: Option<StoreRow<T>>,
    ) -> Self {
        Self::with(name, mode, Functions::Row(row, show, store))
    }

    const fn with(name: &'static CStr, mode: u16, functions: Functions<T>) -> Self {
        let mut attribute: bindings::attribute = pin_init::zeroed();
        attribute.name = kernel::str::as_char_ptr_in_const_context(name);
        attribute.mode = mode;
        Self {
            attribute: UnsafeCell::new(attribute),
            name,
            functions,
        }
    }
}

impl<T> Attribute<T> {
    /// What the file shows.
    ///
    /// # Errors
    ///
    /// `EIO` if it shows nothing; those of what is shown.
    fn show(&self, entries: &T, text: &mut Formatter<'_>) -> Result {
        match &self.functions {
            Functions::Own(Some(show), _) => show(entries, text),
            Functions::Row(row, show, _) => show(entries, *row, text),
            Functions::Own(None, _) => Err(EIO),
        }
    }
}

/// What is behind a directory.
#[repr(C)]
pub(super) struct Node<T> {
    kobject: Opaque<bindings::kobject>,
    /// Completed when the kernel has let go of the object.
    released: Opaque<bindings::completion>,
    entries: T,
}

impl<T> Node<T> {
    /// Makes the directory `name` in this one.
    ///
    /// # Errors
    ///
    /// As for [`Directory::new`].
    pub(super) fn make<U: Entries>(&self, name: &CStr, entries: U) -> Result<Directory<U>> {
        Directory::under(self.kobject.get(), name, entries)
    }
}

impl<T> Node<T> {
    /// One of the directory's files.
    ///
    /// # Errors
    ///
    /// `ENOENT` if it does not have this file any more.
    pub(super) fn file(&self, attribute: &'static Attribute<T>) -> Result<File> {
        // SAFETY: The name is constant.
        self.named(unsafe { (*attribute.attribute.get()).name })
    }

    /// One of the directory's files of bytes.
    ///
    /// # Errors
    ///
    /// As for [`Node::file`].
    pub(super) fn binary(&self, attribute: &'static Binary<T>) -> Result<File> {
        // SAFETY: The name is constant.
        self.named(unsafe { (*attribute.attribute.get()).attr.name })
    }

    /// The file whose constant attribute has this name.
    fn named(&self, name: *const kernel::ffi::c_char) -> Result<File> {
        // SAFETY: The kobject was added, and is not freed while there is a reference to its node;
        // the name is that of a constant attribute.
        let file = unsafe { crate::bindings::kv_sysfs_file(self.kobject.get(), name) };
        // INVARIANT: The reference is given to us.
        NonNull::new(file).map(File).ok_or(ENOENT)
    }
}

/// A file of a directory, to tell of changes. The directory may be gone meanwhile.
///
/// # Invariants
///
/// The pointer is valid, and this value owns a reference.
pub(super) struct File(NonNull<crate::bindings::kernfs_node>);

// SAFETY: References to these nodes may be used and put by any thread.
unsafe impl Send for File {}
// SAFETY: As above.
unsafe impl Sync for File {}

impl File {
    /// Wakes those who wait in `poll` for the file to change. In any context.
    pub(super) fn notify(&self) {
        // SAFETY: By the invariant.
        unsafe { crate::bindings::kv_sysfs_notify(self.0.as_ptr()) };
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: By the invariant the reference is ours.
        unsafe { crate::bindings::kv_sysfs_put(self.0.as_ptr()) };
    }
}

impl<T> Deref for Node<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.entries
    }
}

/// A directory of sysfs. Dropping it removes the directory and waits for readers and writers of
/// its files, so no lock may be held then that they take.
///
/// # Invariants
///
/// The pointer comes from `KBox::into_raw`, its kobject is initialised and has our reference.
pub(super) struct Directory<T: Entries>(NonNull<Node<T>>);

// SAFETY: Kobjects may be used and put by any thread, and the entries are `Send` and `Sync`.
unsafe impl<T: Entries> Send for Directory<T> {}
// SAFETY: As above; `&Directory` gives access to `&T` only.
unsafe impl<T: Entries> Sync for Directory<T> {}

impl<T: Entries> Directory<T> {
    const OPERATIONS: bindings::sysfs_ops = bindings::sysfs_ops {
        show: Some(Self::show),
        store: Some(Self::store),
    };

    const TYPE: bindings::kobj_type = bindings::kobj_type {
        release: Some(Self::release),
        sysfs_ops: &Self::OPERATIONS,
        ..pin_init::zeroed()
    };

    /// Makes the directory `/sys/NAME`. Its files may be used before this returns.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is one already; `ENOMEM`.
    pub(super) fn new(name: &CStr, entries: T) -> Result<Self> {
        Self::under(core::ptr::null_mut(), name, entries)
    }

    fn under(parent: *mut bindings::kobject, name: &CStr, entries: T) -> Result<Self> {
        let object = KBox::into_raw(KBox::new(
            Node {
                kobject: Opaque::zeroed(),
                released: Opaque::uninit(),
                entries,
            },
            GFP_KERNEL,
        )?);
        // SAFETY: The object is ours, zeroed and stays in place until its last reference is put;
        // the type lives for ever; the parent is null or valid; the format takes one string.
        let result = unsafe {
            bindings::init_completion((*object).released.get());
            bindings::kobject_init_and_add(
                (*object).kobject.get(),
                core::ptr::from_ref::<bindings::kobj_type>(&Self::TYPE),
                parent,
                c"%s".as_ptr().cast(),
                name.as_ptr(),
            )
        };
        // INVARIANT: The object came from `KBox::into_raw` and its kobject is initialised, even
        // if it could not be added. Dropping it puts the reference in that case too.
        // SAFETY: `KBox::into_raw` does not return null.
        let directory = Self(unsafe { NonNull::new_unchecked(object) });
        kernel::error::to_result(result)?;
        for attribute in Iterator::chain(T::attributes().iter().copied(), T::table()) {
            // SAFETY: The kobject was added; the attribute lives for ever.
            kernel::error::to_result(unsafe {
                bindings::sysfs_create_file_ns(
                    (*object).kobject.get(),
                    attribute.attribute.get(),
                    core::ptr::null(),
                )
            })?;
        }
        for binary in T::binaries() {
            // SAFETY: As above.
            kernel::error::to_result(unsafe {
                bindings::sysfs_create_bin_file((*object).kobject.get(), binary.attribute.get())
            })?;
        }
        // SAFETY: The kobject was added.
        unsafe {
            bindings::kobject_uevent((*object).kobject.get(), bindings::kobject_action_KOBJ_ADD)
        };
        Ok(directory)
    }

    /// # Safety
    ///
    /// The kobject must be that of a `Node<T>`, and the attribute that of an `Attribute<T>`.
    unsafe fn parts<'a>(
        kobject: *mut bindings::kobject,
        attribute: *mut bindings::attribute,
    ) -> (&'a Node<T>, &'a Attribute<T>) {
        // SAFETY: The kobject comes first in its node and the attribute in its `Attribute`, so
        // the pointers are theirs too. Both are valid during the call in which they were given.
        unsafe {
            (
                &*kobject.cast::<Node<T>>(),
                &*attribute.cast::<Attribute<T>>(),
            )
        }
    }

    unsafe extern "C" fn show(
        kobject: *mut bindings::kobject,
        attribute: *mut bindings::attribute,
        page: *mut kernel::ffi::c_char,
    ) -> isize {
        // SAFETY: These operations are only given to kobjects and attributes of these types.
        let (node, attribute) = unsafe { Self::parts(kobject, attribute) };
        // SAFETY: sysfs gives a whole page, zeroed, for the text.
        let page = unsafe { core::slice::from_raw_parts_mut(page.cast::<u8>(), PAGE_SIZE) };
        let mut text = Formatter::new(page.get_mut(..LONGEST).unwrap_or_default());
        match attribute.show(node, &mut text) {
            // A part of a value is another value. The formatter counts what it had no room for.
            _ if text.bytes_written() > LONGEST => EOVERFLOW.to_errno() as isize,
            Ok(()) => text.bytes_written() as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    unsafe extern "C" fn store(
        kobject: *mut bindings::kobject,
        attribute: *mut bindings::attribute,
        text: *const kernel::ffi::c_char,
        len: usize,
    ) -> isize {
        // SAFETY: These operations are only given to kobjects and attributes of these types.
        let (node, attribute) = unsafe { Self::parts(kobject, attribute) };
        // SAFETY: sysfs gives `len` bytes that were written.
        let text = unsafe { core::slice::from_raw_parts(text.cast::<u8>(), len) };
        let stored = match &attribute.functions {
            Functions::Own(_, None) | Functions::Row(_, _, None) => Err(EIO),
            _ if len > LONGEST => Err(node.too_long()),
            Functions::Own(_, Some(store)) => store(node, text),
            Functions::Row(row, _, Some(store)) => store(node, *row, text),
        };
        match stored {
            Ok(()) => len as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    unsafe extern "C" fn release(kobject: *mut bindings::kobject) {
        // SAFETY: The type is only given to kobjects that come first in a `Node<T>`, whose
        // owner waits for this before it frees the object.
        unsafe { bindings::complete_all((*kobject.cast::<Node<T>>()).released.get()) };
    }
}

impl<T: Entries> Deref for Directory<T> {
    type Target = Node<T>;

    fn deref(&self) -> &Node<T> {
        // SAFETY: By the invariant the node is valid, and nodes are only ever shared.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Entries> Drop for Directory<T> {
    fn drop(&mut self) {
        let object = self.0.as_ptr();
        // SAFETY: By the invariant the kobject is initialised and has our reference. When it has
        // been released no one but us knows the object, which came from `KBox::into_raw`.
        unsafe {
            bindings::kobject_del((*object).kobject.get());
            bindings::kobject_put((*object).kobject.get());
            bindings::wait_for_completion((*object).released.get());
            drop(KBox::from_raw(object));
        }
    }
}
